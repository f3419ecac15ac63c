package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"briefingbot/internal/briefing"
	"briefingbot/internal/schedule"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

// bubble runs a test in a bubble, with a scheduler without jobs on a new SQLite file.
func bubble(t *testing.T, cfg schedule.Config, bot *player, test func(t *testing.T, f *fixture)) {
	t.Helper()
	path := storetest.SQLite(t)
	inBubble(t, func(t *testing.T) {
		f := setUp(t, open(t, path), cfg, bot)
		startAlone(t, f)
		test(t, f)
	})
}

// inBubble runs a test in a bubble, at the time of monday.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(monday))
		test(t)
	})
}

// ticks has the scheduler do what it does for a while; less often where that is long.
func (f *fixture) ticks(t testing.TB, long time.Duration) {
	t.Helper()
	step := 15 * time.Second
	if long > time.Hour {
		step = 2 * time.Minute
	}
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(step) {
		f.step(t)
	}
}

// What follows from each answer of a platform: how often a post is tried, after
// which pauses, and how it stands in the end.
func TestAnswers(t *testing.T) {
	t.Parallel()
	throttled := func(after time.Duration) error {
		return &briefing.DeliveryError{Outcome: briefing.Throttled, RetryAfter: after, Err: errors.New("429")}
	}
	gone := func(cause briefing.Cause) error {
		return &briefing.DeliveryError{Outcome: briefing.Impossible, Cause: cause, Err: errors.New("no")}
	}
	const slack = 20 * time.Millisecond
	type pause struct{ least, most time.Duration } // between two tries
	for _, c := range []struct {
		name    string
		answers []error // to one try after the other; the last stands for the rest
		resend  bool
		pauses  []pause
		state   briefing.PostState
		cause   briefing.Cause
		paused  briefing.Cause
	}{
		{name: "taken", answers: []error{nil}, state: briefing.PostSent},
		{name: "429 with a time", answers: []error{throttled(7 * time.Second), nil},
			pauses: []pause{{7 * time.Second, 7*time.Second + slack}}, state: briefing.PostSent},
		{name: "429 with a time beyond the next tick", answers: []error{throttled(50 * time.Second), throttled(3 * time.Minute), nil},
			pauses: []pause{{50 * time.Second, 65 * time.Second}, {3 * time.Minute, 3*time.Minute + 15*time.Second}}, state: briefing.PostSent},
		{name: "429 without a time", answers: []error{throttled(0), throttled(0), nil},
			pauses: []pause{{800 * time.Millisecond, 1200*time.Millisecond + slack}, {1600 * time.Millisecond, 2400*time.Millisecond + slack}}, state: briefing.PostSent},
		{name: "no connection", answers: []error{outcome(briefing.NotSent), outcome(briefing.NotSent), outcome(briefing.NotSent), outcome(briefing.NotSent), nil},
			pauses: []pause{{800 * time.Millisecond, 1300 * time.Millisecond}, {1600 * time.Millisecond, 2500 * time.Millisecond}, {3200 * time.Millisecond, 4900 * time.Millisecond}, {6400 * time.Millisecond, 9700 * time.Millisecond}},
			state:  briefing.PostSent},
		{name: "nobody knows", answers: []error{outcome(briefing.Unknown)}, state: briefing.PostUnconfirmed, cause: briefing.CauseNoAnswer},
		{name: "an error of no kind", answers: []error{errors.New("?")}, state: briefing.PostUnconfirmed, cause: briefing.CauseNoAnswer},
		{name: "nobody knows, to be sent again", answers: []error{outcome(briefing.Unknown), nil}, resend: true,
			pauses: []pause{{5 * time.Second, 5*time.Second + slack}}, state: briefing.PostSent},
		{name: "nobody knows, twice", answers: []error{outcome(briefing.Unknown)}, resend: true,
			pauses: []pause{{5 * time.Second, 5*time.Second + slack}}, state: briefing.PostUnconfirmed, cause: briefing.CauseNoAnswer},
		{name: "nobody knows, then not this message", answers: []error{outcome(briefing.Unknown), outcome(briefing.Rejected)}, resend: true,
			pauses: []pause{{5 * time.Second, 5*time.Second + slack}}, state: briefing.PostUnconfirmed, cause: briefing.CauseNoAnswer},
		{name: "nobody knows, then the channel is gone", answers: []error{outcome(briefing.Unknown), gone(briefing.CauseGone)}, resend: true,
			pauses: []pause{{5 * time.Second, 5*time.Second + slack}}, state: briefing.PostUnconfirmed, cause: briefing.CauseNoAnswer, paused: briefing.CauseGone},
		{name: "nobody knows, then 429, then nobody knows", answers: []error{outcome(briefing.Unknown), throttled(2 * time.Second), outcome(briefing.Unknown)}, resend: true,
			pauses: []pause{{5 * time.Second, 5*time.Second + slack}, {2 * time.Second, 2*time.Second + slack}}, state: briefing.PostUnconfirmed, cause: briefing.CauseNoAnswer},
		{name: "not this message", answers: []error{outcome(briefing.Rejected)}, resend: true, state: briefing.PostFailed, cause: briefing.CauseRejected},
		{name: "the channel is gone", answers: []error{gone(briefing.CauseGone)}, state: briefing.PostFailed, cause: briefing.CauseGone, paused: briefing.CauseGone},
		{name: "removed from the channel", answers: []error{gone(briefing.CauseRemoved)}, resend: true, state: briefing.PostFailed, cause: briefing.CauseRemoved, paused: briefing.CauseRemoved},
		{name: "revoked after 429", answers: []error{throttled(time.Second), gone(briefing.CauseRevoked)},
			pauses: []pause{{time.Second, time.Second + slack}}, state: briefing.PostFailed, cause: briefing.CauseRevoked, paused: briefing.CauseRevoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bot := &player{answer: func(_ context.Context, p briefing.Post, try int) error {
				if p.Channel.ID == "C2" {
					return nil
				}
				return c.answers[min(try, len(c.answers))-1]
			}}
			bubble(t, schedule.Config{Resend: c.resend}, bot, func(t *testing.T, f *fixture) {
				ch, later := channelOf("T1", "C1"), channelOf("T1", "C2")
				subscribe(t, f.store, ch, mondays, slotAt(time.Now()))
				subscribe(t, f.store, later, mondays, slotAt(time.Now().Add(5*time.Minute)))
				f.ticks(t, 15*time.Minute)
				want(t, f.store, ch, c.state, c.cause)
				want(t, f.store, later, briefing.PostSent, "")
				attempts := bot.attempts("C1")
				if len(attempts) != len(c.pauses)+1 {
					t.Fatalf("%d attempts", len(attempts))
				}
				for i, p := range c.pauses {
					if took := attempts[i+1].at.Sub(attempts[i].at); took < p.least || took > p.most {
						t.Errorf("try %d comes %v after the one before, want %v to %v", i+2, took, p.least, p.most)
					}
				}
				if sub := subscription(t, f.store, ch); sub.Paused != c.paused || sub.NextSlot.At.IsZero() != (c.paused != "") {
					t.Errorf("paused %q, next %v", sub.Paused, sub.NextSlot)
				}
			})
		})
	}
}

func TestChannelThatCannotBeReachedHardlyHoldsUpItsTenant(t *testing.T) {
	t.Parallel()
	bot := &player{answer: func(_ context.Context, p briefing.Post, _ int) error {
		if p.Channel.ID == "C0" {
			return &briefing.DeliveryError{Outcome: briefing.NotSent, Err: errors.New("no such host")}
		}
		return nil
	}}
	bubble(t, schedule.Config{}, bot, func(t *testing.T, f *fixture) {
		start := time.Now()
		subscribe(t, f.store, channelOf("T1", "C0"), mondays, slotAt(start))
		var others []briefing.Channel
		for i := 1; i <= 10; i++ {
			ch := channelOf("T1", fmt.Sprint("C", i))
			others = append(others, ch)
			subscribe(t, f.store, ch, mondays, slotAt(start.Add(20*time.Minute+time.Duration(i)*41*time.Second)))
		}
		f.ticks(t, 35*time.Minute)
		for i, ch := range others {
			p := post(t, f.store, ch)
			if late := p.SentAt.Sub(p.Slot.At); p.State != briefing.PostSent || late > 2*time.Minute {
				t.Errorf("%d is %s, %v after its time", i+1, p.State, late)
			}
		}
	})
}

func TestPanicWhileSendingIsUnconfirmedAndLoggedWithoutItsValue(t *testing.T) {
	f, ch := alone(t, schedule.Config{}, &player{answer: func(context.Context, briefing.Post, int) error { panic("what somebody typed") }}), channelOf("T1", "C1")
	subscribe(t, f.store, ch, mondays, slotAt(time.Now()))
	f.step(t)
	f.step(t)
	want(t, f.store, ch, briefing.PostUnconfirmed, briefing.CauseNoAnswer)
	if n := len(f.bot.attempts("")); n != 1 {
		t.Errorf("%d attempts", n)
	}
	all := fmt.Sprint(f.log.All())
	if strings.Contains(all, "typed") || !strings.Contains(all, "panic of string") || f.log.FilterLevelExact(zapcore.ErrorLevel).Len() != 1 {
		t.Errorf("the log: %s", all)
	}
}

// A panic would go through the store's transaction, and block a file for good.
func TestPanicWhileChoosingFailsThatPostAlone(t *testing.T) {
	bot := &player{choose: func(sub *briefing.Subscription) string {
		if sub.Channel.ID == "C1" {
			panic("a bug")
		}
		return "q"
	}}
	f := alone(t, schedule.Config{}, bot)
	for i := range 4 {
		subscribe(t, f.store, channelOf("T1", fmt.Sprint("C", i)), mondays, slotAt(time.Now()))
	}
	f.step(t)
	for i := range 4 {
		if i == 1 {
			want(t, f.store, channelOf("T1", "C1"), briefing.PostFailed, briefing.CauseFault)
			continue
		}
		want(t, f.store, channelOf("T1", fmt.Sprint("C", i)), briefing.PostSent, "")
	}
}

func TestChannelThatIsGonePausesItAlone(t *testing.T) {
	t.Parallel()
	bot := &player{answer: func(_ context.Context, p briefing.Post, _ int) error {
		if p.Channel.Tenant == "T1" && p.Channel.ID == "C1" {
			return &briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseGone, Err: errors.New("is_archived")}
		}
		return nil
	}}
	bubble(t, schedule.Config{}, bot, func(t *testing.T, f *fixture) {
		for _, tenant := range []string{"T1", "T2"} {
			for _, id := range []string{"C1", "C2", "C3"} {
				subscribe(t, f.store, channelOf(tenant, id), mondays, slotAt(time.Now()))
			}
		}
		for range 3 * 7 * 24 { // three weeks
			f.step(t)
			time.Sleep(time.Hour)
		}
		for _, tenant := range []string{"T1", "T2"} {
			for _, id := range []string{"C1", "C2", "C3"} {
				posts, sub := postsOf(t, f.store, channelOf(tenant, id)), subscription(t, f.store, channelOf(tenant, id))
				if tenant == "T1" && id == "C1" {
					if len(posts) != 1 || posts[0].State != briefing.PostFailed || sub.Paused != briefing.CauseGone {
						t.Errorf("%d posts, paused %q", len(posts), sub.Paused)
					}
					continue
				}
				if len(posts) != 3 || sub.Paused != "" {
					t.Errorf("%s %s has %d posts, paused %q", tenant, id, len(posts), sub.Paused)
				}
			}
		}
		if n := len(bot.attempts("")); n != 5*3+1 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestRevokedTokenCostsOneAttemptForEachPost(t *testing.T) {
	t.Parallel()
	const channels = 200
	bot := &player{answer: func(_ context.Context, p briefing.Post, _ int) error {
		if p.Channel.Tenant == "T1" {
			return &briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseRevoked, Err: errors.New("token_revoked")}
		}
		return nil
	}}
	bubble(t, schedule.Config{}, bot, func(t *testing.T, f *fixture) {
		slot := slotAt(time.Now())
		for i := range channels {
			subscribe(t, f.store, channelOf("T1", fmt.Sprint("C", i)), mondays, slot)
		}
		subscribe(t, f.store, channelOf("T2", "other"), mondays, slot)
		f.ticks(t, 10*time.Minute)
		want(t, f.store, channelOf("T2", "other"), briefing.PostSent, "")
		for i := range channels {
			ch := channelOf("T1", fmt.Sprint("C", i))
			want(t, f.store, ch, briefing.PostFailed, briefing.CauseRevoked)
			if sub := subscription(t, f.store, ch); sub.Paused != briefing.CauseRevoked {
				t.Errorf("%s is not paused", ch.ID)
			}
		}
		if n := len(bot.attempts("")); n != channels+1 {
			t.Errorf("%d attempts", n)
		}
	})
}

// A platform that cannot be reached is not stormed, however many posts are due.
func TestNoConnectionForHoursIsNoStorm(t *testing.T) {
	t.Parallel()
	const channels = 50
	bot := &player{answer: func(context.Context, briefing.Post, int) error { return outcome(briefing.NotSent) }}
	bubble(t, schedule.Config{}, bot, func(t *testing.T, f *fixture) {
		slot := slotAt(time.Now())
		for i := range channels {
			subscribe(t, f.store, channelOf("T1", fmt.Sprint("C", i)), mondays, slot)
		}
		f.ticks(t, 5*time.Hour)
		for i := range channels {
			want(t, f.store, channelOf("T1", fmt.Sprint("C", i)), briefing.PostSkipped, briefing.CauseLate)
		}
		inSecond := map[int64]int{}
		for _, a := range bot.attempts("") {
			inSecond[a.at.Unix()]++
			if inSecond[a.at.Unix()] > 32 {
				t.Fatalf("more than 32 attempts in a second")
			}
		}
		if n := len(bot.attempts("")); n > 1500 {
			t.Errorf("%d attempts in 4 hours", n)
		}
	})
}

func TestLostClaimBecomesUnconfirmedOrIsSentOnceMore(t *testing.T) {
	t.Parallel()
	for _, resend := range []bool{false, true} {
		t.Run(fmt.Sprint("resend ", resend), func(t *testing.T) {
			t.Parallel()
			bot := &player{}
			bubble(t, schedule.Config{Resend: resend}, bot, func(t *testing.T, f *fixture) {
				ch := channelOf("T1", "C1")
				subscribe(t, f.store, ch, mondays, slotAt(time.Now()))
				if err := f.Plan(t.Context()); err != nil {
					t.Fatal(err)
				}
				claimLost(t, f.store, tenantOf(ch))
				f.ticks(t, 35*time.Second)
				if p := post(t, f.store, ch); p.State != briefing.PostSending {
					t.Fatalf("after 35 s it is %s", p.State)
				}
				f.ticks(t, time.Minute)
				if resend { // where another's clock may be a minute ahead
					if p := post(t, f.store, ch); p.State != briefing.PostSending {
						t.Fatalf("after 95 s it is %s", p.State)
					}
					f.ticks(t, time.Minute)
					want(t, f.store, ch, briefing.PostSent, "")
					return
				}
				want(t, f.store, ch, briefing.PostUnconfirmed, briefing.CauseStopped)
				if len(bot.attempts("")) != 0 {
					t.Error("it is sent again")
				}
			})
		})
	}
}

// claimLost claims what a tenant has as a process does that is then killed.
func claimLost(t testing.TB, s *store.Store, tenant briefing.Tenant) {
	t.Helper()
	got, err := s.Claim(t.Context(), tenant, "somebody", "claim", 10, time.Now(), func(_ *briefing.Subscription, p *briefing.Post) { p.State, p.Question = briefing.PostSending, "q" })
	if err != nil || len(got.Posts) == 0 {
		t.Fatal(got, err)
	}
}

// A post that is to be sent once more may have arrived: where its second try cannot
// be, it is not one that was left out.
func TestSecondTryThatCannotBeLeavesThePostUnconfirmed(t *testing.T) {
	t.Parallel()
	for name, cannot := range map[string]func(t *testing.T, f *fixture, ch briefing.Channel){
		"too late": func(t *testing.T, f *fixture, _ briefing.Channel) { time.Sleep(5 * time.Hour) },
		"paused": func(t *testing.T, f *fixture, ch briefing.Channel) {
			change(t, f.store, ch, func(sub *briefing.Subscription) []briefing.Post {
				sub.Paused, sub.NextSlot = briefing.CauseAsked, briefing.Slot{}
				return nil
			})
			time.Sleep(10 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(context.Background())
			bot := &player{answer: func(context.Context, briefing.Post, int) error {
				cancel() // and the bot stops
				return outcome(briefing.Unknown)
			}}
			bubble(t, schedule.Config{Resend: true}, bot, func(t *testing.T, f *fixture) {
				ch := channelOf("T1", "C1")
				subscribe(t, f.store, ch, mondays, slotAt(time.Now()))
				if err := f.Plan(t.Context()); err != nil {
					t.Fatal(err)
				}
				_, _ = f.Deliver(ctx, tenantOf(ch)) // what it says depends on where it is cut off
				want(t, f.store, ch, briefing.PostDue, "")
				cannot(t, f, ch)
				f.step(t)
				want(t, f.store, ch, briefing.PostUnconfirmed, briefing.CauseNoAnswer)
			})
		})
	}
}
