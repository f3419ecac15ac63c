package store

import (
	"context"
	"fmt"
	"time"

	"briefingbot/internal/briefing"
)

// Plan takes up to limit subscriptions whose next slot has come at now, and in one
// transaction keeps the posts that plan returns for each and what it made of the
// subscription. A post takes the place of one that was skipped at its slot, but not
// because somebody asked; any other that stands there stays, too. It returns how many subscriptions it took:
// another replica may be taking others.
func (s *Store) Plan(ctx context.Context, now time.Time, limit int, plan func(*briefing.Subscription) []briefing.Post) (n int, err error) {
	err = s.inTx(ctx, func(tx *tx) error {
		var (
			subs []briefing.Subscription
			row  subscriptionRow
		)
		found, err := tx.QueryContext(ctx, `SELECT `+subscriptionColumns+` FROM subscription s
			WHERE next_at > 0 AND next_at <= $1 ORDER BY next_at LIMIT $2`+s.forUpdate(""), millis(now), limit)
		if err := each(found, err, row.fields, func() { subs = append(subs, row.subscription()) }); err != nil {
			return fmt.Errorf("reading subscriptions: %w", err)
		}
		posts := rows{types: []string{"TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT"}}
		changed := rows{types: []string{"TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT"}}
		for i := range subs {
			sub := &subs[i]
			for _, p := range plan(sub) {
				posts.add(string(p.Channel.Platform), p.Channel.Tenant, p.Channel.ID, p.Slot.Key, millis(p.Slot.At), string(p.State), string(p.Cause))
			}
			ch := sub.Channel
			changed.add(string(ch.Platform), ch.Tenant, ch.ID, sub.NextSlot.Key, millis(sub.NextSlot.At), string(sub.Paused), string(sub.Until))
		}
		n = len(subs)
		if n == 0 {
			return nil
		}
		return s.writeAll(ctx, tx,
			write{"posts", &posts, `INSERT INTO post AS p (platform, tenant, channel, slot, due_at, state, cause, question, tries, resent, try_at, claim, claimed_at, sent_at, message)
				SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, '', 0, 0, v.column5, '', 0, 0, '' FROM (%s) AS v WHERE true
				ON CONFLICT (platform, tenant, channel, slot) DO UPDATE SET due_at = excluded.due_at, state = excluded.state, cause = excluded.cause,
					question = '', tries = 0, resent = 0, try_at = excluded.try_at
				WHERE p.state = 'skipped' AND p.cause <> 'asked'`},
			write{"subscriptions", &changed, `UPDATE subscription SET next_slot = v.column4, next_at = v.column5, paused = v.column6, until = v.column7
				FROM (%s) AS v WHERE platform = v.column1 AND tenant = v.column2 AND channel = v.column3`},
		)
	})
	return n, err
}

// Waiting is the tenants that have posts to deliver by a time, and whom nobody
// holds back until then.
func (s *Store) Waiting(ctx context.Context, by time.Time) ([]briefing.Tenant, error) {
	var (
		out []briefing.Tenant
		t   briefing.Tenant
	)
	found, err := s.db.QueryContext(ctx, `SELECT t.platform, t.tenant FROM tenant t WHERE t.held_until <= $1 AND EXISTS (
		SELECT 1 FROM post p WHERE p.platform = t.platform AND p.tenant = t.tenant AND p.state = 'due' AND p.try_at <= $1)`, millis(by))
	if err := each(found, err, func() []any { return []any{&t.Platform, &t.ID} }, func() { out = append(out, t) }); err != nil {
		return nil, fmt.Errorf("reading tenants: %w", err)
	}
	return out, nil
}

// Finish keeps what became of posts. A result of a claim that is no longer the
// post's is ignored; one that was taken for unconfirmed meanwhile is put right.
func (s *Store) Finish(ctx context.Context, results []briefing.Result) error {
	var (
		posts  = rows{types: []string{"TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT"}}
		failed = rows{types: []string{"TEXT", "TEXT", "TEXT", "TEXT", "TEXT"}}
		pauses = rows{types: []string{"TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT"}}
		holds  = rows{types: []string{"TEXT", "TEXT", "BIGINT"}}
		until  = map[briefing.Tenant]int64{} // each once: of two rows for one, a database may take either
	)
	for _, r := range results {
		p := r.Post
		platform, tenant, channel := string(p.Channel.Platform), p.Channel.Tenant, p.Channel.ID
		posts.add(platform, tenant, channel, p.Slot.Key, p.Claim, string(p.State), string(p.Cause),
			int64(p.Tries), number(p.Resent), millis(r.TryAt), millis(p.SentAt), p.Message)
		if p.State == briefing.PostFailed {
			failed.add(platform, tenant, channel, p.Slot.Key, p.Claim)
		}
		if r.Pause != "" {
			pauses.add(platform, tenant, channel, p.Slot.Key, p.Claim, string(p.State), string(r.Pause))
		}
		if !r.Hold.IsZero() {
			t := briefing.Tenant{Platform: p.Channel.Platform, ID: tenant}
			until[t] = max(until[t], millis(r.Hold))
		}
	}
	for t, ms := range until {
		holds.add(string(t.Platform), t.ID, ms)
	}
	return s.inTx(ctx, func(tx *tx) error {
		return s.writeAll(ctx, tx,
			write{"tenants", &holds, `UPDATE tenant SET held_until = v.column3
				FROM (%s) AS v WHERE platform = v.column1 AND tenant = v.column2 AND held_until < v.column3`},
			write{"posts", &posts, `UPDATE post SET state = v.column6, cause = v.column7, tries = v.column8, resent = v.column9, try_at = v.column10, sent_at = v.column11, message = v.column12
				FROM (%s) AS v WHERE platform = v.column1 AND tenant = v.column2 AND channel = v.column3 AND slot = v.column4 AND claim = v.column5
				AND (state = 'sending' OR state = 'unconfirmed' AND v.column6 <> 'due')`},
			// Nobody has seen the question.
			write{"what was asked", &failed, `DELETE FROM asked WHERE (platform, tenant, channel, question) IN (
				SELECT p.platform, p.tenant, p.channel, p.question FROM (%s) AS v JOIN post p
				ON p.platform = v.column1 AND p.tenant = v.column2 AND p.channel = v.column3 AND p.slot = v.column4 AND p.claim = v.column5 AND p.state = 'failed')`},
			write{"pauses", &pauses, `UPDATE subscription SET paused = v.column7, until = '', next_slot = '', next_at = 0
				FROM (%s) AS v JOIN post p
				ON p.platform = v.column1 AND p.tenant = v.column2 AND p.channel = v.column3 AND p.slot = v.column4 AND p.claim = v.column5 AND p.state = v.column6
				WHERE subscription.platform = v.column1 AND subscription.tenant = v.column2 AND subscription.channel = v.column3`},
		)
	})
}

// Sweep settles posts that were claimed before a time and of which nothing was
// heard: they may have been sent, and become unconfirmed. Where resend is set, they
// become due again instead, each once. It returns how many there were.
func (s *Store) Sweep(ctx context.Context, before, now time.Time, resend bool) (n int, err error) {
	err = s.inTx(ctx, func(tx *tx) error {
		n = 0
		if resend {
			again, err := affected(tx.ExecContext(ctx, `UPDATE post SET state = 'due', resent = 1, claim = '', try_at = $2
				WHERE state = 'sending' AND claimed_at < $1 AND resent = 0`, millis(before), millis(now)))
			if err != nil {
				return fmt.Errorf("sweeping: %w", err)
			}
			n += again
		}
		settled, err := affected(tx.ExecContext(ctx, `UPDATE post SET state = 'unconfirmed', cause = 'stopped' WHERE state = 'sending' AND claimed_at < $1`, millis(before)))
		if err != nil {
			return fmt.Errorf("sweeping: %w", err)
		}
		n += settled
		return nil
	})
	return n, err
}
