package teams

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

// route is what posting to a channel needs, as it is kept: where Teams' service
// for it is, its conversation, and who the bot is there. It says nothing of people.
type route struct {
	Service      string `json:"service"`
	Conversation string `json:"conversation"`
	Bot          string `json:"bot,omitempty"`
	Team         string `json:"team,omitempty"`
}

// unnamedTenant is whose channels the ones of a local client are that names no tenant.
const unnamedTenant = "local"

// channel is where an activity comes from. Its ID is empty where no weekly
// question can go: in a chat with one person, and where nobody says whose tenant
// it is.
//
// In a channel that organisations share, somebody from outside brings the name of
// another tenant along. The channel belongs to the conversation's tenant, whoever
// speaks in it: that is the host's, by whose policy the bot is there.
// https://learn.microsoft.com/microsoftteams/platform/build-apps-for-shared-private-channels
func (a *Adapter) channel(in *incoming) briefing.Channel {
	ch := briefing.Channel{Platform: briefing.Teams, Tenant: a.tenant(in)}
	if ch.Tenant == "" {
		return ch
	}
	to := route{Service: in.serviceURL, Conversation: in.conversation(), Bot: in.recipient.ID, Team: in.teamID}
	switch {
	case in.personal():
		return ch
	case in.teamChannelID != "":
		ch.ID = in.teamChannelID
	case in.conversationType == "channel", in.conversationType == "groupChat":
		ch.ID = to.Conversation
	default:
		return ch
	}
	if raw, err := json.Marshal(to); err == nil { // it is made of strings alone
		ch.Route = string(raw)
	}
	return ch
}

var (
	errNoRoute    = &briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseRemoved, Err: errors.New("nobody has said where Teams keeps this channel")}
	errServiceNow = &briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseRevoked, Err: errors.New("replies may no longer go to this channel's service")}
)

// route reads the route of a channel. The settings may have changed since it was
// learned, so whether replies may go there is asked again. Where they may not,
// the organisation has withdrawn the bot's access, as with a password that has
// ended, and trying again would not help until somebody there acts.
func (a *Adapter) route(ch briefing.Channel) (route, error) {
	var to route
	if json.Unmarshal([]byte(ch.Route), &to) != nil || to.Service == "" || to.Conversation == "" || ch.ID == "" {
		return route{}, errNoRoute
	}
	if _, err := activityURL(to.Service, to.Conversation, "", false); err != nil {
		return route{}, errNoRoute
	}
	if !a.allowsService(to.Service) {
		return route{}, errServiceNow
	}
	return to, nil
}

// CanPost reports why nothing can be posted in a channel, or nil where it can:
// Teams tells a bot of a channel when it is installed there. It asks nobody.
func (a *Adapter) CanPost(_ context.Context, ch briefing.Channel) error {
	_, err := a.route(ch)
	return err
}

// LearnRoutes makes the adapter tell keep, in the background, of every channel
// whose route is not the one that this process heard of last: Microsoft asks for
// the service of the newest activity to be used. Call it before serving.
func (a *Adapter) LearnRoutes(keep func(context.Context, briefing.Channel) error) { a.keepRoute = keep }

const (
	keepTimeout = 10 * time.Second
	// keepPlaces is the outbox's key of routes: a store that hangs takes no more
	// places than a conversation has.
	keepPlaces = "routes"
	maxLearned = 10_000 // channels whose route is remembered
	// learnedFor is how long a route need not be told of again. Another replica may have
	// told of another one meanwhile.
	learnedFor = time.Hour
)

// learn tells of where an activity comes from, if that is news.
func (a *Adapter) learn(in *incoming) {
	if a.keepRoute == nil || in.activityType != "message" && in.activityType != "invoke" && !in.isArrival() {
		return
	}
	ch := a.channel(in)
	if ch.ID == "" || !a.learned.isNews(ch, a.now()) {
		return
	}
	keep := func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, keepTimeout)
		defer cancel()
		if err := a.keepRoute(ctx, ch); err != nil {
			a.notKept(ch, err)
		}
	}
	if err := a.outbox.Go(keepPlaces, keep); err != nil {
		a.notKept(ch, err)
	}
}

// notKept says so, and lets the next activity try again.
func (a *Adapter) notKept(ch briefing.Channel, err error) {
	a.learned.forget(ch)
	a.log.Warn("route not kept", zap.String("platform", string(briefing.Teams)), zap.String("cause", err.Error()))
}

// learned remembers the routes that were told of, so that each is told once an hour.
type learned struct {
	mu     sync.Mutex
	routes map[channelKey]told
}

type told struct {
	route string
	at    time.Time
}

type channelKey struct{ tenant, id string }

// isNews reports whether a channel's route is another than the last one, and
// remembers it.
func (l *learned) isNews(ch briefing.Channel, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := channelKey{ch.Tenant, ch.ID}
	known, ok := l.routes[key]
	if ok && known.route == ch.Route && now.Sub(known.at) < learnedFor {
		return false
	}
	if l.routes == nil || !ok && len(l.routes) >= maxLearned {
		l.routes = map[channelKey]told{} // each is told of once more
	}
	l.routes[key] = told{ch.Route, now}
	return true
}

// forget makes a channel's route news again, unless there is a newer one.
func (l *learned) forget(ch briefing.Channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if key := (channelKey{ch.Tenant, ch.ID}); l.routes[key].route == ch.Route {
		delete(l.routes, key)
	}
}
