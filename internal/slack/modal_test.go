package slack

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"briefingbot/internal/briefing"
	"briefingbot/internal/platformtest"
)

// asks is a message with a form.
func asks() *briefing.Message {
	return &briefing.Message{Blocks: []briefing.Block{
		briefing.Heading{Text: "Weekly question", Ours: true},
		briefing.Note{Text: "This channel has none yet."},
		briefing.Form{
			Title: "A weekly question for this channel", Submit: "Save", Command: "/reflection", Rest: "Europe/London",
			Fields: []briefing.Field{
				{Label: "How often", Value: "weekly", Options: []briefing.Option{{Label: "Every week", Value: "weekly"}, {Label: "Every fortnight", Value: "fortnightly"}}},
				{Label: "Day", Value: "monday", Options: []briefing.Option{{Label: "Monday", Value: "monday"}, {Label: "Tuesday", Value: "tuesday"}}},
				{Label: "Time", Value: "09:30"},
				{Label: "Bank holidays", Value: "no longer there", Options: []briefing.Option{
					{Label: "None, of any part of the United Kingdom, whatever else may be set for this channel", Value: "holidays include"}, {Value: "scotland"},
				}},
			},
		},
		briefing.Buttons{Buttons: []briefing.Button{{Label: "Help", Command: "/reflection help"}}},
		briefing.Footer{Text: "No names or case details here."},
	}}
}

// recorder is a responder that keeps what it was asked, and answers anything but a
// form that was sent off with a form.
type recorder struct {
	mu    sync.Mutex
	asked []briefing.Request
	reply func(text string) *briefing.Message
}

func (r *recorder) responder() Responder {
	return responderFunc(func(req briefing.Request) *briefing.Message {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked = append(r.asked, req)
		if r.reply != nil {
			return r.reply(req.Text.Reveal())
		}
		return asks()
	})
}

func (r *recorder) last(t *testing.T) briefing.Request {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.asked) == 0 {
		t.Fatal("the bot was not asked")
	}
	return r.asked[len(r.asked)-1]
}

// golden holds JSON against a file, for the platform checks to read too.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, got, "", " "); err != nil {
		t.Fatal(err)
	}
	indented.WriteByte('\n')
	path := filepath.Join("testdata", "modal", name)
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, indented.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the test with -update and look at what it wrote", err)
	}
	if diff := cmp.Diff(string(want), indented.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestFormIsOpenedBesideTheConversation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ask  func(*side) answer
		body string
	}{
		{"after a command", func(s *side) answer { return s.typed("/reflection", "") }, ""},
		{"after a button", func(s *side) answer { return s.pressed(button{value: "/reflection change"}) }, "{}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var r recorder
			s := newSide(t, r.responder())
			s.slack.api.answers("views.open", says(`{"ok":true,"view":{"id":"V1","blocks":"of another shape"}}`))
			if a := tt.ask(s); a.status != http.StatusOK || a.body != tt.body {
				t.Errorf("%d %q, want an empty answer", a.status, a.body)
			}
			s.settle()
			calls := s.slack.api.received()
			if len(calls) != 1 || calls[0].method != "views.open" || calls[0].token != botToken {
				t.Fatalf("calls: %v", calls)
			}
			sent := decodeJSON(t, calls[0].raw)
			if trigger, _ := sent["trigger_id"].(string); !strings.HasPrefix(trigger, "398738663015.47445629121.") {
				t.Errorf("trigger: %q", trigger)
			}
			var view struct {
				View json.RawMessage `json:"view"`
			}
			if err := json.Unmarshal([]byte(calls[0].raw), &view); err != nil {
				t.Fatal(err)
			}
			golden(t, "form.json", view.View)
			if got := len(s.slack.received()); got != 0 {
				t.Errorf("%d posts beside the form", got)
			}
		})
	}
}

func TestFormThatCannotBeOpenedIsSentAsText(t *testing.T) {
	t.Parallel()
	var r recorder
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"the trigger has expired", refuses("expired_trigger_id")},
		{"Slack does not take the view", says(`{"ok":false,"error":"invalid_arguments","response_metadata":{"messages":["C8PSS9T3V"]}}`)},
		{"Slack is down", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }},
		{"Slack does not answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"Slack says what it likes", refuses(botToken)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, r.responder())
			s.slack.api.answers("views.open", tt.answer)
			started := time.Now()
			a := s.typed("/reflection", "")
			if took := time.Since(started); took > 2500*time.Millisecond {
				t.Errorf("the answer took %v, and Slack waits 3 s", took)
			}
			if a.status != http.StatusOK || !strings.Contains(a.body, "/reflection weekly monday 09:30 holidays include Europe/London") {
				t.Errorf("%d %s", a.status, a.body)
			}
			if got := s.logs.FilterMessage("form not opened").Len(); got != 1 {
				t.Errorf("%d lines about it, want one", got)
			}
			noSecrets(t, s, nil)
			s.pressed(button{value: "/reflection change"})
			s.settle()
			if got := s.slack.received(); len(got) != 1 || !strings.Contains(got[0].raw, "/reflection weekly monday 09:30 holidays include Europe/London") {
				t.Errorf("%d posts after a button", len(got))
			}
		})
	}
}

func TestFormIsNotOpenedWhereItCannotBe(t *testing.T) {
	t.Parallel()
	many := asks()
	for range maxModalBlocks {
		many.Blocks = append(many.Blocks, briefing.Note{Text: "a note"})
	}
	with := func(change func(*briefing.Form)) *briefing.Message {
		m := asks()
		for i, b := range m.Blocks {
			if f, ok := b.(briefing.Form); ok {
				change(&f)
				m.Blocks[i] = f
			}
		}
		return m
	}
	for name, m := range map[string]*briefing.Message{
		"too many blocks":   many,
		"too much to keep":  with(func(f *briefing.Form) { f.Rest = strings.Repeat("x", maxMetadata) }),
		"too many options":  with(func(f *briefing.Form) { f.Fields[0].Options = make([]briefing.Option, maxOptions+1) }),
		"a value of others": with(func(f *briefing.Form) { f.Fields[0].Options = []briefing.Option{{Label: "a", Value: "<b>"}} }),
		"no title":          with(func(f *briefing.Form) { f.Title = "" }),
	} {
		if _, ok := formView(m, team); ok {
			t.Errorf("%s: a modal that Slack would refuse", name)
		}
	}
	if view, ok := formView(asks(), team); !ok || !slack.ValidateUniqueBlockID(*view) {
		t.Error("the form itself is not opened")
	}
	var r recorder
	s := newSide(t, r.responder())
	s.slack.api.answers("views.open", says(`{"ok":true}`))
	for _, body := range []string{
		strings.Replace(commandBody("/reflection", "", s.slack.hook()), "trigger_id", "no_trigger", 1),
		strings.Replace(commandBody("/reflection", "", s.slack.hook()), "trigger_id=", "trigger_id=%3Cscript%3E", 1),
	} {
		if a := s.send("/slack/commands", body); !strings.Contains(a.body, "/reflection weekly monday 09:30 holidays include Europe/London") {
			t.Errorf("without a trigger: %s", a.body)
		}
	}
	s.pressed(button{action: "share.1", value: "/reflection"})
	s.settle()
	if got := len(s.slack.api.received()); got != 0 {
		t.Errorf("%d calls, want none", got)
	}
}

// sentOff is the payload of a form that was sent off.
func sentOff(view map[string]any) string {
	payload, err := json.Marshal(map[string]any{
		"type": "view_submission", "api_app_id": "A123456", "token": "gIkuvaNzQIHg97ATvDxqgjtO",
		"trigger_id": fmt.Sprintf("398738663015.47445629121.%d", triggers.Add(1)), "response_urls": []any{},
		"team": map[string]any{"id": "T1DC2JH3J", "domain": "testteamnow"},
		"user": map[string]any{"id": "U2CERLKJA", "username": "roadrunner", "name": "roadrunner", "team_id": "T1DC2JH3J"},
		"view": view,
	})
	if err != nil {
		panic(err)
	}
	return "payload=" + url.QueryEscape(string(payload))
}

func menu(value string) map[string]any {
	return map[string]any{"value": map[string]any{"type": "static_select", "selected_option": map[string]any{
		"text": map[string]any{"type": "plain_text", "text": "A label", "emoji": false}, "value": value,
	}}}
}

func picker(at any) map[string]any {
	return map[string]any{"value": map[string]any{"type": "timepicker", "selected_time": at}}
}

// chosen is a form in which something was chosen.
func chosen(values map[string]any) map[string]any {
	return map[string]any{
		"id": "V1", "team_id": "T1DC2JH3J", "type": "modal", "callback_id": "form",
		"private_metadata": `{"channel":"C8PSS9T3V","command":"/reflection","rest":"Europe/London"}`,
		"title":            map[string]any{"type": "plain_text", "text": "A weekly question for t…", "emoji": false},
		"blocks":           []any{}, "hash": "156772938.1827394",
		"state": map[string]any{"values": values},
	}
}

func TestFormThatIsSentOffIsACommand(t *testing.T) {
	t.Parallel()
	r := recorder{reply: func(string) *briefing.Message {
		return &briefing.Message{Blocks: []briefing.Block{
			briefing.Heading{Text: "Saved", Ours: true},
			briefing.Paragraph{Text: briefing.Words("Every Tuesday at 09:30.")},
			briefing.List{Items: []briefing.Item{{Text: briefing.Words("1 December")}}},
			briefing.Buttons{Buttons: []briefing.Button{{Label: "Pause", Command: "/reflection pause"}}},
			briefing.Footer{Text: "No names or case details here."},
		}}
	}}
	s := newSide(t, r.responder())
	a := s.send("/slack/interactions", sentOff(chosen(map[string]any{
		"1": menu("tuesday"), "0": menu("weekly"), "3": menu("holidays include"), "2": picker("09:30"),
	})))
	if a.status != http.StatusOK {
		t.Fatalf("status %d", a.status)
	}
	req := r.last(t)
	if got, want := req.Text.Reveal(), "/reflection weekly tuesday 09:30 holidays include Europe/London"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if req.Platform != briefing.Slack || req.Channel != team || len(req.Person) != 1 || req.Person[0].Reveal() != "U2CERLKJA" {
		t.Errorf("from %v, by %d people", req.Channel, len(req.Person))
	}
	var update struct {
		Action string          `json:"response_action"`
		View   json.RawMessage `json:"view"`
	}
	if err := json.Unmarshal([]byte(a.body), &update); err != nil || update.Action != "update" {
		t.Fatalf("%v: %s", err, a.body)
	}
	golden(t, "reply.json", update.View)
	s.settle()
	if got := len(s.slack.received()) + len(s.slack.api.received()); got != 0 {
		t.Errorf("%d requests to Slack, want none", got)
	}
}

func TestLongReplyToAFormIsCutWhereAModalEnds(t *testing.T) {
	t.Parallel()
	m := &briefing.Message{}
	for range maxModalBlocks + 1 {
		m.Blocks = append(m.Blocks, briefing.Note{Text: "a note"})
	}
	view := replyView(m, "")
	if got := len(view.Blocks.BlockSet); got != maxModalBlocks {
		t.Errorf("%d blocks", got)
	}
	out, err := json.Marshal(view)
	if err != nil || !bytes.Contains(out, []byte("too long")) || view.Title.Text == "" || view.Submit != nil {
		t.Errorf("%v: %.300s", err, out)
	}
}

func TestFormsThatTheBotDidNotMakeAreRefused(t *testing.T) {
	t.Parallel()
	var r recorder
	s := newSide(t, r.responder())
	with := func(key string, value any) map[string]any {
		view := chosen(map[string]any{"0": menu("weekly")})
		view[key] = value
		return view
	}
	const name = "KayleighSmith"
	for what, view := range map[string]map[string]any{
		"a value with a sign":         chosen(map[string]any{"0": menu(name + "<!channel>")}),
		"a value of several lines":    chosen(map[string]any{"0": menu(name + "\nweekly")}),
		"a value that is too long":    chosen(map[string]any{"0": menu(strings.Repeat("a", maxValue+1))}),
		"a value that is empty":       chosen(map[string]any{"0": menu(" ")}),
		"a field without a value":     chosen(map[string]any{"0": picker(nil)}),
		"a field that is missing":     chosen(map[string]any{"0": menu("weekly"), "2": menu("monday")}),
		"a field of another name":     chosen(map[string]any{name: menu("weekly")}),
		"an element of another name":  chosen(map[string]any{"0": map[string]any{name: menu("weekly")["value"]}}),
		"metadata that is no JSON":    with("private_metadata", name),
		"metadata without a command":  with("private_metadata", "{}"),
		"metadata of another shape":   with("private_metadata", `{"command":["`+name+`"]}`),
		"values of another shape":     with("state", map[string]any{"values": name}),
		"a callback of another shape": with("callback_id", 1),
	} {
		if a := s.send("/slack/interactions", sentOff(view)); a.status != http.StatusBadRequest || strings.Contains(a.body, name) {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	if a := s.send("/slack/interactions", sentOff(with("callback_id", "another"))); a.status != http.StatusOK || a.body != "{}" {
		t.Errorf("another modal: %d %s", a.status, a.body)
	}
	if len(r.asked) != 0 {
		t.Errorf("the bot was asked %d times", len(r.asked))
	}
	for _, e := range s.logs.All() {
		if line := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(line, name) || strings.Contains(line, "U2CERLKJA") {
			t.Errorf("the log holds %s", line)
		}
	}
}

func TestRequestsSayWhereTheyComeFrom(t *testing.T) {
	t.Parallel()
	var r recorder
	r.reply = func(string) *briefing.Message {
		return &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: "an answer"}}}
	}
	s := newSide(t, r.responder())
	const tenant = "T1DC2JH3J"
	for _, tt := range []struct {
		name, team, channel, user string
		want                      briefing.Channel
		person                    string
	}{
		{"a channel", tenant, "C8PSS9T3V", "U2CERLKJA", team, "U2CERLKJA"},
		{"an older private channel", tenant, "G8PSS9T3V", "W2CERLKJA", briefing.Channel{Platform: briefing.Slack, Tenant: tenant, ID: "G8PSS9T3V"}, "W2CERLKJA"},
		{"a direct message", tenant, "D8PSS9T3V", "U2CERLKJA", briefing.Channel{Platform: briefing.Slack, Tenant: tenant}, "U2CERLKJA"},
		{"nothing", "", "", "", briefing.Channel{Platform: briefing.Slack}, ""},
		{"no workspace", "", "C8PSS9T3V", "U2CERLKJA", briefing.Channel{Platform: briefing.Slack}, "U2CERLKJA"},
		{"ids that are none", "T1/../T2", "#general", "U1 OR 1", briefing.Channel{Platform: briefing.Slack}, ""},
		{"ids that are too long", strings.Repeat("T", 65), strings.Repeat("C", 65), strings.Repeat("U", 65), briefing.Channel{Platform: briefing.Slack}, ""},
	} {
		check := func(how string) {
			t.Helper()
			req := r.last(t)
			var person string
			for _, p := range req.Person {
				person += p.Reveal()
			}
			if req.Channel != tt.want || person != tt.person {
				t.Errorf("%s, %s: %+v by %q, want %+v by %q", tt.name, how, req.Channel, person, tt.want, tt.person)
			}
		}
		s.send("/slack/commands", url.Values{
			"command": {"/reflection"}, "team_id": {tt.team}, "channel_id": {tt.channel}, "user_id": {tt.user},
			"trigger_id": {fmt.Sprint(triggers.Add(1))},
		}.Encode())
		check("typed")
		payload, err := json.Marshal(map[string]any{
			"type": "block_actions", "trigger_id": fmt.Sprint(triggers.Add(1)), "response_url": s.slack.hook(),
			"team": map[string]any{"id": tt.team}, "channel": map[string]any{"id": tt.channel}, "user": map[string]any{"id": tt.user},
			"actions": []any{map[string]any{"action_id": "reply.1", "value": "/reflection"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.send("/slack/interactions", "payload="+url.QueryEscape(string(payload)))
		check("pressed")
	}
	// An app of a whole organisation has no workspace to name.
	s.send("/slack/interactions", "payload="+url.QueryEscape(
		`{"type":"block_actions","team":null,"channel":null,"user":{"id":"U2CERLKJA"},"actions":[{"action_id":"reply.1","value":"/reflection"}]}`))
	if req := r.last(t); (req.Channel != briefing.Channel{Platform: briefing.Slack}) {
		t.Errorf("without a workspace: %+v", req.Channel)
	}
}

func TestEveryFormOfTheBotCanBeOpened(t *testing.T) {
	t.Parallel()
	forms := 0
	for _, f := range platformtest.Fixtures(t) {
		form, ok := formOf(f.Message)
		if !ok {
			continue
		}
		forms++
		view, ok := formView(f.Message, team)
		if !ok {
			t.Errorf("%s: Slack would not take the form", f.Name)
			continue
		}
		inputs := 0
		for _, b := range view.Blocks.BlockSet {
			if _, ok := b.(*slack.InputBlock); ok {
				inputs++
			}
		}
		if inputs != len(form.Fields) {
			t.Errorf("%s: %d inputs for %d fields", f.Name, inputs, len(form.Fields))
		}
	}
	if forms == 0 {
		t.Error("no fixture has a form")
	}
}
