package slack

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/platformtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The golden files are one message each, as platform checks want them: a message
// that is divided has several.
func TestMessagesLookAsInTheGoldenFiles(t *testing.T) {
	dir := filepath.Join("testdata", "golden")
	expected := map[string]bool{}
	for _, f := range platformtest.Fixtures(t) {
		for i, part := range Render(f.Message, Private) {
			name := f.Name
			if i > 0 {
				name = fmt.Sprintf("%s-%d", f.Name, i+1)
			}
			expected[name+".json"] = true
			path := filepath.Join(dir, name+".json")
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", " ")
			if err := enc.Encode(part); err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v; run go test ./internal/slack -update and look at what it wrote", err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !expected[f.Name()] {
			t.Errorf("golden file %s belongs to no fixture; remove it", f.Name())
		}
	}
}

func TestEveryTypeOfBlockIsDrawn(t *testing.T) {
	drawn := map[reflect.Type]bool{}
	for _, f := range platformtest.Fixtures(t) {
		if f.Name != "every-block" {
			continue
		}
		for _, b := range f.Message.Blocks {
			drawn[reflect.TypeOf(b)] = len(blocks(&briefing.Message{Blocks: []briefing.Block{b}}, false)) > 0
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
