package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

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
		s := &Scheduler{
			posts: db, log: zap.NewNop(), now: time.Now, shared: make(chan struct{}, allAtOnce), claims: make(chan struct{}, claimsAtOnce),
			stopping: make(chan struct{}), tenants: map[briefing.Tenant]*tenant{},
		}
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
