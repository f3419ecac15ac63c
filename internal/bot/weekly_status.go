package bot

import (
	"fmt"
	"slices"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
)

// status is how a channel's weekly question stands, and what to do where something
// is wrong. lacks says that there is no question any more to ask.
func (w *phrasebook) status(sub *briefing.Subscription, next coming, posts []briefing.Post, obstacle briefing.Cause, lacks bool) *briefing.Message {
	blocks := append(w.blocked(sub, obstacle), notes(pausedWords(sub))...)
	row := []briefing.Button{changeButton, previewButton, skipButton, pauseButton, historyButton, weeklyHelp}
	if sub.Paused != "" {
		row = []briefing.Button{resumeButton, changeButton, previewButton, historyButton, weeklyHelp}
	}
	if lacks && sub.Paused != briefing.CauseNoQuestions {
		blocks = append(blocks, notes(problem(sub.Channel.Platform, briefing.CauseNoQuestions))...)
	}
	blocks = append(blocks, briefing.Paragraph{Text: ours(w.sentence(sub))})
	blocks = append(blocks, w.dates(sub, next)...)
	if len(posts) > 0 {
		list := briefing.List{}
		for i := range posts[:min(shownPosts, len(posts))] {
			list.Items = append(list.Items, briefing.Item{Text: ours(w.postLine(sub, &posts[i]))})
		}
		blocks = append(blocks, briefing.Paragraph{Text: ours("Last:")}, list)
	}
	switch wrong := toMend(posts); {
	case wrong == nil || obstacle != "":
	case sub.Paused == "" && needsResume(wrong.Cause): // somebody has mended it since
		what, _ := trouble(wrong.Channel.Platform, wrong.Cause)
		blocks = append(blocks, notes("The last question could not be posted. The reason at the time: "+what+" If the question should still come, type "+command.ReflectionCommand+" again.")...)
	case sub.Paused == "" || wrong.Cause != sub.Paused:
		blocks = append(blocks, notes(problem(wrong.Channel.Platform, wrong.Cause))...)
	}
	if last := lastTried(posts); last != nil && mayBeMissing(last) && (sub.Paused == "" || sub.Paused == briefing.CauseAsked) {
		row = append([]briefing.Button{againButton}, row...)
	}
	return w.weeklyMessage("This channel's weekly question", blocks, row...)
}

// toMend is the post that a channel should have had and may not have, or nil: the
// last one that was tried, or one since that came too late.
func toMend(posts []briefing.Post) *briefing.Post {
	for i := range posts {
		switch p := &posts[i]; p.State {
		case briefing.PostSkipped:
			if p.Cause == briefing.CauseLate {
				return p
			}
		case briefing.PostUnconfirmed, briefing.PostFailed:
			return p
		default:
			return nil
		}
	}
	return nil
}

func (w *phrasebook) postLine(sub *briefing.Subscription, p *briefing.Post) string {
	return w.moment(sub, p.Slot) + " – " + standing(sub, p)
}

// history is what a channel was asked, newest first.
func (w *phrasebook) history(sub *briefing.Subscription, posts []briefing.Post) *briefing.Message {
	if len(posts) == 0 {
		return w.weeklyMessage("Nothing has been posted here yet.", nil, previewButton, statusButton)
	}
	var (
		list    briefing.List
		sources []briefing.Block // of all questions, each once
	)
	for i := range posts {
		p := &posts[i]
		text := ours(w.postLine(sub, p))
		if p.Question != "" {
			words := ours("(a question that is no longer in the briefings)")
			if b, s, pool, n, ok := content.QuestionByID(w.lib, p.Question); ok {
				words = pool.Questions[n].Text
				if source := briefing.Block(w.source(b, s)); !slices.Contains(sources, source) {
					sources = append(sources, source)
				}
			}
			text = append(append(text, briefing.Span{Text: "\n"}), words...)
		}
		list.Items = append(list.Items, briefing.Item{Text: text})
	}
	heading := "What this channel was asked, newest first"
	if len(posts) == recentPosts {
		heading = fmt.Sprintf("The last %d dates of this channel, newest first", recentPosts)
	}
	return w.weeklyMessage(heading, append([]briefing.Block{list}, sources...), statusButton)
}

// preview shows the next post as it will be, without its buttons: they are for the
// channel.
func (w *phrasebook) preview(sub *briefing.Subscription, next coming, post *briefing.Message) *briefing.Message {
	if post == nil {
		return w.weeklyMessage("There is no question to come.", notes(problem(sub.Channel.Platform, briefing.CauseNoQuestions)), changeButton, statusButton)
	}
	heading := "The weekly question is paused. This one would come next:"
	if len(next.slots) > 0 {
		heading = "This question comes on " + w.moment(sub, next.slots[0]) + ":"
	}
	m := message(briefing.Heading{Text: heading, Ours: true})
	for _, block := range post.Blocks {
		if _, ok := block.(briefing.Buttons); !ok {
			m.Blocks = append(m.Blocks, block)
		}
	}
	notification := "The notification will show the title and the question. To show only the title, type " + command.ReflectionCommand + " preview neutral."
	if sub.Neutral {
		notification = "The notification will show only the title. To show the question too, type " + command.ReflectionCommand + " preview full."
	}
	m.Blocks = append(append(m.Blocks, notes(notification)...), buttons(statusButton))
	return m
}
