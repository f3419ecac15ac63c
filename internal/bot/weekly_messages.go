package bot

import (
	"fmt"
	"strings"
	"time"

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
	statusButton  = briefing.Button{Label: "How it stands", Command: command.ReflectionCommand}
	weeklyHelp    = briefing.Button{Label: "Help", Command: command.ReflectionCommand + " help"}
)

// weeklyPost is a question as the channel gets it.
func (w *phrasebook) weeklyPost(title string, b *briefing.Briefing, s *briefing.Section, q briefing.Question) *briefing.Message {
	row := []briefing.Button{{Label: "Read the briefing", Command: b.BriefingCommand()}}
	if _, casework := b.Pool(briefing.Casework); casework != nil {
		another := randomButton(b, casework)
		another.Label = "A casework question, just for you"
		row = append(row, another)
	}
	m := message(briefing.Heading{Text: title, Ours: true}, briefing.Paragraph{Text: q.Text}, w.source(b, s), w.footer, buttons(row...))
	m.Notice = title + ": " + q.Text.Plain()
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

func note(format string, args ...any) briefing.Note {
	return briefing.Note{Text: fmt.Sprintf(format, args...)}
}

// notHere is for a private chat.
func (w *phrasebook) notHere() *briefing.Message {
	return w.weeklyMessage("A weekly question belongs in a channel.", []briefing.Block{
		note("Type %s in your team's channel, where everyone can think about the question together. Nothing was set here.", command.ReflectionCommand),
	}, weeklyHelp)
}

func (w *phrasebook) mayNot() *briefing.Message {
	return w.weeklyMessage("Only some people may change the weekly question.", []briefing.Block{
		note("Whoever runs this bot has chosen who. Nothing was changed."),
	}, statusButton)
}

func (w *phrasebook) noneYet() *briefing.Message {
	return w.weeklyMessage("This channel has no weekly question yet.", []briefing.Block{
		note("Type %s weekly monday 09:30, or use the button. Questions come from the practice list unless you choose otherwise, and anyone here can pause or stop them.", command.ReflectionCommand),
	}, setUpButton, weeklyHelp)
}

func (w *phrasebook) noQuestions() *briefing.Message {
	return w.weeklyMessage("There are no such questions in that briefing.", []briefing.Block{
		note("Choose another list or another briefing. Nothing was changed."),
	}, setUpButton, wayBack(nil).Buttons[0])
}

func (w *phrasebook) notSaved() *briefing.Message {
	return w.weeklyMessage("Sorry, this could not be saved.", []briefing.Block{
		note("Nothing was changed. It has been noted for whoever runs this bot. Please try again in a few minutes."),
	})
}

// expected is what stands where something was not understood.
var expected = map[command.Fault]struct{ what, example string }{
	command.FaultDay:    {"the day of the week", "Write one day, like monday or thu."},
	command.FaultTime:   {"the time", "Write it like 09:30, 9.30am or 2pm."},
	command.FaultZone:   {"the time zone", "Write its full name, like Europe/London, or none."},
	command.FaultDate:   {"the day", "Write a day to come, like 5 january, 2027-01-05 or monday."},
	command.FaultRegion: {"the bank holidays", "Write england, scotland, northern ireland, or include for questions on bank holidays too."},
	command.FaultWord:   {"a word", "These can be typed:"},
}

func (w *phrasebook) notUnderstood(f command.Fault, suggestion string) *briefing.Message {
	about := expected[f]
	blocks := []briefing.Block{note("%s The bot has not kept what you typed, and nothing was changed.", about.example)}
	row := []briefing.Button{weeklyHelp}
	if f == command.FaultWord {
		blocks = []briefing.Block{note("%s", about.example), w.usageList(), note("The bot has not kept what you typed, and nothing was changed.")}
		row = []briefing.Button{statusButton}
	}
	if suggestion != "" {
		blocks = append([]briefing.Block{note("Did you mean %s?", suggestion)}, blocks...)
	}
	return w.weeklyMessage("One thing was not understood: "+about.what+".", blocks, row...)
}

func (w *phrasebook) usageList() briefing.List {
	var list briefing.List
	for _, u := range w.usages {
		list.Items = append(list.Items, briefing.Item{Text: briefing.Text{{Text: u.Type, Code: true}, {Text: " – " + u.Purpose}}})
	}
	return list
}

// set says what will happen from now on.
func (w *phrasebook) set(sub *briefing.Subscription, next coming, obstacle briefing.Cause) *briefing.Message {
	blocks := []briefing.Block{briefing.Paragraph{Text: ours(w.sentence(sub))}}
	if sub.Paused != "" {
		blocks = append(blocks, note("It is paused."))
	}
	blocks = append(blocks, w.dates(sub, next)...)
	if sub.Pool != briefing.Practice {
		blocks = append(blocks, note("Casework questions invite details of cases, and everyone here can read along. No names or case details here."))
	}
	row := []briefing.Button{previewButton, changeButton, statusButton}
	if sub.Paused != "" {
		row[0] = resumeButton
	}
	if obstacle != "" {
		// First, since nothing comes of the rest until somebody has done it.
		blocks = append([]briefing.Block{note("The bot cannot post here yet. %s", advice(sub.Channel.Platform, obstacle))}, blocks...)
	}
	return w.weeklyMessage("The weekly question is set.", blocks, row...)
}

// sentence is a subscription in words.
func (w *phrasebook) sentence(sub *briefing.Subscription) string {
	every := "Every "
	if sub.Rule.Every == 2 {
		every = "Every second "
	}
	s := fmt.Sprintf("%s%s at %02d:%02d%s this channel gets %s from %s.", every, sub.Rule.Day, sub.Rule.Hour, sub.Rule.Minute, w.inZone(sub), poolWords(sub.Pool), w.briefingWords(sub.Briefing))
	if region := regionWords[sub.Holidays]; region != "" {
		s += " Bank holidays in " + region + " are left out."
	} else {
		s += " It comes on bank holidays too."
	}
	if sub.Neutral {
		s += " Notifications show the title alone."
	}
	return s
}

// inZone names the time zone where it is not the usual one.
func (w *phrasebook) inZone(sub *briefing.Subscription) string {
	if sub.Rule.Zone == w.zone {
		return ""
	}
	return " (" + sub.Rule.Zone + ")"
}

func poolWords(pool string) string {
	switch pool {
	case briefing.Practice:
		return "a practice question"
	case briefing.Casework:
		return "a casework question"
	case "":
		return "a practice or casework question"
	}
	return "a question from the list “" + strings.ReplaceAll(pool, "-", " ") + "”"
}

func (w *phrasebook) briefingWords(id string) string {
	for _, b := range w.lib {
		if b.ID == id || id == "" && len(w.lib) == 1 {
			return "“" + b.Title + "”"
		}
	}
	if id == "" {
		return "all briefings in turn"
	}
	return "a briefing that is no longer there"
}

var regionWords = map[briefing.Region]string{
	briefing.EnglandAndWales: "England and Wales",
	briefing.Scotland:        "Scotland",
	briefing.NorthernIreland: "Northern Ireland",
}

// dates is what is ahead, and what is left out of it.
func (w *phrasebook) dates(sub *briefing.Subscription, next coming) []briefing.Block {
	if len(next.slots) == 0 {
		return nil
	}
	list := briefing.List{}
	for _, slot := range next.slots {
		list.Items = append(list.Items, briefing.Item{Text: ours(w.moment(sub, slot))})
	}
	blocks := []briefing.Block{note("Next:"), list}
	for _, d := range next.left {
		blocks = append(blocks, note("Left out: %s, %s.", longDate(d.date), d.holiday))
	}
	return blocks
}

// moment is a slot in words, in the subscription's local time.
func (w *phrasebook) moment(sub *briefing.Subscription, slot briefing.Slot) string {
	return slot.At.In(location(sub.Rule.Zone)).Format("Monday 2 January 2006, 15:04") + w.inZone(sub)
}

func longDate(d briefing.Date) string {
	at, ok := d.In(time.UTC)
	if !ok {
		return string(d)
	}
	return at.Format("Monday 2 January 2006")
}

func (w *phrasebook) paused(sub *briefing.Subscription, next coming) *briefing.Message {
	if sub.Until == "" {
		return w.weeklyMessage("Paused.", []briefing.Block{note("No question comes until somebody here resumes it. What was asked so far is remembered.")}, resumeButton, statusButton)
	}
	blocks := append([]briefing.Block{note("No question comes before %s.", longDate(sub.Until))}, w.dates(sub, next)...)
	return w.weeklyMessage("Paused until "+longDate(sub.Until)+".", blocks, resumeButton, statusButton)
}

func (w *phrasebook) resumed(sub *briefing.Subscription, next coming, was bool, obstacle briefing.Cause) *briefing.Message {
	heading := "It goes on."
	if !was {
		heading = "It was not paused."
	}
	blocks := append([]briefing.Block{briefing.Paragraph{Text: ours(w.sentence(sub))}}, w.dates(sub, next)...)
	if obstacle != "" {
		blocks = append([]briefing.Block{note("The bot cannot post here yet. %s", advice(sub.Channel.Platform, obstacle))}, blocks...)
	}
	return w.weeklyMessage(heading, blocks, previewButton, statusButton)
}

func (w *phrasebook) skipped(sub *briefing.Subscription, left briefing.Slot, next coming) *briefing.Message {
	if left.At.IsZero() {
		return w.weeklyMessage("There is no question to skip: it is paused.", nil, resumeButton, statusButton)
	}
	return w.weeklyMessage("Left out: "+longDate(left.Date())+".", w.dates(sub, next), statusButton)
}

func (w *phrasebook) stopped() *briefing.Message {
	return w.weeklyMessage("Stopped.", []briefing.Block{
		note("No more questions come. Everything that the bot kept about this channel has been removed: the schedule, and which questions were asked."),
	}, setUpButton)
}

func (w *phrasebook) onItsWay() *briefing.Message {
	return w.weeklyMessage("A question is on its way.", []briefing.Block{
		note("It should be here within a minute. If it is not, see how it stands."),
	}, statusButton)
}

func (w *phrasebook) justNow() *briefing.Message {
	return w.weeklyMessage("A question was asked for just now.", []briefing.Block{
		note("One a minute is enough, so that what two people ask for at once does not come twice."),
	}, statusButton)
}

func (w *phrasebook) nothingAgain() *briefing.Message {
	return w.weeklyMessage("There is nothing to post again.", []briefing.Block{
		note("The last question was posted. For another one, type %s now.", command.ReflectionCommand),
	}, statusButton)
}

// posted says what became of a post that somebody asked for.
func (w *phrasebook) posted(p *briefing.Post) *briefing.Message {
	if p.State == briefing.PostSent {
		return w.weeklyMessage("Posted.", nil, statusButton)
	}
	heading := "It was not posted."
	if p.State == briefing.PostUnconfirmed {
		heading = "It may not have arrived."
	}
	return w.weeklyMessage(heading, []briefing.Block{note("%s", problem(p))}, statusButton)
}

// problem is what went wrong with a post, and what to do.
func problem(p *briefing.Post) string {
	if p.State == briefing.PostUnconfirmed {
		return "The platform did not say whether it took the question. Look in the channel: if it is not there, post it again. The bot does not do that by itself, so that it never comes twice."
	}
	return advice(p.Channel.Platform, p.Cause)
}

// platformNames is the platforms as people call them.
var platformNames = map[briefing.Platform]string{briefing.Slack: "Slack", briefing.Teams: "Teams"}

// advice is what to do where nothing can be posted.
func advice(p briefing.Platform, c briefing.Cause) string {
	name := platformNames[p]
	switch c {
	case briefing.CauseRemoved:
		if p == briefing.Slack {
			return "It is not in this channel. Type /invite, a space and @ with the bot's name, and then " + command.ReflectionCommand + " resume."
		}
		return "It is not in this team or chat any more. Add the app again, and then type " + command.ReflectionCommand + " resume."
	case briefing.CauseGone:
		if p == briefing.Slack {
			return "Slack says that there is no such channel for the bot: it is archived, or private and the bot is not in it. Type /invite, a space and @ with the bot's name, and then " + command.ReflectionCommand + " resume."
		}
		return "Teams says that the channel or chat is no longer there. If it is, add the app again, and then type " + command.ReflectionCommand + " resume."
	case briefing.CauseRevoked:
		return "Its access to " + name + " is missing or has ended. Whoever runs the bot has to renew it; then type " + command.ReflectionCommand + " resume."
	case briefing.CauseNoQuestions:
		return "The list of questions or the briefing that was chosen is no longer there. Choose another one."
	case briefing.CauseZone:
		return "The time zone is no longer known. Set the weekly question again."
	case briefing.CauseRejected:
		return name + " did not take this message. It has been noted for whoever runs the bot; the next question comes as planned."
	}
	return "It has been noted for whoever runs the bot."
}

// standing is a post's state in a few words.
func standing(p *briefing.Post, h func(briefing.Date) string) string {
	switch p.State {
	case briefing.PostSent:
		return "posted"
	case briefing.PostDue, briefing.PostSending:
		return "on its way"
	case briefing.PostUnconfirmed:
		return "may not have arrived"
	case briefing.PostFailed:
		return "not posted"
	case briefing.PostSkipped:
		switch p.Cause {
		case briefing.CauseHoliday:
			if name := h(p.Slot.Date()); name != "" {
				return "left out: " + name
			}
			return "left out: bank holiday"
		case briefing.CauseLate:
			return "left out: the bot could not post in time"
		case briefing.CauseAsked:
			return "left out, as somebody here asked"
		}
		return "left out: paused"
	}
	return ""
}
