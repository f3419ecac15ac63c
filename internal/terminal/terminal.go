// Package terminal draws a message as text for a person at a terminal, or for a
// pipe. Start with Render. It reads nothing and decides nothing.
package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"briefingbot/internal/briefing"
)

// Options say what the terminal can do.
type Options struct {
	Width  int  // columns; lines are broken at most there
	Colour bool // ANSI styles may be used
}

// The ANSI styles. Colours are left to the terminal's own theme.
const (
	bold      = "\x1b[1m"
	dim       = "\x1b[2m"
	italic    = "\x1b[3m"
	underline = "\x1b[4m"
	reverse   = "\x1b[7m"
	reset     = "\x1b[0m"
)

// Longest and shortest line that can still be read.
const (
	maxWidth = 100
	minWidth = 20
)

// Render writes a message. Words of the bot's stand behind a bar, so that nobody
// takes them for the publisher's.
func Render(w io.Writer, m *briefing.Message, o Options) error {
	p := printer{Options: o}
	p.Width = min(max(o.Width, minWidth), maxWidth)
	var last briefing.Block
	for i, b := range m.Blocks {
		if i > 0 && !together(last, b) {
			p.out.WriteByte('\n')
		}
		p.block(b)
		last = b
	}
	_, err := io.WriteString(w, p.out.String())
	return err
}

// together reports whether two blocks stand on neighbouring lines.
func together(above, below briefing.Block) bool {
	_, list := below.(briefing.List)
	_, footer := below.(briefing.Footer)
	switch above.(type) {
	case briefing.Subheading:
		return true
	case briefing.Paragraph:
		return list
	case briefing.Note, briefing.Source:
		return footer
	}
	return false
}

type printer struct {
	Options
	out strings.Builder
}

func (p *printer) block(b briefing.Block) {
	switch b := b.(type) {
	case briefing.Heading:
		if b.Ours {
			p.ours(b.Text)
		} else {
			p.wrap(briefing.Text{{Text: b.Text, Bold: true}}, "", "", "")
		}
	case briefing.Subheading:
		p.wrap(briefing.Text{{Text: b.Text, Bold: true}}, "", "", "")
	case briefing.Paragraph:
		p.wrap(b.Text, "", "", "")
	case briefing.List:
		for _, item := range b.Items {
			indent := strings.Repeat("  ", item.Depth+1)
			bullet := item.Bullet() + " "
			p.wrap(item.Text, indent+bullet, indent+strings.Repeat(" ", utf8.RuneCountInString(bullet)), "")
		}
	case briefing.Note:
		p.ours(b.Text)
	case briefing.Source:
		p.ours(b.Text)
	case briefing.Footer:
		p.ours(b.Text)
	case briefing.Buttons:
		p.buttons(b)
	case briefing.Form:
		p.form(b)
	}
}

func (p *printer) ours(s string) { p.wrap(briefing.Words(s), "│ ", "│ ", dim) }

// buttons are the commands to type, since nothing can be pressed.
func (p *printer) buttons(b briefing.Buttons) {
	wide := 0
	for _, button := range b.Buttons {
		if button.Share == nil {
			wide = max(wide, utf8.RuneCountInString(button.Label))
		}
	}
	for _, button := range b.Buttons {
		if button.Share != nil {
			continue // there is no channel here
		}
		fmt.Fprintf(&p.out, "  %s%s  %s\n", button.Label, strings.Repeat(" ", wide-utf8.RuneCountInString(button.Label)), p.styled(button.Command, bold))
	}
}

// form is what it would ask for, and the command that says the same.
func (p *printer) form(f briefing.Form) {
	var values []string
	for _, field := range f.Fields {
		var labels []string
		for _, o := range field.Options {
			labels = append(labels, o.Label)
		}
		p.wrap(briefing.Text{{Text: field.Label + ": ", Bold: true}, {Text: strings.Join(labels, ", ")}}, "  ", "    ", "")
		values = append(values, field.Value)
	}
	p.wrap(briefing.Text{{Text: f.CommandOf(values), Code: true}}, "  ", "    ", "")
}

// wrap writes a text in lines of at most the width, the first behind one prefix
// and the others behind another. style is for the whole of it.
func (p *printer) wrap(t briefing.Text, first, rest, style string) {
	p.out.WriteString(p.styled(first, style))
	room := p.Width - utf8.RuneCountInString(first)
	column := 0
	newLine := func() {
		p.out.WriteString("\n" + p.styled(rest, style))
		room, column = p.Width-utf8.RuneCountInString(rest), 0
	}
	for _, piece := range words(t) {
		if piece.text == "\n" {
			newLine()
			continue
		}
		n := utf8.RuneCountInString(piece.text)
		switch {
		case column > 0 && piece.spaced && column+1+n > room:
			newLine()
		case column > 0 && piece.spaced:
			p.out.WriteByte(' ')
			column++
		}
		p.out.WriteString(p.styled(piece.text, style+piece.style))
		column += n
	}
	p.out.WriteByte('\n')
}

func (p *printer) styled(s, style string) string {
	if !p.Colour || style == "" || s == "" {
		return s
	}
	return style + s + reset
}

// piece is a word, or a part of one that looks different from the rest.
type piece struct {
	text   string
	style  string
	spaced bool // there is a space before it
}

func words(t briefing.Text) []piece {
	var out []piece
	spaced := false
	for _, span := range spelled(t) {
		for i, line := range strings.Split(span.Text, "\n") {
			if i > 0 {
				out = append(out, piece{text: "\n"})
			}
			for j, word := range strings.Split(line, " ") {
				spaced = spaced || j > 0
				if word == "" {
					continue
				}
				out = append(out, piece{word, styleOf(span), spaced})
				spaced = false
			}
		}
	}
	return out
}

// spelled puts a link's address behind its words, and stars around marked words.
func spelled(t briefing.Text) briefing.Text {
	var out briefing.Text
	for i, span := range t {
		if span.Mark {
			span.Text = "*" + span.Text + "*"
		}
		out = append(out, span)
		if span.Link != nil && (i+1 == len(t) || t[i+1].Link != span.Link) && span.Link.URL != span.Text {
			out = append(out, briefing.Span{Text: " (" + span.Link.URL + ")"})
		}
	}
	return out
}

func styleOf(s briefing.Span) string {
	style := ""
	if s.Bold || s.Code {
		style += bold
	}
	if s.Italic {
		style += italic
	}
	if s.Mark {
		style += reverse
	}
	if s.Link != nil {
		style += underline
	}
	if s.Ours {
		style += dim
	}
	return style
}
