package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"briefingbot/internal/briefing"
	"briefingbot/internal/platformtest"
)

func TestMessagesLookAsInTheGoldenFiles(t *testing.T) {
	platformtest.Golden(t, func(m *briefing.Message) []slack.WebhookMessage { return Render(m, Private) })
}

func TestEveryTypeOfBlockIsDrawn(t *testing.T) {
	drawn := map[reflect.Type]bool{}
	for _, f := range platformtest.Fixtures(t) {
		if f.Name != "every-block" {
			continue
		}
		for _, b := range f.Message.Blocks {
			drawn[reflect.TypeOf(b)] = len(blocks(&briefing.Message{Blocks: []briefing.Block{b}})) > 0
		}
	}
	for _, b := range briefing.AllBlocks {
		if !drawn[reflect.TypeOf(b)] {
			t.Errorf("%T is not drawn, or not in the fixture every-block", b)
		}
	}
}

func TestMessagesKeepWithinSlacksLimits(t *testing.T) {
	for _, f := range platformtest.Fixtures(t) {
		for i, part := range Render(f.Message, Private) {
			if n := len(part.Blocks.BlockSet); n == 0 || n > maxBlocks {
				t.Errorf("%s, part %d: %d blocks", f.Name, i, n)
			}
			if n := utf8.RuneCountInString(part.Text); n == 0 || n > maxText {
				t.Errorf("%s, part %d: %d characters of text", f.Name, i, n)
			}
		}
	}
}

func TestDividedMessageLosesNothing(t *testing.T) {
	for _, f := range platformtest.Fixtures(t) {
		parts := briefing.Split(f.Message, fits)
		var got []string
		for _, p := range parts {
			got = append(got, strings.Fields(letters(p))...)
		}
		if diff := cmp.Diff(strings.Fields(letters(f.Message)), got); diff != "" {
			t.Errorf("%s: words differ after dividing (-want +got):\n%s", f.Name, diff)
		}
		if f.Name == "all" && len(parts) < 2 {
			t.Error("the whole briefing was expected to be divided")
		}
		if f.Name == "all" {
			for _, p := range parts {
				if _, ok := p.Blocks[0].(briefing.Heading); !ok {
					t.Errorf("a part of the whole briefing starts with %T, not with a section's heading", p.Blocks[0])
				}
			}
		}
	}
}

// letters is every word of a message but the numbers and dots before list items.
func letters(m *briefing.Message) string {
	var b strings.Builder
	for _, block := range m.Blocks {
		if l, ok := block.(briefing.List); ok {
			for _, item := range l.Items {
				b.WriteString(item.Text.Plain() + "\n")
			}
			continue
		}
		if row, ok := block.(briefing.Buttons); ok {
			for _, button := range row.Buttons {
				b.WriteString(button.Label + "\n")
			}
			continue
		}
		b.WriteString(briefing.PlainBlock(block) + "\n")
	}
	return b.String()
}

func TestRenderDoesNotChangeTheMessage(t *testing.T) {
	for _, f := range platformtest.Fixtures(t) {
		before := fmt.Sprintf("%#v", f.Message.Blocks)
		for _, to := range []Audience{Private, PrivateInPlace, Channel} {
			Render(f.Message, to)
		}
		if after := fmt.Sprintf("%#v", f.Message.Blocks); before != after {
			t.Errorf("%s was changed by rendering", f.Name)
		}
	}
}

func TestSharedMessageHasNoShareButtonAndShowsToAll(t *testing.T) {
	for _, f := range platformtest.Fixtures(t) {
		for _, part := range Render(f.Message, Channel) {
			out, err := json.Marshal(part)
			if err != nil {
				t.Fatal(err)
			}
			if part.ResponseType != "in_channel" || bytes.Contains(out, []byte(shareAction)) || bytes.Contains(out, []byte("Share in channel")) {
				t.Errorf("%s: %s", f.Name, out)
			}
		}
	}
}
