package briefing

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Split divides a message into ones that a platform takes: before a heading if
// that is enough, or else between blocks, and within a paragraph or list that is
// too long for a message by itself. Nothing is lost. fits reports whether blocks
// are one message of the platform's; it must take a paragraph of 1500 characters
// and every other block as the bot makes them.
func Split(m *Message, fits func([]Block) bool) []*Message {
	if fits(m.Blocks) {
		return []*Message{m}
	}
	var (
		out     []*Message
		current []Block
	)
	flush := func() {
		if len(current) > 0 {
			out = append(out, &Message{Blocks: current})
			current = nil
		}
	}
	add := func(blocks []Block) {
		if !fits(slices.Concat(current, blocks)) {
			flush()
		}
		current = append(current, blocks...)
	}
	for _, group := range groups(m.Blocks) {
		if fits(group) {
			add(group)
			continue
		}
		for _, b := range group {
			for _, piece := range pieces(b, fits) {
				add([]Block{piece})
			}
		}
	}
	flush()
	out[0].Notice = m.Notice
	return out
}

// groups are the blocks from one heading to the next.
func groups(blocks []Block) [][]Block {
	var out [][]Block
	for i, b := range blocks {
		if _, ok := b.(Heading); ok || i == 0 {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], b)
	}
	return out
}

// pieceSize is the most characters of a piece of text that had to be cut.
const pieceSize = 1500

// pieces divides a block that is too long for a message.
func pieces(b Block, fits func([]Block) bool) []Block {
	if fits([]Block{b}) {
		return []Block{b}
	}
	var out []Block
	switch b := b.(type) {
	case Paragraph:
		for _, t := range divide(b.Text, pieceSize) {
			out = append(out, Paragraph{Text: t})
		}
	case List:
		var items []Item
		for _, item := range b.Items {
			for i, t := range divide(item.Text, pieceSize) {
				piece := item
				if piece.Text = t; i > 0 && piece.Number > 0 {
					piece.Number, piece.Depth = 0, piece.Depth+1
				}
				if len(items) > 0 && !fits([]Block{List{Items: append(slices.Clone(items), piece)}}) {
					out, items = append(out, List{Items: items}), nil
				}
				items = append(items, piece)
			}
		}
		out = append(out, List{Items: items})
	default:
		// A line of ours or a row of buttons is never as long.
		out = append(out, b)
	}
	return out
}

// divide cuts a text at spaces into texts of at most limit characters.
func divide(t Text, limit int) []Text {
	var (
		out  []Text
		now  Text
		size int
	)
	for _, span := range t {
		for _, word := range strings.SplitAfter(span.Text, " ") {
			n := utf8.RuneCountInString(word)
			if size > 0 && size+n > limit {
				out, now, size = append(out, now), nil, 0
			}
			piece := span
			piece.Text = word
			if len(now) > 0 && sameLook(now[len(now)-1], span) {
				now[len(now)-1].Text += word
			} else {
				now = append(now, piece)
			}
			size += n
		}
	}
	return append(out, now)
}

func sameLook(a, b Span) bool {
	a.Text = b.Text
	return a == b
}
