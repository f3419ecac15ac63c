package bot

import (
	"context"
	"errors"

	"briefingbot/internal/briefing"
	"briefingbot/internal/content"
)

// Sender posts in a platform's channels. Its errors are *briefing.DeliveryErrors.
type Sender interface {
	// Send posts a message, and returns the platform's id of it.
	Send(context.Context, briefing.Channel, *briefing.Message) (string, error)
	// CanPost says why nothing can be posted in a channel; nil where something can,
	// or where nobody can tell.
	CanPost(context.Context, briefing.Channel) error
}

// Connect has posts on a platform sent by s. It is for the start, before the bot is
// used.
func (b *Bot) Connect(p briefing.Platform, s Sender) { b.senders[p] = s }

// weeklyPost is a question as it is posted. A post is made once, so that an adapter
// can know it again.
type weeklyPost struct {
	full, neutral *briefing.Message
}

// weeklyPosts makes the posts of every question, by its id.
func (b *Bot) weeklyPosts() map[string]weeklyPost {
	out := map[string]weeklyPost{}
	for _, id := range content.Candidates(b.lib, "", "") {
		br, s, p, n, ok := content.QuestionByID(b.lib, id)
		if !ok {
			continue
		}
		full := b.words.weeklyPost(b.cfg.Title, br, s, p.Questions[n])
		neutral := *full
		neutral.Notice = b.cfg.Title
		out[id] = weeklyPost{full, &neutral}
	}
	return out
}

// question is the words of a question, or nil where it is no longer there.
func (b *Bot) question(id string) briefing.Text {
	_, _, p, n, ok := content.QuestionByID(b.lib, id)
	if !ok {
		return nil
	}
	return p.Questions[n].Text
}

// next is the question that a subscription is asked next, and its rotation then.
func (b *Bot) next(sub *briefing.Subscription) (string, briefing.Rotation) {
	ch := sub.Channel
	seed := string(ch.Platform) + "\x00" + ch.Tenant + "\x00" + ch.ID
	return content.Next(seed, sub.Rotation, content.Candidates(b.lib, sub.Briefing, sub.Pool))
}

// Choose chooses a subscription's next question, and moves its rotation on. One
// that was chosen before stays, unless it is no longer there. It returns the
// question's id, or nothing where there is no question.
func (b *Bot) Choose(sub *briefing.Subscription, chosen string) string {
	if _, ok := b.posts[chosen]; ok {
		return chosen
	}
	question, rotation := b.next(sub)
	if question != "" {
		sub.Rotation = rotation
	}
	return question
}

// Deliver sends a post, and returns the platform's id of it. Its error is a
// *briefing.DeliveryError.
func (b *Bot) Deliver(ctx context.Context, post briefing.Post) (string, error) {
	made, ok := b.posts[post.Question]
	if !ok {
		return "", &briefing.DeliveryError{Outcome: briefing.Rejected, Err: errors.New("the question is no longer there")}
	}
	sender, ok := b.senders[post.Channel.Platform]
	if !ok {
		return "", &briefing.DeliveryError{Outcome: briefing.NotSent, Err: errors.New("the platform is not set up any more")}
	}
	m := made.full
	if post.Neutral {
		m = made.neutral
	}
	return sender.Send(ctx, post.Channel, m)
}
