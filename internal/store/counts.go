package store

import (
	"context"
	"fmt"
	"time"

	"briefingbot/internal/briefing"
)

// Counts is how things stand over all tenants, for those who watch the bot.
type Counts struct {
	Planned     int                    // channels that have a next question
	Paused      map[briefing.Cause]int // channels that are paused, by why
	Due         int                    // posts to be sent
	OldestDue   time.Time              // for when the oldest of them was planned; zero where there is none
	Sending     int                    // posts on their way
	Unconfirmed int                    // posts planned for since or later that may not have arrived
	Failed      int                    // posts planned for since or later that a platform did not take
}

// Counts counts. It reads indexes alone, and of those no more than what is under way
// or went wrong: beside the channels themselves, what was sent costs nothing.
func (s *Store) Counts(ctx context.Context, since time.Time) (c Counts, err error) {
	c.Paused = map[briefing.Cause]int{}
	var (
		oldest int64
		name   string
		n      int
	)
	for _, q := range []struct {
		query string
		args  []any
		into  []any
	}{
		{"SELECT COUNT(*) FROM subscription WHERE next_at > 0", nil, []any{&c.Planned}},
		{"SELECT COUNT(*), COALESCE(MIN(due_at), 0) FROM post WHERE state = 'due'", nil, []any{&c.Due, &oldest}},
		{"SELECT COUNT(*) FROM post WHERE state = 'sending'", nil, []any{&c.Sending}},
	} {
		if err := s.db.QueryRowContext(ctx, q.query, q.args...).Scan(q.into...); err != nil {
			return c, fmt.Errorf("counting: %w", err)
		}
	}
	c.OldestDue = instant(oldest)
	into := func() []any { return []any{&name, &n} }
	found, err := s.db.QueryContext(ctx, `SELECT state, COUNT(*) FROM post WHERE state IN ('unconfirmed', 'failed') AND due_at >= $1 GROUP BY state`, millis(since))
	if err := each(found, err, into, func() {
		if briefing.PostState(name) == briefing.PostFailed {
			c.Failed = n
		} else {
			c.Unconfirmed = n
		}
	}); err != nil {
		return c, fmt.Errorf("counting posts: %w", err)
	}
	found, err = s.db.QueryContext(ctx, `SELECT paused, COUNT(*) FROM subscription WHERE paused <> '' GROUP BY paused`)
	if err := each(found, err, into, func() { c.Paused[briefing.Cause(name)] = n }); err != nil {
		return c, fmt.Errorf("counting pauses: %w", err)
	}
	// The page's channel is gone where the page is off, and nobody misses it.
	row := s.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM subscription WHERE platform = $1 AND paused = $2`, string(briefing.Web), string(briefing.CauseGone))
	if err := row.Scan(&n); err != nil {
		return c, fmt.Errorf("counting the page's pauses: %w", err)
	}
	if c.Paused[briefing.CauseGone] -= n; c.Paused[briefing.CauseGone] <= 0 {
		delete(c.Paused, briefing.CauseGone)
	}
	return c, nil
}
