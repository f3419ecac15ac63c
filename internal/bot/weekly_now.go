package bot

import (
	"context"
	"errors"
	"slices"
	"time"

	"briefingbot/internal/briefing"
)

const (
	// awaitTime is how long a reply waits to say that a question is there.
	awaitTime  = 1500 * time.Millisecond
	awaitEvery = 100 * time.Millisecond
)

// post posts a question at once: the one of that id, or the next one.
func (c *channel) post(ctx context.Context, question string) (*briefing.Message, error) {
	slot := briefing.SlotNow(c.now)
	sub, err := c.change(ctx, func(sub *briefing.Subscription) ([]briefing.Post, error) {
		if sub.Paused != "" {
			return nil, errPaused
		}
		return []briefing.Post{{Channel: sub.Channel, Slot: slot, State: briefing.PostDue, Question: question}}, nil
	})
	switch {
	case errors.Is(err, briefing.ErrTaken):
		return c.r.words.justNow(), nil
	case errors.Is(err, errPaused):
		return c.r.words.nothingWhilePaused(), nil
	case err != nil:
		return nil, err
	}
	if c.r.cfg.Wake != nil {
		c.r.cfg.Wake(ctx, briefing.Tenant{Platform: c.Platform, ID: c.Tenant})
	}
	post, ok := c.await(ctx, slot)
	if !ok {
		return c.r.words.onItsWay(), nil
	}
	return c.r.words.posted(&sub, &post), nil
}

// errPaused keeps the promise of a pause: nothing comes, whoever asks.
var errPaused = errors.New("it is paused")

// await waits a little until it is known what became of a post.
func (c *channel) await(ctx context.Context, slot briefing.Slot) (briefing.Post, bool) {
	ctx, cancel := context.WithTimeout(ctx, awaitTime)
	defer cancel()
	for c.r.cfg.Wake != nil {
		select {
		case <-time.After(awaitEvery):
		case <-ctx.Done():
			return briefing.Post{}, false
		}
		posts, err := c.recent(ctx)
		if err != nil {
			return briefing.Post{}, false // it is on its way all the same
		}
		i := slices.IndexFunc(posts, func(p briefing.Post) bool { return p.Slot.Key == slot.Key })
		if i >= 0 && !isUnderway(&posts[i]) {
			return posts[i], true
		}
	}
	return briefing.Post{}, false
}

// again posts once more the question that may not have arrived.
func (c *channel) again(ctx context.Context) (*briefing.Message, error) {
	_, posts, err := c.both(ctx)
	if err != nil {
		return nil, err
	}
	last := lastTried(posts)
	switch {
	case last != nil && mayBeMissing(last):
		return c.post(ctx, last.Question)
	case last != nil && isUnderway(last):
		return c.r.words.onItsWay(), nil
	}
	return c.r.words.nothingAgain(last), nil
}

// lastTried is the newest post that was not left out, or nil.
func lastTried(posts []briefing.Post) *briefing.Post {
	for i := range posts {
		if posts[i].State != briefing.PostSkipped {
			return &posts[i]
		}
	}
	return nil
}

// mayBeMissing reports whether a post can be asked for again.
func mayBeMissing(p *briefing.Post) bool {
	return p.Question != "" && (p.State == briefing.PostUnconfirmed || p.State == briefing.PostFailed)
}

func isUnderway(p *briefing.Post) bool {
	return p.State == briefing.PostDue || p.State == briefing.PostSending
}
