package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStoredDataPageIsWhatDataPrints(t *testing.T) {
	var out, errOut bytes.Buffer
	if status := run(t.Context(), []string{"data", "--markdown"}, strings.NewReader(""), &out, &errOut); status != 0 {
		t.Fatalf("status %d: %s", status, errOut.String())
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "deploy", "governance", "stored-data.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(out.String(), string(page)); diff != "" {
		t.Errorf("run briefingbot data --markdown > deploy/governance/stored-data.md, and read what changed (-data +page):\n%s", diff)
	}
}
