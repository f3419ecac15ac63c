package checks_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var setting = regexp.MustCompile(`\b(?:BRIEFINGBOT|SLACK|TEAMS)_[A-Z_]*[A-Z]\b`)

// TestSettingsAreTheBots holds every setting that a file here names against the
// table of settings in the project's README.
func TestSettingsAreTheBots(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, "|") {
			for _, name := range setting.FindAllString(line, -1) {
				known[name] = true
			}
		}
	}
	found := 0
	err = filepath.WalkDir(filepath.Join(root, "deploy"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "checks" || name == "dist" || name == "secrets" {
				return fs.SkipDir
			}
			return nil
		}
		// A schema holds patterns of names, and no names.
		if strings.HasSuffix(path, ".schema.json") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, name := range setting.FindAllString(string(b), -1) {
			found++
			if !known[name] {
				t.Errorf("%s names %s, which README.md does not", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 30 {
		t.Errorf("only %d settings were found", found)
	}
}
