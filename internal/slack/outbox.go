package slack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

const (
	maxSending  = 64                     // replies on their way at a time
	sendTimeout = 10 * time.Second       // for one post
	maxWait     = 30 * time.Second       // the longest Retry-After that is waited for
	maxReplies  = 5                      // that Slack takes at one response_url
	partDelay   = 300 * time.Millisecond // for Slack to take the part that went before
)

// outbox posts replies to the response_url that Slack gave with a request.
type outbox struct {
	client *http.Client
	api    *url.URL // SLACK_API_URL; nil for Slack's own
	log    *zap.Logger
	slots  chan struct{}
	ctx    context.Context // ends when close has waited long enough
	cancel context.CancelFunc
	mu     sync.Mutex // guards closed, and wg.Add against wg.Wait
	closed bool
	wg     sync.WaitGroup
}

func newOutbox(apiURL string, log *zap.Logger) *outbox {
	ctx, cancel := context.WithCancel(context.Background())
	o := &outbox{log: log, slots: make(chan struct{}, maxSending), ctx: ctx, cancel: cancel, client: &http.Client{
		Timeout: sendTimeout,
		// A response_url does not redirect; following one could lead anywhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if u, err := url.Parse(apiURL); err == nil && u.Host != "" {
		o.api = u
	}
	return o
}

var (
	errAddress = errors.New("response_url is missing or not Slack's")
	errBusy    = errors.New("too many replies are on their way")
	errClosed  = errors.New("shutting down")
)

// send posts messages one after the other, in the background, after a delay. Its
// error means that nothing will be sent.
func (o *outbox) send(address string, messages []slack.WebhookMessage, delay time.Duration) error {
	if !o.allowed(address) {
		return errAddress
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return errClosed
	}
	select {
	case o.slots <- struct{}{}:
	default:
		return errBusy
	}
	o.wg.Go(func() {
		defer func() { <-o.slots }()
		select {
		case <-time.After(delay):
		case <-o.ctx.Done():
		}
		for i := range messages {
			if err := o.post(address, &messages[i]); err != nil {
				o.log.Warn("reply not delivered", zap.String("platform", string(briefing.Slack)), zap.String("cause", safeCause(err)))
				return
			}
		}
	})
	return nil
}

// post sends one message, and once more where Slack said that it did not take
// it. Any other failure may have come after Slack took it, and is not repeated.
func (o *outbox) post(address string, m *slack.WebhookMessage) error {
	err := slack.PostWebhookCustomHTTPContext(o.ctx, address, o.client, m)
	wait := time.Second
	var limited *slack.RateLimitedError
	var dial *net.OpError
	switch {
	case errors.As(err, &limited):
		wait = max(limited.RetryAfter, wait)
	case errors.As(err, &dial) && dial.Op == "dial":
	default:
		return err
	}
	if wait > maxWait {
		return err
	}
	select {
	case <-time.After(wait):
		return slack.PostWebhookCustomHTTPContext(o.ctx, address, o.client, m)
	case <-o.ctx.Done():
		return err
	}
}

// allowed reports whether a reply may go there: to Slack over https, or to the
// same place as SLACK_API_URL, on any port where that is loopback, for tests. The
// address came with a good signature; this keeps a stolen signing secret from
// turning the bot against its own network.
func (o *outbox) allowed(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Hostname() == "" {
		return false
	}
	host := strings.ToLower(u.Hostname())
	if o.api != nil && u.Scheme == o.api.Scheme && (strings.EqualFold(u.Host, o.api.Host) ||
		strings.EqualFold(host, o.api.Hostname()) && net.ParseIP(host).IsLoopback()) {
		return true
	}
	return u.Scheme == "https" && (host == "hooks.slack.com" || host == "hooks.slack-gov.com")
}

// safeCause is the error without the address, which lets whoever has it post to
// the conversation, and without what the other side wrote.
func safeCause(err error) string {
	var (
		u       *url.Error
		status  slack.StatusCodeError
		limited *slack.RateLimitedError
	)
	switch {
	case errors.As(err, &u):
		return u.Err.Error()
	case errors.As(err, &status):
		return fmt.Sprintf("status %d", status.Code)
	case errors.As(err, &limited):
		return limited.Error()
	}
	return fmt.Sprintf("%T", err)
}

func (o *outbox) close(ctx context.Context) error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	done := make(chan struct{})
	go func() { o.wg.Wait(); close(done) }()
	defer o.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.New("replies to Slack were still on their way")
	}
}
