package slack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"go.uber.org/zap"

	"briefingbot/internal/briefing"
	"briefingbot/internal/local"
	"briefingbot/internal/outbox"
)

const (
	maxSending    = 64                     // replies on their way at a time
	maxPerChannel = 16                     // of those, from one conversation
	sendTimeout   = 10 * time.Second       // for one post
	maxWait       = 30 * time.Second       // the longest Retry-After that is waited for
	maxReplies    = 5                      // that Slack takes at one response_url
	partDelay     = 300 * time.Millisecond // for Slack to take the part that went before
)

// hooks posts replies to the response_url that Slack gave with a request.
type hooks struct {
	client *http.Client
	api    *url.URL // SLACK_API_URL; nil for Slack's own
	log    *zap.Logger
	outbox *outbox.Outbox
	count  func() // is called for every reply that was not delivered; or nil
}

func (h *hooks) undelivered(cause string) {
	if h.count != nil {
		h.count()
	}
	h.log.Warn("reply not delivered", zap.String("platform", string(briefing.Slack)), zap.String("cause", cause))
}

func newHooks(apiURL string, log *zap.Logger) *hooks {
	h := &hooks{log: log, client: &http.Client{
		Timeout: sendTimeout,
		// A response_url does not redirect; following one could lead anywhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	h.outbox = outbox.New(maxSending, maxPerChannel, func(cause any) { h.undelivered(fmt.Sprintf("panic of %T", cause)) })
	if u, err := url.Parse(apiURL); err == nil && u.Host != "" {
		h.api = u
	}
	return h
}

var errAddress = errors.New("response_url is missing or not Slack's")

// reserve takes a place for messages to an address that a workspace's conversation came
// with, a direct message among them. Its error means that nothing can be sent.
func (h *hooks) reserve(address, team, conversation string) (*outbox.Place, error) {
	if !h.allowed(address) {
		return nil, errAddress
	}
	key := ""
	if isID(team) && isID(conversation) {
		key = team + "/" + conversation
	}
	return h.outbox.Reserve(key)
}

// send posts messages one after the other, in the background, after a delay.
func (h *hooks) send(place *outbox.Place, address string, messages []slack.WebhookMessage, delay time.Duration) {
	place.Go(func(ctx context.Context) {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
		for i := range messages {
			if err := h.post(ctx, address, &messages[i]); err != nil {
				h.undelivered(safeCause(err))
				return
			}
		}
	})
}

// post sends one message, and once more where Slack said that it did not take
// it. Any other failure may have come after Slack took it, and is not repeated.
func (h *hooks) post(ctx context.Context, address string, m *slack.WebhookMessage) error {
	err := slack.PostWebhookCustomHTTPContext(ctx, address, h.client, m)
	wait := time.Second
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var dial *net.OpError
	switch {
	case errors.As(err, &limited):
		wait = max(limited.RetryAfter, wait)
	case errors.As(err, &status) && status.Code == http.StatusTooManyRequests: // it does not say for how long
	case errors.As(err, &dial) && dial.Op == "dial":
	default:
		return err
	}
	if wait > maxWait {
		return err
	}
	select {
	case <-time.After(wait):
		return slack.PostWebhookCustomHTTPContext(ctx, address, h.client, m)
	case <-ctx.Done():
		return err
	}
}

// allowed reports whether a reply may go there: to Slack over https, or to the
// same place as SLACK_API_URL, on any port where that is loopback, for tests. The
// address came with a good signature; this keeps a stolen signing secret from
// turning the bot against its own network.
func (h *hooks) allowed(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Hostname() == "" {
		return false
	}
	host := strings.ToLower(u.Hostname())
	if h.api != nil && u.Scheme == h.api.Scheme && (strings.EqualFold(u.Host, h.api.Host) ||
		strings.EqualFold(host, h.api.Hostname()) && local.Host(host)) {
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
		return unanswered(u.Err)
	case errors.As(err, &status):
		return fmt.Sprintf("status %d", status.Code)
	case errors.As(err, &limited):
		return limited.Error()
	}
	return "Slack's answer was not understood"
}
