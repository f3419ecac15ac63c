package slack

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"briefingbot/internal/briefing"
)

// submission is the part of a form that was sent off that is used.
// https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload#view_submission
type submission struct {
	CallbackID      string `json:"callback_id"`
	PrivateMetadata string `json:"private_metadata"`
	Title           struct {
		Text string `json:"text"`
	} `json:"title"`
	State struct {
		Values map[string]map[string]struct {
			Option struct {
				Value string `json:"value"`
			} `json:"selected_option"`
			Time string `json:"selected_time"`
		} `json:"values"`
	} `json:"state"`
}

var errSubmission = errors.New("what was sent off is not a form of the bot's")

// submitted answers a form that was sent off: by the reply, in its place.
func (a *Adapter) submitted(w http.ResponseWriter, r *http.Request, in *interaction) {
	var view submission
	if json.Unmarshal(in.View, &view) != nil {
		a.refuse(w, http.StatusBadRequest, errSubmission)
		return
	}
	if view.CallbackID != formCallback {
		a.ignore(w)
		return
	}
	var data metadata
	values, ok := view.values()
	if !ok || json.Unmarshal([]byte(view.PrivateMetadata), &data) != nil || data.Command == "" {
		a.refuse(w, http.StatusBadRequest, errSubmission)
		return
	}
	text := briefing.Form{Command: data.Command, Rest: data.Rest}.CommandOf(values)
	channel, person := origin(in.Team.ID, data.Channel, in.User.ID)
	m := a.respond.Respond(r.Context(), briefing.Request{
		Platform: briefing.Slack, Text: briefing.NewPrivate(text), Channel: channel, Person: person,
	})
	body, err := json.Marshal(slack.NewUpdateViewSubmissionResponse(replyView(m, view.Title.Text)))
	if err != nil {
		a.refuse(w, http.StatusInternalServerError, fmt.Errorf("rendering: %w", err))
		return
	}
	writeJSON(w, body)
}

// values is what was chosen, in the order of the fields, or false where it cannot
// have come from a form of the bot's.
func (s *submission) values() (values []string, ok bool) {
	for i := range len(s.State.Values) {
		chosen := s.State.Values[strconv.Itoa(i)][fieldAction]
		value := cmp.Or(chosen.Option.Value, chosen.Time)
		if !isWords(value) {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

// replyView is a reply in the place of the form that asked for it.
func replyView(m *briefing.Message, title string) *slack.ModalViewRequest {
	drawn := blocks(withoutButtons(m.Blocks))
	if len(drawn) > maxModalBlocks {
		drawn = append(drawn[:maxModalBlocks-1], small("The rest is too long for this window. Ask for it in the channel."))
	}
	return &slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain(shorten(cmp.Or(title, "Done"), maxTitle)), Close: plain("Close"),
		Blocks: slack.Blocks{BlockSet: drawn},
	}
}

// isWords reports whether a value of a field looks like words of a command. What
// comes back from Slack is signed, but is not taken for more than it has to be.
func isWords(s string) bool {
	for _, c := range s {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune(" :-./_", c) {
			return false
		}
	}
	return strings.TrimSpace(s) != "" && utf8.RuneCountInString(s) <= maxValue
}
