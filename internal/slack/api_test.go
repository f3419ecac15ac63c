package slack

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"briefingbot/internal/briefing"
)

const apiPath = "/api/"

// apiCall is a call of one of Slack's methods.
type apiCall struct {
	method string
	token  string
	values url.Values // of a form or an address
	raw    string     // of JSON
	remote string
}

// fakeAPI is Slack's methods, which answer as they are told.
type fakeAPI struct {
	mu      sync.Mutex
	scripts map[string]http.HandlerFunc
	calls   []apiCall
}

// answers says how a method answers from now on.
func (f *fakeAPI) answers(method string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.scripts == nil {
		f.scripts = map[string]http.HandlerFunc{}
	}
	f.scripts[method] = h
}

func (f *fakeAPI) received() []apiCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// says is a method that answers with JSON.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, body)
	}
}

// refuses is a method that says no, as Slack does: with status 200.
func refuses(code string) http.HandlerFunc { return says(`{"ok":false,"error":"` + code + `"}`) }

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever asked has gone
	}
	c := apiCall{method: strings.TrimPrefix(r.URL.Path, apiPath), remote: r.RemoteAddr}
	switch {
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		c.raw = string(raw)
	case len(raw) > 0:
		c.values, _ = url.ParseQuery(string(raw))
	default:
		c.values = r.URL.Query()
	}
	if c.token = c.values.Get("token"); c.token == "" {
		c.token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	f.mu.Lock()
	f.calls = append(f.calls, c)
	script := f.scripts[c.method]
	f.mu.Unlock()
	if script == nil {
		script = refuses("unknown_method")
	}
	script(w, r)
}

var team = briefing.Channel{Platform: briefing.Slack, Tenant: "T1DC2JH3J", ID: "C8PSS9T3V"}

// weekly is a message as it is posted every week.
func weekly() *briefing.Message {
	return &briefing.Message{Notice: "Question of the week <3", Blocks: []briefing.Block{
		briefing.Heading{Text: "Question of the week", Ours: true},
		briefing.Paragraph{Text: briefing.Words("When have families engaged well?")},
		briefing.Buttons{Buttons: []briefing.Button{
			{Label: "Sections", Command: "/da-briefing"},
			{Label: "Share", Command: "/da-briefing 1", Share: &briefing.Confirm{Title: "a", Text: "b", Yes: "c", No: "d"}},
		}},
	}}
}

func TestPostGoesToItsChannelOnce(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	s.slack.api.answers("chat.postMessage", says(`{"ok":true,"channel":"C8PSS9T3V","ts":"1503435956.000247","message":{"blocks":[{"type":["a kind of next year's"]}]},"errors":[{}]}`))
	id, err := s.adapter.Send(t.Context(), team, weekly())
	if err != nil || id != "1503435956.000247" {
		t.Fatalf("%q, %v", id, err)
	}
	calls := s.slack.api.received()
	if len(calls) != 1 || calls[0].method != "chat.postMessage" || calls[0].token != botToken {
		t.Fatalf("calls: %v", calls)
	}
	v := calls[0].values
	for name, want := range map[string]string{"channel": "C8PSS9T3V", "text": "Question of the week &lt;3", "unfurl_links": "false", "unfurl_media": "false"} {
		if got := v.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	blocks := v.Get("blocks")
	if !strings.Contains(blocks, "When have families engaged well?") || !strings.Contains(blocks, `"value":"/da-briefing"`) || strings.Contains(blocks, shareAction) {
		t.Errorf("blocks: %s", blocks)
	}
}

func TestNotificationShowsTheBeginningWhereNothingElseIsSaid(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	s.slack.api.answers("chat.postMessage", says(`{"ok":true,"ts":"1.2"}`))
	m := weekly()
	m.Notice = ""
	if _, err := s.adapter.Send(t.Context(), team, m); err != nil {
		t.Fatal(err)
	}
	if got := s.slack.api.received()[0].values.Get("text"); !strings.HasPrefix(got, "Question of the week\n\nWhen have families") {
		t.Errorf("text: %q", got)
	}
}

func TestPostInPartsComesInOrderAndHasTheFirstOnesID(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	n := 0
	s.slack.api.answers("chat.postMessage", func(w http.ResponseWriter, r *http.Request) {
		n++
		says(fmt.Sprintf(`{"ok":true,"ts":"%d.0"}`, n))(w, r)
	})
	m := long(2)
	m.Notice = "a notice"
	started := time.Now()
	id, err := s.adapter.Send(t.Context(), team, m)
	if err != nil || id != "1.0" {
		t.Fatalf("%q, %v", id, err)
	}
	if took := time.Since(started); took < 900*time.Millisecond {
		t.Errorf("two posts in one channel within %v", took)
	}
	calls := s.slack.api.received()
	if len(calls) != 2 {
		t.Fatalf("%d posts, want 2", len(calls))
	}
	for i, want := range []string{"a notice", "Part 2"} {
		if got := calls[i].values.Get("text"); !strings.Contains(got, want) {
			t.Errorf("text of part %d: %.80q, want %q", i+1, got, want)
		}
	}
}

func TestPostOfWhichAPartIsThereIsUnknown(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	n := 0
	s.slack.api.answers("chat.postMessage", func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			says(`{"ok":true,"ts":"1.0"}`)(w, r)
			return
		}
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := s.adapter.Send(t.Context(), team, long(3))
	if d := deliveryError(t, err); d.Outcome != briefing.Unknown || !strings.Contains(err.Error(), "part 2") {
		t.Errorf("%v %v", d.Outcome, err)
	}
	if got := len(s.slack.api.received()); got != 2 {
		t.Errorf("%d posts, want 2", got)
	}
}

func deliveryError(t *testing.T, err error) *briefing.DeliveryError {
	t.Helper()
	var d *briefing.DeliveryError
	if !errors.As(err, &d) {
		t.Fatalf("%T (%v) is no delivery error", err, err)
	}
	return d
}

// TestFailedPostIsClassified holds every way to fail against what the scheduler
// will do about it.
func TestFailedPostIsClassified(t *testing.T) {
	t.Parallel()
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			_, _ = io.WriteString(w, `{"ok":true,"ts":"1.2"}`) // whoever wrote it, it is not Slack's yes
		}
	}
	dialing := func(dial func(context.Context) (net.Conn, error)) func(*side) {
		return func(s *side) {
			s.adapter.api.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}
		}
	}
	type failure struct {
		name     string
		answer   http.HandlerFunc
		prepare  func(*side)
		outcome  briefing.Outcome
		cause    briefing.Cause
		wait     time.Duration
		says     string
		requests int // that reached Slack
	}
	tests := []failure{
		{"429 with a time", status(429, "Retry-After", "7"), nil, briefing.Throttled, "", 7 * time.Second, "429", 1},
		{"429 without a time", status(429), nil, briefing.Throttled, "", 0, "429", 1},
		{"429 with a time that is none", status(429, "Retry-After", "soon"), nil, briefing.Throttled, "", 0, "429", 1},
		{"429 with a time before now", status(429, "Retry-After", "-5"), nil, briefing.Throttled, "", 0, "429", 1},
		{"429 with a time that cannot be meant", status(429, "Retry-After", "9223372036854775"), nil, briefing.Throttled, "", maxRetryAfter, "429", 1},
		{"ratelimited with a time", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3")
			refuses("ratelimited")(w, r)
		}, nil, briefing.Throttled, "", 3 * time.Second, "ratelimited", 1},

		{"nobody listens", nil, func(s *side) { s.adapter.api.http.Transport, _ = refusing(s.t, 99) }, briefing.NotSent, "", 0, "refused", 0},
		{"no such host", nil, dialing(func(context.Context) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "slack.invalid", IsNotFound: true}
		}), briefing.NotSent, "", 0, "not found", 0},
		{"nobody answers the dial", nil, func(s *side) {
			s.adapter.api.http.Timeout = 50 * time.Millisecond
			dialing(func(ctx context.Context) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})(s)
		}, briefing.NotSent, "", 0, "in time", 0},
		{"a certificate that nobody trusts", nil, func(s *side) {
			other := httptest.NewUnstartedServer(nil)
			other.Config.ErrorLog = quiet()
			other.StartTLS()
			s.t.Cleanup(other.Close)
			s.adapter.api.url = other.URL + apiPath
		}, briefing.NotSent, "", 0, "no secure connection", 0},
		{"no TLS where it belongs", nil, func(s *side) {
			s.adapter.api.url = strings.Replace(s.slack.URL, "http:", "https:", 1) + apiPath
		}, briefing.NotSent, "", 0, "", 0},
		{"a connection that ends during the handshake", nil, func(s *side) {
			dialing(func(context.Context) (net.Conn, error) {
				here, there := net.Pipe()
				_ = there.Close()
				return tls.Client(here, &tls.Config{ServerName: "slack.invalid", MinVersion: tls.VersionTLS12}), nil
			})(s)
			s.adapter.api.url = "https://slack.invalid" + apiPath
		}, briefing.NotSent, "", 0, "no connection", 0},

		{"dropped after the request", func(w http.ResponseWriter, _ *http.Request) { drop(w) }, nil, briefing.Unknown, "", 0, "ended before an answer", 1},
		{"reset after the request", func(w http.ResponseWriter, _ *http.Request) { reset(w) }, nil, briefing.Unknown, "", 0, "ended before an answer", 1},
		{"no answer in time", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(s *side) {
			s.adapter.api.http.Timeout = 100 * time.Millisecond
		}, briefing.Unknown, "", 0, "in time", 1},
		{"an answer that stops", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"ok":true`)
		}, nil, briefing.Unknown, "", 0, "could not be read", 1},
		{"an answer that is no JSON", says("ok"), nil, briefing.Unknown, "", 0, "could not be read", 1},
		{"an answer that is a page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>C8PSS9T3V</html>")
		}, nil, briefing.Unknown, "", 0, "could not be read", 1},
		{"an answer that is empty", says(""), nil, briefing.Unknown, "", 0, "could not be read", 1},
		{"an answer that is null", says("null"), nil, briefing.Unknown, "", 0, "neither yes nor no", 1},
		{"an answer that says nothing", says("{}"), nil, briefing.Unknown, "", 0, "neither yes nor no", 1},
		{"an answer without end", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"ok":true,"text":"`+strings.Repeat("x", maxAnswer)+`"}`)
		}, nil, briefing.Unknown, "", 0, "could not be read", 1},
		{"500", status(500), nil, briefing.Unknown, "", 0, "500", 1},
		{"502", status(502), nil, briefing.Unknown, "", 0, "502", 1},
		{"503", status(503, "Retry-After", "1"), nil, briefing.Unknown, "", 0, "503", 1},
		{"504", status(504), nil, briefing.Unknown, "", 0, "504", 1},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, nil, briefing.Unknown, "", 0, "204", 1},

		{"a redirect", status(307, "Location", "/api/elsewhere"), nil, briefing.NotSent, "", 0, "307", 1},
		{"401", status(401), nil, briefing.NotSent, "", 0, "401", 1},
		{"403", status(403), nil, briefing.NotSent, "", 0, "403", 1},
		{"400", status(400), nil, briefing.Rejected, "", 0, "400", 1},
		{"404", status(404), nil, briefing.NotSent, "", 0, "404", 1},
		{"413", status(413), nil, briefing.Rejected, "", 0, "413", 1},
		{"a code that is none", refuses("no " + botToken + " in C8PSS9T3V, see https://slack.com/"), nil, briefing.Rejected, "", 0, "without a proper code", 1},
		{"a code without end", refuses(strings.Repeat("a", 65)), nil, briefing.Rejected, "", 0, "without a proper code", 1},
		{"a no with details", says(`{"ok":false,"error":"invalid_blocks","errors":[{"at":"C8PSS9T3V"}],"response_metadata":{"messages":["x"]}}`), nil, briefing.Rejected, "", 0, "invalid_blocks", 1},
	}
	for outcome, codes := range map[briefing.DeliveryError][]string{
		{Outcome: briefing.Throttled}:                             {"ratelimited", "rate_limited"},
		{Outcome: briefing.Unknown}:                               {"internal_error", "fatal_error", "service_unavailable"},
		{Outcome: briefing.NotSent}:                               {"team_added_to_org", "org_login_required", "request_timeout"},
		{Outcome: briefing.Rejected}:                              {"invalid_blocks", "msg_too_long", "no_text", "invalid_arguments", "a_code_of_next_year"},
		{Outcome: briefing.Impossible, Cause: briefing.CauseGone}: {"is_archived"},
		{Outcome: briefing.Impossible, Cause: briefing.CauseRemoved}: {
			"channel_not_found", "not_in_channel", "no_permission", "restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
		},
		{Outcome: briefing.Impossible, Cause: briefing.CauseRevoked}: {
			"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
			"ekm_access_denied", "team_access_not_granted", "access_denied", "accesslimited", "not_allowed_token_type",
		},
	} {
		for _, code := range codes {
			tests = append(tests, failure{code, refuses(code), nil, outcome.Outcome, outcome.Cause, 0, code, 1})
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, note("an answer"))
			s.slack.Config.ErrorLog = quiet()
			if tt.answer != nil {
				s.slack.api.answers("chat.postMessage", tt.answer)
			}
			if tt.prepare != nil {
				tt.prepare(s)
			}
			id, err := s.adapter.Send(t.Context(), team, weekly())
			d := deliveryError(t, err)
			if id != "" || d.Outcome != tt.outcome || d.Cause != tt.cause || d.RetryAfter != tt.wait {
				t.Errorf("%q, outcome %d, cause %q, after %v (%v); want outcome %d, cause %q, after %v", id, d.Outcome, d.Cause, d.RetryAfter, err, tt.outcome, tt.cause, tt.wait)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
			if got := len(s.slack.api.received()); got != tt.requests {
				t.Errorf("%d requests, want %d", got, tt.requests)
			}
			noSecrets(t, s, err)
		})
	}
}

// noSecrets looks for what an error or a log line must not hold.
func noSecrets(t *testing.T, s *side, err error) {
	t.Helper()
	said := []string{fmt.Sprintf("%v %+v %#v", err, err, err)}
	for unwrapped := err; unwrapped != nil; unwrapped = errors.Unwrap(unwrapped) {
		said = append(said, fmt.Sprintf("%v %#v", unwrapped, unwrapped))
	}
	for _, e := range s.logs.All() {
		said = append(said, fmt.Sprint(e.Message, e.ContextMap()))
	}
	for _, text := range said {
		for _, no := range []string{botToken, secret, team.ID, team.Tenant, "U2CERLKJA", "http", "127.0.0.1", "slack.invalid", apiPath} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(no)) {
				t.Errorf("%q stands in %q", no, text)
			}
		}
	}
}

func TestPostThatIsGivenUpBeforeItsTurnWasNotSent(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	s.slack.api.answers("chat.postMessage", says(`{"ok":true,"ts":"1.2"}`))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.adapter.Send(ended, team, weekly())
	if d := deliveryError(t, err); d.Outcome != briefing.NotSent {
		t.Errorf("with a context that has ended: %v", err)
	}
	if _, err := s.adapter.Send(t.Context(), team, weekly()); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = s.adapter.Send(soon, team, weekly())
	if d := deliveryError(t, err); d.Outcome != briefing.NotSent {
		t.Errorf("while the channel waits: %v", err)
	}
	other := team
	other.ID = "C8PSS9T3W"
	if _, err := s.adapter.Send(soon, other, weekly()); err != nil {
		t.Errorf("another channel: %v", err)
	}
	if got := len(s.slack.api.received()); got != 2 {
		t.Errorf("%d requests, want 2", got)
	}
	noSecrets(t, s, err)
}

func TestPostThatIsGivenUpOnItsWayIsUnknown(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	ctx, cancel := context.WithCancel(t.Context())
	s.slack.api.answers("chat.postMessage", func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := s.adapter.Send(ctx, team, weekly())
	if d := deliveryError(t, err); d.Outcome != briefing.Unknown {
		t.Errorf("%v: %v", d.Outcome, err)
	}
	noSecrets(t, s, err)
}

// A kept connection that ends is where package http would send a request again by
// itself, if it took it for one that may be repeated.
func TestPostOnAKeptConnectionThatIsDroppedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	n := 0
	s.slack.api.answers("chat.postMessage", func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			says(`{"ok":true,"ts":"1.2"}`)(w, r)
			return
		}
		drop(w)
	})
	if _, err := s.adapter.Send(t.Context(), team, weekly()); err != nil {
		t.Fatal(err)
	}
	other := team
	other.ID = "C8PSS9T3W"
	_, err := s.adapter.Send(t.Context(), other, weekly())
	if d := deliveryError(t, err); d.Outcome != briefing.Unknown {
		t.Errorf("%v: %v", d.Outcome, err)
	}
	calls := s.slack.api.received()
	if len(calls) != 2 || calls[0].remote != calls[1].remote {
		t.Errorf("%d requests, or on another connection", len(calls))
	}
}

func TestNothingIsPostedWithoutATokenOrAChannel(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, Config{SigningSecret: briefing.NewPrivate(secret), APIURL: "http://127.0.0.1:1/"}, note("an answer"))
	_, err := a.Send(t.Context(), team, weekly())
	for _, err := range []error{err, a.CanPost(t.Context(), team)} {
		if d := deliveryError(t, err); d.Outcome != briefing.Impossible || d.Cause != briefing.CauseRevoked || !strings.Contains(err.Error(), "SLACK_BOT_TOKEN") {
			t.Errorf("%v %q: %v", d.Outcome, d.Cause, err)
		}
	}
	s := newSide(t, note("an answer"))
	for _, id := range []string{"", "#general", "@steve", "C1 ", strings.Repeat("C", maxID+1)} {
		_, err := s.adapter.Send(t.Context(), briefing.Channel{Platform: briefing.Slack, Tenant: "T1DC2JH3J", ID: id}, weekly())
		if d := deliveryError(t, err); d.Outcome != briefing.Rejected {
			t.Errorf("%q: %v", id, err)
		}
	}
	if got := len(s.slack.api.received()); got != 0 {
		t.Errorf("%d requests, want none", got)
	}
}

func TestPacesOfManyChannelsAreBounded(t *testing.T) {
	a := newAPI(Config{})
	for i := range 2*maxChannels + 1 {
		a.pace(briefing.Channel{Tenant: "T1", ID: fmt.Sprint("C", i)})
	}
	if got := len(a.paces); got > maxChannels {
		t.Errorf("%d channels are remembered", got)
	}
	one, other := a.pace(team), a.pace(briefing.Channel{Tenant: "T2", ID: team.ID})
	if one == other || one != a.pace(team) {
		t.Error("channels of one id in two workspaces share a pace, or one channel has two")
	}
}

func TestWhetherAPostWouldGetThroughIsAskedWithoutPosting(t *testing.T) {
	t.Parallel()
	granted := func(scopes string, h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-OAuth-Scopes", scopes)
			h(w, r)
		}
	}
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		cause  briefing.Cause // empty where a post would get through, or nobody can tell
	}{
		{"a channel that the bot sees", refuses("message_not_found"), ""},
		{"the same, with the scopes asked for", granted("commands,chat:write,chat:write.public", refuses("message_not_found")), ""},
		{"the same, with spaces between them", granted("commands, chat:write", refuses("message_not_found")), ""},
		{"the same, with an app from before scopes", granted("identify,bot", refuses("message_not_found")), ""},
		{"without the scope for posting", granted("commands", refuses("message_not_found")), briefing.CauseRevoked},
		{"a private channel without the bot", refuses("channel_not_found"), briefing.CauseRemoved},
		{"an archived channel", refuses("is_archived"), briefing.CauseGone},
		{"a public channel without the bot", granted("chat:write", refuses("not_in_channel")), briefing.CauseRemoved},
		{"a public channel that it may post to all the same", granted("chat:write,chat:write.public", refuses("not_in_channel")), ""},
		{"a channel without the bot, and nothing about scopes", refuses("not_in_channel"), ""},
		{"a token that is wrong", refuses("invalid_auth"), briefing.CauseRevoked},
		{"a token that was revoked", refuses("token_revoked"), briefing.CauseRevoked},
		{"a token that has expired", refuses("token_expired"), briefing.CauseRevoked},
		{"an account that is no longer active", refuses("account_inactive"), briefing.CauseRevoked},
		{"a scope that is missing for asking", refuses("missing_scope"), ""},
		{"a method that is not there", refuses("unknown_method"), ""},
		{"too much asked", refuses("ratelimited"), ""},
		{"an error of Slack's", refuses("internal_error"), ""},
		{"a link to a message that cannot be", says(`{"ok":true,"permalink":"https://example.org"}`), ""},
		{"429", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, ""},
		{"403", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, ""},
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, ""},
		{"an answer that is no JSON", says("hello"), ""},
		{"a connection that ends", func(w http.ResponseWriter, _ *http.Request) { drop(w) }, ""},
		{"no answer in time", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, note("an answer"))
			s.slack.api.answers("chat.getPermalink", tt.answer)
			started := time.Now()
			err := s.adapter.CanPost(t.Context(), team)
			if took := time.Since(started); took > 2*time.Second {
				t.Errorf("it took %v", took)
			}
			if tt.cause == "" && err != nil {
				t.Fatal(err)
			}
			if tt.cause != "" {
				if d := deliveryError(t, err); d.Outcome != briefing.Impossible || d.Cause != tt.cause {
					t.Errorf("outcome %d, cause %q: %v", d.Outcome, d.Cause, err)
				}
				noSecrets(t, s, err)
			}
			for _, c := range s.slack.api.received() {
				if c.method != "chat.getPermalink" || c.values.Get("channel") != team.ID || c.values.Get("message_ts") != never || c.token != botToken {
					t.Errorf("call: %v", c)
				}
			}
		})
	}
}

func TestPostsKeepTheirConnections(t *testing.T) {
	a := newAPI(Config{})
	transport, ok := a.http.Transport.(*http.Transport)
	if !ok || transport.MaxIdleConnsPerHost != maxIdle || a.http.Timeout != sendTimeout || transport == http.DefaultTransport {
		t.Errorf("%v", a.http)
	}
}

// decodeJSON is what a call was about.
func decodeJSON(t *testing.T, raw string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		t.Fatalf("%v: %.200s", err, raw)
	}
	return v
}

// quiet is for servers whose clients misbehave on purpose.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// reset cuts the connection so that the other side sees a reset, not an end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
