package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"briefingbot/internal/storetest"
)

// TestMain makes the test binary the program itself where it is started under
// the name briefingbot, which is then in the PATH.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"briefingbot": main})
}

// tests is the tests of this package for testscript, which ends the process itself.
type tests struct{ *testing.M }

// Run implements testscript.TestingM.
func (m tests) Run() int {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		// Most of these tests wait, for a process or a time of day: as many may do so
		// at once as there are, whatever the number of cores.
		if err := flag.Set("test.parallel", "16"); err != nil {
			panic(err)
		}
	}
	return storetest.Main(m.M)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status,
			"occupy": occupy,
			"site":   site,
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", raceSettings)
			return nil
		},
		RequireExplicitExec: true,
	})
}

// raceSettings spare every process under the race detector a second's sleep at
// its end.
const raceSettings = "atexit_sleep_ms=0"

// status N PROGRAM ARGS... runs a program, which must exit with status N.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// occupy NAME listens on a port until the script ends, and puts its address into
// the environment variable NAME.
func occupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: occupy NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// site NAME starts a web server over TLS that ends with the script. It puts its
// address, without https://, into the environment variable NAME, and makes programs
// trust it. Below /status/N it answers N, below /to/PATH it leads to PATH for good.
func site(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: site NAME")
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to, ok := strings.CutPrefix(r.URL.Path, "/to"); ok {
			http.Redirect(w, r, to, http.StatusMovedPermanently)
			return
		}
		if status, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/status/")); err == nil {
			w.WriteHeader(status)
		}
		if agent := r.Header.Get("User-Agent"); !strings.HasPrefix(agent, "briefingbot/") {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	ts.Defer(server.Close)
	file := ts.MkAbs("roots.pem")
	ts.Check(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	ts.Setenv("SSL_CERT_FILE", file)
	ts.Setenv(args[0], strings.TrimPrefix(server.URL, "https://"))
}

const secretOfTests = "SigningSecretOfTheTests"

// process is briefingbot serve, running.
type process struct {
	t             *testing.T
	cmd           *exec.Cmd
	public, admin string // addresses
	ready         chan map[string]any
	done          chan struct{}
	mu            sync.Mutex
	lines         []string // of standard error
	out           bytes.Buffer
	err           error // of Wait, once done is closed
}

// serve starts one, and waits until it says that it is ready. Its environment is
// these settings alone.
func serve(t *testing.T, settings ...string) *process {
	t.Helper()
	p := launch(t, settings...)
	select {
	case entry := <-p.ready:
		p.public, _ = entry["listen"].(string)
		p.admin, _ = entry["admin_listen"].(string)
	case <-p.done:
		t.Fatalf("it ended: %v\n%s", p.err, p.stderr())
	case <-time.After(20 * time.Second):
		t.Fatalf("it is not ready\n%s", p.stderr())
	}
	for _, address := range []string{p.public, p.admin} {
		if !strings.HasPrefix(address, "127.0.0.1:") || strings.HasSuffix(address, ":0") {
			t.Fatalf("the ready line names the address %q", address)
		}
	}
	return p
}

// launch starts one, and does not wait.
func launch(t *testing.T, settings ...string) *process {
	t.Helper()
	program, err := exec.LookPath("briefingbot")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte(secretOfTests+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(program, "serve"), ready: make(chan map[string]any, 1), done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append([]string{
		"BRIEFINGBOT_LISTEN=127.0.0.1:0", "BRIEFINGBOT_ADMIN_LISTEN=127.0.0.1:0", "BRIEFINGBOT_LOG_LEVEL=debug",
		"SLACK_SIGNING_SECRET_FILE=" + file, "GORACE=" + raceSettings,
	}, settings...)
	p.cmd.Stdout = &p.out
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		for scan := bufio.NewScanner(stderr); scan.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, scan.Text())
			p.mu.Unlock()
			var entry map[string]any
			if json.Unmarshal(scan.Bytes(), &entry) == nil && entry["msg"] == "ready" {
				p.ready <- entry
			}
		}
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// signed is the header lines of Slack's for a body.
func signed(body string) http.Header {
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	m := hmac.New(sha256.New, []byte(secretOfTests))
	_, _ = io.WriteString(m, "v0:"+stamp+":"+body)
	return http.Header{
		"Content-Type":              {"application/x-www-form-urlencoded"},
		"X-Slack-Request-Timestamp": {stamp},
		"X-Slack-Signature":         {"v0=" + hex.EncodeToString(m.Sum(nil))},
	}
}

func command(name, text string) string {
	return url.Values{
		"command": {name}, "text": {text}, "user_name": {"roadrunner"}, "user_id": {"U2CERLKJA"},
		"response_url": {"https://hooks.slack.com/commands/T1DC2JH3J/397700885554/96rGlfmibIGlgcZRskXaIFfN"},
	}.Encode()
}

func (p *process) do(method, address, path, body string, h http.Header) (status int, reply string) {
	p.t.Helper()
	r, err := http.NewRequest(method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if h != nil {
		r.Header = h
	}
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// stop sends SIGTERM, and returns how long the process took to end.
func (p *process) stop() time.Duration {
	p.t.Helper()
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.t.Fatalf("it did not end\n%s", p.stderr())
	}
	return time.Since(start)
}

func TestServeAnswersSlackAndStopsWhenItIsTold(t *testing.T) {
	t.Parallel()
	p := serve(t, "SLACK_BOT_TOKEN=BotTokenOfTheTests")

	body := command("/da-briefing", "worries")
	h := signed(body)
	status, reply := p.do(http.MethodPost, p.public, "/slack/commands", body, h)
	var message struct {
		Type string `json:"response_type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal([]byte(reply), &message); err != nil {
		t.Error(err)
	}
	if status != http.StatusOK || message.Type != "ephemeral" || !strings.Contains(message.Text, "Lone male adults accessing services were not always asked if they had children.") {
		t.Errorf("%d %s", status, reply)
	}
	if status, _ := p.do(http.MethodPost, p.public, "/slack/commands", body, h); status != http.StatusUnauthorized {
		t.Errorf("replayed: status %d, want 401", status)
	}
	const name = "KayleighSmith"
	for _, body := range []string{
		command("/da-briefing", "search "+name), command("/da-briefing", name), command("/"+name, ""), "text=" + name + "%zz", "payload=" + name,
	} {
		_, reply := p.do(http.MethodPost, p.public, "/slack/commands", body, signed(body))
		if strings.Contains(reply, name) {
			t.Errorf("a reply repeats what was typed: %s", reply)
		}
	}
	if status, _ := p.do(http.MethodPost, p.public, "/slack/commands", command("/da-briefing", name), http.Header{}); status != http.StatusUnauthorized {
		t.Errorf("unsigned: status %d, want 401", status)
	}

	for _, address := range []string{p.public, p.admin} {
		for _, path := range []string{"/healthz", "/readyz"} {
			if status, reply := p.do(http.MethodGet, address, path, "", nil); status != http.StatusOK || reply != "ok\n" {
				t.Errorf("%s%s: %d %q", address, path, status, reply)
			}
		}
	}
	if status, _ := p.do(http.MethodPost, p.admin, "/slack/commands", body, signed(body)); status != http.StatusNotFound {
		t.Errorf("a command on the inside address: status %d, want 404", status)
	}

	if took := p.stop(); took > 5*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	if p.err != nil {
		t.Errorf("it ended with %v, want status 0", p.err)
	}
	if p.out.Len() != 0 {
		t.Errorf("on standard output: %s", p.out.String())
	}
	known := []string{"level", "ts", "msg", "version", "listen", "admin_listen", "briefings", "platforms", "database", "platform", "command", "status", "cause"}
	var messages []string
	for line := range strings.SplitSeq(p.stderr(), "\n") {
		decoder := json.NewDecoder(strings.NewReader(line))
		var entry map[string]any
		if err := decoder.Decode(&entry); err != nil || decoder.More() {
			t.Errorf("not one JSON object: %s", line)
		}
		for key := range entry {
			if !slices.Contains(known, key) {
				t.Errorf("the key %q is not known: %s", key, line)
			}
		}
		for _, key := range []string{"level", "ts", "msg"} {
			if entry[key] == nil {
				t.Errorf("no %s: %s", key, line)
			}
		}
		messages = append(messages, fmt.Sprint(entry["msg"]))
	}
	for _, want := range []string{"ready", "replied", "request refused", "stopping"} {
		if !slices.Contains(messages, want) {
			t.Errorf("%q was not logged", want)
		}
	}
	for _, no := range []string{name, strings.ToLower(name), secretOfTests, "BotTokenOfTheTests", "roadrunner", "U2CERLKJA", "96rGlfmibIGlgcZRskXaIFfN", "worries", h.Get("X-Slack-Signature")} {
		if strings.Contains(p.stderr(), no) {
			t.Errorf("the log holds %q", no)
		}
	}
}

func TestServeAnswersFromTheFolderThatIsSet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "neglect.md"), []byte(`---
id: neglect
title: Neglect
publisher: A partnership
edition: May 2026
language: en-GB
prefix: ng
---

## 01. What it is

A text of another folder.
`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := serve(t, "BRIEFINGBOT_CONTENT="+dir, "BRIEFINGBOT_FOOTER=A footer of our own.")
	body := command("/ng-briefing", "1")
	status, reply := p.do(http.MethodPost, p.public, "/slack/commands", body, signed(body))
	if status != http.StatusOK || !strings.Contains(reply, "A text of another folder.") || !strings.Contains(reply, "A footer of our own.") {
		t.Errorf("%d %s", status, reply)
	}
	body = command("/da-briefing", "worries")
	if _, reply := p.do(http.MethodPost, p.public, "/slack/commands", body, signed(body)); !strings.Contains(reply, "That is not a command here.") {
		t.Errorf("a command of the built-in briefing: %s", reply)
	}
}

// TestSlowClientIsSentAway holds the promise that a client that is slow or idle
// holds nothing for more than 15 s.
func TestSlowClientIsSentAway(t *testing.T) {
	if testing.Short() && os.Getenv("CI") == "" {
		t.Skip("takes about 10 s")
	}
	t.Parallel()
	p := serve(t)
	body := command("/da-briefing", "worries")
	post := func(body string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "POST /slack/commands HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", p.public, len(body))
		_ = signed(body).Write(&b)
		return b.String() + "\r\n"
	}
	clients := []struct {
		name, sent string
		drip       string // what follows, over and over, each half second
	}{
		{"says nothing", "", ""},
		{"sends half a header", "POST /slack/commands HTTP/1.1\r\nHost: " + p.public + "\r\nX-Slack-", ""},
		{"sends its header byte by byte", "POST /slack/commands HTTP/1.1\r\nHost: " + p.public + "\r\nX-Slack-", "a"},
		{"sends half a body", post(body) + body[:len(body)/2], ""},
		{"sends its body byte by byte", post(strings.Repeat("a", 1000)), "a"},
		{"is idle after a request", post(body) + body, ""},
		{"is idle after a health check", "GET /healthz HTTP/1.1\r\nHost: " + p.public + "\r\n\r\n", ""},
	}
	// Goroutines, not parallel tests: of those, no more run than there are cores.
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			if err := outlasts(p.public, c.sent, c.drip, 15*time.Second); err != nil {
				t.Errorf("a client that %s: %v", c.name, err)
			}
		})
	}
	wg.Wait()
}

// outlasts connects and sends, and fails if the connection is open after most.
func outlasts(address, sent, drip string, most time.Duration) error {
	end := time.Now().Add(most)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, sent); err != nil {
		return err
	}
	if drip != "" {
		ticker := time.NewTicker(500 * time.Millisecond)
		stop := make(chan struct{})
		defer func() { ticker.Stop(); close(stop) }()
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-ticker.C:
					_, _ = io.WriteString(conn, drip) // fails once the server has closed
				}
			}
		}()
	}
	if err := conn.SetReadDeadline(end); err != nil {
		return err
	}
	// A reset is as good an end as any.
	if _, err = io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("is still connected after %s", most)
	}
	return nil
}

func TestServeStopsInBoundedTimeWhileClientsHang(t *testing.T) {
	t.Parallel()
	p := serve(t)
	for _, sent := range []string{"", "POST /slack/commands HTTP/1.1\r\nX-", "GET /healthz HTTP/1.1\r\nHost: " + p.public + "\r\n\r\n"} {
		conn, err := net.Dial("tcp", p.public)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Fatal(err)
		}
	}
	if took := p.stop(); took > shutdownTime+time.Second {
		t.Errorf("it took %s to stop", took)
	}
	if p.err != nil {
		t.Errorf("it ended with %v, want status 0\n%s", p.err, p.stderr())
	}
}
