package outbox_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"briefingbot/internal/outbox"
)

func TestMoreThanFitIsRefusedAndNotQueued(t *testing.T) {
	o := outbox.New(2, 2, nil)
	release := make(chan struct{})
	for range 2 {
		if err := o.Go("", func(context.Context) { <-release }); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Go("", func(context.Context) { t.Error("it was sent all the same") }); !errors.Is(err, outbox.ErrBusy) {
		t.Errorf("the third: %v", err)
	}
	close(release)
	if err := o.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestOneKeyLeavesPlacesToOthers(t *testing.T) {
	o := outbox.New(6, 2, nil)
	release := make(chan struct{})
	wait := func(context.Context) { <-release }
	for i, tt := range []struct {
		key  string
		want error
	}{
		{"flooded", nil}, {"flooded", nil}, {"flooded", outbox.ErrBusy},
		{"quiet", nil},
		{"", nil}, {"", nil}, {"", nil}, // nobody's key has no bound of its own
		{"", outbox.ErrBusy}, {"quiet", outbox.ErrBusy},
	} {
		if err := o.Go(tt.key, wait); !errors.Is(err, tt.want) {
			t.Errorf("send %d, for %q: %v, want %v", i, tt.key, err, tt.want)
		}
	}
	close(release)
	if err := o.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestPlacesOfAKeyComeBack(t *testing.T) {
	o := outbox.New(2, 1, nil)
	for range 100 {
		sent := make(chan struct{})
		for {
			err := o.Go("thread", func(context.Context) { close(sent) })
			if err == nil {
				break
			}
			if !errors.Is(err, outbox.ErrBusy) {
				t.Fatal(err)
			}
			runtime.Gosched() // the one before gives its place back once it has returned
		}
		<-sent
	}
	if err := o.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestCloseWaitsAndThenTakesNothing(t *testing.T) {
	o := outbox.New(1, 1, nil)
	sent := false
	if err := o.Go("", func(context.Context) { time.Sleep(50 * time.Millisecond); sent = true }); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(context.Background()); err != nil || !sent {
		t.Errorf("closed with %v, sent: %t", err, sent)
	}
	if err := o.Go("", func(context.Context) {}); !errors.Is(err, outbox.ErrClosed) {
		t.Errorf("after it: %v", err)
	}
}

func TestCloseGivesUpWhenItsTimeIsOver(t *testing.T) {
	o := outbox.New(1, 1, nil)
	ended := make(chan struct{})
	if err := o.Go("", func(ctx context.Context) { <-ctx.Done(); close(ended) }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := o.Close(ctx); err == nil {
		t.Error("it says that all was sent")
	}
	<-ended // the send's context ended
}

func TestCloseOfWhatIsIdleHasNothingToGiveUp(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for range 100 {
		if err := outbox.New(1, 1, nil).Close(ended); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReservedPlaceIsTakenUntilItIsLeft(t *testing.T) {
	o := outbox.New(1, 1, nil)
	place, err := o.Reserve("thread")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Go("another", func(context.Context) {}); !errors.Is(err, outbox.ErrBusy) {
		t.Errorf("while it is reserved: %v", err)
	}
	place.Leave()
	place.Leave()
	if place, err = o.Reserve("thread"); err != nil {
		t.Fatal(err)
	}
	sent := false
	place.Go(func(context.Context) { sent = true })
	place.Leave() // as a deferred one
	if err := o.Close(context.Background()); err != nil || !sent {
		t.Errorf("closed with %v, sent: %t", err, sent)
	}
}

func TestPanicOfASendEndsThatSendAlone(t *testing.T) {
	told := make(chan any, 1)
	o := outbox.New(1, 1, func(cause any) { told <- cause })
	if err := o.Go("thread", func(context.Context) { panic("a fault") }); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != "a fault" {
		t.Errorf("told of %v", got)
	}
	if err := o.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := o.Reserve("thread"); !errors.Is(err, outbox.ErrClosed) {
		t.Error(err)
	}
}
