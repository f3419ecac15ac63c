package store_test

import (
	"database/sql"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/stdlib"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

var monday = time.Date(2026, 11, 30, 9, 30, 0, 0, time.UTC)

func channelOf(tenant, id string) briefing.Channel {
	return briefing.Channel{Platform: briefing.Slack, Tenant: tenant, ID: id}
}

// open opens a database for a test.
func open(t *testing.T, database string) *store.Store {
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

// subscribe gives a channel a question every Monday at 09:30, the next one at.
func subscribe(t *testing.T, s *store.Store, ch briefing.Channel, at time.Time) {
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

// database is the database of a store, to look at what the store does not show.
func database(s *store.Store) *sql.DB {
	if db := s.SQLite(); db != nil {
		return db
	}
	return stdlib.OpenDBFromPool(s.Postgres())
}

// execute executes a statement beside the store.
func execute(t testing.TB, s *store.Store, statement string, args ...any) {
	t.Helper()
	if _, err := database(s).ExecContext(t.Context(), statement, args...); err != nil {
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
