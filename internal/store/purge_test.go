package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

// addJob adds a job as River does, which names a tenant.
func addJob(t testing.TB, s *store.Store, tenant briefing.Tenant) {
	t.Helper()
	cast := "jsonb($1)"
	if s.Postgres() != nil {
		cast = "CAST($1 AS jsonb)"
	}
	execute(t, s, `INSERT INTO river_job (args, kind, max_attempts, priority, queue, state) VALUES (`+cast+`, 'deliver', 1, 1, 'default', 'available')`,
		fmt.Sprintf(`{"platform": %q, "tenant": %q}`, tenant.Platform, tenant.ID))
}

// lived is a tenant's channels, each with a question that was posted.
func lived(t testing.TB, s *store.Store, channels ...briefing.Channel) {
	t.Helper()
	for _, ch := range channels {
		subscribe(t, s, ch, monday)
	}
	planned(t, s, monday)
	tenant := briefing.Tenant{Platform: channels[0].Platform, ID: channels[0].Tenant}
	for _, p := range claim(t, s, tenant, "me", "1", 100, monday, ask("q")).Posts {
		p.State, p.SentAt, p.Message = briefing.PostSent, monday.Add(time.Second), "m"
		finish(t, s, briefing.Result{Post: p})
	}
	addJob(t, s, tenant)
}

func TestPurgeLeavesNothingOfATenantAndEverythingOfOthers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		// A tenant of another platform with the same id is another.
		teams := briefing.Channel{Platform: briefing.Teams, Tenant: "TheTenant", ID: "TeamsChannel", Route: "r"}
		lived(t, s, channelOf("TheOther", "C9"))
		lived(t, s, teams)
		before := everything(t, s)
		lived(t, s, channelOf("TheTenant", "TheFirst"), channelOf("TheTenant", "TheLast"))

		want := store.Held{Tenant: tenantOf("TheTenant"), Channels: 2, Asked: 2, Posts: 2, Jobs: 1}
		if held, err := s.Held(ctx, tenantOf("TheTenant")); err != nil || held != want {
			t.Errorf("%+v, %v", held, err)
		}
		if gone, err := s.Purge(ctx, tenantOf("TheTenant")); err != nil || gone != want {
			t.Errorf("%+v, %v", gone, err)
		}
		if diff := cmp.Diff(before, everything(t, s)); diff != "" {
			t.Errorf("-before +after:\n%s", diff)
		}
		if gone, err := s.Purge(ctx, tenantOf("TheTenant")); err != nil || !gone.Nothing() {
			t.Errorf("a second time: %+v, %v", gone, err)
		}
		if diff := cmp.Diff(before, everything(t, s)); diff != "" {
			t.Errorf("a second time: -before +after:\n%s", diff)
		}
	})
}

func TestTenantsAreListedWithWhatThereIs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		if got, err := s.Tenants(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
		lived(t, s, channelOf("T2", "C1"), channelOf("T2", "C2"))
		subscribe(t, s, channelOf("T1", "C1"), monday)
		// What a crash or a hand left without a subscription is there, too.
		execute(t, s, `INSERT INTO asked (platform, tenant, channel, question) VALUES ('teams', 'left', 'c', 'q')`)
		got, err := s.Tenants(t.Context())
		want := []store.Held{
			{Tenant: tenantOf("T1"), Channels: 1},
			{Tenant: tenantOf("T2"), Channels: 2, Asked: 2, Posts: 2, Jobs: 1},
			{Tenant: briefing.Tenant{Platform: briefing.Teams, ID: "left"}, Asked: 1},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

func TestPurgedTenantStaysPurgedWhilePostsAreOnTheirWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		subscribe(t, s, channelOf("T1", "C1"), monday)
		planned(t, s, monday)
		posts := claim(t, s, tenantOf("T1"), "me", "1", 10, monday, ask("q")).Posts
		if len(posts) != 1 {
			t.Fatal(posts)
		}
		if _, err := s.Purge(ctx, tenantOf("T1")); err != nil {
			t.Fatal(err)
		}
		posts[0].State, posts[0].Cause = briefing.PostFailed, briefing.CauseRevoked
		finish(t, s, briefing.Result{Post: posts[0], Pause: briefing.CauseRevoked, Hold: monday.Add(time.Hour)})
		if c := claim(t, s, tenantOf("T1"), "me", "2", 10, monday, ask("q")); !c.Elsewhere {
			t.Errorf("%+v", c)
		}
		if err := s.LearnRoute(ctx, channelOf("T1", "C1")); err != nil {
			t.Error(err)
		}
		if held, err := s.Tenants(ctx); err != nil || len(held) != 0 {
			t.Errorf("%+v, %v", held, err)
		}
	})
}

// TestPurgeAndEverythingElseAtTheSameTime has a tenant purged again and again while
// others set, plan and claim: no call fails, and nothing is left without its tenant.
func TestPurgeAndEverythingElseAtTheSameTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		stores := replicas(t, database)
		ctx, rounds := t.Context(), 40
		var wg sync.WaitGroup
		each := func(do func(s *store.Store, i int) error) {
			for _, s := range stores {
				wg.Go(func() {
					for i := range rounds {
						if err := do(s, i); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
		}
		each(func(s *store.Store, i int) error {
			return s.Change(ctx, channelOf("T1", fmt.Sprint("C", i%3)), func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
				sub.Rule, sub.NextSlot = full().Rule, briefing.Slot{Key: "k", At: monday}
				return nil, nil
			})
		})
		each(func(s *store.Store, _ int) error { _, err := s.Plan(ctx, monday, 10, due(monday)); return err })
		each(func(s *store.Store, i int) error {
			_, err := s.Claim(ctx, tenantOf("T1"), "h", fmt.Sprint(i), 10, monday, ask("q"))
			return err
		})
		each(func(s *store.Store, i int) error {
			if i%2 == 0 {
				_, err := s.Purge(ctx, tenantOf("T1"))
				return err
			}
			_, err := s.Forget(ctx, tenantOf("T1"), func(ch briefing.Channel) bool { return ch.ID == "C1" })
			return err
		})
		each(func(s *store.Store, _ int) error { _, err := s.Prune(ctx, monday, 10); return err })
		wg.Wait()
		if _, err := stores[0].Purge(ctx, tenantOf("T1")); err != nil {
			t.Fatal(err)
		}
		if held, err := stores[0].Tenants(ctx); err != nil || len(held) != 0 {
			t.Errorf("%+v, %v", held, err)
		}
	})
}

func TestForgetTakesTheChannelsThatAreChosen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		routed := func(tenant, id, route string) briefing.Channel {
			return briefing.Channel{Platform: briefing.Slack, Tenant: tenant, ID: id, Route: route}
		}
		lived(t, s, routed("T2", "C1", "of the team"))
		lived(t, s, routed("T1", "C1", "of the team"), routed("T1", "C2", "of the team"), routed("T1", "C3", "of another"))
		forget := func(route string, want int) {
			t.Helper()
			n, err := s.Forget(ctx, tenantOf("T1"), func(ch briefing.Channel) bool {
				if ch.Platform != briefing.Slack || ch.Tenant != "T1" {
					t.Errorf("it was asked for %+v", ch)
				}
				return ch.Route == route
			})
			if err != nil || n != want {
				t.Errorf("%d, %v", n, err)
			}
		}
		forget("of nobody", 0)
		forget("of the team", 2)
		if held, err := s.Held(ctx, tenantOf("T1")); err != nil || held.Channels != 1 || held.Posts != 1 || held.Asked != 1 {
			t.Errorf("%+v, %v", held, err)
		}
		read(t, s, channelOf("T1", "C3"))
		read(t, s, channelOf("T2", "C1"))
		forget("of another", 1)
		left := dump(t, s, func(row map[string]any) bool { return row["tenant"] == "T1" })
		if len(left) != 0 {
			t.Errorf("%q", left)
		}
		forget("of the team", 0)
		if left := dump(t, s, func(row map[string]any) bool { return row["tenant"] == "T1" }); len(left) != 0 {
			t.Errorf("where there was nothing: %q", left)
		}
	})
}

func TestPruneRemovesOldPostsThatAreSettledAndNoOthers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		lived(t, s, channelOf("T1", "C1"))
		execute(t, s, `DELETE FROM post`)
		states := []briefing.PostState{briefing.PostDue, briefing.PostSending, briefing.PostSent, briefing.PostUnconfirmed, briefing.PostFailed, briefing.PostSkipped}
		for i, state := range states {
			for _, days := range []int{-1, 0, 1} {
				execute(t, s, `INSERT INTO post (platform, tenant, channel, slot, due_at, state, cause, question, tries, resent, try_at, claim, claimed_at, sent_at, message)
					VALUES ('slack', 'T1', 'C1', $1, $2, $3, '', 'q', 0, 0, 0, '', 0, 0, '')`, fmt.Sprint(i, " ", days), monday.AddDate(0, 0, days).UnixMilli(), string(state))
			}
		}
		total := 0
		for n := 3; n == 3; total += n {
			var err error
			if n, err = s.Prune(ctx, monday, 3); err != nil {
				t.Fatal(err)
			}
		}
		if total != 4 {
			t.Errorf("%d were removed, want 4", total)
		}
		left := map[briefing.PostState]int{}
		posts, err := s.Posts(ctx, channelOf("T1", "C1"), 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range posts {
			left[p.State]++
			if p.Slot.At.Before(monday) && p.State != briefing.PostDue && p.State != briefing.PostSending {
				t.Errorf("%s of %s is left", p.State, p.Slot.At)
			}
		}
		want := map[briefing.PostState]int{"due": 3, "sending": 3, "sent": 2, "unconfirmed": 2, "failed": 2, "skipped": 2}
		if diff := cmp.Diff(want, left); diff != "" {
			t.Error(diff)
		}
		if asked := read(t, s, channelOf("T1", "C1")).Rotation.Asked; len(asked) != 1 {
			t.Errorf("what was asked: %q", asked)
		}
	})
}

func TestExportHasEveryRowAndColumnOfATenant(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ctx := open(t, database), t.Context()
		lived(t, s, channelOf("T2", "C1"))
		lived(t, s, channelOf("T1", "C1"), channelOf("T1", "C2"))
		got, err := s.Export(ctx, tenantOf("T1"))
		if err != nil {
			t.Fatal(err)
		}
		tables, err := s.Data(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			for _, row := range got[table.Name] {
				for _, c := range table.Columns {
					if _, ok := row[c.Name]; !ok {
						t.Errorf("%s.%s is missing", table.Name, c.Name)
					}
				}
				if tenant, ok := row["tenant"]; ok && tenant != "T1" {
					t.Errorf("%s has a row of %v", table.Name, tenant)
				}
			}
		}
		counts := map[string]int{}
		for table, rows := range got {
			counts[table] = len(rows)
		}
		if diff := cmp.Diff(map[string]int{"subscription": 2, "asked": 2, "post": 2, "tenant": 1, "river_job": 1}, counts); diff != "" {
			t.Error(diff)
		}
		post := got["post"][0]
		if post["due_at"] != "2026-11-30T09:30:00Z" || post["sent_at"] != "2026-11-30T09:30:01Z" || post["state"] != "sent" || post["question"] != "q" {
			t.Errorf("%+v", post)
		}
		if at := got["tenant"][0]["held_until"]; at != nil {
			t.Errorf("no time is %v", at)
		}
		if diff := cmp.Diff(map[string]any{"platform": "slack", "tenant": "T1"}, got["river_job"][0]["args"]); diff != "" {
			t.Errorf("a job's arguments: %s", diff)
		}
		nobody, err := s.Export(ctx, tenantOf("nobody"))
		for table, rows := range nobody {
			if len(rows) > 0 || err != nil {
				t.Errorf("%s: %v, %v", table, rows, err)
			}
		}
	})
}
