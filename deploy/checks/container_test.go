package checks_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// stages parses the Dockerfile as BuildKit does.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	parsed, err := parser.Parse(strings.NewReader(read(t, "container", "Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 {
		t.Fatalf("%d stages, want one that builds and one that is kept", len(all))
	}
	return all
}

// TestImageBuildsAStaticProgram runs the commands of the stage that builds, one
// after the other, as they stand. Only the folder that they write to is another.
func TestImageBuildsAStaticProgram(t *testing.T) {
	out := t.TempDir()
	ran := 0
	for _, c := range stages(t)[0].Commands {
		run, ok := c.(*instructions.RunCommand)
		if !ok {
			continue
		}
		ran++
		script := strings.Join(run.CmdLine, " ")
		if said, err := shell(t, root, script, "TARGETOS=linux", "TARGETARCH=amd64", "OUT="+out); err != nil {
			t.Fatalf("%s: %v\n%s", script, err, said)
		}
	}
	if ran != 3 {
		t.Fatalf("%d commands ran, want 3", ran)
	}

	program := filepath.Join(out, "briefingbot")
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program needs a loader, which the image does not have")
		}
	}
	if f.Machine != elf.EM_X86_64 {
		t.Skipf("built for %s: not started here", f.Machine)
	}
	// As in the image: no home, no PATH, no time zones.
	cmd := exec.Command(program, "version")
	cmd.Env = []string{}
	said, err := cmd.CombinedOutput()
	if err != nil || !regexp.MustCompile(`^briefingbot \S+\n$`).Match(said) {
		t.Errorf("version: %v %s", err, said)
	}
	authorities, err := os.ReadFile(filepath.Join(out, "ca-certificates.crt"))
	if err != nil || strings.Count(string(authorities), "BEGIN CERTIFICATE") < 50 {
		t.Errorf("few authorities are copied: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Join(out, "data")); err != nil || len(entries) != 0 {
		t.Errorf("the folder for the database: %v %v", entries, err)
	}
}

func TestImageRunsWithoutPrivilegesOrAShell(t *testing.T) {
	kept := stages(t)[1]
	if kept.BaseName != "scratch" {
		t.Errorf("the image is made from %s", kept.BaseName)
	}
	var user, health, entry string
	copied := map[string]string{}
	for _, c := range kept.Commands {
		switch c := c.(type) {
		case *instructions.RunCommand:
			t.Errorf("RUN in an image without a shell: %v", c.CmdLine)
		case *instructions.UserCommand:
			user = c.User
		case *instructions.HealthCheckCommand:
			health = strings.Join(c.Health.Test, " ")
		case *instructions.EntrypointCommand:
			entry = strings.Join(c.CmdLine, " ")
			if c.PrependShell {
				t.Error("ENTRYPOINT needs a shell")
			}
		case *instructions.CopyCommand:
			copied[c.DestPath] = c.Chown
		case *instructions.EnvCommand:
			for _, kv := range c.Env {
				if strings.Contains(kv.Key, "SECRET") || strings.Contains(kv.Key, "TOKEN") || strings.Contains(kv.Key, "DATABASE") {
					t.Errorf("the image sets %s", kv.Key)
				}
			}
		}
	}
	if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("USER %s: want numbers, and not root's", user)
	}
	if health != "CMD /briefingbot health" || entry != "/briefingbot" {
		t.Errorf("HEALTHCHECK %s, ENTRYPOINT %s", health, entry)
	}
	if copied["/data"] != user {
		t.Errorf("/data belongs to %q, want the user %s", copied["/data"], user)
	}
	if _, ok := copied["/etc/ssl/certs/ca-certificates.crt"]; !ok {
		t.Error("no authorities to trust are in the image")
	}
}
