package slack

import (
	"slices"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"briefingbot/internal/briefing"
)

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
	return n < maxBlocks && text <= maxText-partNote
}
