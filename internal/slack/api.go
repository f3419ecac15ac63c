package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/time/rate"

	"briefingbot/internal/briefing"
)

// How fast Slack takes messages: one a second in a channel, which Send keeps to,
// and several hundred a minute in a workspace, of which this is what the bot asks
// for. Whoever sends to many channels of a workspace keeps to it.
// https://docs.slack.dev/reference/methods/chat.postMessage#rate_limiting
const (
	TenantPerMinute  = 300
	channelPerSecond = 1
)

const (
	// Slack waits 3 s for the answer to a command or a button, and a trigger_id is
	// good for as long. A question to Slack on the way to the answer has quickTimeout,
	// and what is left of answerTimeout.
	// https://docs.slack.dev/interactivity/handling-user-interaction
	quickTimeout  = 1500 * time.Millisecond
	answerTimeout = 2700 * time.Millisecond
	maxIdle       = 64      // connections that are kept for the next posts
	maxAnswer     = 1 << 20 // bytes of an answer of Slack's that are read
	maxChannels   = 10_000  // whose pace is remembered
)

// api calls the methods of Slack's Web API. It repeats nothing: chat.postMessage
// has no key by which Slack would know a message that it has taken already, so
// what is to be sent again is for the scheduler to decide.
type api struct {
	http  *http.Client
	url   string // Slack's where empty
	token briefing.Private
	mu    sync.Mutex // guards paces
	paces map[string]*rate.Limiter
}

func newAPI(cfg Config) *api {
	client := &http.Client{
		Timeout: sendTimeout,
		// Slack's API does not redirect; following would take the token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t = t.Clone()
		t.MaxIdleConnsPerHost = maxIdle
		client.Transport = t
	}
	return &api{http: client, url: cfg.APIURL, token: cfg.BotToken}
}

// Send posts a message in a channel, and returns Slack's id of it. A message that
// is too large for Slack is posted in parts, in order, and the id is the first's.
//
// Every error is a *briefing.DeliveryError. Send does not try again. It waits
// where something was posted in the channel less than a second ago.
func (a *Adapter) Send(ctx context.Context, ch briefing.Channel, m *briefing.Message) (id string, err error) {
	if a.api.token.Empty() {
		return "", noToken()
	}
	// Slack also takes the name of a channel or a person where an id belongs.
	if !isID(ch.ID) {
		return "", failed(briefing.Rejected, "the channel's id is none of Slack's")
	}
	for i, part := range Render(m, Channel) {
		ts, failure := a.api.post(ctx, ch, part)
		switch {
		case failure != nil && i > 0: // the channel has the beginning of it
			return "", &briefing.DeliveryError{Outcome: briefing.Unknown, Err: fmt.Errorf("part %d: %w", i+1, failure.Err)}
		case failure != nil:
			return "", failure
		case i == 0:
			id = ts
		}
	}
	return id, nil
}

// post posts one message.
func (a *api) post(ctx context.Context, ch briefing.Channel, m slack.WebhookMessage) (ts string, failure *briefing.DeliveryError) {
	if a.pace(ch).Wait(ctx) != nil {
		return "", failed(briefing.NotSent, "it was given up before it was the channel's turn")
	}
	c := a.call()
	_, ts, err := c.slack(a).PostMessageContext(ctx, ch.ID,
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks.BlockSet...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
	if failure := c.failure(err); failure != nil {
		return "", failure
	}
	return ts, nil
}

// never is the time of a message that no channel has: Slack is younger.
const never = "1000000000.000000"

// CanPost asks Slack, without posting, whether a post in the channel would get
// through. Nil means that it would, or that nobody can tell; an error is a
// *briefing.DeliveryError that says why it certainly would not.
//
// It asks for the link of a message that does not exist. chat.getPermalink needs
// no scope, and answers message_not_found in a channel that the bot can see and
// channel_not_found in one that it cannot: a private one that it was not invited to.
// https://docs.slack.dev/reference/methods/chat.getPermalink
//
// A public channel can be seen by everyone, and whether the bot is in it cannot be
// asked without a scope that reads channels. Where it is not, chat:write.public
// lets it post all the same.
func (a *Adapter) CanPost(ctx context.Context, ch briefing.Channel) error {
	if a.api.token.Empty() {
		return noToken()
	}
	ctx, cancel := context.WithTimeout(ctx, quickTimeout)
	defer cancel()
	c := a.api.call()
	_, err := c.slack(a.api).GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: ch.ID, Ts: never})
	failure := c.failure(err)
	if c.said == nil || failure == nil {
		return nil
	}
	switch c.said.Error {
	case "channel_not_found", "is_archived", "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired":
		return failure
	case "not_in_channel":
		if scopes, known := c.scopes(); known && !slices.Contains(scopes, "chat:write.public") {
			return failure
		}
	case "message_not_found":
		if scopes, known := c.scopes(); known && !slices.ContainsFunc(scopes, mayWrite) {
			return impossible(briefing.CauseRevoked, "SLACK_BOT_TOKEN is without the scope chat:write")
		}
	}
	// Any other no is about this method, and not about posting.
	return nil
}

// mayWrite reports whether a scope is one for posting, older names among them:
// chat:write:bot, and bot of apps from before there were scopes for bots.
func mayWrite(scope string) bool { return strings.HasPrefix(scope, "chat:write") || scope == "bot" }

// call is one call of a method, and what is known of it.
type call struct {
	http   *http.Client
	wrote  atomic.Bool // Slack may have read the request
	status int         // of the answer; 0 where none came
	header http.Header
	said   *said // nil where the answer is not as Slack's are
}

// said is what is looked at of an answer of Slack's.
type said struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
	TS    string `json:"ts,omitempty"`
}

func (a *api) call() *call { return &call{http: a.http} }

// slack is slack-go's client for this call. Without an option for it, it repeats
// nothing.
func (c *call) slack(a *api) *slack.Client {
	options := []slack.Option{slack.OptionHTTPClient(c)}
	if a.url != "" {
		options = append(options, slack.OptionAPIURL(a.url))
	}
	return slack.New(a.token.Reveal(), options...)
}

// Do makes the request for slack-go, and keeps what decides about the next one.
//
// slack-go is given only said of an answer. It would decode the message that Slack
// repeats, and details of an error; where Slack adds a shape that it does not
// know, a post that was taken would look like one that nobody knows about.
func (c *call) Do(r *http.Request) (*http.Response, error) {
	// Headers go out first: what did not get so far, Slack does not know of.
	trace := &httptrace.ClientTrace{WroteHeaders: func() { c.wrote.Store(true) }}
	resp, err := c.http.Do(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() // it is read here
	c.status, c.header = resp.StatusCode, resp.Header
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	var said said
	if resp.StatusCode == http.StatusOK && json.Unmarshal(raw, &said) == nil {
		c.said = &said
		if raw, err = json.Marshal(said); err != nil {
			return nil, err
		}
	}
	resp.Body = io.NopCloser(bytes.NewReader(raw))
	return resp, nil
}

// scopes is what the token may do, where the answer says so. Slack's own client
// for Node reads the same header.
func (c *call) scopes() (scopes []string, known bool) {
	header := c.header.Get("X-OAuth-Scopes")
	for scope := range strings.SplitSeq(header, ",") {
		scopes = append(scopes, strings.TrimSpace(scope))
	}
	return scopes, header != ""
}

// pace keeps a channel to what Slack takes.
func (a *api) pace(ch briefing.Channel) *rate.Limiter {
	key := ch.Tenant + "/" + ch.ID
	a.mu.Lock()
	defer a.mu.Unlock()
	l, ok := a.paces[key]
	if !ok {
		if a.paces == nil || len(a.paces) >= maxChannels {
			a.paces = map[string]*rate.Limiter{} // each starts anew, and may be faster for one second
		}
		l = rate.NewLimiter(channelPerSecond, 1)
		a.paces[key] = l
	}
	return l
}
