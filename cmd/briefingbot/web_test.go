package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const noPlatform = "SLACK_SIGNING_SECRET_FILE="

// say asks the page's chat something.
func (p *process) say(place, text string) (status int, html string) {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{"place": place, "text": text})
	if err != nil {
		p.t.Fatal(err)
	}
	status, answer := p.do(http.MethodPost, p.public, "/say", string(body), http.Header{"Content-Type": {"application/json"}})
	var reply struct{ HTML string }
	if status == http.StatusOK {
		if err := json.Unmarshal([]byte(answer), &reply); err != nil {
			p.t.Fatal(err)
		}
	}
	return status, reply.HTML
}

// posts is what the page's channel gets by itself.
func (p *process) posts() <-chan string {
	p.t.Helper()
	resp, err := http.Get("http://" + p.public + "/events")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = resp.Body.Close() })
	out := make(chan string, 10)
	go func() {
		defer close(out)
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		for name := ""; lines.Scan(); {
			if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = event
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && name == "post" {
				out <- data
			}
		}
	}()
	return out
}

func TestServeWithNothingSetIsTheWholeBotOnThisMachine(t *testing.T) {
	t.Parallel()
	p := serve(t, noPlatform)
	posts := p.posts()
	if status, html := p.say("private", "/da-briefing worries"); status != http.StatusOK || !strings.Contains(html, "What are we worried about?") {
		t.Errorf("status %d: %s", status, html)
	}
	if _, html := p.say("private", "/reflection weekly monday 09:30"); !strings.Contains(html, "belongs in a channel") {
		t.Errorf("in private: %s", html)
	}
	if _, html := p.say("channel", "/reflection weekly monday 09:30"); !strings.Contains(html, "Every Monday at 09:30") {
		t.Errorf("a schedule: %s", html)
	}
	if _, html := p.say("channel", "/reflection now"); html == "" {
		t.Error("no answer to now")
	}
	select {
	case post := <-posts:
		if !strings.Contains(post, "Question of the week") {
			t.Errorf("posted %s", post)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("nothing was posted\n%s", p.stderr())
	}
	// A page that is open does not keep it from stopping.
	if took := p.stop(); took > 5*time.Second || p.err != nil {
		t.Errorf("it took %v to stop, and ended with %v", took, p.err)
	}
	if !regexp.MustCompile(`^Open http://127\.0\.0\.1:\d+/ in a browser on this machine\. Ctrl-C ends it\.\n$`).MatchString(p.out.String()) {
		t.Errorf("it says %q", p.out.String())
	}
}

func TestServeWithNothingSetTakesAnotherPortWhereTheUsualIsTaken(t *testing.T) {
	t.Parallel()
	if l, err := net.Listen("tcp", defaultListen); err == nil {
		defer l.Close() // only to take the port
	} // else it is taken already
	p := launch(t, noPlatform, "BRIEFINGBOT_LISTEN=", "BRIEFINGBOT_ADMIN_LISTEN=")
	select {
	case entry := <-p.ready:
		if address, _ := entry["listen"].(string); address == defaultListen || !strings.HasPrefix(address, "127.0.0.1:") {
			t.Errorf("it listens on %q", address)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("it is not ready\n%s", p.stderr())
	}
	p.stop()
}

func TestServeWithNothingSetSaysOneLine(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("briefingbot")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve")
	cmd.Dir, cmd.Env = t.TempDir(), []string{"BRIEFINGBOT_LISTEN=127.0.0.1:0", "BRIEFINGBOT_ADMIN_LISTEN=127.0.0.1:0", "GORACE=" + raceSettings}
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "Open http://127.0.0.1:") {
		t.Errorf("it says %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if said.Len() > 0 {
		t.Errorf("it also says %q", said.String())
	}
}

func TestAddressIsNeverRepeated(t *testing.T) {
	t.Parallel()
	p := serve(t, noPlatform)
	for _, path := range []string{"/briefings/../quillfeather", "//quillfeather", "/quillfeather/.", "/quillfeather//x/", "/static/../quillfeather", "/briefings/quillfeather/", "/slack//quillfeather"} {
		conn, err := net.Dial("tcp", p.public)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() // read to its end
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 404")) || bytes.Contains(answer, []byte("quillfeather")) {
			t.Errorf("%s: %v\n%s", path, err, answer)
		}
	}
}

func TestWhatWasSetOnThePageRestsWhileThePageIsOff(t *testing.T) {
	t.Parallel()
	database := "BRIEFINGBOT_DATABASE=" + filepath.Join(t.TempDir(), "briefingbot.db")
	trial := serve(t, noPlatform, database)
	if _, html := trial.say("channel", "/reflection weekly monday 09:30"); !strings.Contains(html, "Every Monday at 09:30") {
		t.Fatalf("a schedule: %s", html)
	}
	trial.stop()
	service := serve(t, database)
	if _, told := service.do(http.MethodGet, service.admin, "/metrics", "", nil); !strings.Contains(told, "briefingbot_channels_planned 0\n") || !strings.Contains(told, `briefingbot_channels_paused{cause="gone"} 0`) {
		t.Errorf("it is counted as something to come, or to look after:\n%s", told)
	}
	service.stop()
	again := serve(t, noPlatform, database)
	if _, html := again.say("channel", "/reflection"); !strings.Contains(html, "This page was off for a while.") || !strings.Contains(html, "/reflection resume") {
		t.Errorf("on the page again: %s", html)
	}
}

func TestAnotherFingerprintIsOfOtherBriefings(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, edit := range []struct{ name, old, new string }{
		{"as it is", "", ""}, {"a word", "worried", "concerned"}, {"a day", "review-by: 20", "review-by: 21"},
	} {
		dir := t.TempDir()
		_, text := builtInFile(t)
		if !strings.Contains(text, edit.old) {
			t.Fatalf("the briefing has no %q", edit.old)
		}
		if err := os.WriteFile(filepath.Join(dir, "domestic-abuse.md"), []byte(strings.ReplaceAll(text, edit.old, edit.new)), 0o600); err != nil {
			t.Fatal(err)
		}
		lib, err := loadSound(dir)
		if err != nil {
			t.Fatal(err)
		}
		mark := fingerprint(lib)
		if other, ok := seen[mark]; ok {
			t.Errorf("%s and %s have the same", edit.name, other)
		}
		seen[mark] = edit.name
		if again, err := loadSound(dir); err != nil || fingerprint(again) != mark {
			t.Errorf("%s: another one each time, %v", edit.name, err)
		}
	}
}

func TestPageIsOffWhereAPlatformIsSetUp(t *testing.T) {
	t.Parallel()
	p := serve(t)
	for _, path := range []string{"/", "/events", "/static/chat.js"} {
		if status, _ := p.do(http.MethodGet, p.public, path, "", nil); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := p.say("private", "/briefings"); status != http.StatusNotFound {
		t.Errorf("saying something: %d", status)
	}
}

func TestPageForOthersAsksForTheToken(t *testing.T) {
	t.Parallel()
	p := serve(t, "BRIEFINGBOT_WEB=on", "BRIEFINGBOT_WEB_TOKEN=a-token-of-the-tests-alone")
	if status, body := p.do(http.MethodGet, p.public, "/", "", nil); status != http.StatusOK || !strings.Contains(body, `name="token"`) {
		t.Errorf("status %d: %s", status, body)
	}
	if status, _ := p.say("private", "/briefings"); status != http.StatusUnauthorized {
		t.Errorf("without the token: %d", status)
	}
	p.stop()
	if strings.Contains(p.stderr()+p.out.String(), "of-the-tests") {
		t.Error("the token is printed")
	}
}
