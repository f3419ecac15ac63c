// Package slack is the adapter for Slack: it verifies and decodes what Slack
// sends, and renders and sends what the bot says. Start with Adapter.Routes for
// what people ask, and with Adapter.Send for what is posted unasked; the signature
// check is in verify.go, the drawing in render.go, what Slack tells unasked in events.go.
//
// It decides nothing that a practitioner reads, and knows no other platform.
package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
	"briefingbot/internal/local"
	"briefingbot/internal/outbox"
)

// Config is what Slack needs. The zero value means that Slack is not used.
type Config struct {
	SigningSecret briefing.Private
	BotToken      briefing.Private
	APIURL        string // Slack's where empty; another for GovSlack and for tests
}

// ErrHalf is wrapped by the error of Validate where settings are missing.
var ErrHalf = errors.New("half of Slack is set up")

// ErrToken is wrapped by the error of Validate where the token is not a bot's.
var ErrToken = errors.New("SLACK_BOT_TOKEN")

// otherTokens is by their beginnings what Slack's other tokens are: with one of a
// person, everything would be posted as theirs.
// https://docs.slack.dev/authentication/tokens
var otherTokens = map[string]string{
	"xoxp": "a person's token", "xoxe": "a token that expires", "xoxe.xoxb": "a token that expires", "xoxe.xoxp": "a person's token",
	"xoxc": "a person's token", "xoxd": "a person's token", "xapp": "an app-level token", "xwfp": "a workflow's token",
}

// Enabled reports whether anything of Slack is set.
func (c Config) Enabled() bool {
	return !c.SigningSecret.Empty() || !c.BotToken.Empty()
}

// Validate says what is missing or cannot be meant, by the names of the settings.
func (c Config) Validate() error {
	if !c.Enabled() {
		return nil
	}
	if c.SigningSecret.Empty() {
		return fmt.Errorf("%w: SLACK_SIGNING_SECRET is missing", ErrHalf)
	}
	token := c.BotToken.Reveal()
	if kind, _, ok := strings.Cut(token, "-"); ok && otherTokens[kind] != "" {
		return fmt.Errorf("%w is %s: it begins with %s-, and a bot's with xoxb-", ErrToken, otherTokens[kind], kind)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%w has a blank or another sign in it that no token has", ErrToken)
	}
	if c.APIURL != "" {
		u, err := url.Parse(c.APIURL)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || !strings.HasSuffix(u.Path, "/") {
			return errors.New("SLACK_API_URL is not an address that ends in a slash, like https://slack.com/api/")
		}
		if u.Scheme == "http" && !local.Host(u.Host) {
			return errors.New("SLACK_API_URL begins with http: the bot's token would go there for everybody to read; only a stand-in on this machine may have it so")
		}
	}
	return nil
}

// Responder answers a request. It always has an answer.
type Responder interface {
	Respond(context.Context, briefing.Request) *briefing.Message
}

// Adapter is Slack's side of the bot. It is safe for concurrent use.
type Adapter struct {
	respond  Responder
	verify   *verifier
	log      *zap.Logger
	rendered atomic.Pointer[map[*briefing.Message][]byte] // replies to slash commands that are always the same
	out      *hooks
	api      *api
	forget   func(context.Context, briefing.Tenant) (bool, error) // or nil
}

// New makes an adapter. fixed lists messages that the responder returns again
// and again: they are rendered now, as Prepare does. now tells the time.
func New(cfg Config, r Responder, fixed []*briefing.Message, log *zap.Logger, now func() time.Time) (*Adapter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !cfg.Enabled() { // an empty secret would be one that everybody knows
		return nil, fmt.Errorf("%w: nothing is set", ErrHalf)
	}
	a := &Adapter{respond: r, verify: newVerifier(cfg.SigningSecret, now), log: log, out: newHooks(cfg.APIURL, log), api: newAPI(cfg)}
	a.Prepare(fixed)
	return a, nil
}

// Prepare renders messages that the responder returns again and again from now on,
// and forgets those before them. Any other message is rendered when it comes.
func (a *Adapter) Prepare(fixed []*briefing.Message) {
	rendered := make(map[*briefing.Message][]byte, len(fixed))
	for _, m := range fixed {
		if _, asks := formOf(m); asks {
			continue // it is opened beside the conversation
		}
		parts := Render(m, Private)
		if len(parts) > 1 {
			continue // the later parts need the request's response_url
		}
		body, err := json.Marshal(parts[0])
		if err != nil {
			continue // it fails again where it is asked for, and is logged there
		}
		rendered[m] = body
	}
	a.rendered.Store(&rendered)
}

// Routes adds Slack's endpoints to a mux.
func (a *Adapter) Routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /slack/commands", a.commands)
	mux.HandleFunc("POST /slack/interactions", a.interactions)
	mux.HandleFunc("POST /slack/events", a.events)
}

// CountUndelivered has count called for every reply that did not reach Slack. Call it
// before serving.
func (a *Adapter) CountUndelivered(count func()) { a.out.count = count }

// Close waits for replies under way until ctx ends, and gives up on the rest.
func (a *Adapter) Close(ctx context.Context) error { return a.out.outbox.Close(ctx) }

// commands answers a slash command.
func (a *Adapter) commands(w http.ResponseWriter, r *http.Request) {
	buf := getBuffer()
	defer putBuffer(buf)
	form, ok := a.receiveForm(w, r, buf)
	if !ok {
		return
	}
	// Slack sends ssl_check now and then, to see that the certificate is good.
	// https://docs.slack.dev/interactivity/implementing-slash-commands
	if len(form.sslCheck) > 0 {
		writeJSON(w, []byte("{}"))
		return
	}
	text, err := typed(form)
	if err != nil {
		a.refuse(w, http.StatusBadRequest, err)
		return
	}
	arrived := a.verify.now()
	channel, person := origin(string(form.team), string(form.channel), string(form.user))
	m := a.respond.Respond(r.Context(), briefing.Request{Platform: briefing.Slack, Text: text, Channel: channel, Person: person})
	if body, ok := (*a.rendered.Load())[m]; ok {
		writeJSON(w, body)
		return
	}
	if trigger, err := decode(form.trigger); err == nil && a.openForm(r.Context(), arrived, m, trigger, channel) {
		// With no body at all Slack shows no message.
		// https://docs.slack.dev/tools/java-slack-sdk/guides/slash-commands
		w.WriteHeader(http.StatusOK)
		return
	}
	parts := limited(Render(m, Private), 1+maxReplies)
	body, err := json.Marshal(parts[0])
	if err != nil {
		a.refuse(w, http.StatusInternalServerError, fmt.Errorf("rendering: %w", err))
		return
	}
	writeJSON(w, body)
	if len(parts) == 1 {
		return
	}
	// Slack shows the parts in order if the others come after this one.
	_ = http.NewResponseController(w).Flush() // without it they only might come early
	address, err := decode(form.responseURL)
	if err == nil {
		var place *outbox.Place
		if place, err = a.out.reserve(address, string(form.team), string(form.channel)); err == nil {
			a.out.send(place, address, parts[1:], partDelay)
		}
	}
	if err != nil {
		a.out.undelivered(err.Error())
	}
}

// receive reads and verifies a request's body into buf, or answers it and
// reports false. Nothing of the body is looked at before the signature is right.
func (a *Adapter) receive(w http.ResponseWriter, r *http.Request, buf *buffer) bool {
	sig, err := a.verify.headers(r.Header)
	if r.ContentLength > maxBody {
		err = errTooLarge
	}
	if err == nil {
		err = buf.read(w, r)
	}
	if err == nil {
		err = a.verify.body(sig, buf.Bytes())
	}
	var refusal *refusal
	switch {
	case err == nil:
		return true
	case errors.As(err, &refusal):
		a.refuse(w, refusal.status, refusal)
	default:
		a.refuse(w, http.StatusRequestTimeout, errors.New("the body did not arrive"))
	}
	return false
}

// receiveForm is receive for a body that is a form. The form points into buf.
func (a *Adapter) receiveForm(w http.ResponseWriter, r *http.Request, buf *buffer) (form, bool) {
	if !a.receive(w, r, buf) {
		return form{}, false
	}
	f, err := parseForm(buf.Bytes())
	if err != nil {
		a.refuse(w, http.StatusBadRequest, err)
		return form{}, false
	}
	return f, true
}

// refuse answers a request that is not served, and logs why: by fixed words of
// ours, since the request may hold anything.
func (a *Adapter) refuse(w http.ResponseWriter, status int, cause error) {
	a.log.Warn("request refused", zap.String("platform", string(briefing.Slack)), zap.Int("status", status), zap.String("cause", cause.Error()))
	// What was not read of the body must not be taken for the next request.
	w.Header().Set("Connection", "close")
	http.Error(w, http.StatusText(status), status)
}

var jsonType = []string{"application/json; charset=utf-8"}

func writeJSON(w http.ResponseWriter, body []byte) {
	w.Header()["Content-Type"] = jsonType
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	_, _ = w.Write(body) // a client that has gone needs no answer
}

// typed is the whole command, as the person typed it.
func typed(f form) (briefing.Private, error) {
	command, err := decode(f.command)
	if err != nil {
		return briefing.Private{}, err
	}
	if command == "" {
		return briefing.Private{}, errors.New("no command")
	}
	text, err := decode(f.text)
	if err != nil {
		return briefing.Private{}, err
	}
	if text != "" {
		command += " " + text
	}
	// Slack writes these three so in what was typed.
	// https://docs.slack.dev/messaging/formatting-message-text#escaping
	if strings.Contains(command, "&") {
		command = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(command)
	}
	return briefing.NewPrivate(command), nil
}
