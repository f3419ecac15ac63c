package schedule_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/schedule"
	"briefingbot/internal/storetest"
)

// A year, over both changes of clocks and the turn of the year, with the real store.
func TestYearAtLocalTimes(t *testing.T) {
	t.Parallel()
	path := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		const step = 2 * time.Hour // of what a tick does every 15 s, and no slot falls on it
		date := func(zone, local string) time.Time { return at(t, zone, local) }
		begin, end := date("Europe/London", "2026-01-01T00:00"), date("Europe/London", "2027-01-10T00:00")
		time.Sleep(time.Until(begin)) // a bubble's clock begins in 2000
		bot := &player{}
		f := setUp(t, open(t, path), schedule.Config{}, bot)
		startAlone(t, f)

		every := func(n int, day time.Weekday, hour, minute int, zone string) briefing.Rule {
			return briefing.Rule{Every: n, Day: day, Hour: hour, Minute: minute, Zone: zone}
		}
		channels := map[string]briefing.Rule{
			"London":    mondays,
			"Night":     every(1, time.Sunday, 1, 30, "Europe/London"),
			"Sunday":    every(1, time.Sunday, 9, 30, "Europe/London"),
			"New York":  every(1, time.Friday, 16, 45, "America/New_York"),
			"Fortnight": every(2, time.Tuesday, 14, 10, "Europe/London"),
			"Holidays":  mondays,
			"Pause":     mondays,
		}
		for id, rule := range channels {
			change(t, f.store, channelOf("T"+id, id), func(sub *briefing.Subscription) []briefing.Post {
				next, err := rule.Next(time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if rule.Every == 2 {
					rule.From = next.Date()
				}
				sub.Rule, sub.NextSlot, sub.Holidays = rule, next, briefing.NoRegion
				if id == "Holidays" {
					sub.Holidays = briefing.EnglandAndWales
				}
				return nil
			})
		}

		paused, until := date("Europe/London", "2026-03-02T12:00"), date("Europe/London", "2026-06-10T00:00")
		for now := begin; now.Before(end); now = now.Add(step) {
			time.Sleep(time.Until(now))
			if now.Equal(paused) {
				change(t, f.store, channelOf("TPause", "Pause"), func(sub *briefing.Subscription) []briefing.Post {
					next, err := sub.Rule.Next(until.Add(-time.Nanosecond))
					if err != nil {
						t.Fatal(err)
					}
					sub.Paused, sub.Until, sub.NextSlot = briefing.CauseAsked, "2026-06-10", next
					return nil
				})
			}
			f.step(t)
		}

		// What should be is worked out by counting days, without the rules.
		mondaysAt930 := weekly(t, "Europe/London", begin, end, time.Monday, "09:30", 7)
		holidays := []string{ // https://www.gov.uk/bank-holidays, those on Mondays
			"2026-04-06T09:30", "2026-05-04T09:30", "2026-05-25T09:30", "2026-08-31T09:30", "2026-12-28T09:30",
		}
		nights := weekly(t, "Europe/London", begin, end, time.Sunday, "01:30", 7)
		for i, night := range nights {
			switch night.Format(time.DateOnly) {
			case "2026-03-29": // there is no 01:30: an hour later
				nights[i] = time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)
			case "2026-10-25": // there are two: the first
				nights[i] = time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
			}
		}
		expected := map[string][]time.Time{
			"London":    mondaysAt930,
			"Night":     nights,
			"Sunday":    weekly(t, "Europe/London", begin, end, time.Sunday, "09:30", 7),
			"New York":  weekly(t, "America/New_York", begin, end, time.Friday, "16:45", 7),
			"Fortnight": weekly(t, "Europe/London", begin, end, time.Tuesday, "14:10", 14),
			"Holidays": without(mondaysAt930, func(at time.Time) bool {
				return slices.Contains(holidays, at.Format("2006-01-02T15:04"))
			}),
			"Pause": without(mondaysAt930, func(at time.Time) bool { return at.After(paused) && at.Before(until) }),
		}
		if n := countIn(mondaysAt930, 2026); n != 52 {
			t.Fatalf("2026 has %d Mondays", n)
		}
		for id, slots := range expected {
			var got []time.Time
			for _, a := range bot.attempts(id) {
				if late := a.at.Sub(a.post.Slot.At); late < 0 || late >= step {
					t.Errorf("%s: the slot of %s is posted %v later", id, a.post.Slot.Key, late)
				}
				got = append(got, a.post.Slot.At)
			}
			if diff := cmp.Diff(slots, got, cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", id, diff)
			}
			posts := postsOf(t, f.store, channelOf("T"+id, id))
			var skipped []string
			for _, p := range posts {
				switch {
				case p.State == briefing.PostSkipped && p.Cause == briefing.CauseHoliday:
					skipped = append(skipped, p.Slot.Key)
				case p.State != briefing.PostSent:
					t.Errorf("%s: the post of %s is %s %s", id, p.Slot.Key, p.State, p.Cause)
				}
			}
			switch {
			case id == "Holidays" && !slices.Equal(skipped, holidays):
				t.Errorf("holidays: skipped are %v", skipped)
			case id != "Holidays" && len(skipped) > 0:
				t.Errorf("%s: skipped are %v", id, skipped)
			case len(posts) != len(slots)+len(skipped):
				t.Errorf("%s: %d posts", id, len(posts))
			}
		}
		if sub := subscription(t, f.store, channelOf("TPause", "Pause")); sub.Paused != "" || sub.Until != "" {
			t.Errorf("it is still paused: %q until %q", sub.Paused, sub.Until)
		}
	})
}

// at is a local time as an instant.
func at(t *testing.T, zone, local string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	out, err := time.ParseInLocation("2006-01-02T15:04", local, loc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// weekly is the local time on a day of the week, every so many days.
func weekly(t *testing.T, zone string, begin, end time.Time, on time.Weekday, clock string, every int) []time.Time {
	t.Helper()
	first := begin
	for first.Weekday() != on {
		first = first.AddDate(0, 0, 1)
	}
	var out []time.Time
	for day := 0; ; day += every {
		slot := at(t, zone, first.AddDate(0, 0, day).Format(time.DateOnly)+"T"+clock)
		if !slot.Before(end) {
			return out
		}
		out = append(out, slot)
	}
}

func without(times []time.Time, left func(time.Time) bool) []time.Time {
	return slices.DeleteFunc(slices.Clone(times), left)
}

func countIn(times []time.Time, year int) (n int) {
	for _, at := range times {
		if at.Year() == year {
			n++
		}
	}
	return n
}
