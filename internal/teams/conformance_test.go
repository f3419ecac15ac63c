package teams

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"briefingbot/internal/platformtest"
)

func TestTeamsDoesWhatEveryPlatformHasTo(t *testing.T) {
	t.Parallel()
	platformtest.Conformance(t, func(t *testing.T) *platformtest.Platform {
		s := newSide(t, nil)
		var lost atomic.Int64
		s.adapter.CountUndelivered(func() { lost.Add(1) })
		var (
			mu    sync.Mutex
			taken = map[int]bool{}
		)
		script := func(mood platformtest.Mood) {
			refused := false
			s.connector.answers(func(n int, w http.ResponseWriter, r *http.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case mood == platformtest.Down:
					return dropped(n, w, r)
				case mood == platformtest.Gone:
					return status(http.StatusNotFound, `{"error":{"code":"ConversationNotFound","message":"KayleighSmith"}}`)(n, w, r)
				case mood == platformtest.BusyOnce && !refused:
					refused = true
					return status(http.StatusTooManyRequests, "", "Retry-After", "1")(n, w, r)
				}
				taken[n] = true
				return false
			})
		}
		script(platformtest.Well)
		as := func(text string, bearer func(object) string) *http.Request {
			a := s.mentioning(text)
			// A thread of its own: one alone has its pace.
			a["conversation"] = object{"id": "19:abc@thread.tacv2;messageid=" + a["id"].(string), "conversationType": "channel", "tenantId": homeTenant}
			r, err := http.NewRequest(http.MethodPost, "/api/messages", bytes.NewReader(mustJSON(a)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json; charset=utf-8")
			r.Header.Set("Authorization", bearer(a))
			return r
		}
		genuine := func(text string) *http.Request { return as(text, bearerFor) }
		return &platformtest.Platform{
			Handler: s.server.Config.Handler, Limit: maxBody, Logs: s.logs, Lost: &lost, Script: script, Settle: s.settle,
			Typed: genuine, Posted: genuine,
			Forged: func(text string) *http.Request {
				return as(text, func(a object) string {
					return "Bearer " + tokenWith(otherKey(), goodHeader(), changed(goodClaims(), object{"serviceurl": a["serviceUrl"], "exp": time.Now().Add(time.Hour).Unix()}))
				})
			},
			Stale: func(text string) *http.Request {
				return as(text, func(a object) string {
					return bearerWith(a, object{"nbf": time.Now().Add(-2 * time.Hour).Unix(), "exp": time.Now().Add(-skew - time.Minute).Unix()})
				})
			},
			Replay: "Teams' token is not for one activity: it is used again until it expires",
			Posts: func() []platformtest.Post {
				mu.Lock()
				defer mu.Unlock()
				var out []platformtest.Post
				for i, p := range s.connector.received() {
					// Teams needs to know whom it is for.
					raw := strings.Replace(p.raw, `"recipient":{"id":"`+userID+`"}`, "", 1)
					out = append(out, platformtest.Post{Raw: raw, Taken: taken[i]})
				}
				return out
			},
			Secrets: []string{"PasswordOfTheTests", tokenOfTests, "eyJ", "77777777-0000-4a5b-8c9d-0123456789ab"},
		}
	})
}
