package bot

import (
	"fmt"
	"strings"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/holiday"
)

// status is how a channel's weekly question stands, and what to do where something
// is wrong.
func (w *phrasebook) status(sub *briefing.Subscription, next coming, posts []briefing.Post) *briefing.Message {
	var blocks []briefing.Block
	row := []briefing.Button{changeButton, previewButton, skipButton, pauseButton, historyButton, weeklyHelp}
	switch {
	case sub.Paused == briefing.CauseAsked && sub.Until == "":
		blocks = append(blocks, note("Paused: no question comes until somebody here resumes it."))
	case sub.Paused == briefing.CauseAsked:
		blocks = append(blocks, note("Paused until %s.", longDate(sub.Until)))
	case sub.Paused != "":
		blocks = append(blocks, note("Paused: the last question could not be posted. %s", advice(sub.Channel.Platform, sub.Paused)))
	}
	if sub.Paused != "" {
		row = []briefing.Button{resumeButton, changeButton, previewButton, historyButton, weeklyHelp}
	}
	blocks = append(blocks, briefing.Paragraph{Text: ours(w.sentence(sub))})
	blocks = append(blocks, w.dates(sub, next)...)
	if len(posts) > 0 {
		list := briefing.List{}
		for i := range posts {
			list.Items = append(list.Items, briefing.Item{Text: ours(w.postLine(sub, &posts[i]))})
		}
		blocks = append(blocks, note("Last:"), list)
	}
	if last := lastTried(posts); last != nil && sub.Paused == "" && (mayBeMissing(last) || last.State == briefing.PostFailed) {
		blocks = append(blocks, note("%s", problem(last)))
		if mayBeMissing(last) {
			row = append([]briefing.Button{againButton}, row...)
		}
	}
	return w.weeklyMessage("This channel's weekly question", blocks, row...)
}

func (w *phrasebook) postLine(sub *briefing.Subscription, p *briefing.Post) string {
	return w.moment(sub, p.Slot) + " – " + standing(p, func(d briefing.Date) string { return holiday.On(sub.Holidays, d) })
}

// history is what a channel was asked, newest first. question is the words of one,
// or nil where it is no longer there.
func (w *phrasebook) history(sub *briefing.Subscription, posts []briefing.Post, question func(string) briefing.Text) *briefing.Message {
	if len(posts) == 0 {
		return w.weeklyMessage("Nothing has been posted here yet.", nil, previewButton, statusButton)
	}
	list := briefing.List{}
	for i := range posts {
		p := &posts[i]
		text := ours(w.postLine(sub, p))
		if p.Question != "" {
			words := question(p.Question)
			if words == nil {
				words = ours("(a question that is no longer in the briefings)")
			}
			text = append(append(text, briefing.Span{Text: "\n"}), words...)
		}
		list.Items = append(list.Items, briefing.Item{Text: text})
	}
	heading := "What this channel was asked, newest first"
	if len(posts) == historyPosts {
		heading = fmt.Sprintf("The last %d questions of this channel, newest first", historyPosts)
	}
	return w.weeklyMessage(heading, []briefing.Block{list}, statusButton)
}

// preview shows the next post as it will be, without its buttons: they are for the
// channel.
func (w *phrasebook) preview(sub *briefing.Subscription, next coming, post *briefing.Message) *briefing.Message {
	if post == nil {
		return w.weeklyMessage("There is no question to come.", []briefing.Block{note("%s", advice(sub.Channel.Platform, briefing.CauseNoQuestions))}, changeButton)
	}
	heading := "Paused. This would come next:"
	if len(next.slots) > 0 {
		heading = "This comes next, on " + w.moment(sub, next.slots[0]) + ":"
	}
	m := message(briefing.Heading{Text: heading, Ours: true})
	for _, block := range post.Blocks {
		if _, ok := block.(briefing.Buttons); !ok {
			m.Blocks = append(m.Blocks, block)
		}
	}
	notification := "A notification shows the title and the question. For the title alone, type " + command.ReflectionCommand + " preview neutral."
	if sub.Neutral {
		notification = "A notification shows the title alone."
	}
	m.Blocks = append(m.Blocks, note("%s", notification), buttons(statusButton))
	return m
}

// form asks for a schedule.
func (w *phrasebook) form(sub *briefing.Subscription, lib briefing.Library) *briefing.Message {
	day := briefing.Field{Label: "Day", Value: strings.ToLower(sub.Rule.Day.String())}
	for i := range 7 {
		name := (time.Monday + time.Weekday(i)) % 7
		day.Options = append(day.Options, briefing.Option{Label: name.String(), Value: strings.ToLower(name.String())})
	}
	often := briefing.Field{Label: "How often", Value: "weekly", Options: []briefing.Option{{Label: "Every week", Value: "weekly"}, {Label: "Every second week", Value: "fortnightly"}}}
	if sub.Rule.Every == 2 {
		often.Value = "fortnightly"
	}
	notification := briefing.Field{Label: "Notifications", Value: "preview full", Options: []briefing.Option{
		{Label: "Title and question", Value: "preview full"}, {Label: "Title alone", Value: "preview neutral"}}}
	if sub.Neutral {
		notification.Value = "preview neutral"
	}
	fields := []briefing.Field{
		often, day,
		{Label: "Time", Value: fmt.Sprintf("%02d:%02d", sub.Rule.Hour, sub.Rule.Minute)},
		poolField(sub, lib),
	}
	if len(lib) > 1 {
		fields = append(fields, briefingField(sub, lib))
	}
	form := briefing.Form{
		Title: "Weekly question", Submit: "Save", Command: command.ReflectionCommand,
		Fields: append(fields, holidayField(sub), notification), Rest: sub.Rule.Zone,
	}
	return w.weeklyMessage("Choose when this channel gets its question.", []briefing.Block{
		form, note("Times are in %s.", strings.ReplaceAll(sub.Rule.Zone, "_", " ")),
	})
}

func poolField(sub *briefing.Subscription, lib briefing.Library) briefing.Field {
	f := briefing.Field{Label: "Questions", Value: sub.Pool, Options: []briefing.Option{
		{Label: "Practice", Value: briefing.Practice}, {Label: "Casework: they invite case details", Value: briefing.Casework}}}
	if sub.Pool == "" {
		f.Value = "both"
	}
	seen := map[string]bool{briefing.Practice: true, briefing.Casework: true}
	for _, b := range lib {
		for _, p := range allPools(b) {
			if !seen[p.Name] {
				seen[p.Name] = true
				f.Options = append(f.Options, briefing.Option{Label: p.Label(), Value: p.Name})
			}
		}
	}
	f.Options = append(f.Options, briefing.Option{Label: "All of them", Value: "both"})
	return f
}

func briefingField(sub *briefing.Subscription, lib briefing.Library) briefing.Field {
	f := briefing.Field{Label: "Briefing", Value: "all", Options: []briefing.Option{{Label: "All of them, in turn", Value: "all"}}}
	for _, b := range lib {
		f.Options = append(f.Options, briefing.Option{Label: b.Title, Value: b.ID})
		if b.ID == sub.Briefing {
			f.Value = b.ID
		}
	}
	return f
}

func holidayField(sub *briefing.Subscription) briefing.Field {
	f := briefing.Field{Label: "Bank holidays", Value: "holidays include"}
	for _, region := range briefing.Regions {
		value := "holidays " + string(region)
		f.Options = append(f.Options, briefing.Option{Label: "Leave out those of " + regionWords[region], Value: value})
		if region == sub.Holidays {
			f.Value = value
		}
	}
	f.Options = append(f.Options, briefing.Option{Label: "Post on them too", Value: "holidays include"})
	return f
}
