package bot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/content"
)

// formOf is the form in a message.
func formOf(m *briefing.Message) briefing.Form {
	for _, b := range m.Blocks {
		if f, ok := b.(briefing.Form); ok {
			return f
		}
	}
	return briefing.Form{}
}

// chosen is what the fields of a form hold at first.
func chosen(f briefing.Form) []string {
	var out []string
	for _, field := range f.Fields {
		out = append(out, field.Value)
	}
	return out
}

// file is a briefing with the pools given, each with two questions.
func file(id, prefix, title string, pools ...string) *fstest.MapFile {
	var b strings.Builder
	fmt.Fprintf(&b, "---\nid: %s\ntitle: %q\npublisher: P\nedition: E\nlanguage: en-GB\nprefix: %s\n", id, title, prefix)
	b.WriteString("sections:\n  1:\n    kind: questions\n---\n\n## 01. Questions\n\nText.\n")
	for _, pool := range pools {
		fmt.Fprintf(&b, "\n### %s:\n\n- What of %s and %s?\n- And then %s and %s?\n", pool, pool, id, pool, id)
	}
	return &fstest.MapFile{Data: []byte(b.String())}
}

// withCases has a briefing of casework questions alone, too.
func withCases() fstest.MapFS {
	files := several()
	files["cases.md"] = file("cases", "cs", "Cases", "Questions in casework")
	return files
}

// several is briefings whose names and pools are easily taken for other words.
func several() fstest.MapFS {
	return fstest.MapFS{
		"neglect.md":  file("neglect", "neg", "Neglect: practice on Monday", "Practice reflection", "Questions for supervision"),
		"bruising.md": file("under-ones", "bb", "Bruising", "Questions in casework", "Next steps"),
		"none.md":     {Data: []byte("---\nid: none\ntitle: None\npublisher: P\nedition: E\nlanguage: en-GB\nprefix: no\n---\n\n## 01. Text\n\nText.\n")},
	}
}

func TestFormEndsInExactlyWhatWasChosen(t *testing.T) {
	x := newTeam(t, several(), nil)
	form := formOf(x.message("/reflection set up"))
	if len(form.Fields) != 7 {
		t.Fatalf("%d fields", len(form.Fields))
	}
	const often, day, at, pool, of, holidays, notification = 0, 1, 2, 3, 4, 5, 6
	times := []string{"00:00", "09:30", "12:05", "23:59"}
	zones := []string{"Europe/London", "America/New_York", "Etc/GMT+1", "America/Port-au-Prince", "Asia/Ho_Chi_Minh", "UTC"}
	tried, kept := 0, 0
	var choose func([]string)
	choose = func(values []string) {
		if i := len(values); i < len(form.Fields) {
			options := form.Fields[i].Options
			if len(options) == 0 {
				options = []briefing.Option{{Value: times[tried%len(times)]}}
			}
			for _, o := range options {
				choose(append(values[:i:i], o.Value))
			}
			return
		}
		form.Rest = zones[tried%len(zones)]
		tried++
		text := form.CommandOf(values)
		cmd := x.table.Parse(briefing.NewPrivate(text))
		if cmd.Fault != 0 || cmd.Schedule == nil {
			t.Fatalf("%s: fault %d", text, cmd.Fault)
		}
		want := briefing.Subscription{Channel: x.req.Channel, Rule: briefing.Rule{Every: 1, Zone: form.Rest}, Holidays: briefing.NoRegion}
		if values[often] == "fortnightly" {
			want.Rule.Every = 2
		}
		for d := range 7 {
			if strings.EqualFold(time.Weekday(d).String(), values[day]) {
				want.Rule.Day = time.Weekday(d)
			}
		}
		fmt.Sscanf(values[at], "%02d:%02d", &want.Rule.Hour, &want.Rule.Minute)
		if values[pool] != "both" {
			want.Pool = values[pool]
		}
		if values[of] != "all" {
			want.Briefing = values[of]
		}
		for _, r := range briefing.Regions {
			if values[holidays] == "holidays "+string(r) {
				want.Holidays = r
			}
		}
		want.Neutral = values[notification] == "preview neutral"

		_ = x.store.Remove(context.Background(), x.req.Channel)
		reply := x.say(text)
		if len(content.Candidates(x.lib, want.Briefing, want.Pool)) == 0 {
			if _, err := x.store.Subscription(context.Background(), x.req.Channel); !errors.Is(err, briefing.ErrNoSubscription) || !strings.Contains(reply, "There are no such questions.") {
				t.Fatalf("%s: %v\n%s", text, err, reply)
			}
			return
		}
		kept++
		got := x.sub()
		now := got
		now.NextSlot, now.Rule.From = briefing.Slot{}, ""
		if diff := cmp.Diff(want, now); diff != "" {
			t.Fatalf("%s: %s", text, diff)
		}
		if tried%7 != 0 { // each day and pool comes often enough
			return
		}
		again := formOf(x.message("/reflection set up"))
		x.say(again.CommandOf(chosen(again)))
		if diff := cmp.Diff(got, x.sub()); diff != "" {
			t.Fatalf("%s, submitted as it was: %s", text, diff)
		}
	}
	choose(nil)
	if tried < 2500 || kept < tried/3 {
		t.Errorf("%d combinations, of which %d were kept", tried, kept)
	}
}

func TestFormSubmittedAsItWasChangesNothing(t *testing.T) {
	for _, typed := range [][]string{
		{weekly}, {"fortnightly friday 2pm America/New_York both holidays northern ireland preview neutral"},
		{weekly, "skip"}, {"weekly monday 09:30 holidays include neglect", "skip"},
	} {
		x := newTeam(t, several(), nil)
		for _, text := range typed {
			x.say("/reflection " + strings.TrimPrefix(text, "/reflection "))
		}
		x.now = x.now.Add(26 * time.Hour)
		was := x.sub()
		form := formOf(x.message("/reflection set up"))
		x.say(form.CommandOf(chosen(form)))
		if diff := cmp.Diff(was, x.sub()); diff != "" {
			t.Errorf("%v: %s", typed, diff)
		}
	}
}

func TestFormChoosesNothingInPlaceOfWhatIsNoLongerThere(t *testing.T) {
	x := newTeam(t, several(), nil)
	x.say(weekly)
	sub := x.sub()
	sub.Pool, sub.Briefing = "gone", "gone-too"
	x.store.Put(sub)
	for _, f := range formOf(x.message("/reflection set up")).Fields {
		if wrong := f.Value == ""; wrong != (f.Label == "Questions" || f.Label == "Briefing") {
			t.Errorf("%s: %q", f.Label, f.Value)
		}
	}
	// Every other value is one of the field's own.
	x.say(weekly)
	for _, f := range formOf(x.message("/reflection set up")).Fields {
		if len(f.Options) > 0 && f.Chosen() == f.Value {
			t.Errorf("%s: %q is no option", f.Label, f.Value)
		}
	}
}

func TestCaseworkIsAskedOnlyWhereATeamWantsIt(t *testing.T) {
	for _, c := range []struct {
		typed, pool, reply string
	}{
		{"", briefing.Practice, "a practice question"},
		{" casework", briefing.Casework, "Casework questions invite details of cases"},
		{" both", "", "a question on practice or casework"},
		{" da both", "", "Casework questions invite details of cases"},
		{" neglect both", "", "gets a question from"},
		{" neglect questions-for-supervision", "questions-for-supervision", "a question of the list “Questions for supervision” from “Neglect: practice on Monday”"},
		{" neglect casework", "-", "There are no such questions."},
		{" under-ones", "next-steps", "a question of the list “Next steps” from “Bruising”"},
		{" under-ones casework", briefing.Casework, "Casework questions invite details of cases"},
		{" cases", "-", "There are casework questions alone."},
		{" none", "-", "There are no such questions."},
	} {
		x := newTeam(t, withCases(), nil)
		reply := x.say(weekly + c.typed)
		if !strings.Contains(reply, c.reply) {
			t.Errorf("%q: %q is not in\n%s", c.typed, c.reply, reply)
		}
		if note := strings.Contains(reply, "invite details of cases"); note != (c.pool == briefing.Casework || c.typed == " both" || c.typed == " da both" || c.typed == " cases") {
			t.Errorf("%q:\n%s", c.typed, reply)
		}
		if c.pool == "-" {
			if !strings.Contains(reply, "Nothing was changed.") {
				t.Errorf("%q:\n%s", c.typed, reply)
			}
		} else if sub := x.sub(); sub.Pool != c.pool {
			t.Errorf("%q: pool %q", c.typed, sub.Pool)
		}
	}
}

func TestLibraryWithoutPracticeQuestionsHasAFormThatWorks(t *testing.T) {
	lib, err := content.Load(fstest.MapFS{"bruising.md": several()["bruising.md"]})
	if err != nil {
		t.Fatal(err)
	}
	x := teamOf(t, lib, func(w *bot.Weekly) { w.Zone = "Europe/Paris" })
	form := formOf(x.message("/reflection set up"))
	x.say(form.CommandOf(chosen(form)))
	if sub := x.sub(); sub.Pool != "next-steps" || sub.Rule.Zone != "Europe/Paris" {
		t.Errorf("got %+v", sub)
	}
}
