package briefing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"briefingbot/internal/briefing"
)

func TestSlotOutOfTurnIsOneAMinute(t *testing.T) {
	lisbon, err := time.LoadLocation("Europe/Lisbon")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 7, 6, 0, 30, 10, 0, lisbon) // 23:30 UTC on the day before
	slot := briefing.SlotNow(now)
	if slot.Key != "now 2026-07-05T23:30Z" || !slot.At.Equal(now) {
		t.Errorf("got %v", slot)
	}
	if slot.Date() != "2026-07-05" {
		t.Errorf("on %s", slot.Date())
	}
	if again := briefing.SlotNow(now.Add(49 * time.Second)); again.Key != slot.Key {
		t.Errorf("asked for twice at a time: %q and %q", slot.Key, again.Key)
	}
	if later := briefing.SlotNow(now.Add(50 * time.Second)); later.Key == slot.Key {
		t.Errorf("a minute later: %q again", later.Key)
	}
}

func TestPlannedSlotIsNotTakenForOneOutOfTurn(t *testing.T) {
	rule := briefing.Rule{Every: 1, Day: time.Monday, Hour: 23, Minute: 30, Zone: "Europe/London"}
	slot, err := rule.Next(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if slot.Date() != "2026-07-06" {
		t.Errorf("%v: on %s", slot, slot.Date())
	}
	if now := briefing.SlotNow(slot.At); now.Key == slot.Key {
		t.Errorf("both have the key %q", now.Key)
	}
	if none := (briefing.Slot{}); none.Date() != "" {
		t.Errorf("no slot: on %q", none.Date())
	}
}

func TestDeliveryErrorHoldsItsCause(t *testing.T) {
	err := fmt.Errorf("posting: %w", &briefing.DeliveryError{Outcome: briefing.Throttled, RetryAfter: time.Minute, Err: context.DeadlineExceeded})
	var said *briefing.DeliveryError
	if !errors.As(err, &said) || said.Outcome != briefing.Throttled || said.RetryAfter != time.Minute {
		t.Errorf("got %+v", said)
	}
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "posting: context deadline exceeded" {
		t.Errorf("got %v", err)
	}
	// What nobody set must not be taken for a refusal, which is sent again.
	if (briefing.DeliveryError{}).Outcome != briefing.Unknown {
		t.Error("an outcome that is not set is known")
	}
}
