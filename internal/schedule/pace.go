package schedule

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"briefingbot/internal/briefing"
)

const (
	atOnce    = 16  // posts of a tenant on their way
	allAtOnce = 512 // posts of all tenants on their way, beside one of each
	// claimsAtOnce keeps what became of posts from queueing for the database behind a
	// claim of every tenant. Claims that wait become larger meanwhile.
	claimsAtOnce = 4
	placesEvery  = 100 * time.Millisecond
	maxPaces     = 10_000 // tenants whose pace is remembered
)

// tenant is what a process remembers of one.
type tenant struct {
	busy  bool          // somebody in this process delivers for it
	woken chan struct{} // holds one where there may be more to deliver since then
	limit *rate.Limiter
	unreached
}

// unreached is which channels of a tenant could not be reached since the last post
// that was sent. One alone has a trouble of its own, for which the others must not
// wait as long as it does.
type unreached struct {
	mu      sync.Mutex // guards what follows
	channel string     // or empty
	several bool
}

// alone is how long the others of a tenant are held back for such a channel.
const alone = time.Minute

// heardOf takes what became of a post into account, and shortens its hold where that
// is for the channel's own trouble.
func (u *unreached) heardOf(r *briefing.Result, err error, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	said := &briefing.DeliveryError{}
	switch {
	case err == nil:
		u.channel, u.several = "", false
	case errors.As(err, &said) && said.Outcome == briefing.NotSent:
		id := r.Post.Channel.ID
		u.several = u.several || u.channel != "" && u.channel != id
		u.channel = id
		if latest := now.Add(alone); !u.several && r.Hold.After(latest) {
			r.Hold = latest
		}
	}
}

func (s *Scheduler) newTenant(p briefing.Platform) *tenant {
	t := &tenant{woken: make(chan struct{}, 1), limit: rate.NewLimiter(rate.Inf, 1)}
	if pace, ok := s.cfg.Paces[p]; ok {
		t.limit = rate.NewLimiter(rate.Limit(pace.PerSecond), pace.Burst)
	}
	return t
}

// begin takes a tenant for a delivery. Where this process has it already, it tells
// the delivery under way that there may be more, and reports false.
func (s *Scheduler) begin(t briefing.Tenant) (*tenant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.tenants[t]
	if !ok {
		if len(s.tenants) >= maxPaces {
			for other, state := range s.tenants {
				if !state.busy {
					delete(s.tenants, other)
				}
			}
		}
		known = s.newTenant(t.Platform)
		s.tenants[t] = known
	}
	if known.busy {
		signal(known.woken)
		return nil, false
	}
	known.busy = true
	s.busy++
	delete(s.asked, t)
	// Another process may have delivered for it until now, or this one has forgotten
	// that it did: the burst that the rate allows may be used up.
	if spare := int(known.limit.Tokens()) - 1; spare > 0 && known.limit.Limit() != rate.Inf {
		known.limit.AllowN(time.Now(), spare)
	}
	return known, true
}

// expects reports whether a tenant needs no job: there is one, or a delivery under way
// here, which is told that there may be more. For any other there is a job from now on.
func (s *Scheduler) expects(t briefing.Tenant) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.tenants[t]; ok && known.busy {
		signal(known.woken)
		return true
	}
	was := s.asked[t]
	s.asked[t] = true
	return was
}

// end gives a tenant back. It reports whether somebody asked for a delivery since
// the last claim.
func (s *Scheduler) end(t *tenant) (woken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.busy = false
	s.busy--
	return t.heard()
}

// heard takes the sign that there may be more.
func (t *tenant) heard() bool {
	select {
	case <-t.woken:
		return true
	default:
		return false
	}
}

// full reports whether this process delivers for as many tenants as it can.
func (s *Scheduler) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy >= maxTenants
}

// share is how many posts a tenant with many of them claims at a time: a claim of one
// costs the database nearly as much as one of several. It is half of the burst, so
// that the rate is used whole although a claim takes a while.
func (t *tenant) share() int { return max(1, t.limit.Burst()/2) }

// wait is how long it is until n posts may be sent.
func (t *tenant) wait(n int) time.Duration {
	if t.limit.Limit() == rate.Inf {
		return 0
	}
	return time.Duration((float64(n) - t.limit.Tokens()) / float64(t.limit.Limit()) * float64(time.Second))
}

// may reports whether n posts may be sent now.
func (t *tenant) may(n int) bool {
	return t.limit.Limit() == rate.Inf || t.limit.Tokens() >= float64(n)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default: // there is one already
	}
}

// places are for the posts of a tenant that are on their way. The first is its own,
// so that it can post however slow the platform is to others; the rest are some of
// those that all tenants share, which bound what the process takes.
type places struct {
	shared chan struct{}
	freed  chan struct{} // holds one where a post was settled since

	mu    sync.Mutex // guards what follows
	taken int
}

// take takes a place, or reports that there is none.
func (p *places) take() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken == atOnce {
		return false
	}
	if p.taken > 0 {
		select {
		case p.shared <- struct{}{}:
		default:
			return false
		}
	}
	p.taken++
	return true
}

func (p *places) give() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken--; p.taken > 0 {
		<-p.shared
	}
}

func (p *places) empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken == 0
}

// turn waits until a tenant may send a share of posts, takes places for as many as it
// may send by then, and returns how many: none where it is time to stop. Where the
// database is slower than the rate they become more, and the claims fewer. It is the
// tenant's turn to claim then, which claim ends.
func (s *Scheduler) turn(ctx context.Context, t *tenant, share int, room *places) (n int) {
	if !s.pause(ctx, t.wait(share), turnTime, nil) {
		return 0
	}
	for !room.take() {
		select {
		case <-room.freed:
		case <-time.After(placesEvery): // another tenant gave one back
		case <-s.stopping:
			return 0
		case <-ctx.Done():
			return 0
		}
	}
	select {
	case s.claims <- struct{}{}:
	case <-s.stopping:
		room.give()
		return 0
	case <-ctx.Done():
		room.give()
		return 0
	}
	for n = 1; t.may(n+1) && room.take(); {
		n++
	}
	return n
}

// pause waits for a while, or until it is woken. It reports false where that is
// longer than most, or where it is time to stop.
func (s *Scheduler) pause(ctx context.Context, wait, most time.Duration, woken <-chan struct{}) bool {
	if s.stopped() || ctx.Err() != nil || wait > most {
		return false
	}
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-woken:
		return true
	case <-s.stopping:
	case <-ctx.Done():
	}
	return false
}

// stopped reports whether it is time to stop.
func (s *Scheduler) stopped() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}
