package platformtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/content"
	"briefingbot/prompts"
)

// Memory keeps subscriptions as internal/store does, in memory. Fail, if set, is
// what every method fails with.
type Memory struct {
	mu    sync.Mutex
	subs  map[briefing.Channel]briefing.Subscription
	posts map[briefing.Channel][]briefing.Post // newest first
	Fail  error
}

// NewMemory has no subscription.
func NewMemory() *Memory {
	return &Memory{subs: map[briefing.Channel]briefing.Subscription{}, posts: map[briefing.Channel][]briefing.Post{}}
}

func identity(ch briefing.Channel) briefing.Channel {
	ch.Route = ""
	return ch
}

// Subscription implements bot.Subscriptions.
func (m *Memory) Subscription(_ context.Context, ch briefing.Channel) (briefing.Subscription, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sub, ok := m.subs[identity(ch)]
	if m.Fail == nil && !ok {
		return sub, briefing.ErrNoSubscription
	}
	return sub, m.Fail
}

// Change implements bot.Subscriptions. It calls change twice, as a store may, and
// counts on what the second call makes.
func (m *Memory) Change(_ context.Context, ch briefing.Channel, change func(*briefing.Subscription, bool) ([]briefing.Post, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		return m.Fail
	}
	was, exists := m.subs[identity(ch)]
	if !exists || ch.Route != "" {
		was.Channel = ch
	}
	lost := was
	_, _ = change(&lost, exists)
	sub := was
	posts, err := change(&sub, exists)
	if err != nil {
		return err
	}
	sub.Rotation = was.Rotation // which is not for change to set
	kept := m.posts[identity(ch)]
	for _, p := range posts {
		i := slices.IndexFunc(kept, func(k briefing.Post) bool { return k.Slot.Key == p.Slot.Key })
		if i >= 0 && !slices.Contains([]briefing.PostState{briefing.PostUnconfirmed, briefing.PostFailed, briefing.PostSkipped}, kept[i].State) {
			return briefing.ErrTaken
		}
		if i >= 0 && kept[i].State == briefing.PostUnconfirmed && p.State == briefing.PostSkipped {
			return briefing.ErrTaken
		}
		if i >= 0 {
			kept = slices.Delete(slices.Clone(kept), i, i+1)
		}
		kept = append([]briefing.Post{p}, kept...)
	}
	slices.SortStableFunc(kept, func(a, b briefing.Post) int { return b.Slot.At.Compare(a.Slot.At) })
	m.subs[identity(ch)], m.posts[identity(ch)] = sub, kept
	return nil
}

// Remove implements bot.Subscriptions.
func (m *Memory) Remove(_ context.Context, ch briefing.Channel) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		return m.Fail
	}
	if _, ok := m.subs[identity(ch)]; !ok {
		return briefing.ErrNoSubscription
	}
	delete(m.subs, identity(ch))
	delete(m.posts, identity(ch))
	return nil
}

// Posts implements bot.Subscriptions.
func (m *Memory) Posts(_ context.Context, ch briefing.Channel, limit int) ([]briefing.Post, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	posts := m.posts[identity(ch)]
	return slices.Clone(posts[:min(limit, len(posts))]), m.Fail
}

// Settle says what became of a channel's newest post.
func (m *Memory) Settle(ch briefing.Channel, change func(*briefing.Post)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.posts[identity(ch)][0])
}

// Deliver delivers a channel's posts that are due, the oldest first, as
// internal/schedule does.
func (m *Memory) Deliver(ctx context.Context, b *bot.Bot, ch briefing.Channel) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range slices.Backward(m.posts[identity(ch)]) {
		p := &m.posts[identity(ch)][i]
		if p.State != briefing.PostDue {
			continue
		}
		sub := m.subs[identity(ch)]
		p.Question, p.Neutral = b.Choose(&sub, p.Question), sub.Neutral
		m.subs[identity(ch)] = sub
		id, err := b.Deliver(ctx, *p)
		if err != nil {
			return err
		}
		p.State, p.Message = briefing.PostSent, id
	}
	return nil
}

// Put keeps a subscription and its posts as they are given, the newest first.
func (m *Memory) Put(sub briefing.Subscription, posts ...briefing.Post) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subs[identity(sub.Channel)], m.posts[identity(sub.Channel)] = sub, posts
}

// Sent is a Sender that keeps what it is given.
type Sent struct {
	Messages []*briefing.Message
	Obstacle briefing.Cause // what CanPost says
}

// Send implements bot.Sender.
func (s *Sent) Send(_ context.Context, _ briefing.Channel, m *briefing.Message) (string, error) {
	s.Messages = append(s.Messages, m)
	return "sent", nil
}

// CanPost implements bot.Sender.
func (s *Sent) CanPost(context.Context, briefing.Channel) error {
	if s.Obstacle == "" {
		return nil
	}
	return &briefing.DeliveryError{Outcome: briefing.Impossible, Cause: s.Obstacle, Err: errors.New("it cannot")}
}

// weeklyFixtures are the replies about a weekly question, and the post itself.
func weeklyFixtures(t testing.TB) []Fixture {
	t.Helper()
	now := time.Date(2026, 12, 16, 12, 0, 0, 0, time.UTC)
	memory, sender := NewMemory(), &Sent{}
	b := newBot(t, bot.Weekly{Subscriptions: memory, Now: func() time.Time { return now }}, zap.NewNop())
	b.Connect(briefing.Slack, sender)
	ch := briefing.Channel{Platform: briefing.Slack, Tenant: "T1", ID: "C1"}
	var out []Fixture
	say := func(name, text string) {
		t.Helper()
		m := b.Respond(context.Background(), briefing.Request{Platform: ch.Platform, Text: briefing.NewPrivate(text), Channel: ch})
		if strings.Contains(m.Plain(), "something went wrong") {
			t.Fatalf("%s: %s", text, m.Plain())
		}
		if name != "" {
			out = append(out, Fixture{"weekly-" + name, m})
		}
	}
	deliver := func() {
		t.Helper()
		sub, err := memory.Subscription(context.Background(), ch)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Deliver(context.Background(), briefing.Post{Channel: ch, Question: b.Choose(&sub, ""), Neutral: sub.Neutral}); err != nil {
			t.Fatal(err)
		}
		out = append(out, Fixture{"weekly-post", sender.Messages[len(sender.Messages)-1]})
	}
	private := ch
	private.ID = ""
	out = append(out, Fixture{"weekly-private", b.Respond(context.Background(), briefing.Request{Platform: ch.Platform, Text: briefing.NewPrivate("/reflection"), Channel: private})})
	say("none", "/reflection")
	say("help", "/reflection help")
	say("not-understood", "/reflection pauze")
	say("not-understood-time", "/reflection weekly monday 25:00")
	say("set", "/reflection weekly monday 9.30am")
	say("form", "/reflection set up")
	say("preview", "/reflection preview")
	deliver()
	say("", "/reflection now")
	lib, err := content.Load(prompts.FS)
	if err != nil {
		t.Fatal(err)
	}
	memory.Settle(ch, func(p *briefing.Post) {
		p.State, p.Cause = briefing.PostUnconfirmed, briefing.CauseNoAnswer
		p.Question = content.Candidates(lib, "", briefing.Practice)[0]
	})
	say("unconfirmed", "/reflection")
	say("skip", "/reflection skip")
	say("history", "/reflection history")
	say("paused", "/reflection pause until 5 january")
	sender.Obstacle = briefing.CauseRemoved
	say("cannot-post", "/reflection fortnightly friday 14:00 Europe/Paris both preview neutral holidays include")
	say("stopped", "/reflection stop")
	return out
}
