// Package outbox runs sends in the background: a bounded number at a time, and
// waited for when the process stops. Both adapters answer a platform's request
// first, and send what remains through one. It knows nothing of what is sent.
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
	mu     sync.Mutex // guards closed, and wg.Go against wg.Wait
	closed bool
	wg     sync.WaitGroup
}

// Why a send was not taken on.
var (
	ErrBusy   = errors.New("too many replies are on their way")
	ErrClosed = errors.New("shutting down")
)

// New makes an outbox of so many sends at a time.
func New(atATime int) *Outbox {
	ctx, cancel := context.WithCancel(context.Background())
	return &Outbox{slots: make(chan struct{}, atATime), ctx: ctx, cancel: cancel}
}

// Go runs send in the background, or returns ErrBusy or ErrClosed and does not.
// The context of send ends when the outbox gives up on it.
func (o *Outbox) Go(send func(context.Context)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	select {
	case o.slots <- struct{}{}:
	default:
		return ErrBusy
	}
	o.wg.Go(func() {
		defer func() { <-o.slots }()
		send(o.ctx)
	})
	return nil
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
