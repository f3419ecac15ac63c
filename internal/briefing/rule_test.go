package briefing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func at(t testing.TB, s string) time.Time {
	t.Helper()
	out, err := time.Parse("2006-01-02T15:04:05Z", s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func next(t testing.TB, r Rule, after time.Time) Slot {
	t.Helper()
	slot, err := r.Next(after)
	if err != nil {
		t.Fatal(err)
	}
	return slot
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestSlotStaysAtLocalTimeWhenClocksChange(t *testing.T) {
	london := zone(t, "Europe/London")
	for year, longer := range map[int]time.Weekday{2026: time.Thursday, 2027: time.Friday} {
		for day := range time.Weekday(7) {
			want := 52
			if day == longer { // the year begins and ends with it
				want = 53
			}
			rule := Rule{Every: 1, Day: day, Hour: 9, Minute: 30, Zone: "Europe/London"}
			slot, slots, offsets := next(t, rule, time.Date(year, 1, 1, 0, 0, 0, 0, london)), 0, map[string]bool{}
			for slot.At.Year() == year {
				local := slot.At.In(london)
				if local.Weekday() != day || local.Format("15:04") != "09:30" {
					t.Errorf("%v: a slot at %v", day, local)
				}
				if slot.Key != local.Format("2006-01-02T15:04") || slot.Date() != DateOf(local) {
					t.Errorf("%v: the slot at %v has the key %q and the date %q", day, local, slot.Key, slot.Date())
				}
				if slot.At.Location() != time.UTC {
					t.Errorf("%v: the slot is in %v", day, slot.At.Location())
				}
				abbreviation, _ := local.Zone()
				offsets[abbreviation] = true
				slot = next(t, rule, slot.At)
				slots++
			}
			if slots != want || !offsets["GMT"] || !offsets["BST"] {
				t.Errorf("%v in %d: %d slots in %v, want %d in GMT and BST", day, year, slots, offsets, want)
			}
		}
	}
}

func TestSlotThatDoesNotExistOrExistsTwiceComesOnce(t *testing.T) {
	for _, c := range []struct {
		zone, key, want string
	}{
		{"Europe/London", "2027-03-28T01:30", "2027-03-28T01:30:00Z"}, // 02:30 BST
		{"Europe/London", "2027-03-28T01:00", "2027-03-28T01:00:00Z"},
		{"Europe/London", "2027-03-28T00:59", "2027-03-28T00:59:00Z"},
		{"Europe/London", "2027-03-28T02:00", "2027-03-28T01:00:00Z"},
		{"Europe/London", "2027-10-31T01:30", "2027-10-31T00:30:00Z"}, // in BST, and not again in GMT
		{"Europe/London", "2027-10-31T01:00", "2027-10-31T00:00:00Z"},
		{"Europe/London", "2027-10-31T00:59", "2027-10-30T23:59:00Z"},
		{"Europe/London", "2027-10-31T02:00", "2027-10-31T02:00:00Z"},
		{"America/New_York", "2026-03-08T02:30", "2026-03-08T07:30:00Z"}, // 03:30 EDT
		{"America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00Z"},
		{"Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:45:00Z"}, // half an hour, to 02:45
		{"Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45:00Z"},
		{"America/Havana", "2026-03-08T00:00", "2026-03-08T05:00:00Z"}, // there is no midnight
		{"America/Havana", "2026-03-08T00:30", "2026-03-08T05:30:00Z"},
		{"America/Havana", "2026-11-01T00:00", "2026-11-01T04:00:00Z"},
		{"America/Havana", "2026-11-01T00:30", "2026-11-01T04:30:00Z"},
		{"Asia/Beirut", "2026-03-29T00:00", "2026-03-28T22:00:00Z"},
		{"Asia/Beirut", "2026-03-29T00:30", "2026-03-28T22:30:00Z"},
		{"Asia/Beirut", "2026-10-24T23:30", "2026-10-24T20:30:00Z"},
		{"Asia/Beirut", "2026-10-25T00:00", "2026-10-24T22:00:00Z"},
		{"Africa/Casablanca", "2026-02-15T02:30", "2026-02-15T01:30:00Z"}, // back for Ramadan at 03:00
		{"Africa/Casablanca", "2026-03-22T02:30", "2026-03-22T02:30:00Z"}, // and forward at 02:00
		{"Asia/Kolkata", "2026-03-29T01:30", "2026-03-28T20:00:00Z"},
		{"UTC", "2026-03-29T01:30", "2026-03-29T01:30:00Z"},
		{"Pacific/Apia", "2011-12-29T09:00", "2011-12-29T19:00:00Z"},
		{"Pacific/Apia", "2011-12-30T09:00", "2011-12-30T19:00:00Z"}, // the day that was left out: a day later on the clock
		{"Pacific/Apia", "2011-12-30T23:30", "2011-12-31T09:30:00Z"},
		{"Pacific/Apia", "2011-12-31T09:00", "2011-12-30T19:00:00Z"},
	} {
		wall, err := time.Parse("2006-01-02T15:04", c.key)
		if err != nil {
			t.Fatal(err)
		}
		rule := Rule{Every: 1, Day: wall.Weekday(), Hour: wall.Hour(), Minute: wall.Minute(), Zone: c.zone}
		want := Slot{Key: c.key, At: at(t, c.want)}
		// From every minute of the days about it, that night's slot is the next but for
		// those after it.
		for after := want.At.Add(-50 * time.Hour); after.Before(want.At.Add(50 * time.Hour)); after = after.Add(time.Minute) {
			got := next(t, rule, after)
			if after.Before(want.At) && got != want || !after.Before(want.At) && (got.Key <= want.Key || !got.At.After(want.At)) {
				t.Errorf("%s: after %v comes %v, want %v", c.zone, after, got, want)
				break
			}
		}
	}
}

func TestFortnightKeepsItsWeeks(t *testing.T) {
	monday := Rule{Every: 2, Day: time.Monday, Hour: 9, Minute: 30, Zone: "Europe/London"}
	with := func(from Date) Rule { r := monday; r.From = from; return r }
	for _, c := range []struct {
		name        string
		rule        Rule
		after, want string
	}{
		{"the slot itself", with("2026-11-30"), "2026-11-29T12:00:00Z", "2026-11-30T09:30"},
		{"strictly after it", with("2026-11-30"), "2026-11-30T09:30:00Z", "2026-12-14T09:30"},
		{"in the week between", with("2026-11-30"), "2026-12-02T00:00:00Z", "2026-12-14T09:30"},
		{"years on", with("2016-02-29"), "2026-11-29T12:00:00Z", "2026-12-07T09:30"},
		{"from in the future", with("2030-01-07"), "2026-11-29T12:00:00Z", "2026-11-30T09:30"},
		{"from in the future, the other week", with("2030-01-14"), "2026-11-29T12:00:00Z", "2026-12-07T09:30"},
		{"from before 1970", with("1969-12-29"), "1970-01-01T00:00:00Z", "1970-01-12T09:30"},
		{"from centuries away", with("0001-01-01"), "2026-11-29T12:00:00Z", "2026-12-07T09:30"},
		{"from on another day of the week", with("2026-12-02"), "2026-11-29T12:00:00Z", "2026-11-30T09:30"},
		{"from on the last day of the week", with("2026-12-06"), "2026-11-29T12:00:00Z", "2026-11-30T09:30"},
		{"from on the first day of the next", with("2026-12-07"), "2026-11-29T12:00:00Z", "2026-12-07T09:30"},
		{"without from: every week", monday, "2026-11-29T12:00:00Z", "2026-11-30T09:30"},
		{"from that is no date: every week", with("2026-02-30"), "2026-11-30T09:30:00Z", "2026-12-07T09:30"},
		{"every week, whatever from", Rule{Every: 1, Day: time.Monday, Hour: 9, Minute: 30, Zone: "Europe/London", From: "2026-12-07"}, "2026-11-29T12:00:00Z", "2026-11-30T09:30"},
		{"nothing said: every week", Rule{Day: time.Monday, Hour: 9, Minute: 30, Zone: "Europe/London", From: "2026-12-07"}, "2026-11-29T12:00:00Z", "2026-11-30T09:30"},
	} {
		if got := next(t, c.rule, at(t, c.after)).Key; got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}

	slot := next(t, with("2026-11-30"), at(t, "2016-01-01T00:00:00Z"))
	for slot.At.Year() < 2040 {
		then := next(t, with("2026-11-30"), slot.At)
		from, _ := slot.Date().day()
		if got := DateOf(from.AddDate(0, 0, 14)); then.Date() != got || then.Key[10:] != "T09:30" {
			t.Fatalf("after %s comes %s", slot.Key, then.Key)
		}
		if slot = then; slot.Date() == "2026-11-30" {
			return
		}
	}
	t.Error("the fortnight does not hit the day it runs from")
}

// someZones have clocks that change at midnight, by half an hour, by a day, four
// times a year, never, at an odd offset, or in the south.
var someZones = []string{
	"Europe/London", "Europe/Dublin", "America/New_York", "America/Havana", "America/St_Johns", "America/Santiago",
	"Asia/Beirut", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Gaza", "Asia/Amman", "Africa/Casablanca", "Africa/Cairo",
	"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "Antarctica/Troll", "UTC",
}

// scanned is the next slot by looking at a clock on the wall every minute.
func scanned(r Rule, zone *time.Location, after time.Time) Slot {
	wallOf := func(t time.Time) time.Time {
		_, offset := t.In(zone).Zone()
		return t.UTC().Add(time.Duration(offset) * time.Second)
	}
	first := wallOf(after).Truncate(24*time.Hour).AddDate(0, 0, -2)
	for i := range 40 {
		day := first.AddDate(0, 0, i)
		if day.Weekday() != r.Day {
			continue
		}
		if from, err := time.Parse(time.DateOnly, string(r.From)); r.Every == 2 && err == nil && int(day.Sub(from).Hours())/24%14 != 0 {
			continue
		}
		want := day.Add(time.Duration(r.Hour)*time.Hour + time.Duration(r.Minute)*time.Minute)
		minute := want.Add(-40 * time.Hour)
		for wallOf(minute).Before(want) {
			minute = minute.Add(time.Minute)
		}
		if !wallOf(minute).Equal(want) { // it was passed over
			before := minute.Add(-time.Minute)
			minute = want.Add(-wallOf(before).Sub(before))
		}
		if minute.After(after) {
			return Slot{Key: want.Format("2006-01-02T15:04"), At: minute}
		}
	}
	return Slot{}
}

func TestNextIsWhatAClockOnTheWallShows(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 1))
	since, until := at(t, "2008-01-01T00:00:00Z").Unix(), at(t, "2040-01-01T00:00:00Z").Unix()
	for range 600 {
		name := someZones[random.IntN(len(someZones))]
		z := zone(t, name)
		when := time.Unix(since+random.Int64N(until-since), 0).UTC()
		// Half of them just about a change of clocks, where there is one.
		if _, end := when.In(z).ZoneBounds(); !end.IsZero() && random.IntN(2) == 0 {
			when = end.UTC().Add(time.Duration(random.IntN(60*8)-60*4) * time.Minute)
		}
		local := when.In(z)
		r := Rule{Every: 1 + random.IntN(2), Day: local.Weekday(), Hour: local.Hour(), Minute: random.IntN(60), Zone: name}
		if random.IntN(4) == 0 {
			r.Day, r.Hour = time.Weekday(random.IntN(7)), random.IntN(24)
		}
		if r.Every == 2 {
			day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
			r.From = DateOf(day.AddDate(0, 0, int(r.Day-day.Weekday())+7*(random.IntN(400)-200)))
		}
		after := when.Add(time.Duration(random.IntN(72*60)-60*60) * time.Minute)
		if random.IntN(4) == 0 { // the very instant of a slot
			after = next(t, r, after).At
		}
		want, got := scanned(r, z, after), next(t, r, after)
		if got != want {
			t.Fatalf("%+v after %v: got %v, want %v", r, after, got, want)
		}
		if then := next(t, r, got.At); !got.At.After(after) || !then.At.After(got.At) || then.Key <= got.Key {
			t.Fatalf("%+v after %v: %v, then %v", r, after, got, then)
		}
	}
}

func TestNextOfAnOddRuleComesToAnEnd(t *testing.T) {
	for _, r := range []Rule{
		{Day: 9, Zone: "UTC"},
		{Day: -3, Zone: "UTC"},
		{Every: -2, Zone: "UTC", From: "2026-11-30"},
		{Every: 3, Day: time.Friday, Hour: 9, Zone: "UTC", From: "2026-11-30"},
		{Hour: 30, Minute: 90, Zone: "UTC"},
	} {
		after := at(t, "2026-11-29T12:00:00Z")
		if got := next(t, r, after); !got.At.After(after) || got.At.After(after.AddDate(0, 0, 22)) {
			t.Errorf("%+v: %v", r, got)
		}
	}
}

func TestUnknownZoneIsAnError(t *testing.T) {
	// "Local" and "" would be the zone of the machine, and UTC.
	for _, name := range []string{"Europe/Atlantis", "Local", "", "../../etc/passwd", "BST+1"} {
		r := Rule{Every: 1, Day: time.Monday, Zone: name}
		if slot, err := r.Next(at(t, "2026-11-29T12:00:00Z")); err == nil || slot != (Slot{}) {
			t.Errorf("%q: got %v, %v", name, slot, err)
		}
		if slots := r.Following(at(t, "2026-11-29T12:00:00Z"), 3, nil); slots != nil {
			t.Errorf("%q is followed by %v", name, slots)
		}
	}
}

func TestLoadedZonesAreBounded(t *testing.T) {
	locations.Lock()
	kept := locations.byName
	locations.byName = map[string]*time.Location{}
	for i := range maxLocations {
		locations.byName[fmt.Sprint(i)] = time.UTC
	}
	locations.Unlock()
	defer func() {
		locations.Lock()
		defer locations.Unlock()
		locations.byName = kept
	}()
	for _, name := range someZones {
		if got, err := location(name); err != nil || got.String() != name {
			t.Errorf("location(%q) = %v, %v", name, got, err)
		}
	}
	if n := len(locations.byName); n != len(someZones) {
		t.Errorf("%d zones are kept, want %d", n, len(someZones))
	}
}

func TestFollowing(t *testing.T) {
	rule := Rule{Every: 1, Day: time.Monday, Hour: 9, Minute: 30, Zone: "Europe/London"}
	now := at(t, "2026-12-14T09:30:00Z")
	for _, c := range []struct {
		name string
		n    int
		skip func(Date) bool
		want []Date
	}{
		{"nothing skipped", 3, nil, []Date{"2026-12-21", "2026-12-28", "2027-01-04"}},
		{"a day skipped", 3, func(d Date) bool { return d == "2026-12-28" }, []Date{"2026-12-21", "2027-01-04", "2027-01-11"}},
		{"none wanted", 0, nil, nil},
		{"fewer than none wanted", -1, nil, nil},
		{"everything skipped", 3, func(Date) bool { return true }, nil},
		{"nearly everything skipped", 3, func(d Date) bool { return d != "2027-06-07" }, []Date{"2027-06-07"}},
	} {
		var got []Date
		for _, slot := range rule.Following(now, c.n, c.skip) {
			got = append(got, slot.Date())
			if slot != next(t, rule, slot.At.Add(-time.Second)) {
				t.Errorf("%s: %v is no slot", c.name, slot)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}

	// What is skipped can be listed: each is asked about once, in order, and none
	// beyond the last that is wanted.
	var asked []Date
	rule.Following(now, 2, func(d Date) bool { asked = append(asked, d); return d == "2026-12-28" })
	if want := []Date{"2026-12-21", "2026-12-28", "2027-01-04"}; !slices.Equal(asked, want) {
		t.Errorf("asked about %v, want %v", asked, want)
	}
	asked = nil
	rule.Following(now, 1, func(d Date) bool { asked = append(asked, d); return true })
	if len(asked) != maxLooked {
		t.Errorf("looked at %d slots, want %d", len(asked), maxLooked)
	}
}

func TestDateBeginsWhenItsDayDoes(t *testing.T) {
	for _, c := range []struct{ zone, date, want string }{
		{"Europe/London", "2027-01-05", "2027-01-05T00:00:00Z"},
		{"Europe/London", "2027-07-05", "2027-07-04T23:00:00Z"},
		{"America/Havana", "2026-03-08", "2026-03-08T05:00:00Z"}, // at 01:00
		{"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"}, // the first of two midnights
		{"Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z"},
		{"Asia/Beirut", "2026-10-25", "2026-10-24T22:00:00Z"},
		{"America/Toronto", "1919-03-31", "1919-03-31T04:30:00Z"}, // from 23:30 to 00:30
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},    // the next day, for there is none
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
		{"UTC", "2026-02-28", "2026-02-28T00:00:00Z"},
	} {
		got, ok := Date(c.date).In(zone(t, c.zone))
		if !ok || !got.Equal(at(t, c.want)) || got.Location().String() != c.zone {
			t.Errorf("%s in %s begins at %v, %v; want %s", c.date, c.zone, got, ok, c.want)
		}
	}
	for _, d := range []Date{"", "2026-02-29", "2026-2-3", "tomorrow", "2026-11-30T09:30"} {
		if got, ok := d.In(time.UTC); ok || !got.IsZero() {
			t.Errorf("%q is a date: %v", d, got)
		}
	}
}

func TestDateOfIsTheDayInTheInstantsZone(t *testing.T) {
	late := at(t, "2026-07-05T23:30:00Z")
	if got := DateOf(late); got != "2026-07-05" {
		t.Errorf("in UTC: %s", got)
	}
	if got := DateOf(late.In(zone(t, "Europe/London"))).String(); got != "2026-07-06" {
		t.Errorf("in London: %s", got)
	}
}

func BenchmarkNext(b *testing.B) {
	for _, name := range []string{"Europe/London", "Australia/Lord_Howe", "UTC"} {
		b.Run(name, func(b *testing.B) {
			r := Rule{Every: 2, Day: time.Monday, Hour: 9, Minute: 30, Zone: name, From: "2026-11-30"}
			after := at(b, "2026-11-30T09:30:00Z")
			for b.Loop() {
				if _, err := r.Next(after); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
