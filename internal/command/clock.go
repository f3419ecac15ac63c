package command

import (
	"strconv"
	"strings"
	"time"
)

// clock is a time of day.
type clock struct{ hour, minute int }

// clockOf is the time of day that the first words name, and how many they are:
// 0 where they are no attempt at one. "9:30" is in the morning; "9" alone may
// mean either and is no time.
func clockOf(words []string) (c clock, used int, ok bool) {
	word := words[0]
	switch {
	case word == "noon", word == "midday":
		return clock{hour: 12}, 1, true
	case word == "midnight": // of the night before the day, or after
		return clock{}, 1, false
	case word[0] < '0' || word[0] > '9':
		return clock{}, 0, false
	}
	used = 1
	end := strings.IndexFunc(word, func(r rune) bool { return (r < '0' || r > '9') && r != ':' && r != '.' })
	if end < 0 {
		end = len(word)
	}
	number, half := word[:end], word[end:]
	if half == "" && len(words) > 1 && isHalf(words[1]) {
		half, used = words[1], 2
	}
	c, full, ok := digits(number)
	if !ok {
		return clock{}, used, false
	}
	switch strings.ReplaceAll(half, ".", "") {
	case "", "h", "hr", "hrs", "hours":
		ok = full && c.hour < 24
	case "am":
		ok = c.hour >= 1 && c.hour <= 12
		c.hour %= 12
	case "pm":
		ok = c.hour >= 1 && c.hour <= 12
		c.hour = c.hour%12 + 12
	case "noon", "midday":
		ok = c == clock{hour: 12}
	default:
		ok = false
	}
	return c, used, ok
}

// isHalf reports whether a word belongs to the number before it.
func isHalf(word string) bool {
	return isOne(strings.ReplaceAll(word, ".", ""), []string{"am", "pm", "noon", "midday", "hr", "hrs", "hours"})
}

// digits reads "9", "9.30", "09:30" and "0930". full says that the minutes are there.
func digits(s string) (c clock, full, ok bool) {
	hour, minute := s, "00"
	if i := strings.IndexAny(s, ".:"); i >= 0 {
		hour, minute, full = s[:i], s[i+1:], true
	} else if len(s) > 2 {
		hour, minute, full = s[:len(s)-2], s[len(s)-2:], true
	}
	if len(hour) < 1 || len(hour) > 2 || len(minute) != 2 {
		return clock{}, full, false
	}
	h, err := strconv.ParseUint(hour, 10, 8)
	m, err2 := strconv.ParseUint(minute, 10, 8)
	return clock{int(h), int(m)}, full, err == nil && err2 == nil && m < 60
}

// isZone reports whether a word is an attempt at a time zone.
func isZone(word string) bool {
	return strings.Contains(word, "/") || word == "bst" || strings.HasPrefix(word, "gmt") || strings.HasPrefix(word, "utc") || isOne(word, zones)
}

// zoneOf is the name that IANA has for a time zone, given in lower case. Nothing
// is looked up that does not begin like one: "localtime" and "right/…" are files
// on many machines, and mean another thing on each.
// https://data.iana.org/time-zones/theory.html#naming
func zoneOf(word string) (string, bool) {
	for _, name := range zones {
		if strings.EqualFold(word, name) {
			return load(name)
		}
	}
	first, place, found := strings.Cut(word, "/")
	if !found {
		return "", false
	}
	for _, area := range areas {
		if strings.EqualFold(first, area) {
			if name, ok := load(area + "/" + capitalised(place)); ok {
				return name, true
			}
			return load(area + "/" + strings.ToUpper(place)) // Etc/GMT+1
		}
	}
	return "", false
}

func load(name string) (string, bool) {
	if _, err := time.LoadLocation(name); err != nil {
		return "", false
	}
	return name, true
}

// zones are the names that stand in no area or are spelt like no other. Names
// without an area that are kept for old systems alone are left out.
var zones = []string{
	"UTC", "GMT", "GB", "Eire", "CET", "EET", "MET", "WET",
	"America/Argentina/ComodRivadavia", "America/Knox_IN", "Antarctica/DumontDUrville", "Antarctica/McMurdo",
	"Brazil/DeNoronha", "Chile/EasterIsland", "Mexico/BajaNorte", "Mexico/BajaSur",
}

var areas = []string{
	"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Brazil", "Canada", "Chile", "Etc",
	"Europe", "Indian", "Mexico", "Pacific", "US",
}

// capitalised writes the name of a place as IANA does: "Isle_of_Man",
// "Port-au-Prince", "Argentina/Buenos_Aires".
func capitalised(place string) string {
	var b strings.Builder
	for len(place) > 0 {
		end := strings.IndexAny(place, "/_-") + 1
		if end == 0 {
			end = len(place)
		}
		part := place[:end]
		if small := strings.TrimRight(part, "_-"); b.Len() == 0 || !isOne(small, []string{"of", "au", "es"}) {
			part = strings.ToUpper(part[:1]) + part[1:]
		}
		b.WriteString(part)
		place = place[end:]
	}
	return b.String()
}
