package web

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"briefingbot/internal/briefing"
	"briefingbot/internal/platformtest"
)

func TestEveryTypeOfBlockIsDrawn(t *testing.T) {
	for _, b := range briefing.AllBlocks {
		if drawn, err := HTML(&briefing.Message{Blocks: []briefing.Block{b}}); err != nil {
			t.Errorf("%T: %v", b, err)
		} else if _, list := b.(briefing.List); !list && !strings.Contains(string(drawn), "<") {
			t.Errorf("%T is drawn as %q", b, drawn)
		}
	}
	inFixture := map[reflect.Type]bool{}
	for _, f := range platformtest.Fixtures(t) {
		if f.Name == "every-block" {
			for _, b := range f.Message.Blocks {
				inFixture[reflect.TypeOf(b)] = true
			}
		}
	}
	for _, b := range briefing.AllBlocks {
		if !inFixture[reflect.TypeOf(b)] {
			t.Errorf("%T is not in the fixture every-block", b)
		}
	}
}

// What a reader sees is the message's words, whatever signs they hold.
func TestEveryWordIsShownAndNothingElse(t *testing.T) {
	for _, f := range platformtest.Fixtures(t) {
		want := strings.Join(strings.Fields(letters(f.Message.Blocks)), " ")
		if got := strings.Join(strings.Fields(visible(parse(t, string(draw(t, f.Message))))), " "); got != want {
			t.Errorf("%s:\n got %q\nwant %q", f.Name, got, want)
		}
	}
}

func TestBlocksAreDrawnWithTheirMeaning(t *testing.T) {
	for _, c := range []struct {
		name  string
		block briefing.Block
		want  string
	}{
		{"publisher's heading", briefing.Heading{Text: "01. A & B"}, `<h3>01. A &amp; B</h3>`},
		{"heading of ours", briefing.Heading{Text: "Ours", Ours: true}, `<h3 class="msg-ours">Ours</h3>`},
		{"subheading", briefing.Subheading{Text: "Below"}, `<h4>Below</h4>`},
		{"emphasis", briefing.Paragraph{Text: briefing.Text{{Text: "a", Bold: true}, {Text: "b", Italic: true}, {Text: "c", Code: true}, {Text: "d", Mark: true}, {Text: "e", Bold: true, Italic: true}, {Text: "f", Ours: true}, {Text: "g\nh"}}},
			`<p><strong>a</strong><em>b</em><code>c</code><mark>d</mark><strong><em>e</em></strong><span class="msg-ours">f</span>g<br>h</p>`},
		{"note", briefing.Note{Text: "N"}, `<p class="msg-note">N</p>`},
		{"source", briefing.Source{Text: "S"}, `<p class="msg-source">S</p>`},
		{"footer", briefing.Footer{Text: "F"}, `<p class="msg-footer">F</p>`},
		{"nested list", briefing.List{Items: []briefing.Item{{Text: briefing.Words("a")}, {Text: briefing.Words("b"), Depth: 2}, {Text: briefing.Words("c")}}},
			`<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>`},
		{"numbers with a gap", briefing.List{Items: []briefing.Item{{Text: briefing.Words("a"), Number: 3}, {Text: briefing.Words("b"), Number: 4}, {Text: briefing.Words("c"), Number: 6}}},
			`<ol><li value="3">a</li><li>b</li><li value="6">c</li></ol>`},
		{"numbers below bullets", briefing.List{Items: []briefing.Item{{Text: briefing.Words("a")}, {Text: briefing.Words("b"), Depth: 1, Number: 1}, {Text: briefing.Words("c"), Number: 1}}},
			`<ul><li>a<ol><li>b</li></ol></li></ul><ol><li>c</li></ol>`},
		{"buttons", briefing.Buttons{Buttons: []briefing.Button{{Label: "L", Command: "/x 1"}, {Label: "S", Command: "/x", Share: &briefing.Confirm{Title: "T?", Text: "All.", Yes: "Y", No: "N"}}}},
			`<div class="msg-buttons"><button type="button" data-command="/x 1">L</button><button type="button" data-command="/x" data-share-title="T?" data-share-text="All." data-share-yes="Y" data-share-no="N">S</button></div>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.ReplaceAll(string(draw(t, &briefing.Message{Blocks: []briefing.Block{c.block}})), "\n", "")
			if got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLinkWithEmphasisStaysOneLink(t *testing.T) {
	link := &briefing.Link{URL: "https://example.org/a?b=1&c=2"}
	text := briefing.Text{{Text: "See "}, {Text: "the ", Link: link}, {Text: "guide", Bold: true, Link: link}, {Text: "."}}
	m := &briefing.Message{Blocks: []briefing.Block{briefing.Paragraph{Text: text}}}
	want := `<p>See <a href="https://example.org/a?b=1&amp;c=2" rel="noreferrer noopener" target="_blank">the <strong>guide</strong></a>.</p>` + "\n"
	if got := string(draw(t, m)); got != want {
		t.Errorf("in a chat:\n got %s\nwant %s", got, want)
	}
	page, err := drawing{level: 2}.blocks(m.Blocks)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(page), "target") {
		t.Errorf("a page opens tabs: %s", page)
	}
}

func TestLinkThatRunsAScriptLeadsNowhere(t *testing.T) {
	m := &briefing.Message{Blocks: []briefing.Block{briefing.Paragraph{Text: briefing.Text{{Text: "x", Link: &briefing.Link{URL: "javascript:alert(1)"}}}}}}
	if got := string(draw(t, m)); strings.Contains(got, "javascript") {
		t.Error(got)
	}
}

func TestFormFieldsHaveLabelsOfTheirOwnInOrder(t *testing.T) {
	f := briefing.Form{Title: "Weekly", Submit: "Save", Command: "/reflection", Rest: "Europe/London", Fields: []briefing.Field{
		{Label: "Day", Value: "tuesday", Options: []briefing.Option{{Label: "Monday", Value: "monday"}, {Label: "Tuesday", Value: "tuesday"}}},
		{Label: "List", Value: "gone", Options: []briefing.Option{{Label: "Practice", Value: "practice"}}},
		{Label: "Time", Value: "09:30"},
	}}
	m := &briefing.Message{Blocks: []briefing.Block{f, f}} // two on a page
	doc := parse(t, string(draw(t, m)))
	ids, labels := map[string]bool{}, []string{}
	var fields []string
	walk(doc, func(n *html.Node) {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("the id %s stands twice", id)
			}
			ids[id] = true
		}
		switch n.Data {
		case "label":
			labels = append(labels, attr(n, "for"))
		case "select", "input":
			fields = append(fields, attr(n, "id"))
		case "form":
			if attr(n, "data-command") != "/reflection" || attr(n, "data-rest") != "Europe/London" || attr(n, "class") != "msg-form" {
				t.Errorf("form has %v", n.Attr)
			}
		}
	})
	if len(fields) != 6 || !reflect.DeepEqual(labels, fields) {
		t.Errorf("labels %v, fields %v", labels, fields)
	}
	chosen := regexp.MustCompile(`<option value="([^"]*)" selected>`).FindAllStringSubmatch(string(draw(t, &briefing.Message{Blocks: []briefing.Block{f}})), -1)
	if len(chosen) != 2 || chosen[0][1] != "tuesday" || chosen[1][1] != "" {
		t.Errorf("chosen: %v", chosen)
	}
}

func draw(t *testing.T, m *briefing.Message) string {
	t.Helper()
	drawn, err := HTML(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(drawn)
}

// letters is every word of the blocks, in reading order.
func letters(blocks []briefing.Block) string {
	var out []string
	for _, b := range blocks {
		switch b := b.(type) {
		case briefing.Paragraph:
			out = append(out, b.Text.Letters())
		case briefing.List:
			for _, item := range b.Items {
				out = append(out, item.Text.Letters())
			}
		case briefing.Buttons:
			for _, button := range b.Buttons {
				out = append(out, button.Label)
			}
		case briefing.Form:
			out = append(out, b.Title)
			for _, f := range b.Fields {
				out = append(out, f.Label)
				if len(f.Options) > 0 && f.Chosen() == f.Value {
					out = append(out, "Choose one")
				}
				for _, o := range f.Options {
					out = append(out, o.Label)
				}
			}
			out = append(out, b.Submit)
		default:
			out = append(out, briefing.PlainBlock(b))
		}
	}
	return strings.Join(out, "\n")
}

func parse(t *testing.T, page string) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func walk(n *html.Node, do func(*html.Node)) {
	do(n)
	for c := range n.ChildNodes() {
		walk(c, do)
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// visible is the text below a node, with a space for every break of a line.
func visible(n *html.Node) string {
	var b strings.Builder
	walk(n, func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		case n.Data == "br":
			b.WriteByte('\n')
		}
	})
	return b.String()
}
