package teams

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/infracloudio/msbotbuilder-go/core"
	"github.com/infracloudio/msbotbuilder-go/core/activity"
	"github.com/infracloudio/msbotbuilder-go/schema"
	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

// welcomeCommand is whose answer welcomes a conversation: what can be typed.
const welcomeCommand = "/briefings help"

// cards is the reply to what was typed or pressed, which others see where it is
// public. always reports whether the same request has the same reply at any time.
func (a *Adapter) cards(r *http.Request, in *incoming, text string, public bool) (cards []*Card, always bool) {
	m := a.respond.Respond(r.Context(), briefing.Request{
		Platform: briefing.Teams, Text: briefing.NewPrivate(text), Public: public, Channel: a.channel(in), Person: in.person,
	})
	if cards, ok := (*a.rendered.Load())[m]; ok {
		return cards, true
	}
	return Render(m), false
}

// accept answers an activity in the background; update puts the answer in place
// of the message whose button was pressed. It reports whether it could.
func (a *Adapter) accept(w http.ResponseWriter, r *http.Request, in *incoming, text string, update bool) bool {
	// Before anything is done: who is told to try again must not have skipped two
	// questions.
	place, err := a.outbox.Reserve(in.conversation())
	if err != nil {
		a.refuse(w, &refusal{http.StatusServiceUnavailable, err.Error()})
		return false
	}
	defer place.Leave()
	cards, _ := a.cards(r, in, text, in.isShared())
	place.Go(func(ctx context.Context) { a.send(ctx, in, cards, update) })
	w.WriteHeader(http.StatusOK)
	return true
}

// replace answers a button in the response, which Teams puts in place of the
// card, for the person who pressed it alone: it is private wherever that is.
// msbotbuilder-go has no way to hand back a response.
// https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/universal-actions-for-adaptive-cards/work-with-universal-actions-for-adaptive-cards
func (a *Adapter) replace(w http.ResponseWriter, r *http.Request, in *incoming, text string) {
	cards, always := a.cards(r, in, text, false)
	if len(cards) > 1 && always && in.isShared() {
		// What is more than a card goes on as messages, which everyone sees. What is
		// not always the same is not asked for twice: it may do something.
		cards, _ = a.cards(r, in, text, true)
	}
	body, err := json.Marshal(struct {
		StatusCode int    `json:"statusCode"`
		Type       string `json:"type"`
		Value      *Card  `json:"value"`
	}{http.StatusOK, cardType, cards[0]})
	if err != nil {
		a.refuse(w, err)
		return
	}
	if len(cards) > 1 {
		if err := a.outbox.Go(in.conversation(), func(ctx context.Context) { a.send(ctx, in, cards[1:], false) }); err != nil {
			a.notDelivered(err.Error()) // the rest, of what was done already
		}
	}
	writeJSON(w, body)
}

// send sends cards to where an activity came from: in a channel, its conversation
// is the thread.
func (a *Adapter) send(ctx context.Context, in *incoming, cards []*Card, update bool) {
	library := core.BotFrameworkAdapter{Client: &turn{ctx: ctx, connector: a.connector, targeted: in.targeted}}
	asked := in.activity()
	asked.Type = schema.Message // an invoke or an arrival is answered by a message, too
	for i, card := range cards {
		var err error
		if update && i == 0 {
			changed := activity.ApplyConversationReference(schema.Activity{Type: schema.Message}, activity.GetCoversationReference(asked), false)
			changed.ID, changed.Summary, changed.Attachments = in.replyToID, card.summary, attachments(card)
			err = library.UpdateActivity(ctx, changed)
		}
		if !update || i > 0 || isNo(err) { // a message that cannot be changed any more has a new one below it
			err = library.ProcessActivity(ctx, asked, activity.HandlerFuncs{OnMessageFunc: func(tc *activity.TurnContext) (schema.Activity, error) {
				return tc.SendActivity(activity.MsgOptionAttachments(attachments(card)), func(out *schema.Activity) error {
					out.Summary = card.summary
					return nil
				})
			}})
		}
		if err != nil {
			a.notDelivered(safeCause(err))
			return
		}
	}
}

func (a *Adapter) notDelivered(cause string) {
	if a.undelivered != nil {
		a.undelivered()
	}
	a.log.Warn("reply not delivered", zap.String("platform", string(briefing.Teams)), zap.String("cause", cause))
}

func attachments(cards ...*Card) []schema.Attachment {
	var out []schema.Attachment
	for _, card := range cards {
		out = append(out, schema.Attachment{ContentType: cardType, Content: card})
	}
	return out
}

// welcomes remembers for a while where the bot was welcomed: Teams says that it
// was added in an installationUpdate, a conversationUpdate, or both.
type welcomes struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

const (
	welcomeMemory = 10 * time.Minute
	maxWelcomes   = 1000
)

// first reports whether a conversation has had no welcome lately.
func (w *welcomes) first(conversation string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c, at := range w.seen {
		if now.Sub(at) > welcomeMemory {
			delete(w.seen, c)
		}
	}
	if _, ok := w.seen[conversation]; ok {
		return false
	}
	if w.seen == nil || len(w.seen) >= maxWelcomes {
		w.seen = map[string]time.Time{}
	}
	w.seen[conversation] = now
	return true
}

// forget lets a conversation be welcomed again.
func (w *welcomes) forget(conversation string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.seen, conversation)
}
