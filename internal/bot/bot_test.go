package bot

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
	"briefingbot/prompts"
)

const footer = "Our own footer."

func newBot(t *testing.T) (*Bot, *observer.ObservedLogs) {
	t.Helper()
	lib, err := content.Load(prompts.FS)
	if err != nil {
		t.Fatal(err)
	}
	return botOf(t, lib)
}

func botOf(t *testing.T, lib briefing.Library) (*Bot, *observer.ObservedLogs) {
	t.Helper()
	finder, err := content.Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = finder.Close() }) // a test closes it earlier
	core, logs := observer.New(zap.DebugLevel)
	return New(lib, finder, Config{Footer: footer}, zap.New(core)), logs
}

func ask(b *Bot, text string) *briefing.Message {
	return b.Respond(context.Background(), briefing.Request{Platform: briefing.Terminal, Text: briefing.NewPrivate(text)})
}

func TestSectionIsShownWordForWord(t *testing.T) {
	b, _ := newBot(t)
	for _, br := range b.current.Load().lib {
		for i := range br.Sections {
			s := &br.Sections[i]
			m := ask(b, sectionCommand(br, s))
			if h := m.Blocks[0].(briefing.Heading); h.Ours || h.Text != s.Heading() {
				t.Errorf("section %d has the heading %+v", s.Number, h)
			}
			for j, block := range s.Blocks {
				if got, want := theirs(m.Blocks[j+1]), theirs(block); got != want {
					t.Errorf("section %d: got %q, want %q", s.Number, got, want)
				}
			}
		}
	}
}

// theirs is the words of a block that are not ours.
func theirs(b briefing.Block) string {
	var out strings.Builder
	add := func(t briefing.Text) {
		for _, s := range t {
			if !s.Ours {
				out.WriteString(s.Text)
			}
		}
	}
	switch b := b.(type) {
	case briefing.Paragraph:
		add(b.Text)
	case briefing.Subheading:
		out.WriteString(b.Text)
	case briefing.List:
		for _, item := range b.Items {
			fmt.Fprintf(&out, "\n%d %d ", item.Depth, item.Number)
			add(item.Text)
		}
	}
	return out.String()
}

func TestEveryReplyHasTheFooterAndBriefingTextHasItsSource(t *testing.T) {
	b, _ := newBot(t)
	replies := b.Fixed()
	for _, text := range []string{"/da-briefing search children", "/da-briefing search zzzz", "/da-briefing zzzz", "/da-briefing findings",
		"/da-questions zzzz", "/da-questions random", "/nothing"} {
		replies = append(replies, ask(b, text))
	}
	for _, m := range replies {
		var sources, footers, theirs int
		for _, block := range m.Blocks {
			switch block := block.(type) {
			case briefing.Footer:
				footers++
				if block.Text != footer {
					t.Errorf("footer %q", block.Text)
				}
			case briefing.Source:
				sources++
				if !strings.HasPrefix(block.Text, "LLR SCP · Links updated April 2025") {
					t.Errorf("source %q", block.Text)
				}
			case briefing.Heading:
				if !block.Ours {
					theirs++
				}
			case briefing.Paragraph, briefing.Subheading:
				theirs++
			}
		}
		if footers != 1 || theirs > 0 && sources == 0 {
			t.Errorf("%d footers and %d sources on:\n%s", footers, sources, m.Plain())
		}
	}
}

func TestEveryButtonLeadsToAReply(t *testing.T) {
	b, _ := newBot(t)
	r, replies := b.current.Load(), b.Fixed()
	for _, text := range []string{"/da-briefing search children", "/da-briefing meetng", "/da-briefing findings", "/da-questions zzzz"} {
		replies = append(replies, ask(b, text))
	}
	pressed := 0
	for _, m := range replies {
		for _, block := range m.Blocks {
			row, ok := block.(briefing.Buttons)
			if !ok {
				continue
			}
			for _, button := range row.Buttons {
				pressed++
				cmd := r.table.Parse(briefing.NewPrivate(button.Command))
				if cmd.Verb == command.Unknown {
					t.Errorf("button %q says %q, which is no command", button.Label, button.Command)
				}
				if reply := ask(b, button.Command); strings.HasPrefix(reply.Plain(), "No ") {
					t.Errorf("button %q says %q, and the reply is %q", button.Label, button.Command, reply.Plain())
				}
				if button.Share != nil && r.seen(ask(b, button.Command), true) != r.seen(m, true) {
					t.Errorf("%q would share another reply than the one it stands under", button.Command)
				}
			}
		}
	}
	if pressed < 100 {
		t.Errorf("only %d buttons", pressed)
	}
}

func TestWhereOthersSeeItCaseworkIsSentToAPersonalChat(t *testing.T) {
	b, _ := newBot(t)
	both := func(text string) (private, public string) {
		req := briefing.Request{Platform: briefing.Teams, Text: briefing.NewPrivate(text)}
		private = b.Respond(context.Background(), req).Plain()
		req.Public = true
		return private, b.Respond(context.Background(), req).Plain()
	}
	for _, text := range []string{"/da-questions", "/da-questions casework", "/da-questions casework 2", "/da-briefing questions", "/da-briefing all", "/da-questions random casework"} {
		private, public := both(text)
		if strings.Contains(private, "personal chat") || strings.Count(public, "better asked in a personal chat") != 1 {
			t.Errorf("%s:\n%s\n---\n%s", text, private, public)
		}
	}
	for _, text := range []string{"/da-questions practice", "/da-briefing worries", "/da-briefing", "/briefings"} {
		if private, public := both(text); private != public {
			t.Errorf("%s differs where others see it:\n%s", text, public)
		}
	}
	for _, text := range []string{"/briefings help", "/da-briefing help", "/no-such"} {
		private, public := both(text)
		if !strings.Contains(private, "Only you see a reply") || !strings.Contains(public, "Everyone here sees a reply") || strings.Contains(public, "Only you") {
			t.Errorf("%s:\n%s\n---\n%s", text, private, public)
		}
	}
}

func TestUsualRepliesAreThoseThatParsingGives(t *testing.T) {
	b, _ := newBot(t)
	r := b.current.Load()
	if _, ok := r.usual["/da-briefing worries"]; !ok || len(r.usual) < 20 {
		t.Errorf("only %d usual replies", len(r.usual))
	}
	for text, u := range r.usual {
		m, err := r.answer(r.table.Parse(briefing.NewPrivate(text)))
		if err != nil || m != u.reply {
			t.Errorf("%q: another reply, or %v", text, err)
		}
	}
}

func TestReplyEchoesNothingThatWasTyped(t *testing.T) {
	b, logs := newBot(t)
	const name = "Kayleighxyz"
	for _, text := range []string{name, "/" + name, "/da-briefing " + name, "/da-briefing worries " + name, "/da-briefing search " + name,
		"/da-briefing search children " + name, "/da-questions " + name, "/da-questions random " + name, "/da-questions casework " + name,
		"/briefings " + name, "/briefings search " + name, "/da-briefing meeting " + name, "/da-briefing help " + name} {
		if m := ask(b, text); strings.Contains(strings.ToLower(fmt.Sprintf("%+v", m.Blocks)), strings.ToLower(name)) {
			t.Errorf("the reply to %q repeats it:\n%s", text, m.Plain())
		}
	}
	for _, entry := range logs.All() {
		if strings.Contains(strings.ToLower(fmt.Sprint(entry.Message, entry.ContextMap())), strings.ToLower(name)) {
			t.Errorf("logged: %v %v", entry.Message, entry.ContextMap())
		}
	}
}

func TestFailureIsASentenceForThePersonAndOneLineForTheOperator(t *testing.T) {
	b, logs := newBot(t)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"/da-briefing search Kayleighxyz", "/da-briefing Kayleighxyz"} {
		logs.TakeAll()
		m := ask(b, text)
		if !strings.Contains(m.Plain(), "something went wrong") {
			t.Errorf("reply:\n%s", m.Plain())
		}
		entries := logs.TakeAll()
		if len(entries) != 1 || entries[0].Level != zap.ErrorLevel || strings.Contains(fmt.Sprint(entries[0].ContextMap()), "Kayleigh") {
			t.Errorf("logged %+v", entries)
		}
	}
}

func TestPanicIsAnsweredAndItsValueIsNotLogged(t *testing.T) {
	b, logs := newBot(t)
	b.draw = func(int) int { panic("Kayleighxyz") }
	m := ask(b, "/da-questions random")
	if !strings.Contains(m.Plain(), "something went wrong") {
		t.Errorf("reply:\n%s", m.Plain())
	}
	entries := logs.TakeAll()
	if len(entries) != 1 || entries[0].Level != zap.ErrorLevel {
		t.Fatalf("logged %+v", entries)
	}
	if strings.Contains(fmt.Sprint(entries[0].ContextMap()), "Kayleigh") {
		t.Errorf("logged %v", entries[0].ContextMap())
	}
}

func TestRandomDrawsFromEveryQuestionOfThePoolOrOfAll(t *testing.T) {
	b, _ := newBot(t)
	for text, want := range map[string]int{"/da-questions random": 9, "/da-questions random practice": 4, "/da-questions random casework": 5} {
		seen := map[*briefing.Message]bool{}
		for n := range want {
			b.draw = func(total int) int {
				if total != want {
					t.Errorf("%q draws from %d questions, want %d", text, total, want)
				}
				return n
			}
			seen[ask(b, text)] = true
		}
		if len(seen) != want {
			t.Errorf("%q gives %d different questions, want %d", text, len(seen), want)
		}
	}
}

func TestUnconfirmedLinksAreMarkedAndConfirmedOnesDated(t *testing.T) {
	b, _ := newBot(t)
	plain := ask(b, "/da-briefing resources").Plain()
	if n := strings.Count(plain, "⚠️ not confirmed (link from the earlier edition)"); n != 4 {
		t.Errorf("%d links are marked, want 4:\n%s", n, plain)
	}
	lib, err := content.Load(fstest.MapFS{"x.md": {Data: []byte(`---
id: x
title: X
publisher: P
edition: E
language: en-GB
prefix: x
links:
  seen:
    confirmed-on: 2026-03-02
---

## 01. Links

See [seen](https://example.org/a) and [not](https://example.org/b).
`)}})
	if err != nil {
		t.Fatal(err)
	}
	other, _ := botOf(t, lib)
	want := "See seen (https://example.org/a) (link confirmed 2 March 2026) and not (https://example.org/b) ⚠️ not confirmed."
	if plain := ask(other, "/x-briefing 1").Plain(); !strings.Contains(plain, want) {
		t.Errorf("got:\n%s\nwant %q", plain, want)
	}
}

// briefingOf has one section of each kind given, and n practice questions.
func briefingOf(questions int, kinds ...briefing.Kind) *briefing.Briefing {
	b := &briefing.Briefing{ID: "x", Prefix: "x"}
	for i, k := range kinds {
		s := briefing.Section{Number: i + 1, Title: "Title", Slug: fmt.Sprint("s", i), Kind: k}
		if k == briefing.Questions && questions > 0 {
			s.Pools = []briefing.Pool{{Name: briefing.Practice, Title: "Practice:"}}
			for q := range questions {
				s.Pools[0].Questions = append(s.Pools[0].Questions, briefing.Question{Text: briefing.Words(fmt.Sprint("Question ", q))})
			}
		}
		b.Sections = append(b.Sections, s)
	}
	return b
}

func TestMeetingAlwaysTakesSevenMinutes(t *testing.T) {
	all := briefing.Kinds
	for name, b := range map[string]*briefing.Briefing{
		"one section":         briefingOf(0, briefing.Worries),
		"resources alone":     briefingOf(0, briefing.Resources),
		"questions alone":     briefingOf(3, briefing.Questions),
		"one question":        briefingOf(1, briefing.Context, briefing.Questions),
		"every kind":          briefingOf(4, all...),
		"every kind twice":    briefingOf(4, append(append([]briefing.Kind{}, all...), briefing.Worries, briefing.Impact, "", "", briefing.Context)...),
		"kinds that are none": briefingOf(0, "", "", ""),
	} {
		items, questions := agenda(b)
		total, last := 0, 0
		for _, item := range items {
			total += item.minutes
			if item.minutes < 1 || item.section.Number <= last {
				t.Errorf("%s: %+v", name, item)
			}
			last = item.section.Number
		}
		if total != 7 {
			t.Errorf("%s takes %d minutes", name, total)
		}
		if len(questions) > 2 {
			t.Errorf("%s asks %d questions", name, len(questions))
		}
		if plain := new(phrasebook).meeting(b).Plain(); !strings.Contains(plain, "use no names") {
			t.Errorf("%s: no reminder in\n%s", name, plain)
		}
	}
}

func TestMeetingOfTheDomesticAbuseBriefing(t *testing.T) {
	b, _ := newBot(t)
	plain := ask(b, "/da-briefing meeting").Plain()
	for _, want := range []string{"1 minute: 01. Case file audits", "1 minute: 05. What are we worried about?", "2 minutes: 06. Questions",
		"How do you find identifying domestic abuse in different relationships?", "To take away: section 07"} {
		if !strings.Contains(plain, want) {
			t.Errorf("%q is not in\n%s", want, plain)
		}
	}
}

func TestSecondBriefingBringsItsOwnCommands(t *testing.T) {
	lib, err := content.Load(fstest.MapFS{
		"domestic-abuse.md": {Data: mustRead(t, "domestic-abuse.md")},
		"neglect.md": {Data: []byte("---\nid: neglect\ntitle: Neglect\npublisher: P\nedition: E\nlanguage: en-GB\nprefix: neg\nsections:\n" +
			"  1:\n    kind: worries\n---\n\n## 01. What we saw\n\nNothing was *said* about neglect.\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := botOf(t, lib)
	if plain := ask(b, "/neg-briefing concerns").Plain(); !strings.Contains(plain, "Nothing was said about neglect.") ||
		!strings.Contains(plain, "Neglect · P · E · section 01 of 01") {
		t.Errorf("got:\n%s", plain)
	}
	if plain := ask(b, "/neg-questions").Plain(); !strings.Contains(plain, "This briefing has no questions.") {
		t.Errorf("got:\n%s", plain)
	}
	if plain := ask(b, "/briefings").Plain(); !strings.Contains(plain, "/neg-briefing") || !strings.Contains(plain, "/da-briefing") {
		t.Errorf("got:\n%s", plain)
	}
	if plain := ask(b, "/briefings search neglect").Plain(); !strings.Contains(plain, "P · E · section 01 of 01") {
		t.Errorf("got:\n%s", plain)
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	data, err := prompts.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
