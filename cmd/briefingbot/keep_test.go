package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/fakes"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

// runs runs a subcommand on a database, which must end with a status.
func runs(t *testing.T, database string, status int, args ...string) (out, errOut string) {
	t.Helper()
	program, err := exec.LookPath("briefingbot")
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &stdout, &stderr
	cmd.Env = []string{"BRIEFINGBOT_DATABASE=" + database, "GORACE=" + raceSettings}
	_ = cmd.Run() // its status says it
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("%s: exit status %d, want %d\n%s%s", args, got, status, stdout.String(), stderr.String())
	}
	return stdout.String(), stderr.String()
}

// tenantsOf is what export lists.
func tenantsOf(t *testing.T, database string) (tenants []string) {
	t.Helper()
	out, _ := runs(t, database, 0, "export")
	var list []struct{ Platform, Tenant string }
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		tenants = append(tenants, l.Platform+" "+l.Tenant)
	}
	return tenants
}

func TestTenantIsExportedAndPurgedWhileTheBotRuns(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		b := newTeam(t, database)
		for _, ch := range b.channels {
			b.must(ch, "/reflection weekly monday 09:30", "The weekly question is set.")
			b.now(ch)
		}
		if got := tenantsOf(t, database); len(got) != 2 {
			t.Fatalf("%q", got)
		}
		for i, ch := range b.channels {
			// Entra shows its ids in any case.
			named := []string{"--platform", string(ch.Platform), "--tenant", ch.Tenant}
			if ch.Platform == briefing.Teams {
				named[3] = strings.ToUpper(ch.Tenant)
			}
			out, _ := runs(t, database, 0, append([]string{"export"}, named...)...)
			var held struct {
				Tenant string
				Tables map[string][]map[string]any
			}
			if err := json.Unmarshal([]byte(out), &held); err != nil || held.Tenant != ch.Tenant {
				t.Fatal(held.Tenant, err)
			}
			for table, rows := range held.Tables {
				if len(rows) == 0 {
					t.Errorf("no %s of %s", table, ch.Platform)
				}
			}
			if strings.Contains(strings.ToLower(out), "kayleigh") || strings.Contains(out, "U2CERLKJA") {
				t.Errorf("somebody is named: %s", out)
			}
			if _, errOut := runs(t, database, 1, append([]string{"purge"}, named...)...); !strings.Contains(errOut, "add --yes") {
				t.Error(errOut)
			}
			out, _ = runs(t, database, 0, append([]string{"purge", "--yes"}, named...)...)
			if !strings.Contains(out, "Removed: 1 channel with a weekly question, 1 post,") || !strings.HasSuffix(out, "Held now: nothing.\n") {
				t.Error(out)
			}
			if got := tenantsOf(t, database); len(got) != 1-i {
				t.Errorf("%q are left", got)
			}
			// The bot goes on, and knows nothing of before.
			b.must(ch, "/reflection", "no weekly question")
			if _, errOut := runs(t, database, 1, append([]string{"purge", "--yes"}, named...)...); !strings.Contains(errOut, "nothing is held") {
				t.Error(errOut)
			}
		}
		b.ends()
	})
}

func TestPlatformThatSaysTheBotWasRemovedHasItsDataPurged(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		b := newTeam(t, database)
		other := briefing.Channel{Platform: briefing.Slack, Tenant: "T2147483706", ID: fakes.SlackChannel("T2147483706", 1)}
		for _, ch := range append(b.channels, other) {
			b.must(ch, "/reflection weekly monday 09:30", "The weekly question is set.")
		}
		event := `{"type":"event_callback","team_id":"` + b.channels[0].Tenant + `","event":{"type":"app_uninstalled"}}`
		if status, _ := b.do(http.MethodPost, b.public, "/slack/events", event, http.Header{}); status != http.StatusUnauthorized {
			t.Errorf("unsigned: status %d", status)
		}
		if got := tenantsOf(t, database); len(got) != 3 {
			t.Errorf("%q", got)
		}
		if status, reply := b.do(http.MethodPost, b.public, "/slack/events", event, signed(event)); status != http.StatusOK || reply != "{}" {
			t.Errorf("%d %s", status, reply)
		}
		departure := strings.Replace(inConversation(b.service, b.channels[1], ""), `"type":"message"`, `"type":"installationUpdate","action":"remove"`, 1)
		if status := b.tell(departure, b.microsoft.bearer(t, b.service)); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
		if got := tenantsOf(t, database); len(got) != 1 || got[0] != "slack "+other.Tenant {
			t.Errorf("%q are left", got)
		}
		if got := b.logged("purged what was kept: the bot was removed"); len(got) != 2 || len(got[0]) != 5 {
			t.Errorf("logged %v", got)
		}
		b.ends()
	})
}

func TestBackupIsRestoredAsTheReadmeSays(t *testing.T) {
	t.Parallel()
	dir, ch := t.TempDir(), briefing.Channel{Platform: briefing.Slack, Tenant: "T2147483705", ID: fakes.SlackChannel("T2147483705", 1)}
	database, file := storetest.SQLite(t), filepath.Join(dir, "monday.db")
	chat := newChat(t)
	b := &team{process: serve(t, append(chat.settings[:2:2], "BRIEFINGBOT_DATABASE="+database)...), chat: chat}
	b.must(ch, "/reflection weekly monday 09:30", "The weekly question is set.")
	if out, _ := runs(t, database, 0, "backup", file); !strings.Contains(out, "checked and whole") {
		t.Error(out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if _, errOut := runs(t, database, 1, "backup", file); !strings.Contains(errOut, "is there already") {
		t.Error(errOut)
	}
	b.must(ch, "/reflection stop", "")
	b.stop()
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(database + end); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	copied, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(database, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	b = &team{process: serve(t, append(chat.settings[:2:2], "BRIEFINGBOT_DATABASE="+database)...), chat: chat}
	b.must(ch, "/reflection", "Every Monday at 09:30")
	b.stop()
}

func TestBackupOfPostgresSaysHowItIsDone(t *testing.T) {
	t.Parallel()
	_, errOut := runs(t, "postgres://bot:ThePassword@127.0.0.1/bot", 1, "backup", "file")
	if !strings.Contains(errOut, "hint: copy it with PostgreSQL's own program: pg_dump") || strings.Contains(errOut, "ThePassword") {
		t.Error(errOut)
	}
}

func TestSubcommandsMakeNoDatabase(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	for _, args := range [][]string{{"backup", "file"}, {"export"}, {"export", "--platform", "slack", "--tenant", "T1"}, {"purge", "--yes", "--platform", "slack", "--tenant", "T1"}} {
		if _, errOut := runs(t, database, 1, args...); !strings.Contains(errOut, store.ErrNoFile.Error()) {
			t.Errorf("%s: %s", args, errOut)
		}
	}
	if _, err := os.Stat(database); !os.IsNotExist(err) {
		t.Errorf("there is one: %v", err)
	}
	for _, args := range [][]string{{"purge", "--yes"}, {"purge", "--yes", "--platform", "slack"}, {"export", "--tenant", "T1"}} {
		if _, errOut := runs(t, database, 1, args...); !strings.Contains(errOut, "--platform and --tenant together") {
			t.Errorf("%s: %s", args, errOut)
		}
	}
	runs(t, database, 2, "purge", "--platform", "irc", "--tenant", "T1")
}

func TestTimeToKeepIsInWholeDays(t *testing.T) {
	for text, want := range map[string]int{"400d": 400, "7d": 7, "36500d": 36500, "6d": 0, "36501d": 0, "400": 0, "9600h": 0, "d": 0, "": 0, "-8d": 0, "1.5d": 0} {
		var d days
		if err := d.UnmarshalText([]byte(text)); (err == nil) != (want > 0) || d != days(want)*days(day) {
			t.Errorf("%q: %v, %v", text, d, err)
		}
	}
}

func TestFileThatIsNotThereInTimeIsNotCalledPostgreSQL(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	_, _, err := openStore(ctx, filepath.Join(t.TempDir(), "b.db"))
	if err == nil || !strings.HasPrefix(err.Error(), "the database cannot be opened: ") {
		t.Errorf("%v", err)
	}
}
