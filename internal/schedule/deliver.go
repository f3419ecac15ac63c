package schedule

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

const (
	// turnTime is how long one job delivers for a tenant before others have their turn,
	// and longTurn where none of them waits: whoever goes on begins without what the
	// platform would take at once.
	turnTime = 30 * time.Second
	longTurn = time.Minute
	sendTime = 15 * time.Second // for one post: a second's wait for its channel, and the platform's 10
	silence  = 40 * time.Second // after which nothing more will be heard of a post
	// apart is how far the clocks of replicas may be apart, and a claim may have waited
	// for the database. Who sends again must not do so while another is still sending.
	apart       = 80 * time.Second
	releaseTime = 5 * time.Second
	// claimEvery keeps a delivery from asking without end for posts that are due and
	// that it does not get, since somebody else holds them.
	claimEvery = 20 * time.Millisecond
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
		w.s.insert(ctx, t, inTurn) // others first
	}
	return nil
}

// Deliver sends the posts of a tenant that are due, as fast as its platform takes
// them, for a minute at most. It reports whether there is more to do.
func (s *Scheduler) Deliver(ctx context.Context, t briefing.Tenant) (more bool, err error) {
	known, ok := s.begin(t)
	if !ok {
		return false, nil
	}
	var kept sync.WaitGroup // until what became of every post is kept
	defer func() {
		kept.Wait()
		// Whoever goes on, here or elsewhere, need not wait for the lease's end.
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
		defer cancel()
		if e := s.posts.Release(release, t, s.id); err == nil {
			err = e
		}
		more = s.end(known) || more
		more = more && err == nil && ctx.Err() == nil && !s.stopped()
	}()
	var (
		begun = s.now()
		room  = &places{shared: s.shared, freed: make(chan struct{}, 1)}
		share = 1 // the first goes at once
	)
	for {
		if d := s.now().Sub(begun); d >= longTurn || d >= turnTime && s.full() {
			return true, nil
		}
		n := s.turn(ctx, known, share, room)
		if n == 0 {
			return false, nil
		}
		known.heard() // what is there by now is found by this claim
		claimed, err := s.claim(ctx, t, n)
		known.limit.ReserveN(time.Now(), len(claimed.Posts)) // never refused: n was in the bucket, or nearly
		for range n - len(claimed.Posts) {
			room.give()
		}
		if err != nil {
			return false, err
		}
		for _, post := range claimed.Posts {
			kept.Add(1)
			go func() {
				s.results.keep(s.send(ctx, known, post), func() {
					room.give()
					signal(room.freed)
					kept.Done()
				})
			}()
		}
		share = 1
		switch {
		case claimed.Elsewhere:
			return false, nil
		case len(claimed.Posts) == n:
			share = known.share()
		case !room.empty():
			// What is on its way may be due again by the time that it is settled.
			select {
			case <-room.freed:
			case <-known.woken:
			}
		case claimed.Next.IsZero():
			return false, nil
		case !s.pause(ctx, max(claimEvery, claimed.Next.Sub(s.now())), tickEvery, known.woken):
			return false, nil
		}
	}
}

// claim claims in a turn that the tenant has, and ends it. Each claim has a mark of its
// own: by it the store tells a late result from the attempt that is under way.
func (s *Scheduler) claim(ctx context.Context, t briefing.Tenant, n int) (briefing.Claimed, error) {
	defer func() { <-s.claims }()
	return s.posts.Claim(ctx, t, s.id, rand.Text(), n, s.now(), s.decide(s.now()))
}

// send sends one post, and says what became of it.
func (s *Scheduler) send(ctx context.Context, known *tenant, post briefing.Post) briefing.Result {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	message, err := s.deliver(ctx, post)
	result := resultOf(post, message, err, s.now(), s.cfg.Resend)
	known.heardOf(&result, err, s.now())
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

// deliver is the bot's Deliver, of which a panic is one more error.
func (s *Scheduler) deliver(ctx context.Context, post briefing.Post) (message string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = s.panicked(cause)
		}
	}()
	return s.bot.Deliver(ctx, post)
}

// panicked logs where the bot panicked. The value of a panic may hold what no log
// should; its type and the stack do not.
func (s *Scheduler) panicked(cause any) error {
	err := fmt.Errorf("panic of %T", cause)
	s.log.Error("the bot panicked", zap.String("cause", err.Error()), zap.ByteString("stack", debug.Stack()))
	return err
}
