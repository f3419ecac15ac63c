// Package governance_test holds the papers in this folder to the program: what
// they name has to be there.
package governance_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
	"briefingbot/internal/slack"
	"briefingbot/prompts"
)

const root = "../.."

// papers is every page of this folder, by its name.
func papers(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(text)
	}
	if len(out) < 10 {
		t.Fatalf("only %d pages were found", len(out))
	}
	return out
}

// sources parses every Go file of the project that the filter takes.
func sources(t *testing.T, take func(path string) bool) []*ast.File {
	t.Helper()
	var out []*ast.File
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() != ".." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || !take(filepath.ToSlash(path)):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		out = append(out, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tests is the name of every test and every fuzz target.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, file := range sources(t, func(path string) bool { return strings.HasSuffix(path, "_test.go") }) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				out[f.Name.Name] = true
			}
		}
	}
	return out
}

// subcommands is the flags of every subcommand of the binary, from the struct that
// kong makes them of.
func subcommands(t *testing.T) map[string][]string {
	t.Helper()
	structs := map[string]*ast.StructType{}
	for _, file := range sources(t, func(path string) bool {
		return strings.Contains(path, "cmd/briefingbot/") && !strings.HasSuffix(path, "_test.go")
	}) {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					structs[spec.Name.Name] = s
				}
			}
			return true
		})
	}
	if structs["cli"] == nil {
		t.Fatal("cmd/briefingbot has no struct cli")
	}
	out := map[string][]string{}
	for _, f := range structs["cli"].Fields.List {
		kind, ok := f.Type.(*ast.Ident)
		if !ok || structs[kind.Name] == nil || f.Tag == nil || !strings.Contains(f.Tag.Value, `cmd:""`) {
			continue
		}
		name := kebab(f.Names[0].Name)
		out[name] = []string{}
		for _, flag := range structs[kind.Name].Fields.List {
			for _, n := range flag.Names {
				if flag.Tag == nil || !hasKey(flag.Tag.Value, "arg") {
					out[name] = append(out[name], "--"+kebab(n.Name))
				}
			}
		}
	}
	return out
}

func hasKey(tag, key string) bool {
	_, ok := reflect.StructTag(strings.Trim(tag, "`")).Lookup(key)
	return ok
}

func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

var (
	code    = regexp.MustCompile("`([^`\n]+)`")
	setting = regexp.MustCompile(`^(?:BRIEFINGBOT|SLACK|TEAMS)_[A-Z_]+$`)
	link    = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
)

func TestEverythingThatThePapersNameIsThere(t *testing.T) {
	known, commands := tests(t), subcommands(t)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	lib, err := content.Load(prompts.FS)
	if err != nil {
		t.Fatal(err)
	}
	typed := command.New(lib)
	for name, text := range papers(t) {
		proofs := 0
		for _, m := range code.FindAllStringSubmatch(text, -1) {
			said := m[1]
			first, rest, _ := strings.Cut(said, " ")
			switch {
			case strings.HasPrefix(said, "Test"), strings.HasPrefix(said, "Fuzz"):
				proofs++
				if !known[said] {
					t.Errorf("%s names the test %s, which is not there", name, said)
				}
			case first == "briefingbot" && rest != "":
				proofs++
				words := strings.Fields(rest)
				flags, ok := commands[words[0]]
				if !ok {
					t.Errorf("%s names the command %s, which is not there", name, said)
				}
				for _, w := range words[1:] {
					if strings.HasPrefix(w, "--") && !slices.Contains(flags, w) {
						t.Errorf("%s: %s has no flag %s", name, words[0], w)
					}
				}
			case setting.MatchString(said):
				if !strings.Contains(string(readme), "`"+said+"`") {
					t.Errorf("%s names the setting %s, which the README's table has not", name, said)
				}
			case strings.HasPrefix(said, "/"):
				if cmd := typed.Parse(briefing.NewPrivate(said)); cmd.Verb == command.Unknown || cmd.Fault != command.NoFault {
					t.Errorf("%s: %s is not understood in chat", name, said)
				}
			}
		}
		if proofs == 0 {
			t.Errorf("%s names no test and no command", name)
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.FromSlash(m[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
}

func TestIndexListsEveryPaper(t *testing.T) {
	all := papers(t)
	for name := range all {
		if name != "README.md" && !strings.Contains(all["README.md"], "("+name+")") {
			t.Errorf("README.md does not list %s", name)
		}
	}
}

// What an administrator reads here is what the app's manifest asks for.
func TestPermissionsAreThoseOfTheManifest(t *testing.T) {
	raw, err := slack.Manifest("Briefing Bot", "https://bot.example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		OAuth struct {
			Scopes struct {
				Bot []string `json:"bot"`
			} `json:"scopes"`
		} `json:"oauth_config"`
		Settings struct {
			Events struct {
				Bot []string `json:"bot_events"`
			} `json:"event_subscriptions"`
		} `json:"settings"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	page := papers(t)["permissions.md"]
	_, table, _ := strings.Cut(page, "## Slack")
	table, _, _ = strings.Cut(table, "\n## ")
	agree := func(what string, manifest []string, pattern, text string) {
		t.Helper()
		var listed []string
		for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			listed = append(listed, found[1])
		}
		slices.Sort(listed)
		slices.Sort(manifest)
		if diff := cmp.Diff(manifest, listed); diff != "" {
			t.Errorf("%s (-manifest +permissions.md):\n%s", what, diff)
		}
	}
	agree("scopes", m.OAuth.Scopes.Bot, "(?m)^\\| `([a-z:._]+)`", table)
	_, events, _ := strings.Cut(table, "It subscribes to ")
	events, _, _ = strings.Cut(events, ".")
	agree("events", m.Settings.Events.Bot, "`([a-z_]+)`", events)
}

// The picture must be of use to who cannot see it: it has a title and a
// description, and the page beside it has each of its boxes in words.
func TestPictureIsSaidInWords(t *testing.T) {
	file, err := os.Open("data-flow.svg")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() // only read from: closing can lose nothing
	page := papers(t)["data-flow.md"]
	var (
		role, labelled    string
		ids               []string
		boxes             int
		inBox             bool
		decoder           = xml.NewDecoder(file)
		wanted, described = map[string]bool{"title": false, "desc": false}, ""
	)
	for {
		tok, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			described = tok.Name.Local
			inBox = false
			for _, a := range tok.Attr {
				switch {
				case tok.Name.Local == "svg" && a.Name.Local == "role":
					role = a.Value
				case tok.Name.Local == "svg" && a.Name.Local == "aria-labelledby":
					labelled = a.Value
				case a.Name.Local == "id":
					ids = append(ids, a.Value)
				case a.Name.Local == "class" && a.Value == "name":
					inBox = true
				case a.Name.Local == "href" || a.Name.Local == "src":
					t.Errorf("the picture fetches %s", a.Value)
				}
			}
		case xml.CharData:
			text := strings.TrimSpace(string(tok))
			if _, ok := wanted[described]; ok && text != "" {
				wanted[described] = true
			}
			if inBox && text != "" {
				boxes++
				if !strings.Contains(page, "**"+text+"**") {
					t.Errorf("data-flow.md does not say what %q is", text)
				}
			}
		case xml.EndElement:
			described, inBox = "", false
		}
	}
	if role != "img" || !wanted["title"] || !wanted["desc"] || boxes < 5 {
		t.Errorf("role %q, title and description %v, %d boxes", role, wanted, boxes)
	}
	for id := range strings.FieldsSeq(labelled) {
		if !slices.Contains(ids, id) {
			t.Errorf("nothing in the picture has the id %s", id)
		}
	}
	if labelled == "" {
		t.Error("the picture is not labelled by its title")
	}
}
