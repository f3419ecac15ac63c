package teams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
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
	botID  = "28:" + tokenApp
	userID = "29:user-kayleigh"
)

type responderFunc func(briefing.Request) *briefing.Message

func (f responderFunc) Respond(_ context.Context, r briefing.Request) *briefing.Message { return f(r) }

// note is a responder that says one short thing.
func note(s string) Responder {
	m := &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: s}}}
	return responderFunc(func(briefing.Request) *briefing.Message { return m })
}

// nobody is a responder that must not be asked.
func nobody(t *testing.T) Responder {
	return responderFunc(func(briefing.Request) *briefing.Message {
		t.Error("the bot was asked")
		return &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: "an answer"}}}
	})
}

// long is a message that Teams takes only in parts.
func long(parts int) *briefing.Message {
	m := &briefing.Message{}
	for i := range parts {
		m.Blocks = append(m.Blocks, briefing.Heading{Text: fmt.Sprintf("Part %d", i+1)},
			briefing.Paragraph{Text: briefing.Words(strings.TrimSpace(strings.Repeat("word ", 900)))})
	}
	return m
}

// side is the bot in Teams: our server, and the parts of Microsoft's that it
// talks to.
type side struct {
	t         *testing.T
	adapter   *Adapter
	server    *httptest.Server
	connector *fakeConnector
	login     *fakeLogin
	keys      *microsoft
	logs      *observer.ObservedLogs
}

// newSide starts one with this responder, or the real bot where it is nil.
func newSide(t *testing.T, r Responder, changes ...func(*Config)) *side {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	log := zap.New(core)
	s := &side{t: t, logs: logs, login: newFakeLogin(t), keys: newMicrosoft(t), connector: newFakeConnector(t, tokenOfTests)}
	cfg := s.login.config()
	cfg.OpenIDMetadata, cfg.ServiceHosts = s.keys.URL+"/metadata", []string{s.connector.host()}
	for _, change := range changes {
		change(&cfg)
	}
	if cfg.InsecureLoopback {
		s.connector.token = ""
	}
	var fixed []*briefing.Message
	if r == nil {
		b := platformtest.NewBot(t, log)
		r, fixed = b, b.Fixed()
	}
	var err error
	if s.adapter, err = New(cfg, r, fixed, log, time.Now); err != nil {
		t.Fatal(err)
	}
	// Whatever is sent or fetched goes to one of ours.
	only := func(hosts ...string) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if !slices.Contains(hosts, r.URL.Host) {
				t.Errorf("a request to %s", r.URL.Host)
				return nil, errors.New("nothing leaves this test")
			}
			return http.DefaultTransport.RoundTrip(r)
		})
	}
	s.adapter.connector.http.Transport = only(s.connector.host())
	if s.adapter.validator != nil {
		s.adapter.validator.keys.client.Transport = only(s.keys.Listener.Addr().String())
	}
	mux := http.NewServeMux()
	s.adapter.Routes(mux)
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

// unsigned is the change that lets Microsoft's local client in.
func unsigned(c *Config) { *c = Config{InsecureLoopback: true} }

var activities atomic.Int64

// activity is one as Teams sends it, in a thread of a channel.
func (s *side) activity(kind string, changes object) object {
	a := object{
		"type": kind, "id": fmt.Sprintf("17%d", 1485983075344+activities.Add(1)), "channelId": "msteams", "serviceUrl": s.connector.service(),
		"timestamp": "2026-03-02T09:00:00.1234567Z", "localTimestamp": "2026-03-02T09:00:00.1234567+00:00", "localTimezone": "Europe/London", "locale": "en-GB",
		"from":         object{"id": userID, "name": "Kayleigh Smith", "aadObjectId": "77777777-0000-4a5b-8c9d-0123456789ab"},
		"recipient":    object{"id": botID, "name": "Briefing Bot"},
		"conversation": object{"id": threadOfTests, "isGroup": true, "conversationType": "channel", "tenantId": homeTenant},
		"channelData": object{
			"tenant": object{"id": homeTenant}, "team": object{"id": "19:general@thread.tacv2"},
			"channel": object{"id": "19:abc@thread.tacv2"}, "teamsChannelId": "19:abc@thread.tacv2", "teamsTeamId": "19:general@thread.tacv2",
		},
		"entities": []any{object{"type": "clientInfo", "locale": "en-GB", "country": "GB", "platform": "Windows", "timezone": "Europe/London"}},
	}
	return changed(a, changes)
}

// changed is a copy of an object with some values others, and those that are nil
// gone.
func changed(o, changes object) object {
	o = maps.Clone(o)
	for key, value := range changes {
		o[key] = value
		if value == nil {
			delete(o, key)
		}
	}
	return o
}

// personalChat makes an activity one of the chat between a person and the bot.
var personalChat = object{
	"conversation": object{"id": "a:1personal", "conversationType": "personal", "tenantId": homeTenant},
	"channelData":  object{"tenant": object{"id": homeTenant}},
}

// mentioning is a message in a channel as Teams sends it.
func (s *side) mentioning(text string) object {
	return s.activity("message", object{
		"text": "<at>Briefing Bot</at>&nbsp;" + text, "textFormat": "plain",
		"attachments": []any{object{"contentType": "text/html", "content": "<p><span itemtype=\"http://schema.skype.com/Mention\" itemscope=\"\" itemid=\"0\">Briefing Bot</span>&nbsp;" + text + "</p>"}},
		"entities": []any{
			object{"type": "mention", "text": "<at>Briefing Bot</at>", "mentioned": object{"id": botID, "name": "Briefing Bot"}},
			object{"type": "clientInfo", "locale": "en-GB", "country": "GB", "platform": "Windows"},
		},
	})
}

// telling is a message in personal chat.
func (s *side) telling(text string) object {
	return changed(s.activity("message", object{"text": text, "textFormat": "plain"}), personalChat)
}

// pressing is a press of a button that can be answered with another card.
func (s *side) pressing(command string) object {
	return s.activity("invoke", object{
		"name": "adaptiveCard/action", "replyToId": "1:card",
		"value": object{"action": object{"type": "Action.Execute", "id": "", "title": "Next", "verb": replyVerb, "data": object{"command": command}}, "trigger": "manual"},
	})
}

// submitting is a press of a button in a client that knows no other kind.
func (s *side) submitting(command string) object {
	return s.activity("message", object{"replyToId": "1:card", "value": object{"command": command}, "channelData": object{"tenant": object{"id": homeTenant}, "legacy": object{"replyToId": "1:legacy"}}})
}

// bearerFor is a token that Microsoft would send with an activity.
func bearerFor(a object) string { return bearerWith(a, nil) }

func bearerWith(a, changes object) string {
	claims := goodClaims()
	claims["serviceurl"], claims["nbf"], claims["exp"] = a["serviceUrl"], time.Now().Add(-time.Minute).Unix(), time.Now().Add(time.Hour).Unix()
	return "Bearer " + tokenWith(rsaKey(), goodHeader(), changed(claims, changes))
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

// request is one of JSON, with these lines of authorization.
func (s *side) request(body []byte, authorization ...string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.server.URL+"/api/messages", strings.NewReader(string(body)))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header["Authorization"] = authorization
	return r
}

// send posts an activity with its token.
func (s *side) send(a object) answer {
	s.t.Helper()
	if s.adapter.validator == nil {
		return s.do(s.request(mustJSON(a)))
	}
	return s.do(s.request(mustJSON(a), bearerFor(a)))
}

// settle waits until every reply has gone out or been given up.
func (s *side) settle() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.adapter.Close(ctx); err != nil {
		s.t.Fatal(err)
	}
}

// asked sends an activity and returns the one message that answers it.
func (s *side) asked(a object) posted {
	s.t.Helper()
	before := len(s.connector.received())
	if got := s.send(a); got.status != http.StatusOK || got.body != "" {
		s.t.Fatalf("%d %s, want 200 and nothing to show", got.status, got.body)
	}
	return s.came(before, 1)[0]
}

// came waits for so many messages after the first ones.
func (s *side) came(before, count int) []posted {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if got := s.connector.received(); len(got) >= before+count {
			return got[before:]
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d messages came, want %d", len(s.connector.received())-before, count)
		}
	}
}

func (s *side) logged(message string) []map[string]any {
	var out []map[string]any
	for _, e := range s.logs.FilterMessage(message).All() {
		fields := e.ContextMap()
		fields["level"] = e.Level.String()
		out = append(out, fields)
	}
	return out
}

// replacement is the card with which an invoke was answered.
func (s *side) replacement(a answer) string {
	s.t.Helper()
	var got struct {
		StatusCode int             `json:"statusCode"`
		Type       string          `json:"type"`
		Value      json.RawMessage `json:"value"`
	}
	if err := strictly([]byte(a.body), &got); err != nil {
		s.t.Fatalf("%d %.300s: %v", a.status, a.body, err)
	}
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json; charset=utf-8" || got.StatusCode != http.StatusOK || got.Type != cardType {
		s.t.Errorf("%d %s: statusCode %d, type %s", a.status, a.header.Get("Content-Type"), got.StatusCode, got.Type)
	}
	text, err := cardText(got.Value)
	if err != nil {
		s.t.Error(err)
	}
	return text
}

const (
	worry  = "Lone male adults accessing services were not always asked if they had children."
	advice = "Casework questions are better asked in a personal chat with the bot"
)

func TestMessageInAChannelIsAnsweredInItsThreadWithOneCard(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	for _, tt := range []struct{ text, want string }{
		{"/da-briefing", "7-Minute Briefing: SCP Audit on domestic abuse and child safeguarding"},
		{"da-briefing worries", worry},
		{"/da-briefing 5", "05. What are we worried about?"},
		{"da-briefing search perpetrators", "passages, best first"},
		{"/da-questions practice", "When have families engaged well in domestic abuse support? What helped?"},
		{"briefings", "Briefings"},
		{"/da-briefing no such section at all", "No section goes by these words."},
		{"nothing of ours", "That is not a command here."},
		{"", "What you can type"},
	} {
		a := s.mentioning(tt.text)
		p := s.asked(a)
		if p.method != http.MethodPost || p.conversation != threadOfTests || p.activity != a["id"] || p.targeted {
			t.Errorf("%s: %s to %q in %q, targeted: %t", tt.text, p.method, p.activity, p.conversation, p.targeted)
		}
		if p.message.From.ID != botID || p.message.Recipient.ID != userID {
			t.Errorf("%s: from %s to %s", tt.text, p.message.From.ID, p.message.Recipient.ID)
		}
		if !strings.Contains(p.text, tt.want) || !strings.Contains(p.text, bot.DefaultFooter) {
			t.Errorf("%s: %s", tt.text, p.text)
		}
	}
	s.settle()
	if got := len(s.connector.received()); got != 9 {
		t.Errorf("%d messages, want one for each", got)
	}
	if got := len(s.login.asked()); got != 1 {
		t.Errorf("%d tokens were fetched", got)
	}
}

func TestPersonalChatIsAnsweredThere(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	p := s.asked(s.telling("da-briefing worries"))
	if p.conversation != "a:1personal" || !strings.Contains(p.text, worry) || !strings.Contains(p.message.Summary, "05. What are we worried about?") {
		t.Errorf("in %q: %q: %s", p.conversation, p.message.Summary, p.text)
	}
}

func TestWhoSeesTheAnswerDecidesWhatItSaysAboutThat(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	private, groupChat := s.mentioning, func(text string) object {
		return changed(s.mentioning(text), object{"conversation": object{"id": "19:group@thread.v2", "isGroup": true, "conversationType": "groupChat", "tenantId": homeTenant}})
	}
	targeted := func(text string) object {
		return changed(private(text), object{"recipient": object{"id": botID, "isTargeted": true}})
	}
	const alone, all = "Only you see a reply", "Everyone here sees a reply."
	for _, tt := range []struct {
		name   string
		a      object
		public bool
		casework,
		help bool
	}{
		{"casework in a channel", s.mentioning("da-questions casework"), true, true, false},
		{"casework in a group", groupChat("da-questions casework"), true, true, false},
		{"casework in personal chat", s.telling("da-questions casework"), false, true, false},
		{"casework for one person", targeted("da-questions casework"), false, true, false},
		{"practice in a channel", s.mentioning("da-questions practice"), true, false, false},
		{"help in a channel", s.mentioning("briefings help"), true, false, true},
		{"help in personal chat", s.telling("briefings help"), false, false, true},
		{"help for one person", targeted("briefings help"), false, false, true},
	} {
		text := s.asked(tt.a).text
		if got, want := strings.Contains(text, advice), tt.public && tt.casework; got != want {
			t.Errorf("%s: advises a personal chat: %t, want %t", tt.name, got, want)
		}
		if got, want := strings.Contains(text, all), tt.public && tt.help; got != want {
			t.Errorf("%s: says that everyone sees it: %t, want %t", tt.name, got, want)
		}
		if got, want := strings.Contains(text, alone), !tt.public && tt.help; got != want {
			t.Errorf("%s: says that nobody else sees it: %t, want %t", tt.name, got, want)
		}
	}
	// What replaces a card is seen by whoever pressed alone.
	for where, a := range map[string]object{
		"a channel": s.pressing("/da-questions casework"), "personal chat": changed(s.pressing("/da-questions casework"), personalChat),
	} {
		if pressed := s.replacement(s.send(a)); strings.Contains(pressed, advice) {
			t.Errorf("a button in %s: advice", where)
		}
	}
	if p := s.asked(s.submitting("/da-questions casework")); !strings.Contains(p.text, advice) {
		t.Error("a button that changes the card for everyone: no advice")
	}
	// And where the answer is more than a card, everyone sees what follows.
	for where, tt := range map[string]struct {
		a    object
		want bool
	}{
		"a channel": {s.pressing("/da-briefing all"), true}, "personal chat": {changed(s.pressing("/da-briefing all"), personalChat), false},
	} {
		before := len(s.connector.received())
		whole := s.replacement(s.send(tt.a))
		for _, p := range s.came(before, 2) {
			whole += p.text
		}
		if got := strings.Contains(whole, advice); got != tt.want {
			t.Errorf("a long answer to a button in %s: advice %t, want %t", where, got, tt.want)
		}
	}
}

func TestTargetedMessageHasATargetedAnswer(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	targeted := object{"recipient": object{"id": botID, "name": "Briefing Bot", "isTargeted": true}}
	if p := s.asked(changed(s.mentioning("da-briefing worries"), targeted)); !p.targeted || p.message.Recipient.ID != userID {
		t.Errorf("targeted: %t, to %s", p.targeted, p.message.Recipient.ID)
	}
	if p := s.asked(changed(s.submitting("/da-briefing 6"), targeted)); !p.targeted || p.method != http.MethodPut {
		t.Errorf("%s, targeted: %t", p.method, p.targeted)
	}
	if p := s.asked(changed(s.mentioning("da-briefing worries"), object{"recipient": object{"id": botID, "isTargeted": false}})); p.targeted {
		t.Error("another's answer is targeted")
	}
}

func TestButtonIsAnsweredWithACardInItsPlaceAndNothingIsSent(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	for _, a := range []object{s.pressing("/da-briefing 6"), changed(s.pressing("/da-briefing 6"), personalChat)} {
		if got := s.replacement(s.send(a)); !strings.HasPrefix(got, "06. Questions for practice reflection and case work") {
			t.Errorf("%.80q", got)
		}
	}
	s.settle()
	if got := len(s.connector.received()); got != 0 {
		t.Errorf("%d messages, want none", got)
	}
}

func TestOfALongAnswerToAButtonTheRestIsSentAsMessagesInOrder(t *testing.T) {
	t.Parallel()
	m := long(6)
	parts := len(Render(m))
	if parts < 3 {
		t.Fatalf("%d parts: this test shows nothing", parts)
	}
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message { return m }))
	a := s.pressing("/da-briefing all")
	whole := s.replacement(s.send(a))
	s.settle()
	got := s.connector.received()
	if len(got) != parts-1 {
		t.Fatalf("%d messages, want %d", len(got), parts-1)
	}
	for _, p := range got {
		if p.method != http.MethodPost || p.conversation != threadOfTests || p.activity != a["id"] {
			t.Errorf("%s to %q in %q", p.method, p.activity, p.conversation)
		}
		whole += p.text
	}
	at := 0
	for i := range 6 {
		found := strings.Index(whole[at:], fmt.Sprintf("Part %d", i+1))
		if found < 0 {
			t.Fatalf("part %d is missing or out of order", i+1)
		}
		at += found
	}
}

func TestLongAnswerComesAsMessagesInOrder(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	if a := s.send(s.telling("da-briefing all")); a.status != http.StatusOK {
		t.Fatal(a.status)
	}
	s.settle()
	var whole string
	for _, p := range s.connector.received() {
		whole += p.text
	}
	if got := len(s.connector.received()); got < 2 {
		t.Errorf("%d messages, want several", got)
	}
	at := 0
	for _, heading := range []string{
		"01. Case file audits", "02. Reminder about domestic abuse", "03. Domestic abuse and children", "04. What worked well?",
		"05. What are we worried about?", "06. Questions for practice reflection and case work", "07. Resources",
	} {
		i := strings.Index(whole[at:], heading)
		if i < 0 {
			t.Fatalf("%q is missing or out of order", heading)
		}
		at += i
	}
}

func TestAfterAMessageThatFailedNoMoreAreSent(t *testing.T) {
	t.Parallel()
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message { return long(6) }))
	s.connector.answers(func(n int, w http.ResponseWriter, r *http.Request) bool {
		return n == 1 && status(http.StatusForbidden, `{"error":{"code":"BotNotInConversationRoster"}}`)(n, w, r)
	})
	s.send(s.mentioning("da-briefing all"))
	s.settle()
	if got := len(s.connector.received()); got != 2 {
		t.Errorf("%d messages, want 2", got)
	}
	if got := s.logged("reply not delivered"); len(got) != 1 || got[0]["cause"] != "Teams answered 403 BotNotInConversationRoster" || got[0]["level"] != "warn" {
		t.Errorf("logged: %v, want one line", got)
	}
}

func TestSubmittedButtonChangesItsCard(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	p := s.asked(s.submitting("/da-briefing 6"))
	if p.method != http.MethodPut || p.activity != "1:card" || p.conversation != threadOfTests || !strings.Contains(p.text, "Questions for practice reflection") {
		t.Errorf("%s of %q in %q: %.80s", p.method, p.activity, p.conversation, p.text)
	}
	without := s.submitting("/da-briefing 6")
	delete(without, "replyToId")
	if p := s.asked(without); p.method != http.MethodPost || p.activity != without["id"] {
		t.Errorf("without the card's id: %s of %q, want a new message", p.method, p.activity)
	}
}

func TestCardThatCannotBeChangedAnyMoreHasANewOneBelowIt(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	s.connector.answers(func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			return status(http.StatusNotFound, "")(0, w, r)
		}
		return false
	})
	s.send(s.submitting("/da-briefing 6"))
	s.settle()
	got := s.connector.received()
	if len(got) != 2 || got[0].method != http.MethodPut || got[1].method != http.MethodPost || got[0].text != got[1].text {
		t.Errorf("%d requests, want a change and then a new message", len(got))
	}
}

// arrivals are the two ways in which Teams says that the bot was added.
func (s *side) arrivals(conversation string) (installed, added object) {
	where := object{"conversation": object{"id": conversation, "isGroup": true, "conversationType": "channel", "tenantId": homeTenant}}
	return changed(s.activity("installationUpdate", object{"action": "add"}), where),
		changed(s.activity("conversationUpdate", object{"membersAdded": []any{object{"id": botID}}}), where)
}

func TestBotThatIsAddedSaysOnceWhatCanBeTyped(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	welcomed := func(order string, activities ...object) {
		t.Helper()
		before := len(s.connector.received())
		for _, a := range activities {
			if got := s.send(a); got.status != http.StatusOK {
				t.Errorf("%s: status %d", order, got.status)
			}
		}
		p := s.came(before, 1)[0]
		if p.method != http.MethodPost || p.conversation != activities[0]["conversation"].(object)["id"] || !strings.Contains(p.text, "What you can type") || !strings.Contains(p.text, "/da-briefing") {
			t.Errorf("%s: %s in %q: %s", order, p.method, p.conversation, p.text)
		}
	}
	installed, added := s.arrivals("19:first@thread.tacv2")
	welcomed("installed, then added", installed, added)
	installed, added = s.arrivals("19:second@thread.tacv2")
	welcomed("added, then installed", added, installed)
	installed, _ = s.arrivals("19:third@thread.tacv2")
	welcomed("installed twice", installed, installed)
	_, added = s.arrivals("19:fourth@thread.tacv2")
	added["membersAdded"] = []any{object{"id": userID}, object{"id": botID}}
	welcomed("added with a person", added)
	installed, _ = s.arrivals("a:personal")
	installed["conversation"] = object{"id": "a:personal", "conversationType": "personal"}
	installed["action"] = "add-upgrade"
	welcomed("installed in personal chat", installed)
	s.settle()
	if got := len(s.connector.received()); got != 5 {
		t.Errorf("%d welcomes, want 5", got)
	}
}

func TestNobodyElsesComingOrGoingIsWelcomed(t *testing.T) {
	t.Parallel()
	s := newSide(t, nobody(t))
	for _, a := range []object{
		s.activity("conversationUpdate", object{"membersAdded": []any{object{"id": userID, "name": "Kayleigh Smith"}}}),
		s.activity("conversationUpdate", object{"membersAdded": []any{}}),
		s.activity("conversationUpdate", object{"membersRemoved": []any{object{"id": botID}}}),
		s.activity("conversationUpdate", object{"topicName": "Duty", "channelData": object{"tenant": object{"id": homeTenant}, "eventType": "channelRenamed"}}),
		s.activity("conversationUpdate", object{"membersAdded": []any{object{"id": ""}}, "recipient": object{"id": ""}}),
		s.activity("conversationUpdate", object{"membersAdded": []any{object{}}, "recipient": nil}),
		s.activity("installationUpdate", object{"action": "remove"}),
		s.activity("installationUpdate", object{"action": "remove-upgrade"}),
		s.activity("installationUpdate", nil),
	} {
		if got := s.send(a); got.status != http.StatusOK {
			t.Errorf("%s: status %d", a["type"], got.status)
		}
	}
	s.settle()
	if got := len(s.connector.received()); got != 0 {
		t.Errorf("%d messages, want none", got)
	}
}

func TestWelcomesAreForgottenAfterAWhileAndBounded(t *testing.T) {
	t.Parallel()
	var w welcomes
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {0, false}, {welcomeMemory, false}, {welcomeMemory + time.Second, true}, {welcomeMemory + time.Minute, false}} {
		if got := w.first("a", start.Add(tt.after)); got != tt.want {
			t.Errorf("after %s: first %t, want %t", tt.after, got, tt.want)
		}
	}
	for i := range 2*maxWelcomes + 10 {
		w.first(fmt.Sprint(i), start)
		if len(w.seen) > maxWelcomes {
			t.Fatalf("%d are remembered", len(w.seen))
		}
	}
}

func TestOtherActivitiesAreLeftAloneWithOneLine(t *testing.T) {
	t.Parallel()
	s := newSide(t, nobody(t))
	for _, tt := range []struct {
		a          object
		kind, body string
	}{
		{s.activity("messageUpdate", object{"text": "<at>Briefing Bot</at> da-briefing worries", "channelData": object{"tenant": object{"id": homeTenant}, "eventType": "editMessage"}}), "messageUpdate", ""},
		{s.activity("messageDelete", nil), "messageDelete", ""},
		{s.activity("messageReaction", object{"reactionsAdded": []any{object{"type": "like"}}}), "messageReaction", ""},
		{s.activity("conversationUpdate", nil), "conversationUpdate", ""},
		{s.activity("installationUpdate", object{"action": "remove"}), "installationUpdate", ""},
		{s.activity("event", object{"name": "application/vnd.microsoft.readReceipt", "value": object{"lastReadMessageId": "1"}}), "event", ""},
		{s.activity("typing", nil), "typing", ""},
		{s.activity("invoke", object{"name": "composeExtension/query", "value": object{"command": "/da-briefing"}}), "invoke", "{}"},
		{s.activity("invoke", object{"name": "adaptiveCard/action", "value": object{"action": object{"type": "Action.Execute", "verb": "refresh"}}}), "invoke", unknownButton},
		{s.activity("invoke", object{"name": "adaptiveCard/action", "value": "/da-briefing"}), "invoke", unknownButton},
		{s.activity("invoke", nil), "invoke", "{}"},
		{s.activity("KayleighSmith", nil), "other", ""},
		{s.activity("Message", object{"text": "da-briefing"}), "other", ""},
	} {
		before := s.logs.Len()
		if got := s.send(tt.a); got.status != http.StatusOK || got.body != tt.body {
			t.Errorf("%s: %d %q, want 200 %q", tt.a["type"], got.status, got.body, tt.body)
		}
		lines := s.logs.All()[before:]
		if len(lines) != 1 || lines[0].Message != "ignored an activity" || lines[0].Level != zapcore.InfoLevel || lines[0].ContextMap()["kind"] != tt.kind {
			t.Errorf("%s: logged %v, want one line of the kind %s", tt.a["type"], lines, tt.kind)
		}
	}
	s.settle()
	if got := len(s.connector.received()); got != 0 {
		t.Errorf("%d messages, want none", got)
	}
}

// refused sends a request that must not be served, and sees that it is not.
func (s *side) refused(t *testing.T, want int, r *http.Request) {
	t.Helper()
	before := s.logs.Len()
	a := s.do(r)
	if a.status != want {
		t.Errorf("status %d, want %d", a.status, want)
	}
	if !a.closes {
		t.Error("the connection is kept, with what was not read of the body on it")
	}
	if lines := s.logs.All()[before:]; len(lines) != 1 || lines[0].Message != "request refused" || lines[0].Level != zapcore.WarnLevel {
		t.Errorf("logged %v, want one line", lines)
	}
}

func TestOnlyWhatMicrosoftSignedForThisBotIsAnswered(t *testing.T) {
	t.Parallel()
	s := newSide(t, nobody(t))
	a := s.mentioning("da-briefing worries")
	good := bearerFor(a)
	for _, tt := range []struct {
		name          string
		authorization []string
	}{
		{"no token", nil},
		{"an empty one", []string{""}},
		{"no bearer", []string{strings.Replace(good, "Bearer", "Basic", 1)}},
		{"nonsense", []string{"Bearer KayleighSmith"}},
		{"two headers", []string{good, good}},
		{"two headers, one empty", []string{good, ""}},
		{"another's signature", []string{"Bearer " + tokenWith(otherKey(), goodHeader(), altered(goodClaims(), "serviceurl", a["serviceUrl"]))}},
		{"no signature", []string{good[:strings.LastIndex(good, ".")+1]}},
		{"another bot's", []string{bearerWith(a, object{"aud": "00000000-0000-4a5b-8c9d-0123456789ab"})}},
		{"another issuer's", []string{bearerWith(a, object{"iss": "https://evil.example"})}},
		{"expired", []string{bearerWith(a, object{"exp": time.Now().Add(-6 * time.Minute).Unix()})}},
		{"not valid yet", []string{bearerWith(a, object{"nbf": time.Now().Add(6 * time.Minute).Unix()})}},
		{"for another service", []string{bearerWith(a, object{"serviceurl": "https://smba.trafficmanager.net/uk/"})}},
		{"for no service", []string{bearerWith(a, object{"serviceurl": nil})}},
	} {
		t.Run(tt.name, func(t *testing.T) { s.refused(t, http.StatusUnauthorized, s.request(mustJSON(a), tt.authorization...)) })
	}
	t.Run("for a channel that the key does not endorse", func(t *testing.T) {
		other := changed(a, object{"channelId": "slack"})
		s.refused(t, http.StatusUnauthorized, s.request(mustJSON(other), bearerFor(other)))
	})
	s.settle()
	if got := len(s.connector.received()); got != 0 {
		t.Errorf("%d messages, want none", got)
	}
	if got := len(s.login.asked()); got != 0 {
		t.Errorf("%d tokens were fetched for requests that were refused", got)
	}
}

func TestOtherTenantsAreRefused(t *testing.T) {
	t.Parallel()
	const other = "99999999-1111-4c3b-9d35-0f5b6f0c9a22"
	s := newSide(t, nobody(t))
	conversation := func(tenant string) object {
		return object{"id": threadOfTests, "conversationType": "channel", "tenantId": tenant}
	}
	for name, changes := range map[string]object{
		"another":                          {"conversation": conversation(other), "channelData": object{"tenant": object{"id": other}}},
		"none":                             {"conversation": object{"id": threadOfTests}, "channelData": nil},
		"empty":                            {"conversation": conversation(""), "channelData": object{"tenant": object{"id": ""}}},
		"two, one of them another":         {"channelData": object{"tenant": object{"id": other}}},
		"two, the conversation's another":  {"conversation": conversation(other)},
		"one that is no string":            {"conversation": object{"id": threadOfTests, "conversationType": "channel"}, "channelData": object{"tenant": object{"id": []any{homeTenant}}}},
		"one with a space":                 {"conversation": conversation(homeTenant + " ")},
		"one that begins as the right one": {"conversation": conversation(homeTenant + "0")},
	} {
		t.Run(name, func(t *testing.T) {
			for _, a := range []object{s.mentioning("da-briefing worries"), s.pressing("/da-briefing"), s.activity("installationUpdate", object{"action": "add"})} {
				a = changed(a, changes)
				s.refused(t, http.StatusForbidden, s.request(mustJSON(a), bearerFor(a)))
			}
		})
	}
	s.settle()
	if got := len(s.connector.received()); got != 0 {
		t.Errorf("%d messages, want none", got)
	}

	t.Run("unless any tenant is served", func(t *testing.T) {
		s := newSide(t, note("an answer"), func(c *Config) { c.TenantID = "" })
		s.asked(changed(s.mentioning("da-briefing worries"), object{"conversation": conversation(other), "channelData": object{"tenant": object{"id": other}}}))
	})
	t.Run("and the right one is not, in capitals or without the other name of it", func(t *testing.T) {
		s := newSide(t, note("an answer"))
		s.asked(changed(s.mentioning("da-briefing worries"), object{"conversation": conversation(strings.ToUpper(homeTenant)), "channelData": nil}))
		s.asked(changed(s.mentioning("da-briefing worries"), object{"conversation": object{"id": threadOfTests}, "channelData": object{"tenant": object{"id": homeTenant}}}))
	})
}

// trap is a server on loopback that nobody may ask.
func trap(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s reached an address that is not allowed", r.Method, r.URL.Path)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestRepliesGoToAllowedServicesAlone(t *testing.T) {
	t.Parallel()
	s := newSide(t, nobody(t))
	elsewhere, ours := trap(t), s.connector.host()
	_, port, _ := net.SplitHostPort(ours)
	services := []string{
		elsewhere.URL,
		elsewhere.URL + "/v3/",
		"https://smba.trafficmanager.net/uk/", // the cloud's own, where others are listed
		"https://evil.example/",
		"https://evil.example/" + ours,
		"https://127.0.0.1.evil.example:" + port + "/",
		"https://evil.example:443/",
		"http://evil.example/",
		"http://169.254.169.254/latest/meta-data",
		"http://127.0.0.1/",
		"http://127.0.0.2:" + port + "/",
		"http://[::1]:" + port + "/",
		"http://localhost:" + port + "/",
		"http://0.0.0.0:" + port + "/",
		"http://127.1:" + port + "/",
		"http://2130706433:" + port + "/",
		"http://127.0.0.1.:" + port + "/",
		"ftp://" + ours + "/",
		"gopher://" + ours + "/",
	}
	// These the token cannot be for: Microsoft's have none such.
	unsignable := []string{
		"http://someone@" + ours + "/",
		"http://someone:word@" + ours + "/",
		"http://" + ours + "@evil.example/",
		"http://" + ours + "\\@evil.example/",
		"http://" + ours + "/?a=b",
		"http://" + ours + "/#a",
		"http://" + ours + ".evil.example/",
		"file:///etc/passwd",
		"unix:" + ours,
		"//" + ours + "/",
		ours,
		"http://",
		"http:///path",
		"://",
		" ",
		"http://%zz/",
		"http://" + ours + "/\r\nHost: evil.example",
	}
	for _, service := range slices.Concat(services, unsignable) {
		t.Run(service, func(t *testing.T) {
			for _, a := range []object{s.mentioning("da-briefing worries"), s.submitting("/da-briefing 6"), s.pressing("/da-briefing all"), s.activity("installationUpdate", object{"action": "add"})} {
				a["serviceUrl"] = service
				want := http.StatusForbidden
				if slices.Contains(unsignable, service) {
					want = http.StatusUnauthorized
				}
				s.refused(t, want, s.request(mustJSON(a), bearerFor(a)))
			}
		})
	}
	s.settle()
	if got := len(s.connector.received()); got != 0 {
		t.Errorf("%d messages, want none", got)
	}
	if got := len(s.login.asked()); got != 0 {
		t.Errorf("%d tokens were fetched", got)
	}
}

func TestServicesThatMayBeRepliedTo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		cfg            Config
		allowed, other []string
	}{
		{"the public cloud's", Config{},
			[]string{"https://smba.trafficmanager.net/uk/", "https://SMBA.trafficmanager.net", "https://smba.trafficmanager.net:443/", "https://smba.infra.gcc.teams.microsoft.com/gcc/"},
			[]string{
				"http://smba.trafficmanager.net/uk/", "https://smba.trafficmanager.net:8443/", "https://trafficmanager.net/", "https://evil.trafficmanager.net/",
				"https://smba.trafficmanager.net.evil.example/", "https://evilsmba.trafficmanager.net/", "https://smba.trafficmanager.net@evil.example/",
				"https://someone@smba.trafficmanager.net/", "https://@smba.trafficmanager.net/", "https://smba.trafficmanager.net/?a", "https://smba.infra.gov.teams.microsoft.us/",
				"http://127.0.0.1/", "https://127.0.0.1/", "", "smba.trafficmanager.net", "https://", "https://:443/",
			}},
		{"the US government's", Config{Cloud: "usgov"}, []string{"https://smba.infra.gov.teams.microsoft.us/"}, []string{"https://smba.trafficmanager.net/"}},
		{"those that are listed", Config{ServiceHosts: []string{"one.example", "two.example:8443", "127.0.0.1:56150"}},
			[]string{"https://one.example/", "https://one.example:443/", "https://two.example:8443/", "http://127.0.0.1:56150/", "https://127.0.0.1:56150/"},
			[]string{"http://one.example/", "https://one.example:8443/", "https://two.example/", "https://smba.trafficmanager.net/", "http://127.0.0.1:56151/", "http://127.0.0.1/", "http://localhost:56150/"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.AppID, tt.cfg.AppPassword = tokenApp, briefing.NewPrivate(botPassword)
			a, err := New(tt.cfg, note(""), nil, zap.NewNop(), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			for _, service := range tt.allowed {
				if !a.allowsService(service) {
					t.Errorf("%s is refused", service)
				}
			}
			for _, service := range tt.other {
				if a.allowsService(service) {
					t.Errorf("%s is allowed", service)
				}
			}
		})
	}
}

func TestNothingIsFetchedFromAnAddressThatARequestNames(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	elsewhere := trap(t).URL
	named := func(a object) object {
		return changed(a, object{
			"attachments": []any{object{"contentType": "application/vnd.microsoft.teams.file.download.info", "contentUrl": elsewhere, "content": object{"downloadUrl": elsewhere}}},
			"relatesTo":   object{"serviceUrl": elsewhere}, "callerId": elsewhere, "channelData": object{"tenant": object{"id": homeTenant}, "serviceUrl": elsewhere},
		})
	}
	a := named(s.mentioning("da-briefing worries"))
	header := changed(goodHeader(), object{"kid": "unknown", "jku": elsewhere, "x5u": elsewhere, "jwk": object{"kid": "unknown"}})
	unknown := "Bearer " + tokenWith(otherKey(), header, altered(altered(goodClaims(), "serviceurl", a["serviceUrl"]), "iss", elsewhere))
	s.refused(t, http.StatusUnauthorized, s.request(mustJSON(a), unknown))
	for _, authorization := range []string{bearerWith(a, object{"iss": elsewhere}), unknown, "Bearer " + elsewhere} {
		s.refused(t, http.StatusUnauthorized, s.request(mustJSON(changed(a, object{"serviceUrl": elsewhere})), authorization))
	}
	s.asked(a)
}

func TestLargeActivitiesAreRefused(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	sized := func(n int) (object, []byte) {
		a := s.mentioning("da-briefing worries")
		a["padding"] = ""
		a["padding"] = strings.Repeat("a", n-len(mustJSON(a)))
		return a, mustJSON(a)
	}
	for _, tt := range []struct {
		name    string
		bytes   int
		chunked bool
		want    int
	}{
		{"256 KiB", maxBody, false, http.StatusOK},
		{"256 KiB, chunked", maxBody, true, http.StatusOK},
		{"a byte more", maxBody + 1, false, http.StatusRequestEntityTooLarge},
		{"a byte more, chunked", maxBody + 1, true, http.StatusRequestEntityTooLarge},
		{"twice as much, chunked", 2 * maxBody, true, http.StatusRequestEntityTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, body := sized(tt.bytes)
			if len(body) != tt.bytes {
				t.Fatalf("%d bytes", len(body))
			}
			r := s.request(body, bearerFor(a))
			if tt.chunked {
				r.ContentLength = -1
				r.Body = io.NopCloser(io.MultiReader(strings.NewReader(string(body)))) // of a type whose length nobody knows
			}
			if tt.want != http.StatusOK {
				s.refused(t, tt.want, r)
			} else if got := s.do(r); got.status != tt.want {
				t.Errorf("status %d, want %d", got.status, tt.want)
			}
		})
	}
	t.Run("announced and not sent", func(t *testing.T) {
		a, _ := sized(2000)
		if got := platformtest.StatusWithoutBody(s.t, s.server, "/api/messages", http.Header{"Authorization": {bearerFor(a)}, "Content-Type": {"application/json"}}, maxBody+1); got != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d, want 413", got)
		}
	})
	t.Run("unsigned ones before their body is read", func(t *testing.T) {
		if got := platformtest.StatusWithoutBody(s.t, s.server, "/api/messages", http.Header{"Content-Type": {"application/json"}}, 1000); got != http.StatusUnauthorized {
			t.Errorf("status %d, want 401", got)
		}
	})
	s.settle()
	if got := len(s.connector.received()); got != 2 {
		t.Errorf("%d messages, want 2", got)
	}
}

func TestWhatIsNoActivityIsRefused(t *testing.T) {
	t.Parallel()
	s := newSide(t, nobody(t))
	good := s.mentioning("da-briefing worries")
	for name, body := range map[string]string{
		"nothing":                      "",
		"no JSON":                      "KayleighSmith",
		"half of it":                   string(mustJSON(good)[:100]),
		"more after it":                string(mustJSON(good)) + "{}",
		"a list":                       "[]",
		"a list of one":                "[" + string(mustJSON(good)) + "]",
		"null":                         "null",
		"a string":                     `"message"`,
		"an empty object":              "{}",
		"no type":                      string(mustJSON(altered(good, "type", nil))),
		"a type that is no string":     string(mustJSON(altered(good, "type", 5))),
		"no service":                   string(mustJSON(altered(good, "serviceUrl", nil))),
		"no conversation":              string(mustJSON(altered(good, "conversation", nil))),
		"a conversation without an id": string(mustJSON(altered(good, "conversation", object{"tenantId": homeTenant}))),
		"a form":                       "type=message",
	} {
		t.Run(name, func(t *testing.T) { s.refused(t, http.StatusBadRequest, s.request([]byte(body), bearerFor(good))) })
	}
}

func TestOnlyPostIsTaken(t *testing.T) {
	t.Parallel()
	s := newSide(t, nobody(t))
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		a := s.mentioning("da-briefing worries")
		r := s.request(mustJSON(a), bearerFor(a))
		r.Method = method
		if got := s.do(r); got.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d, want 405", method, got.status)
		}
	}
}

func TestUnsignedActivitiesOfTheLocalClientAreAnsweredOnRequest(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil, unsigned)
	if p := s.asked(s.mentioning("da-briefing worries")); !strings.Contains(p.text, worry) {
		t.Error(p.text)
	}
	if got := s.replacement(s.send(s.pressing("/da-briefing 6"))); !strings.HasPrefix(got, "06.") {
		t.Errorf("%.80q", got)
	}
	if got := len(s.login.asked()) + s.keys.fetches(); got != 0 {
		t.Errorf("%d requests for tokens or keys", got)
	}
}

func TestUnsignedActivitiesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	s := newSide(t, nobody(t), unsigned)
	body := mustJSON(s.mentioning("da-briefing worries"))
	for name, change := range map[string]func(*http.Request){
		"a page of another site":    func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"a page of this machine":    func(r *http.Request) { r.Header.Set("Origin", "http://localhost:56150") },
		"a page without an address": func(r *http.Request) { r.Header.Set("Origin", "null") },
		"a form":                    func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
		"text":                      func(r *http.Request) { r.Header.Set("Content-Type", "text/plain;application/json") },
		"a proxy":                   func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") },
		"a proxy by the book":       func(r *http.Request) { r.Header.Set("Forwarded", "for=192.0.2.1") },
		"a proxy that keeps a name": func(r *http.Request) { r.Host = "bot.example.org" },
		"no content type":           func(r *http.Request) { r.Header.Del("Content-Type") },
	} {
		t.Run(name, func(t *testing.T) {
			r := s.request(body)
			change(r)
			s.refused(t, http.StatusForbidden, r)
		})
	}
	for _, from := range []string{"192.0.2.1:1234", "10.0.0.1:1234", "[2001:db8::1]:1234", "[fe80::1%25lo]:1234", "0.0.0.0:1234", "@", ""} {
		t.Run("from "+from, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/api/messages", strings.NewReader(string(body)))
			r.Header.Set("Content-Type", "application/json")
			r.RemoteAddr = from
			w := httptest.NewRecorder()
			s.server.Config.Handler.ServeHTTP(w, r)
			if w.Code != http.StatusForbidden {
				t.Errorf("status %d, want 403", w.Code)
			}
		})
	}
	for _, service := range []string{
		"https://evil.example/", "http://evil.example/", "http://192.0.2.1/", "http://0.0.0.0:1/", "https://smba.trafficmanager.net.evil.example/",
		"https://smba.trafficmanager.net/uk/", "http://smba.trafficmanager.net/", "http://127.0.0.1.evil.example/", "http://someone@127.0.0.1/", "ftp://127.0.0.1/", "http://localhost.evil.example/",
	} {
		t.Run("for "+service, func(t *testing.T) {
			s.refused(t, http.StatusForbidden, s.request(mustJSON(altered(s.mentioning("da-briefing worries"), "serviceUrl", service))))
		})
	}
	s.settle()
	if got := len(s.connector.received()); got != 0 {
		t.Errorf("%d messages, want none", got)
	}
}

func TestTeamsHasItsAnswerWhereverTheReplyGets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer answering
		want   string
	}{
		{"down", dropped, "Teams did not answer: connection closed"},
		{"speaking something else", gibberish, "Teams did not answer: connection failed"},
		{"refusing", status(http.StatusForbidden, `{"error":{"code":"BotNotInConversationRoster"}}`), "Teams answered 403 BotNotInConversationRoster"},
		{"failing", status(http.StatusInternalServerError, "KayleighSmith"), "Teams answered 500"},
		{"without the conversation", status(http.StatusNotFound, ""), "Teams answered 404"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, note("an answer"))
			s.connector.answers(tt.answer)
			if a := s.send(s.mentioning("da-briefing worries")); a.status != http.StatusOK {
				t.Errorf("status %d", a.status)
			}
			s.settle()
			if got := s.logged("reply not delivered"); len(got) != 1 || got[0]["level"] != "warn" || got[0]["platform"] != "teams" || got[0]["cause"] != tt.want {
				t.Errorf("logged %v, want one line of %q", got, tt.want)
			}
			if got := len(s.connector.received()); got != 1 {
				t.Errorf("%d requests, want one", got)
			}
		})
	}
	t.Run("without a token", func(t *testing.T) {
		t.Parallel()
		s := newSide(t, note("an answer"))
		s.login.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"`+botPassword+`"}`)
		}
		if a := s.send(s.mentioning("da-briefing worries")); a.status != http.StatusOK {
			t.Errorf("status %d", a.status)
		}
		s.settle()
		if got := s.logged("reply not delivered"); len(got) != 1 || !strings.HasSuffix(fmt.Sprint(got[0]["cause"]), "no token: invalid_client") {
			t.Errorf("logged %v, want one line", got)
		}
	})
}

// Such a name would lead to another address.
func TestReplyToWhatIsNoConversationIsNotSent(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	a := changed(s.telling("da-briefing"), object{"conversation": object{"id": "..", "conversationType": "personal", "tenantId": homeTenant}})
	if got := s.send(a); got.status != http.StatusOK {
		t.Errorf("status %d", got.status)
	}
	s.settle()
	if got := s.logged("reply not delivered"); len(got) != 1 || got[0]["cause"] != "an id is no id" {
		t.Errorf("logged %v, want one line", got)
	}
	if got := len(s.connector.received()); got != 0 {
		t.Errorf("%d messages", got)
	}
}

// hold makes the connector keep every message waiting. Release lets them go.
func (f *fakeConnector) hold(t *testing.T) (release func()) {
	held := make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	f.answers(func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-held:
		case <-r.Context().Done():
		}
		return false
	})
	return release
}

func TestWhenTooManyRepliesAreUnderWayTeamsIsToldToTryAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message {
		asked.Add(1)
		return &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: "an answer"}}}
	}))
	release := s.connector.hold(t)
	// Each in a conversation of its own: one alone has its pace.
	elsewhere := func(a object, i int) object {
		return changed(a, object{"conversation": object{"id": fmt.Sprintf("a:%d", i), "conversationType": "personal", "tenantId": homeTenant}})
	}
	for i := range maxSending {
		if a := s.send(elsewhere(s.telling("da-briefing"), i)); a.status != http.StatusOK {
			t.Fatalf("message %d: status %d", i, a.status)
		}
	}
	for name, a := range map[string]object{"a message": s.telling("da-briefing"), "a submitted button": s.submitting("/da-briefing 6")} {
		t.Run(name, func(t *testing.T) { s.refused(t, http.StatusServiceUnavailable, s.request(mustJSON(a), bearerFor(a))) })
	}
	if n := asked.Load(); n != maxSending { // or a question would be left out twice
		t.Errorf("%d were carried out, of which Teams is to try some again", n)
	}
	// A welcome that was refused is not one: Teams says again that the bot was added.
	installed, _ := s.arrivals("a:welcome")
	t.Run("an arrival", func(t *testing.T) {
		s.refused(t, http.StatusServiceUnavailable, s.request(mustJSON(installed), bearerFor(installed)))
	})
	// A button is answered in the response, and goes on being answered.
	if got := s.replacement(s.send(s.pressing("/da-briefing 6"))); got != "an answer\n" {
		t.Errorf("a button: %q", got)
	}
	release()
	// Each is tried until there is a place: one that is free is no promise of two.
	for what, a := range map[string]object{"a message": s.telling("da-briefing"), "the arrival": installed} {
		for deadline := time.Now().Add(10 * time.Second); s.send(a).status != http.StatusOK; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s is still refused after the others were delivered", what)
			}
		}
	}
	s.settle()
	if got := len(s.connector.received()); got != maxSending+2 {
		t.Errorf("%d messages, want %d: every one that was taken on, and the welcome", got, maxSending+2)
	}
}

func TestFloodedConversationLeavesPlacesToOthers(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	release := s.connector.hold(t)
	for i := range maxPerConversation {
		a := changed(s.mentioning("da-briefing"), object{"conversation": object{"id": fmt.Sprintf("19:abc@thread.tacv2;messageid=%d", i), "conversationType": "channel", "tenantId": homeTenant}})
		if got := s.send(a); got.status != http.StatusOK {
			t.Fatalf("message %d: status %d", i, got.status)
		}
	}
	a := s.mentioning("da-briefing")
	t.Run("another thread", func(t *testing.T) { s.refused(t, http.StatusServiceUnavailable, s.request(mustJSON(a), bearerFor(a))) })
	if got := s.send(s.telling("da-briefing")); got.status != http.StatusOK {
		t.Errorf("another conversation: status %d", got.status)
	}
	release()
	s.settle()
	if got := len(s.connector.received()); got != maxPerConversation+1 {
		t.Errorf("%d messages", got)
	}
}

func TestCloseWaitsForRepliesUnderWay(t *testing.T) {
	t.Parallel()
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message { return long(6) }))
	var done atomic.Int64
	s.connector.answers(func(int, http.ResponseWriter, *http.Request) bool {
		time.Sleep(50 * time.Millisecond)
		done.Add(1)
		return false
	})
	s.send(s.mentioning("da-briefing all"))
	s.settle()
	if got, want := int(done.Load()), len(Render(long(6))); got != want {
		t.Errorf("%d messages were done when Close returned, want %d", got, want)
	}
	a := s.mentioning("da-briefing")
	s.refused(t, http.StatusServiceUnavailable, s.request(mustJSON(a), bearerFor(a)))
}

func TestCloseGivesUpAtItsDeadline(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer func(gone chan<- struct{}) answering
	}{
		{"on a message that hangs", func(gone chan<- struct{}) answering {
			return func(_ int, _ http.ResponseWriter, r *http.Request) bool {
				<-r.Context().Done()
				close(gone)
				return true
			}
		}},
		{"on a wait for Teams' limit", func(gone chan<- struct{}) answering {
			return func(n int, w http.ResponseWriter, r *http.Request) bool {
				close(gone)
				return status(http.StatusTooManyRequests, "", "Retry-After", "30")(n, w, r)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, note("an answer"))
			gone := make(chan struct{})
			s.connector.answers(tt.answer(gone))
			s.send(s.mentioning("da-briefing"))
			s.came(0, 1)
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
				t.Error("the message goes on after Close")
			}
			s.settle() // what was given up has ended: nothing is left behind
		})
	}
}

// TestNothingThatWasTypedAndNoSecretLeaks goes through a session in which names
// are typed wherever somebody could type them, and everything fails that can.
func TestNothingThatWasTypedAndNoSecretLeaks(t *testing.T) {
	t.Parallel()
	s := newSide(t, nil)
	const name = "KayleighSmith"
	s.connector.answers(func(n int, w http.ResponseWriter, r *http.Request) bool {
		switch n % 7 {
		case 1:
			return status(http.StatusInternalServerError, name+r.URL.Path)(n, w, r)
		case 2:
			return status(http.StatusTemporaryRedirect, "", "Location", s.connector.service()+name)(n, w, r)
		case 3:
			return dropped(n, w, r)
		case 4:
			return status(http.StatusForbidden, `{"error":{"code":"BotNotInConversationRoster","message":"`+name+`"}}`)(n, w, r)
		case 5:
			return status(http.StatusNotFound, `{"error":{"code":"`+name+` `+userID+`"}}`)(n, w, r)
		case 6:
			return status(http.StatusTooManyRequests, name, "Retry-After", "3600")(n, w, r)
		}
		return false
	})
	var (
		replies []answer
		count   int
	)
	// Each conversation is another, or the pace of one would hold up this test.
	add := func(a object, authorization ...string) answer {
		count++
		a = changed(a, object{"conversation": object{"id": fmt.Sprintf("19:%d@thread.tacv2;messageid=%d", count, count), "name": "Case of " + name, "conversationType": "channel", "tenantId": homeTenant}})
		if authorization == nil {
			authorization = []string{bearerFor(a)}
		}
		got := s.do(s.request(mustJSON(a), authorization...))
		replies = append(replies, got)
		return got
	}
	for _, typed := range []string{
		"/da-briefing " + name, "da-briefing " + strings.ToLower(name) + " worries", "/da-briefing what happened to " + name + " in the conference last week",
		"/da-briefing search " + name, "/da-briefing search " + name + " perpetrators children", `/da-briefing search "` + name + `" AND (NEAR * ^`,
		"/da-briefing search \x00" + name, "/da-briefing help " + name, "/da-briefing all " + name, "/da-questions " + name, "/da-questions practice " + name,
		"/da-questions " + name + " 3", "/briefings " + name, "/" + name, name, name + " " + name, "<b>" + name + "</b>", "&lt;" + name + "&gt;",
		"<at>" + name + "</at>", "<at>" + name, strings.Repeat(name, 1000), "/da-briefing meetng " + name,
	} {
		for _, a := range []object{s.mentioning(typed), s.telling(typed), s.submitting(typed), s.pressing(typed)} {
			if got := add(a); got.status != http.StatusOK {
				t.Errorf("%.80q: status %d", typed, got.status)
			}
		}
	}
	for _, a := range []object{
		s.activity(name, object{"text": name}), s.activity("event", object{"name": name}), s.activity("messageUpdate", object{"text": name}),
		s.activity("invoke", object{"name": name, "value": name}), s.activity("installationUpdate", object{"action": "add"}), s.activity("conversationUpdate", object{"topicName": name}),
	} {
		add(a)
	}
	good := s.mentioning("/da-briefing " + name)
	for _, authorization := range [][]string{
		{}, {"Bearer " + name}, {name}, {bearerFor(good), bearerFor(good)}, {bearerWith(good, object{"aud": name})}, {bearerWith(good, object{"iss": name})},
		{bearerWith(good, object{"serviceurl": name})}, {bearerWith(good, object{"exp": 1})}, {"Bearer " + tokenWith(otherKey(), altered(goodHeader(), "kid", name), goodClaims())},
	} {
		if got := add(good, authorization...); got.status != http.StatusUnauthorized {
			t.Errorf("%.60q: status %d", authorization, got.status)
		}
	}
	for _, changes := range []object{{"serviceUrl": "https://" + name + ".example/"}, {"serviceUrl": "http://" + name + "@" + s.connector.host()}, {"channelData": object{"tenant": object{"id": name}}}} {
		if got := add(changed(good, changes)); got.status != http.StatusForbidden && got.status != http.StatusUnauthorized {
			t.Errorf("%v: status %d", changes, got.status)
		}
	}
	for _, body := range []string{name, `{"type":"` + name, `{"type":{"` + name + `":1}}`, strings.Repeat(name, maxBody/len(name)+1)} {
		replies = append(replies, s.do(s.request([]byte(body), bearerFor(good))))
	}
	s.came(0, 40)
	s.settle()

	words := []string{
		name, "kayleigh", "PasswordOfTheTests", tokenOfTests, "Case of", "77777777-0000-4a5b-8c9d-0123456789ab", homeTenant, "eyJ", "thread.tacv2", "127.0.0.1",
	}
	leaks := func(where, text string) {
		t.Helper()
		for _, w := range words {
			if strings.Contains(strings.ToLower(text), strings.ToLower(w)) {
				t.Errorf("%s holds %q: %.400s", where, w, text)
			}
		}
	}
	levels := map[zapcore.Level]int{}
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	for _, e := range s.logs.All() {
		levels[e.Level]++
		line, err := encoder.EncodeEntry(e.Entry, e.Context)
		if err != nil {
			t.Fatal(err)
		}
		// A connection that broke names both its ends, which are machines.
		leaks("the log", strings.ReplaceAll(line.String(), "127.0.0.1:", ""))
		for key := range e.ContextMap() {
			if !slices.Contains([]string{"platform", "command", "status", "cause", "kind"}, key) {
				t.Errorf("the log has a key %q", key)
			}
		}
	}
	if levels[zapcore.DebugLevel] == 0 || levels[zapcore.InfoLevel] == 0 || levels[zapcore.WarnLevel] == 0 || levels[zapcore.ErrorLevel] != 0 {
		t.Errorf("lines logged by level: %v", levels)
	}
	for _, a := range replies {
		leaks(fmt.Sprintf("a reply of %d", a.status), fmt.Sprint(a.header)+a.body)
	}
	for _, p := range s.connector.received() {
		if p.message.Recipient == nil || p.message.Recipient.ID != userID {
			t.Errorf("a message to %v", p.message.Recipient)
		}
		// Teams needs these two to know where it goes.
		rest := strings.Replace(p.raw, `"recipient":{"id":"`+userID+`"}`, "", 1)
		leaks("a message", strings.Replace(rest, `"conversation":{"id":"`+p.conversation+`"}`, "", 1))
	}
}

func TestSecretsOfTheConfigurationCannotBePrinted(t *testing.T) {
	t.Parallel()
	cfg := Config{AppID: tokenApp, AppPassword: briefing.NewPrivate(botPassword)}
	encoded, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		printed = append(printed, fmt.Sprintf(verb, cfg))
	}
	for _, s := range printed {
		if strings.Contains(s, botPassword) || strings.Contains(s, fmt.Sprintf("%x", botPassword)) {
			t.Errorf("printed as %s", s)
		}
	}
}

func TestConfigSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	private := briefing.NewPrivate
	with := func(change func(*Config)) Config {
		cfg := Config{AppID: tokenApp, AppPassword: private(botPassword)}
		change(&cfg)
		return cfg
	}
	for _, tt := range []struct {
		name string
		cfg  Config
		half bool
		want string // in the error; empty for none
	}{
		{"nothing set", Config{}, false, ""},
		{"a cloud alone is not Teams", Config{Cloud: "usgov"}, false, ""},
		{"addresses alone are not Teams", Config{LoginURL: "x", OpenIDMetadata: "y", ServiceHosts: []string{"z"}}, false, ""},
		{"id and password", with(func(*Config) {}), false, ""},
		{"id, password and tenant", with(func(c *Config) { c.TenantID = homeTenant }), false, ""},
		{"id alone", Config{AppID: tokenApp}, true, "TEAMS_APP_PASSWORD"},
		{"password alone", Config{AppPassword: private(botPassword)}, true, "TEAMS_APP_ID"},
		{"tenant alone", Config{TenantID: homeTenant}, true, "TEAMS_APP_ID"},
		{"tenant and id", Config{TenantID: homeTenant, AppID: tokenApp}, true, "TEAMS_APP_PASSWORD"},
		{"the public cloud by its name", with(func(c *Config) { c.Cloud = "public" }), false, ""},
		{"the US government's", with(func(c *Config) { c.Cloud = "usgov" }), false, ""},
		{"China's", with(func(c *Config) { c.Cloud = "china" }), false, ""},
		{"a cloud that is none", with(func(c *Config) { c.Cloud = "azure" }), false, "TEAMS_CLOUD"},
		{"a cloud in capitals", with(func(c *Config) { c.Cloud = "USGov" }), false, "TEAMS_CLOUD"},
		{"another login server", with(func(c *Config) { c.LoginURL = "https://login.example" }), false, ""},
		{"a login server on loopback", with(func(c *Config) { c.LoginURL = "http://127.0.0.1:1234" }), false, ""},
		{"a login server without https", with(func(c *Config) { c.LoginURL = "http://login.example" }), false, "TEAMS_LOGIN_URL"},
		{"a login server that is no address", with(func(c *Config) { c.LoginURL = "login.example" }), false, "TEAMS_LOGIN_URL"},
		{"a login server without a host", with(func(c *Config) { c.LoginURL = "https:///a" }), false, "TEAMS_LOGIN_URL"},
		{"other metadata", with(func(c *Config) { c.OpenIDMetadata = "https://login.example/metadata" }), false, ""},
		{"metadata on loopback", with(func(c *Config) { c.OpenIDMetadata = "http://localhost:1234/metadata" }), false, ""},
		{"metadata without https", with(func(c *Config) { c.OpenIDMetadata = "http://login.example/metadata" }), false, "TEAMS_OPENID_METADATA_URL"},
		{"metadata of another scheme", with(func(c *Config) { c.OpenIDMetadata = "file:///etc/passwd" }), false, "TEAMS_OPENID_METADATA_URL"},
		{"metadata that is broken", with(func(c *Config) { c.OpenIDMetadata = "https://%zz" }), false, "TEAMS_OPENID_METADATA_URL"},
		{"unsigned on loopback", Config{InsecureLoopback: true}, false, ""},
		{"unsigned with an app", with(func(c *Config) { c.InsecureLoopback = true }), false, "TEAMS_INSECURE_LOOPBACK"},
		{"unsigned with an app's id alone", Config{InsecureLoopback: true, AppID: tokenApp}, false, "TEAMS_INSECURE_LOOPBACK"},
		{"unsigned in a cloud that is none", Config{InsecureLoopback: true, Cloud: "azure"}, false, "TEAMS_CLOUD"},
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
			if err != nil && strings.Contains(err.Error(), botPassword) {
				t.Error("the error holds the password")
			}
			if _, newErr := New(tt.cfg, note(""), nil, zap.NewNop(), time.Now); (newErr == nil) != (err == nil && tt.cfg.Enabled()) {
				t.Errorf("New: %v", newErr)
			}
		})
	}
}

// TestErrorsOfOthersAreNotLoggedInTheirWords holds refuse's last resort.
func TestErrorsOfOthersAreNotLoggedInTheirWords(t *testing.T) {
	t.Parallel()
	s := newSide(t, note(""))
	w := httptest.NewRecorder()
	s.adapter.refuse(w, errors.New("KayleighSmith"))
	got := s.logged("request refused")
	if w.Code != http.StatusInternalServerError || len(got) != 1 || strings.Contains(fmt.Sprint(got), "Kayleigh") || strings.Contains(w.Body.String(), "Kayleigh") {
		t.Errorf("%d %s: %v", w.Code, w.Body, got)
	}
}
