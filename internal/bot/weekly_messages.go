package bot

import (
	"fmt"
	"slices"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
)

// The buttons of the weekly question.
var (
	setUpButton   = briefing.Button{Label: "Set up", Command: command.ReflectionCommand + " set up"}
	changeButton  = briefing.Button{Label: "Change", Command: command.ReflectionCommand + " set up"}
	previewButton = briefing.Button{Label: "Preview", Command: command.ReflectionCommand + " preview"}
	skipButton    = briefing.Button{Label: "Skip the next one", Command: command.ReflectionCommand + " skip"}
	pauseButton   = briefing.Button{Label: "Pause", Command: command.ReflectionCommand + " pause"}
	resumeButton  = briefing.Button{Label: "Resume", Command: command.ReflectionCommand + " resume"}
	againButton   = briefing.Button{Label: "Post it again", Command: command.ReflectionCommand + " again"}
	historyButton = briefing.Button{Label: "History", Command: command.ReflectionCommand + " history"}
	statusButton  = briefing.Button{Label: "Status", Command: command.ReflectionCommand}
	weeklyHelp    = briefing.Button{Label: "Help", Command: command.ReflectionCommand + " help"}
)

// weeklyPost is a question as the channel gets it.
func (w *phrasebook) weeklyPost(title string, b *briefing.Briefing, s *briefing.Section, q briefing.Question) *briefing.Message {
	row := []briefing.Button{{Label: "Read the briefing", Command: b.BriefingCommand()}}
	if _, casework := b.Pool(briefing.Casework); casework != nil {
		another := randomButton(b, casework)
		another.Label = "Casework question, privately"
		row = append(row, another)
	}
	m := message(briefing.Heading{Text: title, Ours: true}, briefing.Paragraph(q), w.source(b, s), w.footer, buttons(row...))
	m.Notice = title + ": " + q.Text.Letters()
	return m
}

// ours is words of the bot's as text.
func ours(s string) briefing.Text { return briefing.Text{{Text: s, Ours: true}} }

// weeklyMessage is a reply about the weekly question: a heading, what follows from
// it, the footer and buttons.
func (w *phrasebook) weeklyMessage(heading string, blocks []briefing.Block, row ...briefing.Button) *briefing.Message {
	m := message(briefing.Heading{Text: heading, Ours: true})
	m.Blocks = append(append(m.Blocks, blocks...), w.footer)
	if len(row) > 0 {
		m.Blocks = append(m.Blocks, buttons(row...))
	}
	return m
}

// notes is a note of each text that is not empty.
func notes(texts ...string) []briefing.Block {
	var out []briefing.Block
	for _, text := range texts {
		if text != "" {
			out = append(out, briefing.Note{Text: text})
		}
	}
	return out
}

// notHere is for a private chat.
func (w *phrasebook) notHere(p briefing.Platform) *briefing.Message {
	where := "Type " + command.ReflectionCommand + " in your team's channel"
	if p == briefing.Teams {
		where = "In your team's channel, write @ with the bot's name and then " + command.ReflectionCommand
	}
	return w.weeklyMessage("A weekly question belongs in a channel.",
		notes(where+". Everyone there can think about the question together. Nothing was set here."), weeklyHelp)
}

func (w *phrasebook) mayNot() *briefing.Message {
	return w.weeklyMessage("Only some people may change the weekly question.",
		notes("Whoever runs this bot has chosen who. To have it changed, paused or stopped, ask your manager or whoever runs the bot. Nothing was changed."),
		statusButton, weeklyHelp)
}

// noneYet is for a channel without a weekly question. limited says that not everyone
// may set one up, and may that whoever asks may.
func (w *phrasebook) noneYet(limited, may bool) *briefing.Message {
	const heading = "This channel has no weekly question."
	if !may {
		return w.weeklyMessage(heading, notes("Only some people may set one up. If your team would like one, ask your manager or whoever runs this bot."), weeklyHelp)
	}
	who := "Anyone here can pause or stop them."
	if limited {
		who = "Only the people who may set them up can change, pause or stop them."
	}
	return w.weeklyMessage(heading, notes("To begin, type "+command.ReflectionCommand+" weekly monday 09:30, or use the button. "+
		"Questions are about practice, not about cases, unless you choose otherwise. "+who), setUpButton, weeklyHelp)
}

func (w *phrasebook) noQuestions() *briefing.Message {
	return w.weeklyMessage("There are no such questions.",
		notes("Choose other questions or another briefing: type "+command.ReflectionCommand+" set up. Nothing was changed."),
		setUpButton, wayBack(nil).Buttons[0])
}

func (w *phrasebook) onlyCasework() *briefing.Message {
	return w.weeklyMessage("There are casework questions alone.",
		notes("They invite details of cases, so the bot asks them only where a team wants that. If yours does, type the same again and add the word casework. Nothing was changed."),
		setUpButton, wayBack(nil).Buttons[0])
}

func (w *phrasebook) notSaved() *briefing.Message {
	return w.weeklyMessage("Sorry, this could not be saved.",
		notes("It has been noted for whoever runs this bot. In a few minutes, type "+command.ReflectionCommand+" to see how things stand, and try again."))
}

func (w *phrasebook) zoneGone() *briefing.Message {
	what, do := trouble("", briefing.CauseZone)
	return w.weeklyMessage(what, notes(do, "Nothing was changed."), setUpButton, statusButton)
}

// expected is what stands where something was not understood.
var expected = map[command.Fault]struct{ what, example string }{
	command.FaultDay:    {"the day of the week", "Write one day, like monday or thu."},
	command.FaultTime:   {"the time", "Write it like 09:30, 9.30am or 2pm."},
	command.FaultZone:   {"the time zone", "Write its full name, like Europe/London, or leave it out."},
	command.FaultDate:   {"the date", "Write one that is to come, like " + command.ReflectionCommand + " pause until 5 january, or until monday. To pause with no end, type " + command.ReflectionCommand + " pause."},
	command.FaultRegion: {"the bank holidays", "Write holidays and then england, scotland or northern ireland. For questions on bank holidays too, write holidays include."},
	command.FaultWord:   {"a word", "These can be typed:"},
}

const (
	forExample = "For example: " + command.ReflectionCommand + " weekly monday 09:30 practice."
	aBriefing  = "Name a briefing by what stands before -briefing in its command, or by its whole title."
	aSchedule  = "Write a day and a time, and then only what you need: practice, casework or both, a briefing, a time zone. " + aBriefing + " " + forExample
)

const notKept = "The bot has not kept what you typed, and nothing was changed."

// notUnderstood says what of a command was not understood, and how it is written.
// suggestion is a command that was perhaps meant, or empty.
func (w *phrasebook) notUnderstood(cmd command.Command, suggestion string) *briefing.Message {
	about := expected[cmd.Fault]
	blocks, row := notes(about.example), []briefing.Button{weeklyHelp}
	switch {
	case cmd.Verb == command.Weekly && cmd.Fault == command.FaultWord:
		blocks, row = notes(aSchedule), []briefing.Button{setUpButton, weeklyHelp}
	case cmd.Verb == command.Weekly:
		blocks, row = notes(about.example, forExample), []briefing.Button{setUpButton, weeklyHelp}
	case suggestion == command.ReflectionCommand+" weekly":
		blocks, row = notes("For a weekly question, begin with weekly: "+command.ReflectionCommand+" weekly monday 09:30."), []briefing.Button{setUpButton, weeklyHelp}
	case suggestion != "":
		blocks, row = notes("Did you mean "+suggestion+"?"), []briefing.Button{{Label: suggestion, Command: suggestion}, weeklyHelp}
	case cmd.Fault == command.FaultWord:
		blocks, row = append(blocks, w.usageList()), []briefing.Button{statusButton}
	}
	return w.weeklyMessage("One thing was not understood: "+about.what+".", append(blocks, notes(notKept)...), row...)
}

// weeklyHelp is what can be typed, with what a line of usage has no room for.
func (w *phrasebook) weeklyHelp(usages []command.Usage) *briefing.Message {
	m := w.help("What you can type about the weekly question", usages, nil)
	m.Blocks = slices.Insert(m.Blocks, 2, notes(aBriefing)...)
	return m
}

func (w *phrasebook) usageList() briefing.List {
	var list briefing.List
	for _, u := range w.usages {
		list.Items = append(list.Items, briefing.Item{Text: briefing.Text{{Text: u.Type, Code: true}, {Text: " – " + u.Purpose}}})
	}
	return list
}

// set says what will happen from now on. sameWeeks says that a fortnight goes on in
// the weeks it had.
func (w *phrasebook) set(sub *briefing.Subscription, next coming, obstacle briefing.Cause, sameWeeks bool) *briefing.Message {
	heading, blocks := "The weekly question is set.", w.blocked(sub, obstacle)
	row := []briefing.Button{previewButton, changeButton, statusButton}
	if sub.Paused != "" {
		heading, row[0] = "The weekly question is changed, and still paused.", resumeButton
		blocks = append(blocks, notes(stillPaused(sub))...)
	}
	blocks = append(blocks, briefing.Paragraph{Text: ours(w.sentence(sub))})
	blocks = append(blocks, w.dates(sub, next)...)
	if sameWeeks {
		blocks = append(blocks, notes("The weeks are the same as before. To have the others, set it weekly first, and then fortnightly again.")...)
	}
	if w.asksCasework(sub) {
		blocks = append(blocks, notes("Casework questions invite details of cases, and everyone here can read along. No names or case details here.")...)
	}
	return w.weeklyMessage(heading, blocks, row...)
}

// pauseOver says in a reply, below its heading, that a pause has ended.
func (w *phrasebook) pauseOver(m *briefing.Message) *briefing.Message {
	return message(slices.Concat(m.Blocks[:1], notes("The pause is over."), m.Blocks[1:])...)
}

// blocked says first that nothing can be posted, since nothing comes of the rest
// until somebody has done something.
func (w *phrasebook) blocked(sub *briefing.Subscription, obstacle briefing.Cause) []briefing.Block {
	if obstacle == "" {
		return nil
	}
	what, do := trouble(sub.Channel.Platform, obstacle)
	if needsResume(obstacle) { // it is not paused
		do += " The questions then come as planned."
	}
	return notes("No question can be posted here yet. " + what + " " + do)
}

func (w *phrasebook) paused(sub *briefing.Subscription, next coming) *briefing.Message {
	blocks := append(notes(stillPaused(sub)), w.dates(sub, next)...)
	blocks = append(blocks, notes("What was asked so far is remembered. To end it for good, type "+command.ReflectionCommand+" stop.")...)
	return w.weeklyMessage("The weekly question is paused.", blocks, resumeButton, statusButton)
}

func (w *phrasebook) resumed(sub *briefing.Subscription, next coming, was bool, obstacle briefing.Cause) *briefing.Message {
	heading := "The weekly question goes on."
	switch {
	case obstacle != "":
		heading = "The pause is over, but something is in the way."
	case !was:
		heading = "The weekly question was not paused."
	}
	blocks := append(w.blocked(sub, obstacle), briefing.Paragraph{Text: ours(w.sentence(sub))})
	blocks = append(blocks, w.dates(sub, next)...)
	return w.weeklyMessage(heading, blocks, previewButton, changeButton, statusButton)
}

func (w *phrasebook) skipped(sub *briefing.Subscription, left briefing.Slot, next coming) *briefing.Message {
	blocks := notes(pausedWords(sub))
	blocks = append(blocks, w.dates(sub, next)...)
	blocks = append(blocks, notes("If you want a question sooner after all, type "+command.ReflectionCommand+" now.")...)
	return w.weeklyMessage("There will be no question on "+longDate(left.Date())+".", blocks, statusButton)
}

func (w *phrasebook) nothingToSkip() *briefing.Message {
	return w.weeklyMessage("There is no question to skip.", notes("The weekly question is paused, so none is planned."), resumeButton, statusButton)
}

func (w *phrasebook) tooLate() *briefing.Message {
	return w.weeklyMessage("It is too late to skip this question.",
		notes("It has been posted, or is on its way. To leave out the one after it, type "+command.ReflectionCommand+" skip later on."), statusButton)
}

func (w *phrasebook) stopped() *briefing.Message {
	return w.weeklyMessage("Stopped.",
		notes("No more questions come. Everything that the bot kept about this channel has been removed: the schedule, and which questions were asked. To start again, type "+command.ReflectionCommand+" set up."),
		setUpButton)
}

func (w *phrasebook) onItsWay() *briefing.Message {
	return w.weeklyMessage("A question is on its way.",
		notes("It should be here within a minute. If it is not, type "+command.ReflectionCommand+" to see what happened."), statusButton)
}

func (w *phrasebook) nothingWhilePaused() *briefing.Message {
	return w.weeklyMessage("Nothing was posted: the weekly question is paused.", notes("To have a question now, resume it first. It can be paused again afterwards."), resumeButton, statusButton)
}

func (w *phrasebook) justNow() *briefing.Message {
	return w.weeklyMessage("Somebody asked for a question just now.",
		notes("There is one a minute at most, so that it does not come twice when two people ask. For another one, wait a minute."), statusButton)
}

// nothingAgain says why nothing is posted again. last is the last post, or nil.
func (w *phrasebook) nothingAgain(last *briefing.Post) *briefing.Message {
	why := "No question was posted here so far."
	switch {
	case last != nil && last.State == briefing.PostSent:
		why = "The last question arrived."
	case last != nil:
		what, do := trouble(last.Channel.Platform, last.Cause)
		why = what + " " + do
	}
	return w.weeklyMessage("There is nothing to post again.",
		notes(why, "For a question now, type "+command.ReflectionCommand+" now."), statusButton)
}

// posted says what became of a post that somebody asked for.
func (w *phrasebook) posted(sub *briefing.Subscription, p *briefing.Post) *briefing.Message {
	switch p.State {
	case briefing.PostSent:
		return w.weeklyMessage("Posted.", notes(pausedWords(sub)), statusButton)
	case briefing.PostUnconfirmed:
		return w.weeklyMessage("The question may not have arrived.", notes(problem(p.Channel.Platform, p.Cause)), againButton, statusButton)
	}
	return w.weeklyMessage("The question was not posted.", notes(problem(p.Channel.Platform, p.Cause)), statusButton)
}

// pausedWords says that a subscription is paused and until when, or nothing.
func pausedWords(sub *briefing.Subscription) string {
	if sub.Paused == "" {
		return ""
	}
	return "The weekly question is paused. " + stillPaused(sub)
}

// stillPaused says what ends a pause.
func stillPaused(sub *briefing.Subscription) string {
	switch {
	case sub.Paused != briefing.CauseAsked:
		return problem(sub.Channel.Platform, sub.Paused)
	case sub.Until != "":
		return fmt.Sprintf("No question comes before %s. To go on sooner, type %s resume.", longDate(sub.Until), command.ReflectionCommand)
	}
	return "No question comes until somebody types " + command.ReflectionCommand + " resume."
}
