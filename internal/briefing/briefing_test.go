package briefing_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"briefingbot/internal/briefing"
)

func TestPrivateDoesNotPrint(t *testing.T) {
	p := briefing.NewPrivate("KayleighSmith")
	nested := struct {
		P  briefing.Private
		Pp *briefing.Private
	}{p, &p}
	var out strings.Builder
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&out, format+"\n", p)
		fmt.Fprintf(&out, format+"\n", nested)
		fmt.Fprintf(&out, format+"\n", []briefing.Private{p})
		fmt.Fprintf(&out, format+"\n", map[briefing.Private]briefing.Private{p: p})
	}
	for _, v := range []any{p, nested, map[string]any{"p": p}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	// In hexadecimal, too: %x of a struct goes to the field's own Format.
	for _, leak := range []string{"Kayleigh", fmt.Sprintf("%x", "Kayleigh")} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("printed %q:\n%s", leak, out.String())
		}
	}
	if p.Reveal() != "KayleighSmith" {
		t.Errorf("Reveal() = %q", p.Reveal())
	}
}

func TestPlainIsTheWholeMessageInReadingOrder(t *testing.T) {
	m := &briefing.Message{Blocks: []briefing.Block{
		briefing.Heading{Text: "05. Worries"},
		briefing.Paragraph{Text: briefing.Text{{Text: "See "}, {Text: "the guide", Link: &briefing.Link{URL: "https://example.org"}}, {Text: "."}}},
		briefing.Subheading{Text: "Ask:"},
		briefing.List{Items: []briefing.Item{{Text: briefing.Words("first"), Number: 1}, {Text: briefing.Words("within"), Depth: 1}}},
		briefing.Note{Text: "A note."},
		briefing.Source{Text: "LLR SCP"},
		briefing.Footer{Text: "Footer."},
		briefing.Buttons{Buttons: []briefing.Button{{Label: "Next"}, {Label: "Contents"}}},
	}}
	want := "05. Worries\n\nSee the guide (https://example.org).\n\nAsk:\n\n1. first\n  • within\n\nA note.\n\nLLR SCP\n\nFooter.\n\nButtons: Next | Contents"
	if got := m.Plain(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestPlainHasEveryTypeOfBlock(t *testing.T) {
	for _, b := range briefing.AllBlocks {
		switch b.(type) {
		case briefing.Buttons:
			b = briefing.Buttons{Buttons: []briefing.Button{{Label: "x"}}}
		case briefing.List:
			b = briefing.List{Items: []briefing.Item{{Text: briefing.Words("x")}}}
		case briefing.Paragraph:
			b = briefing.Paragraph{Text: briefing.Words("x")}
		default:
			continue // one field of text, shown above
		}
		if briefing.PlainBlock(b) == "" {
			t.Errorf("%T is left out", b)
		}
	}
}

func TestWithoutShareLeavesTheOtherButtonsAndTheMessageItself(t *testing.T) {
	next, share := briefing.Button{Label: "Next"}, briefing.Button{Label: "Share", Share: &briefing.Confirm{}}
	m := &briefing.Message{Blocks: []briefing.Block{
		briefing.Heading{Text: "01. Title"},
		briefing.Buttons{Buttons: []briefing.Button{share, next}},
		briefing.Buttons{Buttons: []briefing.Button{share}},
	}}
	before := m.Plain()
	if got, want := m.WithoutShare().Plain(), "01. Title\n\nButtons: Next"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if m.Plain() != before {
		t.Errorf("the message became %q", m.Plain())
	}
}
