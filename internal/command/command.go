// Package command is the grammar of what people type. Start with rows: the one
// table that parsing, help and suggestions are made of.
//
// It knows no platform and no store, and executes nothing. Which section or pool
// somebody's words mean is for package content to find.
package command

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"

	"briefingbot/internal/briefing"
)

// Verb is what a command asks for.
type Verb int

// The verbs.
const (
	Unknown   Verb = iota // not a command of this bot's
	Contents              // a briefing's sections
	Section               // the section that Words mean
	All                   // the whole briefing
	Meeting               // a plan for a team meeting
	Search                // passages with Words in them
	Questions             // every pool of a briefing
	Pool                  // the pool that Words mean, or question Number of it
	Random                // one question, of the pool that Words mean or of any
	Briefings             // the library
	Help
)

// String names the verb for logs and metrics.
func (v Verb) String() string {
	return [...]string{"unknown", "contents", "section", "all", "meeting", "search", "questions", "pool", "random", "briefings", "help"}[v]
}

// Command is a request understood.
type Command struct {
	Verb     Verb
	Briefing *briefing.Briefing // nil for Briefings, Unknown, and Help on everything
	Words    briefing.Private   // what the verb is about, as it was typed
	Number   int                // of a question in its pool, from 1; 0 for none
}

// family is the part of a command's name that all briefings share.
type family int

const (
	briefingFamily  family = iota // /da-briefing
	questionsFamily               // /da-questions
	listFamily                    // /briefings
)

// row is a line of the table: one thing that can be typed.
type row struct {
	family  family
	verb    Verb
	keys    []string // the words that choose it, the first of them in help; none for what stands alone
	arg     string   // what may follow, in brackets where it is optional
	purpose string
}

var rows = []row{
	{briefingFamily, Contents, nil, "", "the sections of the briefing"},
	{briefingFamily, Contents, []string{"contents", "sections", "list", "menu", "back"}, "", ""},
	{briefingFamily, Section, nil, "SECTION", "one section, by its number or in your own words, like {section}"},
	{briefingFamily, All, []string{"all", "everything", "full"}, "", "the whole briefing"},
	{briefingFamily, Meeting, []string{"meeting", "team meeting", "meeting plan", "plan"}, "", "a plan for a seven-minute team meeting"},
	{briefingFamily, Search, []string{"search", "find"}, "WORDS", "passages with these words, from every briefing"},
	{briefingFamily, Help, []string{"help"}, "", "this help"},
	{questionsFamily, Questions, nil, "", "all questions to reflect on"},
	{questionsFamily, Questions, []string{"all", "both"}, "", ""},
	{questionsFamily, Pool, nil, "POOL", "the questions of one list: {pools}"},
	{questionsFamily, Random, []string{"random"}, "[POOL]", "one question, drawn at random"},
	{questionsFamily, Help, []string{"help"}, "", "this help"},
	{listFamily, Briefings, nil, "", "the briefings that there are"},
	{listFamily, Search, []string{"search", "find"}, "WORDS", "passages with these words, from every briefing"},
	{listFamily, Help, []string{"help"}, "", "everything you can type"},
}

// BriefingsCommand is the one command that no briefing brings along.
const BriefingsCommand = "/briefings"

// Table understands the commands of a library.
type Table struct {
	lib   briefing.Library
	names map[string]name
}

type name struct {
	family   family
	briefing *briefing.Briefing
}

// New makes the table of a library's commands.
func New(lib briefing.Library) *Table {
	t := &Table{lib: lib, names: map[string]name{BriefingsCommand[1:]: {listFamily, nil}}}
	for _, b := range lib {
		t.names[b.BriefingCommand()[1:]] = name{briefingFamily, b}
		t.names[b.QuestionsCommand()[1:]] = name{questionsFamily, b}
	}
	return t
}

// Parse understands a whole command, with or without its slash. It takes
// anything, and answers Unknown to what it does not know.
func (t *Table) Parse(text briefing.Private) Command {
	first, rest := cutWord(text.Reveal())
	n, ok := t.names[strings.ToLower(strings.TrimPrefix(first, "/"))]
	if !ok {
		if isOne(strings.Trim(first, "/!.,?"), greetings) {
			return Command{Verb: Help}
		}
		return Command{}
	}
	key, arg := cutWord(rest)
	if key == "" {
		return Command{Verb: bare[n.family], Briefing: n.briefing}
	}
	cmd := Command{Briefing: n.briefing}
	for _, r := range rows {
		switch {
		case r.family != n.family || len(r.keys) == 0:
			continue
		case isOne(key, r.keys) && (arg == "" || r.arg != ""):
			cmd.Verb, cmd.Words = r.verb, briefing.NewPrivate(arg)
			return cmd
		case isOne(strings.Join(strings.Fields(rest), " "), r.keys):
			cmd.Verb = r.verb
			return cmd
		}
	}
	switch n.family {
	case briefingFamily:
		cmd.Verb, cmd.Words = Section, briefing.NewPrivate(rest)
	case questionsFamily:
		cmd.Verb = Pool
		if i := strings.LastIndexFunc(rest, unicode.IsSpace); i > 0 {
			if number, err := strconv.Atoi(strings.TrimSpace(rest[i:])); err == nil && number > 0 {
				cmd.Number, rest = number, strings.TrimSpace(rest[:i])
			}
		}
		cmd.Words = briefing.NewPrivate(rest)
	case listFamily:
		cmd.Verb = Briefings
	}
	return cmd
}

// greetings ask for help where no command stands: a bot in a chat is greeted, or
// mentioned without a word.
var greetings = []string{"", "help", "hello", "hi", "hey", "start"}

// bare is what the name of a command alone asks for.
var bare = map[family]Verb{briefingFamily: Contents, questionsFamily: Questions, listFamily: Briefings}

// cutWord splits off the first word. Slack and Teams send spaces of every kind,
// no-break ones among them.
func cutWord(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	i := strings.IndexFunc(s, unicode.IsSpace)
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimSpace(s[i:])
}

// isOne reports whether the word is one of the keys, whatever its case.
func isOne(word string, keys []string) bool {
	for _, k := range keys {
		if strings.EqualFold(word, k) {
			return true
		}
	}
	return false
}

// Usage is a line of help: what to type, and what it gives.
type Usage struct{ Type, Purpose string }

// Help lists what can be typed about a briefing, or everything where b is nil.
func (t *Table) Help(b *briefing.Briefing) []Usage {
	var out []Usage
	add := func(f family, command string, of *briefing.Briefing) {
		for _, r := range rows {
			if r.family != f || r.purpose == "" {
				continue
			}
			words := []string{command}
			if len(r.keys) > 0 {
				words = append(words, r.keys[0])
			}
			if r.arg != "" {
				words = append(words, r.arg)
			}
			out = append(out, Usage{strings.Join(words, " "), r.about(of)})
		}
	}
	for _, known := range t.lib {
		if b == nil || b == known {
			add(briefingFamily, known.BriefingCommand(), known)
			if len(pools(known)) > 0 {
				add(questionsFamily, known.QuestionsCommand(), known)
			}
		}
	}
	add(listFamily, BriefingsCommand, nil)
	return out
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
			if len(word) >= 3 && levenshtein.ComputeDistance(word, key) <= 1+len(key)/6 {
				return b.BriefingCommand() + " " + r.keys[0]
			}
		}
	}
	return ""
}
