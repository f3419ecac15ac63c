package schedule

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

const (
	maxBackoff  = 5 * time.Minute
	resendAfter = 5 * time.Second
)

// deliver is the bot's Deliver, of which a panic is one more error.
func (s *Scheduler) deliver(ctx context.Context, post briefing.Post) (message string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic of %T", cause)
		}
	}()
	return s.bot.Deliver(ctx, post)
}

// resultOf is what follows from an attempt to send a post.
func resultOf(post briefing.Post, message string, err error, now time.Time, resend bool) briefing.Result {
	if err == nil {
		post.State, post.Cause, post.Message, post.SentAt = briefing.PostSent, "", message, now
		return briefing.Result{Post: post}
	}
	said := &briefing.DeliveryError{}
	if !errors.As(err, &said) {
		said = &briefing.DeliveryError{Outcome: briefing.Unknown, Err: err}
	}
	r := briefing.Result{Post: post}
	switch said.Outcome {
	case briefing.Throttled, briefing.NotSent:
		wait := said.RetryAfter
		if wait <= 0 {
			wait = backoff(post.Tries)
		}
		r.Post.State, r.Post.Tries = briefing.PostDue, post.Tries+1
		r.TryAt = now.Add(wait)
		// The others of this tenant would hear the same.
		r.Hold = r.TryAt
	case briefing.Impossible:
		r.Post.State, r.Post.Cause, r.Pause = briefing.PostFailed, said.Cause, said.Cause
	case briefing.Rejected:
		r.Post.State, r.Post.Cause = briefing.PostFailed, briefing.CauseRejected
	case briefing.Unknown:
		if resend && !post.Resent {
			r.Post.State, r.Post.Resent, r.TryAt = briefing.PostDue, true, now.Add(resendAfter)
			break
		}
		r.Post.State, r.Post.Cause = briefing.PostUnconfirmed, briefing.CauseNoAnswer
	}
	return r
}

// backoff is how long to wait after so many tries: a second, twice that, and so on,
// give or take a fifth, so that not all come back at once.
func backoff(tries int) time.Duration {
	wait := min(time.Second<<min(tries, 20), maxBackoff)
	return wait*4/5 + rand.N(wait*2/5)
}

// results keeps what became of posts, many in one transaction, for as long as it
// takes: while the database is away they wait here.
type results struct {
	posts Posts
	log   *zap.Logger
	queue chan pending
	done  chan struct{} // closed when everything is kept, or given up
	quit  chan struct{} // closed when it is time to give up
}

type pending struct {
	result briefing.Result
	kept   func()
}

const (
	maxResults  = 500
	resultsTime = 10 * time.Second // for one transaction
)

func newResults(posts Posts, log *zap.Logger) *results {
	return &results{posts: posts, log: log, queue: make(chan pending, 4*maxResults), done: make(chan struct{}), quit: make(chan struct{})}
}

// keep has a result kept, and calls kept when it is.
func (r *results) keep(result briefing.Result, kept func()) { r.queue <- pending{result, kept} }

func (r *results) start() {
	go func() {
		defer close(r.done)
		for first := range r.queue {
			batch := []pending{first}
			for more := true; more && len(batch) < maxResults; {
				select {
				case next, ok := <-r.queue:
					if ok {
						batch = append(batch, next)
					}
					more = ok
				default:
					more = false
				}
			}
			r.write(batch)
		}
	}()
}

// stop waits until everything is kept, or ctx ends. Nothing may be kept after it.
func (r *results) stop(ctx context.Context) error {
	var once sync.Once
	giveUp := context.AfterFunc(ctx, func() { once.Do(func() { close(r.quit) }) })
	defer giveUp()
	close(r.queue)
	<-r.done
	if ctx.Err() != nil {
		return errors.New("what became of some posts was not kept: they will be unconfirmed")
	}
	return nil
}

func (r *results) write(batch []pending) {
	list := make([]briefing.Result, len(batch))
	for i, p := range batch {
		list[i] = p.result
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		ctx, cancel := context.WithTimeout(context.Background(), resultsTime)
		err := r.posts.Finish(ctx, list)
		cancel()
		if err == nil {
			break
		}
		r.log.Warn("what became of posts is not kept yet", zap.Int("posts", len(list)), zap.String("cause", err.Error()))
		select {
		case <-time.After(wait):
			continue
		case <-r.quit:
		}
		break
	}
	for _, p := range batch {
		p.kept()
	}
}
