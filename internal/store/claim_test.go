package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/storetest"
)

func TestOneProcessDeliversForATenant(t *testing.T) {
	const lease = 10 * time.Second
	storetest.Each(t, func(t *testing.T, database string) {
		s, tenant := open(t, database), tenantOf("T1")
		subscribe(t, s, channelOf("T1", "C1"), monday.Add(time.Hour))
		may := func(holder string, now time.Time, want bool) {
			t.Helper()
			if c := claim(t, s, tenant, holder, "1", 1, now, ask("q")); c.Elsewhere == want {
				t.Errorf("%s at %s: %+v", holder, now.Sub(monday), c)
			}
		}
		may("a", monday, true)
		may("b", monday.Add(lease-time.Millisecond), false)
		may("a", monday.Add(lease-time.Millisecond), true) // renews it
		may("b", monday.Add(lease), false)
		may("b", monday.Add(2*lease-time.Millisecond), true) // took it over
		may("a", monday.Add(2*lease), false)

		// Another's clock is a little behind, or ahead.
		may("a", monday.Add(-20*time.Second), false)
		// It was set back an hour, and b is not heard of any more.
		may("a", monday.Add(-time.Hour), true)
		may("b", monday.Add(-time.Hour), false)

		release := func(holder string) {
			t.Helper()
			if err := s.Release(t.Context(), tenant, holder); err != nil {
				t.Fatal(err)
			}
		}
		release("b") // it is not b's
		may("b", monday.Add(-time.Hour), false)
		release("a")
		may("b", monday.Add(-time.Hour), true)
		// A tenant that nobody knows.
		if c := claim(t, s, tenantOf("nobody"), "a", "1", 1, monday, ask("q")); !c.Elsewhere {
			t.Errorf("%+v", c)
		}
	})
}

func TestClaimSaysWhatIsToBeDoneAndWhenThereIsMore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, tenant := open(t, database), tenantOf("T1")
		second, third := monday.Add(time.Second), monday.Add(time.Minute)
		for i, at := range []time.Time{monday, monday, second, third} {
			ch := channelOf("T1", fmt.Sprint("C", i))
			subscribe(t, s, ch, monday.AddDate(1, 0, 0))
			if err := addPost(t, s, ch, "slot", at, briefing.PostDue); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []struct {
			n     int
			now   time.Time
			posts int
			next  time.Time
		}{
			{5, monday.Add(-time.Millisecond), 0, monday},
			{1, monday, 1, monday}, // more at once
			{5, monday, 1, second},
			{1, second, 1, third},
			{5, third.Add(-time.Millisecond), 0, third},
			{1, third, 1, time.Time{}},
			{1, third, 0, time.Time{}},
		} {
			c := claim(t, s, tenant, "me", "1", step.n, step.now, ask("q"))
			if len(c.Posts) != step.posts || !c.Next.Equal(step.next) || c.Elsewhere {
				t.Errorf("%d at %s: %d posts, and more at %s", step.n, step.now, len(c.Posts), c.Next)
			}
		}
	})
}

func TestNothingIsClaimedOfATenantThatIsHeldBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, until := open(t, database), monday.Add(30*time.Second)
		for _, tenant := range []string{"T1", "T2"} {
			for _, id := range []string{"C1", "C2"} {
				subscribe(t, s, channelOf(tenant, id), monday)
			}
		}
		planned(t, s, monday)
		c := claim(t, s, tenantOf("T1"), "me", "1", 1, monday, ask("q"))
		p := c.Posts[0]
		p.State = briefing.PostDue
		finish(t, s, briefing.Result{Post: p, TryAt: until.Add(time.Second), Hold: until})
		if c := claim(t, s, tenantOf("T1"), "me", "2", 5, until.Add(-time.Millisecond), ask("q")); len(c.Posts) > 0 || !c.Next.Equal(until) || c.Elsewhere {
			t.Errorf("held: %+v", c)
		}
		if c := claim(t, s, tenantOf("T1"), "other", "2", 5, until.Add(-time.Millisecond), ask("q")); !c.Elsewhere {
			t.Errorf("who waits keeps the lease: %+v", c)
		}
		if c := claim(t, s, tenantOf("T2"), "me", "2", 5, monday, ask("q")); len(c.Posts) != 2 {
			t.Errorf("another tenant: %+v", c)
		}
		if c := claim(t, s, tenantOf("T1"), "me", "2", 5, until, ask("q")); len(c.Posts) != 1 || !c.Next.Equal(until.Add(time.Second)) {
			t.Errorf("no longer held: %+v", c)
		}
	})
}

func TestClaimKeepsWhatWasDecided(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		for _, id := range []string{"send", "skip", "fail"} {
			subscribe(t, s, channelOf("T1", id), monday)
			if err := s.Change(t.Context(), channelOf("T1", id), func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
				sub.Neutral, sub.Channel.Route = true, "route of "+id
				return nil, nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		planned(t, s, monday)
		c := claim(t, s, tenantOf("T1"), "me", "1", 5, monday, func(sub *briefing.Subscription, p *briefing.Post) {
			switch p.Channel.ID {
			case "send":
				ask("q1")(sub, p)
			case "skip":
				p.State, p.Cause = briefing.PostSkipped, briefing.CauseLate
			case "fail":
				p.State, p.Cause, sub.Paused = briefing.PostFailed, briefing.CauseNoQuestions, briefing.CauseNoQuestions
			}
		})
		if len(c.Posts) != 1 {
			t.Fatalf("%+v", c)
		}
		want := briefing.Post{Channel: channelOf("T1", "send"), Slot: briefing.Slot{Key: "2026-11-30T09:30", At: monday}, State: briefing.PostSending, Question: "q1", Neutral: true, Claim: "1"}
		want.Channel.Route = "route of send"
		if diff := cmp.Diff(want, c.Posts[0]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		for id, want := range map[string]struct {
			state  briefing.PostState
			cause  briefing.Cause
			claim  string
			paused briefing.Cause
		}{
			"send": {state: briefing.PostSending, claim: "1"},
			"skip": {state: briefing.PostSkipped, cause: briefing.CauseLate},
			"fail": {state: briefing.PostFailed, cause: briefing.CauseNoQuestions, paused: briefing.CauseNoQuestions},
		} {
			p, sub := only(t, s, channelOf("T1", id)), read(t, s, channelOf("T1", id))
			if p.State != want.state || p.Cause != want.cause || p.Claim != want.claim || sub.Paused != want.paused || sub.NextSlot.At.IsZero() != (want.paused != "") {
				t.Errorf("%s: %+v of %+v", id, p, sub)
			}
		}
	})
}

// next asks q1, q2, q3 and again q1 and so on, with a new round each time.
func next(sub *briefing.Subscription, p *briefing.Post) {
	r := sub.Rotation
	question := fmt.Sprint("q", len(r.Asked)+1)
	if len(r.Asked) == 3 {
		question, r = "q1", briefing.Rotation{Round: r.Round + 1}
	}
	r.Last, r.Asked = question, append(slices.Clone(r.Asked), question)
	sub.Rotation, p.State, p.Question = r, briefing.PostSending, question
}

func TestRotationGoesOnFromPostToPost(t *testing.T) {
	for _, atOnce := range []int{1, 2, 5} {
		storetest.Each(t, func(t *testing.T, database string) {
			s, ch, other := open(t, database), channelOf("T1", "C1"), channelOf("T1", "C2")
			for _, ch := range []briefing.Channel{ch, other} {
				subscribe(t, s, ch, monday.AddDate(1, 0, 0))
				for i := range 10 {
					if err := addPost(t, s, ch, fmt.Sprint(i), monday.Add(time.Duration(i)), briefing.PostDue); err != nil {
						t.Fatal(err)
					}
				}
			}
			asked := map[string][]string{}
			for range 20 / atOnce {
				for _, p := range claim(t, s, tenantOf("T1"), "me", "1", atOnce, monday.Add(time.Second), next).Posts {
					asked[p.Channel.ID] = append(asked[p.Channel.ID], p.Question)
				}
			}
			want := []string{"q1", "q2", "q3", "q1", "q2", "q3", "q1", "q2", "q3", "q1"}
			if diff := cmp.Diff(map[string][]string{"C1": want, "C2": want}, asked); diff != "" {
				t.Errorf("%d at once (-want +got):\n%s", atOnce, diff)
			}
			for _, ch := range []briefing.Channel{ch, other} {
				if diff := cmp.Diff(briefing.Rotation{Round: 3, Last: "q1", Asked: []string{"q1"}}, read(t, s, ch).Rotation); diff != "" {
					t.Errorf("%d at once (-want +got):\n%s", atOnce, diff)
				}
			}
		})
	}
}

func TestRotationForgetsWhatItsCallerForgets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch := open(t, database), channelOf("T1", "C1")
		subscribe(t, s, ch, monday.AddDate(1, 0, 0))
		for i, want := range [][]string{{"q1", "q2", "q3"}, {"q1", "q2", "q3", "q4"}, {"q3", "q4", "q5"}, {"q6"}} {
			if err := addPost(t, s, ch, fmt.Sprint(i), monday, briefing.PostDue); err != nil {
				t.Fatal(err)
			}
			claim(t, s, tenantOf("T1"), "me", "1", 1, monday, func(sub *briefing.Subscription, p *briefing.Post) {
				last := want[len(want)-1]
				p.State, p.Question, sub.Rotation = briefing.PostSending, last, briefing.Rotation{Round: 7, Last: last, Asked: want}
			})
			if diff := cmp.Diff(briefing.Rotation{Round: 7, Last: want[len(want)-1], Asked: want}, read(t, s, ch).Rotation); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		}
	})
}

func TestQuestionOfAPostThatIsLeftOutIsAskedLater(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch := open(t, database), channelOf("T1", "C1")
		subscribe(t, s, ch, monday)
		planned(t, s, monday)
		p := claim(t, s, tenantOf("T1"), "me", "1", 1, monday, ask("q1")).Posts[0]
		p.State, p.Tries = briefing.PostDue, 1
		finish(t, s, briefing.Result{Post: p, TryAt: monday.Add(time.Minute)})
		if got := read(t, s, ch).Rotation.Asked; !cmp.Equal(got, []string{"q1"}) {
			t.Errorf("it is still to be asked: %q", got)
		}
		claim(t, s, tenantOf("T1"), "me", "2", 1, monday.Add(time.Hour), func(_ *briefing.Subscription, p *briefing.Post) {
			if p.Question != "q1" || p.Tries != 1 {
				t.Errorf("%+v", p)
			}
			p.State, p.Cause = briefing.PostSkipped, briefing.CauseLate
		})
		if got := read(t, s, ch).Rotation.Asked; len(got) > 0 {
			t.Errorf("nobody has seen it, and it counts as asked: %q", got)
		}
	})
}

func TestEachPostIsClaimedOnce(t *testing.T) {
	const posts, tenants, holders = 500, 5, 8
	storetest.Each(t, func(t *testing.T, database string) {
		stores := replicas(t, database)
		fill(t, stores[0], tenants, posts, monday.AddDate(1, 0, 0))
		fillPosts(t, stores[0], monday)
		var (
			wg      sync.WaitGroup
			mu      sync.Mutex
			now     = monday
			claimed = map[string]int{}
		)
		for i := range holders {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(i)))
				for left := tenants; left > 0; {
					left = tenants
					for tenant := range tenants {
						mu.Lock()
						if random.IntN(4) == 0 {
							now = now.Add(11 * time.Second) // every lease is lost
						}
						at := now
						mu.Unlock()
						c, err := stores[i%2].Claim(t.Context(), tenantOf(fmt.Sprint("T", tenant)), fmt.Sprint(i), fmt.Sprint(i), 1+random.IntN(5), at, ask("q"))
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						for _, p := range c.Posts {
							claimed[p.Channel.ID]++
						}
						if len(claimed) == posts || !c.Elsewhere && c.Next.IsZero() {
							left--
						}
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		for id, n := range claimed {
			if n != 1 {
				t.Errorf("%s was claimed %d times", id, n)
			}
		}
		if len(claimed) != posts {
			t.Errorf("%d posts were claimed", len(claimed))
		}
	})
}

// Whoever asked would wait for ever for what becomes of them.
func TestClaimThatIsNotKeptReturnsNoPosts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		subscribe(t, s, channelOf("T1", "C1"), monday)
		planned(t, s, monday)
		ctx, away := context.WithCancel(t.Context())
		claimed, err := s.Claim(ctx, tenantOf("T1"), "me", "1", 1, monday, func(_ *briefing.Subscription, p *briefing.Post) {
			p.State, p.Question = briefing.PostSending, "q"
			away() // before the commit
		})
		if err == nil || len(claimed.Posts) != 0 {
			t.Errorf("%+v, %v", claimed, err)
		}
		if again := claim(t, s, tenantOf("T1"), "me", "2", 1, monday, ask("q")); len(again.Posts) != 1 {
			t.Errorf("the next claim has %+v", again)
		}
	})
}

// SQLite has one connection, and a claim's statements are parsed on it, so that they
// are there for the next claim. The posts must not wait until it is free for that.
func TestClaimWaitsForNobodyOnceItIsKept(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.SQLite(t))
	subscribe(t, s, channelOf("T1", "C1"), monday)
	planned(t, s, monday)
	db, claimed, held := s.SQLite(), make(chan struct{}), make(chan struct{})
	queue := func() {
		defer close(held)
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close() // nothing was done with it
		select {
		case <-claimed:
		case <-time.After(10 * time.Second):
			t.Error("the claim waits for the database although it is kept")
		}
	}
	_, err := s.Claim(t.Context(), tenantOf("T1"), "me", "claim", 1, monday, func(*briefing.Subscription, *briefing.Post) {
		waiting := db.Stats().WaitCount
		go queue()
		for db.Stats().WaitCount == waiting {
			time.Sleep(time.Millisecond)
		}
	})
	close(claimed)
	<-held
	if err != nil {
		t.Error(err)
	}
}
