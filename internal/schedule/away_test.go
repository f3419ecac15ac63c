package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"briefingbot/internal/briefing"
	"briefingbot/internal/schedule"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

// away is a store that is gone at times.
type away struct {
	*store.Store
	gone atomic.Bool
	hang atomic.Bool // it does not answer then, and does not say no
}

var errAway = errors.New("the database is away")

func (a *away) err(ctx context.Context) error {
	if !a.gone.Load() {
		return nil
	}
	if a.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return errAway
}

func (a *away) Plan(ctx context.Context, now time.Time, limit int, plan func(*briefing.Subscription) []briefing.Post) (int, error) {
	if err := a.err(ctx); err != nil {
		return 0, err
	}
	return a.Store.Plan(ctx, now, limit, plan)
}

func (a *away) Sweep(ctx context.Context, before, now time.Time, resend bool) (int, error) {
	if err := a.err(ctx); err != nil {
		return 0, err
	}
	return a.Store.Sweep(ctx, before, now, resend)
}

func (a *away) Waiting(ctx context.Context, by time.Time) ([]briefing.Tenant, error) {
	if err := a.err(ctx); err != nil {
		return nil, err
	}
	return a.Store.Waiting(ctx, by)
}

func (a *away) Claim(ctx context.Context, t briefing.Tenant, holder, claim string, n int, now time.Time, decide func(*briefing.Subscription, *briefing.Post)) (briefing.Claimed, error) {
	if err := a.err(ctx); err != nil {
		return briefing.Claimed{}, err
	}
	return a.Store.Claim(ctx, t, holder, claim, n, now, decide)
}

func (a *away) Finish(ctx context.Context, results []briefing.Result) error {
	if err := a.err(ctx); err != nil {
		return err
	}
	return a.Store.Finish(ctx, results)
}

func (a *away) Release(ctx context.Context, t briefing.Tenant, holder string) error {
	if err := a.err(ctx); err != nil {
		return err
	}
	return a.Store.Release(ctx, t, holder)
}

// The database goes away while posts are on their way, and comes back: what became of
// them is kept then, nothing is sent twice, and the rest goes on by itself.
func TestDatabaseAwayAndBack(t *testing.T) {
	t.Parallel()
	for _, hang := range []bool{false, true} {
		for _, resend := range []bool{false, true} {
			t.Run(fmt.Sprintf("hangs %v, resend %v", hang, resend), func(t *testing.T) {
				t.Parallel()
				const posts = 40
				path := storetest.SQLite(t)
				var between *away
				bot := &player{answer: func(_ context.Context, p briefing.Post, try int) error {
					between.gone.Store(true)
					time.Sleep(time.Second)
					if p.Channel.ID == "C3" && try == 1 {
						return outcome(briefing.NotSent)
					}
					return nil
				}}
				inBubble(t, func(t *testing.T) {
					s := open(t, path)
					between = &away{Store: s}
					between.hang.Store(hang)
					f := setUpOn(t, s, between, schedule.Config{Resend: resend}, bot)
					startAlone(t, f)
					for i := range posts {
						subscribe(t, s, channelOf("T1", fmt.Sprint("C", i)), mondays, slotAt(time.Now()))
					}
					tick := func() {
						ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second) // as a job has
						defer cancel()
						if f.Plan(ctx) == nil {
							go func() { _, _ = f.Deliver(ctx, briefing.Tenant{Platform: briefing.Slack, ID: "T1"}) }()
						}
						time.Sleep(15 * time.Second)
					}
					began := time.Now()
					for range 12 {
						tick()
					}
					minutes := int(time.Since(began).Minutes())
					warned := f.log.FilterLevelExact(zapcore.WarnLevel).Len()
					bot.mu.Lock()
					bot.answer = nil
					bot.mu.Unlock()
					between.gone.Store(false)
					for range 12 {
						tick()
					}
					time.Sleep(2 * time.Minute)
					for i := range posts {
						want(t, s, channelOf("T1", fmt.Sprint("C", i)), briefing.PostSent, "")
						tries := 1
						if i == 3 {
							tries = 2
						}
						if n := len(bot.attempts(fmt.Sprint("C", i))); n != tries {
							t.Errorf("C%d: %d attempts", i, n)
						}
					}
					if warned > minutes+3 {
						t.Errorf("%d warnings in %d minutes", warned, minutes)
					}
				})
			})
		}
	}
}

// The whole of it, jobs included, where PostgreSQL goes away.
func TestPostgresAwayAndBack(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	server, proxy := storetest.Postgres(t), newProxy(t)
	s := open(t, proxy.forward(t, server))
	direct := open(t, server)
	bot := &player{}
	f := start(t, setUp(t, s, schedule.Config{}, bot))
	ch := func(i int) briefing.Channel { return channelOf("T1", fmt.Sprint("C", i)) }
	subscribe(t, direct, ch(1), mondays, slotAt(time.Now()))
	eventually(t, "it is posted", func() bool { return len(bot.attempts("C1")) == 1 })
	proxy.cut()
	subscribe(t, direct, ch(2), mondays, slotAt(time.Now()))
	time.Sleep(20 * time.Second)
	if n := len(bot.attempts("C2")); n != 0 {
		t.Fatal("it is posted without the database")
	}
	proxy.mend()
	eventually(t, "it goes on", func() bool { return len(bot.attempts("C2")) == 1 })
	eventually(t, "that is kept", func() bool { return post(t, direct, ch(2)).State == briefing.PostSent })
	// River alone has a dozen warnings for it, each of which it repeats all the time.
	if n := f.log.FilterLevelExact(zapcore.WarnLevel).Len(); n > 25 {
		t.Errorf("%d warnings in 20 s", n)
	}
}
