package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/storetest"
)

func TestPlanTakesWhatHasComeAndNothingElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		at := map[string]time.Time{
			"C1": monday.Add(-time.Hour), "C2": monday, "C3": monday.Add(time.Millisecond), "C4": {}, // paused
		}
		for id, at := range at {
			subscribe(t, s, channelOf("T1", id), at)
		}
		var took []string
		plan := func(sub *briefing.Subscription) []briefing.Post {
			took = append(took, sub.Channel.ID)
			return due(monday)(sub)
		}
		for _, step := range []struct {
			now   time.Time
			limit int
			want  []string
		}{
			{monday.Add(-2 * time.Hour), 10, nil},
			{monday, 1, []string{"C1"}}, // the one that waits longest
			{monday, 1, []string{"C2"}},
			{monday, 1, nil},
			{monday.Add(time.Millisecond), 10, []string{"C3"}},
		} {
			took = nil
			n, err := s.Plan(ctx, step.now, step.limit, plan)
			if diff := cmp.Diff(step.want, took); err != nil || n != len(step.want) || diff != "" {
				t.Errorf("at %s: %d, %v (-want +got):\n%s", step.now, n, err, diff)
			}
		}
	})
}

func TestPlanKeepsWhatItsCallerMakesOfASubscription(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch := open(t, database), channelOf("T1", "C1")
		subscribe(t, s, ch, monday)
		want := read(t, s, ch)
		want.Paused, want.Until, want.NextSlot = briefing.CauseZone, "2027-01-01", briefing.Slot{}
		late := briefing.Post{Channel: ch, Slot: briefing.Slot{Key: "late", At: monday.AddDate(0, 0, -7)}, State: briefing.PostSkipped, Cause: briefing.CauseLate}
		next := briefing.Post{Channel: ch, Slot: briefing.Slot{Key: "next", At: monday}, State: briefing.PostDue}
		if n, err := s.Plan(t.Context(), monday, 10, func(sub *briefing.Subscription) []briefing.Post {
			*sub = want
			return []briefing.Post{late, next}
		}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		posts, err := s.Posts(t.Context(), ch, 10)
		if diff := cmp.Diff([]briefing.Post{next, late}, posts); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff(want, read(t, s, ch)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestPlanThatPanicsKeepsNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		subscribe(t, s, channelOf("T1", "C1"), monday)
		before := dump(t, s, nil)
		func() {
			defer func() { _ = recover() }()
			_, _ = s.Plan(t.Context(), monday, 10, func(*briefing.Subscription) []briefing.Post { panic("oh") })
		}()
		if diff := cmp.Diff(before, dump(t, s, nil)); diff != "" {
			t.Errorf("-before +after:\n%s", diff)
		}
		planned(t, s, monday)
	})
}

func TestPlanTakesEachOnce(t *testing.T) {
	const subscriptions, planners = 2000, 8
	storetest.Each(t, func(t *testing.T, database string) {
		stores := replicas(t, database)
		s := stores[0]
		fill(t, s, 300, subscriptions, monday)
		var (
			wg    sync.WaitGroup
			mu    sync.Mutex
			took  = map[string]int{}
			count int
		)
		for i := range planners {
			wg.Go(func() {
				from := stores[i%2]
				for {
					var mine []string
					n, err := from.Plan(t.Context(), monday, 70, func(sub *briefing.Subscription) []briefing.Post {
						mine = append(mine, sub.Channel.ID)
						return due(monday)(sub)
					})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					count += n
					for _, id := range mine {
						took[id]++
					}
					mu.Unlock()
					if n == 0 {
						return
					}
				}
			})
		}
		wg.Wait()
		// Who finds all the rest locked by others takes none, and stops.
		planned(t, s, monday)
		for id, n := range took {
			if n != 1 {
				t.Errorf("%s was planned %d times", id, n)
			}
		}
		var posts, moved int
		row := databaseOf(s).QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM post WHERE state = 'due'), (SELECT COUNT(*) FROM subscription WHERE next_at = $1)`, monday.AddDate(0, 0, 7).UnixMilli())
		if err := row.Scan(&posts, &moved); err != nil || posts != subscriptions || moved != subscriptions || count != len(took) {
			t.Errorf("%d posts, %d moved, %d of %d taken, %v", posts, moved, count, len(took), err)
		}
	})
}

func TestPlanLeavesAPostThatStandsAtItsSlot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch := open(t, database), channelOf("T1", "C1")
		for _, state := range []briefing.PostState{briefing.PostDue, briefing.PostSending, briefing.PostSent, briefing.PostUnconfirmed, briefing.PostFailed, briefing.PostSkipped} {
			execute(t, s, `DELETE FROM post`)
			subscribe(t, s, ch, monday)
			planned(t, s, monday)
			// The clock is set back an hour, and somebody sets the schedule again.
			execute(t, s, `UPDATE post SET state = $1, cause = 'holiday', question = 'q', tries = 2`, string(state))
			subscribe(t, s, ch, monday)
			want := only(t, s, ch)
			if state == briefing.PostSkipped {
				want.State, want.Cause, want.Question, want.Tries = briefing.PostDue, "", "", 0
			}
			planned(t, s, monday)
			if diff := cmp.Diff(want, only(t, s, ch)); diff != "" {
				t.Errorf("at one that is %s (-want +got):\n%s", state, diff)
			}
			if got := read(t, s, ch).NextSlot.At; !got.After(monday) {
				t.Errorf("at one that is %s, the next is %s", state, got)
			}
		}
	})
}

func TestWaitingIsWhoHasSomethingToDoAndMay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		for _, ch := range []briefing.Channel{
			channelOf("due", "C1"), channelOf("due", "C2"), channelOf("held", "C1"), channelOf("later", "C1"), channelOf("sending", "C1"),
			{Platform: briefing.Teams, Tenant: "due", ID: "C1"},
		} {
			at := monday
			if ch.Tenant == "later" {
				at = monday.Add(time.Hour)
			}
			subscribe(t, s, ch, at)
		}
		planned(t, s, monday)
		claim(t, s, tenantOf("sending"), "me", "1", 1, monday, ask("q"))
		p := claim(t, s, tenantOf("held"), "me", "1", 1, monday, ask("q")).Posts[0]
		p.State = briefing.PostDue
		finish(t, s, briefing.Result{Post: p, TryAt: monday, Hold: monday.Add(time.Minute)})
		planned(t, s, monday.Add(time.Hour-time.Minute))
		for _, step := range []struct {
			by   time.Time
			want []string
		}{
			{monday.Add(-time.Millisecond), nil},
			{monday, []string{"{slack due}", "{teams due}"}},
			{monday.Add(time.Minute), []string{"{slack due}", "{slack held}", "{teams due}"}},
		} {
			tenants, err := s.Waiting(t.Context(), step.by)
			var got []string
			for _, tenant := range tenants {
				got = append(got, fmt.Sprint(tenant))
			}
			slices.Sort(got)
			if diff := cmp.Diff(step.want, got); err != nil || diff != "" {
				t.Errorf("by %s: %v (-want +got):\n%s", step.by, err, diff)
			}
		}
	})
}

func TestSweepSettlesWhatNobodyFinished(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		old, fresh := channelOf("T1", "old"), channelOf("T2", "fresh")
		subscribe(t, s, old, monday)
		subscribe(t, s, fresh, monday)
		planned(t, s, monday)
		claimed := monday.Add(time.Minute)
		claim(t, s, tenantOf("T1"), "me", "1", 1, claimed.Add(-time.Millisecond), ask("q"))
		claim(t, s, tenantOf("T2"), "me", "1", 1, claimed, ask("q"))
		sweep := func(before time.Time, resend bool, want int) {
			t.Helper()
			if n, err := s.Sweep(ctx, before, before.Add(time.Minute), resend); err != nil || n != want {
				t.Errorf("swept %d, %v", n, err)
			}
		}
		states := func(oldState, freshState briefing.PostState) {
			t.Helper()
			if o, f := only(t, s, old), only(t, s, fresh); o.State != oldState || f.State != freshState {
				t.Errorf("old %s, fresh %s", o.State, f.State)
			}
		}
		sweep(claimed, true, 1)
		states(briefing.PostDue, briefing.PostSending)
		if p := only(t, s, old); !p.Resent || p.Claim != "" {
			t.Errorf("%+v", p)
		}
		// Not before it is told to, and only once.
		if c := claim(t, s, tenantOf("T1"), "me", "2", 1, claimed.Add(time.Minute-1), ask("q")); len(c.Posts) > 0 || !c.Next.Equal(claimed.Add(time.Minute)) {
			t.Errorf("%+v", c)
		}
		if c := claim(t, s, tenantOf("T1"), "me", "2", 1, claimed.Add(time.Minute), ask("q")); len(c.Posts) != 1 || !c.Posts[0].Resent {
			t.Errorf("%+v", c)
		}
		sweep(claimed.Add(time.Hour), true, 2)
		states(briefing.PostUnconfirmed, briefing.PostDue)
		if p := only(t, s, old); p.Cause != briefing.CauseStopped {
			t.Errorf("%+v", p)
		}
		sweep(claimed.Add(2*time.Hour), true, 0)
		// Without resend, at once.
		claim(t, s, tenantOf("T2"), "me", "3", 1, claimed.Add(2*time.Hour), ask("q"))
		sweep(claimed.Add(2*time.Hour), false, 0)
		sweep(claimed.Add(2*time.Hour+time.Millisecond), false, 1)
		states(briefing.PostUnconfirmed, briefing.PostUnconfirmed)
	})
}

func TestErrorOfAClosedStoreIsNoPanic(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		subscribe(t, s, channelOf("T1", "C1"), monday)
		way := briefing.Post{Channel: channelOf("T1", "C1")}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for name, run := range methods {
			if err := run(t.Context(), s, way.Channel, way); err == nil || errors.Is(err, briefing.ErrNoSubscription) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := s.Ping(t.Context()); err == nil {
			t.Error("it answers")
		}
	})
}

// Two people type at once: one has a slot left out, of which the other does not know
// while setting the time anew.
func TestPlanLeavesOutWhatSomebodyAskedToBeLeftOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		for id, cause := range map[string]briefing.Cause{"C1": briefing.CauseAsked, "C2": briefing.CauseHoliday} {
			s, ch := open(t, database), channelOf("T"+id, id)
			subscribe(t, s, ch, monday)
			slot := read(t, s, ch).NextSlot
			if err := s.Change(t.Context(), ch, func(*briefing.Subscription, bool) ([]briefing.Post, error) {
				return []briefing.Post{{Channel: ch, Slot: slot, State: briefing.PostSkipped, Cause: cause}}, nil
			}); err != nil {
				t.Fatal(err)
			}
			planned(t, s, monday)
			posts, err := s.Posts(t.Context(), ch, 10)
			if err != nil || len(posts) != 1 || (posts[0].State == briefing.PostSkipped) != (cause == briefing.CauseAsked) {
				t.Errorf("left out for %q: %+v, %v", cause, posts, err)
			}
		}
	})
}
