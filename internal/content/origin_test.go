package content

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const dated = `---
id: a
title: A
publisher: P
edition: May 2026
language: en-GB
prefix: aa
review-by: 2026-06-30
links:
  Old:
    edition: an earlier one
    confirmed-on: 2025-06-30
  Fresh:
    confirmed-on: 2026-06-29
  Never:
    edition: an earlier one
---

## 01. Links

[Old](https://old.example), [Fresh](https://fresh.example), and

- [Never](https://never.example), [Bare](https://bare.example)
- [Never](https://never.example) once more
`

func day(t testing.TB, s string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func originsOf(t testing.TB, src string, today time.Time) []Origin {
	t.Helper()
	origins, err := Origins(fstest.MapFS{"a.md": {Data: []byte(src)}}, today)
	if err != nil {
		t.Fatal(err)
	}
	return origins
}

func TestOverdueNamesFileLineAndWhatToDo(t *testing.T) {
	const never, bare = "a.md:15: nobody has confirmed the link \"Never\"; ", "a.md:23: nobody has confirmed the link \"Bare\"; "
	for _, tt := range []struct {
		today string
		want  []string
	}{
		{"2026-06-30", []string{never, bare}}, // the last day of both the year and the review
		{"2026-07-01", []string{"a.md:8: the briefing was to be reviewed by 2026-06-30; ", "a.md:12: nobody has confirmed the link \"Old\" since 2025-06-30, more than a year ago; ", never, bare}},
	} {
		// In the afternoon as at midnight.
		for _, today := range []time.Time{day(t, tt.today), day(t, tt.today).Add(15 * time.Hour)} {
			var got []string
			for _, f := range Overdue(originsOf(t, dated, today), today) {
				told, do, _ := strings.Cut(f.String(), "; ")
				if !strings.Contains(do, "write ") {
					t.Errorf("%q does not say what to do", f)
				}
				got = append(got, told+"; ")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("on %s (-want +got):\n%s", today, diff)
			}
		}
	}
}

func TestLinkNotesReplaceTheOldOnesWithoutLoss(t *testing.T) {
	today := day(t, "2026-07-01")
	o := originsOf(t, dated, today)[0]
	got := LinkNotes(o, func(l LinkOrigin) bool { return l.Label == "Never" || l.Label == "Bare" }, today)
	const want = `links:
  Old:
    edition: an earlier one
    confirmed-on: 2025-06-30
  Fresh:
    confirmed-on: 2026-06-29
  Never:
    edition: an earlier one
    confirmed-on: 2026-07-01
  Bare:
    confirmed-on: 2026-07-01
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := LinkNotes(o, func(LinkOrigin) bool { return false }, today); got != "" {
		t.Errorf("where none was confirmed: %q", got)
	}
}

// FuzzLinkNotes wants what is printed for an author to read back as what was
// known, whatever the words of a link and its edition.
func FuzzLinkNotes(f *testing.F) {
	for _, s := range []string{"Watering guide", "a: b", "- x", "#1", "'", `"`, "null", "5", "2026-01-01", "{a}", "yes", "a\\b", "?", "&a", "*a", "!x", "|", "é · –", "~", "1e3", "0x1F", ".inf", "<<", "@", "`", "%", "=", "a #b", "on", "key:"} {
		f.Add(s, s)
	}
	today := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	escape := func(s string) string { // every sign that Markdown knows stands for itself
		var b strings.Builder
		for _, r := range s {
			if r < 0x80 && strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
		return b.String()
	}
	f.Fuzz(func(t *testing.T, label, edition string) {
		head, _, _ := strings.Cut(dated, "links:\n")
		body := "---\n\n## 01. Links\n\nSee [" + escape(label) + "](https://a.example).\n"
		origins, err := Origins(fstest.MapFS{"a.md": {Data: []byte(head + body)}}, today)
		if err != nil || len(origins[0].Links) != 1 {
			return // no words of a link, such as a space
		}
		o := origins[0]
		o.Links[0].Link.Edition = edition
		notes := LinkNotes(o, func(LinkOrigin) bool { return true }, today)
		again, err := Origins(fstest.MapFS{"a.md": {Data: []byte(head + notes + body)}}, today)
		if err != nil {
			if !inFrontMatter(edition) || !inFrontMatter(o.Links[0].Label) {
				return // what no front matter can hold was put there by this test alone
			}
			t.Fatalf("%v\n%s", err, notes)
		}
		if got := again[0].Links[0]; !got.Link.ConfirmedOn.Equal(today) || got.Label != o.Links[0].Label || got.Link.Edition != strings.Join(strings.Fields(edition), " ") {
			t.Errorf("%q (%q) reads back as %+v\n%s", label, edition, got, notes)
		}
	})
}

// inFrontMatter reports whether a text can come out of a file: on one line, of
// characters that can be seen, and not too long.
func inFrontMatter(s string) bool {
	return s == strings.ToValidUTF8(s, "") && len(s) <= maxValue && (s == "" || strings.TrimSpace(s) != "") && !strings.ContainsFunc(s, isInvisible)
}
