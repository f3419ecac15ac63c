package briefing

import (
	"fmt"
	"sync"
	"time"
)

// Next is the first slot of the rule after an instant. Its error is that the
// rule's zone is not known.
//
// A local time that does not exist on the night when clocks go forward is taken
// with the offset from before, and so comes an hour later; one that exists twice
// when they go back is its first occurrence: RFC 5545, section 3.3.5.
func (r Rule) Next(after time.Time) (Slot, error) {
	zone, err := location(r.Zone)
	if err != nil {
		return Slot{}, fmt.Errorf("time zone: %w", err)
	}
	y, m, d := after.In(zone).Date()
	// From the day before: a time that does not exist may come on the day after its
	// own, as a whole day's does that a zone leaves out.
	day := time.Date(y, m, d-1, 0, 0, 0, 0, time.UTC)
	day = day.AddDate(0, 0, modulo(int(r.Day-day.Weekday()), 7))
	every := 1
	if from, ok := r.From.day(); ok && r.Every > 1 {
		every = r.Every
		day = day.AddDate(0, 0, 7*modulo(week(from)-week(day), every))
	}
	for ; ; day = day.AddDate(0, 0, 7*every) {
		y, m, d := day.Date()
		wall := time.Date(y, m, d, r.Hour, r.Minute, 0, 0, time.UTC)
		if at, _ := instant(wall, zone); at.After(after) {
			return Slot{Key: wall.Format("2006-01-02T15:04"), At: at.UTC()}, nil
		}
	}
}

// maxLooked is how many slots Following looks at: more than a year of them.
const maxLooked = 60

// Following is the next n slots after an instant but for those on a day that skip
// reports, which may be nil. It asks skip once about each slot, in order. There are
// fewer where the zone is not known, or nearly every slot is skipped.
func (r Rule) Following(from time.Time, n int, skip func(Date) bool) []Slot {
	var slots []Slot
	for range maxLooked {
		if len(slots) >= n {
			break
		}
		slot, err := r.Next(from)
		if err != nil {
			break
		}
		from = slot.At
		if skip == nil || !skip(slot.Date()) {
			slots = append(slots, slot)
		}
	}
	return slots
}

// instant is when a clock on the wall in a zone shows what wall shows in UTC, and
// whether it ever does. See Rule.Next for a time that it shows twice, or never.
func instant(wall time.Time, zone *time.Location) (at time.Time, exists bool) {
	// Local times are less than a day from UTC, so a day before is before the change
	// of clocks, if there is one near.
	_, before := wall.Add(-24 * time.Hour).In(zone).Zone()
	early := wall.Add(-time.Duration(before) * time.Second)
	_, since := early.In(zone).Zone()
	if since == before {
		return early, true
	}
	late := wall.Add(-time.Duration(since) * time.Second)
	if _, offset := late.In(zone).Zone(); offset == since {
		return late, true
	}
	return early, false
}

// week numbers the weeks, each from a Monday, of days at midnight UTC.
func week(day time.Time) int {
	const fromMonday = 3 // 1 January 1970 was a Thursday
	days := int(day.Unix()/(24*60*60)) + fromMonday
	return (days - modulo(days, 7)) / 7
}

// modulo is a modulo n, from 0 to n-1 where a is negative, too.
func modulo(a, n int) int { return (a%n + n) % n }

// locations are the zones that were loaded. One tick may take the next slot of
// 100,000 rules, and time.LoadLocation reads a file each time.
var locations = struct {
	sync.RWMutex
	byName map[string]*time.Location
}{byName: map[string]*time.Location{}}

// maxLocations is more than there are zones: it bounds what odd names for them,
// of which some systems have several, can take.
const maxLocations = 1000

// location is a zone by its IANA name. time.LoadLocation knows two names that are
// none, and "Local" would be another time on every replica.
func location(name string) (*time.Location, error) {
	locations.RLock()
	zone, ok := locations.byName[name]
	locations.RUnlock()
	if ok {
		return zone, nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not the name of one", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	locations.Lock()
	defer locations.Unlock()
	if len(locations.byName) >= maxLocations {
		clear(locations.byName)
	}
	locations.byName[name] = zone
	return zone, nil
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
// Where clocks go forward at midnight that is not at 00:00.
func (d Date) In(zone *time.Location) (time.Time, bool) {
	midnight, ok := d.day()
	if !ok {
		return time.Time{}, false
	}
	at, exists := instant(midnight, zone)
	at = at.In(zone)
	if !exists {
		at, _ = at.ZoneBounds()
	}
	return at, true
}
