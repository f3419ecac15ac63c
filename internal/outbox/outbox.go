// Package outbox runs sends in the background: a bounded number at a time, a
// smaller one for each place that they go to, and waited for when the process
// stops. Both adapters answer a platform's request first, and send what remains
// through one. It knows nothing of what is sent.
package outbox

import (
	"context"
	"errors"
	"sync"
)

// Outbox is safe for concurrent use.
type Outbox struct {
	slots  chan struct{}
	ctx    context.Context // ends when Close has waited long enough
	cancel context.CancelFunc
	perKey int
	mu     sync.Mutex     // guards keys and closed, and wg.Go against wg.Wait
	keys   map[string]int // sends under way; no key has none, so it is never larger than slots
	closed bool
	wg     sync.WaitGroup
}

// Why a send was not taken on.
var (
	ErrBusy   = errors.New("too many replies are on their way")
	ErrClosed = errors.New("shutting down")
)

// New makes an outbox of so many sends at a time, and so many for one key.
func New(atATime, perKey int) *Outbox {
	ctx, cancel := context.WithCancel(context.Background())
	return &Outbox{slots: make(chan struct{}, atATime), perKey: perKey, keys: map[string]int{}, ctx: ctx, cancel: cancel}
}

// Go runs send in the background, or returns ErrBusy or ErrClosed and does not.
// The context of send ends when the outbox gives up on it.
//
// The key is where it goes to, such as a conversation, so that one that is
// flooded leaves places to all others. The empty key is nobody's, and is bounded
// with everything alone.
func (o *Outbox) Go(key string, send func(context.Context)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	if key != "" && o.keys[key] >= o.perKey {
		return ErrBusy
	}
	select {
	case o.slots <- struct{}{}:
	default:
		return ErrBusy
	}
	if key != "" {
		o.keys[key]++
	}
	o.wg.Go(func() {
		defer o.done(key)
		send(o.ctx)
	})
	return nil
}

// done gives a place back.
func (o *Outbox) done(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	<-o.slots
	if o.keys[key]--; o.keys[key] <= 0 {
		delete(o.keys, key)
	}
}

// Close takes no more sends, and waits for those under way until ctx ends. Then
// it gives up on them, and its error says so.
func (o *Outbox) Close(ctx context.Context) error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	done := make(chan struct{})
	go func() { o.wg.Wait(); close(done) }()
	defer o.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.New("replies were still on their way")
	}
}
