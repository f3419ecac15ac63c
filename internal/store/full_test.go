package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/storetest"
)

func TestFullDiskIsSaidAndNothingIsHalfWritten(t *testing.T) {
	path := storetest.SQLite(t)
	s := open(t, path)
	ch := channelOf("T1", "C0")
	subscribe(t, s, ch, monday)
	var pages int
	if err := s.SQLite().QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) { execute(t, s, fmt.Sprint("PRAGMA max_page_count = ", pages)) }
	limit(pages)
	long := strings.Repeat("a route", 100_000) // more than any free page holds
	set := func(ch briefing.Channel) error {
		return s.Change(t.Context(), ch, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
			sub.Rule.Minute, sub.Channel.Route = 59, long
			return []briefing.Post{{Channel: ch, Slot: briefing.Slot{Key: "slot", At: monday}, State: briefing.PostDue}}, nil
		})
	}
	before := dump(t, s, nil)
	for name, ch := range map[string]briefing.Channel{"one that is there": ch, "a new one": channelOf("T2", "C1")} {
		if err := set(ch); err == nil || !strings.Contains(err.Error(), "database or disk is full") {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(before, dump(t, s, nil)); diff != "" {
			t.Errorf("%s (-before +after):\n%s", name, diff)
		}
	}
	// The rest goes on, and so does this once there is room.
	read(t, s, ch)
	limit(pages + 10_000)
	if err := set(ch); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, ch); got.Rule.Minute != 59 || only(t, s, ch).State != briefing.PostDue {
		t.Errorf("%+v", got)
	}
	var check string
	if err := s.SQLite().QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Error(check, err)
	}
}

// Where the file system is full, SQLite finds out when it commits.
func TestCommitThatFailsLeavesTheStoreUsable(t *testing.T) {
	path := storetest.SQLite(t)
	s, ch := open(t, path), channelOf("T1", "C1")
	subscribe(t, s, ch, monday)
	before := dump(t, s, nil)
	// The constraint is one that is held at the end of a transaction.
	execute(t, s, "CREATE TABLE parent (id INTEGER PRIMARY KEY)")
	execute(t, s, "CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
	execute(t, s, "CREATE TRIGGER failing AFTER UPDATE ON subscription BEGIN INSERT INTO child VALUES (1); END")
	execute(t, s, "PRAGMA foreign_keys = ON")
	for range 3 {
		err := s.Change(t.Context(), ch, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
			sub.Rule.Minute = 59
			return nil, nil
		})
		if err == nil || !strings.Contains(err.Error(), "committing: ") {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, dump(t, s, nil)); diff != "" {
			t.Errorf("-before +after:\n%s", diff)
		}
	}
	execute(t, s, "DROP TRIGGER failing")
	subscribe(t, s, ch, monday)
}
