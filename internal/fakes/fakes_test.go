package fakes_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"briefingbot/internal/fakes"
)

// platform is a fake with what its callers need to know of it.
type platform struct {
	name    string
	new     func() *fakes.Platform
	channel func(tenant string, n int) string
	request func(address, channel string) *http.Request
	taken   int    // status
	body    string // of an answer that the message is taken
}

var platforms = []platform{
	{"Slack", fakes.NewSlack, fakes.SlackChannel, func(address, channel string) *http.Request {
		form := url.Values{"channel": {channel}, "text": {"The question & its source"}, "blocks": {"[]"}, "token": {"t"}}
		r, err := http.NewRequest(http.MethodPost, address+"/chat.postMessage", strings.NewReader(form.Encode()))
		if err != nil {
			panic(err)
		}
		return r
	}, http.StatusOK, `{"ok":true,"ts":"`},
	{"Teams", fakes.NewTeams, fakes.TeamsConversation, func(address, channel string) *http.Request {
		r, err := http.NewRequest(http.MethodPost, address+"/v3/conversations/"+url.PathEscape(channel)+"/activities",
			strings.NewReader(`{"type":"message","summary":"The question & its source"}`))
		if err != nil {
			panic(err)
		}
		return r
	}, http.StatusCreated, `{"id":"1"}`},
}

// eachPlatform runs a test on both, with a way to post in a channel.
func eachPlatform(t *testing.T, test func(t *testing.T, p platform, fake *fakes.Platform, post func(channel string) (*http.Response, string, error))) {
	for _, p := range platforms {
		t.Run(p.name, func(t *testing.T) {
			fake := p.new()
			server := httptest.NewServer(fake)
			defer server.Close()
			test(t, p, fake, func(channel string) (*http.Response, string, error) {
				resp, err := server.Client().Do(p.request(server.URL, channel))
				if err != nil {
					return nil, "", err
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				return resp, string(body), err
			})
		})
	}
}

func TestMessagesAreCountedByChannel(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p platform, fake *fakes.Platform, post func(string) (*http.Response, string, error)) {
		one, two := p.channel("T1", 1), p.channel("T1", 2)
		var said []fakes.Message
		fake.Script(func(m fakes.Message) fakes.Answer { said = append(said, m); return fakes.Answer{} })
		start := time.Now().Truncate(time.Millisecond)
		for _, channel := range []string{one, two, one} {
			resp, body, err := post(channel)
			if err != nil || resp.StatusCode != p.taken || len(said) == 1 && !strings.HasPrefix(body, p.body) {
				t.Fatalf("%v %v %s", err, resp, body)
			}
		}
		if fake.Total() != 3 || fake.Taken(one) != 2 || fake.Taken(two) != 1 || fake.Taken("another") != 0 || len(fake.Channels()) != 2 || fake.Channels()[one] != 2 {
			t.Errorf("%d, %v", fake.Total(), fake.Channels())
		}
		if times := fake.Times(one); len(times) != 2 || times[0].Before(start) || times[1].Before(times[0]) || time.Now().Before(times[1]) || len(fake.Times("")) != 3 {
			t.Errorf("at %v", times)
		}
		if m := said[2]; m.Tenant != "T1" || m.Channel != one || m.Try != 2 || m.Text() != "The question & its source" {
			t.Errorf("%+v, %s", m, m.Text())
		}
		if fake.UnderWay() != 0 || fake.Refused() != 0 {
			t.Errorf("%d under way, %d refused", fake.UnderWay(), fake.Refused())
		}
	})
}

func TestMessagesAreAnsweredAsTheScriptSays(t *testing.T) {
	eachPlatform(t, func(t *testing.T, p platform, fake *fakes.Platform, post func(string) (*http.Response, string, error)) {
		for i, c := range []struct {
			name   string
			answer fakes.Answer
			taken  int
			status int // 0 for none
			body   string
		}{
			{"as usual", fakes.Answer{}, 1, p.taken, ""},
			{"throttled", fakes.Throttle(1500 * time.Millisecond), 0, 429, ""},
			{"refused with a status", fakes.Refuse(403, "no_permission"), 0, 403, "no_permission"},
			{"broken after taking", fakes.Break(502), 1, 502, ""},
			{"dropped before taking", fakes.DropBefore(), 0, 0, ""},
			{"dropped after taking", fakes.DropAfter(), 1, 0, ""},
			{"slow", fakes.Answer{Latency: 20 * time.Millisecond, Linger: 20 * time.Millisecond}, 1, p.taken, ""},
		} {
			channel := p.channel("T1", i)
			fake.Script(func(fakes.Message) fakes.Answer { return c.answer })
			start := time.Now()
			resp, body, err := post(channel)
			took := time.Since(start)
			if fake.Taken(channel) != c.taken {
				t.Errorf("%s: %d taken, want %d", c.name, fake.Taken(channel), c.taken)
			}
			if took < c.answer.Latency+c.answer.Linger {
				t.Errorf("%s: took %s", c.name, took)
			}
			switch {
			case c.status == 0:
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: error %v", c.name, err)
				}
			case err != nil || resp.StatusCode != c.status || !strings.Contains(body, c.body):
				t.Errorf("%s: %v %v %s", c.name, err, resp, body)
			case c.answer.RetryAfter > 0 && resp.Header.Get("Retry-After") != "2":
				t.Errorf("%s: Retry-After %q", c.name, resp.Header.Get("Retry-After"))
			}
		}
		if fake.Refused() != 1 {
			t.Errorf("%d refused with 429, want one", fake.Refused())
		}
	})
}

func TestSlackSaysItsErrorCodesWithStatus200(t *testing.T) {
	fake := fakes.NewSlack()
	fake.Script(func(fakes.Message) fakes.Answer { return fakes.Refuse(0, "channel_not_found") })
	w := httptest.NewRecorder()
	fake.ServeHTTP(w, platforms[0].request("", fakes.SlackChannel("T1", 1)))
	if w.Code != http.StatusOK || w.Body.String() != `{"ok":false,"error":"channel_not_found"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The limits are held to the millisecond, in a time of the test's own.
func TestStrictFakeTakesNoMoreThanThePlatformSays(t *testing.T) {
	for _, c := range []struct {
		platform     platform
		apart        time.Duration // of two messages in a channel
		burst        int           // of messages in a channel
		perTenant    int
		perTenantFor time.Duration
	}{
		{platforms[0], time.Second, 1, 300, time.Minute},
		{platforms[1], time.Second, 7, 50, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			fake := c.platform.new()
			fake.Strict()
			post := func(channel string) (status int, retryAfter string) {
				w := httptest.NewRecorder()
				fake.ServeHTTP(w, c.platform.request("", channel))
				return w.Code, w.Header().Get("Retry-After")
			}
			one := c.platform.channel("T1", 1)
			for n := range c.burst {
				if status, _ := post(one); status != c.platform.taken {
					t.Fatalf("%s: %d after %d in a channel", c.platform.name, status, n)
				}
			}
			if status, retryAfter := post(one); status != 429 || retryAfter != "1" {
				t.Errorf("%s: %d, Retry-After %q after %d in a channel", c.platform.name, status, retryAfter, c.burst)
			}
			time.Sleep(c.apart - time.Millisecond)
			if status, _ := post(one); status != 429 {
				t.Errorf("%s: %d, a millisecond early in a channel", c.platform.name, status)
			}
			time.Sleep(time.Millisecond)
			if status, _ := post(one); status != c.platform.taken {
				t.Errorf("%s: %d, after a second in a channel", c.platform.name, status)
			}
			refused := fake.Refused()
			if refused != 2 {
				t.Errorf("%s: %d refusals counted, want 2", c.platform.name, refused)
			}
			for n := range c.perTenant {
				if status, _ := post(c.platform.channel("T2", n)); status != c.platform.taken {
					t.Fatalf("%s: %d after %d in a tenant", c.platform.name, status, n)
				}
			}
			if status, _ := post(c.platform.channel("T2", -1)); status != 429 {
				t.Errorf("%s: %d after %d in a tenant", c.platform.name, status, c.perTenant)
			}
			if status, _ := post(c.platform.channel("T3", 1)); status != c.platform.taken {
				t.Errorf("%s: %d in another tenant", c.platform.name, status)
			}
			time.Sleep(c.perTenantFor)
			if status, _ := post(c.platform.channel("T2", -2)); status != c.platform.taken {
				t.Errorf("%s: %d in the tenant after %s", c.platform.name, status, c.perTenantFor)
			}
		})
	}
}

func TestTeamsSignsInAndKeepsRepliesApart(t *testing.T) {
	fake := fakes.NewTeams()
	call := func(method, target, authorization, body string) int {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, r)
		return w.Code
	}
	if status := call(http.MethodPost, "/a-tenant/oauth2/v2.0/token", "", ""); status != http.StatusOK || fake.Tokens() != 1 {
		t.Errorf("a token: %d, %d tokens", status, fake.Tokens())
	}
	const bearer = "Bearer AccessTokenOfTheFake"
	target := "/v3/conversations/" + url.PathEscape(fakes.TeamsConversation("T1", 1)) + "/activities"
	if status := call(http.MethodPost, target, "", "{}"); status != http.StatusUnauthorized || fake.Total() != 0 {
		t.Errorf("unsigned: %d, %d taken", status, fake.Total())
	}
	for i, method := range []string{http.MethodPost, http.MethodPut} {
		body := fmt.Sprintf(`{"n":%d}`, i)
		if status := call(method, target+"/17", bearer, body); status != http.StatusCreated || len(fake.Replies()) != i+1 || fake.Replies()[i] != body {
			t.Errorf("%s: %d, %q", method, status, fake.Replies())
		}
	}
	if status := call(http.MethodPost, target, bearer, "{}"); status != http.StatusCreated || fake.Total() != 1 {
		t.Errorf("signed: %d, %d taken", status, fake.Total())
	}
	if status := call(http.MethodGet, "/v3/elsewhere", bearer, ""); status != http.StatusNotFound {
		t.Errorf("elsewhere: %d", status)
	}
}

func TestSlackHasTheOtherMethodsThatTheBotCalls(t *testing.T) {
	fake := fakes.NewSlack()
	for method, want := range map[string]string{
		"auth.test": `"ok":true`, "views.open": `"ok":true`, "chat.getPermalink": `"message_not_found"`, "chat.delete": `"unknown_method"`,
	} {
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/"+method, nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) || fake.Calls(method) != 1 {
			t.Errorf("%s: %d %s, %d calls", method, w.Code, w.Body, fake.Calls(method))
		}
	}
}
