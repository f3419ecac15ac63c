// Package teams is the adapter for Microsoft Teams: it verifies and decodes what
// Teams sends, and renders and sends what the bot says. Start with Adapter.Routes;
// the token's check is in token.go, the drawing in render.go, replies in
// reply.go, what is posted unasked in post.go. What of Microsoft's Bot Framework is taken from
// infracloudio/msbotbuilder-go stays in this package.
//
// It decides nothing that a practitioner reads, and knows no other platform.
package teams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/infracloudio/msbotbuilder-go/schema"
	"go.uber.org/zap"

	"briefingbot/internal/briefing"
	"briefingbot/internal/local"
	"briefingbot/internal/outbox"
)

// Responder answers a request. It always has an answer.
type Responder interface {
	Respond(context.Context, briefing.Request) *briefing.Message
}

const (
	maxBody    = 256 << 10 // bytes; Teams' activities have a few thousand
	maxSending = 256       // replies on their way at a time
	// Of one conversation: a thread that is flooded leaves places to all others.
	maxPerConversation = 16
	cardType           = "application/vnd.microsoft.card.adaptive"
)

// Adapter is Teams' side of the bot. It is safe for concurrent use.
type Adapter struct {
	cfg         Config
	hosts       []string
	respond     Responder
	validator   *validator // nil where nothing is signed, on loopback
	connector   *connector
	outbox      *outbox.Outbox
	log         *zap.Logger
	rendered    atomic.Pointer[map[*briefing.Message][]*Card] // replies that are always the same
	posts       posts
	welcomes    welcomes
	keepRoute   func(context.Context, briefing.Channel) error // or nil
	learned     learned
	forget      func(context.Context, briefing.Tenant, func(briefing.Channel) bool) (int, error) // or nil
	undelivered func()                                                                           // is called for every reply that was not delivered; or nil
	now         func() time.Time
}

// New makes an adapter. fixed lists messages that the responder returns again and
// again: they are rendered now, as Prepare does. now tells the time.
func New(cfg Config, r Responder, fixed []*briefing.Message, log *zap.Logger, now func() time.Time) (*Adapter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !cfg.Enabled() {
		return nil, fmt.Errorf("%w: nothing is set", ErrHalf)
	}
	cl, _ := cloudNamed(cfg.Cloud) // Validate has seen it
	a := &Adapter{
		cfg: cfg, respond: r, log: log, now: now, hosts: cl.serviceHosts,
		connector: newConnector(now),
	}
	a.outbox = outbox.New(maxSending, maxPerConversation, func(cause any) { a.notDelivered(fmt.Sprintf("panic of %T", cause)) })
	if len(cfg.ServiceHosts) > 0 {
		a.hosts = cfg.ServiceHosts
	}
	if !cfg.InsecureLoopback {
		metadata := cl.openIDMetadata
		if cfg.OpenIDMetadata != "" {
			metadata = cfg.OpenIDMetadata
		}
		a.validator = newValidator(cfg.AppID, []string{cl.issuer}, metadata, newHTTPClient(), now)
		a.connector.tokens = tokenSource(cfg, cl)
	}
	a.Prepare(fixed)
	return a, nil
}

// Prepare renders messages that the responder returns again and again from now on,
// and forgets those before them, and posts. Any other message is rendered when it
// comes.
func (a *Adapter) Prepare(fixed []*briefing.Message) {
	rendered := make(map[*briefing.Message][]*Card, len(fixed))
	for _, m := range fixed {
		rendered[m] = Render(m)
	}
	a.rendered.Store(&rendered)
	a.posts.forget()
}

// Routes adds Teams' endpoint to a mux.
func (a *Adapter) Routes(mux *http.ServeMux) { mux.HandleFunc("POST /api/messages", a.messages) }

// CountUndelivered has count called for every reply that did not reach Teams. Call it
// before serving.
func (a *Adapter) CountUndelivered(count func()) { a.undelivered = count }

// Close waits for replies under way until ctx ends, and gives up on the rest.
func (a *Adapter) Close(ctx context.Context) error { return a.outbox.Close(ctx) }

// messages takes an activity.
func (a *Adapter) messages(w http.ResponseWriter, r *http.Request) {
	in, err := a.receive(w, r)
	if err != nil {
		a.refuse(w, err)
		return
	}
	defer a.learn(in) // once it is answered
	command := in.command
	switch {
	case in.activityType == "message" && command != "":
		a.accept(w, r, in, command, in.replyToID != "")
	case in.activityType == "message":
		a.accept(w, r, in, in.typed(), false)
	case in.activityType == "invoke" && in.name == cardAction && command != "":
		a.replace(w, r, in, command)
	case in.isArrival() && a.welcomes.first(in.conversationID, a.now()):
		if !a.accept(w, r, in, welcomeCommand, false) {
			a.welcomes.forget(in.conversationID) // Teams will say it again
		}
	case in.isArrival():
		w.WriteHeader(http.StatusOK) // it has its welcome
	case in.isDeparture() && a.forget != nil:
		a.departed(w, r, in)
	default:
		a.ignore(w, in)
	}
}

// receive reads and verifies an activity.
func (a *Adapter) receive(w http.ResponseWriter, r *http.Request) (*incoming, error) {
	headers := r.Header["Authorization"]
	switch {
	case r.ContentLength > maxBody:
		return nil, errTooLarge
	case a.validator == nil && !isLocalClient(r):
		return nil, errNotLocal
	case a.validator != nil && len(headers) != 1:
		return nil, errNoToken
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case err != nil:
		return nil, errNoBody
	}
	in, err := decode(raw)
	if err != nil && a.validator != nil {
		// Whether it is from Microsoft comes first, and what it is after that.
		if _, tokenErr := a.validator.AuthenticateRequest(r.Context(), schema.Activity{}, headers[0], nil, ""); tokenErr != errTokenService {
			return nil, tokenErr
		}
	}
	if err != nil {
		return nil, err
	}
	if a.validator != nil {
		if _, err := a.validator.AuthenticateRequest(r.Context(), in.activity(), headers[0], nil, ""); err != nil {
			return nil, err
		}
	}
	switch {
	case !a.allowsService(in.serviceURL):
		return nil, errService
	case a.cfg.TenantID != "" && !in.isOf(a.cfg.TenantID):
		return nil, errTenant
	}
	return in, nil
}

var (
	errTooLarge = &refusal{http.StatusRequestEntityTooLarge, "body over 256 KiB"}
	errNotLocal = &refusal{http.StatusForbidden, "unsigned activity that is not from the local client"}
	errNoToken  = &refusal{http.StatusUnauthorized, "token missing or repeated"}
	errNoBody   = &refusal{http.StatusRequestTimeout, "the body did not arrive"}
	errActivity = &refusal{http.StatusBadRequest, "body is not an activity"}
	errService  = &refusal{http.StatusForbidden, "service host not allowed"}
	errTenant   = &refusal{http.StatusForbidden, "tenant not allowed"}
)

// isLocalClient reports whether a request comes from a program on this machine.
// A page in a browser there could send one too: it would name its origin, and
// could not say that it sends JSON.
func isLocalClient(r *http.Request) bool {
	return local.Request(r) && len(r.Header["Origin"]) == 0 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/json")
}

// refuse answers a request that is not served, and logs why in words of ours.
func (a *Adapter) refuse(w http.ResponseWriter, err error) {
	status, cause := http.StatusInternalServerError, fmt.Sprintf("%T", err)
	var known *refusal
	if errors.As(err, &known) {
		status, cause = known.status, known.text
	}
	a.log.Warn("request refused", zap.String("platform", string(briefing.Teams)), zap.Int("status", status), zap.String("cause", cause))
	// What was not read of the body must not be taken for the next request.
	w.Header().Set("Connection", "close")
	http.Error(w, http.StatusText(status), status)
}

// ignore answers what the bot has no answer to. The kinds are logged by names of
// ours, since an activity may hold anything.
func (a *Adapter) ignore(w http.ResponseWriter, in *incoming) {
	kind := "other"
	if slices.Contains([]string{"messageUpdate", "messageDelete", "messageReaction", "conversationUpdate", "installationUpdate", "invoke", "event", "typing"}, in.activityType) {
		kind = in.activityType
	}
	a.log.Info("ignored an activity", zap.String("platform", string(briefing.Teams)), zap.String("kind", kind))
	switch {
	case in.activityType == "invoke" && in.name == cardAction:
		writeJSON(w, []byte(unknownButton))
	case in.activityType == "invoke":
		writeJSON(w, []byte("{}")) // an invoke wants an answer of JSON
	default:
		w.WriteHeader(http.StatusOK)
	}
}

const (
	cardAction    = "adaptiveCard/action"
	unknownButton = `{"statusCode":200,"type":"application/vnd.microsoft.activity.message","value":"The bot does not know this button. Type the command again."}`
)

func writeJSON(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(body) // a client that has gone needs no answer
}
