package bot

import (
	"context"
	"errors"
	"slices"

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
func (r *repertoire) weeklyPosts() map[string]weeklyPost {
	out := map[string]weeklyPost{}
	for _, id := range r.candidates("", "") {
		br, s, p, n, ok := content.QuestionByID(r.lib, id)
		if !ok {
			continue
		}
		full := r.words.weeklyPost(r.cfg.Title, br, s, p.Questions[n])
		neutral := *full
		neutral.Notice = r.cfg.Title
		out[id] = weeklyPost{full, &neutral}
	}
	return out
}

// next is the question that a subscription is asked next, and its rotation then.
func (r *repertoire) next(sub *briefing.Subscription) (string, briefing.Rotation) {
	ch := sub.Channel
	seed := string(ch.Platform) + "\x00" + ch.Tenant + "\x00" + ch.ID
	return content.Next(seed, sub.Rotation, r.candidates(sub.Briefing, sub.Pool))
}

// from is where questions come from: a briefing's id and a pool's name, each empty
// for all.
type from struct{ briefing, pool string }

// candidates is the ids of the questions that a subscription asks from.
func (r *repertoire) candidates(briefingID, pool string) []string {
	return r.questions[from{briefingID, pool}]
}

// everyCandidates finds them for every briefing and pool, once: it takes long enough
// to be felt where very many channels are due at a time.
func everyCandidates(lib briefing.Library) map[from][]string {
	ids, pools := []string{""}, []string{""}
	for _, br := range lib {
		ids = append(ids, br.ID)
		for _, p := range allPools(br) {
			pools = append(pools, p.Name)
		}
	}
	out := map[from][]string{}
	for _, id := range ids {
		for _, pool := range pools {
			out[from{id, pool}] = content.Candidates(lib, id, pool)
		}
	}
	return out
}

// Choose chooses a subscription's next question, and moves its rotation on. One
// that was chosen before stays, unless it is no longer there, and counts as asked:
// where it failed at first, it did not. It returns the question's id, or nothing
// where there is no question.
func (b *Bot) Choose(sub *briefing.Subscription, chosen string) string {
	r := b.current.Load()
	if _, ok := r.posts[chosen]; ok {
		if !slices.Contains(sub.Rotation.Asked, chosen) {
			sub.Rotation.Asked = append(slices.Clone(sub.Rotation.Asked), chosen)
		}
		sub.Rotation.Last = chosen
		return chosen
	}
	question, rotation := r.next(sub)
	if question != "" {
		sub.Rotation = rotation
	}
	return question
}

// Deliver sends a post, and returns the platform's id of it. Its error is a
// *briefing.DeliveryError.
func (b *Bot) Deliver(ctx context.Context, post briefing.Post) (string, error) {
	made, ok := b.current.Load().posts[post.Question]
	if !ok {
		return "", &briefing.DeliveryError{Outcome: briefing.Rejected, Err: errors.New("the question is no longer there")}
	}
	sender, ok := b.senders[post.Channel.Platform]
	switch {
	case ok:
	case post.Channel.Platform == briefing.Web:
		// What somebody set up on the page in a trial must not be tried for hours every
		// week, once the bot is in service without the page.
		return "", &briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseGone, Err: errors.New("the page is off")}
	default:
		return "", &briefing.DeliveryError{Outcome: briefing.NotSent, Err: errors.New("the platform is not set up any more")}
	}
	m := made.full
	if post.Neutral {
		m = made.neutral
	}
	return sender.Send(ctx, post.Channel, m)
}
