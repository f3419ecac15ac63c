package command_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
)

// printed is a schedule in the words in which it can be typed.
func printed(s *command.Schedule) string {
	every := map[int]string{1: "weekly", 2: "fortnightly"}[s.Every]
	words := []string{every, strings.ToLower(s.Day.String()), fmt.Sprintf("%02d:%02d", s.Hour, s.Minute), s.Zone, s.Pool}
	if s.AnyPool {
		words = append(words, "both")
	}
	if s.Briefing != nil {
		words = append(words, s.Briefing.ID)
	}
	switch s.Holidays {
	case "":
	case briefing.NoRegion:
		words = append(words, "holidays include")
	default:
		words = append(words, "holidays "+string(s.Holidays))
	}
	if s.Notification != nil {
		words = append(words, map[bool]string{true: "preview neutral", false: "preview full"}[*s.Notification])
	}
	return strings.Join(words, " ")
}

// FuzzSchedule wants what was understood of a schedule, and written out, to be
// understood as the same.
func FuzzSchedule(f *testing.F) {
	for _, s := range []string{
		"weekly monday 09:30", "every other tues at 12 noon both", "fortnightly sunday 9.30am europe/london practice neg holidays skip scotland preview neutral",
		"weekly thu 2pm from audit on domestic abuse and child safeguarding", "weekly fri 0930 etc/gmt+1 all questions both briefings", "every 2 weeks sat 23:59 gmt sun",
		"weekly mon 9.30 am bank holidays in northern ireland", "every fortnight wed 12pm what we saw preview full", "weekly mon 9:30 america/port-au-prince 2025-sleep casework", "weekly mon 12.00 midday 00:00",
	} {
		f.Add(s)
	}
	lib := schedules()
	f.Fuzz(func(t *testing.T, typed string) {
		first := parseReflection(lib, typed)
		if first.Schedule == nil {
			return
		}
		again := parseReflection(lib, printed(first.Schedule))
		if again.Fault != command.NoFault {
			t.Fatalf("%q is understood, and as %q it has fault %d", typed, printed(first.Schedule), again.Fault)
		}
		if diff := cmp.Diff(first.Schedule, again.Schedule); diff != "" {
			t.Errorf("%q, written as %q (-typed +written):\n%s", typed, printed(first.Schedule), diff)
		}
	})
}

// FuzzWhen wants the day that a pause ends on to come after today, and to be the
// same where it is typed as a date.
func FuzzWhen(f *testing.F) {
	for _, s := range []string{"5 january", "tomorrow", "next friday", "29 february", "5/1/27", "2027-01-05", "tues, 5 january 2027", "31 april", "0/0", "1 jan 00", "sept 31st", "5 5 5 5", "2999-12-31"} {
		f.Add(s, uint16(1))
	}
	lib := library()
	f.Fuzz(func(t *testing.T, typed string, days uint16) {
		today := briefing.DateOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(days)))
		cmd := parseReflection(lib, "pause until "+typed)
		if cmd.Verb != command.Pause || (cmd.Fault != command.NoFault) && !cmd.Until.IsZero() {
			t.Fatalf("%v, fault %d, %+v", cmd.Verb, cmd.Fault, cmd.Until)
		}
		day, ok := cmd.Until.On(today)
		if !ok {
			return
		}
		if day <= today {
			t.Errorf("%q on %s is %s", typed, today, day)
		}
		again := parseReflection(lib, "pause until "+string(day))
		if same, ok := again.Until.On(today); !ok || same != day {
			t.Errorf("%q on %s is %s, which is read back as %q", typed, today, day, same)
		}
	})
}
