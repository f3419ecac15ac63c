package command

import (
	"slices"
	"strings"
	"time"

	"briefingbot/internal/briefing"
)

// Schedule is what was typed of when a weekly question comes, and which.
type Schedule struct {
	Every        int // weeks from one question to the next: 1 or 2
	Day          time.Weekday
	Hour, Minute int
	Zone         string             // IANA name; empty where none was named
	Pool         string             // a pool's name; empty where none was named, and with AnyPool
	AnyPool      bool               // every pool was asked for
	Briefing     *briefing.Briefing // nil for all
	Holidays     briefing.Region    // empty where not named
	Notification *bool              // nil where not named; true for neutral
}

// schedule understands the whole of "weekly monday 09:30 practice". After the
// word that chooses it, the order of the others does not matter.
func (t *Table) schedule(text string) (*Schedule, Fault) {
	p := plan{lib: t.lib}
	words := p.interval(text)
	for len(words) > 0 {
		words = words[p.take(words):]
	}
	if !p.hasDay {
		p.wrong(FaultDay)
	}
	switch {
	case !p.hasTime: // and a number alone was perhaps meant as one
		p.wrong(FaultTime)
	case p.hasNumber:
		p.wrong(FaultWord)
	}
	if p.fault != NoFault {
		return nil, p.fault
	}
	return &p.Schedule, NoFault
}

// plan is a schedule that is being understood.
type plan struct {
	Schedule
	lib                          briefing.Library
	hasDay, hasTime, hasBriefing bool
	hasNumber                    bool // one that is no time
	fault                        Fault
}

func (p *plan) wrong(f Fault) {
	if p.fault == NoFault || f < p.fault {
		p.fault = f
	}
}

// interval takes the words that choose the row, and how often they say.
func (p *plan) interval(text string) []string {
	first, rest := cutWord(text)
	words := wordsOf(rest)
	p.Every = 1
	switch {
	case strings.EqualFold(first, "fortnightly"):
		p.Every = 2
	case !strings.EqualFold(first, "every"):
	case starts(words, "other", "week"), starts(words, "second", "week"), starts(words, "two", "weeks"), starts(words, "2", "weeks"):
		p.Every, words = 2, words[2:]
	case starts(words, "fortnight"), starts(words, "other"), starts(words, "second"):
		p.Every, words = 2, words[1:]
	}
	return words
}

// take understands the first words, and says how many they were. A briefing's
// own words come after the fixed ones, and before those that say nothing.
func (p *plan) take(words []string) int {
	for _, part := range []func([]string) int{p.title, p.day, p.holidays, p.preview, p.pool, p.name, p.time, p.zone} {
		if n := part(words); n > 0 {
			return n
		}
	}
	if !slices.Contains(idle, words[0]) {
		p.wrong(FaultWord)
	}
	return 1
}

// idle are words that may stand in a schedule and change nothing.
var idle = []string{"question", "questions", "briefing", "briefings", "week", "time", "timezone"}

func (p *plan) day(words []string) int {
	d, ok := weekdayOf(words[0])
	if !ok {
		return 0
	}
	if p.hasDay && p.Day != d {
		p.wrong(FaultDay)
	}
	p.Day, p.hasDay = d, true
	return 1
}

func (p *plan) time(words []string) int {
	c, used, ok := clockOf(words)
	if used == 0 {
		return 0
	}
	if word := words[0]; !ok && used == 1 && word[0] <= '9' && !strings.ContainsAny(word, ".:") && !strings.HasSuffix(word, "m") {
		p.hasNumber = true // "5", "2nd"
		return used
	}
	if !ok || p.hasTime && c != (clock{p.Hour, p.Minute}) {
		p.wrong(FaultTime)
	}
	p.Hour, p.Minute, p.hasTime = c.hour, c.minute, true
	return used
}

func (p *plan) zone(words []string) int {
	if !isZone(words[0]) {
		return 0
	}
	name, ok := zoneOf(words[0])
	if !ok || p.Zone != "" && p.Zone != name {
		p.wrong(FaultZone)
	}
	p.Zone = name
	return 1
}

func (p *plan) holidays(words []string) int {
	if !isHolidays(words[0]) {
		return 0
	}
	region, used := regionOf(words[1:])
	if used == 0 || p.Holidays != "" && p.Holidays != region {
		p.wrong(FaultRegion)
	}
	p.Holidays = region
	return 1 + used
}

// neutral is the word for a notification that shows the title alone.
const neutral = "neutral"

func (p *plan) preview(words []string) int {
	if !starts(words, "preview", neutral) && !starts(words, "preview", "full") {
		return 0
	}
	is := words[1] == neutral
	if p.Notification != nil && *p.Notification != is {
		p.wrong(FaultWord)
	}
	p.Notification = &is
	return 2
}

// pool takes a pool where none is named yet: a second one may be the name of a
// briefing.
func (p *plan) pool(words []string) int {
	if p.Pool != "" || p.AnyPool {
		return 0
	}
	switch {
	case starts(words, "both", "briefings"):
		return 0
	case starts(words, "all", "questions"), starts(words, "all", "pools"):
		p.AnyPool = true
		return 2
	case words[0] == "both":
		p.AnyPool = true
		return 1
	case words[0] == briefing.Practice, words[0] == briefing.Casework, slices.ContainsFunc(p.lib, func(b *briefing.Briefing) bool {
		_, pool := b.Pool(words[0])
		return pool != nil
	}):
		p.Pool = words[0]
		return 1
	}
	return 0
}

// name takes a briefing by a single word.
func (p *plan) name(words []string) int {
	if words[0] == "all" || starts(words, "both", "briefings") {
		return p.from(nil, 1)
	}
	// An id first: one briefing's prefix may be another's id, and forms say ids.
	for _, name := range []func(*briefing.Briefing) string{
		func(b *briefing.Briefing) string { return b.ID },
		func(b *briefing.Briefing) string { return b.Prefix },
	} {
		for _, b := range p.lib {
			if strings.EqualFold(words[0], name(b)) {
				return p.from(b, 1)
			}
		}
	}
	return p.titled(words, 1)
}

// title takes a briefing by its title of several words.
func (p *plan) title(words []string) int { return p.titled(words, 2) }

// titled takes a briefing by its title, or by what follows its colon where that
// is no other's, of so many words at least.
func (p *plan) titled(words []string, least int) int {
	var found *briefing.Briefing
	most, several := 0, false
	for _, b := range p.lib {
		_, part, _ := strings.Cut(b.Title, ":")
		for _, name := range []string{b.Title, part} {
			switch title := wordsOf(name); {
			case len(title) < max(least, most) || !starts(words, title...) || len(title) == 0:
			case len(title) == most:
				several = several || b != found
			default:
				found, most, several = b, len(title), false
			}
		}
	}
	if several {
		p.wrong(FaultWord)
	}
	if found == nil {
		return 0
	}
	return p.from(found, most)
}

// from takes the briefing that so many words name, or all for nil.
func (p *plan) from(b *briefing.Briefing, words int) int {
	if p.hasBriefing && p.Briefing != b {
		p.wrong(FaultWord)
	}
	p.Briefing, p.hasBriefing = b, true
	return words
}
