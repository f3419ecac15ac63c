package briefing

import (
	"strings"
	"time"
)

// Text is a run of words with their emphasis and links.
type Text []Span

// Span is a piece of text of one look. A "\n" in Text is a line break that the
// author asked for.
type Span struct {
	Text   string
	Bold   bool
	Italic bool
	Code   bool  // something to type, letter for letter
	Mark   bool  // a word that was searched for
	Ours   bool  // words of the bot's within a publisher's text
	Link   *Link // where the span leads, or nil
}

// Link is an address, and what is known of it.
type Link struct {
	URL         string    // always https
	Edition     string    // the edition it was taken from, where that is not the briefing's own
	ConfirmedOn time.Time // the day somebody last saw that it works, midnight UTC; zero for never
}

// Unconfirmed reports whether nobody has seen for a year that a link works, which
// was last seen on a day, or never where that is zero. The day itself still counts.
func Unconfirmed(on, today time.Time) bool { return on.IsZero() || !today.Before(on.AddDate(1, 0, 1)) }

// Words is a text of one plain span.
func Words(s string) Text { return Text{{Text: s}} }

// Plain is the text without its emphasis; an address follows its label in brackets.
func (t Text) Plain() string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(s.Text)
		if s.Link != nil && s.Link.URL != s.Text {
			b.WriteString(" (" + s.Link.URL + ")")
		}
	}
	return b.String()
}

// Letters is the text's words alone: no emphasis and no addresses.
func (t Text) Letters() string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(s.Text)
	}
	return b.String()
}
