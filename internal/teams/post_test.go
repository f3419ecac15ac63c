package teams

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"golang.org/x/oauth2"

	"briefingbot/internal/briefing"
)

// weekly is a message as it is posted.
var weekly = &briefing.Message{Notice: "Question of the week", Blocks: []briefing.Block{
	briefing.Heading{Text: "Question of the week", Ours: true},
	briefing.Paragraph{Text: briefing.Words("When have families engaged well?")},
	briefing.Footer{Text: "No names or case details here."},
	briefing.Buttons{Buttons: []briefing.Button{{Label: "Another question for casework", Command: "/da-questions random casework"}}},
}}

// channel is one that the bot was told of.
func (s *side) channel() briefing.Channel {
	return briefing.Channel{
		Platform: briefing.Teams, Tenant: homeTenant, ID: "19:abc@thread.tacv2",
		Route: `{"service":"` + s.connector.service() + `","conversation":"19:abc@thread.tacv2","bot":"` + botID + `","team":"19:general@thread.tacv2"}`,
	}
}

func TestPostIsANewThreadOfTheChannel(t *testing.T) {
	t.Parallel()
	s := newSide(t, nobody(t))
	id, err := s.adapter.Send(t.Context(), s.channel(), weekly)
	if err != nil || id != "1:sent-0" {
		t.Fatalf("%q, %v", id, err)
	}
	p := s.connector.received()[0]
	if p.method != http.MethodPost || p.conversation != "19:abc@thread.tacv2" || p.activity != "" || p.targeted {
		t.Errorf("%s of %q in %q", p.method, p.activity, p.conversation)
	}
	if p.message.From.ID != botID || p.message.Recipient != nil || p.message.Summary != "Question of the week" || len(p.message.Attachments) != 1 || !strings.Contains(p.text, "When have families engaged well?") {
		t.Errorf("from %v to %v: %q: %s", p.message.From, p.message.Recipient, p.message.Summary, p.text)
	}
	// On a client without Action.Execute it would change the card for everyone.
	if strings.Contains(p.raw, "Action.Submit") || !strings.Contains(p.raw, "Action.Execute") {
		t.Error("its button is not one that is answered privately")
	}
}

func TestNotificationOfANeutralPostIsItsNotice(t *testing.T) {
	t.Parallel()
	m := &briefing.Message{Notice: "A notice", Blocks: weekly.Blocks}
	if got := Render(m)[0].summary; got != "A notice" {
		t.Errorf("%q", got)
	}
	if got := Render(&briefing.Message{Blocks: weekly.Blocks})[0].summary; got != "Question of the week" {
		t.Errorf("without a notice: %q", got)
	}
}

func TestPostOfSeveralCardsIsOneMessage(t *testing.T) {
	t.Parallel()
	s := newSide(t, nobody(t))
	if _, err := s.adapter.Send(t.Context(), s.channel(), long(5)); err != nil {
		t.Fatal(err)
	}
	got := s.connector.received()
	if len(got) != 1 || len(got[0].message.Attachments) != len(Render(long(5))) || !strings.Contains(got[0].text, "Part 5") {
		t.Errorf("%d messages", len(got))
	}
}

func TestCardsOfAMessageThatIsPostedAgainAreKept(t *testing.T) {
	t.Parallel()
	var p posts
	first := p.of(weekly)
	if again := p.of(weekly); again[0] != first[0] {
		t.Error("it is drawn again")
	}
	if Render(weekly)[0].Body[3].(actionSet).Actions[0].Fallback == nil {
		t.Error("the cards of replies are changed")
	}
	for i := range 2*maxPosts + 10 {
		p.of(&briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: fmt.Sprint(i)}}})
		if len(p.cards) > maxPosts {
			t.Fatalf("%d are kept", len(p.cards))
		}
	}
}

// outcome is what a failed post has to say of itself.
func outcome(t *testing.T, err error, want briefing.DeliveryError, text string) {
	t.Helper()
	var d *briefing.DeliveryError
	if !errors.As(err, &d) {
		t.Fatalf("%T: %v", err, err)
	}
	if d.Outcome != want.Outcome || d.Cause != want.Cause || d.RetryAfter != want.RetryAfter {
		t.Errorf("outcome %d, cause %q, after %s; want %d, %q, %s", d.Outcome, d.Cause, d.RetryAfter, want.Outcome, want.Cause, want.RetryAfter)
	}
	if d.Error() != text {
		t.Errorf("%q, want %q", d.Error(), text)
	}
	for _, no := range []string{"127.0.0.1", "thread.tacv2", "Kayleigh", homeTenant, "http", botID, "Password"} {
		if strings.Contains(fmt.Sprintf("%v %+v", d, d.Unwrap()), no) {
			t.Errorf("it holds %q", no)
		}
	}
}

var (
	unknown  = briefing.DeliveryError{Outcome: briefing.Unknown}
	notSent  = briefing.DeliveryError{Outcome: briefing.NotSent}
	rejected = briefing.DeliveryError{Outcome: briefing.Rejected}
	gone     = briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseGone}
	removed  = briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseRemoved}
	revoked  = briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseRevoked}
)

func throttled(d time.Duration) briefing.DeliveryError {
	return briefing.DeliveryError{Outcome: briefing.Throttled, RetryAfter: d}
}

func TestAnswerOfTeamsDecidesWhatBecomesOfAPost(t *testing.T) {
	t.Parallel()
	code := func(status int, name string) answering {
		return func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":{"code":"`+name+`","message":"Kayleigh in 19:abc@thread.tacv2"}}`)
			return true
		}
	}
	for _, tt := range []struct {
		name   string
		answer answering
		want   briefing.DeliveryError
		text   string
	}{
		{"429", status(429, "", "Retry-After", "7"), throttled(7 * time.Second), "Teams answered 429"},
		{"429 for half an hour", status(429, "", "Retry-After", "1800"), throttled(30 * time.Minute), "Teams answered 429"},
		{"429 for a day", status(429, "", "Retry-After", "86400"), throttled(time.Hour), "Teams answered 429"},
		{"429 that does not say for how long", code(429, "Throttled"), throttled(0), "Teams answered 429 Throttled"},
		{"412", code(412, "PreconditionFailed"), notSent, "Teams answered 412 PreconditionFailed"},
		{"401", code(401, "BotNotRegistered"), revoked, "Teams answered 401 BotNotRegistered"},
		{"404", code(404, "ConversationNotFound"), gone, "Teams answered 404 ConversationNotFound"},
		{"404 without a code", status(404, "<html>Kayleigh</html>"), gone, "Teams answered 404"},
		{"not in the roster", code(403, "BotNotInConversationRoster"), removed, "Teams answered 403 BotNotInConversationRoster"},
		{"disabled", code(403, "BotDisabledByAdmin"), removed, "Teams answered 403 BotDisabledByAdmin"},
		{"blocked", code(403, "MessageWritesBlocked"), removed, "Teams answered 403 MessageWritesBlocked"},
		{"403 without a code", status(403, ""), removed, "Teams answered 403"},
		{"400", code(400, "BadArgument"), rejected, "Teams answered 400 BadArgument"},
		{"400 with a code that is a sentence", code(400, "Kayleigh Smith"), rejected, "Teams answered 400"},
		{"413", code(413, "MessageSizeTooBig"), rejected, "Teams answered 413 MessageSizeTooBig"},
		{"415", status(415, ""), rejected, "Teams answered 415"},
		{"408", status(408, ""), unknown, "Teams answered 408"},
		{"500", code(500, "ServiceError"), unknown, "Teams answered 500 ServiceError"},
		{"502", status(502, "", "Retry-After", "1"), unknown, "Teams answered 502"},
		{"503", status(503, "", "Retry-After", "1"), unknown, "Teams answered 503"},
		{"504", status(504, ""), unknown, "Teams answered 504"},
		{"a redirect", status(307, "", "Location", "https://evil.example/"), unknown, "Teams answered 307"},
		{"a connection that ends", dropped, unknown, "Teams did not answer: connection closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, nobody(t))
			s.connector.answers(tt.answer)
			_, err := s.adapter.Send(t.Context(), s.channel(), weekly)
			outcome(t, err, tt.want, tt.text)
			if got := len(s.connector.received()); got != 1 {
				t.Errorf("%d requests, want one", got)
			}
		})
	}
	t.Run("429 until a date", func(t *testing.T) {
		t.Parallel()
		s := newSide(t, nobody(t))
		now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		s.adapter.connector.now = func() time.Time { return now }
		s.connector.answers(status(429, "", "Retry-After", now.Add(5*time.Minute).Format(http.TimeFormat)))
		_, err := s.adapter.Send(t.Context(), s.channel(), weekly)
		outcome(t, err, throttled(5*time.Minute), "Teams answered 429")
	})
	for name, answer := range map[string]answering{
		"a yes without a body": status(http.StatusCreated, ""), "a yes that is no JSON": status(http.StatusOK, "<html>"),
		"a yes that breaks off": func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusCreated)
			_ = http.NewResponseController(w).Flush()
			return dropped(n, w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, nobody(t))
			s.connector.answers(answer)
			if id, err := s.adapter.Send(t.Context(), s.channel(), weekly); err != nil || id != "" {
				t.Errorf("%q, %v", id, err)
			}
		})
	}
}

func TestPostThatNeverWentOutIsNotSent(t *testing.T) {
	t.Parallel()
	// A listener that nobody serves: connections are made and left alone.
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = deaf.Close() })
	refusing := httptest.NewServer(nil)
	refusing.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
	t.Cleanup(plain.Close)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
	secure.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	secure.StartTLS()
	t.Cleanup(secure.Close)
	dialling := func(err error) func(*http.Transport) {
		return func(tr *http.Transport) {
			tr.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, err }
		}
	}
	for _, tt := range []struct {
		name    string
		service string
		change  func(*http.Transport)
		text    string
	}{
		{"connection refused", refusing.URL, func(*http.Transport) {}, "Teams was not reached: connection refused"},
		{"no such name", "http://localhost:1", dialling(&net.DNSError{Err: "no such host", Name: "Kayleigh"}), "Teams was not reached: its name was not resolved"},
		{"a dial that takes too long", "http://localhost:1", dialling(&net.OpError{Op: "dial", Err: context.DeadlineExceeded}), "Teams was not reached: time ran out"},
		{"a certificate that nobody knows", secure.URL, func(tr *http.Transport) { tr.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()} }, "Teams was not reached: its certificate is not trusted"},
		{"a server without TLS", "https://" + plain.Listener.Addr().String(), func(*http.Transport) {}, "Teams was not reached: TLS failed"},
		{"a handshake that does not end", "https://" + deaf.Addr().String(), func(tr *http.Transport) { tr.TLSHandshakeTimeout = 50 * time.Millisecond }, "Teams was not reached: time ran out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSide(t, nobody(t), func(c *Config) { c.ServiceHosts = []string{strings.SplitN(tt.service, "//", 2)[1]} })
			transport := &http.Transport{}
			tt.change(transport)
			t.Cleanup(transport.CloseIdleConnections)
			s.adapter.connector.http.Transport = transport
			ch := s.channel()
			ch.Route = `{"service":"` + tt.service + `","conversation":"19:abc@thread.tacv2","bot":"28:b"}`
			_, err := s.adapter.Send(t.Context(), ch, weekly)
			outcome(t, err, notSent, tt.text)
		})
	}
	t.Run("the sender has given up", func(t *testing.T) {
		t.Parallel()
		s := newSide(t, nobody(t))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.adapter.Send(ctx, s.channel(), weekly)
		outcome(t, err, notSent, errNoTurn.Error())
		if got := len(s.connector.received()); got != 0 {
			t.Errorf("%d requests", got)
		}
	})
	t.Run("while it waits for a connection", func(t *testing.T) {
		t.Parallel()
		s := newSide(t, nobody(t))
		s.adapter.connector.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := s.adapter.Send(ctx, s.channel(), weekly)
		outcome(t, err, notSent, "Teams was not reached: time ran out")
	})
	t.Run("and is not sent later", func(t *testing.T) {
		t.Parallel()
		s := newSide(t, nobody(t))
		wrote := make(chan error, 1)
		late := make(chan struct{})
		// A transport that is slower than its caller: it goes on after it has failed.
		s.adapter.connector.http.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			go func() {
				<-late
				_, err := io.ReadAll(r.Body)
				wrote <- err
			}()
			return nil, context.DeadlineExceeded
		})
		_, err := s.adapter.Send(t.Context(), s.channel(), weekly)
		outcome(t, err, notSent, "Teams was not reached: time ran out")
		close(late)
		if err := <-wrote; !errors.Is(err, errShut) {
			t.Errorf("its body could still be sent: %v", err)
		}
	})
}

func TestPostThatMayHaveGoneOutIsUnknown(t *testing.T) {
	t.Parallel()
	t.Run("no answer in time", func(t *testing.T) {
		t.Parallel()
		s := newSide(t, nobody(t))
		s.connector.hold(t)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := s.adapter.Send(ctx, s.channel(), weekly)
		outcome(t, err, unknown, "Teams did not answer: time ran out")
	})
	t.Run("the bot stops", func(t *testing.T) {
		t.Parallel()
		s := newSide(t, nobody(t))
		s.connector.hold(t)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { s.came(0, 1); cancel() }()
		_, err := s.adapter.Send(ctx, s.channel(), weekly)
		outcome(t, err, unknown, "Teams did not answer: the bot gave up")
	})
	t.Run("the connection is reset", func(t *testing.T) {
		t.Parallel()
		s := newSide(t, nobody(t))
		s.connector.answers(func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
			return true
		})
		_, err := s.adapter.Send(t.Context(), s.channel(), weekly)
		outcome(t, err, unknown, "Teams did not answer: connection reset")
	})
}

// TestConnectionThatWasClosedMeanwhileIsNoLoss posts over a connection that has
// gone: net/http dials anew where nothing was written, and that fails here.
func TestConnectionThatWasClosedMeanwhileIsNoLoss(t *testing.T) {
	t.Parallel()
	sent := &sending{body: []byte("a message")}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	sent.attach(r)
	if got, err := io.ReadAll(r.Body); err != nil || string(got) != "a message" || r.ContentLength != 9 {
		t.Errorf("%q of %d, %v", got, r.ContentLength, err)
	}
	again, err := r.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	if !sent.shut() {
		t.Error("what was not written counts as sent")
	}
	if _, err := io.ReadAll(again); !errors.Is(err, errShut) {
		t.Errorf("it can still be sent: %v", err)
	}
	taken := &sending{body: []byte("a message")}
	taken.attach(r)
	if _, err := io.ReadAll(r.Body); err != nil || taken.shut() {
		t.Errorf("what was sent counts as unsent, %v", err)
	}
}

func TestPostWithoutATokenIsNotSent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body string
		status     int
		want       briefing.DeliveryError
		text       string
	}{
		{"wrong password", `{"error":"invalid_client","error_description":"Kayleigh"}`, 401, revoked, "no token: invalid_client"},
		{"not allowed", `{"error":"unauthorized_client"}`, 400, revoked, "no token: unauthorized_client"},
		{"not allowed, with another status", `{"error":"unauthorized_client"}`, 403, revoked, "no token: unauthorized_client"},
		{"a tenant that has gone", `{"error":"invalid_request"}`, 400, revoked, "no token: invalid_request"},
		{"401 without a code", "Kayleigh", 401, revoked, "no token: status 401"},
		{"busy", `{"error":"temporarily_unavailable"}`, 400, notSent, "no token: temporarily_unavailable"},
		{"429", "", 429, notSent, "no token: status 429"},
		{"500", `{"error":"server_error"}`, 500, notSent, "no token: server_error"},
		{"503", "<html>Kayleigh</html>", 503, notSent, "no token: status 503"},
		{"no JSON", "Kayleigh", 200, notSent, "no token: connection failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, nobody(t))
			s.login.answer = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}
			_, err := s.adapter.Send(t.Context(), s.channel(), weekly)
			outcome(t, err, tt.want, tt.text)
			if got := len(s.connector.received()); got != 0 {
				t.Errorf("%d requests", got)
			}
		})
	}
	t.Run("login server that is down", func(t *testing.T) {
		t.Parallel()
		s := newSide(t, nobody(t))
		s.login.Close()
		_, err := s.adapter.Send(t.Context(), s.channel(), weekly)
		outcome(t, err, notSent, "no token: connection refused")
	})
}

func TestAllWhoWaitForATokenShareOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, f := inside(t)
		f.token = tokenOfTests
		hung, fetches := make(chan struct{}), 0
		c.tokens = tokenFunc(func() (*oauth2.Token, error) {
			fetches++
			<-hung
			return &oauth2.Token{AccessToken: tokenOfTests}, nil
		})
		for i := range 50 {
			go func() {
				_, _ = sendWith(t.Context(), c, http.MethodPost, replyIn(serviceInside, fmt.Sprintf("a:%d", i), "1:asked"))
			}()
		}
		synctest.Wait()
		if fetches != 1 {
			t.Errorf("%d fetches", fetches)
		}
		close(hung)
		synctest.Wait()
		if got := len(f.received()); got != 50 {
			t.Errorf("%d messages came", got)
		}
	})
}

func TestPostKeepsToThePaceOfItsConversation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, f := inside(t)
		a := &Adapter{cfg: Config{}, hosts: []string{"smba.trafficmanager.net"}, connector: c}
		raw, err := json.Marshal(route{Service: serviceInside, Conversation: "19:abc@thread.tacv2", Bot: botID})
		if err != nil {
			t.Fatal(err)
		}
		ch := briefing.Channel{Platform: briefing.Teams, Tenant: homeTenant, ID: "19:abc@thread.tacv2", Route: string(raw)}
		start := time.Now()
		for range perSecond + 1 {
			if _, err := a.Send(t.Context(), ch, weekly); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took < time.Second-time.Microsecond {
			t.Errorf("%d posts in %s", perSecond+1, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err = a.Send(ctx, ch, weekly)
		outcome(t, err, notSent, errNoTurn.Error())
		if got := len(f.received()); got != perSecond+1 {
			t.Errorf("%d requests", got)
		}
	})
}
