package slack

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/platformtest"
)

const (
	secret   = "SigningSecretOfTheTests"
	botToken = "BotTokenOfTheTests"
	// hook is the path of a response_url. Whoever knows it can post.
	hook = "/actions/T1DC2JH3J/397700885554/96rGlfmibIGlgcZRskXaIFfN"
)

func now() string { return strconv.FormatInt(time.Now().Unix(), 10) }

func signatureOf(secret, timestamp, body string) string {
	m := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(m, "v0:"+timestamp+":"+body)
	return "v0=" + hex.EncodeToString(m.Sum(nil))
}

// sign puts the headers of Slack's on a request with this body.
func sign(r *http.Request, body string) *http.Request {
	stamp := now()
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", signatureOf(secret, stamp, body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	return r
}

// triggers counts the requests: each of Slack's has another trigger_id, so that
// no two are the same.
var triggers atomic.Int64

// commandBody is a slash command as Slack sends it.
func commandBody(command, text, responseURL string) string {
	return "token=gIkuvaNzQIHg97ATvDxqgjtO&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar" +
		"&user_id=U2CERLKJA&user_name=roadrunner&command=" + url.QueryEscape(command) + "&text=" + url.QueryEscape(text) +
		"&api_app_id=A123456&is_enterprise_install=false&response_url=" + url.QueryEscape(responseURL) +
		fmt.Sprintf("&trigger_id=398738663015.47445629121.%d", triggers.Add(1))
}

// button is a press of one, as Slack reports it.
type button struct {
	action, value string
	responseURL   string
	channel       string // or the usual one
	public        bool   // the button is in a message that the whole channel sees
}

func (b button) body() string {
	payload, err := json.Marshal(map[string]any{
		"type": "block_actions", "api_app_id": "A123456", "token": "gIkuvaNzQIHg97ATvDxqgjtO",
		"trigger_id":   fmt.Sprintf("398738663015.47445629121.%d", triggers.Add(1)),
		"response_url": b.responseURL,
		"team":         map[string]any{"id": "T1DC2JH3J", "domain": "testteamnow"},
		"user":         map[string]any{"id": "U2CERLKJA", "username": "roadrunner", "name": "roadrunner", "team_id": "T1DC2JH3J"},
		"container":    map[string]any{"type": "message", "message_ts": "1531420618.000100", "channel_id": "G8PSS9T3V", "is_ephemeral": !b.public},
		"channel":      map[string]any{"id": cmp.Or(b.channel, "G8PSS9T3V"), "name": "foobar"},
		"state":        map[string]any{"values": map[string]any{}},
		"actions": []any{map[string]any{
			"type": "button", "block_id": "xYz", "action_id": cmp.Or(b.action, "reply.1"), "action_ts": "1531420619.000200",
			"value": b.value, "text": map[string]any{"type": "plain_text", "text": "Next (06)", "emoji": false},
		}},
	})
	if err != nil {
		panic(err)
	}
	return "payload=" + url.QueryEscape(string(payload))
}

type responderFunc func(briefing.Request) *briefing.Message

func (f responderFunc) Respond(_ context.Context, r briefing.Request) *briefing.Message { return f(r) }

// note is a responder that says one short thing.
func note(s string) Responder {
	m := &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: s}}}
	return responderFunc(func(briefing.Request) *briefing.Message { return m })
}

func newAdapter(t *testing.T, cfg Config, r Responder) *Adapter {
	t.Helper()
	a, err := New(cfg, r, nil, zap.NewNop(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// posted is what arrived at a response_url.
type posted struct {
	at      time.Time
	path    string
	remote  string // the address it came from, another for each connection
	raw     string
	message struct {
		Type            string           `json:"response_type"`
		ReplaceOriginal bool             `json:"replace_original"`
		DeleteOriginal  bool             `json:"delete_original"`
		Text            string           `json:"text"`
		Blocks          []map[string]any `json:"blocks"`
	}
}

// fakeSlack takes posts to response_urls, and calls of its methods.
type fakeSlack struct {
	*httptest.Server
	api    fakeAPI
	mu     sync.Mutex
	answer answering
	posts  []posted
}

// answering answers post n, counted from 0. Nil says ok.
type answering func(n int, w http.ResponseWriter, r *http.Request)

func (f *fakeSlack) answers(a answering) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = a
}

func newFakeSlack(t *testing.T) *fakeSlack {
	t.Helper()
	f := &fakeSlack{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, apiPath) {
			f.api.ServeHTTP(w, r)
			return
		}
		raw, err := io.ReadAll(r.Body)
		p := posted{at: time.Now(), path: r.URL.Path, remote: r.RemoteAddr, raw: string(raw)}
		if err == nil {
			err = json.Unmarshal(raw, &p.message)
		}
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s is not a post of JSON: %v", r.Method, r.URL.Path, err)
		}
		f.mu.Lock()
		n, answer := len(f.posts), f.answer
		f.posts = append(f.posts, p)
		f.mu.Unlock()
		if answer != nil {
			answer(n, w, r)
			return
		}
		_, _ = io.WriteString(w, "ok")
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeSlack) received() []posted {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.posts)
}

func (f *fakeSlack) hook() string { return f.URL + hook }

// side is the bot in Slack: our server, and the part of Slack that it talks to.
type side struct {
	t       *testing.T
	adapter *Adapter
	server  *httptest.Server
	slack   *fakeSlack
	logs    *observer.ObservedLogs
}

// newSide starts one with this responder, or the real bot where it is nil.
func newSide(t *testing.T, r Responder) *side {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	log := zap.New(core)
	s := &side{t: t, slack: newFakeSlack(t), logs: logs}
	var fixed []*briefing.Message
	if r == nil {
		b := platformtest.NewBot(t, log)
		r, fixed = b, b.Fixed()
	}
	var err error
	s.adapter, err = New(Config{
		SigningSecret: briefing.NewPrivate(secret), BotToken: briefing.NewPrivate(botToken), APIURL: s.slack.URL + apiPath,
	}, r, fixed, log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	// Of its own: closing a test's server closes idle connections of the shared one.
	s.adapter.out.client.Transport = http.DefaultTransport.(*http.Transport).Clone()
	mux := http.NewServeMux()
	s.adapter.Routes(mux)
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

// answer is the HTTP response to a request.
type answer struct {
	status int
	header http.Header
	body   string
	closes bool // the connection is not used again
}

func (s *side) do(r *http.Request) answer {
	s.t.Helper()
	resp, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body), resp.Close}
}

func (s *side) request(method, path, body string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequest(method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// send posts a signed request.
func (s *side) send(path, body string) answer {
	s.t.Helper()
	return s.do(sign(s.request(http.MethodPost, path, body), body))
}

func (s *side) typed(command, text string) answer {
	s.t.Helper()
	return s.send("/slack/commands", commandBody(command, text, s.slack.hook()))
}

// pressed presses a button, whose reply goes to the fake Slack.
func (s *side) pressed(b button) answer {
	s.t.Helper()
	b.responseURL = cmp.Or(b.responseURL, s.slack.hook())
	return s.send("/slack/interactions", b.body())
}

// settle stops as the binary does, handlers first, and so waits until every reply
// has gone out or been given up.
func (s *side) settle() {
	s.t.Helper()
	s.server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.adapter.Close(ctx); err != nil {
		s.t.Fatal(err)
	}
}

// undelivered is the causes of replies that were given up.
func (s *side) undelivered() []string {
	var causes []string
	for _, e := range s.logs.FilterMessage("reply not delivered").All() {
		causes = append(causes, fmt.Sprint(e.ContextMap()["cause"]))
	}
	return causes
}

func TestCommandIsAnsweredPrivatelyInTheResponse(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	for _, tt := range []struct{ command, text, want string }{
		{"/da-briefing", "", "7-Minute Briefing: SCP Audit on domestic abuse and child safeguarding"},
		{"/da-briefing", "worries", "Lone male adults accessing services were not always asked if they had children."},
		{"/da-briefing", "5", "05. What are we worried about?"},
		{"/da-briefing", "search perpetrators", "passages, best first"},
		{"/da-questions", "practice", "When have families engaged well in domestic abuse support? What helped?"},
		{"/briefings", "", "Briefings"},
		{"/da-briefing", "no such section at all", "No section goes by these words."},
		{"/nothing-of-ours", "", "That is not a command here."},
	} {
		a := s.typed(tt.command, tt.text)
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s %s: %d %s", tt.command, tt.text, a.status, a.header.Get("Content-Type"))
		}
		var p posted
		if err := json.Unmarshal([]byte(a.body), &p.message); err != nil {
			t.Fatal(err)
		}
		if p.message.Type != "ephemeral" || len(p.message.Blocks) == 0 || !strings.Contains(p.message.Text, tt.want) {
			t.Errorf("%s %s: %s with %d blocks: %s", tt.command, tt.text, p.message.Type, len(p.message.Blocks), p.message.Text)
		}
		if !strings.Contains(p.message.Text, bot.DefaultFooter) {
			t.Errorf("%s %s: the footer is missing", tt.command, tt.text)
		}
	}
	s.settle()
	if got := s.slack.received(); len(got) != 0 {
		t.Errorf("%d posts to the response_url, want none", len(got))
	}
}

func TestSlacksEscapesInACommandAreUndone(t *testing.T) {
	t.Parallel()
	var got string
	s := newSide(t, responderFunc(func(r briefing.Request) *briefing.Message {
		got = r.Text.Reveal()
		return &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: "an answer"}}}
	}))
	s.typed("/da-briefing", "search &lt;b&gt; &amp;lt; R&amp;D")
	if want := "/da-briefing search <b> &lt; R&D"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWholeBriefingComesInPartsAndInOrder(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	a := s.typed("/da-briefing", "all")
	if a.status != http.StatusOK {
		t.Fatal(a.status)
	}
	var first posted
	if err := json.Unmarshal([]byte(a.body), &first.message); err != nil {
		t.Fatal(err)
	}
	s.settle()
	rest := s.slack.received()
	if len(rest) == 0 {
		t.Fatal("it was not divided")
	}
	var whole []string
	for _, p := range append([]posted{first}, rest...) {
		whole = append(whole, p.message.Text)
		if p.message.Type != "ephemeral" || p.message.ReplaceOriginal {
			t.Errorf("%s, replaces: %t", p.message.Type, p.message.ReplaceOriginal)
		}
	}
	for _, p := range rest {
		if p.path != hook {
			t.Error("a part went elsewhere")
		}
	}
	text, at := strings.Join(whole, "\n"), 0
	for _, heading := range []string{
		"01. Case file audits", "02. Reminder about domestic abuse", "03. Domestic abuse and children", "04. What worked well?",
		"05. What are we worried about?", "06. Questions for practice reflection and case work", "07. Resources", "Was Not Heard video",
	} {
		i := strings.Index(text[at:], heading)
		if i < 0 {
			t.Fatalf("%q is missing or out of order", heading)
		}
		at += i
	}
}

// long is a message that Slack takes only in parts.
func long(parts int) *briefing.Message {
	m := &briefing.Message{}
	for i := range parts {
		m.Blocks = append(m.Blocks, briefing.Heading{Text: fmt.Sprintf("Part %d", i+1)},
			briefing.Paragraph{Text: briefing.Words(strings.Repeat("word ", 600))})
	}
	return m
}

func TestPartsArePostedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	const parts = 6 // one in the response, and as many as a response_url takes
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message { return long(parts) }))
	var under atomic.Int64
	s.slack.answers(func(int, http.ResponseWriter, *http.Request) {
		if under.Add(1) != 1 {
			t.Error("two posts at a time")
		}
		time.Sleep(20 * time.Millisecond)
		under.Add(-1)
	})
	if a := s.typed("/da-briefing", "all"); a.status != http.StatusOK || !strings.Contains(a.body, "Part 1") {
		t.Fatal(a.status)
	}
	s.settle()
	got := s.slack.received()
	if len(got) != parts-1 {
		t.Fatalf("%d posts, want %d", len(got), parts-1)
	}
	for i, p := range got {
		if want := fmt.Sprintf("Part %d\n", i+2); !strings.HasPrefix(p.message.Text, want) {
			t.Errorf("post %d begins %.10q, want %q", i, p.message.Text, want)
		}
	}
}

func TestOfAReplyThatIsTooLongTheRestIsSaidToBeMissing(t *testing.T) {
	t.Parallel()
	for _, ask := range []func(*side){
		func(s *side) { s.typed("/da-briefing", "all") },
		func(s *side) { s.pressed(button{value: "/da-briefing all"}) },
	} {
		s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message { return long(9) }))
		ask(s)
		s.settle()
		got := s.slack.received()
		if len(got) != maxReplies {
			t.Fatalf("%d posts", len(got))
		}
		if last := got[maxReplies-1].message.Text; !strings.Contains(last, "The rest is too long for one reply.") {
			t.Errorf("the last post is %.40q", last)
		}
	}
}

func TestAfterAPartThatFailedNoMoreAreSent(t *testing.T) {
	t.Parallel()
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message { return long(4) }))
	s.slack.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	s.typed("/da-briefing", "all")
	s.settle()
	if got := len(s.slack.received()); got != 2 {
		t.Errorf("%d posts, want 2", got)
	}
	if got := s.undelivered(); len(got) != 1 {
		t.Errorf("logged as undelivered: %q, want one line", got)
	}
}

func TestCommandWithoutAUsableAddressHasItsFirstPart(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	a := s.send("/slack/commands", commandBody("/da-briefing", "all", "https://example.org"+hook))
	if a.status != http.StatusOK || !strings.Contains(a.body, "01. Case file audits") {
		t.Errorf("%d %.80s", a.status, a.body)
	}
	s.settle()
	if got := s.undelivered(); !slices.Equal(got, []string{errAddress.Error()}) {
		t.Errorf("logged as undelivered: %q", got)
	}
}

func TestButtonIsAnsweredWhereOnlyThePersonSees(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		public  bool
		replace bool
	}{
		{"in place of a private message", false, true},
		{"as a new private message below a shared one", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, nil)
			if a := s.pressed(button{value: "/da-briefing 6", public: tt.public}); a.status != http.StatusOK || a.body != "{}" {
				t.Errorf("%d %s, want 200 and nothing to show", a.status, a.body)
			}
			s.settle()
			got := s.slack.received()
			if len(got) != 1 {
				t.Fatalf("%d posts, want one", len(got))
			}
			m := got[0].message
			if m.Type != "ephemeral" || m.ReplaceOriginal != tt.replace || m.DeleteOriginal {
				t.Errorf("%s, replaces: %t, deletes: %t", m.Type, m.ReplaceOriginal, m.DeleteOriginal)
			}
			if !strings.HasPrefix(m.Text, "06. Questions for practice reflection and case work") {
				t.Errorf("%.60q", m.Text)
			}
		})
	}
}

func TestOfALongReplyTheFirstPartAloneReplaces(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	s.pressed(button{value: "/da-briefing all"})
	s.settle()
	got := s.slack.received()
	if len(got) < 2 {
		t.Fatalf("%d posts, want several", len(got))
	}
	for i, p := range got {
		if p.message.Type != "ephemeral" || p.message.ReplaceOriginal != (i == 0) {
			t.Errorf("part %d: %s, replaces: %t", i, p.message.Type, p.message.ReplaceOriginal)
		}
	}
}

func TestSharingShowsTheSectionToTheChannelAndNamesNobody(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	if a := s.pressed(button{action: "share.5", value: "/da-briefing 5"}); a.status != http.StatusOK || a.body != "{}" {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.settle()
	got := s.slack.received()
	if len(got) != 1 {
		t.Fatalf("%d posts, want one", len(got))
	}
	m := got[0].message
	if m.Type != "in_channel" || m.ReplaceOriginal || m.DeleteOriginal {
		t.Errorf("%s, replaces: %t, deletes: %t", m.Type, m.ReplaceOriginal, m.DeleteOriginal)
	}
	if !strings.HasPrefix(m.Text, "05. What are we worried about?") {
		t.Errorf("%.60q", m.Text)
	}
	for _, no := range []string{"roadrunner", "U2CERLKJA", "<@", "share.", "Share in channel"} {
		if strings.Contains(got[0].raw, no) {
			t.Errorf("%q is in what the channel sees", no)
		}
	}
}

func TestShareButtonAsksFirst(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	a := s.typed("/da-briefing", "worries")
	var p posted
	if err := json.Unmarshal([]byte(a.body), &p.message); err != nil {
		t.Fatal(err)
	}
	shares := 0
	for _, block := range p.message.Blocks {
		elements, _ := block["elements"].([]any)
		for _, e := range elements {
			e, _ := e.(map[string]any)
			if id, _ := e["action_id"].(string); isShare(id) {
				shares++
				if e["confirm"] == nil {
					t.Error("sharing is not confirmed")
				}
			}
		}
	}
	if shares != 1 {
		t.Errorf("%d share buttons, want one", shares)
	}
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRepliesGoToSlackAlone(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	s.adapter.out.client.Transport = roundTripFunc(func(r *http.Request) (*http.Response, error) {
		t.Errorf("a reply was sent to %s", r.URL)
		return nil, errors.New("nothing leaves this test")
	})
	ours := strings.TrimPrefix(s.slack.URL, "http://")
	for _, address := range []string{
		"https://example.org" + hook,
		"https://hooks.slack.com.example.org" + hook,
		"https://example.org/hooks.slack.com" + hook,
		"https://example.org?hooks.slack.com",
		"https://example.org#@hooks.slack.com" + hook,
		"https://evilhooks.slack.com" + hook,
		"https://slack.com" + hook,
		"https://hooks.slack.com." + hook,
		"https://hooks.slack.com@example.org" + hook,
		"https://someone@hooks.slack.com" + hook,
		"https://someone:word@hooks.slack.com" + hook,
		"https://@hooks.slack.com" + hook,
		"http://hooks.slack.com" + hook,
		"HTTP://hooks.slack.com" + hook,
		"ftp://hooks.slack.com" + hook,
		"file:///etc/passwd",
		"//hooks.slack.com" + hook,
		"hooks.slack.com" + hook,
		"https:hooks.slack.com" + hook,
		"https://" + hook,
		"https://hooks.slack.com\\@example.org" + hook,
		"https://hooks.slack.com%2eexample.org" + hook,
		"https://[::1]" + hook,
		"https://169.254.169.254/latest/meta-data",
		"http://localhost" + hook,
		"http://someone@" + ours + hook,
		"ftp://" + ours + hook,
		"/actions",
		"://",
		" ",
	} {
		if a := s.pressed(button{value: "/da-briefing 6", responseURL: address}); a.status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d, want 503", address, a.status)
		}
	}
	if a := s.send("/slack/interactions", button{value: "/da-briefing 6"}.body()); a.status != http.StatusOK || !strings.Contains(a.body, "06. Questions") {
		t.Errorf("no response_url: %d %.60s, want the reply in the response", a.status, a.body)
	}
	s.settle()
}

func TestSlacksOwnAddressesAreTaken(t *testing.T) {
	t.Parallel()
	o := newHooks("", zap.NewNop())
	for _, address := range []string{
		"https://hooks.slack.com" + hook, "https://HOOKS.slack.com" + hook, "HTTPS://hooks.slack.com" + hook,
		"https://hooks.slack.com:443" + hook, "https://hooks.slack-gov.com" + hook,
	} {
		if !o.allowed(address) {
			t.Errorf("%s is refused", address)
		}
	}
	for _, address := range []string{"http://127.0.0.1:8080" + hook, "https://127.0.0.1" + hook, "http:///x", "https://:443/x"} {
		if o.allowed(address) {
			t.Errorf("%s is taken where SLACK_API_URL is not set", address)
		}
	}
}

func TestRateLimitIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	s.slack.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 0 {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	s.pressed(button{value: "/da-briefing 6"})
	s.settle()
	got := s.slack.received()
	if len(got) != 2 {
		t.Fatalf("%d posts, want the one that was refused and the one that was not", len(got))
	}
	if waited := got[1].at.Sub(got[0].at); waited < 2*time.Second {
		t.Errorf("it waited %s, want the 2 s of Retry-After", waited)
	}
	if got[0].raw != got[1].raw {
		t.Error("the second post is another message")
	}
	if causes := s.undelivered(); causes != nil {
		t.Errorf("logged as undelivered: %q", causes)
	}
}

func TestWhatMayHaveBeenTakenIsNotPostedAgain(t *testing.T) {
	t.Parallel()
	status := func(code int, header ...string) answering {
		return func(_ int, w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	for _, tt := range []struct {
		name   string
		answer answering
		posts  int
	}{
		{"500", status(http.StatusInternalServerError), 1},
		{"502", status(http.StatusBadGateway), 1},
		{"503 with Retry-After", status(http.StatusServiceUnavailable, "Retry-After", "1"), 1},
		{"404, when the address has expired", status(http.StatusNotFound), 1},
		{"429 that does not say for how long", status(http.StatusTooManyRequests), 2},
		{"429 for longer than anybody waits", status(http.StatusTooManyRequests, "Retry-After", "3600"), 1},
		{"429 for a time that is no number", status(http.StatusTooManyRequests, "Retry-After", "soon"), 1},
		{"429 twice", status(http.StatusTooManyRequests, "Retry-After", "1"), 2},
		{"a redirect that keeps the method", status(http.StatusTemporaryRedirect, "Location", "/elsewhere"), 1},
		{"a redirect that does not", status(http.StatusFound, "Location", "/elsewhere"), 1},
		{"the connection dropped after the request", func(_ int, w http.ResponseWriter, _ *http.Request) {
			drop(w)
		}, 1},
		{"the connection reset after the request", func(_ int, w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
		}, 1},
		{"an answer that is no HTTP", func(_ int, w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 Kayleigh Smith\r\n\r\n")
				_ = conn.Close()
			}
		}, 1},
		{"the connection dropped in the answer", func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			drop(w)
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, note("an answer"))
			s.slack.answers(tt.answer)
			if a := s.pressed(button{value: "/da-briefing 6"}); a.status != http.StatusOK {
				t.Errorf("status %d", a.status)
			}
			s.settle()
			for _, cause := range s.undelivered() {
				if !ours.MatchString(cause) {
					t.Errorf("the cause %q is not in our words", cause)
				}
			}
			got := s.slack.received()
			if len(got) != tt.posts {
				t.Errorf("%d posts, want %d", len(got), tt.posts)
			}
			for _, p := range got {
				if p.path != hook {
					t.Errorf("a post went to %s", p.path)
				}
			}
		})
	}
}

// ours is the words in which the log says why a reply was not delivered.
var ours = regexp.MustCompile(`^(status \d{3}|slack rate limit exceeded, retry after \S+|no answer came in time|the connection ended before an answer came|there is no (secure )?connection to Slack|Slack's answer was not understood)$`)

// drop cuts the connection without another byte.
func drop(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

func TestConnectionThatIsUsedAgainAndDroppedIsNotPostedOnAgain(t *testing.T) {
	t.Parallel()
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message { return long(3) }))
	s.slack.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			drop(w)
			return
		}
		_, _ = io.WriteString(w, "ok")
	})
	s.typed("/da-briefing", "all")
	s.settle()
	got := s.slack.received()
	if len(got) != 2 {
		t.Fatalf("%d posts, want 2", len(got))
	}
	if got[0].remote != got[1].remote {
		t.Error("the connection was not used again: this test shows nothing")
	}
}

// refusing is a transport whose first dials, as many as given, find nobody
// listening. It counts all of them.
func refusing(t *testing.T, first int64) (transport *http.Transport, dials *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dials = new(atomic.Int64)
	return &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials.Add(1) <= first {
			address = nobody
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}, dials
}

func TestRefusedConnectionIsTriedAgainOnce(t *testing.T) {
	t.Parallel()
	t.Run("and then delivers", func(t *testing.T) {
		t.Parallel()
		s := newSide(t, note("an answer"))
		transport, dials := refusing(t, 1)
		s.adapter.out.client.Transport = transport
		s.pressed(button{value: "/da-briefing 6"})
		s.settle()
		if got := len(s.slack.received()); got != 1 || dials.Load() != 2 {
			t.Errorf("%d posts after %d dials, want 1 after 2", got, dials.Load())
		}
		if causes := s.undelivered(); causes != nil {
			t.Errorf("logged as undelivered: %q", causes)
		}
	})
	t.Run("and then given up", func(t *testing.T) {
		t.Parallel()
		s := newSide(t, note("an answer"))
		transport, dials := refusing(t, 99)
		s.adapter.out.client.Transport = transport
		s.pressed(button{value: "/da-briefing 6"})
		s.settle()
		if got := len(s.slack.received()); got != 0 || dials.Load() != 2 {
			t.Errorf("%d posts after %d dials, want none after 2", got, dials.Load())
		}
		causes := s.undelivered()
		if len(causes) != 1 || causes[0] != "the connection to Slack was refused" {
			t.Errorf("logged as undelivered: %q", causes)
		}
	})
}

// hold makes the fake Slack keep every post waiting. Release lets them go.
func (f *fakeSlack) hold(t *testing.T) (release func()) {
	held := make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	f.answers(func(_ int, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	})
	return release
}

func TestWhenTooManyRepliesAreUnderWayThePersonIsToldToTryAgain(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"C2147483705", "D2147483705"} {
		t.Run("in "+from, func(t *testing.T) {
			t.Parallel()
			tooManyReplies(t, from)
		})
	}
}

func tooManyReplies(t *testing.T, from string) {
	var asked atomic.Int64
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message {
		asked.Add(1)
		return &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: "an answer"}}}
	}))
	release := s.slack.hold(t)
	for i := range maxPerChannel {
		if a := s.pressed(button{value: "/da-briefing 6", channel: from}); a.status != http.StatusOK {
			t.Fatalf("press %d: status %d", i, a.status)
		}
	}
	// Of what is to be tried again nothing was done: a question would be left out twice.
	for _, b := range []button{{value: "/reflection skip", channel: from}, {value: "/reflection skip", channel: from, responseURL: "https://evil.example/"}} {
		if a := s.pressed(b); a.status != http.StatusServiceUnavailable || asked.Load() != maxPerChannel {
			t.Errorf("status %d, want 503; %d were carried out", a.status, asked.Load())
		}
	}
	// Another conversation has places left, until there are none at all.
	for i := maxPerChannel; i < maxSending; i++ {
		if a := s.pressed(button{value: "/da-briefing 6", channel: fmt.Sprint("C", i)}); a.status != http.StatusOK {
			t.Fatalf("press %d: status %d", i, a.status)
		}
	}
	if a := s.pressed(button{value: "/da-briefing 6", channel: "C0"}); a.status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", a.status)
	}
	// Commands need no post, and go on being answered.
	if a := s.typed("/da-briefing", "worries"); a.status != http.StatusOK {
		t.Errorf("a command: status %d", a.status)
	}
	release()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if a := s.pressed(button{value: "/da-briefing 6", channel: from}); a.status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("still refused after the others were delivered")
		}
	}
	s.settle()
	if got := len(s.slack.received()); got != maxSending+1 {
		t.Errorf("%d posts, want %d", got, maxSending+1)
	}
}

func TestCloseWaitsForRepliesUnderWay(t *testing.T) {
	t.Parallel()
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message { return long(4) }))
	var done atomic.Int64
	s.slack.answers(func(int, http.ResponseWriter, *http.Request) {
		time.Sleep(100 * time.Millisecond)
		done.Add(1)
	})
	s.typed("/da-briefing", "all")
	s.settle()
	if done.Load() != 3 {
		t.Errorf("%d posts were done when Close returned, want 3", done.Load())
	}
	late := httptest.NewRecorder()
	body := button{value: "/da-briefing 6", responseURL: s.slack.hook()}.body()
	s.adapter.interactions(late, sign(httptest.NewRequest(http.MethodPost, "/slack/interactions", strings.NewReader(body)), body))
	if late.Code != http.StatusServiceUnavailable {
		t.Errorf("a button after Close: status %d, want 503", late.Code)
	}
}

func TestCloseGivesUpAtItsDeadline(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer func(gone chan<- struct{}) answering
	}{
		{"on a post that hangs", func(gone chan<- struct{}) answering {
			return func(_ int, _ http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				close(gone)
			}
		}},
		{"on a wait for Slack's limit", func(gone chan<- struct{}) answering {
			return func(_ int, w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "30")
				w.WriteHeader(http.StatusTooManyRequests)
				close(gone)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, note("an answer"))
			gone := make(chan struct{})
			s.slack.answers(tt.answer(gone))
			s.pressed(button{value: "/da-briefing 6"})
			for len(s.slack.received()) == 0 {
				time.Sleep(time.Millisecond)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			start := time.Now()
			if err := s.adapter.Close(ctx); err == nil {
				t.Error("Close says that everything was delivered")
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("Close took %s", took)
			}
			select {
			case <-gone:
			case <-time.After(5 * time.Second):
				t.Error("the post goes on after Close")
			}
			s.settle() // what was given up has ended: nothing is left behind
		})
	}
}

func TestSSLCheckIsAnswered(t *testing.T) {
	t.Parallel()
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message {
		t.Error("the bot was asked")
		return &briefing.Message{}
	}))
	if a := s.send("/slack/commands", "ssl_check=1&token=gIkuvaNzQIHg97ATvDxqgjtO"); a.status != http.StatusOK {
		t.Errorf("status %d", a.status)
	}
}

func TestAddressOfEventsIsConfirmed(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	a := s.send("/slack/events", `{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}`)
	if want := `{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}`; a.status != http.StatusOK || a.body != want {
		t.Errorf("%d %s, want %s", a.status, a.body, want)
	}
	a = s.send("/slack/events", `{"type":"event_callback","event":{"type":"app_uninstalled"}}`)
	if a.status != http.StatusOK || a.body != "{}" {
		t.Errorf("another event: %d %s", a.status, a.body)
	}
	if a := s.send("/slack/events", `{"type":`); a.status != http.StatusBadRequest {
		t.Errorf("broken JSON: %d, want 400", a.status)
	}
}

func TestBodiesOver64KiBAreRefused(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	sized := func(n int) string {
		body := commandBody("/da-briefing", "worries", "") + "&padding="
		return body + strings.Repeat("a", n-len(body))
	}
	for _, tt := range []struct {
		name    string
		bytes   int
		chunked bool
		want    int
	}{
		{"64 KiB", maxBody, false, http.StatusOK},
		{"64 KiB, chunked", maxBody, true, http.StatusOK},
		{"a byte more", maxBody + 1, false, http.StatusRequestEntityTooLarge},
		{"a byte more, chunked", maxBody + 1, true, http.StatusRequestEntityTooLarge},
		{"twice as much, chunked", 2 * maxBody, true, http.StatusRequestEntityTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := sized(tt.bytes)
			r := sign(s.request(http.MethodPost, "/slack/commands", body), body)
			if tt.chunked {
				r.ContentLength = -1
				r.Body = io.NopCloser(io.MultiReader(strings.NewReader(body))) // of a type whose length nobody knows
			}
			a := s.do(r)
			if a.status != tt.want {
				t.Errorf("status %d, want %d", a.status, tt.want)
			}
			if tt.want != http.StatusOK && !a.closes {
				t.Error("the connection is kept, with the rest of the body on it")
			}
		})
	}
	t.Run("announced and not sent", func(t *testing.T) {
		head := headers(signatureOf(secret, now(), "a"), now())
		if status := platformtest.StatusWithoutBody(s.t, s.server, "/slack/commands", head, maxBody+1); status != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d, want 413", status)
		}
	})
}

func TestUnsignedRequestsAreRefusedBeforeTheirBodyIsRead(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	stamp := now()
	good := signatureOf(secret, stamp, "a")
	old := strconv.FormatInt(time.Now().Unix()-400, 10)
	for _, tt := range []struct {
		name string
		head http.Header
	}{
		{"nothing", http.Header{}},
		{"no signature", http.Header{"X-Slack-Request-Timestamp": {stamp}}},
		{"no timestamp", http.Header{"X-Slack-Signature": {good}}},
		{"two signatures", http.Header{"X-Slack-Signature": {good, good}, "X-Slack-Request-Timestamp": {stamp}}},
		{"two timestamps in different cases", http.Header{"X-Slack-Signature": {good}, "x-slack-request-timestamp": {stamp}, "X-Slack-Request-Timestamp": {stamp}}},
		{"a broken signature", headers("v0=abc", stamp)},
		{"a timestamp that is no number", headers(good, "soon")},
		{"a stale timestamp", headers(signatureOf(secret, old, "a"), old)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status := platformtest.StatusWithoutBody(s.t, s.server, "/slack/commands", tt.head, 1000); status != http.StatusUnauthorized {
				t.Errorf("status %d, want 401", status)
			}
		})
	}
}

func TestForgedAndReplayedRequestsAreRefusedOnEveryPath(t *testing.T) {
	t.Parallel()
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message {
		return &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: "an answer"}}}
	}))
	for path, body := range map[string]string{
		"/slack/commands":     commandBody("/da-briefing", "worries", s.slack.hook()),
		"/slack/interactions": button{value: "/da-briefing 6", responseURL: s.slack.hook()}.body(),
		"/slack/events":       `{"type":"url_verification","challenge":"c"}`,
	} {
		t.Run(path, func(t *testing.T) {
			forged := sign(s.request(http.MethodPost, path, body), body+" ")
			if a := s.do(forged); a.status != http.StatusUnauthorized {
				t.Errorf("forged: status %d, want 401", a.status)
			}
			if a := s.do(s.request(http.MethodPost, path, body)); a.status != http.StatusUnauthorized {
				t.Errorf("unsigned: status %d, want 401", a.status)
			}
			r := sign(s.request(http.MethodPost, path, body), body)
			again := s.request(http.MethodPost, path, body)
			again.Header = r.Header.Clone()
			if a := s.do(r); a.status != http.StatusOK {
				t.Errorf("the request itself: status %d", a.status)
			}
			if a := s.do(again); a.status != http.StatusUnauthorized {
				t.Errorf("replayed: status %d, want 401", a.status)
			}
		})
	}
	s.settle()
	if got := len(s.slack.received()); got != 1 {
		t.Errorf("%d posts, want one", got)
	}
}

func TestOnlyPostIsTaken(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	for _, path := range []string{"/slack/commands", "/slack/interactions", "/slack/events"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			if a := s.do(sign(s.request(method, path, ""), "")); a.status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: status %d, want 405", method, path, a.status)
			}
		}
	}
}

func TestInteractionsOfOtherKindsAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message {
		t.Error("the bot was asked")
		return &briefing.Message{}
	}))
	for _, payload := range []string{
		`{"type":"view_submission","view":{"id":"V1"}}`,
		`{"type":"view_closed"}`,
		`{"type":"shortcut","callback_id":"c"}`,
		`{"type":"message_action","message":{"text":"something"}}`,
		`{"type":"a kind of next year's"}`,
		`{}`,
		`null`,
		`{"type":"block_actions"}`,
		`{"type":"block_actions","actions":[]}`,
		`{"type":"block_actions","actions":[{"action_id":"reply.1"}]}`,
		`{"type":"block_actions","actions":[{"action_id":"reply.1","value":"a"},{"action_id":"reply.2","value":"b"}]}`,
	} {
		if a := s.send("/slack/interactions", "payload="+url.QueryEscape(payload)); a.status != http.StatusOK || a.body != "{}" {
			t.Errorf("%s: %d %s, want 200", payload, a.status, a.body)
		}
	}
	s.settle()
	if got := len(s.slack.received()); got != 0 {
		t.Errorf("%d posts, want none", got)
	}
}

func TestRequestsThatAreNotUnderstoodAreRefused(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	for _, tt := range []struct{ name, path, body string }{
		{"a payload that is no JSON", "/slack/interactions", "payload=hello"},
		{"a payload that ends early", "/slack/interactions", "payload=" + url.QueryEscape(`{"type":"block_actions"`)},
		{"a payload that is a list", "/slack/interactions", "payload=%5B%5D"},
		{"a payload with actions of another shape", "/slack/interactions", "payload=" + url.QueryEscape(`{"type":"block_actions","actions":"x"}`)},
		{"an empty payload", "/slack/interactions", "payload="},
		{"no payload", "/slack/interactions", "other=1"},
		{"two payloads", "/slack/interactions", "payload=%7B%7D&payload=%7B%7D"},
		{"a bad escape", "/slack/commands", "command=%zz"},
		{"a field twice", "/slack/commands", "command=%2Fda-briefing&text=1&text=2"},
		{"no command", "/slack/commands", "text=worries"},
		{"no body", "/slack/commands", ""},
		{"JSON where a form belongs", "/slack/commands", `{"command":"/da-briefing"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := s.send(tt.path, tt.body); a.status != http.StatusBadRequest {
				t.Errorf("status %d, want 400", a.status)
			}
		})
	}
}

func TestFieldsInTheAddressAreIgnored(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	const query = "?ssl_check=1&text=worries&command=%2Fda-questions&payload=%7B%7D"
	a := s.send("/slack/commands"+query, commandBody("/da-briefing", "resources", s.slack.hook()))
	if a.status != http.StatusOK || !strings.Contains(a.body, "07. Resources") || strings.Contains(a.body, "Lone male adults") {
		t.Errorf("%d %.120s", a.status, a.body)
	}
	if a := s.send("/slack/commands"+query, "token=1"); a.status != http.StatusBadRequest {
		t.Errorf("a command in the address alone: status %d, want 400", a.status)
	}
	if a := s.send("/slack/interactions"+query, "token=2"); a.status != http.StatusBadRequest {
		t.Errorf("a payload in the address alone: status %d, want 400", a.status)
	}
}

// TestNothingThatWasTypedAndNoSecretLeaks goes through a session in which names
// are typed wherever somebody could type them, and everything fails that can.
func TestNothingThatWasTypedAndNoSecretLeaks(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	const name = "KayleighSmith"
	s.slack.answers(func(n int, w http.ResponseWriter, r *http.Request) {
		switch n % 6 {
		case 0:
			_, _ = io.WriteString(w, "ok")
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, name+" "+r.URL.Path)
		case 2:
			w.Header().Set("Location", s.slack.hook()+"/"+name)
			w.WriteHeader(http.StatusTemporaryRedirect)
		case 3:
			drop(w)
		case 4:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, name)
		case 5:
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	nobody := httptest.NewServer(nil)
	refused := nobody.URL + hook
	nobody.Close()

	var replies []answer
	add := func(a answer) answer {
		replies = append(replies, a)
		return a
	}
	for _, typed := range [][2]string{
		{"/da-briefing", name},
		{"/da-briefing", strings.ToLower(name) + " worries"},
		{"/da-briefing", "what happened to " + name + " in the conference last week"},
		{"/da-briefing", "search " + name},
		{"/da-briefing", "search " + name + " perpetrators children"},
		{"/da-briefing", `search "` + name + `" AND (NEAR * ^`},
		{"/da-briefing", "search names:" + name + " OR {title} : '" + name + "'"},
		{"/da-briefing", "search \x00" + name + "\xff"},
		{"/da-briefing", "help " + name},
		{"/da-briefing", "meeting " + name},
		{"/da-briefing", "all " + name},
		{"/da-briefing", "<@U2CERLKJA|" + name + ">"},
		{"/da-questions", name},
		{"/da-questions", "practice " + name},
		{"/da-questions", "random " + name},
		{"/da-questions", name + " 3"},
		{"/briefings", name},
		{"/briefings", "find " + name},
		{"/" + name, ""},
		{"/" + name, name},
		{name, name},
	} {
		if a := add(s.typed(typed[0], typed[1])); a.status != http.StatusOK {
			t.Errorf("%q: status %d", typed, a.status)
		}
	}
	for _, address := range []string{"", refused, "https://example.org" + hook + name, "http://hooks.slack.com" + hook, "https://" + name + "@hooks.slack.com" + hook} {
		add(s.send("/slack/commands", commandBody("/da-briefing", "all", cmp.Or(address, s.slack.hook()))))
		for _, action := range []string{"reply.1", "share.1", name} {
			for _, value := range []string{"/da-briefing " + name, "/da-briefing search " + name, name, "/da-briefing 5"} {
				add(s.pressed(button{action: action, value: value, responseURL: address}))
			}
		}
	}
	for _, broken := range []struct{ path, body string }{
		{"/slack/commands", "command=%2Fda-briefing&text=" + name + "%zz"},
		{"/slack/commands", "command=%2Fda-briefing&text=" + name + "&text=" + name},
		{"/slack/commands", "command=%2Fda-briefing&" + name + "%=1"},
		{"/slack/commands", name},
		{"/slack/commands", strings.Repeat(name+"=1&", 100)},
		{"/slack/interactions", "payload=" + name},
		{"/slack/interactions", "payload=" + url.QueryEscape(`{"type":"block_actions","`+name+`"`)},
		{"/slack/interactions", "payload=" + url.QueryEscape(`{"type":"block_actions","actions":"`+name+`"}`)},
		{"/slack/interactions", "payload=" + url.QueryEscape(`{"type":"`+name+`"}`)},
		{"/slack/interactions", "payload=" + url.QueryEscape(`{"type":"message_action","message":{"text":"`+name+`"},"user":{"name":"`+name+`"}}`)},
		{"/slack/events", name},
		{"/slack/events", `{"type":"` + name + `"}`},
		{"/slack/events", `{"type":{"` + name + `":1}}`},
		{"/slack/events", `{"type":"event_callback","event":{"type":"message","text":"` + name + `"}}`},
		{"/slack/" + name, name},
	} {
		add(s.send(broken.path, broken.body))
	}
	forged := commandBody("/da-briefing", name, s.slack.hook())
	for _, head := range []http.Header{
		headers("v0="+name, now()), headers(signatureOf(secret, now(), ""), now()), headers(name, name), headers(signatureOf(secret, "0", forged), "0"),
	} {
		r := s.request(http.MethodPost, "/slack/commands?text="+name, forged)
		r.Header = head
		if a := add(s.do(r)); a.status != http.StatusUnauthorized {
			t.Errorf("forged: status %d", a.status)
		}
	}
	replayed := sign(s.request(http.MethodPost, "/slack/commands", forged), forged)
	add(s.do(replayed))
	again := s.request(http.MethodPost, "/slack/commands", forged)
	again.Header = replayed.Header.Clone()
	if a := add(s.do(again)); a.status != http.StatusUnauthorized {
		t.Errorf("replayed: status %d", a.status)
	}
	large := strings.Repeat(name, maxBody/len(name)+1)
	add(s.send("/slack/commands", large))
	add(s.do(s.request(http.MethodGet, "/slack/commands?text="+name, "")))
	s.settle()

	words := []string{name, "kayleigh", secret, botToken, hook, "397700885554", "96rGlfmibIGlgcZRskXaIFfN", "roadrunner", "U2CERLKJA", "gIkuvaNzQIHg97ATvDxqgjtO"}
	leaks := func(where, text string) {
		for _, w := range words {
			if strings.Contains(strings.ToLower(text), strings.ToLower(w)) {
				t.Errorf("%s holds %q: %.400s", where, w, text)
			}
		}
	}
	levels := map[zapcore.Level]int{}
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	known := []string{"platform", "command", "status", "cause"}
	for _, e := range s.logs.All() {
		levels[e.Level]++
		line, err := encoder.EncodeEntry(e.Entry, e.Context)
		if err != nil {
			t.Fatal(err)
		}
		leaks("the log", line.String())
		for key := range e.ContextMap() {
			if !slices.Contains(known, key) {
				t.Errorf("the log has a key %q", key)
			}
		}
	}
	if levels[zapcore.DebugLevel] == 0 || levels[zapcore.InfoLevel] == 0 || levels[zapcore.WarnLevel] == 0 {
		t.Errorf("lines logged by level: %v; this session should have some of each", levels)
	}
	if levels[zapcore.ErrorLevel] != 0 {
		t.Errorf("%d replies failed", levels[zapcore.ErrorLevel])
	}
	for _, a := range replies {
		leaks(fmt.Sprintf("a reply of %d", a.status), fmt.Sprint(a.header)+a.body)
	}
	got := s.slack.received()
	if len(got) == 0 {
		t.Error("nothing was posted")
	}
	for _, p := range got {
		leaks("a post", p.raw)
	}
}

func TestSecretsOfTheConfigurationCannotBePrinted(t *testing.T) {
	cfg := Config{SigningSecret: briefing.NewPrivate(secret), BotToken: briefing.NewPrivate(botToken)}
	encoded, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprint(cfg), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", cfg), fmt.Sprintf("%q %x %s", cfg, cfg, cfg), string(encoded)} {
		if strings.Contains(s, secret) || strings.Contains(s, botToken) || strings.Contains(s, hex.EncodeToString([]byte(secret))) {
			t.Errorf("printed as %s", s)
		}
	}
}

func TestConfigSaysWhatIsMissing(t *testing.T) {
	private := briefing.NewPrivate
	for _, tt := range []struct {
		name string
		cfg  Config
		half bool
		want string // in the error; empty for none
	}{
		{"nothing set", Config{}, false, ""},
		{"an address alone is not Slack", Config{APIURL: "https://slack.com/api/"}, false, ""},
		{"signing secret alone", Config{SigningSecret: private("s")}, false, ""},
		{"both", Config{SigningSecret: private("s"), BotToken: private("t")}, false, ""},
		{"a bot's token", Config{SigningSecret: private("s"), BotToken: private("xoxb-1-2-a")}, false, ""},
		{"a person's token", Config{SigningSecret: private("s"), BotToken: private("xoxp-1-2-a")}, false, "SLACK_BOT_TOKEN is a person's token"},
		{"an app's token", Config{SigningSecret: private("s"), BotToken: private("xapp-1-A-2-a")}, false, "SLACK_BOT_TOKEN is an app-level token"},
		{"a token that expires", Config{SigningSecret: private("s"), BotToken: private("xoxe.xoxb-1-a")}, false, "SLACK_BOT_TOKEN is a token that expires"},
		{"two tokens", Config{SigningSecret: private("s"), BotToken: private("xoxb-1 xoxb-2")}, false, "SLACK_BOT_TOKEN has a blank"},
		{"a token of a word processor", Config{SigningSecret: private("s"), BotToken: private("xoxb–1")}, false, "SLACK_BOT_TOKEN has a blank"},
		{"bot token alone", Config{BotToken: private("t")}, true, "SLACK_SIGNING_SECRET"},
		{"Slack's own address", Config{SigningSecret: private("s"), APIURL: "https://slack.com/api/"}, false, ""},
		{"GovSlack's", Config{SigningSecret: private("s"), APIURL: "https://slack-gov.com/api/"}, false, ""},
		{"a test's", Config{SigningSecret: private("s"), APIURL: "http://127.0.0.1:1234/api/"}, false, ""},
		{"no slash at the end", Config{SigningSecret: private("s"), APIURL: "https://slack.com/api"}, false, "SLACK_API_URL"},
		{"no path", Config{SigningSecret: private("s"), APIURL: "https://slack.com"}, false, "SLACK_API_URL"},
		{"no scheme", Config{SigningSecret: private("s"), APIURL: "slack.com/api/"}, false, "SLACK_API_URL"},
		{"another scheme", Config{SigningSecret: private("s"), APIURL: "ftp://slack.com/api/"}, false, "SLACK_API_URL"},
		{"no host", Config{SigningSecret: private("s"), APIURL: "https:///api/"}, false, "SLACK_API_URL"},
		{"no address", Config{SigningSecret: private("s"), APIURL: "http://%zz/"}, false, "SLACK_API_URL"},
		{"a token that everybody could read", Config{SigningSecret: private("s"), APIURL: "http://slack.example/api/"}, false, "SLACK_API_URL"},
		{"a password in it", Config{SigningSecret: private("s"), APIURL: "https://u:p@slack.com/api/"}, false, "SLACK_API_URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.cfg.Validate()
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%v, want one that names %s", err, tt.want)
			}
			if errors.Is(err, ErrHalf) != tt.half {
				t.Errorf("half set up: %t, want %t", !tt.half, tt.half)
			}
			// With nothing set there is no secret to check against.
			if _, newErr := New(tt.cfg, note(""), nil, zap.NewNop(), time.Now); (newErr == nil) != (err == nil && tt.cfg.Enabled()) {
				t.Errorf("New: %v", newErr)
			}
		})
	}
}
