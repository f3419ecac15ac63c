package briefing

import (
	"slices"
	"strconv"
	"strings"
)

// Platform names where a request comes from.
type Platform string

// The platforms.
const (
	Terminal Platform = "terminal"
	Slack    Platform = "slack"
	Teams    Platform = "teams"
	Web      Platform = "web" // the page of internal/web
)

// Request is what somebody typed or pressed, and where.
type Request struct {
	Platform Platform
	Text     Private   // the whole command, e.g. "/da-briefing worries"; the slash is optional
	Public   bool      // others see the reply, as in a channel of Teams
	Channel  Channel   // where it was asked; its ID is empty in a private chat
	Person   []Private // the platform's ids of who asks; to be compared, never to be kept
}

// Message is what the bot says, in no platform's dialect. It is never changed
// once it is made: adapters keep the messages they have rendered by address.
type Message struct {
	Blocks []Block
	Notice string // what a notification shows; the beginning of the message where empty
}

// Block is one part of a message. The set is closed: every adapter draws every
// block of AllBlocks.
type Block interface{ block() }

// Heading opens a message or a section of it. Ours marks words of the bot's, to
// be drawn less prominently than a publisher's title.
type Heading struct {
	Text string
	Ours bool
}

// Subheading is a heading within a section.
type Subheading struct{ Text string }

// Paragraph is a paragraph of text.
type Paragraph struct{ Text Text }

// List is a list, flat: nesting is the depth of its items.
type List struct{ Items []Item }

// Item is a line of a list.
type Item struct {
	Text   Text
	Depth  int // 0 is the outermost
	Number int // of an ordered list; 0 for a bullet
}

// Note is a remark of the bot's, drawn so that nobody takes it for a
// publisher's words.
type Note struct{ Text string }

// Source says where the text above it is from.
type Source struct{ Text string }

// Footer is the organisation's reminder at the end of a message.
type Footer struct{ Text string }

// Buttons is a row of buttons.
type Buttons struct{ Buttons []Button }

// Button asks for another reply when it is pressed.
type Button struct {
	Label   string
	Command string   // what pressing it says, made of the bot's own words, never of typed ones
	Share   *Confirm // if set, the reply goes to the whole channel, once the person has confirmed
}

// Confirm is the question that a platform asks before a button does its work.
type Confirm struct{ Title, Text, Yes, No string }

// Form asks for several things at once. What is chosen ends in a command: the
// Command, the value of every field in their order, and Rest, with spaces between.
type Form struct {
	Title, Submit string
	Command       string // e.g. "/reflection"
	Fields        []Field
	Rest          string // what follows the values, such as a time zone; may be empty
}

// Field is one thing that a form asks for: one of its options, or a time of day
// where it has none.
type Field struct {
	Label   string
	Options []Option
	Value   string // chosen at first: an option's, or a time as "09:30"
}

// Option is a choice of a field. Its value is words of a command, never empty.
type Option struct{ Label, Value string }

// Chosen is what a field shows at first.
func (f Field) Chosen() string {
	for _, o := range f.Options {
		if o.Value == f.Value {
			return o.Label
		}
	}
	return f.Value
}

// CommandOf is the command that the values of the fields, in their order, end in.
func (f Form) CommandOf(values []string) string {
	return strings.Join(strings.Fields(f.Command+" "+strings.Join(values, " ")+" "+f.Rest), " ")
}

func (Heading) block()    {}
func (Subheading) block() {}
func (Paragraph) block()  {}
func (List) block()       {}
func (Note) block()       {}
func (Source) block()     {}
func (Footer) block()     {}
func (Buttons) block()    {}
func (Form) block()       {}

// AllBlocks has one block of every type, so that a test of an adapter fails when
// a type is added that it does not draw.
var AllBlocks = []Block{Heading{}, Subheading{}, Paragraph{}, List{}, Note{}, Source{}, Footer{}, Buttons{}, Form{}}

// WithoutShare is the message without the buttons that share, for where everyone
// sees it anyway. It does not change m.
func (m *Message) WithoutShare() *Message {
	out := &Message{Notice: m.Notice}
	for _, b := range m.Blocks {
		if row, ok := b.(Buttons); ok {
			kept := slices.DeleteFunc(slices.Clone(row.Buttons), func(b Button) bool { return b.Share != nil })
			if len(kept) == 0 {
				continue
			}
			b = Buttons{Buttons: kept}
		}
		out.Blocks = append(out.Blocks, b)
	}
	return out
}

// Plain is the whole message in reading order, for screen readers and
// notifications.
func (m *Message) Plain() string {
	var parts []string
	for _, b := range m.Blocks {
		if s := PlainBlock(b); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "\n\n")
}

// PlainBlock is one block of Plain.
func PlainBlock(b Block) string {
	switch b := b.(type) {
	case Heading:
		return b.Text
	case Subheading:
		return b.Text
	case Paragraph:
		return b.Text.Plain()
	case Note:
		return b.Text
	case Source:
		return b.Text
	case Footer:
		return b.Text
	case List:
		lines := make([]string, len(b.Items))
		for i, it := range b.Items {
			lines[i] = strings.Repeat("  ", it.Depth) + it.Bullet() + " " + it.Text.Plain()
		}
		return strings.Join(lines, "\n")
	case Buttons:
		labels := make([]string, len(b.Buttons))
		for i, button := range b.Buttons {
			labels[i] = button.Label
		}
		return "Buttons: " + strings.Join(labels, " | ")
	case Form:
		lines := []string{b.Title}
		for _, f := range b.Fields {
			lines = append(lines, f.Label+": "+f.Chosen())
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

// Bullet is what stands before the item's text: a dot, or its number.
func (i Item) Bullet() string {
	if i.Number > 0 {
		return strconv.Itoa(i.Number) + "."
	}
	return "•"
}
