package schedule

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

// without is a scheduler without a database.
func without(cfg Config, planner Planner, posts Posts, bot Bot) *Scheduler {
	return &Scheduler{
		cfg: cfg, planner: planner, posts: posts, bot: bot, log: zap.NewNop(), now: time.Now, results: newResults(posts, zap.NewNop()),
		shared: make(chan struct{}, allAtOnce), claims: make(chan struct{}, claimsAtOnce),
		stopping: make(chan struct{}), tenants: map[briefing.Tenant]*tenant{},
	}
}

// slowClaims is a database that takes a second for a claim, which fails.
type slowClaims struct{ now, most, all atomic.Int32 }

func (c *slowClaims) Claim(context.Context, briefing.Tenant, string, string, int, time.Time, func(*briefing.Subscription, *briefing.Post)) (briefing.Claimed, error) {
	now := c.now.Add(1)
	defer c.now.Add(-1)
	c.most.Store(max(c.most.Load(), now))
	c.all.Add(1)
	time.Sleep(time.Second)
	return briefing.Claimed{}, errors.New("no database")
}

func (*slowClaims) Finish(context.Context, []briefing.Result) error        { return nil }
func (*slowClaims) Release(context.Context, briefing.Tenant, string) error { return nil }

// What became of posts must not wait for the database behind a claim of every tenant.
func TestTenantsTakeTurnsToClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &slowClaims{}
		s := without(Config{}, nil, db, nil)
		const tenants = 3 * claimsAtOnce
		var wg sync.WaitGroup
		for i := range tenants {
			wg.Go(func() {
				if _, err := s.Deliver(t.Context(), briefing.Tenant{Platform: briefing.Slack, ID: fmt.Sprint(i)}); err == nil {
					t.Error("the claim fails, and the delivery does not")
				}
			})
		}
		wg.Wait()
		if db.most.Load() != claimsAtOnce || db.all.Load() != tenants || len(s.claims) > 0 || len(s.shared) > 0 {
			t.Errorf("%d claims, %d at a time; %d turns and %d places are still taken", db.all.Load(), db.most.Load(), len(s.claims), len(s.shared))
		}
	})
}

// endless is a tenant with posts without end, all of which are sent.
type endless struct{}

func (endless) Claim(_ context.Context, t briefing.Tenant, _, _ string, n int, _ time.Time, _ func(*briefing.Subscription, *briefing.Post)) (briefing.Claimed, error) {
	return briefing.Claimed{Posts: make([]briefing.Post, n)}, nil
}

func (endless) Finish(context.Context, []briefing.Result) error        { return nil }
func (endless) Release(context.Context, briefing.Tenant, string) error { return nil }
func (endless) Choose(*briefing.Subscription, string) string           { return "" }
func (endless) Deliver(context.Context, briefing.Post) (string, error) { return "", nil }

func TestTurnIsShorterWhereOthersWaitForOne(t *testing.T) {
	for _, c := range []struct {
		others int
		want   time.Duration
	}{{0, longTurn}, {maxTenants - 2, longTurn}, {maxTenants - 1, turnTime}} {
		synctest.Test(t, func(t *testing.T) {
			s := without(Config{Paces: map[briefing.Platform]Pace{briefing.Slack: {PerSecond: 5, Burst: 10}}}, nil, endless{}, endless{})
			s.busy = c.others
			s.results.start()
			begun := time.Now()
			more, err := s.Deliver(t.Context(), briefing.Tenant{Platform: briefing.Slack, ID: "T1"})
			if took := time.Since(begun); err != nil || !more || took < c.want || took > c.want+2*time.Second {
				t.Errorf("beside %d others: more %t, %v after %s, want %s", c.others, more, err, took, c.want)
			}
			if s.busy != c.others {
				t.Errorf("%d are delivered for, want %d", s.busy, c.others)
			}
			if err := s.results.stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// manyToPlan is a database with more to plan than one transaction takes, and jobs.
type manyToPlan struct {
	Planner
	jobs

	took    time.Duration // for a batch
	left    int           // batches
	waiting []briefing.Tenant
	asked   [][]string // after each batch, the last of which finds nothing to plan
	third   func()     // while the third batch is planned
}

func (m *manyToPlan) Sweep(context.Context, time.Time, time.Time, bool) (int, error) { return 0, nil }

func (m *manyToPlan) Plan(_ context.Context, _ time.Time, limit int, _ func(*briefing.Subscription) []briefing.Post) (int, error) {
	time.Sleep(m.took)
	m.asked = append(m.asked, nil)
	if len(m.asked) == 3 && m.third != nil {
		m.third()
	}
	if m.left == 0 {
		return 0, nil
	}
	m.left--
	return limit, nil
}

func (m *manyToPlan) Waiting(context.Context, time.Time) ([]briefing.Tenant, error) {
	return slices.Clone(m.waiting), nil
}

func (m *manyToPlan) InsertMany(_ context.Context, params []river.InsertManyParams) ([]*rivertype.JobInsertResult, error) {
	last := &m.asked[len(m.asked)-1]
	for _, p := range params {
		*last = append(*last, p.Args.(deliverArgs).Tenant)
	}
	return nil, nil
}

// Who takes the longest would otherwise begin when the last subscription is planned.
func TestTenantsOfTheSlowerPlatformAreBegunWithWhileOthersArePlanned(t *testing.T) {
	paces := map[briefing.Platform]Pace{briefing.Slack: {PerSecond: 5, Burst: 10}, briefing.Teams: {PerSecond: 40, Burst: 10}}
	slack, teams, web := briefing.Tenant{Platform: briefing.Slack, ID: "slack"}, briefing.Tenant{Platform: briefing.Teams, ID: "teams"}, briefing.Tenant{Platform: briefing.Web, ID: "web"}
	for _, c := range []struct {
		name    string
		waiting []briefing.Tenant
		busy    string
		done    briefing.Tenant // while the third batch is planned
		want    string
	}{
		{"both", []briefing.Tenant{web, teams, slack}, "", briefing.Tenant{}, "[[slack] [] [] [] [] [teams web]]"},
		{"one alone", []briefing.Tenant{web, teams}, "", briefing.Tenant{}, "[[teams] [] [] [] [] [web]]"},
		{"one that goes on already", []briefing.Tenant{slack, teams}, "slack", briefing.Tenant{}, "[[] [] [] [] [] [teams]]"},
		{"one that was done before its next were planned", []briefing.Tenant{slack, teams}, "", slack, "[[slack] [] [] [slack] [] [teams]]"},
		{"nobody", nil, "", briefing.Tenant{}, "[[] [] [] [] [] []]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := &manyToPlan{left: 5, waiting: c.waiting}
			s := without(Config{Paces: paces}, db, nil, nil)
			s.jobs = db
			db.third = func() {
				if known, ok := s.begin(c.done); ok {
					s.end(known)
				}
			}
			busy := s.newTenant(briefing.Slack)
			busy.busy = true
			s.tenants[briefing.Tenant{Platform: briefing.Slack, ID: c.busy}] = busy
			if err := s.tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(db.asked); got != c.want {
				t.Errorf("asked for %s, want %s", got, c.want)
			}
			if busy.heard() != (c.busy != "") {
				t.Error("a delivery under way must hear that there may be more, and no other")
			}
		})
	}
}

func TestPlanningLeavesSQLiteToOthersForHalfOfTheTime(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want time.Duration
	}{{Config{SQLite: &sql.DB{}}, 1100 * time.Millisecond}, {Config{}, 600 * time.Millisecond}} {
		synctest.Test(t, func(t *testing.T) {
			db := &manyToPlan{left: 5, took: 100 * time.Millisecond}
			begun := time.Now()
			if err := without(c.cfg, db, nil, nil).Plan(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begun); took != c.want {
				t.Errorf("it took %s, want %s", took, c.want)
			}
		})
	}
}
