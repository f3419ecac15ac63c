// Package checks_test holds what is in deploy against the tools that read it:
// Helm's engine and Kubernetes' types, Compose's and Dockerfile's parsers,
// goreleaser's configuration, systemd. It is a module of its own, so that none of
// these is among the bot's dependencies. Start with settings_test.go: no file in
// deploy may name a setting that the bot does not have.
package checks_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// root is the project's folder.
var root = func() string {
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		panic(err)
	}
	return dir
}()

func read(t *testing.T, parts ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{root, "deploy"}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// shell runs a script as sh does for a person, in a folder, with settings beside
// the environment's.
func shell(t *testing.T, dir, script string, env ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-ec", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
