package teams

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/infracloudio/msbotbuilder-go/schema"
	"golang.org/x/oauth2"

	"briefingbot/internal/briefing"
)

// fakeConnector is the part of Teams that takes replies. It refuses what
// Microsoft's clients refuse or hide: fields that no activity has, empty objects,
// dates of the year 1, another content type, another address than Teams' own.
type fakeConnector struct {
	*httptest.Server // nil in a synctest bubble, which no connection may leave
	t                *testing.T
	token            string // that every request must have; none may have one where it is empty
	mu               sync.Mutex
	answer           answering
	posts            []posted
}

// posted is a request that came, whatever it was answered.
type posted struct {
	at                             time.Time
	remote                         string // the address it came from, another for each connection
	method, conversation, activity string // as in its path, unescaped
	targeted                       bool
	raw                            string
	message                        sentActivity
	text                           string // all that its card shows, titles of buttons included
	id                             string // that it was given
}

// sentActivity has every field that the bot sends, and no other.
type sentActivity struct {
	Type         string           `json:"type,omitempty"`
	ID           string           `json:"id,omitempty"`
	From         *sentAddress     `json:"from,omitempty"`
	Recipient    *sentAddress     `json:"recipient,omitempty"`
	Conversation *sentAddress     `json:"conversation,omitempty"`
	ReplyToID    string           `json:"replyToId,omitempty"`
	Summary      string           `json:"summary,omitempty"`
	Attachments  []sentAttachment `json:"attachments,omitempty"`
}

type sentAddress struct {
	ID string `json:"id,omitempty"`
}

type sentAttachment struct {
	ContentType string          `json:"contentType,omitempty"`
	Content     json.RawMessage `json:"content,omitempty"`
}

// answering answers request n, counted from 0, and reports whether it did. What
// it leaves is answered with yes.
type answering func(n int, w http.ResponseWriter, r *http.Request) bool

// servicePath is where the connector's address begins to be Teams' own.
const servicePath = "/uk"

func newFakeConnector(t *testing.T, token string) *fakeConnector {
	t.Helper()
	f := &fakeConnector{t: t, token: token}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeConnector) answers(a answering) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = a
}

func (f *fakeConnector) received() []posted {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.posts)
}

// service is what activities name as serviceUrl.
func (f *fakeConnector) service() string { return f.URL + servicePath + "/" }

func (f *fakeConnector) host() string { return f.Listener.Addr().String() }

// transport serves without a network, for a bubble.
func (f *fakeConnector) transport() http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return w.Result(), nil
	})
}

func (f *fakeConnector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := posted{at: time.Now(), remote: r.RemoteAddr, method: r.Method}
	err := f.read(r, &p)
	f.mu.Lock()
	n, answer := len(f.posts), f.answer
	p.id = p.activity
	if p.method == http.MethodPost {
		p.id = fmt.Sprintf("1:sent-%d", n)
	}
	f.posts = append(f.posts, p)
	f.mu.Unlock()
	if err != nil {
		f.t.Errorf("a request that Teams would refuse: %v: %.300s", err, p.raw)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if answer != nil && answer(n, w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodPost {
		w.WriteHeader(http.StatusCreated)
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"id": p.id})
}

// read understands a request, or says why Teams would not.
func (f *fakeConnector) read(r *http.Request, p *posted) error {
	raw, err := io.ReadAll(r.Body)
	p.raw = string(raw)
	if err != nil {
		return err
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), servicePath+"/v3/conversations/"), "/")
	if !strings.HasPrefix(r.URL.EscapedPath(), servicePath+"/v3/conversations/") || len(parts) < 2 || len(parts) > 3 || parts[1] != "activities" {
		return fmt.Errorf("it goes to %s", r.URL.EscapedPath())
	}
	for i, into := range []*string{&p.conversation, nil, &p.activity} {
		if into == nil || i >= len(parts) {
			continue
		}
		if *into, err = url.PathUnescape(parts[i]); err != nil || *into == "" {
			return fmt.Errorf("an id is %q", parts[i])
		}
	}
	switch r.URL.RawQuery {
	case "":
	case "isTargetedActivity=true":
		p.targeted = true
	default:
		return fmt.Errorf("its query is %q", r.URL.RawQuery)
	}
	want := []string{"Bearer " + f.token}
	if f.token == "" {
		want = nil
	}
	switch {
	case r.Method != http.MethodPost && r.Method != http.MethodPut:
		return fmt.Errorf("its method is %s", r.Method)
	case !slices.Equal(r.Header["Content-Type"], []string{"application/json"}):
		return fmt.Errorf("its content type is %q", r.Header["Content-Type"])
	case !slices.Equal(r.Header["Authorization"], want):
		return errors.New("its authorization is wrong")
	}
	if err := strictly(raw, &p.message); err != nil {
		return err
	}
	m := &p.message
	switch {
	case m.Type != "message":
		return fmt.Errorf("its type is %q", m.Type)
	case m.Conversation == nil || m.Conversation.ID != p.conversation:
		return errors.New("it names another conversation than its address")
	case r.Method == http.MethodPost && (m.ID != "" || m.ReplyToID != p.activity):
		return fmt.Errorf("it has the id %q and replies to %q", m.ID, m.ReplyToID)
	case r.Method == http.MethodPut && (m.ID != p.activity || p.activity == "" || m.ReplyToID != ""):
		return fmt.Errorf("it replaces %q and replies to %q", m.ID, m.ReplyToID)
	case m.Summary == "" || len(m.Attachments) == 0 || len(m.Attachments) > 1 && m.Recipient != nil:
		return fmt.Errorf("its summary is %q, and it has %d attachments", m.Summary, len(m.Attachments))
	}
	for _, item := range m.Attachments {
		if item.ContentType != cardType {
			return fmt.Errorf("its attachment is %q", item.ContentType)
		}
		text, err := cardText(item.Content)
		if p.text += text; err != nil {
			return err
		}
	}
	return nil
}

// strictly decodes JSON that has to be what v marshals to: no field of another
// name, none in other letters, and nothing that is empty.
func strictly(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	var sent, again any
	written, err := json.Marshal(v)
	if err == nil {
		err = errors.Join(json.Unmarshal(raw, &sent), json.Unmarshal(written, &again))
	}
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(sent, again) {
		return errors.New("it holds something empty, or in other letters")
	}
	return meaningful(sent, "")
}

// meaningful refuses what Microsoft's clients stumble over, wherever it stands.
func meaningful(v any, where string) error {
	switch v := v.(type) {
	case nil:
		return fmt.Errorf("%s is null", where)
	case string:
		if v == "" || strings.HasPrefix(v, "0001-01-01") {
			return fmt.Errorf("%s is %q", where, v)
		}
	case []any:
		if len(v) == 0 {
			return fmt.Errorf("%s is an empty list", where)
		}
		for i, e := range v {
			if err := meaningful(e, fmt.Sprintf("%s[%d]", where, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		if len(v) == 0 {
			return fmt.Errorf("%s is an empty object", where)
		}
		for key, e := range v {
			if err := meaningful(e, where+"."+key); err != nil {
				return err
			}
		}
	}
	return nil
}

// cardText is what a card shows. It fails on what is no Adaptive Card of 1.5, and
// on one that is larger than Teams takes.
func cardText(raw []byte) (string, error) {
	var card map[string]any
	if err := json.Unmarshal(raw, &card); err != nil {
		return "", err
	}
	if err := meaningful(card, "card"); err != nil {
		return "", err
	}
	if card["type"] != "AdaptiveCard" || card["version"] != "1.5" || card["body"] == nil {
		return "", fmt.Errorf("a card of type %v, version %v", card["type"], card["version"])
	}
	if n := 2 * len([]rune(string(raw))); n > 40<<10 {
		return "", fmt.Errorf("a card of %d bytes", n)
	}
	var shown strings.Builder
	for _, element := range card["body"].([]any) {
		cardTexts(element, &shown)
		shown.WriteString("\n")
	}
	return asRead.Replace(shown.String()), nil
}

// asRead undoes what keeps a publisher's signs from being read as Markdown.
var asRead = strings.NewReplacer("\\", "", "\u00a0", " ")

func cardTexts(v any, into *strings.Builder) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			cardTexts(e, into)
		}
	case map[string]any:
		for _, key := range []string{"text", "title", "label"} {
			if s, ok := v[key].(string); ok {
				into.WriteString(s)
			}
		}
		for _, key := range []string{"inlines", "columns", "items", "actions", "choices"} {
			cardTexts(v[key], into)
		}
	}
}

// status answers every request with a status, headers and a body.
func status(code int, body string, header ...string) answering {
	return func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// statusFirst answers so the first times, and then says yes.
func statusFirst(times, code int, header ...string) answering {
	no := status(code, "", header...)
	return func(n int, w http.ResponseWriter, r *http.Request) bool { return n < times && no(n, w, r) }
}

// gibberish answers with what is no HTTP, and names somebody.
func gibberish(_ int, w http.ResponseWriter, _ *http.Request) bool {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 Kayleigh Smith\r\n\r\n")
		_ = conn.Close()
	}
	return true
}

// dropped cuts the connection once the request has been read.
func dropped(_ int, w http.ResponseWriter, _ *http.Request) bool {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
	return true
}

const (
	threadOfTests = "19:abc@thread.tacv2;messageid=1"
	tokenOfTests  = "AccessTokenOfTheTests"
)

// replyIn is a message as msbotbuilder-go hands it to its client.
func replyIn(service, conversation, activityID string) schema.Activity {
	card := Render(&briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: "an answer"}}})[0]
	return schema.Activity{
		Type: schema.Message, ID: activityID, ReplyToID: activityID, ServiceURL: service, ChannelID: "msteams",
		Conversation: schema.ConversationAccount{ID: conversation}, Summary: card.summary, Attachments: attachments(card),
		From: schema.ChannelAccount{ID: "28:bot", Name: "Briefing Bot"}, Recipient: schema.ChannelAccount{ID: "29:user", Name: "A Person"},
	}
}

// outside is a connector, and the fake one that it sends to, with a network
// between them.
func outside(t *testing.T) (*connector, *fakeConnector) {
	t.Helper()
	f := newFakeConnector(t, tokenOfTests)
	return &connector{http: newHTTPClient(), now: time.Now, tokens: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: tokenOfTests})}, f
}

// inside is the same in a bubble, where time costs none.
func inside(t *testing.T) (*connector, *fakeConnector) {
	t.Helper()
	f := &fakeConnector{t: t}
	client := newHTTPClient()
	client.Transport = f.transport()
	return &connector{http: client, now: time.Now}, f
}

const serviceInside = "https://smba.trafficmanager.net" + servicePath + "/"

// sendWith sends as msbotbuilder-go would have it sent.
func sendWith(ctx context.Context, c *connector, method string, a schema.Activity) (id string, err error) {
	u := &turn{ctx: ctx, connector: c}
	if method == http.MethodPut {
		err = u.Put(url.URL{}, a)
	} else {
		err = u.Post(url.URL{}, a)
	}
	return u.sentID, err
}

func TestIDOfWhatWasSentComesBack(t *testing.T) {
	t.Parallel()
	c, f := outside(t)
	for i, tt := range []struct{ method, activity, want string }{
		{http.MethodPost, "1:asked", "1:sent-0"},
		{http.MethodPost, "", "1:sent-1"},
		{http.MethodPut, "1:changed", "1:changed"},
	} {
		id, err := sendWith(t.Context(), c, tt.method, replyIn(f.service(), threadOfTests, tt.activity))
		if err != nil || id != tt.want {
			t.Errorf("%s: id %q, %v; want %q", tt.method, id, err, tt.want)
		}
		p := f.received()[i]
		if p.method != tt.method || p.conversation != threadOfTests || p.activity != tt.activity || p.targeted {
			t.Errorf("it came as %s to %q and %q, targeted: %t", p.method, p.conversation, p.activity, p.targeted)
		}
		if p.message.From.ID != "28:bot" || p.message.Recipient.ID != "29:user" || p.text != "an answer\n" {
			t.Errorf("from %s to %s: %q", p.message.From.ID, p.message.Recipient.ID, p.text)
		}
		if strings.Contains(p.raw, "A Person") {
			t.Error("it names the person")
		}
	}
	f.answers(status(http.StatusOK, ""))
	if id, err := sendWith(t.Context(), c, http.MethodPut, replyIn(f.service(), threadOfTests, "1:changed")); err != nil || id != "" {
		t.Errorf("an answer with no body: id %q, %v", id, err)
	}
}

func TestAddressIsTheOneOfTeams(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		service, conversation, activity string
		targeted                        bool
		want                            string
	}{
		{"https://smba.trafficmanager.net/uk/", threadOfTests, "1:2", false,
			"https://smba.trafficmanager.net/uk/v3/conversations/19:abc@thread.tacv2%3Bmessageid=1/activities/1:2"},
		{"https://smba.trafficmanager.net/uk", "a:1", "", false, "https://smba.trafficmanager.net/uk/v3/conversations/a:1/activities"},
		{"https://smba.trafficmanager.net//", "a:1", "2", true, "https://smba.trafficmanager.net/v3/conversations/a:1/activities/2?isTargetedActivity=true"},
	} {
		if got, err := activityURL(tt.service, tt.conversation, tt.activity, tt.targeted); err != nil || got != tt.want {
			t.Errorf("%s, %v; want %s", got, err, tt.want)
		}
	}
}

func TestIDsCannotLeadToAnotherAddress(t *testing.T) {
	t.Parallel()
	c, f := outside(t)
	hostile := []string{
		"a/b", "/", "//evil.example", "../../admin", "..%2f..%2fadmin", "%2e%2e", "a?b=c", "?isTargetedActivity=true", "a#b", "#", "100%", "%zz", "%00",
		"a b", " ", "a\\..\\b", "a\r\nHost: evil.example", "a\x00b", "@evil.example", "user:word@evil.example", "é…", "...", "a;b=c,d", "\xff",
	}
	for i, id := range hostile {
		// JSON has no place for bytes that are no UTF-8: Teams sends none either.
		id = strings.ToValidUTF8(id, "\ufffd")
		if _, err := sendWith(t.Context(), c, http.MethodPost, replyIn(f.service(), id, "1:asked")); err != nil {
			t.Errorf("conversation %q: %v", id, err)
		}
		// Another conversation each time: one alone has its pace.
		if _, err := sendWith(t.Context(), c, http.MethodPut, replyIn(f.service(), fmt.Sprintf("a:%d", i), id)); err != nil {
			t.Errorf("activity %q: %v", id, err)
		}
		got := f.received()
		if len(got) != 2*i+2 || got[2*i].conversation != id || got[2*i+1].activity != id {
			t.Fatalf("%q came as something else", id)
		}
	}
	before := len(f.received())
	for _, id := range []string{".", ".."} {
		if _, err := sendWith(t.Context(), c, http.MethodPost, replyIn(f.service(), id, "1:asked")); err == nil {
			t.Errorf("conversation %q was sent to", id)
		}
		if _, err := sendWith(t.Context(), c, http.MethodPut, replyIn(f.service(), threadOfTests, id)); err == nil {
			t.Errorf("activity %q was replaced", id)
		}
	}
	if got := len(f.received()); got != before {
		t.Errorf("%d requests for ids that are none", got-before)
	}
}

func TestTargetedAnswerSaysSo(t *testing.T) {
	t.Parallel()
	c, f := outside(t)
	for _, targeted := range []bool{true, false} {
		u := &turn{ctx: t.Context(), connector: c, targeted: targeted}
		if err := errors.Join(u.Post(url.URL{}, replyIn(f.service(), threadOfTests, "1:asked")), u.Put(url.URL{}, replyIn(f.service(), threadOfTests, "1:asked"))); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range f.received() {
		if want := i < 2; p.targeted != want {
			t.Errorf("%s: targeted %t, want %t", p.method, p.targeted, want)
		}
	}
}

func TestBotDeletesNothing(t *testing.T) {
	t.Parallel()
	c, f := outside(t)
	if err := (&turn{ctx: t.Context(), connector: c}).Delete(url.URL{}, replyIn(f.service(), threadOfTests, "1:asked")); err == nil {
		t.Error("no error")
	}
	if got := len(f.received()); got != 0 {
		t.Errorf("%d requests", got)
	}
}

func TestOnlyWhatCannotArriveTwiceIsSentAgain(t *testing.T) {
	t.Parallel()
	const first, second = 1500 * time.Millisecond, 2500 * time.Millisecond // the longest backoffs
	for _, tt := range []struct {
		name      string
		method    string
		answer    answering
		tries     int
		delivered bool
		atLeast   time.Duration
		atMost    time.Duration
	}{
		{"429 with seconds", http.MethodPost, statusFirst(1, http.StatusTooManyRequests, "Retry-After", "7"), 2, true, 7 * time.Second, 7 * time.Second},
		{"429 with the longest wait", http.MethodPost, statusFirst(1, http.StatusTooManyRequests, "Retry-After", "30"), 2, true, maxWait, maxWait},
		{"429 for longer", http.MethodPost, status(http.StatusTooManyRequests, "", "Retry-After", "31"), 1, false, 0, 0},
		{"429 for an age", http.MethodPost, status(http.StatusTooManyRequests, "", "Retry-After", "10000000000"), 1, false, 0, 0},
		{"429 with a date", http.MethodPost, func(n int, w http.ResponseWriter, r *http.Request) bool {
			return statusFirst(1, http.StatusTooManyRequests, "Retry-After", time.Now().Add(5*time.Second).UTC().Format(http.TimeFormat))(n, w, r)
		}, 2, true, 5 * time.Second, 5 * time.Second},
		{"429 until a date too late", http.MethodPost, func(n int, w http.ResponseWriter, r *http.Request) bool {
			return status(http.StatusTooManyRequests, "", "Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))(n, w, r)
		}, 1, false, 0, 0},
		{"429 until a date that has passed", http.MethodPost, statusFirst(1, http.StatusTooManyRequests, "Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"), 2, true, time.Second, first},
		{"429 that does not say for how long", http.MethodPost, statusFirst(1, http.StatusTooManyRequests), 2, true, time.Second, first},
		{"429 for a time that is none", http.MethodPost, statusFirst(1, http.StatusTooManyRequests, "Retry-After", "soon"), 2, true, time.Second, first},
		{"429 for less than no time", http.MethodPost, statusFirst(1, http.StatusTooManyRequests, "Retry-After", "-1"), 2, true, time.Second, first},
		{"429 for ever", http.MethodPost, status(http.StatusTooManyRequests, "", "Retry-After", "1"), maxTries, false, 2 * time.Second, 2 * time.Second},
		{"412", http.MethodPost, statusFirst(1, http.StatusPreconditionFailed), 2, true, time.Second, first},
		{"412 twice", http.MethodPost, statusFirst(2, http.StatusPreconditionFailed), 3, true, 3 * time.Second, first + second},
		{"412 for a new version", http.MethodPut, statusFirst(1, http.StatusPreconditionFailed), 2, true, time.Second, first},
		{"502", http.MethodPost, status(http.StatusBadGateway, ""), 1, false, 0, 0},
		{"502 with Retry-After", http.MethodPost, status(http.StatusBadGateway, "", "Retry-After", "1"), 1, false, 0, 0},
		{"502 for a new version", http.MethodPut, statusFirst(1, http.StatusBadGateway), 2, true, time.Second, first},
		{"504", http.MethodPost, status(http.StatusGatewayTimeout, ""), 1, false, 0, 0},
		{"504 for a new version", http.MethodPut, statusFirst(2, http.StatusGatewayTimeout), 3, true, 3 * time.Second, first + second},
		{"504 for a new version, for ever", http.MethodPut, status(http.StatusGatewayTimeout, ""), maxTries, false, 3 * time.Second, first + second},
		{"500", http.MethodPost, status(http.StatusInternalServerError, ""), 1, false, 0, 0},
		{"500 for a new version", http.MethodPut, status(http.StatusInternalServerError, ""), 1, false, 0, 0},
		{"503 with Retry-After", http.MethodPost, status(http.StatusServiceUnavailable, "", "Retry-After", "1"), 1, false, 0, 0},
		{"403", http.MethodPost, status(http.StatusForbidden, ""), 1, false, 0, 0},
		{"404", http.MethodPut, status(http.StatusNotFound, ""), 1, false, 0, 0},
		{"a redirect that keeps the method", http.MethodPost, status(http.StatusTemporaryRedirect, "", "Location", "/elsewhere"), 1, false, 0, 0},
		{"a redirect that does not", http.MethodPost, status(http.StatusFound, "", "Location", "https://evil.example/"), 1, false, 0, 0},
		{"429 and then 502", http.MethodPost, func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 0 {
				return status(http.StatusTooManyRequests, "", "Retry-After", "1")(n, w, r)
			}
			return status(http.StatusBadGateway, "")(n, w, r)
		}, 2, false, time.Second, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, f := inside(t)
				f.answers(tt.answer)
				start := time.Now()
				id, err := sendWith(t.Context(), c, tt.method, replyIn(serviceInside, threadOfTests, "1:asked"))
				if got := f.received(); len(got) != tt.tries || (err == nil) != tt.delivered || (id != "") != tt.delivered {
					t.Errorf("%d tries, id %q, %v; want %d", len(got), id, err, tt.tries)
				} else if got[0].raw != got[len(got)-1].raw {
					t.Error("another message was sent the second time")
				}
				if took := time.Since(start); took < tt.atLeast || took > tt.atMost {
					t.Errorf("it took %s, want %s to %s", took, tt.atLeast, tt.atMost)
				}
			})
		})
	}
}

func TestBackoffIsNotTheSameForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var took []time.Duration
		for range 5 {
			c, f := inside(t)
			f.answers(statusFirst(1, http.StatusPreconditionFailed))
			start := time.Now()
			if _, err := sendWith(t.Context(), c, http.MethodPost, replyIn(serviceInside, threadOfTests, "1:asked")); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		if len(slices.Compact(took)) == 1 {
			t.Error("every one waited the same time")
		}
	})
}

func TestRefusedConnectionIsTriedAgain(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, tt := range []struct {
		name  string
		first int // dials that fail
		tries int
	}{{"once", 1, 2}, {"twice", 2, 3}, {"for ever", math.MaxInt, maxTries}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, f := inside(t)
				tries := 0
				c.http.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
					if tries++; tries <= tt.first {
						return nil, refused
					}
					return f.transport().RoundTrip(r)
				})
				_, err := sendWith(t.Context(), c, http.MethodPost, replyIn(serviceInside, threadOfTests, "1:asked"))
				if tries != tt.tries || (err == nil) != (tt.first < maxTries) {
					t.Errorf("%d tries, %v", tries, err)
				}
				if err != nil && (!strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "conversations")) {
					t.Errorf("the error is %v", err)
				}
			})
		})
	}
}

func TestConnectionThatDropsAfterTheRequestIsNotUsedForItAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer answering
		taken  bool
	}{
		{"dropped", dropped, false},
		{"reset", func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
			return true
		}, false},
		{"dropped in the answer, after its yes", func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusCreated)
			_ = http.NewResponseController(w).Flush()
			return dropped(n, w, r)
		}, true},
	} {
		for _, method := range []string{http.MethodPost, http.MethodPut} {
			t.Run(method+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				c, f := outside(t)
				// A pool of its own: httptest closes the idle connections of the usual one.
				pool := &http.Transport{}
				defer pool.CloseIdleConnections()
				c.http.Transport = pool
				// The second one goes over a connection that served before: net/http itself
				// repeats some requests there.
				f.answers(func(n int, w http.ResponseWriter, r *http.Request) bool { return n > 0 && tt.answer(n, w, r) })
				if _, err := sendWith(t.Context(), c, method, replyIn(f.service(), threadOfTests, "1:asked")); err != nil {
					t.Fatal(err)
				}
				_, err := sendWith(t.Context(), c, method, replyIn(f.service(), threadOfTests, "1:asked"))
				if (err == nil) != tt.taken || err != nil && strings.Contains(err.Error(), "conversations") {
					t.Errorf("the error is %v", err)
				}
				got := f.received()
				if len(got) != 2 {
					t.Fatalf("%d requests, want 2", len(got))
				}
				if got[0].remote != got[1].remote {
					t.Error("the connection was not used again: this test shows nothing")
				}
			})
		}
	}
}

func TestErrorHoldsTeamsCodeAndNothingElseThatTeamsWrote(t *testing.T) {
	t.Parallel()
	c, f := outside(t)
	for _, tt := range []struct {
		status int
		body   string
		want   string
	}{
		{403, `{"error":{"code":"BotNotInConversationRoster","message":"Kayleigh Smith left"}}`, "Teams answered 403 BotNotInConversationRoster"},
		{404, `{"error":{"code":"ConversationNotFound","innerHttpError":{"body":"Kayleigh"}}}`, "Teams answered 404 ConversationNotFound"},
		{400, `{"error":{"code":"Kayleigh Smith"}}`, "Teams answered 400"},
		{400, `{"error":{"code":"` + strings.Repeat("a", 65) + `"}}`, "Teams answered 400"},
		{400, `{"error":{"code":"a\nb"}}`, "Teams answered 400"},
		{400, `{"error":{"code":5}}`, "Teams answered 400"},
		{400, `{"error":"Kayleigh"}`, "Teams answered 400"},
		{413, `<html>Kayleigh</html>`, "Teams answered 413"},
		{500, ``, "Teams answered 500"},
		{501, strings.Repeat(" ", 2*maxReply) + `{"error":{"code":"Late"}}`, "Teams answered 501"},
		{302, `Kayleigh`, "Teams answered 302"},
	} {
		f.answers(status(tt.status, tt.body, "Location", "/Kayleigh", "WWW-Authenticate", "Kayleigh"))
		_, err := sendWith(t.Context(), c, http.MethodPost, replyIn(f.service(), threadOfTests, "1:asked"))
		if err == nil || err.Error() != tt.want || safeCause(err) != tt.want {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

func TestSlowTeamsIsGivenUp(t *testing.T) {
	t.Parallel()
	hangs := func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	t.Run("when the sender gives up", func(t *testing.T) {
		t.Parallel()
		c, f := outside(t)
		f.answers(hangs)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := sendWith(ctx, c, http.MethodPost, replyIn(f.service(), threadOfTests, "1:asked")); err == nil {
			t.Error("no error")
		}
		if took := time.Since(start); took > 3*time.Second || len(f.received()) != 1 {
			t.Errorf("%d requests in %s", len(f.received()), took)
		}
	})
	for _, tt := range []struct {
		name   string
		answer answering
		limit  time.Duration // of the sender's context
		took   time.Duration
	}{
		{"after ten seconds", hangs, time.Hour, requestTimeout},
		{"in the wait for another try", status(http.StatusTooManyRequests, "", "Retry-After", "30"), 3 * time.Second, 3 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, f := inside(t)
				f.answers(tt.answer)
				ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
				defer cancel()
				start := time.Now()
				if _, err := sendWith(ctx, c, http.MethodPost, replyIn(serviceInside, threadOfTests, "1:asked")); err == nil {
					t.Error("no error")
				}
				if took := time.Since(start); took != tt.took || len(f.received()) != 1 {
					t.Errorf("%d requests in %s, want one in %s", len(f.received()), took, tt.took)
				}
			})
		})
	}
}

func TestConversationIsSentToNoFasterThanTeamsTakesAndOthersDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, f := inside(t)
		const messages = 4 * perSecond
		start := time.Now()
		var wg sync.WaitGroup
		for range messages {
			wg.Go(func() {
				if _, err := sendWith(t.Context(), c, http.MethodPost, replyIn(serviceInside, threadOfTests, "1:asked")); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // those that may go have gone, and the rest wait
		if n := len(f.received()); n != 1 {
			t.Errorf("%d messages at once: 7 more would follow within the same second", n)
		}
		for i := range perSecond {
			if _, err := sendWith(t.Context(), c, http.MethodPost, replyIn(serviceInside, fmt.Sprintf("a:other-%d", i), "1:asked")); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("other conversations waited %s", took)
		}
		wg.Wait()
		if took, least := time.Since(start), (messages-perSecond)*time.Second/perSecond-time.Millisecond; took < least {
			t.Errorf("%d messages in %s, want %s", messages, took, least)
		}
		if got := len(f.received()); got != messages+perSecond {
			t.Errorf("%d messages came", got)
		}
	})
}

func TestSendWaitsForItsTokenNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := inside(t)
		hung := make(chan struct{})
		c.tokens = tokenFunc(func() (*oauth2.Token, error) { <-hung; return nil, errors.New("too late") })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := sendWith(ctx, c, http.MethodPost, replyIn(serviceInside, threadOfTests, "1:asked")); err == nil {
			t.Error("it was sent without a token")
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("it waited %s", took)
		}
		close(hung)
	})
}

func TestMemoryOfPacesIsBounded(t *testing.T) {
	t.Parallel()
	c := &connector{}
	for i := range 2*maxConversations + 10 {
		c.pace(strconv.Itoa(i))
		if len(c.paces) > maxConversations {
			t.Fatalf("%d conversations are remembered", len(c.paces))
		}
	}
	if first := c.pace("a"); c.pace("a") != first {
		t.Error("a conversation is forgotten at once")
	}
}

// fakeLogin hands out tokens, as Microsoft's login server does.
type fakeLogin struct {
	*httptest.Server
	mu     sync.Mutex
	forms  []url.Values
	paths  []string
	lives  int // seconds of a token; an hour where zero
	answer http.HandlerFunc
}

const (
	botPassword = "PasswordOfTheTests~+/%"
	homeTenant  = "4f6a2f1e-1111-4c3b-9d35-0f5b6f0c9a22"
)

func newFakeLogin(t *testing.T) *fakeLogin {
	t.Helper()
	f := &fakeLogin{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.URL.RawQuery != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s %s is not how a token is asked for: %v", r.Method, r.URL.Path, err)
		}
		f.mu.Lock()
		f.forms, f.paths = append(f.forms, r.PostForm), append(f.paths, r.URL.EscapedPath())
		answer, lives := f.answer, f.lives
		f.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		if lives == 0 {
			lives = 3600
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":%d,"ext_expires_in":%d,"access_token":"%s"}`, lives, lives, tokenOfTests)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeLogin) asked() []url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.forms)
}

// config is what a registered bot has, with this login server.
func (f *fakeLogin) config() Config {
	return Config{AppID: tokenApp, AppPassword: briefing.NewPrivate(botPassword), TenantID: homeTenant, LoginURL: f.URL}
}

func publicCloud() cloud {
	c, _ := cloudNamed("")
	return c
}

func TestTokenIsAskedForAsMicrosoftWantsIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*Config)
		path   string
	}{
		{"of one tenant", func(*Config) {}, "/" + homeTenant + "/oauth2/v2.0/token"},
		{"of any tenant", func(c *Config) { c.TenantID = "" }, "/botframework.com/oauth2/v2.0/token"},
		{"with a slash at the end", func(c *Config) { c.LoginURL += "/" }, "/" + homeTenant + "/oauth2/v2.0/token"},
		{"with the whole address", func(c *Config) { c.LoginURL += "/elsewhere/token" }, "/elsewhere/token"},
		{"of a tenant that is none", func(c *Config) { c.TenantID = "../admin?a" }, "/..%2Fadmin%3Fa/oauth2/v2.0/token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			login := newFakeLogin(t)
			cfg := login.config()
			tt.change(&cfg)
			token, err := tokenSource(cfg, publicCloud()).Token()
			if err != nil || token.AccessToken != tokenOfTests {
				t.Fatal(err)
			}
			want := url.Values{
				"grant_type": {"client_credentials"}, "client_id": {tokenApp}, "client_secret": {botPassword},
				"scope": {"https://api.botframework.com/.default"},
			}
			if got := login.asked(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
				t.Errorf("asked %d times, not as it should be", len(got))
			}
			if login.paths[0] != tt.path {
				t.Errorf("asked at %s, want %s", login.paths[0], tt.path)
			}
		})
	}
}

func TestTwentySendsFetchOneToken(t *testing.T) {
	t.Parallel()
	login, f := newFakeLogin(t), newFakeConnector(t, tokenOfTests)
	c := &connector{http: newHTTPClient(), now: time.Now, tokens: tokenSource(login.config(), publicCloud())}
	send := func(i int) {
		if _, err := sendWith(t.Context(), c, http.MethodPost, replyIn(f.service(), fmt.Sprintf("a:%d", i), "1:asked")); err != nil {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { send(i) })
	}
	wg.Wait()
	send(20)
	if got := len(login.asked()); got != 1 {
		t.Errorf("%d tokens were fetched, want one", got)
	}
	if got := len(f.received()); got != 21 {
		t.Errorf("%d messages came, want 21", got)
	}
}

func TestTokenIsFetchedAgainFiveMinutesBeforeItEnds(t *testing.T) {
	t.Parallel()
	login := newFakeLogin(t)
	login.lives = 301
	tokens := tokenSource(login.config(), publicCloud())
	for _, want := range []int{1, 1} {
		if _, err := tokens.Token(); err != nil {
			t.Fatal(err)
		}
		if got := len(login.asked()); got != want {
			t.Fatalf("%d tokens were fetched, want %d", got, want)
		}
	}
	time.Sleep(1100 * time.Millisecond)
	if _, err := tokens.Token(); err != nil {
		t.Fatal(err)
	}
	if got := len(login.asked()); got != 2 {
		t.Errorf("%d tokens were fetched, want 2", got)
	}
}

func TestFailureToSignInIsToldByItsCode(t *testing.T) {
	t.Parallel()
	const description = `"error_description":"AADSTS7000215: Invalid client secret ` + botPassword + ` for app ` + tokenApp + `"`
	for _, tt := range []struct {
		name, contentType, body string
		status                  int
		want                    string
	}{
		{"wrong password", "application/json", `{"error":"invalid_client",` + description + `,"error_codes":[7000215]}`, 401, "no token: invalid_client"},
		{"wrong tenant", "application/json", `{"error":"invalid_request",` + description + `}`, 400, "no token: invalid_request"},
		{"a code that is a sentence", "application/json", `{"error":"` + botPassword + ` is wrong",` + description + `}`, 400, "no token: status 400"},
		{"a page", "text/html", "<html>" + botPassword + "</html>", 503, "no token: status 503"},
		{"a redirect", "text/html", botPassword, 302, "no token: status 302"},
		{"an error with status 200", "application/json", `{"error":"temporarily_unavailable",` + description + `}`, 200, "no token: temporarily_unavailable"},
		{"no token", "application/json", `{"token_type":"` + botPassword + `"}`, 200, ""},
		{"no JSON", "application/json", botPassword, 200, ""},
		{"a form", "application/x-www-form-urlencoded", botPassword, 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			login, f := newFakeLogin(t), newFakeConnector(t, tokenOfTests)
			login.answer = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				w.Header().Set("Location", f.service())
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}
			c := &connector{http: newHTTPClient(), now: time.Now, tokens: tokenSource(login.config(), publicCloud())}
			_, err := sendWith(t.Context(), c, http.MethodPost, replyIn(f.service(), threadOfTests, "1:asked"))
			if err == nil || tt.want != "" && err.Error() != tt.want || !strings.HasPrefix(err.Error(), "no token: ") {
				t.Fatalf("%v, want %q", err, tt.want)
			}
			for _, no := range []string{"PasswordOfTheTests", url.QueryEscape(botPassword), tokenApp, homeTenant, "AADSTS", login.URL} {
				if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), no) {
					t.Errorf("the error holds %q: %v", no, err)
				}
			}
			if len(login.asked()) != 1 || len(f.received()) != 0 {
				t.Errorf("%d fetches and %d messages, want one and none", len(login.asked()), len(f.received()))
			}
		})
	}
}

func TestLoginServerThatIsDownIsTriedAgainAndNamesNoSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, f := inside(t)
		var tries atomic.Int64
		c.tokens = tokenFunc(func() (*oauth2.Token, error) {
			if tries.Add(1) == 1 {
				return nil, &url.Error{Op: "Post", URL: "https://login.example/" + homeTenant, Err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}}
			}
			return nil, errors.New("an end")
		})
		_, err := sendWith(t.Context(), c, http.MethodPost, replyIn(serviceInside, threadOfTests, "1:asked"))
		if tries.Load() != 2 || err == nil || err.Error() != "no token: an end" {
			t.Errorf("%d tries, %v", tries.Load(), err)
		}
		if got := tokenError(&url.Error{Op: "Post", URL: "https://login.example/" + homeTenant, Err: io.EOF}); strings.Contains(got.Error(), homeTenant) {
			t.Errorf("the error is %v", got)
		}
		if got := len(f.received()); got != 0 {
			t.Errorf("%d messages without a token", got)
		}
	})
}

// The code that reads what the login server sends is a library's. All who wait for a
// token must hear of it, and the next ones get one.
func TestPanicOverATokenIsOneMoreFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, f := inside(t)
		f.token = tokenOfTests
		var fetches atomic.Int64
		c.tokens = tokenFunc(func() (*oauth2.Token, error) {
			time.Sleep(time.Second)
			if fetches.Add(1) == 1 {
				panic(tokenOfTests)
			}
			return &oauth2.Token{AccessToken: tokenOfTests}, nil
		})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if token, err := c.token(t.Context()); token != nil || err == nil || err.Error() != "panic of string" {
					t.Errorf("%v, %v", token, err)
				}
			})
		}
		wg.Wait()
		if _, err := sendWith(t.Context(), c, http.MethodPost, replyIn(serviceInside, threadOfTests, "1:asked")); err != nil || len(f.received()) != 1 {
			t.Errorf("%v, %d messages", err, len(f.received()))
		}
		if fetches.Load() != 2 {
			t.Errorf("%d fetches, want one for both who waited and one more", fetches.Load())
		}
	})
}

type tokenFunc func() (*oauth2.Token, error)

func (f tokenFunc) Token() (*oauth2.Token, error) { return f() }
