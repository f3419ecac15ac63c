package checks_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose loads files as docker compose does: against the schema, with what they
// refer to resolved.
func compose(t *testing.T, env []string, files ...string) (*types.Project, error) {
	t.Helper()
	for i, f := range files {
		files[i] = filepath.Join(root, "deploy", f)
	}
	o, err := cli.NewProjectOptions(files, cli.WithEnv(env), cli.WithInterpolation(true), cli.WithConsistency(true))
	if err != nil {
		t.Fatal(err)
	}
	return o.LoadProject(context.Background())
}

var teamsIDs = []string{"TEAMS_APP_ID=01234567-89ab-cdef-0123-456789abcdef", "TEAMS_TENANT_ID=fedcba98-7654-3210-fedc-ba9876543210"}

func TestComposeHandsSecretsOverAsFiles(t *testing.T) {
	p, err := compose(t, teamsIDs, "compose.yaml", "compose.slack.yaml", "compose.teams.yaml")
	if err != nil {
		t.Fatal(err)
	}
	bot := p.Services["bot"]
	given := map[string]bool{}
	for _, s := range bot.Secrets {
		given["/run/secrets/"+s.Source] = true
	}
	for name, value := range bot.Environment {
		if path, ok := strings.CutSuffix(name, "_FILE"); ok {
			if value == nil || !given[*value] {
				t.Errorf("%s names a file that the bot is not given", name)
			}
			if _, both := bot.Environment[path]; both {
				t.Errorf("%s and %s are both set", path, name)
			}
		}
	}
	if len(given) != 4 {
		t.Errorf("the bot has %d secrets, want 4: %v", len(given), given)
	}
	for name := range p.Services["postgres"].Environment {
		if name == "POSTGRES_PASSWORD" || name == "POSTGRES_HOST_AUTH_METHOD" {
			t.Errorf("%s is set", name)
		}
	}
	for name, s := range p.Secrets {
		if s.File != filepath.Join(root, "deploy", "secrets", name) || s.Content != "" || s.Environment != "" {
			t.Errorf("the secret %s is not the file secrets/%s: %+v", name, name, s)
		}
	}
}

func TestComposeKeepsTheDatabaseInside(t *testing.T) {
	p, err := compose(t, nil, "compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	postgres, bot := p.Services["postgres"], p.Services["bot"]
	if len(postgres.Ports) != 0 {
		t.Errorf("PostgreSQL is published: %+v", postgres.Ports)
	}
	for network := range postgres.Networks {
		if !bool(p.Networks[network].Internal) {
			t.Errorf("PostgreSQL's network %s leads out", network)
		}
	}
	for _, port := range bot.Ports {
		if port.HostIP != "127.0.0.1" || port.Target != 8080 {
			t.Errorf("the bot is published as %+v", port)
		}
	}
	if len(bot.Ports) != 1 || len(bot.Networks) != 2 || !bot.ReadOnly || len(bot.CapDrop) != 1 {
		t.Errorf("ports %v, networks %v, read-only %v, dropped %v", bot.Ports, bot.Networks, bot.ReadOnly, bot.CapDrop)
	}
	if _, err := os.Stat(filepath.Join(bot.Build.Context, bot.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
}

func TestComposeRefusesTeamsWithoutItsIDs(t *testing.T) {
	if _, err := compose(t, nil, "compose.yaml", "compose.teams.yaml"); err == nil || !strings.Contains(err.Error(), "TEAMS_APP_ID") && !strings.Contains(err.Error(), "TEAMS_TENANT_ID") {
		t.Errorf("it was taken: %v", err)
	}
}
