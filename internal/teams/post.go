package teams

import (
	"context"
	"errors"
	"sync"

	"github.com/infracloudio/msbotbuilder-go/core"
	"github.com/infracloudio/msbotbuilder-go/core/activity"
	"github.com/infracloudio/msbotbuilder-go/schema"

	"briefingbot/internal/briefing"
)

// TenantPerSecond is how many requests a second Teams takes from an app in one
// tenant. Whoever sends to many channels keeps to it; a conversation's own rate
// is kept here.
// https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
const TenantPerSecond = 50

// Send posts a message in a channel, in a thread of its own, and returns Teams'
// id of it; the id is empty where Teams took the message and named none. Every
// error is a *briefing.DeliveryError.
//
// It goes through msbotbuilder-go as replies do, whose reference without an
// activity makes a new thread. It is tried once: what a failure means for a post
// is its caller's to decide.
func (a *Adapter) Send(ctx context.Context, ch briefing.Channel, m *briefing.Message) (id string, err error) {
	to, err := a.route(ch)
	if err != nil {
		return "", err
	}
	cards := a.posts.of(m)
	if len(cards) == 0 {
		return "", &briefing.DeliveryError{Outcome: briefing.Rejected, Err: errors.New("the message is empty")}
	}
	client := &turn{ctx: ctx, connector: a.connector, once: true}
	library := core.BotFrameworkAdapter{Client: client}
	reference := schema.ConversationReference{
		ServiceURL: to.Service, ChannelID: "msteams",
		Conversation: schema.ConversationAccount{ID: to.Conversation}, Bot: schema.ChannelAccount{ID: to.Bot},
	}
	err = library.ProactiveMessage(ctx, reference, activity.HandlerFuncs{OnMessageFunc: func(tc *activity.TurnContext) (schema.Activity, error) {
		// All cards are in one activity: of two, one could be taken and the other not.
		return tc.SendActivity(activity.MsgOptionAttachments(attachments(cards...)), func(out *schema.Activity) error {
			out.Summary = cards[0].summary
			return nil
		})
	}})
	if err != nil {
		return "", deliveryError(err)
	}
	return client.sentID, nil
}

// maxPosts is how many messages' cards are kept: a week's posts are of as many
// questions as the briefings have, in thousands of channels.
const maxPosts = 512

// posts keeps the cards of messages that are posted, by the message's address:
// a message is never changed.
type posts struct {
	mu    sync.Mutex
	cards map[*briefing.Message][]*Card
}

func (p *posts) of(m *briefing.Message) []*Card {
	p.mu.Lock()
	cards, ok := p.cards[m]
	p.mu.Unlock()
	if ok {
		return cards
	}
	cards = Render(m)
	for _, card := range cards {
		card.leavePosted()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cards == nil || len(p.cards) >= maxPosts {
		p.cards = map[*briefing.Message][]*Card{}
	}
	p.cards[m] = cards
	return cards
}

// forget lets go of all cards.
func (p *posts) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cards = nil
}

// leavePosted takes the fallbacks from a card's buttons. What a fallback sends is
// answered in place of the card, for everyone: one person on an old client would
// put another question where the team's was. Without it such a client shows no
// button. https://adaptivecards.io/explorer/Action.Execute.html
func (c *Card) leavePosted() {
	for _, element := range c.Body {
		if set, ok := element.(actionSet); ok {
			for i := range set.Actions {
				set.Actions[i].Fallback = nil
			}
		}
	}
}
