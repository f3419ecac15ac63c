package command

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"briefingbot/internal/briefing"
)

// When is a day as people name it, without a clock: a date with or without its
// year, a day of the week, or tomorrow.
type When struct {
	year    int // 0 where none was named
	month   time.Month
	day     int // of the month; 0 where a day of the week alone was named
	weekday time.Weekday
	named   bool // the weekday was
	next    bool // "tomorrow", and nothing else
}

// IsZero reports whether no day was named.
func (w When) IsZero() bool { return w == When{} }

// On is the next such day after today. It is false where there is none: the year
// that was named is over, or that date is another day of the week than was named.
func (w When) On(today briefing.Date) (briefing.Date, bool) {
	now, ok := today.In(time.UTC)
	if !ok || w.IsZero() {
		return "", false
	}
	if w.next {
		return briefing.DateOf(now.AddDate(0, 0, 1)), true
	}
	if w.day == 0 {
		days := (int(w.weekday)-int(now.Weekday())+6)%7 + 1
		return briefing.DateOf(now.AddDate(0, 0, days)), true
	}
	first, last := w.year, w.year
	if w.year == 0 {
		first, last = now.Year(), now.Year()+8 // 29 February is that rare around 2100
	}
	for year := first; year <= last; year++ {
		day, exists := dateOf(year, w.month, w.day)
		if !exists || !day.After(now) {
			continue
		}
		if w.named && day.Weekday() != w.weekday {
			return "", false
		}
		return briefing.DateOf(day), true
	}
	return "", false
}

func dateOf(year int, month time.Month, day int) (t time.Time, exists bool) {
	t = time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return t, t.Month() == month && t.Day() == day
}

// whenOf understands all the words as one day.
func whenOf(words []string) (When, bool) {
	var w When
	if len(words) == 1 && words[0] == "tomorrow" {
		return When{next: true}, true
	}
	if starts(words, "next") {
		words = words[1:]
	}
	for _, word := range words {
		if !w.add(word) {
			return When{}, false
		}
	}
	if w.day == 0 && w.month == 0 && w.year == 0 {
		return w, w.named
	}
	year := w.year
	if year == 0 {
		year = 2000 // which has every day
	}
	if _, exists := dateOf(year, w.month, w.day); !exists {
		return When{}, false
	}
	return w, true
}

// add understands one more word of a day, or says that it is none.
func (w *When) add(word string) bool {
	if d, ok := weekdayOf(word); ok && !w.named {
		w.weekday, w.named = d, true
		return true
	}
	if m, ok := monthOf(word); ok && w.month == 0 {
		w.month = m
		return true
	}
	if w.year == 0 && w.month == 0 && w.day == 0 && w.numeric(word) {
		return true
	}
	switch n, ordinal, ok := numberOf(word); {
	case !ok:
		return false
	case w.day == 0 && n >= 1 && n <= 31:
		w.day = n
	case w.year == 0 && !ordinal && isYear(n):
		w.year = n
	case w.year == 0 && !ordinal && w.month != 0 && len(word) == 2:
		w.year = 2000 + n
	default:
		return false
	}
	return true
}

// numeric understands 2027-01-05, and 5/1/2027, 5/1/27 and 5/1 with the day first.
func (w *When) numeric(word string) bool {
	parts := strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune("/.-", r) })
	if len(parts) < 2 || len(parts) > 3 {
		return false
	}
	numbers := [3]int{}
	for i, part := range parts {
		n, ordinal, ok := numberOf(part)
		if !ok || ordinal {
			return false
		}
		numbers[i] = n
	}
	if len(parts[0]) == 4 && len(parts) == 3 {
		slices.Reverse(numbers[:])
	}
	day, month, year := numbers[0], time.Month(numbers[1]), numbers[2]
	if len(parts) == 3 && year < 100 && len(parts[2]) == 2 {
		year += 2000
	}
	if day < 1 || month < time.January || month > time.December || len(parts) == 3 && !isYear(year) {
		return false
	}
	w.day, w.month, w.year = day, month, year
	return true
}

// isYear keeps a time of day from being taken for one.
func isYear(n int) bool { return n >= 2000 && n < 3000 }

// monthOf is a month by its name or an abbreviation.
func monthOf(word string) (time.Month, bool) {
	for m := time.January; m <= time.December; m++ {
		name := strings.ToLower(m.String())
		if word == name || word == name[:3] || word == "sept" && m == time.September {
			return m, true
		}
	}
	return 0, false
}

// numberOf reads "5" and, as an ordinal, "5th".
func numberOf(word string) (n int, ordinal, ok bool) {
	for _, end := range []string{"st", "nd", "rd", "th"} {
		if number, found := strings.CutSuffix(word, end); found {
			word, ordinal = number, true
			break
		}
	}
	u, err := strconv.ParseUint(word, 10, 16)
	return int(u), ordinal, err == nil
}
