package teams

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

// forgetTime bounds how long channels are being forgotten. Teams waits 15 s.
const forgetTime = 8 * time.Second

// ForgetChannels makes the adapter call forget when the bot was removed from a team,
// a channel or a chat: with its tenant, and which of the tenant's channels are meant.
// It returns how many of them there were. Call it before serving.
func (a *Adapter) ForgetChannels(forget func(ctx context.Context, t briefing.Tenant, which func(briefing.Channel) bool) (int, error)) {
	a.forget = forget
}

// isDeparture reports whether the bot was removed from a conversation in which
// weekly questions may be: in a personal chat there are none. Teams says it in an
// installationUpdate, a conversationUpdate, or both. After "remove-upgrade" the
// channels stay, as after every update of the app: where the bot has gone indeed, the
// next post finds out.
// https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/subscribe-to-conversation-events
func (in *incoming) isDeparture() bool {
	if in.personal() {
		return false
	}
	switch in.activityType {
	case "installationUpdate":
		return in.action == "remove"
	case "conversationUpdate":
		return in.recipient.ID != "" && slices.ContainsFunc(in.membersRemoved, func(m account) bool { return m.ID == in.recipient.ID })
	}
	return false
}

// left is the channels that the bot is no longer in: all of the team's, as far as
// their routes name it, or a single one.
func (in *incoming) left() func(briefing.Channel) bool {
	// Where a channel has members of its own, somebody can be removed from it alone.
	// https://learn.microsoft.com/microsoftteams/platform/build-apps-for-shared-private-channels
	if in.eventType == "channelMemberRemoved" {
		id := cmp.Or(in.teamChannelID, in.conversation())
		return func(ch briefing.Channel) bool { return ch.ID == id }
	}
	// A team's id is that of its first channel; a chat's is that of its conversation.
	id := cmp.Or(in.teamID, in.conversation())
	return func(ch briefing.Channel) bool {
		var to route
		return ch.ID == id || json.Unmarshal([]byte(ch.Route), &to) == nil && to.Team == id
	}
}

// departed forgets the channels that the bot was removed from. They are looked for
// in the tenant of the activity, which Microsoft has signed for, and in no other.
func (a *Adapter) departed(w http.ResponseWriter, r *http.Request, in *incoming) {
	a.welcomes.forget(in.conversationID) // where it is added again, it says so again
	t := briefing.Tenant{Platform: briefing.Teams, ID: a.tenant(in)}
	if t.ID == "" {
		a.ignore(w, in)
		return
	}
	// Whether or not Teams still waits for the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), forgetTime)
	defer cancel()
	n, err := a.forget(ctx, t, in.left())
	if err != nil {
		a.refuse(w, &refusal{http.StatusServiceUnavailable, "the channels are not forgotten yet: " + err.Error()})
		return
	}
	said := "purged what was kept: the bot was removed"
	if n == 0 {
		said = "the bot was removed, and nothing was kept"
	}
	a.log.Info(said, zap.String("platform", string(briefing.Teams)), zap.String("kind", in.activityType))
	w.WriteHeader(http.StatusOK)
}

// tenant is whose an activity's conversation is, or nothing where nobody says.
func (a *Adapter) tenant(in *incoming) string {
	switch {
	case len(in.tenants) > 0:
		return strings.ToLower(in.tenants[0])
	case a.cfg.InsecureLoopback:
		return unnamedTenant
	}
	return ""
}
