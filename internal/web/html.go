// Package web shows briefings and messages in a browser. Start with Chat, the page to
// try the bot in, Pages, which serves briefings to read and print, and HTML, which
// draws a message for both.
//
// It is an adapter like internal/slack and internal/teams, and decides nothing that
// is said: the publisher's words come from the library, and the bot's from whoever
// makes a message. It keeps nothing that was typed.
package web

import (
	"bytes"
	"crypto/rand"
	"embed"
	"fmt"
	"html/template"
	"strings"

	"briefingbot/internal/briefing"
)

// HTML draws a message as a reply in a chat: headings from the third level, and
// links that leave the chat open. It does not change m.
func HTML(m *briefing.Message) (template.HTML, error) {
	return drawing{level: chatLevel, newTab: true}.blocks(m.Blocks)
}

// chatLevel is the level of a reply's headings: the page has the first, and its
// parts the second.
const chatLevel = 3

// drawing is how blocks are drawn where they stand.
type drawing struct {
	level  int  // of a Heading; a Subheading is one below it
	newTab bool // links open a tab of their own
}

//go:embed templates
var templateFiles embed.FS

// blockTemplates has a template for every type of block.
var blockTemplates = template.Must(template.ParseFS(templateFiles, "templates/blocks.html"))

func (d drawing) blocks(blocks []briefing.Block) (template.HTML, error) {
	var out bytes.Buffer
	for _, b := range blocks {
		name, view, err := d.view(b)
		if err != nil {
			return "", err
		}
		if err := blockTemplates.ExecuteTemplate(&out, name, view); err != nil {
			return "", fmt.Errorf("web: drawing %T: %w", b, err)
		}
	}
	return template.HTML(out.String()), nil // html/template has escaped all of it
}

// view is the template that draws a block, and what that is given.
func (d drawing) view(b briefing.Block) (name string, view any, err error) {
	switch b := b.(type) {
	case briefing.Heading:
		return "heading", headingView{d.level, b.Text, b.Ours}, nil
	case briefing.Subheading:
		return "heading", headingView{d.level + 1, b.Text, false}, nil
	case briefing.Paragraph:
		return "paragraph", d.text(b.Text), nil
	case briefing.List:
		return "lists", d.lists(b.Items), nil
	case briefing.Note:
		return "note", b, nil
	case briefing.Source:
		return "source", b, nil
	case briefing.Footer:
		return "footer", b, nil
	case briefing.Buttons:
		return "buttons", b, nil
	case briefing.Form:
		return "form", d.form(b), nil
	}
	return "", nil, fmt.Errorf("web: no drawing for %T", b) // every type is drawn in a test
}

type headingView struct {
	Level int
	Text  string
	Ours  bool
}

// phrase is a run of text in one link, or in none.
type phrase struct {
	URL    string
	NewTab bool
	Runs   []run
}

// run is text of one look, or a line break.
type run struct {
	briefing.Span
	Break bool
}

// text puts the spans of one link together: a label with emphasis in it is
// several, and must not become several links.
func (d drawing) text(t briefing.Text) []phrase {
	var out []phrase
	for i, span := range t {
		if i == 0 || span.Link != t[i-1].Link {
			p := phrase{NewTab: d.newTab}
			if span.Link != nil {
				p.URL = span.Link.URL
			}
			out = append(out, p)
		}
		last := &out[len(out)-1]
		for j, line := range strings.Split(span.Text, "\n") {
			if j > 0 {
				last.Runs = append(last.Runs, run{Break: true})
			}
			if line != "" {
				span.Text = line
				last.Runs = append(last.Runs, run{Span: span})
			}
		}
	}
	return out
}

// listView is a run of items that are all numbered, or none.
type listView struct {
	Ordered bool
	Items   []itemView
}

type itemView struct {
	Text  []phrase
	Value int // its number, where that does not follow from the item before; or 0
	Lists []listView
}

// lists makes lists within lists of items that only say how deep they are. Items
// that are deeper than the one before belong to it, by however much.
func (d drawing) lists(items []briefing.Item) []listView {
	var (
		out  []listView
		last int // number
	)
	for len(items) > 0 {
		item, below := items[0], 1
		for below < len(items) && items[below].Depth > item.Depth {
			below++
		}
		if len(out) == 0 || out[len(out)-1].Ordered != (item.Number > 0) {
			out, last = append(out, listView{Ordered: item.Number > 0}), 0
		}
		view := itemView{Text: d.text(item.Text), Lists: d.lists(items[1:below])}
		if item.Number > 0 && item.Number != last+1 {
			view.Value = item.Number
		}
		l := &out[len(out)-1]
		l.Items, last, items = append(l.Items, view), item.Number, items[below:]
	}
	return out
}

type formView struct {
	briefing.Form
	Level  int
	ID     string
	Fields []fieldView
}

type fieldView struct {
	briefing.Field
	ID string
	// Unset: what was chosen is not among the options, so that nothing is chosen
	// for the person.
	Unset bool
}

// form names its fields at random, so that the labels of two forms on a page
// never mean each other's fields.
func (d drawing) form(f briefing.Form) formView {
	v := formView{Form: f, Level: d.level, ID: "form-" + strings.ToLower(rand.Text())}
	for i, field := range f.Fields {
		unset := len(field.Options) > 0
		for _, o := range field.Options {
			unset = unset && o.Value != field.Value
		}
		v.Fields = append(v.Fields, fieldView{field, fmt.Sprintf("%s-%d", v.ID, i), unset})
	}
	return v
}
