package command

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"briefingbot/internal/briefing"
)

// Entry is a command by its name alone, as platforms list them.
type Entry struct {
	Name    string // with its slash
	Purpose string // one line
	Hint    string // what may follow the name: "POOL, random [POOL] or help"
}

// Listing is every command of the library, in the order of help.
func (t *Table) Listing() []Entry {
	var out []Entry
	for _, b := range t.lib {
		out = append(out, t.entry(b, b.BriefingCommand()))
		if len(pools(b)) > 0 {
			out = append(out, t.entry(b, b.QuestionsCommand()))
		}
	}
	return append(out, t.entry(nil, BriefingsCommand), t.entry(nil, ReflectionCommand))
}

func (t *Table) entry(b *briefing.Briefing, name string) Entry {
	e := Entry{Name: name}
	var words []string
	lines := t.Help(b)
	if name == ReflectionCommand {
		lines = t.ReflectionHelp()
	}
	for _, u := range lines {
		if u.Type == name {
			e.Purpose = describe(u.Purpose, b)
		} else if rest, ok := strings.CutPrefix(u.Type, name+" "); ok {
			words = append(words, rest)
		}
	}
	last := len(words) - 1
	e.Hint = strings.Join(words[:last], ", ") + " or " + words[last]
	return e
}

// describe tells a purpose of one briefing from the same of another.
func describe(purpose string, b *briefing.Briefing) string {
	first, size := utf8.DecodeRuneInString(purpose)
	line := string(unicode.ToUpper(first)) + purpose[size:]
	if b != nil {
		line += " – " + b.Title
	}
	return line
}

// Starters is at most that many things to type, the most useful first, for a
// menu that puts them into the message as they stand. So none has words that
// the person must replace. What comes with every briefing is there for all of
// them or for none, save that the names of very many do not fit; the list of
// briefings, the help and the weekly question always do, and lead to the rest.
func (t *Table) Starters(most int) []Usage {
	var names, more, general []row
	for _, r := range rows {
		switch {
		case r.purpose == "" || r.arg != "" && !strings.HasPrefix(r.arg, "["):
		case r.family == listFamily || r.family == reflectionFamily && len(r.keys) == 0:
			general = append(general, r)
		case r.family == reflectionFamily: // what a channel can do with it, the command itself says
		case len(r.keys) == 0:
			names = append(names, r)
		case r.verb != Help:
			more = append(more, r)
		}
	}
	fits := func(n int) bool { return n*len(t.lib)+len(general) <= most }
	for len(names) > 1 && !fits(len(names)) {
		names = names[:len(names)-1]
	}
	for len(more) > 0 && !fits(len(names)+len(more)) {
		more = more[:len(more)-1]
	}

	var out []Usage
	for _, b := range t.lib {
		for _, r := range names {
			if r.isOf(b) {
				out = append(out, starter(r, b))
			}
		}
	}
	out = out[:max(0, min(len(out), most-len(general)))]
	for _, r := range general {
		out = append(out, starter(r, nil))
	}
	for _, r := range more {
		for _, b := range t.lib {
			if r.isOf(b) {
				out = append(out, starter(r, b))
			}
		}
	}
	return out[:min(len(out), most)]
}

// isOf reports whether the row makes sense for a briefing, which may have no questions.
func (r row) isOf(b *briefing.Briefing) bool {
	return r.family != questionsFamily || len(pools(b)) > 0
}

func starter(r row, b *briefing.Briefing) Usage {
	words := []string{BriefingsCommand}
	switch r.family {
	case briefingFamily:
		words[0] = b.BriefingCommand()
	case questionsFamily:
		words[0] = b.QuestionsCommand()
	case reflectionFamily:
		words[0] = ReflectionCommand
	case listFamily:
	}
	if len(r.keys) > 0 {
		words = append(words, r.keys[0])
	}
	return Usage{strings.Join(words, " "), describe(r.purpose, b)}
}
