package teams

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"briefingbot/internal/briefing"
)

// Teams' limits. A message of a bot's has at most 100 KB, and an answer to a
// button 28 KB less its envelope; both count the card as UTF-16.
// https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages
const (
	maxCard   = 24_000 // bytes of JSON as UTF-16
	maxPerRow = 6      // actions of a set
)

// Render draws a message as Adaptive Cards: one, or several where it is too large
// for one. Nothing of it is cut off, and m is not changed. Cards hold no button
// that shares: in Teams a reply stands where it was asked for.
//
// A publisher's words are TextRuns wherever that can be: a TextBlock is read as
// Markdown, and would turn an author's * or "5." into something else.
func Render(m *briefing.Message) []*Card {
	var out []*Card
	for _, part := range briefing.Split(m.WithoutShare(), func(blocks []briefing.Block) bool {
		return size(draw(&briefing.Message{Blocks: blocks})) <= maxCard
	}) {
		out = append(out, draw(part))
	}
	return out
}

// size is how Teams counts a card: as UTF-16, two bytes for most characters.
func size(c *Card) int {
	raw, err := json.Marshal(c)
	if err != nil {
		return 0 // a card holds nothing that cannot be marshalled
	}
	n := 0
	for _, r := range string(raw) {
		n += 2
		if r > 0xFFFF {
			n += 2
		}
	}
	return n
}

// Card is an Adaptive Card of version 1.5, the newest that Teams shows on every
// device. https://adaptivecards.io/explorer
type Card struct {
	Type         string  `json:"type"`
	Schema       string  `json:"$schema"`
	Version      string  `json:"version"`
	Lang         string  `json:"lang"`
	FallbackText string  `json:"fallbackText"`
	MSTeams      msteams `json:"msteams"`
	Body         []any   `json:"body"`
	summary      string
}

type msteams struct {
	Width string `json:"width"`
}

type textBlock struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Style  string `json:"style,omitempty"`
	Size   string `json:"size,omitempty"`
	Weight string `json:"weight,omitempty"`
	Wrap   bool   `json:"wrap"`
}

type richTextBlock struct {
	Type    string    `json:"type"`
	Inlines []textRun `json:"inlines"`
	Spacing string    `json:"spacing,omitempty"`
}

type textRun struct {
	Type         string   `json:"type"`
	Text         string   `json:"text"`
	Size         string   `json:"size,omitempty"`
	Weight       string   `json:"weight,omitempty"`
	FontType     string   `json:"fontType,omitempty"`
	IsSubtle     bool     `json:"isSubtle,omitempty"`
	Italic       bool     `json:"italic,omitempty"`
	Highlight    bool     `json:"highlight,omitempty"`
	SelectAction *openURL `json:"selectAction,omitempty"`
}

type openURL struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

type columnSet struct {
	Type    string   `json:"type"`
	Columns []column `json:"columns"`
	Spacing string   `json:"spacing,omitempty"`
}

type column struct {
	Type  string `json:"type"`
	Width string `json:"width"`
	Items []any  `json:"items"`
}

type actionSet struct {
	Type    string   `json:"type"`
	Actions []action `json:"actions"`
	Spacing string   `json:"spacing,omitempty"`
}

// action asks for another reply. Execute lets the card be replaced where it
// stands; clients that do not know it send the fallback, Submit, as a message.
type action struct {
	Type             string     `json:"type"`
	Title            string     `json:"title"`
	Verb             string     `json:"verb,omitempty"`
	AssociatedInputs string     `json:"associatedInputs,omitempty"`
	Data             actionData `json:"data"`
	Fallback         *action    `json:"fallback,omitempty"`
}

// actionData is what a press sends: a command, or what makes one of a form.
type actionData struct {
	Command string    `json:"command,omitempty"`
	Form    *formData `json:"form,omitempty"`
}

const replyVerb = "reply"

func draw(m *briefing.Message) *Card {
	c := &Card{
		Type: "AdaptiveCard", Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Version: "1.5", Lang: "en",
		FallbackText: m.Plain(), MSTeams: msteams{Width: "Full"}, summary: summary(m),
	}
	inputs := ""
	if slices.ContainsFunc(m.Blocks, isForm) {
		inputs = "none" // a button beside a form sends nothing of it, and needs nothing entered
	}
	for _, b := range m.Blocks {
		switch b := b.(type) {
		case briefing.Heading:
			if b.Ours {
				c.Body = append(c.Body, richTextBlock{Type: "RichTextBlock", Inlines: []textRun{{Type: "TextRun", Text: b.Text, Italic: true}}})
			} else {
				c.Body = append(c.Body, heading(b.Text, "Large"))
			}
		case briefing.Subheading:
			c.Body = append(c.Body, heading(b.Text, "Default"))
		case briefing.Paragraph:
			for _, line := range lines(b.Text) {
				c.Body = append(c.Body, richTextBlock{Type: "RichTextBlock", Inlines: line})
			}
		case briefing.List:
			for _, item := range b.Items {
				c.Body = append(c.Body, listItem(item))
			}
		case briefing.Note:
			c.Body = append(c.Body, small(b.Text))
		case briefing.Source:
			c.Body = append(c.Body, small(b.Text))
		case briefing.Footer:
			c.Body = append(c.Body, small(b.Text))
		case briefing.Buttons:
			for _, row := range rows(b.Buttons) {
				set := actionSet{Type: "ActionSet"}
				for _, button := range row {
					set.Actions = append(set.Actions, drawButton(button.Label, actionData{Command: button.Command}, inputs))
				}
				c.Body = append(c.Body, set)
			}
		case briefing.Form:
			c.Body = append(c.Body, drawForm(b)...)
		default:
			panic(fmt.Sprintf("teams: no drawing for %T", b)) // every type is drawn in a test
		}
	}
	return c
}

// summary is what a notification shows: the message's notice, or its first words.
func summary(m *briefing.Message) string {
	s := m.Notice
	for i := 0; s == "" && i < len(m.Blocks); i++ {
		s = briefing.PlainBlock(m.Blocks[i])
	}
	const most = 120
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most-1]) + "…"
	}
	return s
}

// heading is a TextBlock: nothing else is a heading to a screen reader.
func heading(s, size string) textBlock {
	return textBlock{Type: "TextBlock", Text: literal(s), Style: "heading", Size: size, Weight: "Bolder", Wrap: true}
}

// literal keeps a TextBlock from reading Markdown out of a publisher's words. A
// number with a full stop at the start would become a list; with a no-break space
// behind it, it looks the same and does not. The other signs are escaped.
func literal(s string) string {
	if digits := strings.TrimLeft(s, "0123456789"); digits != s && len(digits) > 1 && (digits[0] == '.' || digits[0] == ')') && digits[1] == ' ' {
		s = s[:len(s)-len(digits)+1] + "\u00a0" + digits[2:]
	}
	return markdown.Replace(s)
}

var markdown = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "`", "\\`", "~", `\~`, "#", `\#`, "<", `\<`, "&", `\&`, "{{", `{\{`)

// small is a grey line, as the bot's own words are.
func small(s string) richTextBlock {
	return richTextBlock{Type: "RichTextBlock", Spacing: "Small", Inlines: []textRun{{Type: "TextRun", Text: s, Size: "Small", IsSubtle: true}}}
}

// listItem hangs an item's text beside its bullet. A list in Markdown is drawn
// well too, but its items would be read as Markdown, a publisher's signs included.
func listItem(item briefing.Item) columnSet {
	bullet := richTextBlock{Type: "RichTextBlock", Inlines: []textRun{{Type: "TextRun", Text: strings.Repeat("\u2003", item.Depth) + item.Bullet()}}}
	var text []any
	for i, line := range lines(item.Text) {
		block := richTextBlock{Type: "RichTextBlock", Inlines: line}
		if i > 0 {
			block.Spacing = "None"
		}
		text = append(text, block)
	}
	return columnSet{Type: "ColumnSet", Spacing: "Small", Columns: []column{
		{Type: "Column", Width: "auto", Items: []any{bullet}},
		{Type: "Column", Width: "stretch", Items: text},
	}}
}

// lines is a text as runs, line by line: a run cannot hold a line break.
func lines(t briefing.Text) [][]textRun {
	out := [][]textRun{nil}
	for _, span := range t {
		for i, s := range strings.Split(span.Text, "\n") {
			if i > 0 {
				out = append(out, nil)
			}
			if s == "" {
				continue
			}
			run := textRun{Type: "TextRun", Text: s, Italic: span.Italic, Highlight: span.Mark, IsSubtle: span.Ours}
			if span.Bold {
				run.Weight = "Bolder"
			}
			if span.Code {
				run.FontType = "Monospace"
			}
			if span.Link != nil {
				run.SelectAction = &openURL{Type: "Action.OpenUrl", URL: span.Link.URL}
			}
			out[len(out)-1] = append(out[len(out)-1], run)
		}
	}
	return slices.DeleteFunc(out, func(line []textRun) bool { return len(line) == 0 })
}

// rows divides buttons into rows that a phone shows whole: in a row that is too
// wide Teams cuts off every title.
func rows(buttons []briefing.Button) [][]briefing.Button {
	// Measured in a card as wide as on a phone, in pixels.
	const card, letter, padding = 310, 8, 42
	var (
		out  [][]briefing.Button
		used int
	)
	for _, b := range buttons {
		width := utf8.RuneCountInString(b.Label)*letter + padding
		if len(out) == 0 || used+width > card || len(out[len(out)-1]) == maxPerRow {
			out, used = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], b)
		used += width
	}
	return out
}

// drawButton draws a button that sends data, and of the card's inputs those that
// belong to it: all of them where inputs is empty.
func drawButton(label string, data actionData, inputs string) action {
	return action{
		Type: "Action.Execute", Title: label, Verb: replyVerb, AssociatedInputs: inputs, Data: data,
		Fallback: &action{Type: "Action.Submit", Title: label, AssociatedInputs: inputs, Data: data},
	}
}
