package outbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"briefingbot/internal/outbox"
)

func TestMoreThanFitIsRefusedAndNotQueued(t *testing.T) {
	o := outbox.New(2)
	release := make(chan struct{})
	for range 2 {
		if err := o.Go(func(context.Context) { <-release }); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Go(func(context.Context) { t.Error("it was sent all the same") }); !errors.Is(err, outbox.ErrBusy) {
		t.Errorf("the third: %v", err)
	}
	close(release)
	if err := o.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestCloseWaitsAndThenTakesNothing(t *testing.T) {
	o := outbox.New(1)
	sent := false
	if err := o.Go(func(context.Context) { time.Sleep(50 * time.Millisecond); sent = true }); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(context.Background()); err != nil || !sent {
		t.Errorf("closed with %v, sent: %t", err, sent)
	}
	if err := o.Go(func(context.Context) {}); !errors.Is(err, outbox.ErrClosed) {
		t.Errorf("after it: %v", err)
	}
}

func TestCloseGivesUpWhenItsTimeIsOver(t *testing.T) {
	o := outbox.New(1)
	ended := make(chan struct{})
	if err := o.Go(func(ctx context.Context) { <-ctx.Done(); close(ended) }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := o.Close(ctx); err == nil {
		t.Error("it says that all was sent")
	}
	<-ended // the send's context ended
}
