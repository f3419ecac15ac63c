package briefing

import (
	"fmt"
	"time"
)

// Next is the first slot of the rule after an instant. Its error is that the
// rule's zone is not known.
//
// A local time that does not exist on the night when clocks go forward is taken
// with the offset from before, and so comes an hour later; one that exists twice
// when they go back is its first occurrence: RFC 5545, section 3.3.5.
func (r Rule) Next(after time.Time) (Slot, error) {
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		return Slot{}, fmt.Errorf("time zone: %w", err)
	}
	// The day before, in case that what is local there is not yet past.
	y, m, d := after.In(zone).AddDate(0, 0, -1).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	for {
		if day.Weekday() == r.Day && r.isInStep(day) {
			if at := r.instant(day, zone); at.After(after) {
				return Slot{Key: DateOf(day).String() + fmt.Sprintf("T%02d:%02d", r.Hour, r.Minute), At: at.UTC()}, nil
			}
		}
		day = day.AddDate(0, 0, 1)
	}
}

// isInStep reports whether a day of the right weekday is in the right week.
func (r Rule) isInStep(day time.Time) bool {
	from, ok := r.From.day()
	if r.Every < 2 || !ok {
		return true
	}
	days := int(day.Sub(from) / (24 * time.Hour))
	return days%(7*r.Every) == 0
}

// instant is the rule's time of day on a calendar day, which is given in UTC.
func (r Rule) instant(day time.Time, zone *time.Location) time.Time {
	wall := time.Date(day.Year(), day.Month(), day.Day(), r.Hour, r.Minute, 0, 0, time.UTC)
	// Zones change by less than a day, so the day before has the offset from before.
	_, before := wall.Add(-24 * time.Hour).In(zone).Zone()
	early := wall.Add(-time.Duration(before) * time.Second)
	if _, offset := early.In(zone).Zone(); offset == before {
		return early
	}
	// Clocks have changed since. Either the time is after the change, and exists
	// with the new offset, or it is in the gap.
	_, offset := early.In(zone).Zone()
	late := wall.Add(-time.Duration(offset) * time.Second)
	if local := late.In(zone); local.Hour() == r.Hour && local.Minute() == r.Minute {
		return late
	}
	return early
}

// DateOf is the day of an instant in the instant's own zone.
func DateOf(t time.Time) Date { return Date(t.Format(time.DateOnly)) }

// String implements fmt.Stringer.
func (d Date) String() string { return string(d) }

// day is midnight UTC of the date, or false where it is none.
func (d Date) day() (time.Time, bool) {
	t, err := time.Parse(time.DateOnly, string(d))
	return t, err == nil
}

// In is the first instant of the date in a zone, and whether it is a date at all.
func (d Date) In(zone *time.Location) (time.Time, bool) {
	t, ok := d.day()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone), ok
}
