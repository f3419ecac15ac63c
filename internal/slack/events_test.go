package slack

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
)

// forgetting keeps which workspaces it was told to forget.
type forgetting struct {
	mu    sync.Mutex
	told  []briefing.Tenant
	kept  bool
	fails error
}

func (f *forgetting) forget(_ context.Context, t briefing.Tenant) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, t)
	found := f.kept
	f.kept = f.kept && f.fails != nil
	return found, f.fails
}

const (
	uninstalledBody = `{"token":"x","team_id":"T1DC2JH3J","api_app_id":"A1","event":{"type":"app_uninstalled"},"type":"event_callback","event_id":"Ev1","event_time":1234567890}`
	revokedBody     = `{"token":"x","team_id":"T1DC2JH3J","api_app_id":"A1","event":{"type":"tokens_revoked","tokens":{"oauth":["U2CERLKJA"],"bot":["U0BOT"]}},"type":"event_callback","event_id":"Ev2","event_time":1234567890}`
)

func TestWorkspaceThatRemovesTheBotIsForgotten(t *testing.T) {
	t.Parallel()
	for name, bodies := range map[string][]string{
		"uninstalled first": {uninstalledBody, revokedBody}, "revoked first": {revokedBody, uninstalledBody},
		"uninstalled alone": {uninstalledBody}, "revoked alone": {revokedBody},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, f := newSide(t, nil), &forgetting{kept: true}
			s.adapter.ForgetTenants(f.forget)
			var want []briefing.Tenant
			for _, body := range bodies {
				if a := s.send("/slack/events", body); a.status != http.StatusOK || a.body != "{}" {
					t.Errorf("%d %s", a.status, a.body)
				}
				want = append(want, briefing.Tenant{Platform: briefing.Slack, ID: "T1DC2JH3J"})
			}
			if diff := cmp.Diff(want, f.told); diff != "" {
				t.Error(diff)
			}
			purged := s.logs.FilterMessage("purged what was kept: the bot was removed").All()
			if len(purged) != 1 || len(purged[0].ContextMap()) != 2 || purged[0].ContextMap()["platform"] != "slack" {
				t.Errorf("logged %v", purged)
			}
			for _, e := range s.logs.All() {
				for _, field := range e.Context {
					if field.String == "T1DC2JH3J" || field.String == "U2CERLKJA" {
						t.Errorf("logged an id: %v", e)
					}
				}
			}
		})
	}
}

func TestEventThatSaysNothingOfTheBotForgetsNobody(t *testing.T) {
	t.Parallel()
	s, f := newSide(t, nil), &forgetting{kept: true}
	s.adapter.ForgetTenants(f.forget)
	for name, body := range map[string]string{
		"the token of a person":          `{"type":"event_callback","team_id":"T1","event":{"type":"tokens_revoked","tokens":{"oauth":["U1"],"bot":[]}}}`,
		"no tokens":                      `{"type":"event_callback","team_id":"T1","event":{"type":"tokens_revoked"}}`,
		"tokens of another shape":        `{"type":"event_callback","team_id":"T1","event":{"type":"tokens_revoked","tokens":"U1"}}`,
		"nobody's workspace":             `{"type":"event_callback","event":{"type":"app_uninstalled"}}`,
		"a workspace of another shape":   `{"type":"event_callback","team_id":["T1"],"event":{"type":"app_uninstalled"}}`,
		"a workspace that is no id":      `{"type":"event_callback","team_id":"T1' OR","event":{"type":"app_uninstalled"}}`,
		"a workspace within the event":   `{"type":"event_callback","event":{"type":"app_uninstalled","team_id":"T1"}}`,
		"another event":                  `{"type":"event_callback","team_id":"T1","event":{"type":"message","text":"app_uninstalled"}}`,
		"an event that is none":          `{"type":"app_uninstalled","team_id":"T1"}`,
		"a rate limit":                   `{"type":"app_rate_limited","team_id":"T1","event":{"type":"app_uninstalled"}}`,
		"an uninstalled app as an array": `{"type":"event_callback","team_id":"T1","event":["app_uninstalled"]}`,
	} {
		if a := s.send("/slack/events", body); a.status != http.StatusOK || a.body != "{}" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if len(f.told) > 0 {
		t.Errorf("forgot %v", f.told)
	}
}

func TestForgedAndReplayedEventsForgetNobody(t *testing.T) {
	t.Parallel()
	s, f := newSide(t, nil), &forgetting{kept: true}
	s.adapter.ForgetTenants(f.forget)
	first := sign(s.request(http.MethodPost, "/slack/events", uninstalledBody), uninstalledBody)
	if a := s.do(first); a.status != http.StatusOK {
		t.Fatal(a.status)
	}
	stale := strconv.FormatInt(time.Now().Unix()-maxSkew-5, 10)
	ahead := strconv.FormatInt(time.Now().Unix()+100, 10)
	for name, h := range map[string]http.Header{
		"unsigned":                {},
		"signed by another":       headers(signatureOf("another", now(), uninstalledBody), now()),
		"signed for another body": headers(signatureOf(secret, now(), revokedBody), now()),
		"signed at another time":  headers(signatureOf(secret, ahead, uninstalledBody), now()),
		"stale":                   headers(signatureOf(secret, stale, uninstalledBody), stale),
		"replayed":                first.Header.Clone(),
		"replayed, said to be a retry": func() http.Header {
			h := first.Header.Clone()
			h.Set("X-Slack-Retry-Num", "1")
			return h
		}(),
	} {
		r := s.request(http.MethodPost, "/slack/events", uninstalledBody)
		r.Header = h
		if a := s.do(r); a.status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, a.status)
		}
	}
	if len(f.told) != 1 {
		t.Errorf("forgot %v, want the first alone", f.told)
	}
}

// Slack tells again, with a signature of that moment, where it has no 200.
func TestWorkspaceIsForgottenAtTheRetryWhereItCouldNotBeBefore(t *testing.T) {
	t.Parallel()
	s, f := newSide(t, nil), &forgetting{kept: true, fails: errors.New("database is locked")}
	s.adapter.ForgetTenants(f.forget)
	if a := s.send("/slack/events", uninstalledBody); a.status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", a.status)
	}
	refused := s.logs.FilterMessage("request refused").All()
	if len(refused) != 1 || refused[0].ContextMap()["cause"] != "the workspace is not forgotten yet: database is locked" {
		t.Errorf("logged %v", refused)
	}
	f.mu.Lock()
	f.fails = nil
	f.mu.Unlock()
	stamp := strconv.FormatInt(time.Now().Unix()+1, 10)
	retry := s.request(http.MethodPost, "/slack/events", uninstalledBody)
	retry.Header = headers(signatureOf(secret, stamp, uninstalledBody), stamp)
	retry.Header.Set("X-Slack-Retry-Num", "1")
	retry.Header.Set("X-Slack-Retry-Reason", "http_error")
	if a := s.do(retry); a.status != http.StatusOK {
		t.Errorf("status %d, want 200", a.status)
	}
	if len(f.told) != 2 || s.logs.FilterMessage("purged what was kept: the bot was removed").Len() != 1 {
		t.Errorf("forgot %v", f.told)
	}
}
