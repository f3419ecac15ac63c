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
	slots    chan struct{}
	ctx      context.Context // ends when Close has waited long enough
	cancel   context.CancelFunc
	perKey   int
	panicked func(cause any)
	mu       sync.Mutex     // guards keys and closed, and wg.Add against wg.Wait
	keys     map[string]int // sends under way; no key has none, so it is never larger than slots
	closed   bool
	wg       sync.WaitGroup
}

// Why a send was not taken on.
var (
	ErrBusy   = errors.New("too many replies are on their way")
	ErrClosed = errors.New("shutting down")
)

// New makes an outbox of so many sends at a time, and so many for one key. panicked is
// told of the panics of sends.
func New(atATime, perKey int, panicked func(cause any)) *Outbox {
	ctx, cancel := context.WithCancel(context.Background())
	return &Outbox{slots: make(chan struct{}, atATime), perKey: perKey, panicked: panicked, keys: map[string]int{}, ctx: ctx, cancel: cancel}
}

// Place is one that a send will take up. Call Go or Leave.
type Place struct {
	o    *Outbox
	key  string
	left bool
}

// Reserve takes a place for a send, or returns ErrBusy or ErrClosed: for whoever must
// know, before there is anything to send, that it can be sent.
//
// The key is where it goes to, such as a conversation, so that one that is
// flooded leaves places to all others. The empty key is nobody's, and is bounded
// with everything alone.
func (o *Outbox) Reserve(key string) (*Place, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, ErrClosed
	}
	if key != "" && o.keys[key] >= o.perKey {
		return nil, ErrBusy
	}
	select {
	case o.slots <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	if key != "" {
		o.keys[key]++
	}
	o.wg.Add(1)
	return &Place{o: o, key: key}, nil
}

// Go runs send in the background. The context of send ends when the outbox gives up
// on it. A panic of send's ends that send alone.
func (p *Place) Go(send func(context.Context)) {
	p.left = true
	go func() {
		defer p.o.done(p.key)
		defer func() {
			if cause := recover(); cause != nil {
				p.o.panicked(cause)
			}
		}()
		send(p.o.ctx)
	}()
}

// Leave gives the place back where there is nothing to send. After Go it does nothing.
func (p *Place) Leave() {
	if !p.left {
		p.left = true
		p.o.done(p.key)
	}
}

// Go runs send in the background at a place of the key's, or returns ErrBusy or
// ErrClosed and does not.
func (o *Outbox) Go(key string, send func(context.Context)) error {
	place, err := o.Reserve(key)
	if err == nil {
		place.Go(send)
	}
	return err
}

// done gives a place back.
func (o *Outbox) done(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	<-o.slots
	if o.keys[key]--; o.keys[key] <= 0 {
		delete(o.keys, key)
	}
	o.wg.Done()
}

// Close takes no more sends, and waits for those under way until ctx ends. Then
// it gives up on them, and its error says so.
func (o *Outbox) Close(ctx context.Context) error {
	o.mu.Lock()
	o.closed = true
	idle := len(o.slots) == 0
	o.mu.Unlock()
	if idle { // although ctx may have ended before
		o.cancel()
		return nil
	}
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
