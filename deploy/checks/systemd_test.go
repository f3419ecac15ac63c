package checks_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// missing skips a test that needs a program, or fails it where CI must have it.
func missing(t *testing.T, program string) {
	t.Helper()
	if os.Getenv("BRIEFINGBOT_REQUIRE_SYSTEMD") == "1" {
		t.Fatalf("%s is not installed here", program)
	}
	t.Skipf("%s is not installed here", program)
}

func systemdAnalyze(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		missing(t, "systemd-analyze")
	}
}

func TestUnitIsSound(t *testing.T) {
	systemdAnalyze(t)
	// The program is installed later: any other stands in for it.
	unit := strings.Replace(read(t, "systemd", "briefingbot.service"), "/usr/local/bin/briefingbot", "/bin/true", 1)
	file := filepath.Join(t.TempDir(), "briefingbot.service")
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command("systemd-analyze", "verify", "--man=no", file).CombinedOutput(); err != nil || strings.Contains(string(said), "briefingbot.service") {
		t.Errorf("%v %s", err, said)
	}
}

// TestUnitIsExposedLittle holds the score of systemd's own scale, from 0 to 10.
// What remains above 1 is the network, which the bot is for.
func TestUnitIsExposedLittle(t *testing.T) {
	systemdAnalyze(t)
	said, err := exec.Command("systemd-analyze", "security", "--offline=true", filepath.Join(root, "deploy", "systemd", "briefingbot.service")).CombinedOutput()
	m := regexp.MustCompile(`Overall exposure level for briefingbot\.service: ([0-9.]+)`).FindSubmatch(said)
	if m == nil {
		t.Fatalf("no score: %v %s", err, said)
	}
	if score, err := strconv.ParseFloat(string(m[1]), 64); err != nil || score > 1.5 {
		t.Errorf("the score is %s, want 1.5 at most", m[1])
	}
}

func TestInstallLeavesSettingsAloneAndUninstallRemovesTheRest(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can install")
	}
	for _, name := range []string{"useradd", "groupadd", "userdel", "groupdel"} {
		if _, err := exec.LookPath(name); err != nil {
			missing(t, name)
		}
	}
	dir := t.TempDir()
	file := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	if err := os.Mkdir(file("etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"passwd": "root:x:0:0::/:/bin/sh\n", "group": "root:x:0:\n", "shadow": "root:*:1::::::\n", "gshadow": "root:*::\n"} {
		if err := os.WriteFile(file("etc", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file("program"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	install := "./install.sh --root " + dir
	run := func(script string) string {
		t.Helper()
		said, err := shell(t, filepath.Join(root, "deploy", "systemd"), script)
		if err != nil {
			t.Fatalf("%s: %v\n%s", script, err, said)
		}
		return said
	}

	run(install + " --binary " + file("program"))
	modes := map[string]os.FileMode{
		"usr/local/bin/briefingbot": 0o755, "etc/systemd/system/briefingbot.service": 0o644,
		"etc/briefingbot": 0o750, "etc/briefingbot/environment": 0o600, "var/lib/briefingbot": 0o700,
	}
	for name, want := range modes {
		if info, err := os.Stat(file(name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, want the mode %o", name, err, want)
		}
	}
	settings := file("etc", "briefingbot", "environment")
	if err := os.WriteFile(settings, []byte("TEAMS_APP_ID=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The second time by a path from where somebody stands.
	run("here=$PWD; cd " + filepath.Dir(dir) + " && \"$here\"/install.sh --root " + filepath.Base(dir) + "/ --binary " + file("program"))
	accounts, err := os.ReadFile(file("etc", "passwd"))
	if err != nil || strings.Count(string(accounts), "\nbriefingbot:") != 1 {
		t.Errorf("after two runs: %v\n%s", err, accounts)
	}
	run(install + " --uninstall")
	if kept, err := os.ReadFile(settings); err != nil || string(kept) != "TEAMS_APP_ID=1\n" {
		t.Errorf("the settings were not kept: %v %s", err, kept)
	}
	for _, name := range []string{"usr/local/bin/briefingbot", "etc/systemd/system/briefingbot.service"} {
		if _, err := os.Stat(file(name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	run(install + " --uninstall --purge")
	run(install + " --uninstall --purge")
	for _, name := range []string{"etc/briefingbot", "var/lib/briefingbot"} {
		if _, err := os.Stat(file(name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	for _, name := range []string{"passwd", "group"} {
		if b, err := os.ReadFile(file("etc", name)); err != nil || strings.Contains(string(b), "briefingbot") {
			t.Errorf("%s still names the bot: %v\n%s", name, err, b)
		}
	}
}
