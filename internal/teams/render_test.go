package teams

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"briefingbot/internal/briefing"
	"briefingbot/internal/platformtest"
)

func TestMessagesLookAsInTheGoldenFiles(t *testing.T) {
	platformtest.Golden(t, Render)
}

func TestEveryTypeOfBlockIsDrawn(t *testing.T) {
	drawn := map[reflect.Type]bool{}
	for _, f := range platformtest.Fixtures(t) {
		if f.Name != "every-block" {
			continue
		}
		for _, b := range f.Message.Blocks {
			drawn[reflect.TypeOf(b)] = len(draw(&briefing.Message{Blocks: []briefing.Block{b}}).Body) > 0
		}
	}
	for _, b := range briefing.AllBlocks {
		if !drawn[reflect.TypeOf(b)] {
			t.Errorf("%T is not drawn, or not in the fixture every-block", b)
		}
	}
}

func TestCardsKeepWithinTeamsLimits(t *testing.T) {
	for _, f := range platformtest.Fixtures(t) {
		for i, card := range Render(f.Message) {
			if n := size(card); n == 0 || n > maxCard {
				t.Errorf("%s, card %d: %d bytes", f.Name, i, n)
			}
			for _, element := range card.Body {
				if set, ok := element.(actionSet); ok && len(set.Actions) > maxPerRow {
					t.Errorf("%s, card %d: %d actions in a row", f.Name, i, len(set.Actions))
				}
			}
			if card.summary == "" || card.FallbackText == "" {
				t.Errorf("%s, card %d: summary %q, fallback %q", f.Name, i, card.summary, card.FallbackText)
			}
		}
	}
}

func TestDividedMessageLosesNothing(t *testing.T) {
	for _, f := range platformtest.Fixtures(t) {
		var got strings.Builder
		for _, card := range Render(f.Message) {
			for _, element := range card.Body {
				raw, err := json.Marshal(element)
				if err != nil {
					t.Fatal(err)
				}
				var v any
				if err := json.Unmarshal(raw, &v); err != nil {
					t.Fatal(err)
				}
				texts(v, &got)
			}
		}
		shown := strings.Join(strings.Fields(strings.ReplaceAll(got.String(), "\\", "")), "")
		for _, b := range f.Message.Blocks {
			for _, want := range words(b) {
				want = strings.Join(strings.Fields(strings.ReplaceAll(want, "\\", "")), "")
				if !strings.Contains(shown, want) {
					t.Errorf("%s: %q is not on the card", f.Name, want)
				}
			}
		}
	}
}

// texts collects what a card shows, in order.
func texts(v any, into *strings.Builder) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			texts(e, into)
		}
	case map[string]any:
		if s, ok := v["text"].(string); ok {
			into.WriteString(s)
		}
		if s, ok := v["title"].(string); ok {
			into.WriteString(s)
		}
		if s, ok := v["label"].(string); ok {
			into.WriteString(s)
		}
		if v["type"] == "Input.Time" {
			into.WriteString(v["value"].(string))
		}
		for _, key := range []string{"inlines", "columns", "items", "choices", "actions"} {
			texts(v[key], into)
		}
	}
}

func words(b briefing.Block) []string {
	switch b := b.(type) {
	case briefing.Paragraph:
		return []string{b.Text.Letters()}
	case briefing.List:
		var out []string
		for _, item := range b.Items {
			for _, span := range item.Text {
				if len(span.Text) < 1000 { // a longer one is cut at a space, and so between two items
					out = append(out, span.Text)
				}
			}
		}
		return out
	case briefing.Buttons:
		var out []string
		for _, button := range b.Buttons {
			if button.Share == nil {
				out = append(out, button.Label)
			}
		}
		return out
	case briefing.Form:
		out := []string{b.Title, b.Submit}
		for _, field := range b.Fields {
			out = append(out, field.Label, field.Chosen())
			for _, o := range field.Options {
				out = append(out, o.Label)
			}
		}
		return out
	}
	return []string{briefing.PlainBlock(b)}
}

func TestRenderDoesNotChangeTheMessage(t *testing.T) {
	for _, f := range platformtest.Fixtures(t) {
		before := fmt.Sprintf("%#v", f.Message.Blocks)
		Render(f.Message)
		if after := fmt.Sprintf("%#v", f.Message.Blocks); before != after {
			t.Errorf("%s was changed by rendering", f.Name)
		}
	}
}
