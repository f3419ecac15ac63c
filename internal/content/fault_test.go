package content

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
)

// plain is a small briefing without faults, which the cases of faults start from.
const plain = `---
id: fire-safety
title: Fire safety
publisher: Testshire
edition: March 2026
language: en-GB
prefix: fs
review-by: 2027-04-30
sections:
  1:
    kind: context
    slug: exits
    synonyms: [doors, ways out]
  2:
    kind: questions
links:
  the guide:
    edition: March 2025
    confirmed-on: 2026-03-01
---

## 01. Ways out

Read [the guide](https://example.org/guide) first.

## 02. Questions

### Practice reflection

- Where is the nearest exit?
`

const bulletSlip = "this looks like a bullet from another program; start it with a hyphen and a space, and leave an empty line above the first"

// edit is plain with replacements: old, new, old, new and so on. Each old must
// be there once, so that a case cannot lose its point.
func edit(t testing.TB, pairs ...string) string {
	t.Helper()
	s := plain
	for i := 0; i < len(pairs); i += 2 {
		if n := strings.Count(s, pairs[i]); n != 1 {
			t.Fatalf("%q is %d times in the base file, want once", pairs[i], n)
		}
		s = strings.Replace(s, pairs[i], pairs[i+1], 1)
	}
	return s
}

func folder(files ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		m[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return m
}

// faultLines are the faults of a folder, one on a line; none if it loads.
func faultLines(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	lib, err := Load(fsys)
	if err == nil {
		return nil
	}
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("Load returned %T (%v), want Faults", err, err)
	}
	if lib != nil {
		t.Error("Load returned a library together with faults")
	}
	return strings.Split(faults.Error(), "\n")
}

func TestFaultsOfFrontMatterSayWhereAndWhatToDo(t *testing.T) {
	missing := []string{
		`fire.md:1: front matter has no id; add a line like "id: domestic-abuse"`,
		`fire.md:1: front matter has no title; add a line like "title: the briefing's title"`,
		`fire.md:1: front matter has no publisher; add a line like "publisher: LLR SCP"`,
		`fire.md:1: front matter has no edition; add a line like "edition: April 2025"`,
		`fire.md:1: front matter has no language; add a line like "language: en-GB"`,
		`fire.md:1: front matter has no prefix; add a line like "prefix: da"`,
	}
	_, body, _ := strings.Cut(plain, "\n---\n")
	long := strings.Repeat("x", 201)
	for _, c := range []struct {
		name string
		edit []string // of plain
		file string   // instead of edit
		want []string
	}{
		{
			name: "no front matter", file: "## 01. Ways out\n\nText.\n",
			want: []string{`fire.md:1: has no front matter; start the file with a line ---, then id, title and so on, as _template.md does`},
		},
		{
			name: "empty file", file: "\n",
			want: []string{`fire.md:1: has no front matter; start the file with a line ---, then id, title and so on, as _template.md does`},
		},
		{
			name: "unterminated", edit: []string{"2026-03-01\n---\n", "2026-03-01\n"},
			want: []string{`fire.md:1: front matter does not end; add a line --- below its last line`},
		},
		{
			name: "empty front matter", file: "---\n# nothing yet\n---\n\n## 01. Ways out\n\nText.\n",
			want: []string{`fire.md:1: front matter is empty; add id, title and so on, as in _template.md`},
		},
		{
			name: "a bare colon in a value", edit: []string{"title: Fire safety", "title: Fire: safety"},
			want: []string{`fire.md:3: front matter cannot be read here (mapping value is not allowed in this context); put a value that holds a colon in double quotes, and keep the indents of _template.md`},
		},
		{
			name: "a quotation mark that does not end", edit: []string{"edition: March 2026", "edition: 'March 2026"},
			want: []string{`fire.md:5: front matter cannot be read here (could not find end character of single-quoted text); put a value that holds a colon in double quotes, and keep the indents of _template.md`},
		},
		{
			name: "the end of a YAML document", edit: []string{"prefix: fs\n", "prefix: fs\n...\ntitle: Again\n"},
			want: []string{`fire.md:9: front matter ends above this line, at ...; remove the dots`},
		},
		{
			name: "an invisible character by its number", edit: []string{"edition: March 2026", `edition: "March\u202e 2026"`},
			want: []string{`fire.md:5: holds an invisible character (U+202E); delete it and type the words around it again`},
		},
		{
			name: "a tab", edit: []string{"    slug: exits\n", "\tslug: exits\n"},
			want: []string{"fire.md:12: a tab stands in this line; use spaces in its place"},
		},
		{
			name: "no space behind a colon", edit: []string{"prefix: fs\n", "prefix:fs\n"},
			want: []string{"fire.md:7: put a space behind the colon"},
		},
		{
			name: "curly quotes", edit: []string{"title: Fire safety\n", "title: “Fire: safety”\n"},
			want: []string{"fire.md:3: the quotes are curly; type straight ones, like \"this\""},
		},
		{
			name: "a key twice", edit: []string{"prefix: fs\n", "prefix: fs\ntitle: Again\n"},
			want: []string{`fire.md:8: this line stands there twice (mapping key "title" already defined at [3:1]); remove one of the two`},
		},
		{
			name: "a list in place of keys", file: "---\n- id\n- title\n---\n\n## 01. Ways out\n\nText.\n",
			want: append(missing[:6:6], `fire.md:2: front matter has no entries; write them as in _template.md, or leave it out`),
		},
		{
			name: "every key missing", file: "---\nreview-by: 2027-04-30\n---\n\n## 01. Ways out\n\nText.\n",
			want: missing,
		},
		{
			name: "one key missing", edit: []string{"publisher: Testshire\n", ""},
			want: missing[2:3],
		},
		{
			name: "an unknown key names the nearest", edit: []string{"publisher: Testshire", "publisher: Testshire\nreviewby: 2027-04-30"},
			want: []string{`fire.md:5: "reviewby" is not known in front matter; did you mean "review-by"?`},
		},
		{
			name: "an unknown key that is near none", edit: []string{"publisher: Testshire", "publisher: Testshire\nbackground-colour: red"},
			want: []string{`fire.md:5: "background-colour" is not known in front matter; use one of id, title, publisher, edition, language, prefix, review-by, sections, links`},
		},
		{
			name: "a mistyped key that is also missing", edit: []string{"title: Fire", "Titel: Fire"},
			want: []string{missing[1], `fire.md:3: "Titel" is not known in front matter; did you mean "title"?`},
		},
		{
			name: "an unknown key of a section", edit: []string{"synonyms: [", "synonym: ["},
			want: []string{`fire.md:13: "synonym" is not known in section 1; did you mean "synonyms"?`},
		},
		{
			name: "an unknown key of a link", edit: []string{"confirmed-on:", "confirmed:"},
			want: []string{`fire.md:19: "confirmed" is not known in link "the guide"; did you mean "confirmed-on"?`},
		},
		{
			name: "an empty value", edit: []string{"edition: March 2026", "edition:"},
			want: []string{`fire.md:5: edition is empty; write it after the colon`},
		},
		{
			name: "an empty value in quotes", edit: []string{"edition: March 2026", `edition: " "`},
			want: []string{`fire.md:5: edition is empty; write it after the colon`},
		},
		{
			name: "a list in place of a value", edit: []string{"title: Fire safety", "title: [Fire, safety]"},
			want: []string{`fire.md:3: title is not a piece of text; write it on one line, in double quotes if it holds signs`},
		},
		{
			name: "a very long value", edit: []string{"title: Fire safety", "title: " + long},
			want: []string{`fire.md:3: title is longer than 200 characters; shorten it`},
		},
		{
			name: "a bad id", edit: []string{"id: fire-safety", "id: Fire Safety"},
			want: []string{`fire.md:2: id "Fire Safety" does not fit; use lower-case letters, digits and hyphens, like domestic-abuse`},
		},
		{
			name: "a bad language", edit: []string{"language: en-GB", "language: English"},
			want: []string{`fire.md:6: language "English" does not fit; write it like en-GB`},
		},
		{
			name: "a bad prefix", edit: []string{"prefix: fs", "prefix: /fs"},
			want: []string{`fire.md:7: prefix "/fs" does not fit; use a few lower-case letters, like da`},
		},
		{
			name: "a long prefix", edit: []string{"prefix: fs", "prefix: fire-safety-at-work"},
			want: []string{`fire.md:7: prefix is longer than 16 letters; people type it: use two or three`},
		},
		{
			name: "a date the British way", edit: []string{"2027-04-30", "30/04/2027"},
			want: []string{`fire.md:8: review-by "30/04/2027" is not a date; write it as year, month and day, like 2027-04-30`},
		},
		{
			name: "a day that does not exist", edit: []string{"confirmed-on: 2026-03-01", "confirmed-on: 2026-02-30"},
			want: []string{`fire.md:19: confirmed-on "2026-02-30" is not a date; write it as year, month and day, like 2027-04-30`},
		},
		{
			name: "sections that are no entries", edit: []string{"  2:\n    kind: questions\n", "  2: questions\n"},
			want: []string{`fire.md:14: section 2 has no entries; write them as in _template.md, or leave it out`},
		},
		{
			name: "a section that is not a number", edit: []string{"  2:\n", "  two:\n"},
			want: []string{`fire.md:14: "two" is not the number of a section; write it like 5, and indent kind, slug and synonyms below it`},
		},
		{
			name: "a section described twice", edit: []string{"  2:\n    kind: questions\n", "  2:\n    kind: questions\n  02:\n    slug: ask\n"},
			want: []string{`fire.md:16: section 2 is described twice; keep one of the two`},
		},
		{
			name: "a section that is not in the text", edit: []string{"  2:\n    kind: questions\n", "  2:\n    kind: questions\n  3:\n    kind: resources\n"},
			want: []string{`fire.md:16: there is no section 03 in the text; mend the number, or remove this entry`},
		},
		{
			name: "an unknown kind names the nearest", edit: []string{"kind: context", "kind: contexts"},
			want: []string{`fire.md:11: kind "contexts" is not known; did you mean "context"?`},
		},
		{
			name: "an unknown kind that is near none", edit: []string{"kind: context", "kind: miscellaneous"},
			want: []string{`fire.md:11: kind "miscellaneous" is not known; use one of context, definition, impact, strengths, worries, questions, resources`},
		},
		{
			name: "a bad slug", edit: []string{"slug: exits", "slug: Ways_out"},
			want: []string{`fire.md:12: slug "Ways_out" does not fit; use lower-case letters, digits and hyphens, like what-we-saw`},
		},
		{
			name: "a reserved slug", edit: []string{"slug: exits", "slug: search"},
			want: []string{`fire.md:12: section 01 cannot be called "search", which is a command; give it another slug in the front matter`},
		},
		{
			name: "a slug of digits", edit: []string{"slug: exits", "slug: 2026"},
			want: []string{`fire.md:12: section 01 needs a slug with letters in it; give it one in the front matter`},
		},
		{
			name: "the same slug twice", edit: []string{"kind: questions\n", "kind: questions\n    slug: exits\n"},
			want: []string{`fire.md:16: section 02 has the same slug as section 01, "exits"; give one of them another in the front matter`},
		},
		{
			name: "synonyms that are no list", edit: []string{"[doors, ways out]", "doors, ways out"},
			want: []string{`fire.md:13: synonyms is not a list; write it like synonyms: [risks, concerns]`},
		},
		{
			name: "synonyms that are no words", edit: []string{"[doors, ways out]", "[doors, [ways], ~]"},
			want: []string{
				`fire.md:13: a synonym is not a piece of text; write it on one line, in double quotes if it holds signs`,
				`fire.md:13: a synonym is empty; write it after the colon`,
			},
		},
		{
			name: "a note on a link that is not in the text", edit: []string{"  the guide:\n", "  the giude:\n"},
			want: []string{`fire.md:17: no link in the text has the words "the giude"; did you mean "the guide"?`},
		},
		{
			name: "a note on a link that is near none", edit: []string{"  the guide:\n", "  fire extinguishers:\n"},
			want: []string{`fire.md:17: no link in the text has the words "fire extinguishers"; remove it, or write the link's words exactly as in the text`},
		},
		{
			name: "no sections", file: strings.TrimSuffix(plain, body),
			want: []string{
				`fire.md:10: there is no section 01 in the text; mend the number, or remove this entry`,
				`fire.md:14: there is no section 02 in the text; mend the number, or remove this entry`,
				`fire.md:17: no link in the text has the words "the guide"; remove it, or write the link's words exactly as in the text`,
				`fire.md:21: has no sections; add headings like ## 01. Title with text below them`,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := c.file
			if file == "" {
				file = edit(t, c.edit...)
			}
			if diff := cmp.Diff(c.want, faultLines(t, folder("fire.md", file))); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFaultsOfTheTextSayWhereAndWhatToDo(t *testing.T) {
	const (
		html     = "HTML is not read; use plain Markdown, or write \\< where a < is meant"
		notHTTPS = "does not lead to an https:// address; write its whole address, starting with https://, or remove it"
	)
	for _, c := range []struct {
		name string
		edit []string // of plain
		want []string
	}{
		{
			name: "text outside any section", edit: []string{"\n## 01. Ways out", "\nHello.\n\n- there\n\n## 01. Ways out"},
			want: []string{
				`fire.md:22: this stands outside any section; put a heading like ## 01. Title above it, or remove it`,
				`fire.md:24: this stands outside any section; put a heading like ## 01. Title above it, or remove it`,
			},
		},
		{
			name: "a heading of level 1", edit: []string{"\n## 01. Ways out", "\n# Fire safety\n\n## 01. Ways out"},
			want: []string{`fire.md:22: a heading with one # is not used; the briefing's title stands in the front matter, sections start with ##`},
		},
		{
			name: "an underlined heading", edit: []string{" first.\n", " first.\n\nLifts\n-----\n"},
			want: []string{`fire.md:26: this heading has no number and title; write it like ## 05. Title`},
		},
		{
			name: "a heading level skipped", edit: []string{" first.\n", " first.\n\n#### Lifts\n"},
			want: []string{`fire.md:26: heading level skipped: ## is followed by ###, and there are no others; use ###`},
		},
		{
			name: "a heading without a number", edit: []string{" first.\n", " first.\n\n## Lifts\n\nText.\n"},
			want: []string{`fire.md:26: this heading has no number and title; write it like ## 05. Title`},
		},
		{
			name: "a number without a heading", edit: []string{" first.\n", " first.\n\n## 03.\n\nText.\n"},
			want: []string{`fire.md:26: this heading has no number and title; write it like ## 05. Title`},
		},
		{
			name: "section 00", edit: []string{" first.\n", " first.\n\n## 00. Lifts\n\nText.\n"},
			want: []string{`fire.md:26: sections are numbered from 01; mend the number`},
		},
		{
			name: "a section number twice", edit: []string{" first.\n", " first.\n\n## 1. Lifts\n\nText.\n"},
			want: []string{`fire.md:26: section 01 is already there in line 22; mend one of the two numbers`},
		},
		{
			name: "a section number missing", edit: []string{" first.\n", " first.\n\n## 04. Lifts\n\nText.\n"},
			want: []string{`fire.md:26: there is no section 03 before this one; number the sections from 01 without a gap`},
		},
		{
			name: "the first section number missing", edit: []string{"  1:\n    kind", "  3:\n    kind", "## 01.", "## 03."},
			want: []string{`fire.md:26: there is no section 01 before this one; number the sections from 01 without a gap`},
		},
		{
			name: "a section without content", edit: []string{" first.\n", " first.\n\n## 03. Lifts\n"},
			want: []string{`fire.md:26: section 03 has no text; add at least one line or bullet`},
		},
		{
			name: "a title that is a command", edit: []string{" first.\n", " first.\n\n## 03. Meeting\n\nText.\n"},
			want: []string{`fire.md:26: section 03 cannot be called "meeting", which is a command; give it another slug in the front matter`},
		},
		{
			name: "a title without letters", edit: []string{" first.\n", " first.\n\n## 03. 2026\n\nText.\n"},
			want: []string{`fire.md:26: section 03 needs a slug with letters in it; give it one in the front matter`},
		},
		{
			name: "the same title twice", edit: []string{" first.\n", " first.\n\n## 03. Lifts\n\nText.\n\n## 04. Lifts\n\nText.\n"},
			want: []string{`fire.md:30: section 04 has the same slug as section 03, "lifts"; give one of them another in the front matter`},
		},
		{
			name: "questions without a pool", edit: []string{"### Practice reflection\n\n- Where is the nearest exit?", "Ask yourself where the nearest exit is."},
			want: []string{`fire.md:26: section 02 is of kind questions and has no list of them; add a heading like ### Practice reflection and bullets below it`},
		},
		{
			name: "questions above the first heading", edit: []string{"### Practice reflection\n", "- Who knows the way?\n\n### Practice reflection\n"},
			want: []string{`fire.md:28: these questions stand in no list with a name; add a heading above them, like ### Practice reflection`},
		},
		{
			name: "a pool without questions", edit: []string{"### Practice reflection\n", "### Casework\n\nNone yet.\n\n### Practice reflection\n"},
			want: []string{`fire.md:28: "Casework" has no questions; add bullets below this heading`},
		},
		{
			name: "two pools of one name", edit: []string{"exit?\n", "exit?\n\n### Reflection on practice\n\n- Who knows?\n"},
			want: []string{`fire.md:32: the list of questions "Reflection on practice" would be asked for as "practice", which is taken; change its heading`},
		},
		{
			name: "a pool that is a command", edit: []string{"### Practice reflection\n", "### Random\n"},
			want: []string{`fire.md:28: the list of questions "Random" would be asked for as "random", which is taken; change its heading`},
		},
		{
			name: "a pool that is a word of schedules", edit: []string{"### Practice reflection\n", "### Monday\n"},
			want: []string{`fire.md:28: the list of questions "Monday" would be asked for as "monday", which is taken; change its heading`},
		},
		{
			name: "a question with bullets below it", edit: []string{"exit?\n", "exit?\n  - And the next?\n"},
			want: []string{`fire.md:30: a question of "Practice reflection" has bullets below it; make each question one bullet`},
		},
		{
			name: "a bullet without text", edit: []string{" first.\n", " first.\n\n- one\n-\n- three\n"},
			want: []string{`fire.md:27: this bullet has no text; write it on the same line, or remove it`},
		},
		{
			name: "text below an inner list", edit: []string{" first.\n", " first.\n\n- one\n  - inner\n\n  more\n"},
			want: []string{`fire.md:29: text goes on below an inner list; move it above that list, or make it a bullet of its own`},
		},
		{
			name: "a heading in a bullet", edit: []string{" first.\n", " first.\n\n- words\n\n  ### Lifts\n"},
			want: []string{`fire.md:28: this is not read here; use paragraphs, bullets, emphasis and links`},
		},
		{
			name: "a link that is http", edit: []string{"https://example.org", "http://example.org"},
			want: []string{`fire.md:24: the link "the guide" ` + notHTTPS},
		},
		{
			name: "links that are no web addresses", edit: []string{" first.\n", " first.\n[a](guide.pdf) [b](mailto:fire@example.org)\n[c](javascript:alert) [d](https:///p)\n[e](https://me:secret@example.org)\n"},
			want: []string{
				`fire.md:25: the link "a" ` + notHTTPS, `fire.md:25: the link "b" ` + notHTTPS,
				`fire.md:26: the link "c" ` + notHTTPS, `fire.md:26: the link "d" ` + notHTTPS,
				`fire.md:27: the link "e" ` + notHTTPS,
			},
		},
		{
			name: "an invisible character by its number", edit: []string{" first.\n", " first.\nThen &#2;this&#3;.\n"},
			want: []string{`fire.md:25: holds an invisible character (U+0002); delete it and type the words around it again`},
		},
		{
			name: "bullets pasted from another program", edit: []string{" first.\n", " first.\n\n• one\n• two\n\no three\n\n– four\n\n-\u00a0five\n\nof course\n"},
			want: []string{
				"fire.md:26: " + bulletSlip, "fire.md:27: " + bulletSlip, "fire.md:29: " + bulletSlip, "fire.md:31: " + bulletSlip, "fire.md:33: " + bulletSlip,
			},
		},
		{
			name: "a hyphen without a space", edit: []string{" first.\n", " first.\n\n-one\n"},
			want: []string{"fire.md:26: this looks like a bullet; put a space behind the hyphen"},
		},
		{
			name: "a heading without a space", edit: []string{"### Practice reflection\n", "### Practice reflection\n\n##03. Resources\n"},
			want: []string{"fire.md:30: this looks like a heading; put a space behind the # signs"},
		},
		{
			name: "links that are none", edit: []string{" first.\n", " first.\n[a] (https://example.org)\n[b](https://exa mple.org)\n[c](https://example.org/c)\n"},
			want: []string{
				"fire.md:25: this looks like a link and cannot be read as one; write it as [words](https://address), without spaces around or within the address",
				"fire.md:26: this looks like a link and cannot be read as one; write it as [words](https://address), without spaces around or within the address",
			},
		},
		{
			name: "words struck out", edit: []string{" first.\n", " ~~first~~.\n"},
			want: []string{"fire.md:24: words between ~~ signs are not read; remove the signs"},
		},
		{
			name: "questions whose kind was forgotten", edit: []string{"  2:\n    kind: questions\n", ""},
			want: []string{"fire.md:24: section 02 looks like lists of questions; give it kind: questions in the front matter"},
		},
		{
			name: "a table", edit: []string{" first.\n", " first.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"},
			want: []string{`fire.md:26: a table cannot be shown in chat; write it as a list`},
		},
		{
			name: "a link in a heading", edit: []string{"## 01. Ways out", "## 01. [Ways](https://example.org) out"},
			want: []string{`fire.md:22: a heading cannot hold a link; put the link into the text below it`},
		},
		{
			name: "a bare address without https", edit: []string{" first.\n", " first.\nOr www.example.org, or <http://example.org>.\n"},
			want: []string{`fire.md:25: the link "www.example.org" ` + notHTTPS, `fire.md:25: the link "http://example.org" ` + notHTTPS},
		},
		{
			name: "a link without words", edit: []string{" first.\n", " first.\nOr [](https://example.org).\n"},
			want: []string{`fire.md:25: this link has no words; write it as [words](https://address)`},
		},
		{
			name: "one label for two addresses", edit: []string{" first.\n", " first.\nOr [the guide](https://example.com).\n"},
			want: []string{`fire.md:25: two links have the words "the guide" and different addresses; give one of them other words`},
		},
		{
			name: "an address further down", edit: []string{" first.\n", " first.\nOr [this][1].\n\n[1]: https://example.org/1\n"},
			want: []string{`fire.md:27: a link with its address further down is not read; write it as [words](https://address)`},
		},
		{
			name: "HTML within a line", edit: []string{" first.\n", " first.\nPress <kbd>alarm.\n"},
			want: []string{`fire.md:25: ` + html},
		},
		{
			name: "HTML as a block", edit: []string{" first.\n", " first.\n\n<div>\nAlarm\n</div>\n"},
			want: []string{`fire.md:26: ` + html},
		},
		{
			name: "an HTML comment", edit: []string{" first.\n", " first.\n\n<!-- to do -->\n"},
			want: []string{`fire.md:26: ` + html},
		},
		{
			name: "a picture", edit: []string{" first.\n", " first.\nSee\n![the plan](plan.png) here.\n"},
			want: []string{`fire.md:26: a picture cannot be shown in chat; remove it, and say in words what it shows`},
		},
		{
			name: "words as code", edit: []string{" first.\n", " first.\nPress `alarm`.\n"},
			want: []string{"fire.md:25: words between ` signs are not read; use ** for bold or remove the signs"},
		},
		{
			name: "fenced code", edit: []string{" first.\n", " first.\n\n```\nalarm\n```\n"},
			want: []string{"fire.md:26: ``` is not read; remove it"},
		},
		{
			name: "an indented line", edit: []string{" first.\n", " first.\n\n    alarm\n"},
			want: []string{`fire.md:26: this line is indented by four spaces or more; remove the spaces before it`},
		},
		{
			name: "a quotation", edit: []string{" first.\n", " first.\n\n> alarm\n"},
			want: []string{`fire.md:26: a > at the start of a line is not read; remove it`},
		},
		{
			name: "a dividing line", edit: []string{" first.\n", " first.\n\n---\n"},
			want: []string{`fire.md:26: a dividing line is not read; remove it`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, faultLines(t, folder("fire.md", edit(t, c.edit...)))); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFaultsOfAFileAsAFile(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"not UTF-8", strings.Replace(plain, "nearest", "n\xe9arest", 1), []string{`fire.md:30: is not UTF-8 text; save it again as UTF-8`}},
		{"UTF-16", "\xff\xfe-\x00-\x00-\x00", []string{`fire.md:1: is not UTF-8 text; save it again as UTF-8`}},
		{"a control character", strings.Replace(plain, "nearest", "near\x02est", 1), []string{`fire.md:30: holds an invisible character (U+0002); delete it and type the words around it again`}},
		{"a null byte in front matter", strings.Replace(plain, "Testshire", "Test\x00shire", 1), []string{`fire.md:4: holds an invisible character (U+0000); delete it and type the words around it again`}},
		{"text turned around", strings.Replace(plain, "nearest", "\u202enearest", 1), []string{`fire.md:30: holds an invisible character (U+202E); delete it and type the words around it again`}},
		{"text isolated", strings.Replace(plain, "first.", "\u2066first.", 1), []string{`fire.md:24: holds an invisible character (U+2066); delete it and type the words around it again`}},
		{"over 1 MiB", plain + strings.Repeat("\n", 1<<20-len(plain)+1), []string{`fire.md: is larger than 1 MiB; a briefing is a few pages of text`}},
		{"exactly 1 MiB", plain + strings.Repeat("\n", 1<<20-len(plain)), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, faultLines(t, folder("fire.md", c.file))); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFaultsOfAFolder(t *testing.T) {
	other := edit(t, "id: fire-safety", "id: water-safety", "prefix: fs", "prefix: ws")
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"two that differ", []string{"fire.md", plain, "water.md", other}, nil},
		{"empty", nil, []string{`no briefing here; add a file that ends in .md`}},
		{
			"only files that are left out", []string{"README.md", "x", "readme.MD", "x", "_template.md", "x", ".hidden.md", "x", "notes.txt", "x", "sub/fire.md", plain},
			[]string{`no briefing here; add a file that ends in .md`},
		},
		{"the same prefix twice", []string{"a.md", plain, "b.md", edit(t, "id: fire-safety", "id: other")}, []string{`b.md:7: prefix "fs" is taken by a.md; choose another`}},
		{"the same file twice", []string{"a.md", plain, "b.md", plain}, []string{
			`b.md:2: id "fire-safety" is taken by a.md; choose another`,
			`b.md:7: prefix "fs" is taken by a.md; choose another`,
		}},
		{"faults in two files come in order", []string{"b.md", "x", "a.md", edit(t, "2027-04-30", "soon"), "c.md", other}, []string{
			`a.md:8: review-by "soon" is not a date; write it as year, month and day, like 2027-04-30`,
			`b.md:1: has no front matter; start the file with a line ---, then id, title and so on, as _template.md does`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, faultLines(t, folder(c.files...))); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllFaultsComeAtOnceInOrderOfLine(t *testing.T) {
	file := edit(
		t,
		"edition: March 2026", "editon: March 2026",
		"2027-04-30", "next year",
		"kind: context", "kind: contex",
		"https://example.org/guide) first.", "http://example.org/guide) first.\n\n<b>Now.",
		"- Where is the nearest exit?\n", "",
	)
	want := []string{
		`fire.md:1: front matter has no edition; add a line like "edition: April 2025"`,
		`fire.md:5: "editon" is not known in front matter; did you mean "edition"?`,
		`fire.md:8: review-by "next year" is not a date; write it as year, month and day, like 2027-04-30`,
		`fire.md:11: kind "contex" is not known; did you mean "context"?`,
		`fire.md:24: the link "the guide" does not lead to an https:// address; write its whole address, starting with https://, or remove it`,
		`fire.md:26: HTML is not read; use plain Markdown, or write \< where a < is meant`,
		`fire.md:30: "Practice reflection" has no questions; add bullets below this heading`,
	}
	if diff := cmp.Diff(want, faultLines(t, folder("fire.md", file))); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestAddressesAreReadAsARendererWould(t *testing.T) {
	lib, err := Load(folder("fire.md", edit(t, " first.\n", " first.\n\n[a](https://example.org/?a=1&amp;b=2) [b](https://example.org/a\\_b)\n")))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range lib[0].Sections[0].Blocks[1].(briefing.Paragraph).Text {
		if s.Link != nil {
			got = append(got, s.Link.URL)
		}
	}
	if diff := cmp.Diff([]string{"https://example.org/?a=1&b=2", "https://example.org/a_b"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFencesMayEndInSpacesOrEndTheFile(t *testing.T) {
	if _, err := Load(folder("fire.md", edit(t, "---\nid:", "--- \nid:", "---\n\n## 01", "---\t\n\n## 01"))); err != nil {
		t.Error(err)
	}
	_, err := Load(folder("fire.md", strings.TrimSuffix(strings.SplitAfter(plain, "confirmed-on: 2026-03-01\n---\n")[0], "\n")))
	if err == nil || strings.Contains(err.Error(), "front matter") {
		t.Errorf("a file that ends at the fence: %v", err)
	}
}

func TestEveryGapInTheNumbersIsNamed(t *testing.T) {
	got := faultLines(t, folder("fire.md", strings.Replace(edit(t, "## 02. Questions", "## 03. Questions", "\n  2:\n", "\n  3:\n"), "## 01.", "## 05. More\n\nText.\n\n## 01.", 1)))
	want := []string{
		"fire.md:22: there is no section 04 before this one; number the sections from 01 without a gap",
		"fire.md:30: there is no section 02 before this one; number the sections from 01 without a gap",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSectionOfHeadingsAloneHasNoText(t *testing.T) {
	got := faultLines(t, folder("fire.md", edit(t, "Read [the guide](https://example.org/guide) first.", "### Read", "links:\n  the guide:\n    edition: March 2025\n    confirmed-on: 2026-03-01\n", "")))
	if diff := cmp.Diff([]string{"fire.md:18: section 01 has no text; add at least one line or bullet"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDateOfConfirmationIsNotInTheFuture(t *testing.T) {
	today := time.Date(2026, 2, 28, 12, 0, 0, 0, time.UTC)
	_, err := LoadOn(folder("fire.md", plain), today)
	want := "fire.md:19: confirmed-on 2026-03-01 is in the future; write the day on which somebody opened the link"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := LoadOn(folder("fire.md", plain), today.AddDate(0, 0, 1)); err != nil {
		t.Errorf("on the day itself: %v", err)
	}
}

func TestFileThatWindowsNamedAnewIsNotPassedOverInSilence(t *testing.T) {
	got := faultLines(t, folder("fire.md", plain, "flood.md.txt", plain, "wind.markdown", plain, "notes.txt", "x"))
	want := []string{
		"flood.md.txt: is left out because of its ending; rename it so that it ends in .md",
		"wind.markdown: is left out because of its ending; rename it so that it ends in .md",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
