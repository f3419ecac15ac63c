package command

import (
	"strings"
	"unicode"

	"briefingbot/internal/briefing"
	"briefingbot/internal/slip"
)

// Fault is what of the words after /reflection was not understood. The reply to
// it names what was expected, and never repeats what was typed. Of several, the
// first in this order is reported.
type Fault int

// The faults.
const (
	NoFault     Fault = iota
	FaultDay          // no day of the week, or several
	FaultTime         // no time of day, several, one that does not exist, or one that lacks am or pm
	FaultZone         // a time zone that IANA has no such name for, or several
	FaultRegion       // none of the regions that have bank holidays, or several
	FaultDate         // not "until" with a day that exists
	FaultWord         // a word that means nothing here, or says the opposite of another
)

// reflection understands what follows /reflection.
func (t *Table) reflection(rest string) Command {
	// "Stop!" must do as well as "stop".
	rest = strings.TrimRightFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(".,;:!?", r) })
	if rest == "" {
		return Command{Verb: Reflection}
	}
	verb, words, ok := choose(reflectionFamily, rest)
	if !ok {
		return Command{Verb: Reflection, Fault: FaultWord, Words: briefing.NewPrivate(rest)}
	}
	cmd := Command{Verb: verb}
	switch verb {
	case Weekly:
		cmd.Schedule, cmd.Fault = t.schedule(rest)
	case Pause:
		cmd.Until, cmd.Fault = until(words)
	case Holidays:
		cmd.Region, cmd.Fault = holidays(rest)
	case Notification:
		cmd.Neutral = strings.Contains(strings.ToLower(rest), neutral)
	case Help:
		cmd.OnReflection = true
	}
	return cmd
}

// until understands what follows "pause".
func until(rest string) (When, Fault) {
	words := wordsOf(rest)
	if len(words) == 0 {
		return When{}, NoFault
	}
	if !isOne(words[0], []string{"until", "untill", "till", "til"}) {
		return When{}, FaultDate
	}
	if words = words[1:]; starts(words, "further", "notice") && len(words) == 2 {
		return When{}, NoFault
	}
	w, ok := whenOf(words)
	if !ok {
		return When{}, FaultDate
	}
	return w, NoFault
}

// holidays understands the whole of "holidays scotland".
func holidays(rest string) (briefing.Region, Fault) {
	words := wordsOf(rest)
	for len(words) > 0 && isHolidays(words[0]) {
		words = words[1:]
	}
	region, used := regionOf(words)
	if used == 0 || used < len(words) {
		return "", FaultRegion
	}
	return region, NoFault
}

// SuggestReflection names the command that words after /reflection, which are
// none, were most likely meant for: "/reflection pause" for "pauze". It is empty
// where none is near. The answer holds no typed word.
func (t *Table) SuggestReflection(typed briefing.Private) string {
	words := strings.Fields(strings.ToLower(typed.Reveal()))
	if len(words) == 0 {
		return ""
	}
	_, isDay := weekdayOf(words[0])
	if _, _, isTime := clockOf(words); isDay || isTime {
		return ReflectionCommand + " weekly"
	}
	best, nearest := "", 0
	for _, r := range rows {
		if r.family != reflectionFamily {
			continue
		}
		for _, key := range r.keys {
			n := min(len(words), 1+strings.Count(key, " "))
			if d, ok := near(strings.Join(words[:n], " "), key); ok && (best == "" || d < nearest) {
				best, nearest = ReflectionCommand+" "+r.keys[0], d
			}
		}
	}
	return best
}

// near reports whether a word may be a slip of the pen for a key, and how many
// letters of it are wrong. A key of three letters is a slip of too many words.
func near(word, key string) (letters int, ok bool) {
	most := 1 + len(key)/6
	if len(key) <= 3 {
		most = 0
	}
	if len(word) > 4*(len(key)+most) { // in bytes, of which a letter has four at most
		return 0, false
	}
	d := slip.Between(word, key)
	return d, d <= most
}
