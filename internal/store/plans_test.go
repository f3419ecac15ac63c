package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"briefingbot/internal/briefing"
	"briefingbot/internal/storetest"
)

// allowed are the beginnings of statements that read a whole table: every tenant is
// asked for what it has to do.
var allowed = []string{"SELECT t.platform, t.tenant FROM tenant t"}

func TestEveryStatementFindsItsRowsByAnIndex(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, err := Open(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		// SQLite goes by no statistics: how many there are is nothing to its plans.
		history := 10_000
		if s.pool != nil {
			history = 200_000
		}
		fillHistory(t, s.db, history)
		if s.pool != nil {
			// As it does by itself after a while.
			if _, err := s.db.ExecContext(t.Context(), "VACUUM ANALYZE"); err != nil {
				t.Fatal(err)
			}
		}

		seen := &seen{}
		conn := func(ctx context.Context) (driver.Conn, error) {
			if s.pool != nil {
				return stdlib.GetPoolConnector(s.pool).Connect(ctx)
			}
			return s.db.Driver().Open("file:" + escapePath(database) + "?_txlock=immediate")
		}
		watched := &Store{db: sql.OpenDB(&spy{conn, s.db.Driver(), seen}), pool: s.pool}
		defer watched.db.Close() // before the store, which waits for its connections
		everyStatement(t, watched)
		if len(seen.statements) < 20 {
			t.Fatalf("only %d statements", len(seen.statements))
		}
		// PostgreSQL reads a small table whole, whatever its indexes.
		whole := regexp.MustCompile(`(?m)^.*(SCAN (subscription|asked|post|tenant|s|p|t)\b|Seq Scan on (asked|post)\b).*`)
		some := regexp.MustCompile(`SCAN (\w+) USING COVERING INDEX (post_due|post_sending|post_trouble|subscription_paused|subscription_next)\b`)
		for _, st := range seen.statements {
			allowed := slices.ContainsFunc(allowed, func(start string) bool { return strings.HasPrefix(st.query, start) })
			// An index that holds some rows alone may be read whole.
			if plan := some.ReplaceAllString(explain(t, s, st), "$2"); whole.MatchString(plan) && !allowed {
				t.Errorf("%s\n%s", st.query[:min(len(st.query), 300)], plan)
			}
		}
	})
}

// fillHistory makes so many posts of 4,000 channels.
func fillHistory(t *testing.T, db *sql.DB, history int) {
	t.Helper()
	const channels = 4000
	for _, statement := range []string{
		`INSERT INTO tenant SELECT 'slack', 'T' || i, '', 0, 0 FROM n WHERE i < 50`,
		`INSERT INTO subscription SELECT 'slack', 'T' || (i % 50), 'C' || i, '', 1, 1, 9, 30, 'Europe/London', '', '', '', '', 0, '', '', 'x', 1000 + i, 0, '' FROM n WHERE i < ` + fmt.Sprint(channels),
		`INSERT INTO asked SELECT 'slack', 'T' || (i % 50), 'C' || (i % ` + fmt.Sprint(channels) + `), 'q' || (i / ` + fmt.Sprint(channels) + `) FROM n WHERE i < 20000`,
		`INSERT INTO post SELECT 'slack', 'T' || (i % 50), 'C' || (i % ` + fmt.Sprint(channels) + `), 's' || i, i, CASE WHEN i % 1000 = 0 THEN 'due' WHEN i % 1000 = 1 THEN 'sending' ELSE 'sent' END,
			'', 'q', 0, 0, i, '', i, i, 'm' FROM n`,
	} {
		into, rest, _ := strings.Cut(statement, " SELECT ")
		numbers := fmt.Sprintf(" WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT ", history-1)
		if _, err := db.ExecContext(t.Context(), into+numbers+rest); err != nil {
			t.Fatal(err)
		}
	}
}

// everyStatement runs every statement there is, with few rows and with many.
func everyStatement(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ch := briefing.Channel{Platform: briefing.Slack, Tenant: "T1", ID: "C1", Route: "r"}
	tenant := briefing.Tenant{Platform: briefing.Slack, ID: "T1"}
	_, err := s.Subscription(ctx, ch)
	must(err)
	_, err = s.Posts(ctx, ch, 10)
	must(err)
	must(s.Change(ctx, ch, func(*briefing.Subscription, bool) ([]briefing.Post, error) {
		return []briefing.Post{{Channel: ch, Slot: briefing.Slot{Key: "now", At: time.UnixMilli(1)}, State: briefing.PostDue}}, nil
	}))
	must(s.LearnRoute(ctx, ch))
	must(s.Ping(ctx))
	_, err = s.Counts(ctx, time.UnixMilli(1))
	must(err)
	now := time.UnixMilli(200_000)
	for _, n := range []int{1, 4, 1000} {
		_, err = s.Plan(ctx, now, n, func(sub *briefing.Subscription) []briefing.Post {
			slot := sub.NextSlot
			sub.NextSlot.At = now.AddDate(1, 0, 0)
			return []briefing.Post{{Channel: sub.Channel, Slot: slot, State: briefing.PostDue}}
		})
		must(err)
	}
	_, err = s.Waiting(ctx, now)
	must(err)
	round := 0
	var all []briefing.Result
	for _, n := range []int{1, 4, 200} {
		c, err := s.Claim(ctx, tenant, "me", "1", n, now, func(sub *briefing.Subscription, p *briefing.Post) {
			round++
			sub.Rotation = briefing.Rotation{Round: round, Last: "q", Asked: []string{"q"}}
			p.State = briefing.PostSending
			if round%5 == 0 {
				p.State, sub.Paused = briefing.PostSkipped, briefing.CauseGone
			}
		})
		must(err)
		var some []briefing.Result
		for i, p := range c.Posts {
			p.State = briefing.PostFailed
			r := briefing.Result{Post: p, Pause: briefing.CauseGone, Hold: time.UnixMilli(1)}
			r.Post.Channel.ID += fmt.Sprint(i % 3)
			some = append(some, r)
		}
		must(s.Finish(ctx, some))
		all = append(all, some...)
	}
	for len(all) < 500 {
		all = append(all, all...)
	}
	must(s.Finish(ctx, all[:500]))
	must(s.Release(ctx, tenant, "me"))
	for _, resend := range []bool{true, false} {
		_, err := s.Sweep(ctx, time.UnixMilli(10), now, resend)
		must(err)
	}
	for _, n := range []int{1, 500} {
		_, err := s.Prune(ctx, time.UnixMilli(1000), n)
		must(err)
	}
	must(s.Remove(ctx, ch))
	_, err = s.Held(ctx, tenant)
	must(err)
	_, err = s.Export(ctx, tenant)
	must(err)
	_, err = s.Forget(ctx, tenant, func(ch briefing.Channel) bool { return ch.ID == "C51" })
	must(err)
	_, err = s.Purge(ctx, tenant)
	must(err)
}

func explain(t *testing.T, s *Store, st statement) string {
	t.Helper()
	explain, line := "EXPLAIN ", ""
	into := []any{&line}
	if s.pool == nil {
		explain, into = "EXPLAIN QUERY PLAN ", []any{new(int), new(int), new(int), &line}
	}
	var plan strings.Builder
	found, err := s.db.QueryContext(t.Context(), explain+st.query, st.args...)
	if err := each(found, err, func() []any { return into }, func() { fmt.Fprintln(&plan, line) }); err != nil {
		t.Fatalf("%s: %v", st.query, err)
	}
	return plan.String()
}

// statement is one that was run.
type statement struct {
	query string
	args  []any
}

type seen struct {
	mu         sync.Mutex
	statements []statement
}

func (s *seen) add(query string, named []driver.NamedValue) {
	if !regexp.MustCompile(`^(SELECT|INSERT|UPDATE|DELETE)`).MatchString(query) {
		return
	}
	args := make([]any, len(named))
	for i, a := range named {
		args[i] = a.Value
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statements = append(s.statements, statement{query, args})
}

// spy makes connections that note what is asked of another's.
type spy struct {
	open   func(context.Context) (driver.Conn, error)
	driver driver.Driver
	seen   *seen
}

func (s *spy) Driver() driver.Driver { return s.driver }

func (s *spy) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := s.open(ctx)
	return &spied{c, s.seen}, err
}

// spied is a connection of a spy. What it does not have, database/sql does itself.
type spied struct {
	driver.Conn
	seen *seen
}

func (s *spied) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	return s.Conn.(driver.ConnBeginTx).BeginTx(ctx, options)
}

func (s *spied) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (s *spied) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s.seen.add(query, args)
	return s.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (s *spied) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s.seen.add(query, args)
	return s.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}
