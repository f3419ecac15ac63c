package command

import (
	"strconv"
	"strings"

	"briefingbot/internal/briefing"
	"briefingbot/internal/slip"
)

// Usage is a line of help: what to type, and what it gives.
type Usage struct{ Type, Purpose string }

// Help lists what can be typed about a briefing, or about everything where b is
// nil; of the weekly question then only how to begin, since all of it would be
// longer than a message should be.
func (t *Table) Help(b *briefing.Briefing) []Usage {
	var out []Usage
	for _, known := range t.lib {
		if b == nil || b == known {
			out = append(out, usages(briefingFamily, known.BriefingCommand(), known)...)
			if len(pools(known)) > 0 {
				out = append(out, usages(questionsFamily, known.QuestionsCommand(), known)...)
			}
		}
	}
	out = append(out, usages(listFamily, BriefingsCommand, nil)...)
	if b == nil {
		for _, r := range rows {
			if r.family == reflectionFamily && r.purpose != "" && r.begins() {
				out = append(out, r.usage(ReflectionCommand, nil))
			}
		}
	}
	return out
}

// begins reports whether a line of the weekly question's is one to begin with.
func (r row) begins() bool {
	return len(r.keys) == 0 || r.keys[0] == "weekly" || r.verb == Help
}

// ReflectionHelp lists what can be typed about the weekly question.
func (t *Table) ReflectionHelp() []Usage { return usages(reflectionFamily, ReflectionCommand, nil) }

// usages is the lines of one command.
func usages(f family, command string, of *briefing.Briefing) []Usage {
	var out []Usage
	for _, r := range rows {
		if r.family == f && r.purpose != "" {
			out = append(out, r.usage(command, of))
		}
	}
	return out
}

func (r row) usage(command string, of *briefing.Briefing) Usage {
	words := []string{command}
	if len(r.keys) > 0 {
		words = append(words, r.keys[0])
	}
	if r.arg != "" {
		words = append(words, r.arg)
	}
	return Usage{strings.Join(words, " "), r.about(of)}
}

// about is the row's purpose in the words of a briefing.
func (r row) about(b *briefing.Briefing) string {
	if b == nil || !strings.Contains(r.purpose, "{") {
		return r.purpose
	}
	example, s := "1", b.First(briefing.Worries) // which most people ask for
	if s == nil {
		s = b.Section(1 + len(b.Sections)/2)
	}
	if s != nil {
		example = strconv.Itoa(s.Number) + " or " + s.Slug
	}
	return strings.NewReplacer("{section}", example, "{pools}", strings.Join(pools(b), " or ")).Replace(r.purpose)
}

// pools is the names of a briefing's pools.
func pools(b *briefing.Briefing) []string {
	var out []string
	for _, s := range b.Sections {
		for _, p := range s.Pools {
			out = append(out, p.Name)
		}
	}
	return out
}

// Suggest names the command of a briefing that a single word, which names none,
// was most likely meant for: "/da-briefing meeting" for "meetng". It is empty
// where none is near. The answer holds no typed word.
func (t *Table) Suggest(b *briefing.Briefing, typed briefing.Private) string {
	word, rest := cutWord(strings.ToLower(typed.Reveal()))
	for _, r := range rows {
		if r.family != briefingFamily || len(r.keys) == 0 || rest != "" && r.arg == "" {
			continue
		}
		for _, key := range r.keys {
			if len(word) >= 3 && slip.Between(word, key) <= 1+len(key)/6 {
				return b.BriefingCommand() + " " + r.keys[0]
			}
		}
	}
	return ""
}
