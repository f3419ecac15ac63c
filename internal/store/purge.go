package store

import (
	"context"
	"encoding/json"
	"fmt"

	"briefingbot/internal/briefing"
)

// tenantTables are the tables that say whose their rows are, in the order in which
// they are emptied: the subscriptions are first, since Plan holds them while it
// writes posts, and the tenant is last, since whoever changes anything of it queues
// for its row. A test holds the list against the schema.
var tenantTables = []string{"subscription", "asked", "post", "tenant"}

// Held is how much there is of a tenant.
type Held struct {
	Tenant   briefing.Tenant
	Channels int // with a weekly question
	Asked    int // questions of this round
	Posts    int
	Jobs     int // deliveries that are to be done, or were lately
}

// Nothing reports whether there is nothing of the tenant.
func (h Held) Nothing() bool { return h == Held{Tenant: h.Tenant} }

// Tenants is every tenant of which anything but a job is kept, in the order of their ids.
func (s *Store) Tenants(ctx context.Context) (out []Held, err error) {
	err = s.reading(ctx, func(tx *tx) error {
		var t briefing.Tenant
		var tenants []briefing.Tenant
		found, err := tx.QueryContext(ctx, `SELECT platform, tenant FROM tenant UNION SELECT platform, tenant FROM subscription
			UNION SELECT platform, tenant FROM asked UNION SELECT platform, tenant FROM post ORDER BY 1, 2`)
		if err := each(found, err, func() []any { return []any{&t.Platform, &t.ID} }, func() { tenants = append(tenants, t) }); err != nil {
			return fmt.Errorf("reading tenants: %w", err)
		}
		for _, t := range tenants {
			held, err := s.held(ctx, tx, t)
			if err != nil {
				return err
			}
			out = append(out, held)
		}
		return nil
	})
	return out, err
}

// Held is how much there is of a tenant.
func (s *Store) Held(ctx context.Context, t briefing.Tenant) (held Held, err error) {
	err = s.reading(ctx, func(tx *tx) error {
		held, err = s.held(ctx, tx, t)
		return err
	})
	return held, err
}

func (s *Store) held(ctx context.Context, tx *tx, t briefing.Tenant) (Held, error) {
	h := Held{Tenant: t}
	jobs, of := s.jobsOf(t)
	for _, c := range []struct {
		n     *int
		query string
		args  []any
	}{
		{&h.Channels, `SELECT COUNT(*) FROM subscription WHERE platform = $1 AND tenant = $2`, []any{t.Platform, t.ID}},
		{&h.Asked, `SELECT COUNT(*) FROM asked WHERE platform = $1 AND tenant = $2`, []any{t.Platform, t.ID}},
		{&h.Posts, `SELECT COUNT(*) FROM post WHERE platform = $1 AND tenant = $2`, []any{t.Platform, t.ID}},
		{&h.Jobs, `SELECT COUNT(*) FROM river_job WHERE ` + jobs, of},
	} {
		if err := tx.QueryRowContext(ctx, c.query, c.args...).Scan(c.n); err != nil {
			return Held{}, fmt.Errorf("counting what there is of a tenant: %w", err)
		}
	}
	return h, nil
}

// jobsOf is the condition for the jobs that name a tenant, with its parameters.
func (s *Store) jobsOf(t briefing.Tenant) (where string, args []any) {
	if s.pool == nil {
		return `json_extract(args, '$.platform') = $1 AND json_extract(args, '$.tenant') = $2`, []any{t.Platform, t.ID}
	}
	named, _ := json.Marshal(map[string]string{"platform": string(t.Platform), "tenant": t.ID}) // strings have JSON
	return `args @> CAST($1 AS jsonb)`, []any{string(named)}                                    // which River has an index for
}

// Purge forgets everything about a tenant, also while it is being delivered for, and
// returns how much that was. Of a post on its way nothing is written afterwards.
func (s *Store) Purge(ctx context.Context, t briefing.Tenant) (gone Held, err error) {
	err = s.inTx(ctx, func(tx *tx) error {
		gone = Held{Tenant: t}
		if err := s.queue(ctx, tx, t); err != nil {
			return err
		}
		counts := map[string]*int{"subscription": &gone.Channels, "asked": &gone.Asked, "post": &gone.Posts}
		for _, table := range tenantTables {
			n, err := affected(tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE platform = $1 AND tenant = $2`, t.Platform, t.ID))
			if err != nil {
				return fmt.Errorf("removing a tenant: %w", err)
			}
			if counts[table] != nil {
				*counts[table] = n
			}
		}
		where, args := s.jobsOf(t)
		gone.Jobs, err = affected(tx.ExecContext(ctx, `DELETE FROM river_job WHERE `+where, args...))
		if err != nil {
			return fmt.Errorf("removing a tenant's jobs: %w", err)
		}
		return nil
	})
	if err != nil {
		return Held{}, err
	}
	s.overwrite(ctx)
	return gone, nil
}

// Forget forgets those channels of a tenant for which which is true: the tenant as
// well where that is every one. It returns how many there were. The channels come
// with their routes, which only their platform's adapter can read.
func (s *Store) Forget(ctx context.Context, t briefing.Tenant, which func(briefing.Channel) bool) (n int, err error) {
	err = s.inTx(ctx, func(tx *tx) error {
		n = 0
		if err := s.queue(ctx, tx, t); err != nil {
			return err
		}
		ch := briefing.Channel{Platform: t.Platform, Tenant: t.ID}
		var chosen []briefing.Channel
		found, err := tx.QueryContext(ctx, `SELECT channel, route FROM subscription WHERE platform = $1 AND tenant = $2`, t.Platform, t.ID)
		if err := each(found, err, func() []any { return []any{&ch.ID, &ch.Route} }, func() {
			if which(ch) {
				chosen = append(chosen, ch)
			}
		}); err != nil {
			return fmt.Errorf("reading channels: %w", err)
		}
		n = len(chosen)
		for _, ch := range chosen {
			if _, err := removeChannel(ctx, tx, ch); err != nil {
				return err
			}
		}
		return removeIdle(ctx, tx, t)
	})
	if err == nil && n > 0 {
		s.overwrite(ctx)
	}
	return n, err
}

// removeChannel removes a channel's rows, and returns how many there were. Plan
// holds the subscription while it writes posts, so that it is first.
func removeChannel(ctx context.Context, tx *tx, ch briefing.Channel) (removed int, err error) {
	for _, table := range []string{"subscription", "asked", "post"} {
		n, err := affected(tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE platform = $1 AND tenant = $2 AND channel = $3`, ch.Platform, ch.Tenant, ch.ID))
		if err != nil {
			return 0, fmt.Errorf("removing a channel: %w", err)
		}
		removed += n
	}
	return removed, nil
}

// removeIdle removes a tenant without a channel, who is nobody any more.
func removeIdle(ctx context.Context, tx *tx, t briefing.Tenant) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM tenant WHERE platform = $1 AND tenant = $2
		AND NOT EXISTS (SELECT 1 FROM subscription s WHERE s.platform = $1 AND s.tenant = $2)`, t.Platform, t.ID); err != nil {
		return fmt.Errorf("removing a tenant: %w", err)
	}
	return nil
}

// overwrite has SQLite write what was removed over in its file, and empty its log,
// in which the old pages would stay until others take their place. While another
// process reads it cannot, and does it by itself later: a backup must not keep whoever
// typed /reflection stop waiting, nor everybody else for the one connection.
func (s *Store) overwrite(ctx context.Context) {
	if s.pool != nil {
		return
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return // what was removed is removed
	}
	defer conn.Close()               // goes back to the pool
	ctx = context.WithoutCancel(ctx) // or the connection would go on without its patience
	_, _ = conn.ExecContext(ctx, "PRAGMA busy_timeout(0)")
	_, _ = conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	_, _ = conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout(%d)", busyTime.Milliseconds()))
}
