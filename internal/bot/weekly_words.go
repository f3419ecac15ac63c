package bot

import (
	"fmt"
	"slices"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
	"briefingbot/internal/holiday"
)

// sentence is a subscription in words.
func (w *phrasebook) sentence(sub *briefing.Subscription) string {
	every := "Every "
	if sub.Rule.Every == 2 {
		every = "Every other "
	}
	s := fmt.Sprintf("%s%s at %02d:%02d%s, this channel gets %s from %s.", every, sub.Rule.Day, sub.Rule.Hour, sub.Rule.Minute,
		w.inZone(sub), w.poolWords(sub), w.briefingWords(sub.Briefing))
	if region := regionWords[sub.Holidays]; region != "" {
		s += " Bank holidays in " + region + " are left out."
	} else {
		s += " It comes on bank holidays too."
	}
	if sub.Neutral {
		s += " Notifications show only the title."
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

func (w *phrasebook) poolWords(sub *briefing.Subscription) string {
	switch sub.Pool {
	case briefing.Practice:
		return "a practice question"
	case briefing.Casework:
		return "a casework question"
	case "":
		if w.asksCasework(sub) {
			return "a question on practice or casework"
		}
		return "a question"
	}
	for _, b := range w.lib {
		if _, p := b.Pool(sub.Pool); p != nil && (sub.Briefing == "" || sub.Briefing == b.ID) {
			return "a question of the list “" + p.Label() + "”"
		}
	}
	return "a question of a list that is no longer there,"
}

// asksCasework reports whether questions may be casework questions.
func (w *phrasebook) asksCasework(sub *briefing.Subscription) bool {
	return (sub.Pool == "" || sub.Pool == briefing.Casework) && len(content.Candidates(w.lib, sub.Briefing, briefing.Casework)) > 0
}

func (w *phrasebook) briefingWords(id string) string {
	for _, b := range w.lib {
		if b.ID == id || id == "" && len(w.lib) == 1 {
			return "“" + b.Title + "”"
		}
	}
	if id == "" {
		return "all briefings"
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
	blocks := []briefing.Block{briefing.Paragraph{Text: ours("Next:")}, list}
	for _, d := range next.left {
		blocks = append(blocks, notes("No question on "+d.date+": "+d.why+".")...)
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

// standing is a post's state in a few words.
func standing(sub *briefing.Subscription, p *briefing.Post) string {
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
		return "left out: " + whyLeft(sub, p)
	}
	return string(p.State)
}

// whyLeft is why a post was left out, in a few words.
func whyLeft(sub *briefing.Subscription, p *briefing.Post) string {
	switch p.Cause {
	case briefing.CauseHoliday:
		for _, region := range slices.Concat([]briefing.Region{sub.Holidays}, briefing.Regions) {
			if name := holiday.On(region, p.Slot.Date()); name != "" {
				return name
			}
		}
		return "bank holiday"
	case briefing.CauseLate:
		return "the bot could not post in time"
	case briefing.CauseAsked:
		return "somebody here asked for that"
	}
	return "paused"
}

// problem is what keeps questions from a channel, and all that there is to do.
func problem(p briefing.Platform, c briefing.Cause) string {
	what, do := trouble(p, c)
	if needsResume(c) {
		do += " Then type " + command.ReflectionCommand + " resume."
	}
	return what + " " + do
}

// needsResume reports whether a channel was paused for a cause, and goes on when
// somebody says so.
func needsResume(c briefing.Cause) bool {
	return c == briefing.CauseRemoved || c == briefing.CauseGone || c == briefing.CauseRevoked
}

// trouble is what keeps questions from a channel, and what to do about it.
func trouble(p briefing.Platform, c briefing.Cause) (what, do string) {
	name := map[briefing.Platform]string{briefing.Slack: "Slack", briefing.Teams: "Teams"}[p]
	if name == "" {
		name = "The platform"
	}
	const (
		invite = "type /invite, a space and @ with the bot's name."
		look   = "Look in the channel. If the question is not there, type " + command.ReflectionCommand + " again."
		change = command.ReflectionCommand + " set up."
	)
	switch c {
	case briefing.CauseRemoved:
		if p == briefing.Slack {
			return "The bot is not in this channel, or may not post in it.", "To invite it, " + invite
		}
		return "The app is not in this team or chat any more.", "Ask somebody who looks after the team to add it again."
	case briefing.CauseGone:
		switch p {
		case briefing.Slack:
			return "Slack said that this channel was archived.", "If it is in use again, " + invite
		case briefing.Web:
			return "This page was off for a while.", "It is on again."
		}
		return name + " said that this channel or chat was not there.", "Ask somebody who looks after the team to add the app again."
	case briefing.CauseRevoked:
		return "The bot has no access to " + name + ".", "Whoever runs the bot has to give it access."
	case briefing.CauseNoQuestions:
		return "The questions that were chosen are no longer in the briefings.", "To choose others, type " + change
	case briefing.CauseZone:
		return "The time zone that was chosen is no longer known.", "To set the weekly question again, type " + change
	case briefing.CauseRejected:
		return name + " did not take this question.", "It has been noted for whoever runs the bot. The next question comes as planned."
	case briefing.CauseFault:
		return "The bot failed to choose this question.", "It has been noted for whoever runs the bot. The next question comes as planned."
	case briefing.CauseNoAnswer:
		return name + " did not say whether it took the question.", look
	case briefing.CauseStopped:
		return "The bot was stopped while it was posting the question.", look
	case briefing.CauseLate:
		return "The last question could not be posted in time.", "For one now, type " + command.ReflectionCommand + " now. The next one comes as planned."
	case briefing.CauseHoliday:
		return "It was a bank holiday.", "The next question comes as planned."
	case briefing.CauseAsked:
		return "Somebody here asked for no question.", "For one now, type " + command.ReflectionCommand + " now."
	}
	return "Something went wrong.", "It has been noted for whoever runs the bot."
}
