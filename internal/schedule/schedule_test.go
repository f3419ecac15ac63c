package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"briefingbot/internal/briefing"
	"briefingbot/internal/schedule"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// monday is when a slot comes: 09:30 in London.
var monday = time.Date(2026, 11, 30, 9, 30, 0, 0, time.UTC)

var mondays = briefing.Rule{Every: 1, Day: time.Monday, Hour: 9, Minute: 30, Zone: "Europe/London"}

func channelOf(tenant, id string) briefing.Channel {
	return briefing.Channel{Platform: briefing.Slack, Tenant: tenant, ID: id}
}

func tenantOf(ch briefing.Channel) briefing.Tenant {
	return briefing.Tenant{Platform: ch.Platform, ID: ch.Tenant}
}

func slotAt(at time.Time) briefing.Slot {
	return briefing.Slot{Key: at.Format("2006-01-02T15:04:05"), At: at}
}

func open(t testing.TB, database string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// subscribe gives a channel a question, next at the slot.
func subscribe(t testing.TB, s *store.Store, ch briefing.Channel, rule briefing.Rule, next briefing.Slot) {
	t.Helper()
	change(t, s, ch, func(sub *briefing.Subscription) []briefing.Post {
		sub.Rule, sub.Holidays, sub.NextSlot = rule, briefing.NoRegion, next
		return nil
	})
}

func change(t testing.TB, s *store.Store, ch briefing.Channel, change func(*briefing.Subscription) []briefing.Post) {
	t.Helper()
	if err := s.Change(t.Context(), ch, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) { return change(sub), nil }); err != nil {
		t.Fatal(err)
	}
}

// askNow asks for a question out of turn.
func askNow(t testing.TB, s *store.Store, ch briefing.Channel, now time.Time) {
	t.Helper()
	change(t, s, ch, func(sub *briefing.Subscription) []briefing.Post {
		return []briefing.Post{{Channel: sub.Channel, Slot: briefing.SlotNow(now), State: briefing.PostDue}}
	})
}

// postsOf is a channel's posts, the oldest first.
func postsOf(t testing.TB, s *store.Store, ch briefing.Channel) []briefing.Post {
	t.Helper()
	posts, err := s.Posts(t.Context(), ch, 1000)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(posts)
	return posts
}

// post is the only post of a channel.
func post(t testing.TB, s *store.Store, ch briefing.Channel) briefing.Post {
	t.Helper()
	posts := postsOf(t, s, ch)
	if len(posts) != 1 {
		t.Fatalf("%s has %d posts", ch.ID, len(posts))
	}
	return posts[0]
}

// want checks how the only post of a channel stands.
func want(t testing.TB, s *store.Store, ch briefing.Channel, state briefing.PostState, cause briefing.Cause) {
	t.Helper()
	if p := post(t, s, ch); p.State != state || p.Cause != cause {
		t.Errorf("the post of %s is %s %q, want %s %q", ch.ID, p.State, p.Cause, state, cause)
	}
}

func subscription(t testing.TB, s *store.Store, ch briefing.Channel) briefing.Subscription {
	t.Helper()
	sub, err := s.Subscription(t.Context(), ch)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// eventually waits until something holds, for as long as a busy machine may need.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	within(t, 30*time.Second, what, holds)
}

// beforeATick is for what must not need one.
const beforeATick = 10 * time.Second

// within waits until something holds, which must be soon.
func within(t testing.TB, most time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(most); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", most, what)
		}
	}
}

// player plays the bot.
type player struct {
	choose func(sub *briefing.Subscription) string

	mu sync.Mutex // guards what follows
	// answer is what becomes of the nth try of a post; it is sent if nil.
	answer func(ctx context.Context, p briefing.Post, try int) error
	tries  map[string]int
	sent   []attempt
}

type attempt struct {
	post briefing.Post
	at   time.Time
}

func (b *player) Choose(sub *briefing.Subscription, chosen string) string {
	if b.choose != nil {
		return b.choose(sub)
	}
	if chosen != "" {
		return chosen
	}
	return "a question"
}

func (b *player) Deliver(ctx context.Context, p briefing.Post) (string, error) {
	b.mu.Lock()
	if b.tries == nil {
		b.tries = map[string]int{}
	}
	key := p.Channel.Tenant + "/" + p.Channel.ID + " " + p.Slot.Key
	b.tries[key]++
	try := b.tries[key]
	b.sent = append(b.sent, attempt{p, time.Now()})
	answer := b.answer
	b.mu.Unlock()
	if answer != nil {
		if err := answer(ctx, p, try); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s-%d", p.Channel.ID, try), nil
}

// attempts is every attempt to post in a channel; in all where it is empty.
func (b *player) attempts(channel string) []attempt {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []attempt
	for _, a := range b.sent {
		if channel == "" || a.post.Channel.ID == channel {
			out = append(out, a)
		}
	}
	return out
}

func outcome(o briefing.Outcome) error {
	return &briefing.DeliveryError{Outcome: o, Err: errors.New("as the test wants it")}
}

// fixture is a scheduler, with what it runs on.
type fixture struct {
	*schedule.Scheduler
	store *store.Store
	bot   *player
	log   *observer.ObservedLogs
	now   *clock
}

// clock is a clock that can be set.
type clock struct {
	mu sync.Mutex
	is func() time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.is()
}

// set sets it, and it runs on from there.
func (c *clock) set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	from := time.Now()
	c.is = func() time.Time { return to.Add(time.Since(from)) }
}

// setUp makes a scheduler that is not started.
func setUp(t testing.TB, s *store.Store, cfg schedule.Config, bot *player) *fixture {
	t.Helper()
	return setUpOn(t, s, s, cfg, bot)
}

// between is a store, or what stands between it and the scheduler.
type between interface {
	schedule.Planner
	schedule.Posts
}

func setUpOn(t testing.TB, s *store.Store, b between, cfg schedule.Config, bot schedule.Bot) *fixture {
	t.Helper()
	core, log := observer.New(zapcore.DebugLevel)
	now := &clock{is: time.Now}
	cfg.SQLite, cfg.Postgres = s.SQLite(), s.Postgres()
	sched, err := schedule.New(cfg, b, b, bot, zap.New(core), now.time)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Scheduler: sched, store: s, log: log, now: now}
	f.bot, _ = bot.(*player)
	return f
}

// start starts a scheduler, which stops with the test.
func start(t testing.TB, f *fixture) *fixture {
	t.Helper()
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := f.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return f
}

// alone starts a scheduler without its jobs, on a new SQLite file.
func alone(t testing.TB, cfg schedule.Config, bot *player) *fixture {
	t.Helper()
	f := setUp(t, open(t, storetest.SQLite(t)), cfg, bot)
	startAlone(t, f)
	return f
}

func startAlone(t testing.TB, f *fixture) {
	f.StartAlone()
	t.Cleanup(func() {
		if err := f.StopAlone(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// step does what a tick and the deliveries that it asks for do.
func (f *fixture) step(t testing.TB) {
	t.Helper()
	if err := f.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	tenants, err := f.store.Waiting(t.Context(), f.now.time().Add(15*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range tenants {
		for more := true; more; {
			if more, err = f.Deliver(t.Context(), tenant); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestSlotPostsAtTheNextTickAndNotBefore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		t.Parallel()
		s, ch := open(t, database), channelOf("T1", "C1")
		f := start(t, setUp(t, s, schedule.Config{}, &player{}))
		slot := slotAt(time.Now().Add(2 * time.Second).Truncate(time.Millisecond).UTC())
		subscribe(t, s, ch, mondays, slot)
		eventually(t, "it is posted", func() bool {
			posts := postsOf(t, s, ch)
			return len(posts) == 1 && posts[0].State == briefing.PostSent
		})
		attempts := f.bot.attempts("")
		if len(attempts) != 1 {
			t.Fatalf("%d attempts", len(attempts))
		}
		if late := attempts[0].at.Sub(slot.At); late < 0 || late > 17*time.Second {
			t.Errorf("it is posted %v after its slot", late)
		}
		if p := post(t, s, ch); p.Message != "C1-1" || p.SentAt.Before(slot.At) || p.Question != "a question" {
			t.Errorf("%+v", p)
		}
		if sub := subscription(t, s, ch); sub.NextSlot.At.Weekday() != time.Monday || !sub.NextSlot.At.After(time.Now()) {
			t.Errorf("the next slot is %v", sub.NextSlot)
		}
	})
}

func TestWakePostsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		f := start(t, setUp(t, s, schedule.Config{}, &player{}))
		for i := range 3 {
			ch := channelOf("T1", fmt.Sprint("C", i))
			subscribe(t, s, ch, mondays, briefing.Slot{})
			askNow(t, s, ch, time.Now())
			f.Wake(t.Context(), tenantOf(ch))
			within(t, beforeATick, "it is posted", func() bool { return len(f.bot.attempts(ch.ID)) == 1 })
		}
	})
}

// A delivery under way that waits for something else must not keep a question that
// is asked for meanwhile.
func TestWakeDuringADeliveryIsNotLost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config schedule.Config
		other  func(posted <-chan struct{}) error // what becomes of the other post
	}{
		{"another post is to be sent again", schedule.Config{Resend: true}, func(<-chan struct{}) error { return outcome(briefing.Unknown) }},
		{"another post hangs", schedule.Config{}, func(posted <-chan struct{}) error {
			select {
			case <-posted:
			case <-time.After(2 * beforeATick):
			}
			return nil
		}},
		{"another post was just sent", schedule.Config{}, func(<-chan struct{}) error { return nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, other, ch := open(t, storetest.SQLite(t)), channelOf("T1", "C1"), channelOf("T1", "C2")
			posted := make(chan struct{})
			f := start(t, setUp(t, s, c.config, &player{answer: func(_ context.Context, p briefing.Post, _ int) error {
				if p.Channel.ID == "C1" {
					return c.other(posted)
				}
				return nil
			}}))
			subscribe(t, s, other, mondays, briefing.Slot{})
			subscribe(t, s, ch, mondays, briefing.Slot{})
			askNow(t, s, other, time.Now())
			f.Wake(t.Context(), tenantOf(ch))
			eventually(t, "the other is tried", func() bool { return len(f.bot.attempts("C1")) == 1 })
			askNow(t, s, ch, time.Now())
			f.Wake(t.Context(), tenantOf(ch))
			within(t, beforeATick, "it is posted", func() bool { return len(f.bot.attempts("C2")) == 1 })
			close(posted)
		})
	}
}

func TestRestartGoesOnWithWhatIsDue(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		before := setUp(t, s, schedule.Config{}, &player{})
		for i := range 20 {
			subscribe(t, s, channelOf(fmt.Sprint("T", i%3), fmt.Sprint("C", i)), mondays, slotAt(time.Now()))
		}
		if err := before.Plan(t.Context()); err != nil { // and it is gone
			t.Fatal(err)
		}
		after := start(t, setUp(t, s, schedule.Config{}, &player{}))
		eventually(t, "all are posted", func() bool { return len(after.bot.attempts("")) == 20 })
	})
}

func TestWhatWasStoppedOrPausedWhileItWasDueIsNotPosted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		f := setUp(t, open(t, database), schedule.Config{}, &player{})
		startAlone(t, f)
		stopped, paused, asked := channelOf("T1", "C1"), channelOf("T1", "C2"), channelOf("T1", "C3")
		for _, ch := range []briefing.Channel{stopped, paused, asked} {
			subscribe(t, f.store, ch, mondays, slotAt(time.Now()))
		}
		if err := f.Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := f.store.Remove(t.Context(), stopped); err != nil {
			t.Fatal(err)
		}
		for _, ch := range []briefing.Channel{paused, asked} {
			change(t, f.store, ch, func(sub *briefing.Subscription) []briefing.Post {
				sub.Paused, sub.NextSlot = briefing.CauseAsked, briefing.Slot{}
				return nil
			})
		}
		now := time.Now().Add(time.Second)
		askNow(t, f.store, asked, now) // and was paused while it waited
		f.now.set(now)
		f.step(t)
		if posts := postsOf(t, f.store, stopped); len(posts) != 0 {
			t.Errorf("of a channel that was stopped there is %v", posts)
		}
		want(t, f.store, paused, briefing.PostSkipped, briefing.CauseAsked)
		if attempts := f.bot.attempts(""); len(attempts) != 0 {
			t.Errorf("posted in spite of the pause: %v", attempts)
		}
		if n := f.log.FilterLevelExact(zapcore.WarnLevel).Len(); n != 0 {
			t.Errorf("%d warnings", n)
		}
	})
}

func TestNoQuestionsPausesWithThatCause(t *testing.T) {
	f, ch := alone(t, schedule.Config{}, &player{choose: func(*briefing.Subscription) string { return "" }}), channelOf("T1", "C1")
	subscribe(t, f.store, ch, mondays, slotAt(time.Now()))
	f.step(t)
	want(t, f.store, ch, briefing.PostFailed, briefing.CauseNoQuestions)
	if sub := subscription(t, f.store, ch); sub.Paused != briefing.CauseNoQuestions || !sub.NextSlot.At.IsZero() || len(f.bot.attempts("")) != 0 {
		t.Errorf("%+v", sub)
	}
}

func TestUnknownZonePauses(t *testing.T) {
	f, ch := alone(t, schedule.Config{}, &player{}), channelOf("T1", "C1")
	subscribe(t, f.store, ch, briefing.Rule{Every: 1, Zone: "Europe/Atlantis"}, slotAt(time.Now()))
	f.step(t)
	if sub := subscription(t, f.store, ch); sub.Paused != briefing.CauseZone || !sub.NextSlot.At.IsZero() {
		t.Errorf("%+v", sub)
	}
}
