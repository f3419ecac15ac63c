package slack

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"briefingbot/internal/briefing"
)

// Audience says who sees a reply, and where.
type Audience int

// The audiences.
const (
	Private        Audience = iota // the person who asked, as a message of its own
	PrivateInPlace                 // the same person, in place of the message whose button was pressed
	Channel                        // everyone in the channel
)

// Slack's limits, from https://docs.slack.dev/reference/block-kit.
const (
	maxBlocks = 50   // in a message
	maxText   = 4000 // characters of a message's text
	partNote  = 100  // of them, for saying that there is another part
	maxHeader = 150  // characters of a header
	maxLabel  = 75   // characters of a button
	maxPerRow = 25   // buttons of an actions block
	maxIndent = 8    // of a list
)

// Render draws a message in Block Kit. A message that is too large for Slack
// becomes several, divided before a heading where that can be; nothing of it is
// cut off. It does not change m.
//
// Content is drawn as rich_text and plain_text only, never mrkdwn: in mrkdwn an
// author's * or _ could not be kept from turning into emphasis.
func Render(m *briefing.Message, to Audience) []slack.WebhookMessage {
	if to == Channel {
		m = m.WithoutShare() // what everyone sees is shared
	}
	var out []slack.WebhookMessage
	parts := briefing.Split(m, fits)
	for i, part := range parts {
		if i+1 < len(parts) {
			more := briefing.Note{Text: fmt.Sprintf("Part %d of %d. If the next one does not come, ask for its sections one by one.", i+1, len(parts))}
			part = &briefing.Message{Blocks: append(slices.Clone(part.Blocks), more), Notice: part.Notice}
		}
		no := false
		msg := slack.WebhookMessage{
			ResponseType: slack.ResponseTypeEphemeral,
			Text:         escapeText(cmp.Or(part.Notice, part.Plain())),
			Blocks:       &slack.Blocks{BlockSet: blocks(part)},
			// A link's preview would put somebody else's words beside the publisher's.
			UnfurlLinks: &no, UnfurlMedia: &no,
		}
		switch to {
		case PrivateInPlace:
			msg.ReplaceOriginal = len(out) == 0
		case Channel:
			msg.ResponseType = slack.ResponseTypeInChannel
		}
		out = append(out, msg)
	}
	return out
}

// escapeText keeps Slack from reading its control sequences, like <!channel>, in
// a message's text.
func escapeText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func blocks(m *briefing.Message) []slack.Block {
	var (
		out  []slack.Block
		rich *slack.RichTextBlock // that a list may still join
		ids  int                  // of buttons: unique in a message
	)
	for _, b := range m.Blocks {
		join := rich
		rich = nil
		switch b := b.(type) {
		case briefing.Heading:
			out = append(out, heading(b))
		case briefing.Subheading:
			rich = slack.NewRichTextBlock("", section(briefing.Text{{Text: b.Text, Bold: true}}))
			out = append(out, rich)
		case briefing.Paragraph:
			rich = slack.NewRichTextBlock("", section(b.Text))
			out = append(out, rich)
		case briefing.List:
			for _, element := range lists(b) {
				// In one block with what introduces it, a list stands close below it.
				if _, text := element.(*slack.RichTextSection); join == nil || text {
					join = slack.NewRichTextBlock("")
					out = append(out, join)
				}
				join.Elements = append(join.Elements, element)
			}
		case briefing.Note:
			out = append(out, small(b.Text))
		case briefing.Source:
			out = append(out, small(b.Text))
		case briefing.Footer:
			out = append(out, small(b.Text))
		case briefing.Buttons:
			for row := b.Buttons; len(row) > 0; {
				n := min(len(row), maxPerRow)
				actions := slack.NewActionBlock("")
				for _, button := range row[:n] {
					ids++
					actions.Elements.ElementSet = append(actions.Elements.ElementSet, drawButton(button, ids))
				}
				out, row = append(out, actions), row[n:]
			}
		case briefing.Form:
			out = append(out, formText(b))
		default:
			panic(fmt.Sprintf("slack: no drawing for %T", b)) // every type is drawn in a test
		}
	}
	return out
}

// heading is a header where it is a publisher's and fits one, or else text:
// bold for theirs, in italics for ours.
func heading(h briefing.Heading) slack.Block {
	if h.Ours || utf8.RuneCountInString(h.Text) > maxHeader {
		return slack.NewRichTextBlock("", section(briefing.Text{{Text: h.Text, Bold: !h.Ours, Italic: h.Ours}}))
	}
	return slack.NewHeaderBlock(plain(h.Text))
}

func plain(s string) *slack.TextBlockObject {
	// emoji false: a :word: of a briefing's is not a picture.
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

// small is a grey line, as the bot's own words are.
func small(s string) slack.Block { return slack.NewContextBlock("", plain(s)) }

func section(t briefing.Text) *slack.RichTextSection {
	s := slack.NewRichTextSection()
	for _, span := range t {
		var style *slack.RichTextSectionTextStyle
		if span.Bold || span.Italic || span.Code || span.Mark {
			style = &slack.RichTextSectionTextStyle{Bold: span.Bold || span.Mark, Italic: span.Italic, Code: span.Code}
		}
		if span.Link != nil {
			s.Elements = append(s.Elements, slack.NewRichTextSectionLinkElement(span.Link.URL, span.Text, style))
		} else {
			s.Elements = append(s.Elements, slack.NewRichTextSectionTextElement(span.Text, style))
		}
	}
	return s
}

// list is slack-go's RichTextList without the offset and border that it always
// sends: Slack's own types know no offset.
type list struct {
	Type     slack.RichTextElementType     `json:"type"`
	Style    slack.RichTextListElementType `json:"style"`
	Indent   int                           `json:"indent,omitempty"`
	Elements []slack.RichTextElement       `json:"elements"`
}

func (list) RichTextElementType() slack.RichTextElementType { return slack.RTEList }

// lists draws a list as Slack wants it: a list of its own for every run of items
// of one depth and style. Slack counts its lists from 1, so numbers that do not
// are drawn as text.
func lists(l briefing.List) []slack.RichTextElement {
	var (
		out  []slack.RichTextElement
		last *list
		next = 1
	)
	for _, item := range l.Items {
		style, indent := slack.RTEListBullet, min(item.Depth, maxIndent)
		if item.Number > 0 {
			style = slack.RTEListOrdered
		}
		same := last != nil && last.Style == style && last.Indent == indent
		if item.Number > 0 && (!same || item.Number != next) && item.Number != 1 {
			out, last = numbered(out, item), nil
			continue
		}
		if !same || item.Number == 1 {
			last = &list{Type: slack.RTEList, Style: style, Indent: indent}
			out = append(out, last)
		}
		last.Elements = append(last.Elements, section(item.Text))
		next = item.Number + 1
	}
	return out
}

// numbered adds an item as a line of text.
func numbered(out []slack.RichTextElement, item briefing.Item) []slack.RichTextElement {
	line := section(slices.Concat(briefing.Words(strings.Repeat("    ", item.Depth)+item.Bullet()+" "), item.Text))
	if len(out) > 0 {
		if above, ok := out[len(out)-1].(*slack.RichTextSection); ok {
			above.Elements = append(append(above.Elements, slack.NewRichTextSectionTextElement("\n", nil)), line.Elements...)
			return out
		}
	}
	return append(out, line)
}

// formText is a form where none can be opened: what can be chosen, and a command
// to type instead.
func formText(f briefing.Form) slack.Block {
	drawn := slack.NewRichTextBlock("")
	if f.Title != "" {
		drawn.Elements = append(drawn.Elements, section(briefing.Text{{Text: f.Title, Bold: true}}))
	}
	fields := &list{Type: slack.RTEList, Style: slack.RTEListBullet}
	example := make([]string, len(f.Fields))
	for i, field := range f.Fields {
		line := briefing.Text{{Text: field.Label + ": "}}
		for n, o := range field.Options {
			if n > 0 {
				line = append(line, briefing.Span{Text: ", "})
			}
			if n == 0 || o.Value == field.Value { // what was chosen may be there no longer
				example[i] = o.Value
			}
			line = append(line, briefing.Span{Text: o.Value, Code: true})
			if o.Label != "" && !strings.EqualFold(o.Label, o.Value) {
				line = append(line, briefing.Span{Text: " (" + o.Label + ")"})
			}
		}
		if len(field.Options) == 0 {
			line = append(line, briefing.Span{Text: "a time, as "}, briefing.Span{Text: "09:30", Code: true})
			example[i] = cmp.Or(field.Value, "09:30")
		}
		fields.Elements = append(fields.Elements, section(line))
	}
	if len(fields.Elements) > 0 {
		drawn.Elements = append(drawn.Elements, fields)
	}
	drawn.Elements = append(drawn.Elements, section(briefing.Text{
		{Text: "The form could not be opened. Try once more, or type for example "}, {Text: f.CommandOf(example), Code: true},
	}))
	return drawn
}

const (
	replyAction = "reply."
	shareAction = "share."
)

// isShare tells a button's purpose from its action_id.
func isShare(actionID string) bool { return strings.HasPrefix(actionID, shareAction) }

func drawButton(b briefing.Button, id int) *slack.ButtonBlockElement {
	action := replyAction
	if b.Share != nil {
		action = shareAction
	}
	button := slack.NewButtonBlockElement(fmt.Sprintf("%s%d", action, id), b.Command, plain(shorten(b.Label, maxLabel)))
	if c := b.Share; c != nil {
		button.Confirm = slack.NewConfirmationBlockObject(plain(c.Title), plain(c.Text), plain(c.Yes), plain(c.No))
	}
	return button
}

// shorten makes a label fit where it goes, so many characters, with a mark that it was
// cut. The text that it names stands in full elsewhere.
func shorten(label string, most int) string {
	if r := []rune(label); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return label
}
