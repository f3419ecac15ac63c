package schedule_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/schedule"
)

func TestLateSlots(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		off     time.Duration // since the slot
		sent    int
		skipped int
	}{
		{"3 h 59 min", 3*time.Hour + 59*time.Minute, 1, 0},
		{"4 h", 4 * time.Hour, 1, 0},
		{"4 h 1 min", 4*time.Hour + time.Minute, 0, 1},
		{"a day", 24 * time.Hour, 0, 1},
		{"10 weeks", 10*7*24*time.Hour + 12*time.Hour, 0, 11},
		{"10 weeks, and a slot an hour ago", 10*7*24*time.Hour + time.Hour, 1, 10},
		{"3 years", 3 * 365 * 24 * time.Hour, 0, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bot := &player{}
			bubble(t, schedule.Config{}, bot, func(t *testing.T, f *fixture) {
				ch := channelOf("T1", "C1")
				subscribe(t, f.store, ch, mondays, slotAt(time.Now()))
				time.Sleep(c.off)
				f.ticks(t, 2*time.Minute)
				got := map[briefing.PostState]int{}
				for _, p := range postsOf(t, f.store, ch) {
					got[p.State]++
					if p.State == briefing.PostSkipped && p.Cause != briefing.CauseLate {
						t.Errorf("skipped since %s", p.Cause)
					}
				}
				if got[briefing.PostSent] != c.sent || got[briefing.PostSkipped] != c.skipped || len(bot.attempts("")) != c.sent {
					t.Errorf("%v", got)
				}
				next, err := mondays.Next(time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if sub := subscription(t, f.store, ch); sub.NextSlot != next || sub.Paused != "" {
					t.Errorf("the next slot is %v, want %v", sub.NextSlot, next)
				}
			})
		})
	}
}

func TestPostThatIsHeldBackForHoursIsSkipped(t *testing.T) {
	t.Parallel()
	bot := &player{answer: func(context.Context, briefing.Post, int) error {
		return &briefing.DeliveryError{Outcome: briefing.Throttled, RetryAfter: 90 * time.Minute, Err: errors.New("429")}
	}}
	bubble(t, schedule.Config{}, bot, func(t *testing.T, f *fixture) {
		ch := channelOf("T1", "C1")
		subscribe(t, f.store, ch, mondays, slotAt(time.Now()))
		f.ticks(t, 6*time.Hour)
		want(t, f.store, ch, briefing.PostSkipped, briefing.CauseLate)
		if n := len(bot.attempts("")); n != 3 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestClockThatIsSetDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after time.Duration // the slot
		by    time.Duration
	}{
		{"back an hour after it is posted", time.Minute, -time.Hour},
		{"forward an hour after it is posted", time.Minute, time.Hour},
		{"back an hour before it is posted", -5 * time.Minute, -time.Hour},
		{"forward an hour, over the slot", -5 * time.Minute, time.Hour},
		{"back a week after it is posted", time.Minute, -7 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bot := &player{}
			bubble(t, schedule.Config{Resend: true}, bot, func(t *testing.T, f *fixture) {
				ch, slot := channelOf("T1", "C1"), time.Now().Add(10*time.Minute)
				rule := mondays
				rule.Minute = 40
				next, err := rule.Next(time.Now())
				if err != nil || !next.At.Equal(slot) {
					t.Fatal(next, err)
				}
				subscribe(t, f.store, ch, rule, next)
				f.ticks(t, time.Until(slot.Add(c.after)))
				f.now.set(time.Now().Add(c.by))
				f.ticks(t, 3*time.Hour)
				// And somebody sets the same schedule again.
				change(t, f.store, ch, func(sub *briefing.Subscription) []briefing.Post {
					if sub.NextSlot, err = rule.Next(f.now.time()); err != nil {
						t.Fatal(err)
					}
					return nil
				})
				f.ticks(t, 3*time.Hour)
				f.now.set(time.Now())
				f.ticks(t, 3*time.Hour)
				keys := map[string]int{}
				for _, a := range bot.attempts("") {
					keys[a.post.Slot.Key]++
				}
				if keys[next.Key] != 1 {
					t.Errorf("it is posted %d times", keys[next.Key])
				}
				for key, n := range keys {
					if n != 1 {
						t.Errorf("%s is posted %d times", key, n)
					}
				}
			})
		})
	}
}
