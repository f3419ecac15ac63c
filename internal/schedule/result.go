package schedule

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

const (
	maxBackoff  = 5 * time.Minute
	resendAfter = 5 * time.Second
)

// resultOf is what follows from an attempt to send a post.
func resultOf(post briefing.Post, message string, err error, now time.Time, resend bool) briefing.Result {
	if err == nil {
		post.State, post.Cause, post.Message, post.SentAt = briefing.PostSent, "", storable(message), now
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
	if r.Post.State == briefing.PostFailed && post.Resent { // it may have arrived the first time
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

// maxMessage is longer than any platform's id of a message.
const maxMessage = 1000

// storable is an id as every database takes it, or nothing. One result that can
// never be kept would hold up all that are kept with it.
func storable(id string) string {
	if len(id) > maxMessage || !utf8.ValidString(id) || strings.ContainsRune(id, 0) {
		return ""
	}
	return id
}

// results keeps what became of posts, many in one transaction, for as long as it
// takes: while the database is away they wait here.
type results struct {
	posts  Posts
	log    *zap.Logger
	queue  chan pending  // unbuffered: what was handed over is kept, or given up on
	end    chan struct{} // closed when no more will come
	done   chan struct{} // closed when everything is kept, or given up
	giveUp context.CancelFunc
	behind atomic.Bool // the database did not take what is in hand
	lost   atomic.Int64
}

type pending struct {
	result briefing.Result
	kept   func()
}

const (
	maxResults   = 500
	resultsTime  = 10 * time.Second // for one transaction
	retryResults = 5 * time.Second  // between two tries, at most
	sayAgain     = time.Minute
)

func newResults(posts Posts, log *zap.Logger) *results {
	return &results{posts: posts, log: log, queue: make(chan pending), end: make(chan struct{}), done: make(chan struct{})}
}

// keep has a result kept, and calls kept when it is, or when it never will be.
func (r *results) keep(result briefing.Result, kept func()) {
	select {
	case r.queue <- pending{result, kept}:
	case <-r.done:
		r.lost.Add(1)
		kept()
	}
}

func (r *results) start() {
	ctx, giveUp := context.WithCancel(context.Background())
	r.giveUp = giveUp
	go func() {
		defer close(r.done)
		for {
			var batch []pending
			select {
			case first := <-r.queue:
				batch = r.waiting([]pending{first})
			case <-r.end:
				if batch = r.waiting(nil); len(batch) == 0 {
					return
				}
			}
			r.write(ctx, batch)
		}
	}()
}

// waiting adds what waits to be kept to a batch.
func (r *results) waiting(batch []pending) []pending {
	for len(batch) < maxResults {
		select {
		case next := <-r.queue:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// stop waits until everything is kept, or ctx ends. What comes after it is lost.
func (r *results) stop(ctx context.Context) error {
	defer r.giveUp()
	defer context.AfterFunc(ctx, r.giveUp)()
	close(r.end)
	<-r.done
	if r.lost.Load() > 0 {
		return errors.New("what became of some posts was not kept: they will be unconfirmed")
	}
	return nil
}

func (r *results) write(ctx context.Context, batch []pending) {
	list := make([]briefing.Result, len(batch))
	for i, p := range batch {
		list[i] = p.result
	}
	var said time.Time
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, retryResults) {
		once, cancel := context.WithTimeout(ctx, resultsTime)
		err := r.posts.Finish(once, list)
		cancel()
		r.behind.Store(err != nil)
		if err == nil {
			break
		}
		if time.Since(said) >= sayAgain {
			said = time.Now()
			r.log.Warn("what became of posts is not kept yet", zap.Int("posts", len(list)), zap.String("cause", err.Error()))
		}
		select {
		case <-time.After(wait):
			continue
		case <-ctx.Done():
			r.lost.Add(int64(len(list)))
		}
		break
	}
	for _, p := range batch {
		p.kept()
	}
}
