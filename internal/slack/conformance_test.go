package slack

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"briefingbot/internal/platformtest"
)

func TestSlackDoesWhatEveryPlatformHasTo(t *testing.T) {
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
			s.slack.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case mood == platformtest.Down:
					drop(w)
				case mood == platformtest.Gone:
					w.WriteHeader(http.StatusNotFound)
				case mood == platformtest.BusyOnce && !refused:
					refused = true
					w.Header().Set("Retry-After", "1")
					w.WriteHeader(http.StatusTooManyRequests)
				default:
					taken[n] = true
				}
			})
		}
		script(platformtest.Well)
		// as is a request that is signed with this secret at this time.
		as := func(path, body, secret string, at time.Time) *http.Request {
			r, err := http.NewRequest(http.MethodPost, path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			stamp := strconv.FormatInt(at.Unix(), 10)
			r.Header = headers(signatureOf(secret, stamp, body), stamp)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r
		}
		typed := func(text string) string {
			command, rest, _ := strings.Cut(text, " ")
			return commandBody(cmp.Or(command, "/"), rest, s.slack.hook())
		}
		return &platformtest.Platform{
			Handler: s.server.Config.Handler, Limit: maxBody, Logs: s.logs, Lost: &lost, Script: script, Settle: s.settle,
			Typed: func(text string) *http.Request { return as("/slack/commands", typed(text), secret, time.Now()) },
			Posted: func(text string) *http.Request {
				return as("/slack/interactions", button{value: text, responseURL: s.slack.hook()}.body(), secret, time.Now())
			},
			Forged: func(text string) *http.Request {
				return as("/slack/commands", typed(text), "another secret", time.Now())
			},
			Stale: func(text string) *http.Request {
				return as("/slack/commands", typed(text), secret, time.Now().Add(-(maxSkew+1)*time.Second))
			},
			Posts: func() []platformtest.Post {
				mu.Lock()
				defer mu.Unlock()
				var out []platformtest.Post
				for i, p := range s.slack.received() {
					out = append(out, platformtest.Post{Raw: p.raw, Taken: taken[i]})
				}
				return out
			},
			Secrets: []string{secret, botToken, hook, "roadrunner", "U2CERLKJA", "gIkuvaNzQIHg97ATvDxqgjtO"},
		}
	})
}
