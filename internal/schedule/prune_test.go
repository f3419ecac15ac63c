package schedule_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/schedule"
	"briefingbot/internal/storetest"
)

// aged gives a channel so many settled posts of each age in days.
func aged(t testing.TB, f *fixture, ch briefing.Channel, n int, days ...int) {
	t.Helper()
	change(t, f.store, ch, func(sub *briefing.Subscription) (posts []briefing.Post) {
		sub.Rule, sub.Holidays = mondays, briefing.NoRegion
		for _, d := range days {
			for i := range n {
				slot := briefing.Slot{Key: fmt.Sprint(d, " ", i), At: time.Now().AddDate(0, 0, -d).Add(-time.Minute)}
				posts = append(posts, briefing.Post{Channel: ch, Slot: slot, State: briefing.PostSkipped})
			}
		}
		return posts
	})
}

func TestOldPostsAreRemovedByThemselves(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		t.Parallel()
		f, ch := setUp(t, open(t, database), schedule.Config{Keep: 400 * 24 * time.Hour}, &player{}), channelOf("T1", "C1")
		aged(t, f, ch, 600, 400, 500) // more than go at once
		aged(t, f, ch, 1, 1, 399)
		start(t, f)
		eventually(t, "the old ones are gone", func() bool { return len(postsOf(t, f.store, ch)) == 2 })
		eventually(t, "it is said", func() bool { return f.log.FilterMessage("removed old posts").Len() == 1 })
		said := f.log.FilterMessage("removed old posts").All()[0].ContextMap()
		if len(said) != 1 || said["posts"] != int64(1200) {
			t.Errorf("logged %v", said)
		}
	})
}

func TestPostsAreKeptForEverWhereNobodySaysHowLong(t *testing.T) {
	t.Parallel()
	f, ch := setUp(t, open(t, storetest.SQLite(t)), schedule.Config{}, &player{}), channelOf("T1", "C1")
	aged(t, f, ch, 1, 5000)
	start(t, f)
	// By then the other test's are gone.
	time.Sleep(8 * time.Second)
	if n := len(postsOf(t, f.store, ch)); n != 1 {
		t.Errorf("%d posts are left", n)
	}
}

func TestTenantThatIsPurgedWhileItIsDeliveredForLeavesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		t.Parallel()
		release, s := make(chan struct{}), open(t, database)
		bot := &player{answer: func(context.Context, briefing.Post, int) error { <-release; return nil }}
		f, ch := start(t, setUp(t, s, schedule.Config{}, bot)), channelOf("T1", "C1")
		other := channelOf("T2", "C1")
		for _, ch := range []briefing.Channel{ch, other} {
			askNow(t, s, ch, time.Now())
			f.Wake(t.Context(), tenantOf(ch))
		}
		eventually(t, "both are being sent", func() bool { return len(bot.attempts("")) == 2 })
		gone, err := s.Purge(t.Context(), tenantOf(ch))
		if err != nil || gone.Posts != 1 || gone.Jobs == 0 {
			t.Errorf("%+v, %v", gone, err)
		}
		close(release)
		eventually(t, "the other's is sent", func() bool { return post(t, s, other).State == briefing.PostSent })
		// Another question afterwards: the jobs go on as before.
		askNow(t, s, other, time.Now().Add(-time.Hour))
		f.Wake(t.Context(), tenantOf(other))
		eventually(t, "the other's next is sent", func() bool { return len(bot.attempts("")) == 3 })
		time.Sleep(2 * time.Second) // River keeps what became of jobs a moment later
		if held, err := s.Held(t.Context(), tenantOf(ch)); err != nil || !held.Nothing() {
			t.Errorf("%+v, %v", held, err)
		}
		for _, e := range f.log.All() {
			if e.Level > 0 {
				t.Errorf("logged %s %v", e.Message, e.ContextMap())
			}
		}
	})
}
