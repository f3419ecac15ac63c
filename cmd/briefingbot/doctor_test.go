package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"briefingbot/internal/fakes"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

// ask runs a subcommand in a folder of its own, and returns what it prints and its
// exit status.
func ask(t *testing.T, settings map[string]string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "briefingbot", args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GORACE=" + raceSettings}
	for name, value := range settings {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func serverOf(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// healthy is the settings of a bot with which nothing is wrong.
func healthy(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef", "SLACK_BOT_TOKEN": "xoxb-0", "SLACK_API_URL": serverOf(t, fakes.NewSlack()) + "/",
		"TEAMS_APP_ID": teamsApp, "TEAMS_TENANT_ID": teamsTenant, "TEAMS_APP_PASSWORD": "password", "TEAMS_LOGIN_URL": serverOf(t, fakes.NewTeams()),
		"TEAMS_APP_PASSWORD_EXPIRES": time.Now().AddDate(1, 0, 0).Format(time.DateOnly),
	}
}

func answer(status int, header, value, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func TestDoctorSaysWhatIsServedWhereNoPlatformIsSetUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		settings map[string]string
		want     string
		code     int
	}{
		{nil, "look   Settings: no chat platform is set up. serve shows the page that only this machine can open.", 0},
		{map[string]string{"BRIEFINGBOT_WEB": "on", "BRIEFINGBOT_WEB_TOKEN": "a-token-of-the-tests-alone"}, "ok     Settings: complete, for the page in the browser.", 0},
		{map[string]string{"BRIEFINGBOT_WEB": "on"}, "BRIEFINGBOT_WEB_TOKEN is missing", 1},
		{map[string]string{"BRIEFINGBOT_WEB": "off"}, "there is nothing to do", 1},
	} {
		out, code := ask(t, c.settings, "doctor")
		if code != c.code || !strings.Contains(out, c.want) || strings.Contains(out, "of-the-tests") {
			t.Errorf("%v: status %d:\n%s", c.settings, code, out)
		}
	}
}

func TestDoctorFindsABotThatIsReady(t *testing.T) {
	t.Parallel()
	out, code := ask(t, healthy(t), "doctor")
	for _, want := range []string{
		"ok     Settings: complete, for Slack and Teams.", "ok     Briefings: 1 briefing without a fault.",
		"ok     Database: there is no file yet", "ok     Slack: the signing secret looks", "with chat:write and commands. Without chat:write.public",
		"ok     Teams: Microsoft gives the bot a token", "ok     Teams: the client secret is good until", "ok     Clock: ", "look   Public address: not tried.",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if code != 0 || t.Failed() {
		t.Errorf("status %d:\n%s", code, out)
	}
}

func TestDoctorSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	yes := `{"ok":true,"team_id":"T1","user_id":"U1"}`
	for name, c := range map[string]struct {
		setting, value string
		want           string
	}{
		"no setting":           {"SLACK_SIGNING_SECRET", "", "wrong  Settings: half of Slack is set up: SLACK_SIGNING_SECRET is missing.\n       → To mend it: set SLACK_SIGNING_SECRET"},
		"odd signing secret":   {"SLACK_SIGNING_SECRET", "xoxb-1", "look   Slack: the signing secret does not look"},
		"no token":             {"SLACK_BOT_TOKEN", "", "look   Slack: SLACK_BOT_TOKEN is not set"},
		"token refused":        {"SLACK_API_URL", serverOf(t, answer(200, "", "", `{"ok":false,"error":"invalid_auth"}`)) + "/", "wrong  Slack: the bot's token is refused: Slack says invalid_auth."},
		"Slack away":           {"SLACK_API_URL", "http://127.0.0.1:1/", "wrong  Slack: whether the bot's token is good could not be asked: the connection to Slack was refused."},
		"scope missing":        {"SLACK_API_URL", serverOf(t, answer(200, "X-OAuth-Scopes", "commands", yes)) + "/", "wrong  Slack: the bot's token is good, and lacks what it needs: chat:write."},
		"scopes not told":      {"SLACK_API_URL", serverOf(t, answer(200, "", "", yes)) + "/", "look   Slack: the bot's token is good. Slack did not say"},
		"every scope":          {"SLACK_API_URL", serverOf(t, answer(200, "X-OAuth-Scopes", "chat:write, commands, chat:write.public", yes)) + "/", "ok     Slack: the bot's token is good, with chat:write, commands and chat:write.public."},
		"clock behind":         {"SLACK_API_URL", serverOf(t, answer(200, "Date", time.Now().UTC().Add(10*time.Minute).Format(http.TimeFormat), yes)) + "/", "behind Slack's. The bot refuses"},
		"clock ahead a little": {"SLACK_API_URL", serverOf(t, answer(200, "Date", time.Now().UTC().Add(-2*time.Minute).Format(http.TimeFormat), yes)) + "/", "ahead of Slack's."},
		"secret expired": {"TEAMS_LOGIN_URL", serverOf(t, answer(401, "", "", `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys for app 'x' are expired."}`)),
			"wrong  Teams: Microsoft refuses to sign the bot in: no token: invalid_client (AADSTS7000222).\n       → The client secret has expired"},
		"Microsoft away":    {"TEAMS_LOGIN_URL", "http://127.0.0.1:1", "wrong  Teams: Microsoft could not be asked for a token: connection refused."},
		"every tenant":      {"TEAMS_TENANT_ID", "", "look   Teams: TEAMS_TENANT_ID is not set"},
		"secret ends soon":  {"TEAMS_APP_PASSWORD_EXPIRES", time.Now().AddDate(0, 0, 9).Format(time.DateOnly), "look   Teams: the client secret expires on"},
		"secret has ended":  {"TEAMS_APP_PASSWORD_EXPIRES", "2020-01-31", "wrong  Teams: the client secret expired on 31 January 2020."},
		"no date":           {"TEAMS_APP_PASSWORD_EXPIRES", "soon", "wrong  Settings: TEAMS_APP_PASSWORD_EXPIRES is not a date."},
		"no folder":         {"BRIEFINGBOT_CONTENT", "/no/such/folder", "wrong  Briefings: the folder that BRIEFINGBOT_CONTENT names is not there"},
		"no database":       {"BRIEFINGBOT_DATABASE", "/no/such/folder/b.db", "wrong  Database: it cannot be used: no file can be made in its folder: no such file or directory."},
		"folder a database": {"BRIEFINGBOT_DATABASE", ".", "wrong  Database: it cannot be used: it is a folder."},
		"no PostgreSQL":     {"BRIEFINGBOT_DATABASE", "postgres://u:p@127.0.0.1:1/d", "wrong  Database: PostgreSQL cannot be used: nobody listens there."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := healthy(t)
			settings[c.setting] = c.value
			out, code := ask(t, settings, "doctor")
			if !strings.Contains(out, c.want) {
				t.Errorf("want %q in:\n%s", c.want, out)
			}
			if want := strings.Count(out, "\nwrong "); (code == 1) != (want > 0 || strings.HasPrefix(out, "wrong ")) {
				t.Errorf("status %d:\n%s", code, out)
			}
		})
	}
}

// What doctor tries in a database is undone, and an older schema stays as it is.
func TestDoctorLeavesTheDatabaseAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		settings := healthy(t)
		settings["BRIEFINGBOT_DATABASE"] = database
		if !store.IsPostgres(database) {
			if out, _ := ask(t, settings, "doctor"); !strings.Contains(out, "there is no file yet") {
				t.Errorf("before the start:\n%s", out)
			}
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(database), "*")); err != nil || len(left) > 0 {
				t.Errorf("it made %v, %v", left, err)
			}
		} else if out, _ := ask(t, settings, "doctor"); !strings.Contains(out, "PostgreSQL, empty") {
			t.Errorf("before the start:\n%s", out)
		}
		s, err := store.Open(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		out, code := ask(t, settings, "doctor") // while somebody has it open
		if code != 0 || !strings.Contains(out, "can be written.") {
			t.Errorf("status %d:\n%s", code, out)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		db := s.SQLite()
		if db == nil {
			return
		}
		var rows int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM tenant").Scan(&rows); err != nil || rows != 0 {
			t.Errorf("%d rows are left, %v", rows, err)
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)"); err != nil {
			t.Fatal(err)
		}
		if out, code := ask(t, settings, "doctor"); code != 1 || !strings.Contains(out, "wrong  Database: the database has schema 99") {
			t.Errorf("a newer schema: status %d:\n%s", code, out)
		}
	})
}

func TestDoctorTriesThePublicAddress(t *testing.T) {
	t.Parallel()
	tls := func(h http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // some of these are meant not to be trusted
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	good := tls(answer(200, "", "", "ok\n"))
	authority := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: good.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		address, authority, want string
	}{
		"good":           {good.URL, authority, "ok     Public address: it leads to the bot"},
		"a path":         {good.URL + "/", authority, "ok     Public address: it leads to the bot"},
		"not trusted":    {good.URL, "", "wrong  Public address: it does not answer: nobody this machine trusts"},
		"another name":   {strings.Replace(good.URL, "127.0.0.1", "localhost", 1), authority, "wrong  Public address: it does not answer: its certificate is for another name."},
		"somebody else":  {tls(answer(200, "", "", "Welcome to nginx!")).URL, authority, "wrong  Public address: somebody answers with status 200, and it is not this bot."},
		"a sign-in":      {tls(http.RedirectHandler("/login", http.StatusFound)).URL, authority, "wrong  Public address: somebody answers with status 302"},
		"not https":      {serverOf(t, answer(200, "", "", "ok\n")), "", "wrong  Public address: what --url names is no https address."},
		"plain http":     {strings.Replace(serverOf(t, answer(200, "", "", "ok\n")), "http:", "https:", 1), "", "wrong  Public address: it does not answer: it does not speak https."},
		"nobody listens": {"https://127.0.0.1:1", "", "wrong  Public address: it does not answer: nobody listens there."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := healthy(t)
			if c.authority != "" {
				settings["SSL_CERT_FILE"] = c.authority
			}
			if out, code := ask(t, settings, "doctor", "--url", c.address); !strings.Contains(out, c.want) || (code == 1) != strings.HasPrefix(c.want, "wrong") {
				t.Errorf("status %d, want %q in:\n%s", code, c.want, out)
			}
		})
	}
}

// Whatever setting somebody puts a secret into, right or wrong, it is not printed.
func TestDoctorPrintsNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "Kestrel9Secret7Value"
	refuse := answer(401, "", "", `{"ok":false,"error":"`+secret+`","error_description":"`+secret+`"}`)
	names := []string{
		"SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN", "SLACK_API_URL", "TEAMS_APP_ID", "TEAMS_APP_PASSWORD", "TEAMS_TENANT_ID", "TEAMS_CLOUD", "TEAMS_LOGIN_URL",
		"TEAMS_OPENID_METADATA_URL", "TEAMS_SERVICE_HOSTS", "TEAMS_INSECURE_LOOPBACK", "TEAMS_APP_PASSWORD_EXPIRES", "BRIEFINGBOT_DATABASE", "BRIEFINGBOT_CONTENT",
		"BRIEFINGBOT_FOOTER", "BRIEFINGBOT_TIMEZONE", "BRIEFINGBOT_WEEKLY_TITLE", "BRIEFINGBOT_SCHEDULERS",
		"SLACK_SIGNING_SECRET_FILE", "SLACK_BOT_TOKEN_FILE", "TEAMS_APP_PASSWORD_FILE", "BRIEFINGBOT_DATABASE_FILE",
	}
	credentials := healthy(t)
	for _, name := range []string{"SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN", "TEAMS_APP_PASSWORD"} {
		credentials[name] = secret
	}
	credentials["BRIEFINGBOT_DATABASE"] = "postgres://user:" + secret + "@127.0.0.1:1/d"
	refused := map[string]string{}
	for name, value := range credentials {
		refused[name] = value
	}
	refused["SLACK_API_URL"], refused["TEAMS_LOGIN_URL"] = serverOf(t, refuse)+"/", serverOf(t, refuse)
	cases := map[string]map[string]string{"as they should be": credentials, "refused": refused}
	for _, name := range names {
		for form, value := range map[string]string{"": secret, " as an address": "https://u:" + secret + "@127.0.0.1:1/", " as a database": "postgres://u:" + secret + "@127.0.0.1:1/%zz"} {
			settings := healthy(t)
			delete(settings, strings.TrimSuffix(name, "_FILE"))
			settings[name] = value
			cases[name+form] = settings
		}
	}
	for name, settings := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, code := ask(t, settings, "doctor", "--url", "https://"+secret+"@127.0.0.1:1/")
			if strings.Contains(out, secret) {
				t.Errorf("it is in:\n%s", out)
			}
			if code != 1 || !strings.Contains(out, "ok     ") {
				t.Errorf("status %d:\n%s", code, out)
			}
		})
	}
}
