package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"briefingbot/internal/briefing"
)

const (
	// leaseTime is how long a tenant stays whose deliverer is not heard of any more.
	leaseTime = 10 * time.Second
	// clockSlack is how far the clocks of replicas may be apart. A lease that ends
	// later than that was made before the clock was set back, and counts for nothing.
	clockSlack = time.Minute
)

// Claim takes up to n posts of a tenant that are to be tried at now. For each,
// decide sets the post's state, question and cause, and may change the
// subscription's pause and rotation; posts that it makes PostSending are returned.
//
// The claim is a mark of this call alone. Were it another's as well, what became of a
// post the first time could be taken for what became of it the second time.
//
// Whoever claims has the tenant's lease for 10 s more: only one process delivers
// for a tenant, so that its rate is kept over all replicas. What is claimed is
// written before anything is sent.
func (s *Store) Claim(ctx context.Context, t briefing.Tenant, holder, claim string, n int, now time.Time, decide func(*briefing.Subscription, *briefing.Post)) (out briefing.Claimed, err error) {
	err = s.inTx(ctx, func(tx *tx) error {
		out = briefing.Claimed{}
		var held int64
		err := tx.QueryRowContext(ctx, `UPDATE tenant SET holder = $3, lease_until = $4
			WHERE platform = $1 AND tenant = $2 AND (holder = $3 OR lease_until <= $5 OR lease_until > $6) RETURNING held_until`,
			t.Platform, t.ID, holder, millis(now.Add(leaseTime)), millis(now), millis(now.Add(leaseTime+clockSlack))).Scan(&held)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			out.Elsewhere = true
			return nil
		case err != nil:
			return fmt.Errorf("taking the lease: %w", err)
		case held > millis(now):
			out.Next = instant(held)
			return nil
		}
		c, err := s.due(ctx, tx, t, n, now)
		if err != nil {
			return err
		}
		if err := s.decide(ctx, tx, c, claim, now, decide); err != nil {
			return err
		}
		for _, p := range c.posts {
			if p.State == briefing.PostSending {
				out.Posts = append(out.Posts, *p)
			}
		}
		out.Next = c.next
		return nil
	})
	if err != nil {
		return briefing.Claimed{}, err // a commit that failed claims nothing
	}
	return out, nil
}

// claiming is posts that are being claimed, with their subscriptions.
type claiming struct {
	posts []*briefing.Post
	subs  map[string]*briefing.Subscription // by the channel's id, each once
	next  time.Time                         // when the first is to be tried that is not among them; zero where there is none
}

// due reads the posts of a tenant that are to be tried.
func (s *Store) due(ctx context.Context, tx *tx, t briefing.Tenant, n int, now time.Time) (*claiming, error) {
	c := &claiming{subs: map[string]*briefing.Subscription{}}
	var (
		post postRow
		sub  subscriptionRow
	)
	// One more than is wanted says when there is more to do. The limit is no
	// parameter: SQLite parses the statement again for each value of one.
	found, err := tx.QueryContext(ctx, fmt.Sprintf(`SELECT `+postColumns+`, `+subscriptionColumns+` FROM post p
		JOIN subscription s ON s.platform = p.platform AND s.tenant = p.tenant AND s.channel = p.channel
		WHERE p.platform = $1 AND p.tenant = $2 AND p.state = 'due' ORDER BY p.try_at LIMIT %d`+s.forUpdate(" OF p"), n+1),
		t.Platform, t.ID)
	var channels []any
	err = each(found, err, func() []any { return append(post.fields(), sub.fields()...) }, func() {
		if len(c.posts) == n || post.tryAt > millis(now) {
			if c.next.IsZero() {
				c.next = instant(post.tryAt)
			}
			return
		}
		p := post.read()
		if c.subs[p.Channel.ID] == nil {
			read := sub.subscription()
			c.subs[p.Channel.ID] = &read
			channels = append(channels, p.Channel.ID)
		}
		p.Channel.Route, p.Neutral = sub.sub.Channel.Route, sub.neutral != 0
		c.posts = append(c.posts, &p)
	})
	if err != nil {
		return nil, fmt.Errorf("reading posts: %w", err)
	}
	if len(channels) == 0 {
		return c, nil
	}
	places := ""
	for i := range channels {
		places += fmt.Sprintf(", $%d", i+3)
	}
	var channel, question string
	asked, err := tx.QueryContext(ctx, `SELECT channel, question FROM asked WHERE platform = $1 AND tenant = $2 AND channel IN (`+places[2:]+`)`,
		append([]any{t.Platform, t.ID}, channels...)...)
	err = each(asked, err, func() []any { return []any{&channel, &question} }, func() {
		r := &c.subs[channel].Rotation
		r.Asked = append(r.Asked, question)
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was asked: %w", err)
	}
	return c, nil
}

// decide has every post decided, and writes what comes of it.
func (s *Store) decide(ctx context.Context, tx *tx, c *claiming, claim string, now time.Time, decide func(*briefing.Subscription, *briefing.Post)) error {
	var (
		posts  = rows{types: []string{"TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT"}}
		rounds = rows{types: []string{"TEXT", "TEXT", "TEXT", "BIGINT", "TEXT"}}
		again  = rows{types: []string{"TEXT", "TEXT", "TEXT"}} // channels of which nothing that was asked counts any more
		asked  = rows{types: []string{"TEXT", "TEXT", "TEXT", "TEXT"}}
		unseen = rows{types: []string{"TEXT", "TEXT", "TEXT", "TEXT"}}
		pauses = rows{types: []string{"TEXT", "TEXT", "TEXT", "TEXT"}}
		before = make(map[string]briefing.Subscription, len(c.subs))
	)
	for id, sub := range c.subs {
		before[id] = *sub
	}
	for _, p := range c.posts {
		chosen := p.Question
		decide(c.subs[p.Channel.ID], p)
		p.Claim = ""
		switch {
		case p.State == briefing.PostSending:
			p.Claim = claim
		case p.State != briefing.PostDue && p.State != briefing.PostUnconfirmed && chosen != "": // nobody has seen it
			unseen.add(string(p.Channel.Platform), p.Channel.Tenant, p.Channel.ID, chosen)
		}
		posts.add(string(p.Channel.Platform), p.Channel.Tenant, p.Channel.ID, p.Slot.Key, string(p.State), string(p.Cause), p.Question, p.Claim, millis(now))
	}
	// Each channel once, whatever its posts: of two rows for one, a database may
	// take either.
	for id, sub := range c.subs {
		was, is := before[id].Rotation, sub.Rotation
		platform, tenant := string(sub.Channel.Platform), sub.Channel.Tenant
		if is.Round != was.Round || is.Last != was.Last {
			rounds.add(platform, tenant, id, int64(is.Round), is.Last)
		}
		added, removed := difference(was.Asked, is.Asked)
		if removed {
			again.add(platform, tenant, id)
			added = is.Asked
		}
		for _, question := range added {
			asked.add(platform, tenant, id, question)
		}
		if sub.Paused != before[id].Paused {
			pauses.add(platform, tenant, id, string(sub.Paused))
		}
	}
	return s.writeAll(ctx, tx,
		write{"posts", &posts, `UPDATE post SET state = v.column5, cause = v.column6, question = v.column7, claim = v.column8, claimed_at = v.column9
			FROM (%s) AS v WHERE platform = v.column1 AND tenant = v.column2 AND channel = v.column3 AND slot = v.column4`},
		write{"rotations", &rounds, `UPDATE subscription SET round = v.column4, last = v.column5
			FROM (%s) AS v WHERE platform = v.column1 AND tenant = v.column2 AND channel = v.column3`},
		write{"rotations", &again, `DELETE FROM asked WHERE (platform, tenant, channel) IN (%s)`},
		write{"what was asked", &asked, `INSERT INTO asked (platform, tenant, channel, question)
			SELECT v.column1, v.column2, v.column3, v.column4 FROM (%s) AS v WHERE true ON CONFLICT DO NOTHING`},
		write{"what was asked", &unseen, `DELETE FROM asked WHERE (platform, tenant, channel, question) IN (%s)`},
		write{"pauses", &pauses, `UPDATE subscription SET paused = v.column4, until = '', next_slot = '', next_at = 0
			FROM (%s) AS v WHERE platform = v.column1 AND tenant = v.column2 AND channel = v.column3`},
	)
}

// difference is what is in b and not in a, and whether anything of a is not in b.
func difference(a, b []string) (added []string, removed bool) {
	in := make(map[string]bool, len(a))
	for _, s := range a {
		in[s] = true
	}
	for _, s := range b {
		if !in[s] {
			added = append(added, s)
		}
	}
	return added, len(b)-len(added) < len(a)
}

// Release gives a tenant back, so that others need not wait for the lease's end.
func (s *Store) Release(ctx context.Context, t briefing.Tenant, holder string) error {
	if _, err := s.db.ExecContext(ctx, `UPDATE tenant SET holder = '', lease_until = 0 WHERE platform = $1 AND tenant = $2 AND holder = $3`, t.Platform, t.ID, holder); err != nil {
		return fmt.Errorf("releasing a tenant: %w", err)
	}
	return nil
}
