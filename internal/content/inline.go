package content

import (
	"bufio"
	"bytes"
	"html"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	goldmarkhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"

	"briefingbot/internal/briefing"
)

// title is a heading's words. Chat shows headings without links.
func (p *parser) title(h *ast.Heading, line int) string {
	t := p.inlines(h)
	if slices.ContainsFunc(t, func(s briefing.Span) bool { return s.Link != nil }) {
		p.fault(line, "a heading cannot hold a link; put the link into the text below it")
	}
	return strings.TrimSpace(t.Letters())
}

// inlines reads the words below a node.
func (p *parser) inlines(n ast.Node) briefing.Text {
	var t briefing.Text
	p.walk(n, briefing.Span{}, &t)
	// Spans of the same look belong together: goldmark splits text at every sign.
	var joined briefing.Text
	for _, s := range t {
		if len(joined) > 0 {
			last := &joined[len(joined)-1]
			alike := s
			alike.Text = last.Text
			if alike == *last {
				last.Text += s.Text
				continue
			}
		}
		joined = append(joined, s)
	}
	return joined
}

func (p *parser) walk(n ast.Node, look briefing.Span, into *briefing.Text) {
	say := func(s string) {
		if s != "" {
			span := look
			span.Text = s
			*into = append(*into, span)
		}
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		inner := look
		switch c := c.(type) {
		case *ast.Text:
			words := p.words(c)
			p.visible(words, p.line(c))
			say(words)
			switch {
			case c.HardLineBreak():
				say("\n")
			case c.SoftLineBreak():
				say(" ")
			}
		case *ast.Emphasis:
			inner.Bold, inner.Italic = look.Bold || c.Level == 2, look.Italic || c.Level == 1
			p.walk(c, inner, into)
		case *ast.Link:
			at := len(*into)
			p.walk(c, inner, into)
			link := p.link(briefing.Text((*into)[at:]).Letters(), string(util.URLEscape(c.Destination, true)), p.line(c))
			for i := range (*into)[at:] {
				(*into)[at+i].Link = link
			}
		case *ast.AutoLink:
			label := string(c.Label(p.src))
			if c.AutoLinkType == ast.AutoLinkURL {
				inner.Link = p.link(label, string(c.URL(p.src)), p.line(c))
			}
			inner.Text = label
			*into = append(*into, inner)
		case *ast.Image:
			p.fault(p.line(c), "a picture cannot be shown in chat; remove it, and say in words what it shows")
		case *ast.RawHTML:
			p.fault(p.line(c), "HTML is not read; use plain Markdown, or write \\< where a < is meant")
		case *ast.CodeSpan:
			p.fault(p.line(c), "words between ` signs are not read; use ** for bold or remove the signs")
		default:
			p.unsupported(c, p.line(c))
		}
	}
}

// words is a text node as its author meant it: without backslashes before signs,
// and with &amp; and the like resolved, as a Markdown renderer would do it.
func (p *parser) words(n *ast.Text) string {
	raw := n.Segment.Value(p.src)
	if n.IsRaw() {
		return string(raw)
	}
	// goldmark resolves them while it writes HTML, and only there.
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	goldmarkhtml.DefaultWriter.Write(w, raw)
	_ = w.Flush() // a bytes.Buffer takes everything
	return html.UnescapeString(out.String())
}

// link checks an address, and adds what front matter says of it.
func (p *parser) link(label, address string, line int) *briefing.Link {
	l := &briefing.Link{URL: address}
	switch {
	case strings.TrimSpace(label) == "":
		p.fault(line, "this link has no words; write it as [words](https://address)")
	case !isHTTPS(address):
		p.fault(line, "the link %q does not lead to an https:// address; write its whole address, starting with https://, or remove it", label)
	case p.addresses[label] != "" && p.addresses[label] != address:
		p.fault(line, "two links have the words %q and different addresses; give one of them other words", label)
	}
	if _, known := p.addresses[label]; !known {
		p.links = append(p.links, LinkOrigin{Label: label, Link: l, Line: line})
	}
	p.addresses[label] = address
	if note := p.linkInfo[label]; note != nil {
		note.used = true
		l.Edition, l.ConfirmedOn = note.edition, note.confirmedOn
	}
	return l
}
