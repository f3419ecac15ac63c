package terminal_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"briefingbot/internal/briefing"
	"briefingbot/internal/platformtest"
	"briefingbot/internal/terminal"
)

func render(t *testing.T, m *briefing.Message, o terminal.Options) string {
	t.Helper()
	var b strings.Builder
	if err := terminal.Render(&b, m, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var ansi = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestLinesKeepWithinTheWidth(t *testing.T) {
	for _, f := range platformtest.Fixtures(t) {
		for _, width := range []int{30, 80, 400} {
			out := render(t, f.Message, terminal.Options{Width: width, Colour: true})
			for _, line := range strings.Split(ansi.ReplaceAllString(out, ""), "\n") {
				// A word that is longer than a line stands on one of its own: an address
				// must stay whole. Buttons are a table.
				if n := utf8.RuneCountInString(line); n > min(width, 100) && len(strings.Fields(line)) > 2 && !strings.Contains(line, "  /") && !strings.Contains(line, "  A label") {
					t.Errorf("%s at width %d: %d characters: %q", f.Name, width, n, line)
				}
			}
		}
	}
}

func TestWithoutColourThereAreNoEscapes(t *testing.T) {
	for _, f := range platformtest.Fixtures(t) {
		if out := render(t, f.Message, terminal.Options{Width: 80}); strings.Contains(out, "\x1b") {
			t.Errorf("%s: %q", f.Name, out)
		}
	}
}

func TestEveryWordIsShownWithAndWithoutColour(t *testing.T) {
	for _, f := range platformtest.Fixtures(t) {
		plain := render(t, f.Message, terminal.Options{Width: 80})
		if coloured := ansi.ReplaceAllString(render(t, f.Message, terminal.Options{Width: 80, Colour: true}), ""); coloured != plain {
			t.Errorf("%s differs in more than its colours", f.Name)
		}
		shown := strings.Join(strings.Fields(strings.NewReplacer("│", "", "*", "").Replace(plain)), " ")
		for _, b := range f.Message.Blocks {
			if p, ok := b.(briefing.Paragraph); ok {
				want := strings.Join(strings.Fields(strings.ReplaceAll(p.Text.Plain(), "*", "")), " ")
				if !strings.Contains(shown, want) {
					t.Errorf("%s: %q is not shown", f.Name, want)
				}
			}
		}
	}
}

func TestWordsOfOursStandBehindABar(t *testing.T) {
	out := render(t, &briefing.Message{Blocks: []briefing.Block{
		briefing.Paragraph{Text: briefing.Words("Theirs.")}, briefing.Note{Text: "Ours."}, briefing.Footer{Text: "Footer."},
	}}, terminal.Options{Width: 80})
	if want := "Theirs.\n\n│ Ours.\n│ Footer.\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestButtonsAreCommandsToTypeAndSharingIsLeftOut(t *testing.T) {
	out := render(t, &briefing.Message{Blocks: []briefing.Block{briefing.Buttons{Buttons: []briefing.Button{
		{Label: "Next", Command: "/da-briefing 6"}, {Label: "Contents", Command: "/da-briefing"},
		{Label: "Share in channel", Command: "/da-briefing 5", Share: &briefing.Confirm{}},
	}}}}, terminal.Options{Width: 80})
	if want := "  Next      /da-briefing 6\n  Contents  /da-briefing\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}
