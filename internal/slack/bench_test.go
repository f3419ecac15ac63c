package slack

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
	"briefingbot/internal/platformtest"
)

// BenchmarkCommand holds a signed slash command through the real handler against
// a handler that does the least one could: read, check the signature, write the
// same bytes. Compare the two in one run: go test -bench Command ./internal/slack
func BenchmarkCommand(b *testing.B) {
	const secret = "a secret for the benchmark alone"
	bot := platformtest.NewBot(b, zap.NewNop())
	adapter, err := New(Config{SigningSecret: briefing.NewPrivate(secret)}, bot, bot.Fixed(), zap.NewNop(), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	mux := http.NewServeMux()
	adapter.Routes(mux)

	requests := newSignedRequests(secret)
	reply := httptest.NewRecorder()
	first := requests.next(0)
	mux.ServeHTTP(reply, first)
	if reply.Code != http.StatusOK || reply.Body.Len() < 1000 {
		b.Fatalf("status %d: %s", reply.Code, reply.Body)
	}
	bare := http.NewServeMux()
	bare.HandleFunc("POST /slack/commands", bareHandler(secret, reply.Body.Bytes()))

	for _, c := range []struct {
		name    string
		handler http.Handler
	}{{"bare", bare}, {"briefingbot", mux}} {
		b.Run(c.name, func(b *testing.B) {
			requests.sign(b.N)
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				clear(w.header)
				w.status = http.StatusOK
				c.handler.ServeHTTP(w, requests.next(i))
				if w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
		})
	}
}

// bareHandler reads a request, checks its signature and writes a reply.
func bareHandler(secret string, reply []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "body", http.StatusBadRequest)
			return
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte("v0:" + r.Header.Get("X-Slack-Request-Timestamp") + ":"))
		mac.Write(body)
		if !hmac.Equal([]byte("v0="+hex.EncodeToString(mac.Sum(nil))), []byte(r.Header.Get("X-Slack-Signature"))) {
			http.Error(w, "signature", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(reply)
	}
}

// signedRequests are requests that differ in their trigger_id, as Slack's do, and
// so in their signature. The same request is used for all, to measure handlers
// and not the making of requests.
type signedRequests struct {
	secret, stamp string
	body          []byte
	at            int // of the counter in body
	sums          []string
	made          int // over all, so that no two are alike
	request       *http.Request
	reader        *bytes.Reader
}

const counterDigits = 12

func newSignedRequests(secret string) *signedRequests {
	const before = "token=gIkuvaNzQIHg97ATvDxqgjtO&team_id=T0001&team_domain=example&channel_id=C2147483705&channel_name=test&user_id=U2147483697&user_name=Steve&command=%2Fda-briefing&text=worries&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F1234%2F5678&trigger_id="
	s := &signedRequests{
		secret: secret, stamp: strconv.FormatInt(time.Now().Unix(), 10),
		body: []byte(before + fmt.Sprintf("%0*d", counterDigits, 0)), at: len(before), reader: bytes.NewReader(nil),
	}
	s.request = httptest.NewRequest(http.MethodPost, "/slack/commands", nil)
	s.request.ContentLength = int64(len(s.body))
	s.request.Header = http.Header{"X-Slack-Request-Timestamp": {s.stamp}, "X-Slack-Signature": {""}, "Content-Type": {"application/x-www-form-urlencoded"}}
	s.sign(1)
	return s
}

// sign prepares the next n requests.
func (s *signedRequests) sign(n int) {
	s.made += len(s.sums)
	s.sums = make([]string, n)
	mac := hmac.New(sha256.New, []byte(s.secret))
	for i := range n {
		s.count(i)
		mac.Reset()
		mac.Write([]byte("v0:" + s.stamp + ":"))
		mac.Write(s.body)
		s.sums[i] = "v0=" + hex.EncodeToString(mac.Sum(nil))
	}
}

func (s *signedRequests) count(i int) {
	n := s.made + i
	for at := s.at + counterDigits - 1; at >= s.at; at-- {
		s.body[at] = byte('0' + n%10)
		n /= 10
	}
}

func (s *signedRequests) next(i int) *http.Request {
	s.count(i)
	s.reader.Reset(s.body)
	s.request.Body = io.NopCloser(s.reader)
	s.request.Header["X-Slack-Signature"][0] = s.sums[i]
	return s.request
}

type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
