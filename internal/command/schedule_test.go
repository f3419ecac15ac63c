package command_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
)

func TestSchedule(t *testing.T) {
	lib := schedules()
	da, neglect, sleep := lib[0], lib[1], lib[2]
	yes, no := true, false
	type schedule = command.Schedule
	at := func(d time.Weekday, hour, minute int, more ...func(*schedule)) schedule {
		s := schedule{Every: 1, Day: d, Hour: hour, Minute: minute}
		for _, f := range more {
			f(&s)
		}
		return s
	}
	zone := func(z string) func(*schedule) { return func(s *schedule) { s.Zone = z } }
	pool := func(p string) func(*schedule) { return func(s *schedule) { s.Pool = p } }
	of := func(b *briefing.Briefing) func(*schedule) { return func(s *schedule) { s.Briefing = b } }
	skips := func(r briefing.Region) func(*schedule) { return func(s *schedule) { s.Holidays = r } }
	notify := func(n *bool) func(*schedule) { return func(s *schedule) { s.Notification = n } }
	fortnightly, anyPool := func(s *schedule) { s.Every = 2 }, func(s *schedule) { s.AnyPool = true }

	for text, want := range map[string]schedule{
		// The day.
		"weekly monday 09:30":               at(time.Monday, 9, 30),
		"WEEKLY MONDAY 09:30":               at(time.Monday, 9, 30),
		"weekly mondays 09:30":              at(time.Monday, 9, 30),
		"weekly mon 09:30":                  at(time.Monday, 9, 30),
		"weekly tue 09:30":                  at(time.Tuesday, 9, 30),
		"weekly tues 09:30":                 at(time.Tuesday, 9, 30),
		"weekly Wed. 09:30":                 at(time.Wednesday, 9, 30),
		"weekly weds 09:30":                 at(time.Wednesday, 9, 30),
		"weekly thu 09:30":                  at(time.Thursday, 9, 30),
		"weekly thur 09:30":                 at(time.Thursday, 9, 30),
		"weekly thurs 09:30":                at(time.Thursday, 9, 30),
		"weekly fri 09:30":                  at(time.Friday, 9, 30),
		"weekly sat 09:30":                  at(time.Saturday, 9, 30),
		"weekly sun 09:30":                  at(time.Sunday, 9, 30),
		"weekly every monday at 09:30":      at(time.Monday, 9, 30),
		"weekly at 9.30am on mondays":       at(time.Monday, 9, 30),
		"weekly monday, 09:30.":             at(time.Monday, 9, 30),
		"weekly\u00a0monday\u202f09:30":     at(time.Monday, 9, 30),
		"weekly \u200bmonday 09:30\u200b":   at(time.Monday, 9, 30),
		"weekly *monday* “09:30”":           at(time.Monday, 9, 30),
		"weekly monday monday 09:30 9:30am": at(time.Monday, 9, 30),
		// How often.
		"fortnightly monday 09:30":           at(time.Monday, 9, 30, fortnightly),
		"Fortnightly on tues at 2pm":         at(time.Tuesday, 14, 0, fortnightly),
		"every monday 09:30":                 at(time.Monday, 9, 30),
		"every week on monday at 09:30":      at(time.Monday, 9, 30),
		"every other monday 09:30":           at(time.Monday, 9, 30, fortnightly),
		"every second monday 09:30":          at(time.Monday, 9, 30, fortnightly),
		"every fortnight monday 09:30":       at(time.Monday, 9, 30, fortnightly),
		"every 2 weeks on monday at 09:30":   at(time.Monday, 9, 30, fortnightly),
		"every two weeks on monday at 09:30": at(time.Monday, 9, 30, fortnightly),
		"every other week monday 09:30":      at(time.Monday, 9, 30, fortnightly),
		// The time.
		"weekly mon 9:30":       at(time.Monday, 9, 30),
		"weekly mon 9.30":       at(time.Monday, 9, 30),
		"weekly mon 9.30am":     at(time.Monday, 9, 30),
		"weekly mon 9.30 a.m.":  at(time.Monday, 9, 30),
		"weekly mon 9:30 am":    at(time.Monday, 9, 30),
		"weekly mon 9:30 PM":    at(time.Monday, 21, 30),
		"weekly mon 0930":       at(time.Monday, 9, 30),
		"weekly mon 930":        at(time.Monday, 9, 30),
		"weekly mon 0930hrs":    at(time.Monday, 9, 30),
		"weekly mon 1400 hours": at(time.Monday, 14, 0),
		"weekly mon 930pm":      at(time.Monday, 21, 30),
		"weekly mon 14:00":      at(time.Monday, 14, 0),
		"weekly mon 2pm":        at(time.Monday, 14, 0),
		"weekly mon 9am":        at(time.Monday, 9, 0),
		"weekly mon 12am":       at(time.Monday, 0, 0),
		"weekly mon 12.15am":    at(time.Monday, 0, 15),
		"weekly mon 12pm":       at(time.Monday, 12, 0),
		"weekly mon noon":       at(time.Monday, 12, 0),
		"weekly mon 12 noon":    at(time.Monday, 12, 0),
		"weekly mon midday":     at(time.Monday, 12, 0),
		"weekly mon 00:00":      at(time.Monday, 0, 0),
		"weekly mon 23:59":      at(time.Monday, 23, 59),
		"weekly 09:30 monday":   at(time.Monday, 9, 30),
		// The zone.
		"weekly mon 09:30 Europe/London":                  at(time.Monday, 9, 30, zone("Europe/London")),
		"weekly mon 09:30 europe/london":                  at(time.Monday, 9, 30, zone("Europe/London")),
		"weekly mon 09:30 EUROPE/LONDON time":             at(time.Monday, 9, 30, zone("Europe/London")),
		"weekly mon 09:30 (europe/isle_of_man)":           at(time.Monday, 9, 30, zone("Europe/Isle_of_Man")),
		"weekly mon 09:30 America/Argentina/Buenos_Aires": at(time.Monday, 9, 30, zone("America/Argentina/Buenos_Aires")),
		"weekly mon 09:30 utc":                            at(time.Monday, 9, 30, zone("UTC")),
		"weekly mon GMT 09:30":                            at(time.Monday, 9, 30, zone("GMT")),
		"weekly mon 09:30 etc/gmt+5":                      at(time.Monday, 9, 30, zone("Etc/GMT+5")),
		// The pool.
		"weekly mon 09:30 practice":                   at(time.Monday, 9, 30, pool("practice")),
		"weekly mon 09:30 practice questions":         at(time.Monday, 9, 30, pool("practice")),
		"weekly mon 09:30 with Casework":              at(time.Monday, 9, 30, pool("casework")),
		"weekly practice questions on mondays at 2pm": at(time.Monday, 14, 0, pool("practice")),
		"weekly mon 09:30 both":                       at(time.Monday, 9, 30, anyPool),
		"weekly mon 09:30 all questions":              at(time.Monday, 9, 30, anyPool),
		"weekly mon 09:30 for-supervision":            at(time.Monday, 9, 30, pool("for-supervision")),
		// The briefing.
		"weekly mon 09:30 domestic-abuse":            at(time.Monday, 9, 30, of(da)),
		"weekly mon 09:30 from the neglect briefing": at(time.Monday, 9, 30, of(neglect)),
		"weekly mon 09:30 NEG":                       at(time.Monday, 9, 30, of(neglect)),
		"weekly mon 09:30 sleep":                     at(time.Monday, 9, 30, of(sleep)),
		"weekly mon 09:30 2025-sleep":                at(time.Monday, 9, 30, of(sleep)),
		"weekly mon 09:30 all":                       at(time.Monday, 9, 30),
		"weekly mon 09:30 practice all":              at(time.Monday, 9, 30, pool("practice")),
		"weekly mon 09:30 both briefings":            at(time.Monday, 9, 30),
		"weekly mon 09:30 all practice questions":    at(time.Monday, 9, 30, pool("practice")),
		"weekly mon 09:30 both all":                  at(time.Monday, 9, 30, anyPool),
		"weekly mon 09:30 what we saw":               at(time.Monday, 9, 30, of(neglect)),
		"weekly mon 09:30 7-Minute Briefing: Audit on domestic abuse and child safeguarding": at(time.Monday, 9, 30, of(da)),
		"weekly 7-minute briefing audit on domestic abuse and child safeguarding monday 9am": at(time.Monday, 9, 0, of(da)),
		// Bank holidays and notifications.
		"weekly mon 09:30 holidays include":                   at(time.Monday, 9, 30, skips(briefing.NoRegion)),
		"weekly mon 09:30 holidays skip":                      at(time.Monday, 9, 30, skips(briefing.EnglandAndWales)),
		"weekly mon 09:30 holidays england":                   at(time.Monday, 9, 30, skips(briefing.EnglandAndWales)),
		"weekly mon 09:30 bank holidays in England and Wales": at(time.Monday, 9, 30, skips(briefing.EnglandAndWales)),
		"weekly mon 09:30 holidays england-and-wales":         at(time.Monday, 9, 30, skips(briefing.EnglandAndWales)),
		"weekly holidays scotland mon 09:30":                  at(time.Monday, 9, 30, skips(briefing.Scotland)),
		"weekly mon 09:30 holidays skip scotland":             at(time.Monday, 9, 30, skips(briefing.Scotland)),
		"weekly mon 09:30 holidays northern ireland casework": at(time.Monday, 9, 30, skips(briefing.NorthernIreland), pool("casework")),
		"weekly mon 09:30 holidays northern-ireland":          at(time.Monday, 9, 30, skips(briefing.NorthernIreland)),
		"weekly mon 09:30 preview neutral":                    at(time.Monday, 9, 30, notify(&yes)),
		"weekly preview full mon 09:30":                       at(time.Monday, 9, 30, notify(&no)),
		"fortnightly tuesday 14:05 both all holidays england-and-wales preview neutral Europe/Paris": at(time.Tuesday, 14, 5,
			fortnightly, anyPool, skips(briefing.EnglandAndWales), notify(&yes), zone("Europe/Paris")),
	} {
		got := parseReflection(lib, text)
		if diff := cmp.Diff(command.Command{Verb: command.Weekly, Schedule: &want}, got, exactly); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestTitleOfTwoBriefingsNamesNeither(t *testing.T) {
	lib := schedules()
	lib[0].Title, lib[1].Title = "Abuse: what we saw", "Neglect: what we saw"
	if got := parseReflection(lib, "weekly monday 09:30 what we saw"); got.Fault != command.FaultWord {
		t.Errorf("fault %d, want %d", got.Fault, command.FaultWord)
	}
	if got := parseReflection(lib, "weekly monday 09:30 Neglect: what we saw"); got.Schedule == nil || got.Schedule.Briefing != lib[1] {
		t.Errorf("the whole title is not enough: %+v", got)
	}
}

func TestZoneIsSpeltAsIANADoes(t *testing.T) {
	for _, zone := range []string{
		"UTC", "GMT", "GB", "CET", "Etc/UTC", "Etc/GMT-14", "Etc/Greenwich", "Europe/Isle_of_Man", "Africa/Dar_es_Salaam",
		"Africa/Porto-Novo", "America/Port-au-Prince", "America/Port_of_Spain", "America/North_Dakota/New_Salem",
		"America/Blanc-Sablon", "America/Knox_IN", "Antarctica/McMurdo", "Antarctica/DumontDUrville", "Asia/Ho_Chi_Minh",
		"Asia/Ust-Nera", "Australia/ACT", "US/East-Indiana", "Pacific/Pago_Pago", "Africa/Sao_Tome",
	} {
		for _, typed := range []string{zone, strings.ToLower(zone), strings.ToUpper(zone)} {
			got := parseReflection(library(), "weekly monday 09:30 "+typed)
			if got.Schedule == nil || got.Schedule.Zone != zone {
				t.Errorf("%q is %+v, want %q", typed, got.Schedule, zone)
			}
		}
	}
}
