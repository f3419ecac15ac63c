package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

// methods runs, for a channel that has a post that is due and one under way, every
// method of a store that takes a channel, a tenant, or results.
var methods = map[string]func(ctx context.Context, s *store.Store, ch briefing.Channel, way briefing.Post) error{
	"Subscription": func(ctx context.Context, s *store.Store, ch briefing.Channel, _ briefing.Post) error {
		_, err := s.Subscription(ctx, ch)
		return err
	},
	"Posts": func(ctx context.Context, s *store.Store, ch briefing.Channel, _ briefing.Post) error {
		_, err := s.Posts(ctx, ch, 100)
		return err
	},
	"Change": func(ctx context.Context, s *store.Store, ch briefing.Channel, _ briefing.Post) error {
		return s.Change(ctx, ch, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
			*sub = full()
			sub.Channel = ch
			return []briefing.Post{{Channel: ch, Slot: briefing.Slot{Key: "skipped", At: monday}, State: briefing.PostDue}}, nil
		})
	},
	"LearnRoute": func(ctx context.Context, s *store.Store, ch briefing.Channel, _ briefing.Post) error {
		ch.Route = "another"
		return s.LearnRoute(ctx, ch)
	},
	"Remove": func(ctx context.Context, s *store.Store, ch briefing.Channel, _ briefing.Post) error {
		return s.Remove(ctx, ch)
	},
	"Held": func(ctx context.Context, s *store.Store, ch briefing.Channel, _ briefing.Post) error {
		_, err := s.Held(ctx, briefing.Tenant{Platform: ch.Platform, ID: ch.Tenant})
		return err
	},
	"Export": func(ctx context.Context, s *store.Store, ch briefing.Channel, _ briefing.Post) error {
		_, err := s.Export(ctx, briefing.Tenant{Platform: ch.Platform, ID: ch.Tenant})
		return err
	},
	"Purge": func(ctx context.Context, s *store.Store, ch briefing.Channel, _ briefing.Post) error {
		_, err := s.Purge(ctx, briefing.Tenant{Platform: ch.Platform, ID: ch.Tenant})
		return err
	},
	"Forget": func(ctx context.Context, s *store.Store, ch briefing.Channel, _ briefing.Post) error {
		_, err := s.Forget(ctx, briefing.Tenant{Platform: ch.Platform, ID: ch.Tenant}, func(briefing.Channel) bool { return true })
		return err
	},
	"Claim": func(ctx context.Context, s *store.Store, ch briefing.Channel, _ briefing.Post) error {
		_, err := s.Claim(ctx, briefing.Tenant{Platform: ch.Platform, ID: ch.Tenant}, "me", "2", 100, monday, func(sub *briefing.Subscription, p *briefing.Post) {
			p.State, p.Question, sub.Paused = briefing.PostSending, "q3", briefing.CauseNoQuestions
			sub.Rotation = briefing.Rotation{Round: sub.Rotation.Round + 1, Last: "q3", Asked: []string{"q3"}}
		})
		return err
	},
	"Release": func(ctx context.Context, s *store.Store, ch briefing.Channel, _ briefing.Post) error {
		return s.Release(ctx, briefing.Tenant{Platform: ch.Platform, ID: ch.Tenant}, "me")
	},
	"Finish": func(ctx context.Context, s *store.Store, _ briefing.Channel, way briefing.Post) error {
		way.State, way.Cause = briefing.PostFailed, briefing.CauseGone
		return s.Finish(ctx, []briefing.Result{{Post: way, Pause: briefing.CauseGone, Hold: monday.Add(time.Hour)}})
	},
}

// global are the methods that are about no channel or tenant, or about all.
var global = []string{"Close", "Counts", "Data", "Ping", "Plan", "Postgres", "Prune", "SQLite", "Sweep", "Tenants", "Waiting"}

func TestEveryMethodIsHeldToItsTenant(t *testing.T) {
	of := reflect.TypeFor[*store.Store]()
	for i := range of.NumMethod() {
		m := of.Method(i)
		takes := false
		for j := 1; j < m.Type.NumIn(); j++ {
			switch m.Type.In(j) {
			case reflect.TypeFor[briefing.Channel](), reflect.TypeFor[briefing.Tenant](), reflect.TypeFor[[]briefing.Result]():
				takes = true
			}
		}
		if tested := methods[m.Name] != nil; tested == slices.Contains(global, m.Name) || takes && !tested {
			t.Errorf("%s belongs either into methods or, where it is about no tenant or about all, into global", m.Name)
		}
	}
}

func TestTenantsAndPlatformsAreApart(t *testing.T) {
	slack := func(tenant, id string) briefing.Channel {
		return briefing.Channel{Platform: briefing.Slack, Tenant: tenant, ID: id, Route: "route"}
	}
	teams := func(tenant, id string) briefing.Channel {
		return briefing.Channel{Platform: briefing.Teams, Tenant: tenant, ID: id, Route: "route"}
	}
	mine := slack("T1", "C1")
	// The same channel, in another tenant and on another platform; the ids swapped;
	// and ids that a pattern, or one string of both, would take for the same.
	others := []briefing.Channel{slack("T2", "C1"), teams("T1", "C1"), slack("C1", "T1"), slack("T%", "C1"), slack("T_", "C_"), slack("T1C", "1"), slack("t1", "c1"), slack("T1 ", "C1"), slack("T1'--", "C1")}
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		set := func(ch briefing.Channel) (way briefing.Post) {
			subscribe(t, s, ch, monday.AddDate(1, 0, 0))
			for key, state := range map[string]briefing.PostState{"way": briefing.PostDue, "skipped": briefing.PostSkipped} {
				if err := addPost(t, s, ch, key, monday, state); err != nil {
					t.Fatal(err)
				}
			}
			tenant := briefing.Tenant{Platform: ch.Platform, ID: ch.Tenant}
			way = claim(t, s, tenant, "me", "1", 1, monday, ask("q1")).Posts[0]
			if err := addPost(t, s, ch, "due", monday, briefing.PostDue); err != nil {
				t.Fatal(err)
			}
			return way
		}
		for _, ch := range others {
			set(ch)
		}
		notMine := func(row map[string]any) bool { return row["platform"] != "slack" || row["tenant"] != "T1" }
		type shown struct {
			sub   briefing.Subscription
			posts []briefing.Post
		}
		show := func() (out []shown) {
			for _, ch := range others {
				posts, err := s.Posts(ctx, ch, 100)
				if err != nil || len(posts) != 3 {
					t.Fatal(len(posts), err)
				}
				out = append(out, shown{read(t, s, ch), posts})
			}
			return out
		}
		before, rows := show(), dump(t, s, notMine)
		if len(rows) != len(others)*6 {
			t.Fatalf("%d rows:\n%s", len(rows), strings.Join(rows, "\n"))
		}
		for name, run := range methods {
			way := set(mine)
			if err := run(ctx, s, mine, way); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(before, show(), cmp.AllowUnexported(shown{})); diff != "" {
				t.Errorf("%s reached others (-before +after):\n%s", name, diff)
			}
			if diff := cmp.Diff(rows, dump(t, s, notMine)); diff != "" {
				t.Errorf("%s reached others (-before +after):\n%s", name, diff)
			}
			if !slices.Contains([]string{"Remove", "Purge", "Forget"}, name) {
				if err := s.Remove(ctx, mine); err != nil {
					t.Fatal(err)
				}
			}
		}
		// Nor is anything of another tenant's found where there is nothing of one's own.
		if _, err := s.Subscription(ctx, mine); err != briefing.ErrNoSubscription {
			t.Error(err)
		}
		if posts, err := s.Posts(ctx, mine, 100); err != nil || len(posts) != 0 {
			t.Errorf("%+v, %v", posts, err)
		}
		if c := claim(t, s, tenantOf("T1"), "me", "1", 100, monday, ask("q")); !c.Elsewhere || len(c.Posts) > 0 {
			t.Errorf("%+v", c)
		}
	})
}

func TestRemoveLeavesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		first := briefing.Channel{Platform: briefing.Slack, Tenant: "TheTenant", ID: "TheFirst", Route: "TheFirstRoute"}
		last := briefing.Channel{Platform: briefing.Slack, Tenant: "TheTenant", ID: "TheLast", Route: "TheLastRoute"}
		for _, ch := range []briefing.Channel{first, last} {
			subscribe(t, s, ch, monday)
		}
		planned(t, s, monday)
		for _, p := range claim(t, s, tenantOf("TheTenant"), "me", "1", 10, monday, ask("q")).Posts {
			p.State, p.Message = briefing.PostSent, "TheMessage"
			finish(t, s, briefing.Result{Post: p})
		}
		left := func(what string) int { return strings.Count(everything(t, s), what) }
		if left("TheFirst") < 3 || left("TheTenant") < 3 {
			t.Fatalf("there is too little to remove:\n%s", everything(t, s))
		}
		if err := s.Remove(ctx, first); err != nil {
			t.Fatal(err)
		}
		if left("TheFirst") != 0 || left("TheLast") == 0 || left("TheTenant") == 0 {
			t.Errorf("the first is gone, and this is left:\n%s", everything(t, s))
		}
		if err := s.Remove(ctx, last); err != nil {
			t.Fatal(err)
		}
		if left("The") != 0 {
			t.Errorf("both are gone, and this is left:\n%s", everything(t, s))
		}
		if err := s.Remove(ctx, last); err != briefing.ErrNoSubscription {
			t.Error(err)
		}
		if err := s.Remove(ctx, channelOf("nobody", "C1")); err != briefing.ErrNoSubscription {
			t.Error(err)
		}
	})
}

// everything is every table of the database, River's as well.
func everything(t *testing.T, s *store.Store) string {
	t.Helper()
	tables, err := s.Data(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, table := range tables {
		found, err := databaseOf(s).QueryContext(t.Context(), "SELECT * FROM "+table.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range scan(t, found) {
			for name, value := range row {
				if b, ok := value.([]byte); ok {
					row[name] = string(b)
				}
			}
			fmt.Fprintln(&out, table.Name, row)
		}
	}
	return out.String()
}

func TestRemovedChannelStaysRemovedWhilePostsAreOnTheirWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch := open(t, database), channelOf("T1", "C1")
		subscribe(t, s, ch, monday)
		planned(t, s, monday)
		p := claim(t, s, tenantOf("T1"), "me", "1", 1, monday, ask("q")).Posts[0]
		if err := s.Remove(t.Context(), ch); err != nil {
			t.Fatal(err)
		}
		p.State, p.Cause = briefing.PostFailed, briefing.CauseGone
		finish(t, s, briefing.Result{Post: p, Pause: briefing.CauseGone, Hold: monday.Add(time.Hour)})
		if rows := dump(t, s, nil); len(rows) > 0 {
			t.Errorf("%s", rows)
		}
		// And what becomes of it says nothing about a new one.
		subscribe(t, s, ch, monday)
		finish(t, s, briefing.Result{Post: p, Pause: briefing.CauseGone})
		if sub := read(t, s, ch); sub.Paused != "" || sub.NextSlot.At.IsZero() {
			t.Errorf("%+v", sub)
		}
	})
}

// A channel that nobody wants to be remembered is not in SQLite's log either.
func TestRemovedChannelLeavesNoTraceInTheFiles(t *testing.T) {
	database := storetest.SQLite(t)
	s, ch := open(t, database), channelOf("T1", "Cunmistakable")
	subscribe(t, s, ch, monday)
	traces := func() (n int) {
		t.Helper()
		for _, suffix := range []string{"", "-wal"} {
			body, err := os.ReadFile(database + suffix)
			if err != nil {
				t.Fatal(err)
			}
			n += bytes.Count(body, []byte(ch.ID))
		}
		return n
	}
	if traces() == 0 {
		t.Fatal("the channel is not found while it is there")
	}
	if err := s.Remove(t.Context(), ch); err != nil {
		t.Fatal(err)
	}
	if n := traces(); n > 0 {
		t.Errorf("it is there %d times", n)
	}
	// It did not wait for readers, and everything else does again.
	var patience int
	if err := s.SQLite().QueryRowContext(t.Context(), "PRAGMA busy_timeout").Scan(&patience); err != nil || patience != 2000 {
		t.Errorf("the connection waits for %d ms, %v", patience, err)
	}
}

func TestRemoveAndEverythingElseAtTheSameTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		stop := time.Now().Add(2 * time.Second)
		channels := []briefing.Channel{channelOf("T1", "C1"), channelOf("T1", "C2")}
		var wg sync.WaitGroup
		loop := func(do func(i int)) {
			wg.Go(func() {
				for i := 0; time.Now().Before(stop); i++ {
					do(i)
				}
			})
		}
		for _, ch := range channels {
			loop(func(int) {
				subscribe(t, s, ch, monday)
				if err := s.Remove(ctx, ch); err != nil {
					t.Error(err)
				}
			})
		}
		for range 2 {
			loop(func(int) {
				if _, err := s.Plan(ctx, monday, 10, due(monday)); err != nil {
					t.Error(err)
				}
			})
		}
		loop(func(i int) {
			c, err := s.Claim(ctx, tenantOf("T1"), "me", fmt.Sprint(i), 2, monday, ask("q"))
			if err != nil {
				t.Error(err)
			}
			for _, p := range c.Posts {
				p.State = briefing.PostFailed
				if err := s.Finish(ctx, []briefing.Result{{Post: p, Pause: briefing.CauseGone, Hold: monday.Add(-time.Hour)}}); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		if rows := dump(t, s, nil); len(rows) > 0 {
			t.Errorf("nobody has a subscription, and this is left: %s", rows)
		}
	})
}

func TestRouteIsLearntOnlyWhereThereIsASubscription(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		ch := channelOf("T1", "C1")
		ch.Route = "learnt"
		if err := s.LearnRoute(ctx, ch); err != nil {
			t.Fatal(err)
		}
		if rows := dump(t, s, nil); len(rows) > 0 {
			t.Errorf("%s", rows)
		}
		subscribe(t, s, channelOf("T1", "C1"), monday)
		if err := s.LearnRoute(ctx, ch); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s, ch); got.Channel != ch || got.Rule.Every != 1 {
			t.Errorf("%+v", got)
		}
		planned(t, s, monday)
		if p := claim(t, s, tenantOf("T1"), "me", "1", 1, monday, ask("q")).Posts[0]; p.Channel.Route != "learnt" {
			t.Errorf("%+v", p)
		}
	})
}
