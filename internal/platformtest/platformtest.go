// Package platformtest holds the messages that every platform's adapter must be
// able to render, Fixtures, of which each adapter keeps a golden file, and what
// every adapter has to do, Conformance. Only tests import it.
package platformtest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/content"
	"briefingbot/prompts"
)

// Fixture is a message and a name for its golden files.
type Fixture struct {
	Name    string
	Message *briefing.Message
}

// asked is what is typed for the fixtures of the built-in briefing.
var asked = map[string]string{
	"contents":         "/da-briefing",
	"section-first":    "/da-briefing 1",
	"section-children": "/da-briefing children",
	"section-worries":  "/da-briefing worries",
	"section-last":     "/da-briefing resources",
	"all":              "/da-briefing all",
	"meeting":          "/da-briefing meeting",
	"search":           "/da-briefing search perpetrators",
	"search-nothing":   "/da-briefing search zzzz",
	"search-empty":     "/da-briefing search",
	"did-you-mean":     "/da-briefing findings",
	"no-section":       "/da-briefing zzzz",
	"no-section-near":  "/da-briefing meetng",
	"questions":        "/da-questions",
	"pool":             "/da-questions practice",
	"question":         "/da-questions casework 2",
	"no-pool":          "/da-questions zzzz",
	"briefings":        "/briefings",
	"help":             "/briefings help",
	"unknown":          "/zzzz",
}

// Fixtures are the replies of the built-in briefing, and messages made up to hold
// every block, every look of text and every size.
func Fixtures(t testing.TB) []Fixture {
	t.Helper()
	b := NewBot(t, zap.NewNop())
	var out []Fixture
	for name, text := range asked {
		req := briefing.Request{Platform: briefing.Terminal, Text: briefing.NewPrivate(text)}
		private := b.Respond(context.Background(), req)
		out = append(out, Fixture{name, private})
		req.Public = true
		if public := b.Respond(context.Background(), req); public.Plain() != private.Plain() {
			out = append(out, Fixture{name + "-public", public})
		}
	}
	out = append(out, weeklyFixtures(t)...)
	return append(out, Fixture{"every-block", everyBlock()}, Fixture{"hostile-text", hostile()}, Fixture{"very-long", veryLong()})
}

// NewBot is a bot of the built-in briefings, without weekly questions.
func NewBot(t testing.TB, log *zap.Logger) *bot.Bot {
	t.Helper()
	return newBot(t, bot.Weekly{}, log)
}

func newBot(t testing.TB, weekly bot.Weekly, log *zap.Logger) *bot.Bot {
	t.Helper()
	lib, err := content.Load(prompts.FS)
	if err != nil {
		t.Fatal(err)
	}
	finder, err := content.Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := finder.Close(); err != nil {
			t.Error(err)
		}
	})
	return bot.New(lib, finder, bot.Config{Weekly: weekly}, log)
}

func everyBlock() *briefing.Message {
	link := &briefing.Link{URL: "https://example.org/help", ConfirmedOn: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	return &briefing.Message{Blocks: []briefing.Block{
		briefing.Heading{Text: "01. A publisher's heading"},
		briefing.Heading{Text: "A heading of ours", Ours: true},
		briefing.Paragraph{Text: briefing.Text{
			{Text: "Plain, "}, {Text: "bold", Bold: true}, {Text: ", "}, {Text: "italic", Italic: true}, {Text: ", "},
			{Text: "both", Bold: true, Italic: true}, {Text: ", "}, {Text: "/code", Code: true}, {Text: ", "}, {Text: "marked", Mark: true},
			{Text: ", a "}, {Text: "link", Link: link}, {Text: " (link confirmed 2 March 2026)", Ours: true, Italic: true}, {Text: ".\nA second line."},
		}},
		briefing.Subheading{Text: "A list of questions:"},
		briefing.List{Items: []briefing.Item{
			{Text: briefing.Words("a bullet")},
			{Text: briefing.Words("a bullet below it"), Depth: 1},
			{Text: briefing.Words("and one below that"), Depth: 2},
			{Text: briefing.Words("a bullet again")},
		}},
		briefing.Paragraph{Text: briefing.Words("Numbers:")},
		briefing.List{Items: []briefing.Item{
			{Text: briefing.Words("three"), Number: 3}, {Text: briefing.Words("four"), Number: 4}, {Text: briefing.Words("six"), Number: 6},
		}},
		briefing.Note{Text: "A note of ours."},
		briefing.Source{Text: "LLR SCP · Links updated April 2025 · section 01 of 07"},
		briefing.Footer{Text: bot.DefaultFooter},
		briefing.Buttons{Buttons: []briefing.Button{
			{Label: "A button", Command: "/da-briefing"},
			{Label: "Share in channel", Command: "/da-briefing 1", Share: &briefing.Confirm{Title: "Share?", Text: "Everyone will see it.", Yes: "Share", No: "Cancel"}},
		}},
		briefing.Form{Title: "A form", Submit: "Save", Command: "/reflection", Rest: "Europe/London", Fields: []briefing.Field{
			{Label: "Day", Value: "monday", Options: []briefing.Option{{Label: "Monday", Value: "monday"}, {Label: "Tuesday", Value: "tuesday"}}},
			{Label: "Time", Value: "09:30"},
		}},
	}}
}

// hostile is text that a platform could take for something else.
func hostile() *briefing.Message {
	s := `*not bold* _nor italic_ ~nor struck~ <!channel> <@U123|x> & &amp; :smile: <at>everyone</at> **x** [a](https://b.example) # y ` + "`z`" + ` {{DATE(2026-01-01)}} {"a":1} \n`
	return &briefing.Message{Blocks: []briefing.Block{
		briefing.Heading{Text: s}, briefing.Heading{Text: s, Ours: true}, briefing.Subheading{Text: s},
		briefing.Paragraph{Text: briefing.Words(s)}, briefing.List{Items: []briefing.Item{{Text: briefing.Words(s)}}},
		briefing.Note{Text: s}, briefing.Source{Text: s}, briefing.Footer{Text: s},
		briefing.Buttons{Buttons: []briefing.Button{{Label: "A label that is longer than any button has room for, and not the publisher's: it is cut & ends so", Command: "/da-briefing"}}},
	}}
}

// veryLong is more than any platform takes in one message, in every way.
func veryLong() *briefing.Message {
	m := &briefing.Message{}
	words := func(n int, mark string) string {
		var w []string
		for i := range n {
			w = append(w, fmt.Sprintf("%s%d", mark, i))
		}
		return strings.Join(w, " ")
	}
	m.Blocks = append(m.Blocks, briefing.Heading{Text: "01. " + words(60, "heading")})
	for i := range 60 {
		m.Blocks = append(m.Blocks, briefing.Paragraph{Text: briefing.Words(fmt.Sprintf("Short paragraph %d.", i))})
	}
	m.Blocks = append(m.Blocks, briefing.Heading{Text: "02. Long"}, briefing.Paragraph{Text: briefing.Words(words(900, "word"))})
	var items []briefing.Item
	for i := range 80 {
		items = append(items, briefing.Item{Number: i + 1, Text: briefing.Words(words(12, fmt.Sprintf("item%d-", i)))})
	}
	items = append(items, briefing.Item{Number: 81, Text: briefing.Words(words(900, "long"))})
	m.Blocks = append(m.Blocks, briefing.List{Items: items}, briefing.Source{Text: "Source"}, briefing.Footer{Text: bot.DefaultFooter})
	var row []briefing.Button
	for i := range 30 {
		row = append(row, briefing.Button{Label: fmt.Sprintf("Button %d", i), Command: fmt.Sprintf("/da-briefing %d", i)})
	}
	m.Blocks = append(m.Blocks, briefing.Buttons{Buttons: row})
	return m
}
