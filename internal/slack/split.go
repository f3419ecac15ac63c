package slack

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"briefingbot/internal/briefing"
)

// split divides a message into ones that Slack takes: before a heading if that is
// enough, or else between blocks, and within a paragraph or list that is too long
// for a message by itself.
func split(m *briefing.Message) []*briefing.Message {
	if fits(m.Blocks) {
		return []*briefing.Message{m}
	}
	var (
		out     []*briefing.Message
		current []briefing.Block
	)
	flush := func() {
		if len(current) > 0 {
			out = append(out, &briefing.Message{Blocks: current})
			current = nil
		}
	}
	add := func(blocks []briefing.Block) {
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
			for _, piece := range pieces(b) {
				add([]briefing.Block{piece})
			}
		}
	}
	flush()
	return out
}

// limited is a message's parts where no more than n can be sent. What is left out
// is said, and how to have it.
func limited(parts []slack.WebhookMessage, n int) []slack.WebhookMessage {
	if len(parts) <= n {
		return parts
	}
	last := parts[n-1]
	text := "The rest is too long for one reply. Ask for its sections one by one."
	last.Text = text
	last.Blocks = &slack.Blocks{BlockSet: []slack.Block{small(text)}}
	return append(slices.Clone(parts[:n-1]), last)
}

// fits reports whether the blocks are one message of Slack's.
func fits(blocks []briefing.Block) bool {
	n, text := 0, 0
	for _, b := range blocks {
		n++
		if row, ok := b.(briefing.Buttons); ok {
			n += (len(row.Buttons) - 1) / maxPerRow
		}
		text += utf8.RuneCountInString(escapeText(briefing.PlainBlock(b))) + 2
	}
	return n <= maxBlocks && text <= maxText
}

// groups are the blocks from one heading to the next.
func groups(blocks []briefing.Block) [][]briefing.Block {
	var out [][]briefing.Block
	for i, b := range blocks {
		if _, ok := b.(briefing.Heading); ok || i == 0 {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], b)
	}
	return out
}

// pieces divides a block that is too long for a message. The limit leaves room
// for marks and escapes.
func pieces(b briefing.Block) []briefing.Block {
	const limit = maxPlainText / 2
	if fits([]briefing.Block{b}) {
		return []briefing.Block{b}
	}
	var out []briefing.Block
	switch b := b.(type) {
	case briefing.Paragraph:
		for _, t := range divide(b.Text, limit) {
			out = append(out, briefing.Paragraph{Text: t})
		}
	case briefing.List:
		var items []briefing.Item
		for _, item := range b.Items {
			for i, t := range divide(item.Text, limit) {
				piece := item
				if piece.Text = t; i > 0 && piece.Number > 0 {
					piece.Number, piece.Depth = 0, piece.Depth+1
				}
				if len(items) > 0 && !fits([]briefing.Block{briefing.List{Items: append(slices.Clone(items), piece)}}) {
					out, items = append(out, briefing.List{Items: items}), nil
				}
				items = append(items, piece)
			}
		}
		out = append(out, briefing.List{Items: items})
	default:
		// A line of ours or a row of buttons is never as long.
		out = append(out, b)
	}
	return out
}

// divide cuts a text at spaces into texts of at most limit characters.
func divide(t briefing.Text, limit int) []briefing.Text {
	var (
		out  []briefing.Text
		now  briefing.Text
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

func sameLook(a, b briefing.Span) bool {
	a.Text = b.Text
	return a == b
}
