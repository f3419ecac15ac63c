package bot

import (
	"strings"
	"unicode"

	"briefingbot/internal/command"
)

// Completions lists what can be typed, for a page that completes it: every line of
// help, up to the words that each person chooses, and every section and pool.
func (b *Bot) Completions() []command.Usage {
	now := b.current.Load()
	var out []command.Usage
	seen := map[string]bool{}
	add := func(text, purpose string) {
		if !seen[text] {
			seen[text] = true
			out = append(out, command.Usage{Type: text, Purpose: purpose})
		}
	}
	for _, u := range now.table.Help(nil) {
		add(beforeChoice(u.Type), u.Purpose)
	}
	for _, br := range now.lib {
		for i := range br.Sections {
			s := &br.Sections[i]
			add(br.BriefingCommand()+" "+s.Slug, s.Heading())
		}
		for _, p := range allPools(br) {
			add(poolButton(br, p).Command, p.Label())
		}
	}
	for _, u := range now.table.ReflectionHelp() {
		add(beforeChoice(u.Type), u.Purpose)
	}
	add(command.ReflectionCommand+" weekly monday 09:30", "a question every Monday at 09:30")
	return out
}

// Starters is what to begin with: so many commands at most that need no more words.
func (b *Bot) Starters(most int) []command.Usage {
	return b.current.Load().table.Starters(most)
}

// beforeChoice is a line of help up to its first word in capitals or brackets, which
// the person replaces, with a space behind it where there is one.
func beforeChoice(usage string) string {
	words := strings.Fields(usage)
	for i, word := range words {
		if word[0] == '[' || unicode.IsUpper(rune(word[0])) {
			return strings.Join(words[:i], " ") + " "
		}
	}
	return usage
}
