package platformtest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Golden holds what render makes of every fixture against files in
// testdata/golden of the test's package: one for each part that a message was
// divided into, as the platform checks want them. With -update it writes them.
func Golden[T any](t *testing.T, render func(*briefing.Message) []T) {
	t.Helper()
	dir := filepath.Join("testdata", "golden")
	expected := map[string]bool{}
	for _, f := range Fixtures(t) {
		for i, part := range render(f.Message) {
			name := f.Name + ".json"
			if i > 0 {
				name = fmt.Sprintf("%s-%d.json", f.Name, i+1)
			}
			expected[name] = true
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", " ")
			if err := enc.Encode(part); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, name)
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v; run the test with -update and look at what it wrote", err)
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
