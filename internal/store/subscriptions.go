package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"briefingbot/internal/briefing"
)

// Subscription is a channel's weekly question, or briefing.ErrNoSubscription.
func (s *Store) Subscription(ctx context.Context, ch briefing.Channel) (sub briefing.Subscription, err error) {
	// In SQLite, one that only reads waits for nobody who writes.
	err = s.once(ctx, &sql.TxOptions{ReadOnly: true}, func(tx *tx) error {
		sub, err = s.subscription(ctx, tx, ch, "")
		return err
	})
	return sub, err
}

// subscription reads one with what it was asked; lock is added to the query.
func (s *Store) subscription(ctx context.Context, tx *tx, ch briefing.Channel, lock string) (briefing.Subscription, error) {
	var row subscriptionRow
	err := tx.QueryRowContext(ctx, `SELECT `+subscriptionColumns+` FROM subscription s
		WHERE platform = $1 AND tenant = $2 AND channel = $3`+lock, ch.Platform, ch.Tenant, ch.ID).Scan(row.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return briefing.Subscription{}, briefing.ErrNoSubscription
	}
	if err != nil {
		return briefing.Subscription{}, fmt.Errorf("reading a subscription: %w", err)
	}
	sub := row.subscription()
	var question string
	found, err := tx.QueryContext(ctx, `SELECT question FROM asked WHERE platform = $1 AND tenant = $2 AND channel = $3`, ch.Platform, ch.Tenant, ch.ID)
	err = each(found, err, func() []any { return []any{&question} }, func() { sub.Rotation.Asked = append(sub.Rotation.Asked, question) })
	if err != nil {
		return briefing.Subscription{}, fmt.Errorf("reading what was asked: %w", err)
	}
	return sub, nil
}

// Change reads a channel's subscription, or one that is not there yet with exists
// false, and keeps what change makes of it, together with posts that it returns. A
// post takes the place of one that stands at its slot as failed or skipped; one that
// is due takes the place of an unconfirmed one, too, since whoever wants that
// knows that it may come twice. Where another stands, nothing is kept and the error
// is briefing.ErrTaken. Where change fails, nothing is kept and its error returned.
// The rotation is not for change to set, and change may be called more than once.
func (s *Store) Change(ctx context.Context, ch briefing.Channel, change func(sub *briefing.Subscription, exists bool) ([]briefing.Post, error)) error {
	return s.inTx(ctx, func(tx *tx) error {
		if err := s.queue(ctx, tx, briefing.Tenant{Platform: ch.Platform, ID: ch.Tenant}); err != nil {
			return err
		}
		lock := ""
		if s.pool != nil {
			lock = " FOR UPDATE"
		}
		sub, err := s.subscription(ctx, tx, ch, lock)
		exists := err == nil
		if err != nil && !errors.Is(err, briefing.ErrNoSubscription) {
			return err
		}
		if !exists {
			sub = briefing.Subscription{}
		}
		if !exists || ch.Route != "" {
			sub.Channel = ch
		}
		posts, err := change(&sub, exists)
		if err != nil {
			return err
		}
		if err := s.write(ctx, tx, &sub); err != nil {
			return fmt.Errorf("writing a subscription: %w", err)
		}
		return s.writePosts(ctx, tx, posts)
	})
}

// queue waits for a tenant's row. A tenant has one as long as it has a subscription.
// Whoever changes a subscription, claims or removes anything of the tenant queues for
// that row first, and so finds even what is not there yet as nobody else is about to
// make it.
func (s *Store) queue(ctx context.Context, tx *tx, t briefing.Tenant) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO tenant (platform, tenant, holder, lease_until, held_until) VALUES ($1, $2, '', 0, 0)
		ON CONFLICT (platform, tenant) DO UPDATE SET holder = tenant.holder`, t.Platform, t.ID); err != nil {
		return fmt.Errorf("writing a tenant: %w", err)
	}
	return nil
}

func (s *Store) write(ctx context.Context, tx *tx, sub *briefing.Subscription) error {
	ch, rule := sub.Channel, sub.Rule
	_, err := tx.ExecContext(ctx, `INSERT INTO subscription (platform, tenant, channel, route, every, weekday, hour, minute, zone, starts,
			pool, briefing, holidays, neutral, paused, until, next_slot, next_at, round, last)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, '')
		ON CONFLICT (platform, tenant, channel) DO UPDATE SET route = excluded.route,
			every = excluded.every, weekday = excluded.weekday, hour = excluded.hour, minute = excluded.minute, zone = excluded.zone,
			starts = excluded.starts, pool = excluded.pool, briefing = excluded.briefing, holidays = excluded.holidays,
			neutral = excluded.neutral, paused = excluded.paused, until = excluded.until,
			next_slot = excluded.next_slot, next_at = excluded.next_at`,
		ch.Platform, ch.Tenant, ch.ID, ch.Route, rule.Every, int(rule.Day), rule.Hour, rule.Minute, rule.Zone, string(rule.From),
		sub.Pool, sub.Briefing, string(sub.Holidays), number(sub.Neutral), string(sub.Paused), string(sub.Until),
		sub.NextSlot.Key, millis(sub.NextSlot.At))
	return err
}

func (s *Store) writePosts(ctx context.Context, tx *tx, posts []briefing.Post) error {
	for _, p := range posts {
		n, err := affected(tx.ExecContext(ctx, `INSERT INTO post AS p (platform, tenant, channel, slot, due_at, state, cause, question, tries, resent, try_at, claim, claimed_at, sent_at, message)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $5, '', 0, 0, '')
			ON CONFLICT (platform, tenant, channel, slot) DO UPDATE SET due_at = excluded.due_at, state = excluded.state, cause = excluded.cause,
				question = excluded.question, tries = 0, resent = 0, try_at = excluded.try_at, claim = '', claimed_at = 0, sent_at = 0, message = ''
			WHERE p.state IN ('failed', 'skipped') OR p.state = 'unconfirmed' AND excluded.state = 'due'`,
			p.Channel.Platform, p.Channel.Tenant, p.Channel.ID, p.Slot.Key, millis(p.Slot.At), string(p.State), string(p.Cause), p.Question))
		if err != nil {
			return fmt.Errorf("writing a post: %w", err)
		}
		if n == 0 {
			return briefing.ErrTaken
		}
	}
	return nil
}

// Remove forgets everything about a channel, or fails with
// briefing.ErrNoSubscription.
func (s *Store) Remove(ctx context.Context, ch briefing.Channel) error {
	err := s.inTx(ctx, func(tx *tx) error {
		// Claims wait, or one would write what it asks after that is removed here.
		n, err := affected(tx.ExecContext(ctx, `UPDATE tenant SET holder = holder WHERE platform = $1 AND tenant = $2`, ch.Platform, ch.Tenant))
		if err != nil {
			return fmt.Errorf("removing a channel: %w", err)
		}
		if n == 0 {
			return briefing.ErrNoSubscription
		}
		removed, err := removeChannel(ctx, tx, ch)
		if err != nil {
			return err
		}
		if removed == 0 {
			return briefing.ErrNoSubscription
		}
		return removeIdle(ctx, tx, briefing.Tenant{Platform: ch.Platform, ID: ch.Tenant})
	})
	if err == nil {
		s.overwrite(ctx)
	}
	return err
}

// Posts is a channel's newest posts, at most that many, newest first.
func (s *Store) Posts(ctx context.Context, ch briefing.Channel, limit int) ([]briefing.Post, error) {
	var (
		out []briefing.Post
		row postRow
	)
	found, err := s.db.QueryContext(ctx, `SELECT `+postColumns+` FROM post p
		WHERE platform = $1 AND tenant = $2 AND channel = $3 ORDER BY due_at DESC, slot DESC LIMIT $4`, ch.Platform, ch.Tenant, ch.ID, limit)
	if err := each(found, err, row.fields, func() { out = append(out, row.read()) }); err != nil {
		return nil, fmt.Errorf("reading posts: %w", err)
	}
	return out, nil
}

// LearnRoute keeps a new route of a channel, where the channel has a weekly
// question: of others nothing is kept.
func (s *Store) LearnRoute(ctx context.Context, ch briefing.Channel) error {
	if _, err := s.db.ExecContext(ctx, `UPDATE subscription SET route = $4
		WHERE platform = $1 AND tenant = $2 AND channel = $3 AND route <> $4`, ch.Platform, ch.Tenant, ch.ID, ch.Route); err != nil {
		return fmt.Errorf("writing a route: %w", err)
	}
	return nil
}
