package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports is which packages of ours each may import; tests may import any.
// Add a new package with its reason.
var imports = map[string]struct {
	reason  string
	imports []string
	stdlib  bool // nothing but the standard library beside ours
}{
	"cmd/briefingbot":    {"main: wires everything together", []string{"internal/bot", "internal/briefing", "internal/command", "internal/content", "internal/linkcheck", "internal/local", "internal/metrics", "internal/schedule", "internal/slack", "internal/store", "internal/teams", "internal/terminal", "internal/web", "prompts"}, false},
	"prompts":            {"the briefings as files", nil, true},
	"internal/briefing":  {"the words, as types", nil, true},
	"internal/content":   {"files to a library, and finding in it", []string{"internal/briefing", "internal/slip"}, false},
	"internal/command":   {"the grammar of what people type", []string{"internal/briefing", "internal/slip"}, false},
	"internal/slip":      {"which misspelt words are near: commands and briefings are found by the same rule", nil, false},
	"internal/bot":       {"what the bot says", []string{"internal/briefing", "internal/command", "internal/content", "internal/holiday"}, false},
	"internal/linkcheck": {"opens web addresses, carefully: cmd may hold no decisions, and briefings are read without a network", nil, true},
	"internal/holiday":   {"bank holidays, which both what is said and what is planned depend on", []string{"internal/briefing"}, false},
	"internal/schedule":  {"when posts are made and who delivers them", []string{"internal/briefing", "internal/holiday"}, false},
	"internal/store":     {"what is kept, in either database", []string{"internal/briefing"}, false},
	"internal/metrics":   {"what is counted for those who watch the bot; nothing of the domain imports it", []string{"internal/briefing", "internal/command", "internal/store"}, false},
	"internal/outbox":    {"sends in the background that both adapters need, which may not import each other", nil, true},
	"internal/local":     {"which hosts and requests are this machine's: adapters must agree on it, and may not import each other", nil, true},
	"internal/slack":     {"Slack's adapter", []string{"internal/briefing", "internal/local", "internal/outbox"}, false},
	"internal/teams":     {"Teams' adapter", []string{"internal/briefing", "internal/local", "internal/outbox"}, false},
	"internal/storetest": {"starts the databases that tests run on; only tests and the load program import it", nil, false},
	"internal/fakes":     {"stand-ins for Slack and Teams; only tests and the load program import it", nil, true},
	"internal/schedule/load": {"measures the built binary with very many channels; nothing imports it",
		[]string{"internal/briefing", "internal/fakes", "internal/store", "internal/storetest"}, false},
	"internal/slack/bench": {"measures the built binary; nothing imports it", nil, true},
	"internal/teams/icons": {"draws the app's icons anew; nothing imports it", nil, true},
	"internal/web":         {"a browser's adapter: the chat page, and briefings to read and print", []string{"internal/briefing", "internal/local"}, false},
	"internal/terminal":    {"draws messages for a terminal, as the adapters do for their platforms: cmd may hold no rendering", []string{"internal/briefing"}, true},
	"internal/platformtest": {"messages that every adapter must render; only tests import it",
		[]string{"internal/bot", "internal/briefing", "internal/content", "prompts"}, false},
}

func TestPackagesImportOnlyWhatTheDesignAllows(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() != ".." && strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(rel))
		rule, ok := imports[pkg]
		if !ok {
			t.Errorf("package %s is not in the table: add it with its reason", pkg)
			return nil
		}
		seen[pkg] = true
		src, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if ours, ok := strings.CutPrefix(imported, "briefingbot/"); ok {
				if !slices.Contains(rule.imports, ours) {
					t.Errorf("%s imports %s", rel, ours)
				}
			} else if first, _, _ := strings.Cut(imported, "/"); rule.stdlib && strings.Contains(first, ".") {
				t.Errorf("%s imports %s, and %s has the standard library alone", rel, imported, pkg)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range imports {
		if !seen[pkg] {
			t.Errorf("package %s is in the table and has no code", pkg)
		}
	}
}

// The top level is the user's choice.
func TestTopLevelHoldsWhatWasAskedFor(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"cmd", "internal", "prompts", "deploy", "go.mod", "go.sum", "README.md"}
	for _, e := range entries {
		// A trial of serve here leaves its database, which git ignores.
		trial := strings.HasPrefix(e.Name(), defaultDatabase)
		if !strings.HasPrefix(e.Name(), ".") && !trial && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s stands at the top level", e.Name())
		}
	}
}

func TestPathsInTheReadmeAreThere(t *testing.T) {
	root := filepath.Join("..", "..")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	paths := regexp.MustCompile(`\b(?:cmd|internal|prompts)/[A-Za-z0-9_./-]*[A-Za-z0-9_]`).FindAllString(string(readme), -1)
	for _, p := range paths {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(p))); err != nil {
			t.Errorf("README.md names %s: %v", p, err)
		}
	}
	if len(paths) < 20 {
		t.Errorf("only %d paths were found", len(paths))
	}
}
