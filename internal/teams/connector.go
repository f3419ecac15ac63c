package teams

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
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
)

// connector sends to the conversations of Teams. Where msbotbuilder-go's client
// has no timeout, knows one tenant, forgets the ids of what it sent, marshals
// dates of the year 1 and leaves ids unescaped in addresses, this does not.
type connector struct {
	http   *http.Client
	tokens oauth2.TokenSource // nil where nothing is signed, on loopback
	now    func() time.Time
	mu     sync.Mutex // guards paces
	paces  map[string]*rate.Limiter
}

func newHTTPClient() *http.Client {
	return &http.Client{
		Timeout: requestTimeout,
		// Nothing that is asked here redirects; following could lead anywhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// sendError is an answer of Teams' that is not yes. It holds Teams' error code,
// and nothing else that Teams wrote.
type sendError struct {
	status int
	code   string
}

func (e *sendError) Error() string {
	if e.code == "" {
		return fmt.Sprintf("Teams answered %d", e.status)
	}
	return fmt.Sprintf("Teams answered %d %s", e.status, e.code)
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
	t.sentID, err = t.connector.send(t.ctx, method, target, a.Conversation.ID, body)
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
			return "", errors.New("an id is no id")
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
		if err := c.pace(conversation).Wait(ctx); err != nil {
			return "", err
		}
		var wait time.Duration
		id, wait, err = c.once(ctx, method, target, body)
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

// mayRepeat reports whether a request that failed can be made again without
// anybody seeing its message twice. Where Teams did not take it, it can; a 502 or
// 504 may come after Teams did, which does no harm to a new version of a message.
// https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
func mayRepeat(method string, err error) bool {
	var (
		said *sendError
		dial *net.OpError
	)
	switch {
	case errors.As(err, &said):
		switch said.status {
		case http.StatusPreconditionFailed, http.StatusTooManyRequests:
			return true
		case http.StatusBadGateway, http.StatusGatewayTimeout:
			return method == http.MethodPut
		}
		return false
	case errors.As(err, &dial) && dial.Op == "dial":
		return true
	}
	return false
}

func (c *connector) once(ctx context.Context, method, target string, body []byte) (id string, wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return "", 0, errors.New("no address to send to")
	}
	req.Header.Set("Content-Type", "application/json")
	if c.tokens != nil {
		token, err := c.token(ctx)
		if err != nil {
			return "", 0, tokenError(err)
		}
		token.SetAuthHeader(req)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", 0, withoutAddress(err)
	}
	defer resp.Body.Close() // read as far as it is used
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return "", retryAfter(resp.Header, c.now()), &sendError{resp.StatusCode, errorCode(raw)}
	}
	if err != nil {
		return "", 0, withoutAddress(err)
	}
	var created struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(raw, &created) // Teams answers some updates with no body
	return created.ID, 0, nil
}

// token waits for a token no longer than ctx. oauth2's sources take no context:
// a fetch goes on by itself, for the requests that come after.
func (c *connector) token(ctx context.Context) (*oauth2.Token, error) {
	type result struct {
		token *oauth2.Token
		err   error
	}
	done := make(chan result, 1)
	go func() {
		token, err := c.tokens.Token()
		done <- result{token, err}
	}()
	select {
	case r := <-done:
		return r.token, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// retryAfter is how long Teams asks to wait, in seconds or until a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil && seconds >= 0 {
		// Capped before it is multiplied: a huge number would come out negative.
		return time.Duration(min(seconds, int(2*maxWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

var codeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,63}$`)

// errorCode is Teams' name for what went wrong, such as BotNotInConversationRoster.
func errorCode(raw []byte) string {
	var said struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(raw, &said) != nil || !codeForm.MatchString(said.Error.Code) {
		return ""
	}
	return said.Error.Code
}

// tokenError says why there is no token, without what the login server wrote.
func tokenError(err error) error {
	var said *oauth2.RetrieveError
	switch {
	case errors.As(err, &said) && codeForm.MatchString(said.ErrorCode):
		return fmt.Errorf("no token: %s", said.ErrorCode)
	case errors.As(err, &said) && said.Response != nil:
		return fmt.Errorf("no token: status %d", said.Response.StatusCode)
	}
	return fmt.Errorf("no token: %w", withoutAddress(err))
}

// safeCause is why a reply was not sent, without what anybody else wrote.
func safeCause(err error) string {
	var said *sendError
	if errors.As(err, &said) {
		return said.Error()
	}
	return err.Error()
}

// withoutAddress keeps the ids in an address out of the log.
func withoutAddress(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

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
