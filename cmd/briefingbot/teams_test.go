package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	teamsApp      = "6f1b2c3d-0000-4a5b-8c9d-0123456789ab"
	teamsTenant   = "4f6a2f1e-1111-4c3b-9d35-0f5b6f0c9a22"
	teamsPassword = "PasswordOfTheTests"
	teamsToken    = "AccessTokenOfTheTests"
	teamsWorry    = "Lone male adults accessing services were not always asked if they had children."
)

// teamsPost is a message that came to the fake connector.
type teamsPost struct{ path, authorization, body string }

// fakeTeams takes messages as Teams does, each after a delay.
func fakeTeams(t *testing.T, delay time.Duration) (service string, posts <-chan teamsPost) {
	t.Helper()
	came := make(chan teamsPost, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		time.Sleep(delay)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"1:sent"}`)
		came <- teamsPost{r.URL.Path, r.Header.Get("Authorization"), string(body)}
	}))
	t.Cleanup(s.Close)
	return s.URL, came
}

// activity is a message of the chat between a person and the bot.
func activity(service, text string) string {
	body, err := json.Marshal(map[string]any{
		"type": "message", "id": "1700000000000", "channelId": "msteams", "serviceUrl": service + "/", "text": text,
		"from":         map[string]any{"id": "29:user-kayleigh", "name": "Kayleigh Smith"},
		"recipient":    map[string]any{"id": "28:" + teamsApp, "name": "Briefing Bot"},
		"conversation": map[string]any{"id": "a:1", "conversationType": "personal", "tenantId": teamsTenant},
		"channelData":  map[string]any{"tenant": map[string]any{"id": teamsTenant}},
	})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// tell sends an activity, and returns the status of the answer.
func (p *process) tell(body, authorization string) int {
	p.t.Helper()
	h := http.Header{"Content-Type": {"application/json"}}
	if authorization != "" {
		h.Set("Authorization", authorization)
	}
	status, _ := p.do(http.MethodPost, p.public, "/api/messages", body, h)
	return status
}

func (p *process) posted(posts <-chan teamsPost) teamsPost {
	p.t.Helper()
	select {
	case post := <-posts:
		return post
	case <-time.After(10 * time.Second):
		p.t.Fatalf("nothing was posted\n%s", p.stderr())
	}
	return teamsPost{}
}

// logged is the lines of a message.
func (p *process) logged(message string) []map[string]any {
	var out []map[string]any
	for line := range strings.SplitSeq(p.stderr(), "\n") {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["msg"] == message {
			out = append(out, entry)
		}
	}
	return out
}

// listed sees which platforms the ready line lists.
func (p *process) listed(want ...string) {
	p.t.Helper()
	got := fmt.Sprint(p.logged("ready")[0]["platforms"])
	if got != fmt.Sprint(want) {
		p.t.Errorf("the ready line lists %s, want %s", got, want)
	}
}

// silentAbout fails where the log holds any of these.
func (p *process) silentAbout(words ...string) {
	p.t.Helper()
	for _, no := range words {
		if strings.Contains(strings.ToLower(p.stderr()), strings.ToLower(no)) {
			p.t.Errorf("the log holds %q", no)
		}
	}
}

func TestServeAnswersTheLocalTeamsClient(t *testing.T) {
	t.Parallel()
	service, posts := fakeTeams(t, 0)
	p := serve(t, "SLACK_SIGNING_SECRET_FILE=", "TEAMS_INSECURE_LOOPBACK=1")
	p.listed("teams")
	if got := len(p.logged("unsigned activities are taken from this machine: TEAMS_INSECURE_LOOPBACK is for trials only")); got != 1 {
		t.Errorf("%d warnings that nothing is signed, want one", got)
	}
	if status := p.tell(activity(service, "da-briefing worries"), ""); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	post := p.posted(posts)
	var message struct {
		Type        string
		Attachments []struct{ ContentType string }
	}
	if err := json.Unmarshal([]byte(post.body), &message); err != nil {
		t.Fatal(err)
	}
	if post.path != "/v3/conversations/a:1/activities/1700000000000" || post.authorization != "" || message.Type != "message" ||
		len(message.Attachments) != 1 || message.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" || !strings.Contains(post.body, teamsWorry) {
		t.Errorf("posted to %s: %.400s", post.path, post.body)
	}
	for _, text := range []string{"KayleighSmith", "da-briefing search KayleighSmith"} {
		p.tell(activity(service, text), "")
		if body := p.posted(posts).body; strings.Contains(body, "KayleighSmith") {
			t.Errorf("a reply repeats what was typed: %s", body)
		}
	}
	if status := p.tell(activity("https://evil.example", "da-briefing"), ""); status != http.StatusForbidden {
		t.Errorf("for a service elsewhere: status %d, want 403", status)
	}
	if status, _ := p.do(http.MethodPost, p.public, "/slack/commands", command("/da-briefing", ""), signed(command("/da-briefing", ""))); status != http.StatusNotFound {
		t.Errorf("Slack, which is not set up: status %d, want 404", status)
	}
	if status, _ := p.do(http.MethodPost, p.admin, "/api/messages", activity(service, "da-briefing"), http.Header{"Content-Type": {"application/json"}}); status != http.StatusNotFound {
		t.Errorf("an activity on the inside address: status %d, want 404", status)
	}
	p.stop()
	if p.err != nil {
		t.Errorf("it ended with %v, want status 0", p.err)
	}
	p.silentAbout("kayleigh", "worries", "29:user", "a:1")
}

func TestServeAnswersBothPlatformsAtOnce(t *testing.T) {
	t.Parallel()
	service, posts := fakeTeams(t, 0)
	microsoft := newFakeMicrosoft(t)
	p := serve(t, append(microsoft.settings(service), "SLACK_BOT_TOKEN=BotTokenOfTheTests")...)
	p.listed("slack", "teams")

	body := command("/da-briefing", "worries")
	if status, reply := p.do(http.MethodPost, p.public, "/slack/commands", body, signed(body)); status != http.StatusOK || !strings.Contains(reply, teamsWorry) {
		t.Errorf("Slack: %d %.200s", status, reply)
	}
	asked := activity(service, "da-briefing worries")
	if status := p.tell(asked, microsoft.bearer(t, service)); status != http.StatusOK {
		t.Errorf("Teams: status %d\n%s", status, p.stderr())
	}
	if post := p.posted(posts); post.authorization != "Bearer "+teamsToken || !strings.Contains(post.body, teamsWorry) {
		t.Errorf("posted with %q: %.200s", post.authorization, post.body)
	}
	for _, authorization := range []string{"", "Bearer nonsense", microsoft.bearer(t, "https://smba.trafficmanager.net")} {
		if status := p.tell(asked, authorization); status != http.StatusUnauthorized {
			t.Errorf("%.20q: status %d, want 401", authorization, status)
		}
	}
	if status := p.tell(strings.ReplaceAll(asked, teamsTenant, "another"), microsoft.bearer(t, service)); status != http.StatusForbidden {
		t.Errorf("another tenant: status %d, want 403", status)
	}
	p.stop()
	if p.err != nil {
		t.Errorf("it ended with %v, want status 0", p.err)
	}
	p.silentAbout("kayleigh", "worries", "29:user", teamsPassword, teamsToken, "eyJ", secretOfTests, "BotTokenOfTheTests")
}

func TestServeFinishesRepliesToTeamsBeforeItStops(t *testing.T) {
	t.Parallel()
	service, posts := fakeTeams(t, 500*time.Millisecond)
	p := serve(t, "SLACK_SIGNING_SECRET_FILE=", "TEAMS_INSECURE_LOOPBACK=1")
	if status := p.tell(activity(service, "da-briefing worries"), ""); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if took := p.stop(); took > 5*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	if p.err != nil || len(posts) != 1 {
		t.Errorf("it ended with %v and %d messages, want status 0 and one\n%s", p.err, len(posts), p.stderr())
	}
}

// fakeMicrosoft is who signs activities and hands out tokens.
type fakeMicrosoft struct {
	*httptest.Server
	key *rsa.PrivateKey
}

func newFakeMicrosoft(t *testing.T) *fakeMicrosoft {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeMicrosoft{key: key}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/metadata":
			fmt.Fprintf(w, `{"issuer":"https://api.botframework.com","jwks_uri":"%s/keys"}`, f.URL)
		case "/keys":
			fmt.Fprintf(w, `{"keys":[{"kty":"RSA","use":"sig","kid":"one","n":"%s","e":"AQAB","endorsements":["msteams"]}]}`,
				base64.RawURLEncoding.EncodeToString(key.N.Bytes()))
		case "/" + teamsTenant + "/oauth2/v2.0/token":
			if r.FormValue("client_id") != teamsApp || r.FormValue("client_secret") != teamsPassword {
				t.Error("a token is asked for by somebody else")
			}
			fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"%s"}`, teamsToken)
		default:
			t.Errorf("%s %s was asked for", r.Method, r.URL.Path)
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// settings are those of a registered app in this Microsoft's cloud.
func (f *fakeMicrosoft) settings(service string) []string {
	return []string{
		"TEAMS_APP_ID=" + teamsApp, "TEAMS_APP_PASSWORD=" + teamsPassword, "TEAMS_TENANT_ID=" + teamsTenant,
		"TEAMS_LOGIN_URL=" + f.URL, "TEAMS_OPENID_METADATA_URL=" + f.URL + "/metadata",
		"TEAMS_SERVICE_HOSTS=" + strings.TrimPrefix(service, "http://"),
	}
}

// bearer is the token that comes with an activity of a service.
func (f *fakeMicrosoft) bearer(t *testing.T, service string) string {
	t.Helper()
	var parts []string
	for _, part := range []map[string]any{
		{"alg": "RS256", "kid": "one", "typ": "JWT"},
		{"iss": "https://api.botframework.com", "aud": teamsApp, "serviceurl": service, "nbf": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()},
	} {
		raw, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(raw))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, ".")))
	signature, err := rsa.SignPKCS1v15(nil, f.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + strings.Join(slices.Concat(parts, []string{base64.RawURLEncoding.EncodeToString(signature)}), ".")
}
