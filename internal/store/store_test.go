package store_test

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/stdlib"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

var monday = time.Date(2026, 11, 30, 9, 30, 0, 0, time.UTC)

func channelOf(tenant, id string) briefing.Channel {
	return briefing.Channel{Platform: briefing.Slack, Tenant: tenant, ID: id}
}

// open opens a database for a test.
func open(t testing.TB, database string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// replicas opens a database for two. A file has one at a time: two that write
// all the time would have one of them wait for longer than it does.
func replicas(t testing.TB, database string) []*store.Store {
	t.Helper()
	s := open(t, database)
	if !store.IsPostgres(database) {
		return []*store.Store{s, s}
	}
	return []*store.Store{s, open(t, database)}
}

// subscribe gives a channel a question every Monday at 09:30, the next one at.
func subscribe(t testing.TB, s *store.Store, ch briefing.Channel, at time.Time) {
	t.Helper()
	if err := s.Change(t.Context(), ch, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
		sub.Rule = briefing.Rule{Every: 1, Day: time.Monday, Hour: 9, Minute: 30, Zone: "Europe/London"}
		sub.Pool, sub.Holidays = briefing.Practice, briefing.EnglandAndWales
		sub.NextSlot = briefing.Slot{Key: at.Format("2006-01-02T15:04"), At: at}
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// due makes posts of what is planned at now, and moves the rest a week on.
func due(now time.Time) func(*briefing.Subscription) []briefing.Post {
	return func(sub *briefing.Subscription) []briefing.Post {
		post := briefing.Post{Channel: sub.Channel, Slot: sub.NextSlot, State: briefing.PostDue}
		at := now.AddDate(0, 0, 7)
		sub.NextSlot = briefing.Slot{Key: at.Format("2006-01-02T15:04"), At: at}
		return []briefing.Post{post}
	}
}

// ask has every post sent with the same question.
func ask(question string) func(*briefing.Subscription, *briefing.Post) {
	return func(sub *briefing.Subscription, p *briefing.Post) {
		p.State, p.Question = briefing.PostSending, question
		sub.Rotation.Last = question
		sub.Rotation.Asked = append(sub.Rotation.Asked, question)
	}
}

func TestPostGoesItsWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		ch, other := channelOf("T1", "C1"), channelOf("T1", "C2")
		ch.Route = "a route"
		subscribe(t, s, ch, monday)
		subscribe(t, s, other, monday.Add(time.Hour))
		tenant := briefing.Tenant{Platform: briefing.Slack, ID: "T1"}

		if n, err := s.Plan(ctx, monday.Add(-time.Millisecond), 10, due(monday)); err != nil || n != 0 {
			t.Fatalf("before its time: %d, %v", n, err)
		}
		if n, err := s.Plan(ctx, monday, 10, due(monday)); err != nil || n != 1 {
			t.Fatalf("at its time: %d, %v", n, err)
		}
		if tenants, err := s.Waiting(ctx, monday); err != nil || len(tenants) != 1 || tenants[0] != tenant {
			t.Fatalf("waiting: %v, %v", tenants, err)
		}
		claimed, err := s.Claim(ctx, tenant, "me", "claim", 5, monday, ask("q1"))
		if err != nil || len(claimed.Posts) != 1 || !claimed.Next.IsZero() {
			t.Fatalf("%+v, %v", claimed, err)
		}
		post := claimed.Posts[0]
		if post.Channel != ch || post.Question != "q1" || post.Slot.Key != "2026-11-30T09:30" || !post.Slot.At.Equal(monday) {
			t.Fatalf("%+v", post)
		}
		post.State, post.Message, post.SentAt = briefing.PostSent, "1.2", monday.Add(time.Second)
		if err := s.Finish(ctx, []briefing.Result{{Post: post}}); err != nil {
			t.Fatal(err)
		}
		posts, err := s.Posts(ctx, ch, 5)
		post.Channel.Route, post.Neutral = "", false
		if diff := cmp.Diff([]briefing.Post{post}, posts); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		sub, err := s.Subscription(ctx, ch)
		if err != nil || sub.Rotation.Last != "q1" || !cmp.Equal(sub.Rotation.Asked, []string{"q1"}) || sub.NextSlot.Key != "2026-12-07T09:30" {
			t.Errorf("%+v, %v", sub, err)
		}
	})
}

// databaseOf is the database of a store, to look at what the store does not show.
func databaseOf(s *store.Store) *sql.DB {
	if db := s.SQLite(); db != nil {
		return db
	}
	return stdlib.OpenDBFromPool(s.Postgres()) // which holds nothing that would need closing
}

// execute executes a statement beside the store.
func execute(t testing.TB, s *store.Store, statement string, args ...any) {
	t.Helper()
	if _, err := databaseOf(s).ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// fill gives n channels of so many tenants a question, the next one at, faster than
// subscribe does: channel C0 of tenant T0, channel C1 of tenant T1 and so on.
func fill(t testing.TB, s *store.Store, tenants, n int, at time.Time) {
	t.Helper()
	const numbers = `WITH RECURSIVE number(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i < $1 - 1) `
	execute(t, s, `INSERT INTO tenant `+numbers+`SELECT 'slack', 'T' || i, '', 0, 0 FROM number`, tenants)
	execute(t, s, `INSERT INTO subscription `+numbers+`SELECT 'slack', 'T' || (i % CAST($2 AS INTEGER)), 'C' || i, '', 1, 1, 9, 30, 'Europe/London', '',
		'practice', '', 'none', 0, '', '', CAST($3 AS TEXT), CAST($4 AS BIGINT), 0, '' FROM number`, n, tenants, at.Format("2006-01-02T15:04"), at.UnixMilli())
}

// fillPosts makes a post of each of those channels due at.
func fillPosts(t testing.TB, s *store.Store, at time.Time) {
	t.Helper()
	execute(t, s, `INSERT INTO post SELECT platform, tenant, channel, $1, $2, 'due', '', '', 0, 0, $2, '', 0, 0, '' FROM subscription`,
		at.Format("2006-01-02T15:04"), at.UnixMilli())
}

// dump is every row of our own tables that only accepts, as text, in order.
func dump(t testing.TB, s *store.Store, only func(row map[string]any) bool) []string {
	t.Helper()
	var out []string
	for _, table := range []string{"tenant", "subscription", "asked", "post"} {
		found, err := databaseOf(s).QueryContext(t.Context(), "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range scan(t, found) {
			if only == nil || only(row) {
				out = append(out, fmt.Sprint(table, row)) // a map is printed in the order of its keys
			}
		}
	}
	slices.Sort(out)
	return out
}

// scan reads whatever a query found.
func scan(t testing.TB, found *sql.Rows) (out []map[string]any) {
	t.Helper()
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for found.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := found.Scan(values...); err != nil {
			t.Fatal(err)
		}
		row := map[string]any{}
		for i, c := range columns {
			row[c] = *values[i].(*any)
		}
		out = append(out, row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func tenantOf(id string) briefing.Tenant { return briefing.Tenant{Platform: briefing.Slack, ID: id} }

// claim claims posts for a holder, and fails where that fails.
func claim(t testing.TB, s *store.Store, tenant briefing.Tenant, holder, mark string, n int, now time.Time, decide func(*briefing.Subscription, *briefing.Post)) briefing.Claimed {
	t.Helper()
	c, err := s.Claim(t.Context(), tenant, holder, mark, n, now, decide)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// finish keeps what became of a post.
func finish(t testing.TB, s *store.Store, results ...briefing.Result) {
	t.Helper()
	if err := s.Finish(t.Context(), results); err != nil {
		t.Fatal(err)
	}
}

// planned has everything planned that is due at now.
func planned(t testing.TB, s *store.Store, now time.Time) {
	t.Helper()
	for {
		n, err := s.Plan(t.Context(), now, 1000, due(now))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// addPost gives a channel, which has a subscription, a post out of its rule's turn.
func addPost(t testing.TB, s *store.Store, ch briefing.Channel, key string, at time.Time, state briefing.PostState) error {
	t.Helper()
	return s.Change(t.Context(), ch, func(*briefing.Subscription, bool) ([]briefing.Post, error) {
		return []briefing.Post{{Channel: ch, Slot: briefing.Slot{Key: key, At: at}, State: state}}, nil
	})
}

func read(t testing.TB, s *store.Store, ch briefing.Channel) briefing.Subscription {
	t.Helper()
	sub, err := s.Subscription(t.Context(), ch)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(sub.Rotation.Asked)
	return sub
}

// only is a channel's one post.
func only(t testing.TB, s *store.Store, ch briefing.Channel) briefing.Post {
	t.Helper()
	posts, err := s.Posts(t.Context(), ch, 10)
	if err != nil || len(posts) != 1 {
		t.Fatalf("%+v, %v", posts, err)
	}
	return posts[0]
}
