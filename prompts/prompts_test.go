package prompts_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/content"
	"briefingbot/prompts"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// isBriefing asks Load itself whether it would read a file of that name.
func isBriefing(name string) bool {
	_, err := content.Load(fstest.MapFS{name: {Data: []byte("text")}})
	var faults content.Faults
	return errors.As(err, &faults) && faults[0].File == name
}

func TestEveryBriefingOfTheFolderIsBuiltIn(t *testing.T) {
	want, got := map[string]string{}, map[string]string{}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() && isBriefing(e.Name()) {
			want[e.Name()] = read(t, e.Name())
		}
	}
	if len(want) == 0 {
		t.Error("the folder has no briefing")
	}
	err = fs.WalkDir(prompts.FS, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(prompts.FS, path)
		got[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is built in (-folder +built in):\n%s", diff)
	}
	for _, name := range []string{"README.md", "_template.md"} {
		if _, built := got[name]; built {
			t.Errorf("%s is built in, and is no briefing", name)
		}
	}
}

func TestBriefingsThatAreBuiltInHaveNoFaults(t *testing.T) {
	if _, err := content.Load(prompts.FS); err != nil {
		t.Error(err)
	}
}

func TestTemplateLoadsBesideTheBriefings(t *testing.T) {
	both := fstest.MapFS{"a-copy-of-the-template.md": {Data: []byte(read(t, "_template.md"))}}
	names, err := fs.Glob(prompts.FS, "*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		both[name] = &fstest.MapFile{Data: []byte(read(t, name))}
	}
	lib, err := content.Load(both)
	if err != nil {
		t.Fatal(err)
	}
	if len(lib) != len(names)+1 {
		t.Errorf("%d briefings are loaded, want %d and the template", len(lib), len(names))
	}
}

// The fault that README.md shows is the one that its reader will meet.
func TestReadmeShowsWhatCheckPrints(t *testing.T) {
	readme := read(t, "README.md")
	_, rest, _ := strings.Cut(readme, "```text\n")
	shown, _, found := strings.Cut(rest, "\n```")
	if !found || strings.Contains(rest, "```text") {
		t.Fatal("README.md does not have one block of text with the faults")
	}
	file := read(t, "_template.md")
	for _, mistake := range [][2]string{{"kind: questions", "kind: question"}, {"https://", "http://"}} {
		if !strings.Contains(readme, "`"+mistake[1]+"` for `"+mistake[0]+"`") {
			t.Errorf("README.md does not name the mistake %q for %q", mistake[1], mistake[0])
		}
		if n := strings.Count(file, mistake[0]); n != 1 {
			t.Errorf("_template.md has %q %d times, want once", mistake[0], n)
		}
		file = strings.Replace(file, mistake[0], mistake[1], 1)
	}
	const name = "fire-drills.md"
	if !strings.Contains(readme, "`"+name+"`") {
		t.Errorf("README.md does not name %s", name)
	}
	// cmd's check prints the error as it is.
	_, err := content.Load(fstest.MapFS{name: {Data: []byte(file)}})
	if err == nil {
		t.Fatal("the mistakes that README.md names are no faults")
	}
	if diff := cmp.Diff(strings.Split(err.Error(), "\n"), strings.Split(shown, "\n")); diff != "" {
		t.Errorf("faults (-check +README.md):\n%s", diff)
	}
}

func TestReadmeExplainsEveryLineOfTheTemplate(t *testing.T) {
	readme := read(t, "README.md")
	_, rest, _ := strings.Cut(read(t, "_template.md"), "---\n")
	front, _, _ := strings.Cut(rest, "\n---\n")
	for line := range strings.Lines(front) {
		key, _, isKey := strings.Cut(line, ":")
		if !isKey || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "#") {
			continue
		}
		if !strings.Contains(readme, "| `"+key+"` |") {
			t.Errorf("README.md does not explain the line %q", key)
		}
	}
}

// The file names are in lower case, as the pattern that builds them in wants it.
func TestNamesOfBriefingsAreLowerCase(t *testing.T) {
	names, err := filepath.Glob("*.[mM][dD]")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if isBriefing(name) && name != strings.ToLower(name) {
			t.Errorf("%s: rename it to %s", name, strings.ToLower(name))
		}
	}
}
