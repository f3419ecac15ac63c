package teams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/infracloudio/msbotbuilder-go/connector/client"
	"github.com/infracloudio/msbotbuilder-go/schema"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
)

const (
	requestTimeout = 10 * time.Second
	maxTries       = 3
	maxWait        = 30 * time.Second // the longest that Retry-After is waited for
	maxReply       = 64 << 10         // bytes of an answer of Teams' that are read
	// Teams takes 7 messages a second in a conversation.
	// https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
	perSecond        = 7
	maxConversations = 10_000 // whose pace is remembered
	// The usual two would make nearly every one of many posts shake hands anew.
	maxIdle = 64
)

// connector sends to the conversations of Teams. Where msbotbuilder-go's client
// has no timeout, knows one tenant, forgets the ids of what it sent, marshals
// dates of the year 1 and leaves ids unescaped in addresses, this does not.
type connector struct {
	http     *http.Client
	tokens   oauth2.TokenSource // nil where nothing is signed, on loopback
	now      func() time.Time
	mu       sync.Mutex // guards paces and fetching
	paces    map[string]*rate.Limiter
	fetching *fetch // a token's that is under way, or nil
}

func newConnector(now func() time.Time) *connector {
	client, transport := newHTTPClient(), http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = maxIdle
	client.Transport = transport
	return &connector{http: client, now: now}
}

func newHTTPClient() *http.Client {
	return &http.Client{
		Timeout: requestTimeout,
		// Nothing that is asked here redirects; following could lead anywhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// outgoing is an activity as it is sent. msbotbuilder-go's own marshals zero
// dates and "suggestedActions":{}, and Teams' client hides messages that have them.
type outgoing struct {
	Type         string       `json:"type"`
	ID           string       `json:"id,omitempty"`
	From         *address     `json:"from,omitempty"`
	Recipient    *address     `json:"recipient,omitempty"`
	Conversation address      `json:"conversation"`
	ReplyToID    string       `json:"replyToId,omitempty"`
	Summary      string       `json:"summary,omitempty"`
	Attachments  []attachment `json:"attachments,omitempty"`
}

type address struct {
	ID string `json:"id"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Content     any    `json:"content"`
}

func addressOf(id string) *address {
	if id == "" {
		return nil
	}
	return &address{id}
}

// turn is the connector for one answer: what msbotbuilder-go calls, without the
// context and the result that its interface has no room for.
type turn struct {
	ctx       context.Context
	connector *connector
	targeted  bool
	once      bool   // not tried again, whatever becomes of it
	sentID    string // of the last activity that was sent
}

var _ client.Client = (*turn)(nil)

// Post sends a message as a reply. The address that the library made is not used:
// it does not escape ids.
func (t *turn) Post(_ url.URL, a schema.Activity) error {
	return t.send(http.MethodPost, a.ReplyToID, a)
}

// Put replaces a message that was sent before.
func (t *turn) Put(_ url.URL, a schema.Activity) error { return t.send(http.MethodPut, a.ID, a) }

// Delete is part of the library's interface. The bot deletes nothing.
func (t *turn) Delete(url.URL, schema.Activity) error { return errors.New("not used") }

func (t *turn) send(method, activityID string, a schema.Activity) error {
	out := outgoing{
		Type: string(a.Type), From: addressOf(a.From.ID), Recipient: addressOf(a.Recipient.ID),
		Conversation: address{a.Conversation.ID}, ReplyToID: a.ReplyToID, Summary: a.Summary,
	}
	if method == http.MethodPut {
		out.ID, out.ReplyToID = a.ID, ""
	}
	for _, item := range a.Attachments {
		out.Attachments = append(out.Attachments, attachment{item.ContentType, item.Content})
	}
	body, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("marshalling an activity: %w", err)
	}
	target, err := activityURL(a.ServiceURL, a.Conversation.ID, activityID, t.targeted)
	if err != nil {
		return err
	}
	send := t.connector.send
	if t.once {
		send = t.connector.once
	}
	t.sentID, err = send(t.ctx, method, target, a.Conversation.ID, body)
	return err
}

// activityURL is where a reply to an activity, or a new version of it, goes.
func activityURL(service, conversation, activity string, targeted bool) (string, error) {
	parts := []string{strings.TrimRight(service, "/"), "v3", "conversations", conversation, "activities"}
	if activity != "" {
		parts = append(parts, activity)
	}
	for i, id := range parts[1:] {
		if id == "." || id == ".." {
			return "", errNoID
		}
		parts[i+1] = url.PathEscape(id)
	}
	target := strings.Join(parts, "/")
	if targeted {
		// https://github.com/microsoft/teams.net/pull/303
		target += "?isTargetedActivity=true"
	}
	return target, nil
}

// send makes a request and, where that cannot send anything twice, makes it
// again. It returns the id of what was sent.
func (c *connector) send(ctx context.Context, method, target, conversation string, body []byte) (id string, err error) {
	for try := 1; ; try++ {
		id, err = c.once(ctx, method, target, conversation, body)
		var wait time.Duration
		if said := (*sendError)(nil); errors.As(err, &said) {
			wait = said.retryAfter
		}
		if err == nil || try == maxTries || !mayRepeat(method, err) || wait > maxWait {
			return id, err
		}
		if wait == 0 {
			wait = time.Duration(1<<try)*time.Second/2 + rand.N(500*time.Millisecond)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return "", err
		}
	}
}

// once makes a request when its conversation may be sent to. Where nothing had
// gone out, its error is errNoTurn, an *unsentError or a *signInError.
func (c *connector) once(ctx context.Context, method, target, conversation string, body []byte) (id string, err error) {
	if c.pace(conversation).Wait(ctx) != nil {
		return "", errNoTurn
	}
	req, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return "", &unsentError{errors.New("no address to send to")}
	}
	sent := &sending{body: body}
	sent.attach(req)
	req.Header.Set("Content-Type", "application/json")
	if c.tokens != nil {
		token, err := c.token(ctx)
		if err != nil {
			return "", tokenError(err)
		}
		token.SetAuthHeader(req)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if sent.shut() {
			return "", &unsentError{withoutAddress(err)}
		}
		return "", withoutAddress(err)
	}
	defer resp.Body.Close() // read as far as it is used
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return "", &sendError{resp.StatusCode, errorCode(raw), retryAfter(resp.Header, c.now())}
	}
	// The status alone says that Teams took it, whatever became of the body. Some
	// updates are answered with none.
	var created struct {
		ID string `json:"id"`
	}
	if err == nil {
		_ = json.Unmarshal(raw, &created)
	}
	return created.ID, nil
}

// fetch is a token that is being fetched, for everyone who waits for one.
type fetch struct {
	done  chan struct{}
	token *oauth2.Token
	err   error
}

// token waits for a token no longer than ctx. oauth2's sources take no context:
// a fetch goes on by itself, for the requests that come after. All who wait share
// one, or while the login server hangs each would leave another behind.
func (c *connector) token(ctx context.Context) (*oauth2.Token, error) {
	c.mu.Lock()
	f := c.fetching
	if f == nil {
		f = &fetch{done: make(chan struct{})}
		c.fetching = f
		go func() {
			defer func() {
				if cause := recover(); cause != nil {
					f.token, f.err = nil, panicked(cause)
				}
				c.mu.Lock()
				c.fetching = nil
				c.mu.Unlock()
				close(f.done)
			}()
			f.token, f.err = c.tokens.Token()
		}()
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// panicked is a panic of whoever reads what Microsoft sends, as one more failure to get
// it: it must not end a process that answers others. Its value may hold anything.
func panicked(cause any) error { return fmt.Errorf("panic of %T", cause) }

// pace keeps a conversation to what Teams takes.
func (c *connector) pace(conversation string) *rate.Limiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.paces[conversation]
	if !ok {
		if len(c.paces) >= maxConversations {
			c.paces = nil // each starts anew, and may be faster for one second
		}
		if c.paces == nil {
			c.paces = map[string]*rate.Limiter{}
		}
		l = rate.NewLimiter(perSecond, 1) // a larger burst would let more than 7 into a second
		c.paces[conversation] = l
	}
	return l
}
