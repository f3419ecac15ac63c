package schedule

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"briefingbot/internal/briefing"
)

const (
	turnTime  = 30 * time.Second // that one job delivers for a tenant, before another one goes on
	sendTime  = 15 * time.Second // for one post: a second's wait for its channel, and the platform's 10
	silence   = 40 * time.Second // after which nothing more will be heard of a post
	atOnce    = 16               // posts of a tenant on their way
	allAtOnce = 512              // posts of all tenants on their way
	maxPaces  = 10_000           // tenants whose pace is remembered
)

type deliverArgs struct {
	Platform briefing.Platform `json:"platform"`
	Tenant   string            `json:"tenant"`
}

// Kind implements river.JobArgs.
func (deliverArgs) Kind() string { return "deliver" }

type deliverWorker struct {
	river.WorkerDefaults[deliverArgs]
	s *Scheduler
}

// Work implements river.Worker.
func (w *deliverWorker) Work(ctx context.Context, job *river.Job[deliverArgs]) error {
	t := briefing.Tenant{Platform: job.Args.Platform, ID: job.Args.Tenant}
	more, err := w.s.Deliver(ctx, t)
	if err != nil {
		w.s.log.Warn("delivery failed", zap.String("platform", string(t.Platform)), zap.String("cause", err.Error()))
		return err
	}
	if more {
		w.s.Wake(ctx, t)
	}
	return nil
}

// tenant is what a process remembers of one.
type tenant struct {
	busy  bool // somebody in this process delivers for it
	limit *rate.Limiter
}

// begin takes a tenant for a delivery, or reports that another has it.
func (s *Scheduler) begin(t briefing.Tenant) (*tenant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.tenants[t]
	if !ok {
		if len(s.tenants) >= maxPaces {
			for other, state := range s.tenants {
				if !state.busy {
					delete(s.tenants, other) // and may be faster for its first second
				}
			}
		}
		known = &tenant{limit: rate.NewLimiter(rate.Inf, 1)}
		if pace, ok := s.cfg.Paces[t.Platform]; ok {
			known.limit = rate.NewLimiter(rate.Limit(pace.PerSecond), pace.Burst)
		}
		s.tenants[t] = known
	}
	if known.busy {
		return nil, false
	}
	known.busy = true
	return known, true
}

func (s *Scheduler) end(t *tenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.busy = false
}

// Deliver sends the posts of a tenant that are due, as fast as its platform takes
// them, for half a minute at most. It reports whether there is more to do.
func (s *Scheduler) Deliver(ctx context.Context, t briefing.Tenant) (more bool, err error) {
	known, ok := s.begin(t)
	if !ok {
		return false, nil
	}
	defer s.end(known)
	var (
		claim = rand.Text()
		turn  = s.now().Add(turnTime)
		room  = make(chan struct{}, atOnce) // a place for every post on its way
		kept  sync.WaitGroup                // until what became of it is kept
	)
	for s.now().Before(turn) {
		n, ok := s.turn(ctx, known.limit, room)
		if !ok {
			break
		}
		claimed, err := s.posts.Claim(ctx, t, s.id, claim, n, s.now(), s.decide(s.now()))
		for range n - len(claimed.Posts) {
			<-room
		}
		if err != nil {
			kept.Wait()
			return false, err
		}
		for _, post := range claimed.Posts {
			kept.Add(1)
			go func() {
				result := s.send(ctx, post)
				<-room
				s.results.keep(result, kept.Done)
			}()
		}
		if claimed.Elsewhere {
			break
		}
		if len(claimed.Posts) == n {
			continue
		}
		// What is on its way may be due again by the time that it is settled.
		if len(room) > 0 {
			kept.Wait()
			continue
		}
		if claimed.Next.IsZero() || !s.pause(claimed.Next.Sub(s.now()), tickEvery) {
			kept.Wait()
			return false, s.posts.Release(context.WithoutCancel(ctx), t, s.id)
		}
	}
	kept.Wait()
	select {
	case <-s.stopping:
		return false, s.posts.Release(context.WithoutCancel(ctx), t, s.id)
	default:
		return !s.now().Before(turn), nil
	}
}

// turn waits until a tenant may send, and takes as many places as it may have. It
// reports false where it is time to stop.
func (s *Scheduler) turn(ctx context.Context, limit *rate.Limiter, room chan struct{}) (n int, ok bool) {
	select {
	case <-s.stopping:
		return 0, false
	case <-ctx.Done():
		return 0, false
	case room <- struct{}{}:
	}
	wait := limit.Reserve().Delay()
	if wait > 0 && !s.pause(wait, turnTime) {
		<-room
		return 0, false
	}
	for n = 1; limit.Limit() == rate.Inf || limit.Tokens() >= 1; n++ {
		select {
		case room <- struct{}{}:
			limit.Allow()
		default:
			return n, true
		}
	}
	return n, true
}

// pause waits for a while. It reports false where that is longer than most, or
// where it is time to stop.
func (s *Scheduler) pause(wait, most time.Duration) bool {
	if wait > most {
		return false
	}
	select {
	case <-time.After(wait):
		return true
	case <-s.stopping:
		return false
	}
}

// send sends one post, and says what became of it.
func (s *Scheduler) send(ctx context.Context, post briefing.Post) briefing.Result {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	message, err := s.deliver(ctx, post)
	result := resultOf(post, message, err, s.now(), s.cfg.Resend)
	switch {
	case err == nil:
		if entry := s.log.Check(zap.DebugLevel, "post delivered"); entry != nil {
			entry.Write(zap.String("platform", string(post.Channel.Platform)))
		}
	default:
		s.log.Warn("post not delivered", zap.String("platform", string(post.Channel.Platform)),
			zap.String("state", string(result.Post.State)), zap.String("cause", err.Error()))
	}
	return result
}
