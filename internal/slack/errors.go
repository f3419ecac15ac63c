package slack

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"briefingbot/internal/briefing"
)

// failure says what is known of a call that Slack did not say yes to, or nil
// where it did. err is what slack-go made of it, and is never printed: it may hold
// an address, or what anybody wrote.
func (c *call) failure(err error) *briefing.DeliveryError {
	switch {
	case c.said != nil && c.said.OK:
		return nil
	case c.said != nil:
		return refusalOf(c.said.Error, c.header)
	case c.status == http.StatusOK:
		return failed(briefing.Unknown, "Slack's answer could not be read")
	case c.status != 0:
		return statusOf(c.status, c.header)
	case c.wrote.Load():
		return failed(briefing.Unknown, "the request was sent, and "+brokenOff(err))
	default:
		return failed(briefing.NotSent, notReached(err))
	}
}

func failed(o briefing.Outcome, words string) *briefing.DeliveryError {
	return &briefing.DeliveryError{Outcome: o, Err: errors.New(words)}
}

func impossible(cause briefing.Cause, words string) *briefing.DeliveryError {
	return &briefing.DeliveryError{Outcome: briefing.Impossible, Cause: cause, Err: errors.New(words)}
}

// noToken is why nothing can be posted where SLACK_BOT_TOKEN is not set: commands
// are answered without it.
func noToken() *briefing.DeliveryError {
	return impossible(briefing.CauseRevoked, "SLACK_BOT_TOKEN is not set")
}

// outcomes says what Slack's error codes mean. A code that is not here is a no to
// this message alone, as invalid_blocks and msg_too_long are.
// https://docs.slack.dev/reference/methods/chat.postMessage#errors
var outcomes = map[string]briefing.DeliveryError{
	"ratelimited":  {Outcome: briefing.Throttled},
	"rate_limited": {Outcome: briefing.Throttled},

	// Slack writes of the first two that some aspect of the operation may have
	// succeeded before the error was raised.
	"internal_error":      {Outcome: briefing.Unknown},
	"fatal_error":         {Outcome: briefing.Unknown},
	"service_unavailable": {Outcome: briefing.Unknown},

	// The request arrived in part, and was not looked at.
	"request_timeout": {Outcome: briefing.NotSent},
	// The workspace is moving into an organisation; it comes back by itself.
	"team_added_to_org":  {Outcome: briefing.NotSent},
	"org_login_required": {Outcome: briefing.NotSent},

	"is_archived": {Outcome: briefing.Impossible, Cause: briefing.CauseGone},

	// Slack does not tell a channel that is deleted from a private one that the bot
	// is not in. What the cause is for is the advice that /reflection gives, and
	// that is read in the channel itself: whoever reads it has the channel before
	// them, so the bot is missing in it, and inviting it helps.
	"channel_not_found": {Outcome: briefing.Impossible, Cause: briefing.CauseRemoved},
	"not_in_channel":    {Outcome: briefing.Impossible, Cause: briefing.CauseRemoved},
	"no_permission":     {Outcome: briefing.Impossible, Cause: briefing.CauseRemoved},

	"invalid_auth":            {Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
	"not_authed":              {Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
	"account_inactive":        {Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
	"token_revoked":           {Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
	"token_expired":           {Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
	"missing_scope":           {Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
	"not_allowed_token_type":  {Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
	"ekm_access_denied":       {Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
	"access_denied":           {Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
	"accesslimited":           {Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
	"team_access_not_granted": {Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
}

// restricted begins the codes for channels in which only some may post:
// restricted_action, restricted_action_read_only_channel and others.
const restricted = "restricted_action"

var codeForm = regexp.MustCompile(`^[a-z_]{1,64}$`)

// refusalOf is a no of Slack's, by its error code.
func refusalOf(code string, h http.Header) *briefing.DeliveryError {
	if code == "" {
		return failed(briefing.Unknown, "Slack's answer says neither yes nor no")
	}
	d, known := outcomes[code]
	switch {
	case known:
	case strings.HasPrefix(code, restricted):
		d = briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseRemoved}
	default:
		d.Outcome = briefing.Rejected
	}
	if d.Outcome == briefing.Throttled {
		d.RetryAfter = retryAfter(h)
	}
	if !codeForm.MatchString(code) {
		code = "an error without a proper code"
	}
	d.Err = errors.New("Slack says " + code)
	return &d
}

// statusOf is an answer whose status alone counts.
func statusOf(status int, h http.Header) *briefing.DeliveryError {
	d := failed(briefing.Rejected, "Slack answers with status "+strconv.Itoa(status))
	switch {
	case status == http.StatusTooManyRequests:
		d.Outcome, d.RetryAfter = briefing.Throttled, retryAfter(h)
	case status >= 500, status < 300:
		d.Outcome = briefing.Unknown
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge: // the message, whoever says so
	default:
		// Slack says no in JSON, with status 200, and redirects nobody: somebody on the way
		// does, such as an organisation's proxy, and what it refused Slack has not seen.
		d.Outcome = briefing.NotSent
	}
	return d
}

// maxRetryAfter keeps a number that cannot be meant from overflowing.
const maxRetryAfter = 24 * time.Hour

// retryAfter is how long Slack asks to wait, in seconds, or 0.
// https://docs.slack.dev/apis/web-api/rate-limits
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, int(maxRetryAfter/time.Second))) * time.Second
}

// notReached says in words of ours why a request was not sent.
func notReached(err error) string {
	var (
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		timeout net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "it was given up before Slack was reached"
	case errors.As(err, &dns):
		return "Slack's address was not found"
	case errors.As(err, &cert), errors.As(err, &record):
		return "there is no secure connection to Slack"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "Slack was not reached in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection to Slack was refused"
	}
	return "there is no connection to Slack"
}

// unanswered says in words of ours why a request has no answer, which may have been
// sent or not.
func unanswered(err error) string {
	var (
		dial   *net.OpError
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
	)
	if errors.As(err, &dial) && dial.Op == "dial" || errors.As(err, &cert) || errors.As(err, &record) {
		return notReached(err)
	}
	return brokenOff(err)
}

// brokenOff says in words of ours why there is no answer to a request.
func brokenOff(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "its answer was not waited for"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer came in time"
	}
	return "the connection ended before an answer came"
}
