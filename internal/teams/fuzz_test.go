package teams

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

// FuzzForm wants the command of a form to hold nothing but the form's own words and
// what a field can hold; and what a person chose to come back as it was.
func FuzzForm(f *testing.F) {
	f.Add("/reflection", "Europe/London", "weekly", "09:30", []byte(`{"form":{"command":"/reflection","fields":2},"f0":"weekly","f1":"09:30"}`))
	f.Add("", "", "a", "b", []byte(`{"command":"/da-briefing 6"}`))
	f.Add("/reflection", "", "<at>", "Kayleigh & Co", []byte(`{"form":{"command":"x","fields":-1}}`))
	f.Add("x", "", " ", "\x00", []byte(`{"form":{"command":"x","fields":99999999999},"f0":null}`))
	f.Add("x", "", "a", "a", []byte(`{"action":{"data":{"form":{"command":"x","fields":1},"F0":"a"}}}`))
	f.Add("x", "", "a", "a", []byte(`[]`))
	f.Fuzz(func(t *testing.T, command, rest, first, second string, raw []byte) {
		_ = commandOf(raw)
		data, err := json.Marshal(map[string]any{"form": formData{Command: command, Rest: rest, Fields: 2}, fieldID(0): first, fieldID(1): second})
		if err != nil {
			t.Fatal(err)
		}
		var form struct{ Form formData }
		if err := json.Unmarshal(data, &form); err != nil {
			t.Fatal(err)
		}
		got := commandOf(data)
		good := command != "" && entered.MatchString(first) && entered.MatchString(second) && strings.TrimSpace(first) != "" && strings.TrimSpace(second) != ""
		switch {
		case !good && got != "":
			t.Errorf("%q and %q end in the command %q", first, second, got)
		case good && got != (briefing.Form{Command: form.Form.Command, Rest: form.Form.Rest}).CommandOf([]string{first, second}):
			t.Errorf("%q and %q end in the command %q", first, second, got)
		}
		if good && strings.ContainsAny(first+second, "<>&!@#`*\"\n\x00") {
			t.Errorf("%q and %q are taken for what fields hold", first, second)
		}
		// An invoke wraps the same data.
		wrapped, err := json.Marshal(map[string]any{"action": map[string]any{"data": json.RawMessage(data)}})
		if err != nil {
			t.Fatal(err)
		}
		if again := commandOf(wrapped); again != got {
			t.Errorf("%q in an activity's value, %q in an invoke's", got, again)
		}
	})
}

// FuzzRoute wants what the store holds of a channel to lead to an allowed service
// or nowhere, and never into an error's words.
func FuzzRoute(f *testing.F) {
	for _, seed := range []string{
		`{"service":"https://smba.trafficmanager.net/uk/","conversation":"19:a@thread.tacv2","bot":"28:b","team":"19:t@thread.tacv2"}`,
		`{"service":"https://smba.trafficmanager.net.evil.example/","conversation":"a"}`, `{"service":"https://smba.trafficmanager.net@evil.example/","conversation":"a"}`,
		`{"service":"https://smba.trafficmanager.net/","conversation":".."}`, `{"service":"https://smba.trafficmanager.net/?","conversation":"/../x"}`,
		`{"service":"http://127.0.0.1/","conversation":"a"}`, `{"service":"","conversation":"a"}`, `{"service":[]}`, `null`, ``, "\xff",
	} {
		f.Add(seed)
	}
	a, err := New(Config{AppID: tokenApp, AppPassword: briefing.NewPrivate("AppPasswordOfTheTests")}, &asking{}, nil, zap.NewNop(), time.Now)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		to, err := a.route(briefing.Channel{Platform: briefing.Teams, Tenant: "t", ID: "c", Route: raw})
		if err != nil {
			var d *briefing.DeliveryError
			if !errors.As(err, &d) || d.Outcome != briefing.Impossible || err != errNoRoute && err != errServiceNow {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		target, err := activityURL(to.Service, to.Conversation, "", false)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(target)
		if err != nil || u.Scheme != "https" || u.User != nil || !a.allowsService(to.Service) || !a.allowsService("https://"+u.Host+"/") {
			t.Errorf("it leads to %s (%v)", target, err)
		}
		kept, err := json.Marshal(to)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := a.route(briefing.Channel{ID: "c", Route: string(kept)}); err != nil || again != to {
			t.Errorf("%s is read back as %+v (%v)", kept, again, err)
		}
	})
}

// FuzzAnswer wants of whatever Teams answers a wait that can be waited for, and a
// code that is a name.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"", "0", "30", "-1", "9223372036854775807", "1e3", "Wed, 21 Oct 2026 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(seed, []byte(`{"error":{"code":"`+seed+`","message":"Kayleigh"}}`))
	}
	f.Add("", []byte(`{"error":"BotNotInConversationRoster"}`))
	f.Add("", []byte(`{"error":{"code":"BotNotInConversationRoster"}}`))
	f.Fuzz(func(t *testing.T, value string, raw []byte) {
		wait := retryAfter(http.Header{"Retry-After": {value}}, tokenTime)
		if wait < 0 || wait > maxRetryAfter {
			t.Errorf("%q is %s", value, wait)
		}
		if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < 3600 && wait != time.Duration(n)*time.Second {
			t.Errorf("%q is %s", value, wait)
		}
		if code := errorCode(raw); strings.ContainsAny(code, " \t\n<>@/:\"") || len(code) > 64 {
			t.Errorf("the code %q", code)
		}
	})
}
