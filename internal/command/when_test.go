package command_test

import (
	"testing"

	"briefingbot/internal/briefing"
)

func TestWhenIsTheNextSuchDay(t *testing.T) {
	for _, c := range []struct {
		typed string
		today briefing.Date
		want  briefing.Date // empty for none
	}{
		// A day of the week is never today.
		{"monday", "2026-11-30", "2026-12-07"},
		{"tuesday", "2026-11-30", "2026-12-01"},
		{"sun", "2026-11-30", "2026-12-06"},
		{"tomorrow", "2026-12-31", "2027-01-01"},
		{"friday", "2026-12-30", "2027-01-01"},
		{"next thurs", "2028-02-28", "2028-03-02"},
		// Without a year it is this year's or the next's.
		{"5 january", "2026-11-30", "2027-01-05"},
		{"5 january", "2027-01-04", "2027-01-05"},
		{"5 january", "2027-01-05", "2028-01-05"},
		{"5 january", "2027-01-06", "2028-01-05"},
		{"1 january", "2026-12-31", "2027-01-01"},
		{"31 december", "2026-12-31", "2027-12-31"},
		{"5th of January", "2026-11-30", "2027-01-05"},
		{"the 5th january", "2026-11-30", "2027-01-05"},
		{"January 5th", "2026-11-30", "2027-01-05"},
		{"jan 5", "2026-11-30", "2027-01-05"},
		{"1 sept", "2026-11-30", "2027-09-01"},
		{"2nd may", "2026-11-30", "2027-05-02"},
		{"5/1", "2026-11-30", "2027-01-05"},
		// With one it is that day or none.
		{"5 january 2027", "2026-11-30", "2027-01-05"},
		{"january 5, 2027", "2026-11-30", "2027-01-05"},
		{"5 jan 28", "2026-11-30", "2028-01-05"},
		{"05/01/2027", "2026-11-30", "2027-01-05"},
		{"5/1/27", "2026-11-30", "2027-01-05"},
		{"5.1.2027", "2026-11-30", "2027-01-05"},
		{"2027-01-05", "2026-11-30", "2027-01-05"},
		{"5 january 2027", "2027-01-05", ""},
		{"5 january 2026", "2026-11-30", ""},
		// 29 February.
		{"29 february", "2026-11-30", "2028-02-29"},
		{"29 february", "2028-02-28", "2028-02-29"},
		{"29 february", "2028-02-29", "2032-02-29"},
		{"29 february", "2096-02-29", "2104-02-29"},
		{"29 february 2028", "2026-11-30", "2028-02-29"},
		{"28 february", "2028-02-28", "2029-02-28"},
		// A day of the week beside a date has to be right.
		{"tuesday 5 january", "2026-11-30", "2027-01-05"},
		{"tues, 5 january 2027", "2026-11-30", "2027-01-05"},
		{"monday 5 january", "2026-11-30", ""},
		{"5 january", "", ""},
		{"monday", "today", ""},
	} {
		cmd := parseReflection(library(), "pause until "+c.typed)
		if cmd.Until.IsZero() {
			t.Errorf("%q is not understood: fault %d", c.typed, cmd.Fault)
		}
		got, ok := cmd.Until.On(c.today)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%q on %s is %q, %v; want %q", c.typed, c.today, got, ok, c.want)
		}
	}
	if day, ok := parseReflection(library(), "pause").Until.On("2026-11-30"); ok {
		t.Errorf("no day at all is %s", day)
	}
}
