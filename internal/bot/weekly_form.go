package bot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
)

// form asks for a schedule. What is submitted as it was shown changes nothing.
func (w *phrasebook) form(sub *briefing.Subscription) *briefing.Message {
	day := briefing.Field{Label: "Day", Value: strings.ToLower(sub.Rule.Day.String())}
	for i := range 7 {
		name := (time.Monday + time.Weekday(i)) % 7
		day.Options = append(day.Options, briefing.Option{Label: name.String(), Value: strings.ToLower(name.String())})
	}
	often := briefing.Field{Label: "How often", Value: "weekly", Options: []briefing.Option{
		{Label: "Every week", Value: "weekly"}, {Label: "Every other week", Value: "fortnightly"}}}
	if sub.Rule.Every == 2 {
		often.Value = "fortnightly"
	}
	notification := briefing.Field{Label: "Notifications", Value: "preview full", Options: []briefing.Option{
		{Label: "Title and question", Value: "preview full"}, {Label: "Only the title", Value: "preview neutral"}}}
	if sub.Neutral {
		notification.Value = "preview neutral"
	}
	fields := []briefing.Field{
		often, day,
		{Label: "Time", Value: fmt.Sprintf("%02d:%02d", sub.Rule.Hour, sub.Rule.Minute)},
		w.poolField(sub),
	}
	if len(w.lib) > 1 {
		fields = append(fields, w.briefingField(sub))
	}
	form := briefing.Form{
		Title: "Weekly question", Submit: "Save", Command: command.ReflectionCommand,
		Fields: append(fields, holidayField(sub), notification), Rest: sub.Rule.Zone,
	}
	return w.weeklyMessage("Choose when this channel gets its question.", append([]briefing.Block{form}, notes("Times are in "+sub.Rule.Zone+".")...))
}

// poolField has the pools that there are. Where a subscription's is no longer there,
// nothing is chosen at first, so that nobody chooses another without seeing it.
func (w *phrasebook) poolField(sub *briefing.Subscription) briefing.Field {
	f := briefing.Field{Label: "Questions"}
	var rest []briefing.Option
	seen := map[string]bool{}
	for _, b := range w.lib {
		for _, p := range allPools(b) {
			switch {
			case seen[p.Name]:
			case p.Name == briefing.Practice:
				f.Options = append([]briefing.Option{{Label: "Practice", Value: p.Name}}, f.Options...)
			case p.Name == briefing.Casework:
				f.Options = append(f.Options, briefing.Option{Label: "Casework (these invite case details)", Value: p.Name})
			default:
				rest = append(rest, briefing.Option{Label: p.Label(), Value: p.Name})
			}
			seen[p.Name] = true
		}
	}
	f.Options = slices.Concat(f.Options, rest, []briefing.Option{{Label: "All of them", Value: "both"}})
	if sub.Pool == "" {
		f.Value = "both"
	} else if seen[sub.Pool] {
		f.Value = sub.Pool
	}
	return f
}

func (w *phrasebook) briefingField(sub *briefing.Subscription) briefing.Field {
	f := briefing.Field{Label: "Briefing", Options: []briefing.Option{{Label: "All of them", Value: "all"}}}
	if sub.Briefing == "" {
		f.Value = "all"
	}
	for _, b := range w.lib {
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
		f.Options = append(f.Options, briefing.Option{Label: "Leave out those in " + regionWords[region], Value: value})
		if region == sub.Holidays {
			f.Value = value
		}
	}
	f.Options = append(f.Options, briefing.Option{Label: "Post on them too", Value: "holidays include"})
	return f
}
