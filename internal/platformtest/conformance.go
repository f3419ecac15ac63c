package platformtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// Platform is an adapter of the real bot, and a stand-in for the platform that it
// talks to. Requests are made for a path; where they go is for Conformance.
type Platform struct {
	Handler http.Handler
	Limit   int64 // bytes of the largest body that is taken

	Typed  func(text string) *http.Request // a genuine request, and never the same one twice
	Posted func(text string) *http.Request // the same, where the answer is posted and not returned
	Forged func(text string) *http.Request // as Typed, signed by somebody else
	Stale  func(text string) *http.Request // as Typed, signed too long ago
	Replay string                          // why a request may come twice; empty where it may not

	Script func(Mood)    // how the platform takes posts from now on
	Posts  func() []Post // what was posted to it
	Settle func()        // waits until every post has been taken or given up; the adapter posts nothing after it
	Logs   *observer.ObservedLogs
	Lost   *atomic.Int64 // counts what CountUndelivered is called for

	Secrets []string // what no log and no answer may hold
}

// Post is a request that came to the platform.
type Post struct {
	Raw   string
	Taken bool // the platform said yes
}

// Mood is how a platform takes posts.
type Mood int

// The moods.
const (
	Well     Mood = iota // says yes
	BusyOnce             // says 429 with a Retry-After of a second, and then yes
	Gone                 // says that there is no such channel
	Down                 // drops every connection once the request has been read
)

// What is asked for here, and what the answer holds.
const (
	askWorries = "/da-briefing worries"
	worries    = "Lone male adults accessing services were not always asked if they had children."
	private    = "KayleighSmith" // that somebody types
)

// Conformance holds an adapter to what every platform's has to do. start starts
// one anew.
func Conformance(t *testing.T, start func(t *testing.T) *Platform) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *running)
	}{
		{"genuine request is answered with the publisher's words", genuine},
		{"forged request is refused", forged},
		{"stale request is refused", stale},
		{"replayed request is refused", replayed},
		{"body that is too large is not read to its end", tooLarge},
		{"body that stops arriving is not waited for", stopping},
		{"unknown command is answered with help and not repeated", unknown},
		{"platform that is down costs one line", down},
		{"platform that is busy is waited for and has one answer", busy},
		{"channel that is gone costs one line", gone},
		{"nothing that was typed and no secret leaks", leaks},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &running{Platform: start(t)}
			p.server = httptest.NewUnstartedServer(p.Handler)
			p.server.Config.ReadTimeout = time.Second
			p.server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
			p.server.Start()
			t.Cleanup(p.server.Close)
			c.test(t, p)
		})
	}
}

// running is a platform whose adapter is served.
type running struct {
	*Platform
	server *httptest.Server
}

// do sends a request, and returns the status, header and body of its answer.
func (p *running) do(t *testing.T, r *http.Request) (status int, answer string) {
	t.Helper()
	r.URL.Scheme, r.URL.Host = "http", p.server.Listener.Addr().String()
	resp, err := p.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() // it is read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// seen is what people see in the end: an answer, and what was posted and taken.
func (p *running) seen(answer string) string {
	for _, post := range p.Posts() {
		if post.Taken {
			answer += "\n" + post.Raw
		}
	}
	return answer
}

// refused sees that a request is not served and that one line says so.
func (p *running) refused(t *testing.T, r *http.Request, want int) {
	t.Helper()
	before := p.Logs.Len()
	status, answer := p.do(t, r)
	if status != want {
		t.Errorf("status %d, want %d", status, want)
	}
	if strings.Contains(answer, worries) {
		t.Error("it is answered")
	}
	lines := p.Logs.All()[before:]
	if len(lines) != 1 || lines[0].Message != "request refused" || lines[0].Level != zapcore.WarnLevel || lines[0].ContextMap()["status"] != int64(want) {
		t.Errorf("logged %v, want one line that it was refused with %d", lines, want)
	}
}

// silent sees that nothing is posted.
func (p *running) silent(t *testing.T) {
	t.Helper()
	p.Settle()
	if got := len(p.Posts()); got != 0 {
		t.Errorf("%d posts, want none", got)
	}
}

func genuine(t *testing.T, p *running) {
	status, answer := p.do(t, p.Typed(askWorries))
	posted, nothing := p.do(t, p.Posted(askWorries))
	p.Settle()
	if status != http.StatusOK || posted != http.StatusOK {
		t.Errorf("status %d and %d, want 200", status, posted)
	}
	if got := strings.Count(p.seen(answer+nothing), worries); got < 2 {
		t.Errorf("the section's words were seen %d times, want twice", got)
	}
	if strings.Contains(nothing, worries) {
		t.Error("what is posted is returned as well")
	}
	if got := p.notDelivered(); got != 0 {
		t.Errorf("%d lines that a reply was not delivered", got)
	}
}

func forged(t *testing.T, p *running) {
	p.refused(t, p.Forged(askWorries), http.StatusUnauthorized)
	bare := p.Typed(askWorries)
	bare.Header = http.Header{"Content-Type": bare.Header["Content-Type"]}
	p.refused(t, bare, http.StatusUnauthorized)
	p.silent(t)
}

func stale(t *testing.T, p *running) {
	p.refused(t, p.Stale(askWorries), http.StatusUnauthorized)
	p.silent(t)
}

func replayed(t *testing.T, p *running) {
	if p.Replay != "" {
		t.Skip(p.Replay)
	}
	r := p.Typed(askWorries)
	again := r.Clone(t.Context())
	var err error
	if again.Body, err = r.GetBody(); err != nil {
		t.Fatal(err)
	}
	if status, _ := p.do(t, r); status != http.StatusOK {
		t.Errorf("the request itself: status %d", status)
	}
	p.refused(t, again, http.StatusUnauthorized)
}

// endless is a body without an end, that counts how much of it is read.
type endless struct{ read int64 }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	e.read += int64(len(b))
	return len(b), nil
}

func (*endless) Close() error { return nil }

func tooLarge(t *testing.T, p *running) {
	for _, tt := range []struct {
		name   string
		length int64
		read   int64 // at most
	}{
		{"announced", p.Limit + 1, 0},
		{"in chunks", -1, 2 * p.Limit},
	} {
		r, body, w := p.Typed(askWorries), &endless{}, httptest.NewRecorder()
		r.Body, r.ContentLength, r.RemoteAddr = body, tt.length, "127.0.0.1:1234"
		p.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d, want 413", tt.name, w.Code)
		}
		if body.read > tt.read {
			t.Errorf("%s: %d bytes were read, want at most %d", tt.name, body.read, tt.read)
		}
	}
	p.silent(t)
}

func stopping(t *testing.T, p *running) {
	r := p.Typed(askWorries)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var head strings.Builder
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", r.URL.Path, p.server.Listener.Addr(), len(body))
	if err := r.Header.Write(&head); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", p.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, head.String()+"\r\n"+string(body[:len(body)-1]))
	if err := errors.Join(err, conn.SetReadDeadline(time.Now().Add(10*time.Second))); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("status %d, want 408", resp.StatusCode)
	}
	p.silent(t)
}

func unknown(t *testing.T, p *running) {
	_, answer := p.do(t, p.Typed("/zzqq "+private))
	p.Settle()
	got := p.seen(answer)
	if !strings.Contains(got, "That is not a command here.") || !strings.Contains(got, "/da-briefing") {
		t.Errorf("it is answered with %.300s", got)
	}
	if strings.Contains(got, private) || strings.Contains(got, "zzqq") {
		t.Errorf("what was typed is repeated: %.300s", got)
	}
}

// notDelivered counts the lines that say so.
func (p *running) notDelivered() int {
	return p.Logs.FilterMessage("reply not delivered").FilterLevelExact(zapcore.WarnLevel).Len()
}

// givenUp sees that one answer was given up after one post.
func (p *running) givenUp(t *testing.T) {
	t.Helper()
	if status, _ := p.do(t, p.Posted(askWorries)); status != http.StatusOK {
		t.Errorf("status %d, want 200", status)
	}
	for deadline := time.Now().Add(10 * time.Second); p.notDelivered() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if lines, lost, posts := p.notDelivered(), p.Lost.Load(), len(p.Posts()); lines != 1 || lost != 1 || posts != 1 {
		t.Errorf("%d lines, %d counted and %d posts, want one of each", lines, lost, posts)
	}
	if got := p.Logs.FilterLevelExact(zapcore.ErrorLevel).Len(); got != 0 {
		t.Errorf("%d lines of errors", got)
	}
}

func down(t *testing.T, p *running) {
	p.Script(Down)
	p.givenUp(t)
	// And the process goes on.
	p.Script(Well)
	status, answer := p.do(t, p.Posted(askWorries))
	p.Settle()
	if got := p.seen(answer); status != http.StatusOK || !strings.Contains(got, worries) {
		t.Errorf("the next request: %d %.300s", status, got)
	}
	if got := p.notDelivered(); got != 1 {
		t.Errorf("%d lines, want one", got)
	}
}

func busy(t *testing.T, p *running) {
	p.Script(BusyOnce)
	began := time.Now()
	if status, _ := p.do(t, p.Posted(askWorries)); status != http.StatusOK {
		t.Errorf("status %d, want 200", status)
	}
	p.Settle()
	if took := time.Since(began); took < time.Second {
		t.Errorf("it waited %s, want the second of Retry-After", took)
	}
	posts := p.Posts()
	if len(posts) != 2 || posts[0].Taken || !posts[1].Taken || posts[0].Raw != posts[1].Raw {
		t.Errorf("%d posts, want the one that was not taken and the same again", len(posts))
	}
	if got := p.notDelivered(); got != 0 {
		t.Errorf("%d lines that it was not delivered", got)
	}
}

func gone(t *testing.T, p *running) {
	p.Script(Gone)
	p.givenUp(t)
	p.Settle()
	if got := len(p.Posts()); got != 1 {
		t.Errorf("%d posts, want one", got)
	}
}

func leaks(t *testing.T, p *running) {
	var answers []string
	for _, mood := range []Mood{Well, Gone, Down} {
		p.Script(mood)
		for _, text := range []string{
			private, "/" + private, "/zzqq " + private, "/da-briefing " + private, "/da-briefing search " + private, "/da-briefing search \"" + private + "\" AND (",
			"/da-briefing what happened to " + private, "/da-briefing help " + private, "/da-questions " + private, "/da-questions random " + private, "/briefings " + private,
		} {
			for _, request := range []func(string) *http.Request{p.Typed, p.Posted, p.Forged, p.Stale} {
				_, answer := p.do(t, request(text))
				answers = append(answers, answer)
			}
		}
		broken := p.Typed(private)
		broken.Body, broken.ContentLength, broken.GetBody = io.NopCloser(strings.NewReader(private)), int64(len(private)), nil
		_, answer := p.do(t, broken)
		answers = append(answers, answer)
	}
	p.Settle()
	for _, post := range p.Posts() {
		answers = append(answers, post.Raw)
	}
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	for _, e := range p.Logs.All() {
		line, err := encoder.EncodeEntry(e.Entry, e.Context)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, line.String())
	}
	if p.notDelivered() == 0 || p.Logs.FilterMessage("request refused").Len() == 0 {
		t.Error("this session should have had replies that were not delivered, and requests that were refused")
	}
	for _, said := range answers {
		for _, no := range append([]string{private, "kayleigh"}, p.Secrets...) {
			if strings.Contains(strings.ToLower(said), strings.ToLower(no)) {
				t.Errorf("%q stands in %.400s", no, said)
			}
		}
	}
}
