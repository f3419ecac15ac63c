package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

func TestCountsSayHowThingsStand(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		for tenant, channels := range map[string]int{"T1": 6, "T2": 1} {
			for i := range channels {
				subscribe(t, s, channelOf(tenant, fmt.Sprintf("C%d", i)), monday)
			}
		}
		if _, err := s.Plan(t.Context(), monday, 100, due(monday)); err != nil {
			t.Fatal(err)
		}
		claimed, err := s.Claim(t.Context(), briefing.Tenant{Platform: briefing.Slack, ID: "T1"}, "me", "1", 5, monday,
			func(_ *briefing.Subscription, p *briefing.Post) { p.State, p.Question = briefing.PostSending, "q" })
		if err != nil || len(claimed.Posts) != 5 {
			t.Fatal(len(claimed.Posts), err)
		}
		var results []briefing.Result
		for i, r := range []briefing.Result{
			{Post: briefing.Post{State: briefing.PostSent}},
			{Post: briefing.Post{State: briefing.PostUnconfirmed, Cause: briefing.CauseNoAnswer}},
			{Post: briefing.Post{State: briefing.PostFailed, Cause: briefing.CauseGone}, Pause: briefing.CauseGone},
			{Post: briefing.Post{State: briefing.PostFailed, Cause: briefing.CauseRejected}},
		} {
			post := claimed.Posts[i]
			post.State, post.Cause = r.Post.State, r.Post.Cause
			results = append(results, briefing.Result{Post: post, Pause: r.Pause})
		}
		if err := s.Finish(t.Context(), results); err != nil {
			t.Fatal(err)
		}
		// What was tried on the page, which is off now, is nothing to look after.
		page := briefing.Channel{Platform: briefing.Web, Tenant: "local", ID: "team"}
		subscribe(t, s, page, monday)
		if err := s.Change(t.Context(), page, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
			sub.Paused, sub.NextSlot = briefing.CauseGone, briefing.Slot{}
			return nil, nil
		}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Counts(t.Context(), monday.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		want := store.Counts{
			Planned: 6, Paused: map[briefing.Cause]int{briefing.CauseGone: 1},
			Due: 2, OldestDue: monday, Sending: 1, Unconfirmed: 1, Failed: 2,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		later, err := s.Counts(t.Context(), monday.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if later.Unconfirmed != 0 || later.Failed != 0 {
			t.Errorf("what went wrong before it is asked for is counted: %+v", later)
		}
	})
}
