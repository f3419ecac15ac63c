package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

// underWay is a channel whose post was claimed.
func underWay(t *testing.T, database string) (*store.Store, briefing.Channel, briefing.Post) {
	t.Helper()
	s, ch := open(t, database), channelOf("T1", "C1")
	subscribe(t, s, ch, monday)
	planned(t, s, monday)
	return s, ch, claim(t, s, tenantOf("T1"), "me", "mine", 1, monday, ask("q1")).Posts[0]
}

func TestFinishKeepsWhatBecameOfAPost(t *testing.T) {
	for _, state := range []briefing.PostState{briefing.PostSent, briefing.PostUnconfirmed, briefing.PostFailed, briefing.PostDue} {
		t.Run(string(state), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, database string) {
				s, ch, p := underWay(t, database)
				p.State, p.Cause, p.Tries, p.Resent, p.SentAt, p.Message = state, briefing.CauseRejected, 4, true, monday.Add(time.Second), "a message"
				finish(t, s, briefing.Result{Post: p, TryAt: monday.Add(time.Minute)})
				if diff := cmp.Diff(p, only(t, s, ch)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}

func TestWhatIsSettledStays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch, p := underWay(t, database)
		all := []briefing.PostState{briefing.PostSent, briefing.PostUnconfirmed, briefing.PostFailed, briefing.PostDue, briefing.PostSending, briefing.PostSkipped}
		try := func(is, says briefing.PostState, mark string) {
			execute(t, s, `UPDATE subscription SET paused = '', next_slot = '2026-12-07T09:30', next_at = $1`, monday.AddDate(0, 0, 7).UnixMilli())
			execute(t, s, `INSERT INTO asked VALUES ('slack', 'T1', 'C1', 'q1') ON CONFLICT DO NOTHING`)
			execute(t, s, `UPDATE post SET state = $1, claim = 'mine', cause = '', message = ''`, string(is))
			before := dump(t, s, nil)
			r := briefing.Result{Post: p, TryAt: monday.Add(time.Minute)}
			r.Post.State, r.Post.Cause, r.Post.Message, r.Post.Claim = says, briefing.CauseNoAnswer, "a message", mark
			if says == briefing.PostFailed {
				r.Pause = briefing.CauseGone
			}
			finish(t, s, r)
			counts := mark == "mine" && (is == briefing.PostSending || is == briefing.PostUnconfirmed && says != briefing.PostDue)
			if changed := !cmp.Equal(before, dump(t, s, nil)); changed != counts {
				t.Errorf("a post that is %s, told to be %s by %q: changed %t", is, says, mark, changed)
			}
			if counts && only(t, s, ch).State != says {
				t.Errorf("%s is not %s: %+v", is, says, only(t, s, ch))
			}
		}
		for _, is := range all {
			for _, says := range []briefing.PostState{briefing.PostSent, briefing.PostUnconfirmed, briefing.PostFailed, briefing.PostDue} {
				if is == briefing.PostFailed && says == is {
					continue // the same said twice, with the same consequences
				}
				for _, mark := range []string{"mine", "another", ""} {
					try(is, says, mark)
				}
			}
		}
	})
}

func TestLateAnswerPutsAnUnconfirmedPostRight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch, p := underWay(t, database)
		if n, err := s.Sweep(t.Context(), monday.Add(time.Minute), monday.Add(time.Minute), false); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		p.State, p.Message, p.SentAt = briefing.PostSent, "a message", monday.Add(time.Second)
		finish(t, s, briefing.Result{Post: p})
		if diff := cmp.Diff(p, only(t, s, ch)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestLateAnswerIsIgnoredOnceThePostIsSentAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch, p := underWay(t, database)
		again := monday.Add(time.Minute)
		if n, err := s.Sweep(t.Context(), again, again, true); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		p.State = briefing.PostFailed
		finish(t, s, briefing.Result{Post: p, Pause: briefing.CauseGone})
		want := claim(t, s, tenantOf("T1"), "other", "another", 1, again, ask("q1")).Posts[0]
		finish(t, s, briefing.Result{Post: p, Pause: briefing.CauseGone})
		if diff := cmp.Diff(want, only(t, s, ch)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if sub := read(t, s, ch); sub.Paused != "" || !cmp.Equal(sub.Rotation.Asked, []string{"q1"}) {
			t.Errorf("%+v", sub)
		}
	})
}

func TestPostThatIsDueAgainWaitsAsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, _, p := underWay(t, database)
		at := monday.Add(90 * time.Second)
		p.State, p.Tries = briefing.PostDue, 1
		finish(t, s, briefing.Result{Post: p, TryAt: at})
		if c := claim(t, s, tenantOf("T1"), "me", "2", 1, at.Add(-time.Millisecond), ask("q1")); len(c.Posts) > 0 || !c.Next.Equal(at) {
			t.Errorf("%+v", c)
		}
		c := claim(t, s, tenantOf("T1"), "me", "2", 1, at, func(_ *briefing.Subscription, p *briefing.Post) {
			if p.Question != "q1" || p.Tries != 1 {
				t.Errorf("%+v", p)
			}
			p.State = briefing.PostSending
		})
		if len(c.Posts) != 1 || c.Posts[0].Claim != "2" {
			t.Errorf("%+v", c)
		}
	})
}

func TestFailedPostGivesItsQuestionBackAndPausesItsChannel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch, p := underWay(t, database)
		other := channelOf("T1", "C2")
		subscribe(t, s, other, monday)
		planned(t, s, monday)
		q := claim(t, s, tenantOf("T1"), "me", "mine", 1, monday, ask("q1")).Posts[0]
		p.State, p.Cause = briefing.PostFailed, briefing.CauseRemoved
		q.State, q.Message = briefing.PostSent, "a message"
		finish(t, s, briefing.Result{Post: p, Pause: briefing.CauseRemoved}, briefing.Result{Post: q})
		sub := read(t, s, ch)
		if sub.Paused != briefing.CauseRemoved || sub.NextSlot != (briefing.Slot{}) || len(sub.Rotation.Asked) != 0 || sub.Rotation.Last != "q1" {
			t.Errorf("%+v", sub)
		}
		if sub := read(t, s, other); sub.Paused != "" || sub.NextSlot.At.IsZero() || len(sub.Rotation.Asked) != 1 {
			t.Errorf("the other: %+v", sub)
		}
	})
}

func TestHoldIsOnlyRaised(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, _, p := underWay(t, database)
		p.State = briefing.PostDue
		hold := func(holds ...time.Duration) time.Time {
			var results []briefing.Result
			for _, d := range holds {
				results = append(results, briefing.Result{Post: p, TryAt: monday, Hold: monday.Add(d)})
			}
			finish(t, s, results...)
			return claim(t, s, tenantOf("T1"), "me", "2", 1, monday.Add(-time.Hour), ask("q")).Next
		}
		// Of several in one go the last to end counts, whatever their order.
		for _, step := range []struct {
			holds []time.Duration
			want  time.Duration
		}{
			{[]time.Duration{10, 30, 20}, 30}, {[]time.Duration{5}, 30}, {[]time.Duration{31, 29}, 31}, {[]time.Duration{1, 40}, 40},
		} {
			for i := range step.holds {
				step.holds[i] *= time.Second
			}
			if got := hold(step.holds...); !got.Equal(monday.Add(step.want * time.Second)) {
				t.Errorf("%v: %s", step.holds, got.Sub(monday))
			}
		}
	})
}

func TestFinishOfNothingIsNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, _, _ := underWay(t, database)
		before := dump(t, s, nil)
		finish(t, s)
		if diff := cmp.Diff(before, dump(t, s, nil)); diff != "" {
			t.Errorf("-before +after:\n%s", diff)
		}
	})
}
