package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/holiday"
)

var (
	errDate = errors.New("the day is not to come")
	errZone = errors.New("the time zone is no longer known")
)

// change changes the subscription that the channel has. The function may be called
// more than once.
func (c *channel) change(ctx context.Context, change func(sub *briefing.Subscription) ([]briefing.Post, error)) (sub briefing.Subscription, err error) {
	err = c.r.cfg.Subscriptions.Change(ctx, c.Channel, func(s *briefing.Subscription, exists bool) ([]briefing.Post, error) {
		if !exists {
			return nil, briefing.ErrNoSubscription
		}
		c.settle(s)
		posts, err := change(s)
		sub = *s
		return posts, err
	})
	return sub, err
}

// set makes or replaces the schedule, and ends a pause. What the channel was asked
// stays, and so does what was said of holidays, notifications or a date to leave out
// where nothing is said now.
func (c *channel) set(ctx context.Context, want *command.Schedule) (*briefing.Message, error) {
	briefingID := ""
	if want.Briefing != nil {
		briefingID = want.Briefing.ID
	}
	pool := want.Pool
	if pool == "" && !want.AnyPool {
		usual, ok := c.r.usualPool(briefingID)
		if !ok && len(c.r.candidates(briefingID, briefing.Casework)) > 0 {
			return c.r.words.onlyCasework(), nil
		}
		pool = usual
	}
	if len(c.r.candidates(briefingID, pool)) == 0 {
		return c.r.words.noQuestions(), nil
	}
	posts, err := c.recent(ctx)
	if err != nil {
		return nil, err
	}
	var kept briefing.Subscription
	sameWeeks, wasPaused := false, false
	err = c.r.cfg.Subscriptions.Change(ctx, c.Channel, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
		c.settle(sub)
		was := sub.Rule
		sub.Rule = briefing.Rule{Every: want.Every, Day: want.Day, Hour: want.Hour, Minute: want.Minute, Zone: cmp.Or(want.Zone, c.r.cfg.Zone)}
		// A fortnight stays in its weeks, or another pool would have the channel wait for
		// three weeks, or ask it again after one.
		if sameWeeks = want.Every > 1 && was.Every == want.Every && was.Day == want.Day; sameWeeks {
			sub.Rule.From = was.From
		}
		sub.Pool, sub.Briefing = pool, briefingID
		sub.Holidays = cmp.Or(want.Holidays, sub.Holidays, briefing.EnglandAndWales)
		if want.Notification != nil {
			sub.Neutral = *want.Notification
		}
		wasPaused = sub.Paused != ""
		sub.Paused, sub.Until = "", ""
		next, err := c.next(sub, posts)
		if err != nil {
			return nil, err
		}
		if want.Every > 1 && !sameWeeks {
			sub.Rule.From = next.Date()
		}
		sub.NextSlot = next
		kept = *sub
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	reply := c.r.words.set(&kept, c.upcoming(&kept, posts), c.obstacle(ctx), sameWeeks)
	if wasPaused {
		reply = c.r.words.pauseOver(reply)
	}
	return reply, nil
}

// usualPool is the pool of a briefing, or of all, that questions come from where
// none is named. Casework questions invite case details: a channel gets them where
// it asks, and so there may be none.
func (r *repertoire) usualPool(briefingID string) (string, bool) {
	first := ""
	for _, br := range r.lib {
		if briefingID != "" && br.ID != briefingID {
			continue
		}
		for _, p := range allPools(br) {
			switch {
			case p.Name == briefing.Practice:
				return briefing.Practice, true
			case p.Name != briefing.Casework && first == "":
				first = p.Name
			}
		}
	}
	return first, first != ""
}

// next is the first slot of a subscription after now and after its pause, but for
// those that somebody wants left out.
func (c *channel) next(sub *briefing.Subscription, posts []briefing.Post) (briefing.Slot, error) {
	left := map[string]bool{}
	for i := range posts {
		if p := &posts[i]; p.Cause == briefing.CauseAsked && p.State == briefing.PostSkipped {
			left[p.Slot.Key] = true
		}
	}
	after := c.now
	if start, ok := sub.Until.In(location(sub.Rule.Zone)); ok && start.After(after) {
		after = start.Add(-time.Nanosecond)
	}
	for {
		slot, err := sub.Rule.Next(after)
		if err != nil {
			return slot, fmt.Errorf("%w: %w", errZone, err)
		}
		if !left[slot.Key] {
			return slot, nil
		}
		after = slot.At
	}
}

// alter changes something that does not move any slot.
func (c *channel) alter(ctx context.Context, change func(*briefing.Subscription)) (*briefing.Message, error) {
	posts, err := c.recent(ctx)
	if err != nil {
		return nil, err
	}
	sub, err := c.change(ctx, func(sub *briefing.Subscription) ([]briefing.Post, error) {
		change(sub)
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	return c.r.words.set(&sub, c.upcoming(&sub, posts), "", false), nil
}

// pause ends questions, at once or until a day.
func (c *channel) pause(ctx context.Context, cmd command.Command) (*briefing.Message, error) {
	posts, err := c.recent(ctx)
	if err != nil {
		return nil, err
	}
	sub, err := c.change(ctx, func(sub *briefing.Subscription) (_ []briefing.Post, err error) {
		sub.Paused, sub.Until, sub.NextSlot = briefing.CauseAsked, "", briefing.Slot{}
		if cmd.Until.IsZero() {
			return nil, nil
		}
		until, ok := cmd.Until.On(briefing.DateOf(c.now.In(location(sub.Rule.Zone))))
		if !ok {
			return nil, errDate
		}
		sub.Until = until
		sub.NextSlot, err = c.next(sub, posts)
		return nil, err
	})
	switch {
	case errors.Is(err, errDate):
		return c.r.words.notUnderstood(command.Command{Verb: command.Pause, Fault: command.FaultDate}, ""), nil
	case err != nil:
		return nil, err
	}
	return c.r.words.paused(&sub, c.upcoming(&sub, posts)), nil
}

// resume goes on after a pause.
func (c *channel) resume(ctx context.Context) (*briefing.Message, error) {
	posts, err := c.recent(ctx)
	if err != nil {
		return nil, err
	}
	was := briefing.Cause("")
	sub, err := c.change(ctx, func(sub *briefing.Subscription) (_ []briefing.Post, err error) {
		if was = sub.Paused; was == "" {
			return nil, nil
		}
		sub.Paused, sub.Until = "", ""
		sub.NextSlot, err = c.next(sub, posts)
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	obstacle := c.obstacle(ctx)
	if c.r.lacksQuestions(&sub) {
		obstacle = briefing.CauseNoQuestions
	}
	return c.r.words.resumed(&sub, c.upcoming(&sub, posts), was != "", obstacle), nil
}

// skip leaves out the next question.
func (c *channel) skip(ctx context.Context) (*briefing.Message, error) {
	recent, err := c.recent(ctx)
	if err != nil {
		return nil, err
	}
	var left briefing.Slot
	sub, err := c.change(ctx, func(sub *briefing.Subscription) (posts []briefing.Post, err error) {
		left = briefing.Slot{}
		for left.At.IsZero() && !sub.NextSlot.At.IsZero() {
			post := briefing.Post{Channel: sub.Channel, Slot: sub.NextSlot, State: briefing.PostSkipped, Cause: briefing.CauseHoliday}
			if holiday.On(sub.Holidays, sub.NextSlot.Date()) == "" {
				post.Cause, left = briefing.CauseAsked, sub.NextSlot
			}
			next, err := sub.Rule.Next(sub.NextSlot.At)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errZone, err)
			}
			posts, sub.NextSlot = append(posts, post), next
		}
		return posts, nil
	})
	switch {
	case errors.Is(err, briefing.ErrTaken):
		return c.r.words.tooLate(), nil
	case err != nil:
		return nil, err
	case left.At.IsZero():
		return c.r.words.nothingToSkip(), nil
	}
	return c.r.words.skipped(&sub, left, c.upcoming(&sub, recent)), nil
}

// stop removes everything about the channel.
func (c *channel) stop(ctx context.Context) (*briefing.Message, error) {
	if err := c.r.cfg.Subscriptions.Remove(ctx, c.Channel); err != nil {
		return nil, err
	}
	return c.r.words.stopped(), nil
}
