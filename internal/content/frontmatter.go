package content

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	yamlparser "github.com/goccy/go-yaml/parser"

	"briefingbot/internal/briefing"
)

// The keys of front matter, as the fault for an unknown one names them.
var (
	topKeys     = []string{"id", "title", "publisher", "edition", "language", "prefix", "review-by", "sections", "links"}
	sectionKeys = []string{"kind", "slug", "synonyms"}
	linkKeys    = []string{"edition", "confirmed-on"}
)

// maxValue is the most characters of a value, so that a source line fits below
// every reply.
const maxValue = 200

// sectionNote is what front matter says of a section.
type sectionNote struct {
	line     int
	kind     briefing.Kind
	slug     string
	slugLine int
	synonyms []string
}

// linkNote is what front matter says of a link.
type linkNote struct {
	line          int
	edition       string
	confirmedOn   time.Time
	confirmedLine int
	used          bool
}

var (
	slugForm     = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	prefixForm   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	languageForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z]{2})?$`)
)

// frontMatter reads what stands between the file's first line, "---", and the
// next such line. It returns the offset at which the body starts, or false where
// there is no front matter to speak of.
func (p *parser) frontMatter(b *briefing.Briefing) (body int, ok bool) {
	start := 0
	for line := range bytes.Lines(p.src) {
		fence := bytes.Equal(bytes.TrimRight(line, " \t\n"), []byte("---"))
		switch {
		case body == 0 && !fence:
			p.fault(1, "has no front matter; start the file with a line ---, then id, title and so on, as _template.md does")
			return 0, false
		case body == 0:
			start = len(line)
		case fence:
			// A blank line in place of the fence keeps the line numbers.
			p.readYAML(b, append([]byte("\n"), p.src[start:body]...))
			return body + len(line), true
		}
		body += len(line)
	}
	if body == 0 {
		p.fault(1, "is empty; start from _template.md")
		return 0, false
	}
	p.fault(1, "front matter does not end; add a line --- below its last line")
	return 0, false
}

// readYAML walks the parsed tree itself rather than decoding into a struct:
// a decoder stops at the first fault, and an author wants all of them.
func (p *parser) readYAML(b *briefing.Briefing, src []byte) {
	file, err := yamlparser.ParseBytes(src, 0)
	if err != nil {
		line, text := 1, err.Error()
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) {
			text = syntax.Message
			if syntax.Token != nil {
				line = syntax.Token.Position.Line
			}
		}
		if strings.Contains(text, "already defined") {
			p.fault(line, "this line stands there twice (%s); remove one of the two", text)
			return
		}
		if p.yamlSlips(src) {
			return
		}
		p.fault(line, "front matter cannot be read here (%s); put a value that holds a colon in double quotes, and keep the indents of _template.md", text)
		return
	}
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			p.fault(nodeLine(doc.Body), "front matter ends above this line, at ...; remove the dots")
			return
		}
		root = doc.Body
	}
	if root == nil {
		p.fault(1, "front matter is empty; add id, title and so on, as in _template.md")
		return
	}
	set := func(key string, form *regexp.Regexp, hint string, into *string) func(ast.Node) {
		return func(n ast.Node) {
			s := p.scalar(key, n)
			if s != "" && form != nil && !form.MatchString(s) {
				p.fault(nodeLine(n), "%s %q does not fit; %s", key, s, hint)
				return
			}
			*into = s
		}
	}
	p.each(root, "front matter", topKeys, map[string]func(ast.Node){
		"id":        set("id", slugForm, "use lower-case letters, digits and hyphens, like domestic-abuse", &b.ID),
		"title":     set("title", nil, "", &b.Title),
		"publisher": set("publisher", nil, "", &b.Publisher),
		"edition":   set("edition", nil, "", &b.Edition),
		"language":  set("language", languageForm, "write it like en-GB", &b.Language),
		"prefix":    set("prefix", prefixForm, "use a few lower-case letters, like da", &b.Prefix),
		"review-by": func(n ast.Node) { b.ReviewBy = p.date("review-by", n) },
		"sections":  p.sectionNotes,
		"links":     p.linkNotes,
	})
	for _, need := range []struct{ key, value, example string }{
		{"id", b.ID, "id: domestic-abuse"}, {"title", b.Title, "title: the briefing's title"},
		{"publisher", b.Publisher, "publisher: LLR SCP"}, {"edition", b.Edition, "edition: April 2025"},
		{"language", b.Language, "language: en-GB"}, {"prefix", b.Prefix, "prefix: da"},
	} {
		if need.value == "" && p.keyLines[need.key] == 0 {
			p.fault(1, "front matter has no %s; add a line like %q", need.key, need.example)
		}
	}
	// Slack's longest command has 32 characters, its slash among them.
	if len(b.Prefix) > 16 {
		p.fault(p.keyLines["prefix"], "prefix is longer than 16 letters; people type it: use two or three")
	}
}

var (
	noSpace     = regexp.MustCompile(`^\s*[a-z-]+:[^\s:]`)
	curlyQuotes = regexp.MustCompile(`:\s*[“”„‘’]`)
)

// yamlSlips faults what most often keeps front matter from being read, in plainer
// words than a YAML parser has, and reports whether it found any.
func (p *parser) yamlSlips(src []byte) bool {
	found := false
	for i, line := range strings.Split(string(src), "\n") {
		text := ""
		switch {
		case strings.Contains(line, "\t"):
			text = "a tab stands in this line; use spaces in its place"
		case noSpace.MatchString(line):
			text = "put a space behind the colon"
		case curlyQuotes.MatchString(line):
			text = "the quotes are curly; type straight ones, like \"this\""
		default:
			continue
		}
		found = true
		p.fault(i+1, "%s", text)
	}
	return found
}

func (p *parser) sectionNotes(n ast.Node) {
	p.entries(n, "sections", func(key string, line int, value ast.Node) {
		number, err := strconv.Atoi(key)
		if err != nil {
			p.fault(line, "%q is not the number of a section; write it like 5, and indent kind, slug and synonyms below it", key)
			return
		}
		note := &sectionNote{line: line}
		if p.sectionInfo[number] != nil {
			p.fault(line, "section %d is described twice; keep one of the two", number)
			return
		}
		p.sectionInfo[number] = note
		p.each(value, "section "+key, sectionKeys, map[string]func(ast.Node){
			"kind": func(n ast.Node) {
				note.kind = briefing.Kind(p.scalar("kind", n))
				if note.kind != "" && !slices.Contains(briefing.Kinds, note.kind) {
					var names []string
					for _, k := range briefing.Kinds {
						names = append(names, string(k))
					}
					p.fault(nodeLine(n), "kind %q is not known; %s", note.kind, didYouMean(string(note.kind), names))
					note.kind = ""
				}
			},
			"slug": func(n ast.Node) {
				note.slug, note.slugLine = p.scalar("slug", n), nodeLine(n)
				if note.slug != "" && !slugForm.MatchString(note.slug) {
					p.fault(nodeLine(n), "slug %q does not fit; use lower-case letters, digits and hyphens, like what-we-saw", note.slug)
					note.slug = ""
				}
			},
			"synonyms": func(n ast.Node) {
				list, ok := n.(*ast.SequenceNode)
				if !ok {
					p.fault(nodeLine(n), "synonyms is not a list; write it like synonyms: [risks, concerns]")
					return
				}
				for _, v := range list.Values {
					if s := p.scalar("a synonym", v); s != "" {
						note.synonyms = append(note.synonyms, s)
					}
				}
			},
		})
	})
}

func (p *parser) linkNotes(n ast.Node) {
	p.entries(n, "links", func(key string, line int, value ast.Node) {
		note := &linkNote{line: line}
		p.linkInfo[key] = note
		p.each(value, "link "+strconv.Quote(key), linkKeys, map[string]func(ast.Node){
			"edition": func(n ast.Node) { note.edition = p.scalar("edition", n) },
			"confirmed-on": func(n ast.Node) {
				note.confirmedOn, note.confirmedLine = p.date("confirmed-on", n), nodeLine(n)
				if !p.today.IsZero() && note.confirmedOn.After(p.today) {
					p.fault(nodeLine(n), "confirmed-on %s is in the future; write the day on which somebody opened the link", note.confirmedOn.Format(time.DateOnly))
				}
			},
		})
	})
}

// each calls the handler of every key of a mapping, and faults keys it does not know.
func (p *parser) each(n ast.Node, what string, known []string, handlers map[string]func(ast.Node)) {
	p.entries(n, what, func(key string, line int, value ast.Node) {
		handle, ok := handlers[key]
		if !ok {
			p.fault(line, "%q is not known in %s; %s", key, what, didYouMean(key, known))
			return
		}
		if what == "front matter" {
			p.keyLines[key] = line
		}
		handle(value)
	})
}

func (p *parser) entries(n ast.Node, what string, do func(key string, line int, value ast.Node)) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		p.fault(nodeLine(n), "%s has no entries; write them as in _template.md, or leave it out", what)
		return
	}
	for _, v := range values {
		do(v.Key.GetToken().Value, v.Key.GetToken().Position.Line, v.Value)
	}
}

// scalar is the text of a value as the author typed it, be it a number, a date
// or words.
func (p *parser) scalar(key string, n ast.Node) string {
	s := ""
	switch n := n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		s = n.GetToken().Value
	case *ast.LiteralNode:
		s = n.Value.Value
	case *ast.NullNode:
	default:
		p.fault(nodeLine(n), "%s is not a piece of text; write it on one line, in double quotes if it holds signs", key)
		return ""
	}
	s = strings.Join(strings.Fields(s), " ")
	switch {
	case s == "":
		p.fault(nodeLine(n), "%s is empty; write it after the colon", key)
	case utf8.RuneCountInString(s) > maxValue:
		p.fault(nodeLine(n), "%s is longer than %d characters; shorten it", key, maxValue)
	}
	p.visible(s, nodeLine(n))
	return s
}

// visible faults invisible characters that were written as escapes, and so were
// not seen in the file as it is.
func (p *parser) visible(s string, line int) {
	for _, r := range s {
		if r != '\n' && isInvisible(r) {
			p.fault(line, invisibleFault, r)
			return
		}
	}
}

func (p *parser) date(key string, n ast.Node) time.Time {
	s := p.scalar(key, n)
	if s == "" {
		return time.Time{}
	}
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		p.fault(nodeLine(n), "%s %q is not a date; write it as year, month and day, like 2027-04-30", key, s)
	}
	return d
}

func nodeLine(n ast.Node) int {
	if n == nil || n.GetToken() == nil {
		return 1
	}
	return n.GetToken().Position.Line
}

func (p *parser) fault(line int, format string, args ...any) {
	p.faults = append(p.faults, Fault{File: p.file, Line: line, Text: fmt.Sprintf(format, args...)})
}
