package content

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"briefingbot/internal/briefing"
)

// parser reads one file. It goes on after a fault, to find the others.
type parser struct {
	file        string
	src         []byte
	today       time.Time // zero where it is not known
	faults      Faults
	keyLines    map[string]int
	sectionInfo map[int]*sectionNote
	linkInfo    map[string]*linkNote
	addresses   map[string]string // of links, by label
	links       []LinkOrigin
	starts      map[int]int   // of sections: number to line
	blockLines  map[int][]int // of each section's blocks
}

// markdown is CommonMark, and a bare address is a link. Tables are read to be
// faulted: without them they would be paragraphs full of bars.
var markdown = goldmark.New(goldmark.WithExtensions(extension.Linkify, extension.Table))

var headingForm = regexp.MustCompile(`^(\d{1,3})[.:)]?\s+(\S.*)$`)

// briefing reads the whole file.
func (p *parser) briefing() *briefing.Briefing {
	p.keyLines, p.sectionInfo, p.linkInfo = map[string]int{}, map[int]*sectionNote{}, map[string]*linkNote{}
	p.addresses, p.starts, p.blockLines = map[string]string{}, map[int]int{}, map[int][]int{}
	b := &briefing.Briefing{}
	start, ok := p.frontMatter(b)
	if !ok {
		return b
	}
	// Blank lines in place of the front matter keep the line numbers of the body.
	for i := range p.src[:start] {
		if p.src[i] != '\n' {
			p.src[i] = ' '
		}
	}
	p.body(b)
	p.checkSections(b)
	labels := slices.Sorted(maps.Keys(p.addresses))
	for _, label := range slices.Sorted(maps.Keys(p.linkInfo)) {
		if note := p.linkInfo[label]; !note.used {
			hint := "remove it, or write the link's words exactly as in the text"
			if near := nearest(label, labels); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			p.fault(note.line, "no link in the text has the words %q; %s", label, hint)
		}
	}
	return b
}

// body reads the sections.
func (p *parser) body(b *briefing.Briefing) {
	doc := markdown.Parser().Parse(text.NewReader(p.src))
	var section *briefing.Section
	add := func(block briefing.Block, line int) {
		section.Blocks = append(section.Blocks, block)
		p.blockLines[section.Number] = append(p.blockLines[section.Number], line)
	}
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		line := p.line(n)
		heading, isHeading := n.(*ast.Heading)
		if isHeading && heading.Level == 2 {
			section = p.section(b, heading, line)
			continue
		}
		if isHeading && heading.Level == 1 {
			p.fault(line, "a heading with one # is not used; the briefing's title stands in the front matter, sections start with ##")
			continue
		}
		if section == nil {
			p.fault(line, "this stands outside any section; put a heading like ## 01. Title above it, or remove it")
			continue
		}
		switch n := n.(type) {
		case *ast.Heading:
			if n.Level > 3 {
				p.fault(line, "heading level skipped: ## is followed by ###, and there are no others; use ###")
				continue
			}
			title := p.title(n, line)
			if title == "" {
				p.fault(line, "this heading has no words; write some after the ### or remove it")
			}
			add(briefing.Subheading{Text: title}, line)
		case *ast.Paragraph:
			p.slips(n)
			if t := p.inlines(n); len(t) > 0 {
				add(briefing.Paragraph{Text: t}, line)
			}
		case *ast.List:
			add(briefing.List{Items: p.items(n, 0, nil)}, line)
		case *ast.LinkReferenceDefinition:
			p.fault(line, "a link with its address further down is not read; write it as [words](https://address)")
		default:
			p.unsupported(n, line)
		}
	}
	slices.SortStableFunc(b.Sections, func(x, y briefing.Section) int { return cmp.Compare(x.Number, y.Number) })
}

// section starts the section below a heading. One without a number is kept
// apart, so that what stands below it is still looked at.
func (p *parser) section(b *briefing.Briefing, h *ast.Heading, line int) *briefing.Section {
	title := p.title(h, line)
	m := headingForm.FindStringSubmatch(title)
	if m == nil {
		p.fault(line, "this heading has no number and title; write it like ## 05. Title")
		return &briefing.Section{}
	}
	number, err := strconv.Atoi(m[1])
	if err != nil || number == 0 {
		p.fault(line, "sections are numbered from 01; mend the number")
		return &briefing.Section{}
	}
	if first := p.starts[number]; first != 0 {
		p.fault(line, "section %02d is already there in line %d; mend one of the two numbers", number, first)
		return &briefing.Section{}
	}
	p.starts[number] = line
	b.Sections = append(b.Sections, briefing.Section{Number: number, Title: strings.TrimSpace(m[2])})
	return &b.Sections[len(b.Sections)-1]
}

// slips are lines that their author meant as something which Markdown does not
// take them for, most of them pasted from another program.
var slips = []struct {
	form *regexp.Regexp
	text string
}{
	{regexp.MustCompile(`^(?:[•·▪◦●○■–—‣⁃]|o|[-*+]\x{a0})[ \t\x{a0}]*\S`), "this looks like a bullet from another program; start it with a hyphen and a space, and leave an empty line above the first"},
	{regexp.MustCompile(`^-[^-\s]`), "this looks like a bullet; put a space behind the hyphen"},
	{regexp.MustCompile(`^#{1,6}[^#\s]`), "this looks like a heading; put a space behind the # signs"},
	{regexp.MustCompile(`\]\s*\(\s*(?:https?:|www\.)`), "this looks like a link and cannot be read as one; write it as [words](https://address), without spaces around or within the address"},
	{regexp.MustCompile(`~~`), "words between ~~ signs are not read; remove the signs"},
}

// slip holds the letter o to a space: "o" starts many words.
var slipO = regexp.MustCompile(`^o\S`)

// slips faults the slips of a block's lines.
func (p *parser) slips(n ast.Node) {
	lines := n.Lines()
	for i := range lines.Len() {
		segment := lines.At(i)
		line := strings.TrimSpace(string(segment.Value(p.src)))
		for j, slip := range slips {
			if j == 0 && slipO.MatchString(line) || !slip.form.MatchString(withoutLinks(line)) {
				continue
			}
			p.fault(lineAt(p.src, segment.Start), "%s", slip.text)
			break
		}
	}
}

var goodLink = regexp.MustCompile(`\[[^\]]*\]\([^\s()]+\)`)

// withoutLinks leaves out what is a link already.
func withoutLinks(line string) string { return goodLink.ReplaceAllString(line, "link") }

// items flattens a list, its nested lists included.
func (p *parser) items(list *ast.List, depth int, into []briefing.Item) []briefing.Item {
	number := 0
	if list.IsOrdered() {
		number = max(list.Start, 1)
	}
	for li := list.FirstChild(); li != nil; li = li.NextSibling() {
		item := briefing.Item{Depth: depth, Number: number}
		at := len(into)
		into = append(into, item)
		for n := li.FirstChild(); n != nil; n = n.NextSibling() {
			switch n := n.(type) {
			case *ast.TextBlock, *ast.Paragraph:
				p.slips(n)
				if len(into) > at+1 {
					p.fault(p.line(n), "text goes on below an inner list; move it above that list, or make it a bullet of its own")
					continue
				}
				if len(into[at].Text) > 0 {
					into[at].Text = append(into[at].Text, briefing.Span{Text: "\n"})
				}
				into[at].Text = append(into[at].Text, p.inlines(n)...)
			case *ast.List:
				into = p.items(n, depth+1, into)
			default:
				p.unsupported(n, p.line(n))
			}
		}
		if len(into[at].Text) == 0 {
			p.fault(p.line(li), "this bullet has no text; write it on the same line, or remove it")
		}
		if number > 0 {
			number++
		}
	}
	return into
}

// unsupported faults Markdown that no chat platform could show.
func (p *parser) unsupported(n ast.Node, line int) {
	switch n.Kind() {
	case ast.KindBlockquote:
		p.fault(line, "a > at the start of a line is not read; remove it")
	case ast.KindHTMLBlock:
		p.fault(line, "HTML is not read; use plain Markdown, or write \\< where a < is meant")
	case extast.KindTable:
		p.fault(line, "a table cannot be shown in chat; write it as a list")
	case ast.KindThematicBreak:
		p.fault(line, "a dividing line is not read; remove it")
	case ast.KindCodeBlock:
		p.fault(line, "this line is indented by four spaces or more; remove the spaces before it")
	case ast.KindFencedCodeBlock:
		p.fault(line, "``` is not read; remove it")
	default:
		p.fault(line, "this is not read here; use paragraphs, bullets, emphasis and links")
	}
}

// line is where a node starts. Some nodes know no position: the first below
// them that does, or the line of what stands before them, serves.
func (p *parser) line(n ast.Node) int {
	for c := n; c != nil; c = c.FirstChild() {
		if pos := c.Pos(); pos >= 0 && c.Kind() != ast.KindDocument {
			return lineAt(p.src, pos)
		}
	}
	if n.PreviousSibling() != nil {
		return p.line(n.PreviousSibling())
	}
	if n.Parent() != nil && n.Parent().Kind() != ast.KindDocument {
		return p.line(n.Parent())
	}
	return 1
}
