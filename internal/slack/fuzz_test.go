package slack

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"briefingbot/internal/briefing"
)

// FuzzSignature wants a request to be served if its signature is over what came,
// with the secret and within five minutes, and once.
func FuzzSignature(f *testing.F) {
	f.Add(publishedSignature, publishedTimestamp, []byte(publishedBody))
	for _, stamp := range []string{publishedTimestamp, "1531420918", "1531420919", "-1", "+1531420618", "01531420618", "99999999999999999999", ""} {
		f.Add(signatureOf(publishedSecret, stamp, "text=a"), stamp, []byte("text=a"))
	}
	f.Add(strings.ToUpper(publishedSignature), publishedTimestamp, []byte(publishedBody))
	f.Add("v0=", publishedTimestamp, []byte(nil))
	f.Fuzz(func(t *testing.T, sum, stamp string, body []byte) {
		v := verifierAt(publishedTime)
		h := headers(sum, stamp)
		seconds, err := strconv.ParseInt(stamp, 10, 64)
		age := publishedTime.Unix() - seconds
		good := err == nil && strings.Trim(stamp, "0123456789") == "" && age <= 300 && age >= -300 && sum == signatureOf(publishedSecret, stamp, string(body))
		err = check(v, h, string(body))
		if good != (err == nil) {
			t.Fatalf("%q at %q: %v", sum, stamp, err)
		}
		if good {
			if err := check(v, h, string(body)); !errors.Is(err, errReplay) {
				t.Fatalf("a second time: %v", err)
			}
			return
		}
		var r *refusal
		if !errors.As(err, &r) || r.status != http.StatusUnauthorized {
			t.Fatalf("%T: %v", err, err)
		}
	})
}

// fuzzed is an adapter that sends nothing, with what it logs. Its responder answers
// everything alike, so that what is typed can come back by no way but the adapter's.
func fuzzed(f *testing.F, r Responder) (*Adapter, *observer.ObservedLogs) {
	core, logs := observer.New(zap.DebugLevel)
	a, err := New(Config{SigningSecret: briefing.NewPrivate(secret)}, r, nil, zap.New(core), time.Now)
	if err != nil {
		f.Fatal(err)
	}
	a.out.client.Transport = roundTripFunc(func(r *http.Request) (*http.Response, error) {
		if r.URL.Scheme != "https" || r.URL.Hostname() != "hooks.slack.com" && r.URL.Hostname() != "hooks.slack-gov.com" {
			panic("a reply would go to " + r.URL.String())
		}
		return nil, errors.New("no network here")
	})
	return a, logs
}

// post hands a signed body to a handler, as if for the first time: a fuzzer tries
// one twice within a second.
func post(a *Adapter, h http.HandlerFunc, body string) *httptest.ResponseRecorder {
	a.verify.seen = &replays{}
	w := httptest.NewRecorder()
	h(w, sign(httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)), body))
	return w
}

// FuzzInteraction wants every payload answered, and nothing of it in the answer or
// the log.
func FuzzInteraction(f *testing.F) {
	for _, seed := range []string{
		`{"type":"block_actions","team":{"id":"T1"},"channel":{"id":"C1"},"user":{"id":"U1"},"container":{"is_ephemeral":true},"actions":[{"action_id":"share:1","value":"/da-briefing 5"}],"response_url":"https://hooks.slack.com/a"}`,
		`{"type":"block_actions","actions":[{"value":"/da-briefing"}],"response_url":"https://user@hooks.slack.com"}`,
		`{"type":"block_actions","actions":[{"value":"Kayleigh"}],"response_url":"http://169.254.169.254/"}`,
		`{"type":"block_actions","actions":[{"value":"Kayleigh"}],"trigger_id":"1.2"}`,
		`{"type":"view_submission","view":{"callback_id":"form","private_metadata":"{\"command\":\"/reflection\"}","state":{"values":{"0":{"value":{"selected_option":{"value":"weekly"}}}}}}}`,
		`{"type":"view_submission","view":null}`, `{"type":"shortcut"}`, `[]`, `null`, `{"type":5}`, "\xff", `{"actions":[null]}`, `{"type":"block_actions","actions":[{}]}`,
	} {
		f.Add(seed)
	}
	a, logs := fuzzed(f, note("a fixed answer"))
	f.Fuzz(func(t *testing.T, payload string) {
		w := post(a, a.interactions, "payload="+url.QueryEscape(payload))
		body := strings.TrimSpace(w.Body.String())
		switch w.Code {
		case http.StatusOK:
			var view struct {
				Action string `json:"response_action"`
				View   struct {
					Title any `json:"title"` // of the form that was sent off, which is the bot's own
				} `json:"view"`
				Type string `json:"response_type"`
				Text string `json:"text"`
			}
			if err := json.Unmarshal([]byte(body), &view); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			if body != "{}" && !strings.Contains(body, "a fixed answer") {
				t.Errorf("answered with %s", body)
			}
			if view.Action == "" && body != "{}" && view.Text != "a fixed answer" {
				t.Errorf("the answer says %q", view.Text)
			}
		case http.StatusBadRequest, http.StatusServiceUnavailable, http.StatusRequestEntityTooLarge:
			if body != http.StatusText(w.Code) {
				t.Errorf("refused with %q", body)
			}
		default:
			t.Errorf("status %d", w.Code)
		}
		for _, e := range logs.TakeAll() {
			if cause, ok := e.ContextMap()["cause"].(string); ok && len(payload) > 20 && strings.Contains(cause, payload) {
				t.Errorf("the log holds the payload: %s", cause)
			}
			for key := range e.ContextMap() {
				if key != "platform" && key != "status" && key != "cause" {
					t.Errorf("the log has the field %q", key)
				}
			}
		}
	})
}

// FuzzSubmission wants the command of a form that was sent off to be the form's
// own, with nothing but words in its fields, and its channel to be one.
func FuzzSubmission(f *testing.F) {
	f.Add("weekly", "09:30", `{"channel":"C1","command":"/reflection","rest":"Europe/London"}`, "T1")
	f.Add("both all", "", `{"command":"/reflection"}`, "")
	f.Add("<!channel>", "09:30", `{"channel":"D1","command":"x"}`, "T1")
	f.Add("\u2028", "\x00", `{"channel":"C1 or so","command":"x"}`, "T 1")
	f.Add("a", "b", `{"command":["x"]}`, "T1")
	var asked []briefing.Request
	a, _ := fuzzed(f, responderFunc(func(r briefing.Request) *briefing.Message {
		asked = append(asked, r)
		return &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: "a fixed answer"}}}
	}))
	f.Fuzz(func(t *testing.T, option, at, data, team string) {
		payload, err := json.Marshal(map[string]any{
			"type": "view_submission", "team": map[string]any{"id": team}, "user": map[string]any{"id": "U1"},
			"view": map[string]any{"callback_id": formCallback, "private_metadata": data, "state": map[string]any{"values": map[string]any{
				"0": map[string]any{fieldAction: map[string]any{"selected_option": map[string]any{"value": option}}},
				"1": map[string]any{fieldAction: map[string]any{"selected_time": at}},
			}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		asked = nil
		w := post(a, a.interactions, "payload="+url.QueryEscape(string(payload)))
		if (w.Code == http.StatusOK) != (len(asked) == 1) {
			t.Fatalf("status %d, and asked %d times", w.Code, len(asked))
		}
		if len(asked) == 0 {
			return
		}
		var own metadata
		if err := json.Unmarshal([]byte(data), &own); err != nil {
			t.Fatal(err)
		}
		middle := briefing.Form{}.CommandOf([]string{option, at})
		if got, want := asked[0].Text.Reveal(), (briefing.Form{Command: own.Command, Rest: own.Rest}).CommandOf([]string{option, at}); got != want {
			t.Errorf("asked %q, want %q", got, want)
		}
		if strings.ContainsAny(middle, "<>&!@#`*\"\n\x00") {
			t.Errorf("%q is taken for what a field holds", middle)
		}
		ch := asked[0].Channel
		if ch.ID != "" && (ch.Tenant == "" || !isID(ch.ID) || strings.HasPrefix(ch.ID, direct)) || ch.Tenant != "" && !isID(ch.Tenant) {
			t.Errorf("it comes from %+v", ch)
		}
	})
}

// FuzzEvent wants every event answered, and nothing of it said again but the
// challenge that Slack asks for.
func FuzzEvent(f *testing.F) {
	for _, seed := range []string{`{"type":"url_verification","challenge":"abc"}`, `{"type":"event_callback","event":{"text":"Kayleigh"}}`, `{"TYPE":"url_verification"}`, `[]`, `null`, "", "\xff", `{"type":"url_verification","challenge":5}`} {
		f.Add(seed)
	}
	a, _ := fuzzed(f, note("not asked"))
	f.Fuzz(func(t *testing.T, body string) {
		w := post(a, a.events, body)
		if w.Code != http.StatusOK {
			if got := strings.TrimSpace(w.Body.String()); got != http.StatusText(w.Code) {
				t.Errorf("%d %s", w.Code, got)
			}
			return
		}
		var event struct{ Type, Challenge string }
		// A challenge that is no text is as if it were missing.
		var shape *json.UnmarshalTypeError
		if err := json.Unmarshal([]byte(body), &event); err != nil && !errors.As(err, &shape) {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if event.Type == "url_verification" {
			if got["challenge"] != event.Challenge || len(got) != 1 {
				t.Errorf("%q is answered with %v", body, got)
			}
		} else if len(got) != 0 {
			t.Errorf("%q is answered with %v", body, got)
		}
	})
}

// FuzzReplyAddress wants replies to go to Slack and nowhere else.
func FuzzReplyAddress(f *testing.F) {
	for _, seed := range []string{"https://hooks.slack.com/a", "https://HOOKS.slack-gov.com/a", "https://hooks.slack.com.evil.example", "https://hooks.slack.com@evil.example", "//hooks.slack.com", "https://hooks.slack.com:1@x", "https://hooks.slack.com\\@evil.example", "https://evil.example#hooks.slack.com", "http://127.0.0.1", "https://hooks.slack.com%2eevil.example", "https://[::1]"} {
		f.Add(seed)
	}
	a, _ := fuzzed(f, note(""))
	f.Fuzz(func(t *testing.T, address string) {
		if !a.out.allowed(address) {
			return
		}
		r, err := http.NewRequest(http.MethodPost, address, nil)
		if err != nil {
			return
		}
		// What package http would connect to is what counts.
		if host := strings.ToLower(r.URL.Hostname()); r.URL.Scheme != "https" || host != "hooks.slack.com" && host != "hooks.slack-gov.com" || r.URL.User != nil {
			t.Errorf("%q would go to %s", address, r.URL.Host)
		}
	})
}

// FuzzRetryAfter wants a wait that can be waited for, whatever Slack's header says.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "0", "30", "-1", "9223372036854775807", "9223372036", "1e3", " 5", "Wed, 21 Oct 2026 07:28:00 GMT"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		wait := retryAfter(http.Header{"Retry-After": {value}})
		if wait < 0 || wait > maxRetryAfter {
			t.Errorf("%q is %s", value, wait)
		}
		if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < 3600 && wait != time.Duration(n)*time.Second {
			t.Errorf("%q is %s", value, wait)
		}
	})
}
