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

	"briefingbot/internal/briefing"
)

// Verb is what a command asks for.
type Verb int

// The verbs.
const (
	Unknown      Verb = iota // not a command of this bot's
	Contents                 // a briefing's sections
	Section                  // the section that Words mean
	All                      // the whole briefing
	Meeting                  // a plan for a team meeting
	Search                   // passages with Words in them
	Questions                // every pool of a briefing
	Pool                     // the pool that Words mean, or question Number of it
	Random                   // one question, of the pool that Words mean or of any
	Briefings                // the library
	Help                     // what can be typed
	Reflection               // how the channel's weekly question stands
	Weekly                   // the question as Schedule says, from now on
	SetUp                    // a form that asks for a schedule
	Pause                    // no question until Until
	Resume                   // the end of a pause
	Skip                     // the next question is left out
	Now                      // a question at once
	Again                    // a question that may not have arrived, once more
	Preview                  // what comes next
	Notification             // whether notifications are Neutral
	History                  // what came so far
	Stop                     // nothing is kept about the channel
	Holidays                 // the bank holidays of Region are skipped
)

// Verbs lists every verb.
func Verbs() []Verb {
	out := make([]Verb, len(verbNames))
	for i := range out {
		out[i] = Verb(i)
	}
	return out
}

// String names the verb for logs and metrics.
func (v Verb) String() string { return verbNames[v] }

var verbNames = [...]string{
	"unknown", "contents", "section", "all", "meeting", "search", "questions", "pool", "random", "briefings", "help",
	"reflection", "weekly", "setup", "pause", "resume", "skip", "now", "again", "preview", "notification", "history", "stop", "holidays",
}

// Command is a request understood.
type Command struct {
	Verb     Verb
	Briefing *briefing.Briefing // nil for Briefings, Unknown, all of /reflection, and Help on everything
	Words    briefing.Private   // what the verb is about, as it was typed
	Number   int                // of a question in its pool, from 1; 0 for none

	OnReflection bool            // with Help: on /reflection alone
	Schedule     *Schedule       // with Weekly, where Fault is NoFault
	Until        When            // with Pause: zero for no end
	Region       briefing.Region // with Holidays: briefing.NoRegion where nothing is skipped
	Neutral      bool            // with Notification
	Fault        Fault           // what of /reflection's words was not understood
}

// family is the part of a command's name that all briefings share.
type family int

const (
	briefingFamily   family = iota // /da-briefing
	questionsFamily                // /da-questions
	listFamily                     // /briefings
	reflectionFamily               // /reflection
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
	{reflectionFamily, Reflection, nil, "", "how this channel's weekly question stands"},
	{reflectionFamily, Reflection, []string{"status"}, "", ""},
	{reflectionFamily, Weekly, []string{"weekly", "every"}, "DAY TIME [ZONE] [POOL] [BRIEFING]", "a question every week, like weekly monday 09:30"},
	{reflectionFamily, Weekly, []string{"fortnightly"}, "DAY TIME [ZONE] [POOL] [BRIEFING]", "a question every second week, like fortnightly tuesday 2pm"},
	{reflectionFamily, SetUp, []string{"set up", "setup", "change", "form"}, "", "a form that asks for all of it"},
	{reflectionFamily, Preview, []string{"preview"}, "", "what comes next"},
	{reflectionFamily, Now, []string{"now"}, "", "a question at once"},
	{reflectionFamily, Again, []string{"again"}, "", "once more, a question that may not have arrived"},
	{reflectionFamily, Skip, []string{"skip"}, "", "leave out the next question"},
	{reflectionFamily, Pause, []string{"pause"}, "[until DATE]", "no questions for now, or until a day like 5 january"},
	{reflectionFamily, Resume, []string{"resume", "unpause", "continue"}, "", "go on after a pause"},
	{reflectionFamily, Holidays, []string{"holidays", "holiday", "bank"}, "REGION", "skip the bank holidays of england, scotland or northern ireland"},
	{reflectionFamily, Holidays, []string{"holidays include"}, "", "questions on bank holidays too"},
	{reflectionFamily, Notification, []string{"preview neutral", "neutral preview"}, "", "notifications that show the title alone"},
	{reflectionFamily, Notification, []string{"preview full", "full preview"}, "", "notifications that show the question"},
	{reflectionFamily, History, []string{"history"}, "", "what was asked, and when"},
	{reflectionFamily, Stop, []string{"stop", "remove"}, "", "end it, and remove everything about this channel"},
	{reflectionFamily, Help, []string{"help"}, "", "this help"},
}

// The commands that no briefing brings along.
const (
	BriefingsCommand  = "/briefings"
	ReflectionCommand = "/reflection"
)

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
	t := &Table{lib: lib, names: map[string]name{
		BriefingsCommand[1:]:  {family: listFamily},
		ReflectionCommand[1:]: {family: reflectionFamily},
	}}
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
	if n.family == reflectionFamily {
		return t.reflection(rest)
	}
	if rest == "" {
		return Command{Verb: bare[n.family], Briefing: n.briefing}
	}
	cmd := Command{Briefing: n.briefing}
	if verb, words, ok := choose(n.family, rest); ok {
		cmd.Verb, cmd.Words = verb, briefing.NewPrivate(words)
		return cmd
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
	case listFamily, reflectionFamily: // the latter has been understood above
		cmd.Verb = Briefings
	}
	return cmd
}

// choose finds the row that words after a command's name ask for, and what of
// them the row is about.
func choose(f family, rest string) (v Verb, words string, ok bool) {
	key, arg := cutWord(rest)
	for i := range rows {
		r := &rows[i]
		switch {
		case r.family != f || len(r.keys) == 0:
			continue
		case isOne(key, r.keys) && (arg == "" || r.arg != ""):
			return r.verb, arg, true
		case isOne(strings.Join(strings.Fields(rest), " "), r.keys):
			return r.verb, "", true
		}
	}
	return Unknown, "", false
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
