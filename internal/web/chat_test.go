package web_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"briefingbot/internal/briefing"
	"briefingbot/internal/platformtest"
	"briefingbot/internal/web"
)

// chat is a page that is served.
type chat struct {
	*web.Chat
	t    *testing.T
	url  string
	logs *observer.ObservedLogs
}

// named paints a message as no more than the platform's name.
func named(platform string) web.Painter {
	return func(_ *briefing.Message, everyone bool) ([]json.RawMessage, error) {
		body, err := json.Marshal(fmt.Sprint(platform, everyone))
		return []json.RawMessage{body}, err
	}
}

func serve(t *testing.T, token string, now func() time.Time) *chat {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	log := zap.New(core)
	page, err := web.New(web.Config{Token: briefing.NewPrivate(token), Slack: named("slack"), Teams: named("teams")}, platformtest.NewBot(t, log), log, now)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	web.Style(mux)
	page.Routes(mux)
	server := httptest.NewUnstartedServer(mux)
	// As the program's: a page that is open must outlast them.
	server.Config.ReadTimeout, server.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		if err := page.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return &chat{Chat: page, t: t, url: server.URL, logs: logs}
}

// do sends a request, and returns its answer whole.
func (c *chat) do(r *http.Request) (*http.Response, string) {
	c.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, string(body)
}

func (c *chat) request(method, path, body string, header ...string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func (c *chat) say(place, text string, share bool) *http.Request {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"place": place, "text": text, "share": share})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.request(http.MethodPost, "/say", string(body), "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
}

type drawn struct {
	HTML         string
	Slack, Teams []string
	Alone        bool
}

func decode(t *testing.T, body string) drawn {
	t.Helper()
	var d drawn
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return d
}

func TestReplyIsDrawnForThePageAndBothPlatforms(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	resp, body := c.do(c.say("private", "/da-briefing worries", false))
	d := decode(t, body)
	if resp.StatusCode != http.StatusOK || !strings.Contains(d.HTML, "What are we worried about?") || !d.Alone {
		t.Errorf("status %d: %+v", resp.StatusCode, d)
	}
	if !slices.Equal(d.Slack, []string{"slackfalse"}) || !slices.Equal(d.Teams, []string{"teamsfalse"}) {
		t.Errorf("painted %v and %v", d.Slack, d.Teams)
	}
}

func TestOnlyThePageItselfIsAnswered(t *testing.T) {
	t.Parallel()
	const good = `{"place":"private","text":"/briefings"}`
	json := []string{"Content-Type", "application/json"}
	cases := []struct {
		name, method, path, body string
		header                   []string
		want                     int
	}{
		{"the page", "POST", "/say", good, append(json, "Sec-Fetch-Site", "same-origin"), 200},
		{"a program that is no browser", "POST", "/say", good, json, 200},
		{"a person who follows a link", "GET", "/", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"another site's form", "POST", "/say", good, append(json, "Sec-Fetch-Site", "cross-site"), 403},
		{"another port of this machine", "POST", "/say", good, append(json, "Sec-Fetch-Site", "same-site"), 403},
		{"another site, in an old browser", "POST", "/say", good, append(json, "Origin", "https://evil.example"), 421},
		{"another page of this machine, in an old browser", "POST", "/say", good, append(json, "Origin", "http://localhost:1"), 403},
		{"another site's frame", "GET", "/", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"another site's stream", "GET", "/events", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, 403},
		{"a name that leads to this machine", "GET", "/", "", []string{"Host", "evil.example"}, 421},
		{"such a name with a port", "POST", "/say", good, append(json, "Host", "evil.example:8080"), 421},
		{"a name that begins like this machine's", "GET", "/", "", []string{"Host", "localhost.evil.example"}, 421},
		{"an address of the network", "GET", "/", "", []string{"Host", "192.0.2.1"}, 421},
		{"a reverse proxy that says so", "GET", "/", "", []string{"Host", "127.0.0.1:8080", "X-Forwarded-For", "192.0.2.1"}, 421},
		{"a reverse proxy that says so otherwise", "GET", "/", "", []string{"Host", "127.0.0.1:8080", "X-Forwarded-Proto", "https"}, 421},
		{"a reverse proxy that does not", "POST", "/say", good, append(json, "Host", "127.0.0.1:8080", "Origin", "https://bot.example.org", "Sec-Fetch-Site", "same-origin"), 421},
		{"the page, which says its origin", "POST", "/say", good, append(json, "Host", "127.0.0.1:8080", "Origin", "http://127.0.0.1:8080", "Sec-Fetch-Site", "same-origin"), 200},
		{"this machine by its name", "GET", "/", "", []string{"Host", "localhost:8080"}, 200},
		{"this machine in IPv6", "GET", "/", "", []string{"Host", "[::1]:8080"}, 200},
		{"a form that is no JSON", "POST", "/say", "place=private", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"no JSON", "POST", "/say", "{", json, 400},
		{"no text", "POST", "/say", `{"place":"private","text":"  "}`, json, 400},
		{"no such place", "POST", "/say", `{"place":"elsewhere","text":"x"}`, json, 400},
		{"sharing with nobody", "POST", "/say", `{"place":"private","text":"/briefings","share":true}`, json, 400},
		{"too much", "POST", "/say", `{"place":"private","text":"` + strings.Repeat("a", 5000) + `"}`, json, 413},
		{"another way to ask", "GET", "/say", "", nil, 405},
		{"no such page", "GET", "/admin", "", nil, 404},
		{"the token where there is none", "POST", "/enter", "token=", []string{"Content-Type", "application/x-www-form-urlencoded"}, 404},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, "", time.Now)
			resp, body := c.do(c.request(tt.method, tt.path, tt.body, tt.header...))
			if resp.StatusCode != tt.want {
				t.Errorf("status %d, want %d: %s", resp.StatusCode, tt.want, body)
			}
		})
	}
}

// nginx spoke HTTP/1.0 to the server behind it, with that server's name, unless told
// otherwise, and many run a version that does.
func TestProxyThatSaysNothingShowsThePageToNobody(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() // read to its end
	if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\nHost: 127.0.0.1:8080\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() // not read
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestNothingTypedIsRepeated(t *testing.T) {
	t.Parallel()
	const typed = "Zebedee Quillfeather of 12 Orchard Row"
	for _, text := range []string{typed, "/da-briefing " + typed, "/da-briefing search " + typed, "/reflection " + typed, "<script>" + typed} {
		c := serve(t, "", time.Now)
		for _, r := range []*http.Request{c.say("private", text, false), c.say("channel", text, false), c.say("elsewhere", text, false),
			c.request("POST", "/say", text, "Content-Type", "application/json"), c.request("GET", "/"+strings.ReplaceAll(typed, " ", "%20"), "")} {
			_, body := c.do(r)
			for _, word := range []string{"zebedee", "quillfeather", "orchard"} {
				if strings.Contains(strings.ToLower(body), word) {
					t.Errorf("%q is repeated: %s", text, body)
				}
			}
		}
		for _, entry := range c.logs.All() {
			if line := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(strings.ToLower(line), "quillfeather") {
				t.Errorf("%q is logged: %s", text, line)
			}
		}
	}
}

func TestHeadersLetThePageLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	for _, path := range []string{"/", "/static/chat.js"} {
		resp, _ := c.do(c.request("GET", path, ""))
		policy := resp.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: policy %q lacks %s", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" || len(resp.Cookies()) > 0 {
			t.Errorf("%s: %v", path, resp.Header)
		}
	}
}

func TestMuchAtOnceIsRefused(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	for i := range 200 {
		resp, body := c.do(c.say("private", "/briefings", false))
		if resp.StatusCode == http.StatusTooManyRequests {
			if resp.Header.Get("Retry-After") != "1" || !strings.Contains(body, "Wait a second") || i < 20 {
				t.Errorf("after %d: %v %s", i, resp.Header, body)
			}
			return
		}
	}
	t.Error("200 requests at once were answered")
}

const token = "a token of more than twenty letters"

func (c *chat) enter(token string) *http.Response {
	c.t.Helper()
	resp, _ := c.do(c.request("POST", "/enter", "token="+token, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"))
	return resp
}

func TestTokenLetsIn(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := serve(t, token, func() time.Time { return now })
	for _, r := range []*http.Request{c.say("private", "/briefings", false), c.request("GET", "/events", "")} {
		if resp, _ := c.do(r); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without the token: %d", r.URL.Path, resp.StatusCode)
		}
	}
	if _, body := c.do(c.request("GET", "/", "", "Host", "bot.example.org")); !strings.Contains(body, `name="token"`) || strings.Contains(body, `id="composer"`) {
		t.Error("the token is not asked for")
	}
	if resp := c.enter("another token that is quite long"); resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) > 0 {
		t.Errorf("a wrong token: %d, %v", resp.StatusCode, resp.Cookies())
	}
	resp := c.enter(token)
	cookies := resp.Cookies()
	if resp.StatusCode != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("the token: %d, %v", resp.StatusCode, cookies)
	}
	cookie := cookies[0]
	if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || strings.Contains(cookie.Value, "letters") || cookie.Domain != "" {
		t.Errorf("cookie %+v", cookie)
	}
	status := func(value string) int {
		t.Helper()
		r := c.say("private", "/briefings", false)
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: value})
		resp, _ := c.do(r)
		return resp.StatusCode
	}
	if got := status(cookie.Value); got != http.StatusOK {
		t.Errorf("with the cookie: %d", got)
	}
	_, mac, _ := strings.Cut(cookie.Value, ".")
	for _, forged := range []string{"", ".", "9999999999." + mac, "9999999999.", cookie.Value + "x", "x." + mac} {
		if got := status(forged); got != http.StatusUnauthorized {
			t.Errorf("with the cookie %q: %d", forged, got)
		}
	}
	now = now.Add(13 * time.Hour)
	if got := status(cookie.Value); got != http.StatusUnauthorized {
		t.Errorf("after 13 hours: %d", got)
	}
	if resp, _ := c.do(c.request("POST", "/leave", "", "Sec-Fetch-Site", "same-origin")); len(resp.Cookies()) != 1 || resp.Cookies()[0].MaxAge >= 0 {
		t.Errorf("leaving keeps the cookie: %v", resp.Cookies())
	}
}

func TestTokenCannotBeGuessedQuickly(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := serve(t, token, func() time.Time { return now })
	for range 5 {
		if resp := c.enter("a wrong one that is long enough"); resp.StatusCode != http.StatusForbidden {
			t.Fatalf("status %d", resp.StatusCode)
		}
	}
	if resp := c.enter(token); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the sixth try at once: %d", resp.StatusCode)
	}
	now = now.Add(2 * time.Second)
	if resp := c.enter(token); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("two seconds later: %d", resp.StatusCode)
	}
}

func TestFloodOfStrangersLeavesThoseInsideTheirRoom(t *testing.T) {
	t.Parallel()
	c := serve(t, token, time.Now)
	cookie := c.enter(token).Cookies()[0]
	for i := 0; ; i++ {
		if resp, _ := c.do(c.request("GET", "/", "")); resp.StatusCode == http.StatusTooManyRequests {
			break
		} else if i == 200 {
			t.Fatal("a flood is answered")
		}
	}
	r := c.say("private", "/briefings", false)
	r.AddCookie(cookie)
	if resp, body := c.do(r); resp.StatusCode != http.StatusOK {
		t.Errorf("somebody inside gets %d: %s", resp.StatusCode, body)
	}
}

func TestTokenThatDoesNotArriveIsNoWrongOne(t *testing.T) {
	t.Parallel()
	c := serve(t, token, time.Now)
	resp, body := c.do(c.request("POST", "/enter", "token=%zz", "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"))
	if resp.StatusCode != http.StatusBadRequest || strings.Contains(body, "not the token") || c.logs.FilterField(zap.String("cause", "a wrong token")).Len() > 0 {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
}

func TestRefusalOfAnotherSiteIsLogged(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	// A browser that does not say where a request comes from, but its origin.
	resp, body := c.do(c.request("POST", "/say", `{"place":"private","text":"/briefings"}`, "Content-Type", "application/json", "Origin", "http://localhost:1"))
	if resp.StatusCode != http.StatusForbidden || body != "This page answers itself alone.\n" || c.logs.FilterField(zap.String("cause", "another site asked")).Len() != 1 {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
}

func TestShortTokenIsRefused(t *testing.T) {
	t.Parallel()
	_, err := web.New(web.Config{Token: briefing.NewPrivate("short")}, platformtest.NewBot(t, zap.NewNop()), zap.NewNop(), time.Now)
	if err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("error %v", err)
	}
}

// event is one that a page got.
type event struct{ name, id, data string }

// open opens a page's stream.
func (c *chat) open(lastEventID string, query ...string) (next func() (event, error), shut func()) {
	c.t.Helper()
	r := c.request("GET", "/events", "")
	if len(query) == 2 {
		r.URL.RawQuery = url.Values{query[0]: query[1:]}.Encode()
	}
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("status %d", resp.StatusCode)
	}
	c.t.Cleanup(func() { _ = resp.Body.Close() }) // read as far as the test needs
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func() (event, error) {
		var e event
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				e.name = value
			case "id":
				e.id = value
			case "data":
				e.data = value
			case "":
				if e.name != "" {
					return e, nil
				}
			}
		}
		return e, errors.Join(lines.Err(), io.EOF)
	}, func() { _ = resp.Body.Close() }
}

func words(s string) *briefing.Message {
	return &briefing.Message{Blocks: []briefing.Block{briefing.Paragraph{Text: briefing.Words(s)}}}
}

func (c *chat) post(s string) string {
	c.t.Helper()
	id, err := c.Send(c.t.Context(), web.TeamChannel, words(s))
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

func (c *chat) expect(next func() (event, error), s string) event {
	c.t.Helper()
	e, err := next()
	if err != nil || e.name != "post" || !strings.Contains(decode(c.t, e.data).HTML, s) || decode(c.t, e.data).Alone {
		c.t.Fatalf("%+v, %v; want %q", e, err, s)
	}
	return e
}

func TestPostReachesEveryOpenPage(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	first, _ := c.open("")
	second, _ := c.open("")
	if a, b := c.post("one question"), c.post("another question"); a == b || a == "" {
		t.Errorf("ids %q and %q", a, b)
	}
	for _, next := range []func() (event, error){first, second} {
		c.expect(next, "one question")
		c.expect(next, "another question")
	}
	// Longer than the server gives any other request.
	time.Sleep(500 * time.Millisecond)
	c.post("a late question")
	c.expect(first, "a late question")
}

func TestPageThatComesBackGetsWhatItMissed(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	next, shut := c.open("")
	c.post("one")
	seen := c.expect(next, "one").id
	shut()
	c.post("two")
	again, _ := c.open(seen)
	c.expect(again, "two")
	// A page of a process before this one has nothing of this one's.
	// A browser that gave up names no post by itself; the page does.
	anew, _ := c.open("", "last", seen)
	c.expect(anew, "two")
	other, _ := c.open("ANOTHER." + strings.Repeat("9", 3))
	c.expect(other, "one")
	c.expect(other, "two")
}

func TestPageLearnsOfChangedContent(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	c.Show(web.Content{Completions: []web.Completion{{Text: "/x-briefing", Purpose: "the sections"}}})
	next, _ := c.open("")
	if e, err := next(); err != nil || e.name != "content" || !strings.Contains(e.data, "/x-briefing") {
		t.Fatalf("%+v, %v", e, err)
	}
	c.Show(web.Content{Faults: []string{"x.md:3: a fault"}})
	if e, err := next(); err != nil || e.name != "content" || !strings.Contains(e.data, "x.md:3: a fault") {
		t.Fatalf("%+v, %v", e, err)
	}
}

func TestStoppingEndsOpenPages(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	next, _ := c.open("")
	c.post("one")
	c.expect(next, "one")
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, err := next(); err == nil {
		t.Errorf("the stream goes on with %+v", e)
	}
	if resp, _ := c.do(c.request("GET", "/events", "")); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a page that is opened while stopping: %d", resp.StatusCode)
	}
}

func TestSharedReplyGoesToTheChannelWithoutItsButton(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	next, _ := c.open("")
	_, alone := c.do(c.say("channel", "/da-briefing worries", false))
	if !strings.Contains(decode(t, alone).HTML, "Share in channel") {
		t.Fatal("there is no button to share with")
	}
	if resp, body := c.do(c.say("channel", "/da-briefing worries", true)); resp.StatusCode != http.StatusOK || body != "{}" {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
	e := c.expect(next, "What are we worried about?")
	if d := decode(t, e.data); strings.Contains(d.HTML, "Share in channel") || !slices.Equal(d.Slack, []string{"slacktrue"}) {
		t.Errorf("%+v", d)
	}
}

func TestPostToAChannelThatIsNotThePagesIsImpossible(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	_, err := c.Send(t.Context(), briefing.Channel{Platform: briefing.Web, Tenant: "local", ID: "another"}, words("x"))
	failure := new(briefing.DeliveryError)
	if !errors.As(err, &failure) || failure.Outcome != briefing.Impossible {
		t.Errorf("error %v", err)
	}
}

// What a phone loads before anybody opens a card of Teams'.
func TestPageIsLight(t *testing.T) {
	t.Parallel()
	c := serve(t, "", time.Now)
	total := 0
	for _, path := range []string{"/", "/static/base.css", "/static/chat.css", "/static/chat.js", "/static/slack.js", "/static/teams.js"} {
		resp, body := c.do(c.request("GET", path, ""))
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d", path, resp.StatusCode)
		}
		total += len(body)
	}
	if total > 60<<10 {
		t.Errorf("%d bytes", total)
	}
	t.Logf("%d bytes without compression", total)
}

func TestTypedMarkupIsNeverDrawn(t *testing.T) {
	t.Parallel()
	html, err := web.HTML(words(`<script>alert(1)</script> & "quotes"`))
	if err != nil || bytes.Contains([]byte(html), []byte("<script>")) {
		t.Errorf("%s, %v", html, err)
	}
}
