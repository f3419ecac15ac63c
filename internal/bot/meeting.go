package bot

import (
	"fmt"
	"slices"

	"briefingbot/internal/briefing"
)

// meetingMinutes is how long a 7-minute briefing takes.
const meetingMinutes = 7

// meetingOrder is which sections a team should not go without, most of all first.
// Resources are to take away, and questions have minutes of their own.
var meetingOrder = []briefing.Kind{briefing.Worries, briefing.Impact, briefing.Strengths, briefing.Definition, "", briefing.Context}

// agendaItem is a section and the minutes for it.
type agendaItem struct {
	section *briefing.Section
	minutes int
}

// agenda shares out the seven minutes: one for each practice question that is
// asked, then one for each section in meetingOrder until they are used up, and
// what is left over in the same order again. Items are in order of the briefing.
func agenda(b *briefing.Briefing) (items []agendaItem, questions []briefing.Question) {
	minutes := map[*briefing.Section]int{}
	left := meetingMinutes
	questionSection, pool := b.Pool(briefing.Practice)
	if pool != nil {
		questions = pool.Questions[:min(2, len(pool.Questions))]
		minutes[questionSection] = len(questions)
		left -= len(questions)
	}
	var order []*briefing.Section
	for _, kind := range meetingOrder {
		for i := range b.Sections {
			if s := &b.Sections[i]; s.Kind == kind {
				order = append(order, s)
			}
		}
	}
	if len(order) == 0 { // a briefing of resources or questions alone
		for i := range b.Sections {
			order = append(order, &b.Sections[i])
		}
	}
	for i := 0; left > 0; i++ {
		minutes[order[i%len(order)]]++
		left--
	}
	for i := range b.Sections {
		if s := &b.Sections[i]; minutes[s] > 0 {
			items = append(items, agendaItem{s, minutes[s]})
		}
	}
	return items, questions
}

// Meeting is the plan for a team meeting on a briefing, as the bot says it in chat,
// for whoever shows it elsewhere.
func (b *Bot) Meeting(br *briefing.Briefing) *briefing.Message {
	return b.current.Load().words.meeting(br)
}

// meeting is a plan for a seven-minute team meeting.
func (w *phrasebook) meeting(b *briefing.Briefing) *briefing.Message {
	items, questions := agenda(b)
	var (
		list briefing.List
		row  []briefing.Button
	)
	for _, item := range items {
		unit := " minutes: "
		if item.minutes == 1 {
			unit = " minute: "
		}
		list.Items = append(list.Items, briefing.Item{Text: briefing.Text{
			{Text: fmt.Sprint(item.minutes) + unit, Bold: true, Ours: true}, {Text: item.section.Heading()}}})
		row = append(row, briefing.Button{Label: sectionLabel(item.section), Command: sectionCommand(b, item.section)})
	}
	m := message(briefing.Heading{Text: fmt.Sprintf("Plan for a team meeting of %d minutes", meetingMinutes), Ours: true},
		briefing.Heading{Text: b.Title}, list)
	if len(questions) > 0 {
		section, pool := b.Pool(briefing.Practice)
		var ask briefing.List
		for _, q := range questions {
			ask.Items = append(ask.Items, briefing.Item{Text: q.Text})
		}
		m.Blocks = append(m.Blocks, briefing.Subheading{Text: pool.Title}, ask, w.source(b, section))
	} else {
		m.Blocks = append(m.Blocks, w.source(b, nil))
	}
	if s := b.First(briefing.Resources); s != nil && !slices.ContainsFunc(items, func(i agendaItem) bool { return i.section == s }) {
		m.Blocks = append(m.Blocks, briefing.Note{Text: fmt.Sprintf("To take away: section %02d, %s.", s.Number, s.Title)})
		row = append(row, briefing.Button{Label: sectionLabel(s), Command: sectionCommand(b, s)})
	}
	m.Blocks = append(m.Blocks,
		briefing.Note{Text: "Talk about practice, not about people: use no names and no details of a case, in the meeting's notes either."},
		w.footer, buttons(append(row, contentsButton(b), share(b.BriefingCommand()+" meeting"))...))
	return m
}
