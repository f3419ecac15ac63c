package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/schedule"
	"briefingbot/internal/storetest"
)

func paced(perSecond float64, burst int) schedule.Config {
	return schedule.Config{Paces: map[briefing.Platform]schedule.Pace{briefing.Slack: {PerSecond: perSecond, Burst: burst}}}
}

func TestPaceIsKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pace        schedule.Pace
		posts       int
		least, most time.Duration
	}{
		{schedule.Pace{PerSecond: 20, Burst: 2}, 60, 2900 * time.Millisecond, 3200 * time.Millisecond},
		{schedule.Pace{PerSecond: 290.0 / 60, Burst: 10}, 290, 58 * time.Second, 62 * time.Second},
		{schedule.Pace{PerSecond: 40, Burst: 10}, 400, 9700 * time.Millisecond, 10500 * time.Millisecond},
	} {
		t.Run(fmt.Sprint(c.pace), func(t *testing.T) {
			t.Parallel()
			bot := &player{answer: func(context.Context, briefing.Post, int) error {
				time.Sleep(80 * time.Millisecond)
				return nil
			}}
			bubble(t, paced(c.pace.PerSecond, c.pace.Burst), bot, func(t *testing.T, f *fixture) {
				for i := range c.posts {
					subscribe(t, f.store, channelOf("T1", fmt.Sprint("C", i)), mondays, slotAt(time.Now()))
				}
				f.step(t)
				checkPace(t, bot.attempts(""), c.posts, c.pace)
				if took := span(bot.attempts("")); took < c.least || took > c.most {
					t.Errorf("%d posts take %v, want %v to %v", c.posts, took, c.least, c.most)
				}
			})
		})
	}
}

func span(attempts []attempt) time.Duration {
	return attempts[len(attempts)-1].at.Sub(attempts[0].at)
}

// checkPace checks that every post is sent once, and in no stretch of time more than
// the pace allows.
func checkPace(t *testing.T, attempts []attempt, posts int, pace schedule.Pace) {
	t.Helper()
	if len(attempts) != posts {
		t.Errorf("%d attempts for %d posts", len(attempts), posts)
	}
	slices.SortFunc(attempts, func(a, b attempt) int { return a.at.Compare(b.at) })
	for _, stretch := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
		allowed := pace.PerSecond*stretch.Seconds() + float64(pace.Burst)
		first := 0
		for i, a := range attempts {
			for a.at.Sub(attempts[first].at) >= stretch {
				first++
			}
			if n := i - first + 1; float64(n) > allowed+1e-6 {
				t.Fatalf("%d posts in %v, and %.1f are allowed", n, stretch, allowed)
			}
		}
	}
}

func TestReplicasKeepOnePaceTogether(t *testing.T) {
	t.Parallel()
	const posts = 60
	pace := schedule.Pace{PerSecond: 20, Burst: 2}
	storetest.Each(t, func(t *testing.T, database string) {
		bot := &player{}
		var replicas []*fixture
		for range 2 {
			replicas = append(replicas, start(t, setUp(t, open(t, database), paced(pace.PerSecond, pace.Burst), bot)))
		}
		for i := range posts {
			subscribe(t, replicas[0].store, channelOf("T1", fmt.Sprint("C", i)), mondays, slotAt(time.Now()))
		}
		if err := replicas[0].Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Jobs for both, again and again, as if they had taken turns.
		for i := 0; len(bot.attempts("")) < posts && i < 100; i++ {
			replicas[i%2].Wake(t.Context(), briefing.Tenant{Platform: briefing.Slack, ID: "T1"})
			time.Sleep(100 * time.Millisecond)
		}
		checkPace(t, bot.attempts(""), posts, pace)
	})
}

func TestBurstIsNotHadAgainByWhoTakesOver(t *testing.T) {
	t.Parallel()
	pace := schedule.Pace{PerSecond: 1, Burst: 8}
	bot := &player{}
	bubble(t, paced(pace.PerSecond, pace.Burst), bot, func(t *testing.T, f *fixture) {
		other := setUp(t, f.store, paced(pace.PerSecond, pace.Burst), bot)
		startAlone(t, other)
		tenant := briefing.Tenant{Platform: briefing.Slack, ID: "T1"}
		for i := range 120 {
			subscribe(t, f.store, channelOf("T1", fmt.Sprint("C", i)), mondays, slotAt(time.Now()))
		}
		if err := f.Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := 0; len(bot.attempts("")) < 120 && i < 20; i++ {
			who := []*fixture{f, other}[i%2]
			if _, err := who.Deliver(t.Context(), tenant); err != nil {
				t.Fatal(err)
			}
		}
		checkPace(t, bot.attempts(""), 120, pace)
	})
}

func TestSlowTenantDelaysNoOther(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		t.Parallel()
		const others, slow = 20, 60
		var under, most atomic.Int64
		posted := make(chan struct{}) // all of the others' questions
		bot := &player{answer: func(_ context.Context, p briefing.Post, _ int) error {
			if p.Channel.Tenant[0] == 'S' {
				n := under.Add(1)
				defer under.Add(-1)
				for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
				}
				select {
				case <-posted:
				case <-time.After(time.Minute): // longer than a post may take
				}
				return outcome(briefing.Unknown)
			}
			return nil
		}}
		f := start(t, setUp(t, open(t, database), schedule.Config{}, bot))
		for i := range slow { // so many slow ones at once, too, that all places that are shared are taken
			for j := range 16 {
				subscribe(t, f.store, channelOf(fmt.Sprint("S", i), fmt.Sprint("C", j)), mondays, slotAt(time.Now()))
			}
		}
		if err := f.Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range slow {
			f.Wake(t.Context(), briefing.Tenant{Platform: briefing.Slack, ID: fmt.Sprint("S", i)})
		}
		eventually(t, "all places are taken", func() bool { return len(bot.attempts("")) >= 512+slow })
		for i := range others {
			subscribe(t, f.store, channelOf(fmt.Sprint("T", i), fmt.Sprint("other", i)), mondays, slotAt(time.Now()))
		}
		if err := f.Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range others {
			f.Wake(t.Context(), briefing.Tenant{Platform: briefing.Slack, ID: fmt.Sprint("T", i)})
		}
		within(t, beforeATick, "the others are posted", func() bool {
			for i := range others {
				if len(bot.attempts(fmt.Sprint("other", i))) != 1 {
					return false
				}
			}
			return true
		})
		close(posted)
		if n := most.Load(); n > 512+slow {
			t.Errorf("%d posts were on their way at once", n)
		}
	})
}

func TestThrottledTenantHoldsItselfAlone(t *testing.T) {
	t.Parallel()
	bot := &player{answer: func(_ context.Context, p briefing.Post, try int) error {
		if p.Channel.ID == "C0" && try == 1 {
			return &briefing.DeliveryError{Outcome: briefing.Throttled, RetryAfter: 20 * time.Second, Err: errors.New("429")}
		}
		return nil
	}}
	bubble(t, paced(1, 1), bot, func(t *testing.T, f *fixture) {
		for i := range 5 {
			subscribe(t, f.store, channelOf("T1", fmt.Sprint("C", i)), mondays, slotAt(time.Now()))
			subscribe(t, f.store, channelOf("T2", fmt.Sprint("D", i)), mondays, slotAt(time.Now()))
		}
		began := time.Now()
		if err := f.Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 2)
		for _, id := range []string{"T1", "T2"} {
			go func() {
				_, err := f.Deliver(t.Context(), briefing.Tenant{Platform: briefing.Slack, ID: id})
				done <- err
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		f.ticks(t, time.Minute)
		throttled := bot.attempts("C0")
		if len(throttled) != 2 {
			t.Fatalf("%d tries", len(throttled))
		}
		for _, a := range bot.attempts("") {
			switch waited := a.at.Sub(throttled[0].at); {
			case a.post.Channel.Tenant == "T2" && a.at.Sub(began) > 6*time.Second:
				t.Errorf("%s of the other tenant comes after %v", a.post.Channel.ID, a.at.Sub(began))
			case a.post.Channel.Tenant == "T1" && waited > 0 && waited < 20*time.Second:
				t.Errorf("%s comes %v after the 429", a.post.Channel.ID, waited)
			}
		}
		if n := len(bot.attempts("")); n != 11 {
			t.Errorf("%d attempts", n)
		}
	})
}
