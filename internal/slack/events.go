package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

// event is the part of Slack's events that is used.
// https://docs.slack.dev/apis/events-api
type event struct {
	Type      string `json:"type"`
	Challenge string `json:"challenge"`
	Team      string `json:"team_id"` // the workspace that it is about
	Event     struct {
		Type   string `json:"type"`
		Tokens struct {
			Bot []string `json:"bot"`
		} `json:"tokens"`
	} `json:"event"`
}

// Events that an app is told of without any scope, and which mean that a workspace
// has done with it. They come in either order, or one of them alone.
// https://docs.slack.dev/reference/events/app_uninstalled
// https://docs.slack.dev/reference/events/tokens_revoked
const (
	appUninstalled = "app_uninstalled"
	tokensRevoked  = "tokens_revoked"
)

// forgetTime bounds how long a workspace is being forgotten. Slack waits 3 s, and
// then tells once more.
const forgetTime = 8 * time.Second

// ForgetTenants makes the adapter call forget when a workspace has removed the bot.
// It reports whether anything was kept about the workspace. Call it before serving.
func (a *Adapter) ForgetTenants(forget func(context.Context, briefing.Tenant) (bool, error)) {
	a.forget = forget
}

// events answers Slack's check of the address, and takes note of where the bot was
// removed.
func (a *Adapter) events(w http.ResponseWriter, r *http.Request) {
	buf := getBuffer()
	defer putBuffer(buf)
	if !a.receive(w, r, buf) {
		return
	}
	var in event
	// A field of another shape is as if it were missing.
	var shape *json.UnmarshalTypeError
	if err := json.Unmarshal(buf.Bytes(), &in); err != nil && (!errors.As(err, &shape) || shape.Field == "" || shape.Field == "type") {
		a.refuse(w, http.StatusBadRequest, errors.New("event is not JSON of the expected shape"))
		return
	}
	reply := map[string]string{}
	switch {
	case in.Type == "url_verification":
		reply["challenge"] = in.Challenge
	case in.removesBot() && a.forget != nil:
		if err := a.removed(r.Context(), &in); err != nil {
			// Slack tells again, three times within about five minutes.
			a.refuse(w, http.StatusServiceUnavailable, fmt.Errorf("the workspace is not forgotten yet: %w", err))
			return
		}
	default:
		a.log.Info("ignored an event", zap.String("platform", string(briefing.Slack)))
	}
	body, err := json.Marshal(reply)
	if err != nil {
		a.refuse(w, http.StatusInternalServerError, fmt.Errorf("rendering: %w", err))
		return
	}
	writeJSON(w, body)
}

// removesBot reports whether the workspace that the event names has removed the bot.
// Tokens of people are revoked, too: those say nothing of the bot.
func (e *event) removesBot() bool {
	return e.Type == "event_callback" && isID(e.Team) &&
		(e.Event.Type == appUninstalled || e.Event.Type == tokensRevoked && len(e.Event.Tokens.Bot) > 0)
}

// removed forgets a workspace, whether or not Slack still waits for the answer.
func (a *Adapter) removed(ctx context.Context, in *event) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetTime)
	defer cancel()
	found, err := a.forget(ctx, briefing.Tenant{Platform: briefing.Slack, ID: in.Team})
	if err != nil {
		return err
	}
	said := "purged what was kept: the bot was removed"
	if !found {
		said = "the bot was removed, and nothing was kept"
	}
	a.log.Info(said, zap.String("platform", string(briefing.Slack)), zap.String("kind", in.Event.Type))
	return nil
}
