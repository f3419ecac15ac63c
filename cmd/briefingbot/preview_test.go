package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"briefingbot/prompts"
)

// preview starts briefingbot preview on a folder, and returns what it says line by
// line. Platforms that are set up are none of its business.
func preview(t *testing.T, dir string) (p *process, said *bufio.Scanner) {
	t.Helper()
	program, err := exec.LookPath("briefingbot")
	if err != nil {
		t.Fatal(err)
	}
	p = &process{t: t, cmd: exec.Command(program, "preview", dir), done: make(chan struct{})}
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = []string{"BRIEFINGBOT_LISTEN=127.0.0.1:0", "SLACK_SIGNING_SECRET=" + secretOfTests, "TMPDIR=" + p.cmd.Dir, "GORACE=" + raceSettings}
	p.cmd.Stderr = &p.out
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // killed, or ended before
	})
	return p, bufio.NewScanner(out)
}

func (p *process) opened(said *bufio.Scanner) {
	p.t.Helper()
	for said.Scan() {
		if address, ok := strings.CutPrefix(said.Text(), "Open http://"); ok {
			p.public, _, _ = strings.Cut(address, "/")
			return
		}
	}
	p.t.Fatalf("the page does not open: %s", p.out.String())
}

// builtInFile copies the built-in briefing to a folder of its own.
func builtInFile(t *testing.T) (file, text string) {
	t.Helper()
	body, err := prompts.FS.ReadFile("domestic-abuse.md")
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "domestic-abuse.md")
	write(t, file, string(body))
	return file, string(body)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPreviewShowsWhatIsSavedAndKeepsWhatWasGood(t *testing.T) {
	t.Parallel()
	file, text := builtInFile(t)
	p, said := preview(t, filepath.Dir(file))
	p.opened(said)
	worries := func() string { _, html := p.say("private", "/da-briefing worries"); return html }
	if html := worries(); !strings.Contains(html, "Lone male adults") {
		t.Fatalf("before: %s", html)
	}
	write(t, file, strings.Replace(text, "Lone male adults", "Lone adults of any sex", 1))
	p.comes("the new text", func() bool { return strings.Contains(worries(), "Lone adults of any sex") })

	write(t, file, "no front matter\n")
	events, err := http.Get("http://" + p.public + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close() // read as far as needed
	lines := bufio.NewScanner(events.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data: ") && strings.Contains(lines.Text(), "domestic-abuse.md:1") {
			break
		}
	}
	if lines.Err() != nil {
		t.Errorf("the page is not told of the fault: %v", lines.Err())
	}
	if html := worries(); !strings.Contains(html, "Lone adults of any sex") {
		t.Errorf("while it has faults: %s", html)
	}
	write(t, file, text)
	p.comes("the mended text", func() bool { return strings.Contains(worries(), "Lone male adults") })
	if status, page := p.do(http.MethodGet, p.public, "/briefings/domestic-abuse", "", nil); status != http.StatusOK || !strings.Contains(page, "Lone male adults") {
		t.Errorf("the page to print: %d", status)
	}
}

func TestPreviewOfAFaultyFolderOpensOnceItIsMended(t *testing.T) {
	t.Parallel()
	file, text := builtInFile(t)
	write(t, file, "no front matter\n")
	p, said := preview(t, filepath.Dir(file))
	if !said.Scan() || !strings.HasPrefix(said.Text(), "The briefings have faults.") || !said.Scan() || !strings.Contains(said.Text(), "domestic-abuse.md:1") {
		t.Fatalf("it says %q", said.Text())
	}
	write(t, file, text)
	p.opened(said)
	if _, html := p.say("private", "/da-briefing worries"); !strings.Contains(html, "Lone male adults") {
		t.Errorf("then: %s", html)
	}
}

func TestPreviewOfNoFolderEnds(t *testing.T) {
	t.Parallel()
	p, _ := preview(t, filepath.Join(t.TempDir(), "none"))
	if err := p.cmd.Wait(); err == nil || !strings.Contains(p.out.String(), "cannot be opened") {
		t.Errorf("%v: %s", err, p.out.String())
	}
}
