package teams

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/oauth2"

	"briefingbot/internal/briefing"
)

// sendError is an answer of Teams' that is not yes. It holds Teams' error code,
// and nothing else that Teams wrote.
type sendError struct {
	status     int
	code       string
	retryAfter time.Duration // 0 where Teams does not say
}

func (e *sendError) Error() string {
	if e.code == "" {
		return fmt.Sprintf("Teams answered %d", e.status)
	}
	return fmt.Sprintf("Teams answered %d %s", e.status, e.code)
}

// signInError says why there is no token, without what the login server wrote but
// its error code.
type signInError struct {
	status int
	code   string
	err    error // where the login server gave no answer of use
}

func (e *signInError) Error() string {
	switch {
	case e.code != "":
		return "no token: " + e.code
	case e.status != 0:
		return fmt.Sprintf("no token: status %d", e.status)
	}
	return "no token: " + e.err.Error()
}

func (e *signInError) Unwrap() error { return e.err }

// tokenError is the error of a token that was not fetched.
func tokenError(err error) *signInError {
	var said *oauth2.RetrieveError
	if !errors.As(err, &said) {
		return &signInError{err: withoutAddress(err)}
	}
	e := &signInError{err: errors.New("not understood")}
	if said.Response != nil {
		e.status = said.Response.StatusCode
	}
	if codeForm.MatchString(said.ErrorCode) {
		e.code = said.ErrorCode
	}
	return e
}

// isRefusal reports whether the login server knows that it will not sign the bot
// in, and does not merely fail to.
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func (e *signInError) isRefusal() bool {
	switch e.code {
	case "invalid_client", "unauthorized_client":
		return true
	case "temporarily_unavailable", "server_error":
		return false
	}
	return e.status == http.StatusBadRequest || e.status == http.StatusUnauthorized
}

// unsentError is a failure before anything of a request had gone out.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// errNoID says that a conversation or an activity cannot be what Teams calls it.
var errNoID = errors.New("an id is no id")

// errNoTurn says that a conversation was sent to as often as Teams takes it.
var errNoTurn = errors.New("no turn came in time in a conversation that is sent to already")

// deliveryError says what a failed request means for what was to be posted, in
// our words. What the statuses mean is in Microsoft's two tables:
// https://learn.microsoft.com/microsoftteams/platform/bots/build-conversational-capability#status-codes-from-bot-conversational-apis
func deliveryError(err error) *briefing.DeliveryError {
	var (
		said   *sendError
		signIn *signInError
		unsent *unsentError
	)
	switch {
	case errors.As(err, &said):
		out := &briefing.DeliveryError{Err: errors.New(said.Error())}
		out.Outcome, out.Cause = said.meaning()
		if out.Outcome == briefing.Throttled {
			out.RetryAfter = said.retryAfter
		}
		return out
	case errors.As(err, &signIn):
		text := signIn.Error()
		if signIn.code == "" && signIn.status == 0 {
			text = "no token: " + fault(signIn.err)
		}
		if signIn.isRefusal() {
			return &briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseRevoked, Err: errors.New(text)}
		}
		return &briefing.DeliveryError{Outcome: briefing.NotSent, Err: errors.New(text)}
	case errors.Is(err, errNoID):
		return &briefing.DeliveryError{Outcome: briefing.Rejected, Err: errNoID}
	case errors.Is(err, errNoTurn):
		return &briefing.DeliveryError{Outcome: briefing.NotSent, Err: errNoTurn}
	case errors.As(err, &unsent):
		return &briefing.DeliveryError{Outcome: briefing.NotSent, Err: errors.New("Teams was not reached: " + fault(unsent.err))}
	}
	return &briefing.DeliveryError{Outcome: briefing.Unknown, Err: errors.New("Teams did not answer: " + fault(err))}
}

// meaning is what Teams' answer says about the message.
func (e *sendError) meaning() (briefing.Outcome, briefing.Cause) {
	switch e.status {
	case http.StatusTooManyRequests:
		return briefing.Throttled, ""
	case http.StatusPreconditionFailed: // two things at once in a conversation
		return briefing.NotSent, ""
	case http.StatusUnauthorized: // the bot's registration has gone
		return briefing.Impossible, briefing.CauseRevoked
	case http.StatusForbidden: // an administrator or a team took the bot away
		return briefing.Impossible, briefing.CauseRemoved
	case http.StatusNotFound:
		return briefing.Impossible, briefing.CauseGone
	case http.StatusRequestTimeout: // of a gateway, perhaps, that passed it on
		return briefing.Unknown, ""
	}
	if e.status >= 400 && e.status < 500 {
		return briefing.Rejected, ""
	}
	return briefing.Unknown, "" // 5xx, and redirects, which may come after the work is done
}

// fault is what broke a connection, without the addresses at its ends.
func fault(err error) string {
	var (
		name  *net.DNSError
		trust *tls.CertificateVerificationError
		plain tls.RecordHeaderError
		alert tls.AlertError
		slow  net.Error
	)
	switch {
	case errors.As(err, &name):
		return "its name was not resolved"
	case errors.As(err, &trust):
		return "its certificate is not trusted"
	case errors.As(err, &plain), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return "TLS failed"
	case errors.Is(err, context.Canceled):
		return "the bot gave up"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return "time ran out"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed"
	}
	return "connection failed"
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

// isNo reports whether Teams refused what was asked, and would again.
func isNo(err error) bool {
	var said *sendError
	return errors.As(err, &said) && said.status >= 400 && said.status < 500 && said.status != http.StatusTooManyRequests
}

// maxRetryAfter is the longest wait that Teams is believed to ask for.
const maxRetryAfter = time.Hour

// retryAfter is how long Teams asks to wait, in seconds or until a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil && seconds >= 0 {
		// Capped before it is multiplied: a huge number would come out negative.
		return time.Duration(min(seconds, int(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
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

// safeCause is why a reply was not sent, without what anybody else wrote.
func safeCause(err error) string { return deliveryError(err).Err.Error() }

// withoutAddress keeps the ids in an address out of the log.
func withoutAddress(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
