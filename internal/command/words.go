package command

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"briefingbot/internal/briefing"
)

// weekdayOf is a day of the week by its name, its plural or an abbreviation.
func weekdayOf(word string) (time.Weekday, bool) {
	for d, short := range weekdays {
		name := strings.ToLower(time.Weekday(d).String())
		if word == name || word == name+"s" || slices.Contains(short, word) {
			return time.Weekday(d), true
		}
	}
	return 0, false
}

var weekdays = [...][]string{
	time.Sunday: {"sun"}, time.Monday: {"mon"}, time.Tuesday: {"tue", "tues"}, time.Wednesday: {"wed", "weds"},
	time.Thursday: {"thu", "thur", "thurs"}, time.Friday: {"fri"}, time.Saturday: {"sat"},
}

func isHolidays(word string) bool { return word == "holidays" || word == "holiday" }

// regionOf is whose bank holidays the first words mean, and how many they are.
func regionOf(words []string) (briefing.Region, int) {
	for _, r := range regions {
		if starts(words, r.words...) {
			return r.region, len(r.words)
		}
	}
	if starts(words, "skip") {
		if region, used := regionOf(words[1:]); used > 0 && region != briefing.NoRegion {
			return region, 1 + used
		}
		return briefing.EnglandAndWales, 1
	}
	return "", 0
}

// regions are the ways to name one; "and" is no longer among the words.
var regions = []struct {
	words  []string
	region briefing.Region
}{
	{[]string{"include"}, briefing.NoRegion},
	{[]string{"included"}, briefing.NoRegion},
	{[]string{"england", "wales"}, briefing.EnglandAndWales},
	{[]string{"england-and-wales"}, briefing.EnglandAndWales},
	{[]string{"england"}, briefing.EnglandAndWales},
	{[]string{"wales"}, briefing.EnglandAndWales},
	{[]string{"scotland"}, briefing.Scotland},
	{[]string{"northern", "ireland"}, briefing.NorthernIreland},
	{[]string{"northern-ireland"}, briefing.NorthernIreland},
	{[]string{"ni"}, briefing.NorthernIreland},
}

// wordsOf is the words of a text in lower case, without punctuation around them
// and without those that join others.
func wordsOf(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		// Cf: a zero-width space comes with what was pasted.
		return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || r == ',' || r == ';'
	})
	out := words[:0]
	for _, w := range words {
		w = strings.Trim(w, ".:!?@*_~`'\"()[]<>-–—‘’“”…")
		if w != "" && !slices.Contains(joining, w) {
			out = append(out, w)
		}
	}
	return out
}

var joining = []string{"at", "on", "every", "each", "from", "the", "and", "of", "in", "for", "with", "bank"}

// starts reports whether the words begin with these.
func starts(words []string, these ...string) bool {
	return len(words) >= len(these) && slices.Equal(words[:len(these)], these)
}
