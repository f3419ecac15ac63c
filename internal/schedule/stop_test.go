package schedule_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/schedule"
	"briefingbot/internal/storetest"
)

func TestStopFinishesWhatIsOnItsWayAndTakesNothingNew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		const took = 2 * time.Second
		before := runtime.NumGoroutine()
		var stopping atomic.Bool
		stops := make(chan struct{})
		bot := &player{}
		bot.answer = func(context.Context, briefing.Post, int) error {
			if stopping.Load() {
				t.Error("a post is sent after Stop began")
			}
			<-stops
			time.Sleep(took)
			return nil
		}
		s := open(t, database)
		idle := runtime.NumGoroutine() - before
		f := setUp(t, s, schedule.Config{}, bot)
		if err := f.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 40 { // more than a tenant has places
			subscribe(t, s, channelOf("T1", fmt.Sprint("C", i)), mondays, slotAt(time.Now()))
		}
		sleeper := channelOf("T2", "held")
		subscribe(t, s, sleeper, mondays, slotAt(time.Now().Add(10*time.Second)))
		if err := f.Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.Wake(t.Context(), briefing.Tenant{Platform: briefing.Slack, ID: "T1"})
		eventually(t, "posts are on their way", func() bool { return len(bot.attempts("")) == 16 })

		time.Sleep(100 * time.Millisecond)
		stopping.Store(true)
		close(stops)
		began := time.Now()
		if err := f.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d > took+time.Second {
			t.Errorf("it takes %v", d)
		}
		got := map[briefing.PostState]int{}
		for i := range 40 {
			got[post(t, s, channelOf("T1", fmt.Sprint("C", i))).State]++
		}
		if got[briefing.PostSent] != 16 || got[briefing.PostDue] != 24 {
			t.Errorf("%v", got)
		}
		eventually(t, "its goroutines are gone", func() bool {
			return !strings.Contains(stacks(), "schedule.(*") && runtime.NumGoroutine() <= before+idle+2
		})
		// The lease is given back: another goes on at once.
		stopping.Store(false)
		next := setUp(t, s, schedule.Config{}, &player{})
		startAlone(t, next)
		next.step(t)
		if n := len(next.bot.attempts("")); n != 24 {
			t.Errorf("the next process sends %d", n)
		}
	})
}

func TestStopEndsADeliveryThatHasMuchToDo(t *testing.T) {
	t.Parallel()
	const posts = 2000
	s, bot := open(t, storetest.SQLite(t)), &player{}
	f := setUp(t, s, schedule.Config{}, bot)
	for i := range posts {
		subscribe(t, s, channelOf("T1", fmt.Sprint("C", i)), mondays, slotAt(time.Now()))
	}
	if err := f.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has begun", func() bool { return len(bot.attempts("")) > 100 })
	before := len(bot.attempts(""))
	if err := f.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if after := len(bot.attempts("")); after == posts || after > before+100 {
		t.Errorf("%d posts are sent after Stop began", after-before)
	}
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

func TestStopEndsTheSleepOfATenant(t *testing.T) {
	t.Parallel()
	bot := &player{answer: func(context.Context, briefing.Post, int) error {
		return &briefing.DeliveryError{Outcome: briefing.Throttled, RetryAfter: 12 * time.Second, Err: context.Canceled}
	}}
	s, ch := open(t, storetest.SQLite(t)), channelOf("T1", "C1")
	f := setUp(t, s, schedule.Config{}, bot)
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	subscribe(t, s, ch, mondays, slotAt(time.Now()))
	if err := f.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Wake(t.Context(), tenantOf(ch))
	eventually(t, "it is due again", func() bool { return post(t, s, ch).Tries == 1 })
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	if err := f.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("it takes %v", d)
	}
	want(t, s, ch, briefing.PostDue, "")
}

func TestStopGivesUpOnWhatHangs(t *testing.T) {
	t.Parallel()
	for _, listens := range []bool{true, false} { // to the end of its context
		t.Run(fmt.Sprint("listens ", listens), func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			returned := make(chan struct{})
			bot := &player{answer: func(ctx context.Context, _ briefing.Post, _ int) error {
				defer close(returned)
				if listens {
					<-ctx.Done()
				} else {
					<-release
				}
				return outcome(briefing.Unknown)
			}}
			s, ch := open(t, storetest.SQLite(t)), channelOf("T1", "C1")
			f := setUp(t, s, schedule.Config{}, bot)
			if err := f.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			subscribe(t, s, ch, mondays, slotAt(time.Now()))
			if err := f.Plan(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.Wake(t.Context(), tenantOf(ch))
			eventually(t, "it is on its way", func() bool { return len(bot.attempts("")) == 1 })
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			began := time.Now()
			if err := f.Stop(ctx); err == nil {
				t.Error("Stop says nothing")
			}
			if d := time.Since(began); d > 3*time.Second {
				t.Errorf("it takes %v", d)
			}
			close(release)
			<-returned
			time.Sleep(200 * time.Millisecond) // a late answer breaks nothing
			if listens {
				want(t, s, ch, briefing.PostUnconfirmed, briefing.CauseNoAnswer)
				return
			}
			next := setUp(t, s, schedule.Config{}, &player{})
			startAlone(t, next)
			next.now.set(time.Now().Add(time.Minute))
			next.step(t)
			want(t, s, ch, briefing.PostUnconfirmed, briefing.CauseStopped)
		})
	}
}

func TestStopReturnsWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	s, ch := open(t, storetest.SQLite(t)), channelOf("T1", "C1")
	between := &away{Store: s}
	bot := &player{answer: func(context.Context, briefing.Post, int) error {
		between.gone.Store(true)
		return nil
	}}
	f := setUpOn(t, s, between, schedule.Config{}, bot)
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	subscribe(t, s, ch, mondays, slotAt(time.Now()))
	if err := f.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Wake(t.Context(), tenantOf(ch))
	eventually(t, "it is sent", func() bool { return len(bot.attempts("")) == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	began := time.Now()
	if err := f.Stop(ctx); err == nil || !strings.Contains(err.Error(), "not kept") {
		t.Errorf("Stop says %v", err)
	}
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("it takes %v", d)
	}
}
