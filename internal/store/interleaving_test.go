package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

func TestNoInterleavingSendsASlotTwice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		seeds, steps := 3, 2000
		if store.IsPostgres(database) {
			seeds, steps = 1, 1500
		}
		if testing.Short() {
			seeds = 1
		}
		for seed := range seeds {
			s := open(t, database)
			for _, table := range []string{"post", "asked", "subscription", "tenant"} {
				execute(t, s, "DELETE FROM "+table)
			}
			w := newWorld(t, s, uint64(seed))
			for range steps {
				w.step()
				if t.Failed() {
					t.Fatalf("seed %d, the last steps:\n%s", seed, strings.Join(w.log[max(0, len(w.log)-60):], "\n"))
				}
			}
			w.end()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	})
}

// slot is one of a channel's.
type slot struct{ tenant, channel, key string }

func slotOf(p briefing.Post) slot { return slot{p.Channel.Tenant, p.Channel.ID, p.Slot.Key} }

// world is replicas that share a store, and a platform that counts what it is sent.
type world struct {
	t       *testing.T
	s       *store.Store
	random  *rand.Rand
	now     time.Time
	latest  time.Time // that it ever was
	claims  int
	flights map[string][]*flight // by holder
	sent    map[slot]int
	lost    map[slot]bool // a process ended that had claimed it
	silent  map[slot]bool // the platform did not answer
	old     []briefing.Result
	log     []string
}

// flight is a post that somebody claimed.
type flight struct {
	post briefing.Post
	sent bool
}

const (
	worldChannels = 20
	worldTenants  = 4
	slotEvery     = 20 * time.Minute
	worldLate     = 4 * time.Hour
	worldSilence  = 40 * time.Second
)

func newWorld(t *testing.T, s *store.Store, seed uint64) *world {
	w := &world{
		t: t, s: s, random: rand.New(rand.NewPCG(seed, seed)), now: monday,
		flights: map[string][]*flight{}, sent: map[slot]int{}, lost: map[slot]bool{}, silent: map[slot]bool{},
	}
	for i := range worldChannels {
		w.set(i)
	}
	return w
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, w.now.Format(time.TimeOnly)+" "+fmt.Sprintf(format, args...))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

func (w *world) holder() string { return fmt.Sprint("h", w.random.IntN(3)) }

func (w *world) channel(i int) briefing.Channel {
	return channelOf(fmt.Sprint("T", i%worldTenants), fmt.Sprint("C", i))
}

// following is the slot after an instant.
func following(after time.Time) briefing.Slot {
	at := after.Truncate(slotEvery).Add(slotEvery)
	return briefing.Slot{Key: at.Format("2006-01-02T15:04"), At: at}
}

// set sets a channel's schedule again, from now on: where the clock was set back, a
// slot that has a post comes again.
func (w *world) set(i int) {
	w.note("set C%d", i)
	w.must(w.s.Change(w.t.Context(), w.channel(i), func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
		sub.Rule, sub.Paused, sub.NextSlot = briefing.Rule{Every: 1, Zone: "UTC"}, "", following(w.now)
		return nil, nil
	}))
}

// skip leaves a channel's next slot out.
func (w *world) skip(i int) {
	w.note("skip C%d", i)
	err := w.s.Change(w.t.Context(), w.channel(i), func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
		post := briefing.Post{Channel: sub.Channel, Slot: sub.NextSlot, State: briefing.PostSkipped, Cause: briefing.CauseAsked}
		sub.NextSlot = following(sub.NextSlot.At)
		return []briefing.Post{post}, nil
	})
	if err != briefing.ErrTaken {
		w.must(err)
	}
}

func (w *world) plan() {
	n, err := w.s.Plan(w.t.Context(), w.now, 1+w.random.IntN(worldChannels), func(sub *briefing.Subscription) (posts []briefing.Post) {
		for !sub.NextSlot.At.After(w.now) {
			p := briefing.Post{Channel: sub.Channel, Slot: sub.NextSlot, State: briefing.PostDue}
			if w.now.Sub(p.Slot.At) > worldLate {
				p.State, p.Cause = briefing.PostSkipped, briefing.CauseLate
			}
			posts = append(posts, p)
			sub.NextSlot = following(sub.NextSlot.At)
		}
		return posts
	})
	w.note("plan %d", n)
	w.must(err)
}

func (w *world) claim(holder string) {
	w.claims++
	tenant := tenantOf(fmt.Sprint("T", w.random.IntN(worldTenants)))
	c, err := w.s.Claim(w.t.Context(), tenant, holder, fmt.Sprint("claim", w.claims), 1+w.random.IntN(4), w.now, func(sub *briefing.Subscription, p *briefing.Post) {
		if w.now.Sub(p.Slot.At) > worldLate {
			p.State, p.Cause = briefing.PostSkipped, briefing.CauseLate
			return
		}
		if p.Question == "" {
			next(sub, p)
		}
		p.State = briefing.PostSending
	})
	w.must(err)
	for _, p := range c.Posts {
		w.note("%s claims %v", holder, slotOf(p))
		w.flights[holder] = append(w.flights[holder], &flight{post: p})
	}
}

func (w *world) send(f *flight) {
	if f.sent {
		return
	}
	f.sent = true
	at := slotOf(f.post)
	w.sent[at]++
	w.note("send %v", at)
	if w.sent[at] > 1 {
		w.t.Errorf("%v was sent twice", at)
	}
}

// finish settles one of a holder's flights, as the platform answered.
func (w *world) finish(holder string) {
	flights := w.flights[holder]
	if len(flights) == 0 {
		return
	}
	i := w.random.IntN(len(flights))
	f := flights[i]
	w.flights[holder] = slices.Delete(flights, i, i+1)
	r := briefing.Result{Post: f.post}
	switch {
	case !f.sent: // the platform said no
		wait := time.Duration(w.random.IntN(60)) * time.Second
		r.Post.State, r.Post.Tries, r.TryAt = briefing.PostDue, f.post.Tries+1, w.now.Add(wait)
		if w.random.IntN(3) == 0 {
			r.Hold = r.TryAt
		}
	case w.random.IntN(5) == 0:
		w.silent[slotOf(f.post)] = true
		r.Post.State, r.Post.Cause = briefing.PostUnconfirmed, briefing.CauseNoAnswer
	default:
		r.Post.State, r.Post.SentAt, r.Post.Message = briefing.PostSent, w.now, "m"
	}
	w.note("%s finishes %v: %s", holder, slotOf(f.post), r.Post.State)
	w.must(w.s.Finish(w.t.Context(), []briefing.Result{r}))
	w.old = append(w.old, r)
}

// repeat finishes once more what was finished: the answer to it got lost.
func (w *world) repeat() {
	if len(w.old) > 0 {
		r := w.old[len(w.old)-1-w.random.IntN(min(len(w.old), 5))]
		w.note("repeat %v: %s", slotOf(r.Post), r.Post.State)
		w.must(w.s.Finish(w.t.Context(), []briefing.Result{r}))
	}
}

func (w *world) crash(holder string) {
	w.note("%s crashes", holder)
	for _, f := range w.flights[holder] {
		w.lost[slotOf(f.post)] = true
	}
	w.flights[holder] = nil
}

func (w *world) sweep() {
	n, err := w.s.Sweep(w.t.Context(), w.now.Add(-worldSilence), w.now, false)
	w.note("sweep %d", n)
	w.must(err)
}

func (w *world) step() {
	if w.now.After(w.latest) {
		w.latest = w.now
	}
	holder := w.holder()
	switch p := w.random.IntN(100); {
	case p < 10:
		w.plan()
	case p < 40:
		w.claim(holder)
	case p < 55:
		if f := w.flights[holder]; len(f) > 0 {
			w.send(f[w.random.IntN(len(f))])
		}
	case p < 75:
		w.finish(holder)
	case p < 79:
		w.repeat()
	case p < 82:
		w.crash(holder)
	case p < 86:
		w.sweep()
	case p < 88:
		w.set(w.random.IntN(worldChannels))
	case p < 89:
		w.skip(w.random.IntN(worldChannels))
	case p < 90:
		w.must(w.s.Release(w.t.Context(), tenantOf(fmt.Sprint("T", w.random.IntN(worldTenants))), holder))
	case p < 91:
		w.now = w.now.Add(time.Hour)
		w.note("forward an hour")
	case p < 92:
		w.now = w.now.Add(-time.Hour)
		w.note("back an hour")
	default:
		w.now = w.now.Add(time.Duration(w.random.IntN(180)) * time.Second)
	}
}

// end lets everything come to rest, and looks at what became of it.
func (w *world) end() {
	// Later than what any lease or hold can be until.
	w.now = w.latest.Add(2 * time.Hour)
	w.plan()
	for holder := range w.flights {
		for len(w.flights[holder]) > 0 {
			w.send(w.flights[holder][0])
			w.finish(holder)
		}
	}
	for range 200 {
		w.now = w.now.Add(11 * time.Second)
		for range 5 {
			w.claim("h0")
		}
		for len(w.flights["h0"]) > 0 {
			w.send(w.flights["h0"][0])
			w.finish("h0")
		}
	}
	w.now = w.now.Add(2 * time.Hour)
	w.sweep()

	counts, unconfirmed := map[briefing.PostState]int{}, map[slot]bool{}
	for i := range worldChannels {
		posts, err := w.s.Posts(w.t.Context(), w.channel(i), 10_000)
		w.must(err)
		for _, p := range posts {
			at, sent := slotOf(p), w.sent[slotOf(p)]
			counts[p.State]++
			switch p.State {
			case briefing.PostSent:
				if sent != 1 {
					w.t.Errorf("%v is sent, and was %d times", at, sent)
				}
			case briefing.PostUnconfirmed:
				unconfirmed[at] = true
				if !w.lost[at] && !w.silent[at] && p.Cause != briefing.CauseStopped {
					w.t.Errorf("%v is unconfirmed for no reason: %+v", at, p)
				}
			case briefing.PostSkipped:
				if sent != 0 {
					w.t.Errorf("%v is skipped, and was sent", at)
				}
			default:
				w.t.Errorf("%v is left %s", at, p.State)
			}
			delete(w.sent, at)
		}
	}
	for at := range w.sent {
		w.t.Errorf("%v was sent, and is not known", at)
	}
	for at := range w.lost {
		if !unconfirmed[at] {
			w.t.Errorf("%v was lost, and is not unconfirmed", at)
		}
	}
	if counts[briefing.PostSent] < 50 || counts[briefing.PostUnconfirmed] < 5 || counts[briefing.PostSkipped] < 1 {
		w.t.Errorf("too little happened: %v", counts)
	}
	w.t.Log(counts)
}
