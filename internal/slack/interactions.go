package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
	"briefingbot/internal/outbox"
)

// interaction is the part of Slack's payloads that is used. Of the person it is
// the id alone, for the bot to compare with those of BRIEFINGBOT_SCHEDULERS.
// https://docs.slack.dev/reference/interaction-payloads
type interaction struct {
	Type        string   `json:"type"`
	ResponseURL string   `json:"response_url"`
	TriggerID   string   `json:"trigger_id"`
	Team        identity `json:"team"`
	Channel     identity `json:"channel"`
	User        identity `json:"user"`
	Container   struct {
		IsEphemeral bool `json:"is_ephemeral"`
	} `json:"container"`
	Actions []struct {
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
	} `json:"actions"`
	View json.RawMessage `json:"view"` // with view_submission
}

type identity struct {
	ID string `json:"id"`
}

// interactions answers a button, and a form that is sent off.
func (a *Adapter) interactions(w http.ResponseWriter, r *http.Request) {
	buf := getBuffer()
	defer putBuffer(buf)
	form, ok := a.receiveForm(w, r, buf)
	if !ok {
		return
	}
	payload, err := decode(form.payload)
	if err != nil {
		a.refuse(w, http.StatusBadRequest, err)
		return
	}
	var in interaction
	if err := json.Unmarshal([]byte(payload), &in); err != nil {
		// The error of package json may repeat what it read.
		a.refuse(w, http.StatusBadRequest, errors.New("payload is not JSON of the expected shape"))
		return
	}
	switch {
	case in.Type == "block_actions" && len(in.Actions) == 1 && in.Actions[0].Value != "":
		a.pressed(w, r, &in)
	case in.Type == "view_submission":
		a.submitted(w, r, &in)
	default:
		a.ignore(w)
	}
}

func (a *Adapter) ignore(w http.ResponseWriter) {
	a.log.Info("ignored an interaction of another kind", zap.String("platform", string(briefing.Slack)))
	writeJSON(w, []byte("{}"))
}

// pressed answers a button. Slack wants an empty answer to the request itself;
// the reply goes to its response_url.
func (a *Adapter) pressed(w http.ResponseWriter, r *http.Request, in *interaction) {
	audience := Private
	switch {
	case isShare(in.Actions[0].ActionID):
		audience = Channel
	case in.Container.IsEphemeral:
		audience = PrivateInPlace
	}
	arrived := a.verify.now()
	channel, person := origin(in.Team.ID, in.Channel.ID, in.User.ID)
	var place *outbox.Place
	if in.ResponseURL != "" {
		// Before anything is done: Slack shows a warning beside the button, and whoever
		// presses again must not have skipped two questions.
		var err error
		if place, err = a.out.reserve(in.ResponseURL, in.Team.ID, in.Channel.ID); err != nil {
			a.refuse(w, http.StatusServiceUnavailable, err)
			return
		}
		defer place.Leave()
	}
	m := a.respond.Respond(r.Context(), briefing.Request{
		Platform: briefing.Slack, Text: briefing.NewPrivate(in.Actions[0].Value), Channel: channel, Person: person, Public: audience == Channel,
	})
	if audience != Channel && a.openForm(r.Context(), arrived, m, in.TriggerID, channel) {
		writeJSON(w, []byte("{}"))
		return
	}
	if place == nil {
		// Slack always gives an address. Whoever does not has the reply here.
		body, err := json.Marshal(Render(m, audience)[0])
		if err != nil {
			a.refuse(w, http.StatusInternalServerError, fmt.Errorf("rendering: %w", err))
			return
		}
		writeJSON(w, body)
		return
	}
	a.out.send(place, in.ResponseURL, limited(Render(m, audience), maxReplies), 0)
	writeJSON(w, []byte("{}"))
}

// direct begins the ids of direct messages.
// https://docs.slack.dev/apis/web-api/using-the-conversations-api
const direct = "D"

// origin is where a request comes from, and who asks. A direct message is no
// channel; neither is one whose workspace is not known, since ids mean something
// only within it.
func origin(team, channel, user string) (briefing.Channel, []briefing.Private) {
	ch := briefing.Channel{Platform: briefing.Slack}
	if isID(team) {
		ch.Tenant = team
		if isID(channel) && !strings.HasPrefix(channel, direct) {
			ch.ID = channel
		}
	}
	if !isID(user) {
		return ch, nil
	}
	return ch, []briefing.Private{briefing.NewPrivate(user)}
}

// maxID is well over what Slack's ids have, which are 9 to 11 characters.
const maxID = 64

// isID reports whether s looks like an id of Slack's.
func isID(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= maxID
}
