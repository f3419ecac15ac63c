package schedule

import (
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/holiday"
)

const (
	// lateAfter is how late a question may still come. A bot that was off longer
	// leaves its slots out, and does not post them in a heap.
	lateAfter = 4 * time.Hour
	// maxMissed is how many slots are noted as skipped after a long time off.
	maxMissed = 60
)

// plan turns the slots of a subscription that have come at now into posts, and
// moves the subscription on to its next.
func plan(sub *briefing.Subscription, now time.Time) []briefing.Post {
	var posts []briefing.Post
	for !sub.NextSlot.At.IsZero() && !sub.NextSlot.At.After(now) {
		slot := sub.NextSlot
		post := briefing.Post{Channel: sub.Channel, Slot: slot, State: briefing.PostDue}
		switch {
		case holiday.On(sub.Holidays, slot.Date()) != "":
			post.State, post.Cause = briefing.PostSkipped, briefing.CauseHoliday
		case isLate(slot, now):
			post.State, post.Cause = briefing.PostSkipped, briefing.CauseLate
		}
		posts = append(posts, post)
		// What was paused until a day goes on with the first slot after it.
		sub.Paused, sub.Until = "", ""
		after := slot.At
		if len(posts) == maxMissed {
			after = now
		}
		next, err := sub.Rule.Next(after)
		if err != nil {
			sub.Paused, next = briefing.CauseZone, briefing.Slot{}
		}
		sub.NextSlot = next
	}
	return posts
}

func isLate(slot briefing.Slot, now time.Time) bool { return now.Sub(slot.At) > lateAfter }

// decide says what happens to a post whose turn it is: it is sent with a question,
// or it is too late for it, or there is a reason why not.
func (s *Scheduler) decide(now time.Time) func(*briefing.Subscription, *briefing.Post) {
	return func(sub *briefing.Subscription, post *briefing.Post) {
		// A panic would take the transaction and the tenant's other posts with it, at
		// every try. So this post fails, and alone.
		was := *post
		defer func() {
			if cause := recover(); cause != nil {
				_ = s.panicked(cause)
				*post = was
				post.State, post.Cause = briefing.PostFailed, briefing.CauseFault
			}
		}()
		var cause briefing.Cause
		switch {
		case sub.Paused != "":
			cause = sub.Paused
		case isLate(post.Slot, now):
			cause = briefing.CauseLate
		}
		switch {
		case cause != "" && post.Resent: // it may have arrived the first time
			post.State, post.Cause = briefing.PostUnconfirmed, briefing.CauseNoAnswer
			return
		case cause != "":
			post.State, post.Cause = briefing.PostSkipped, cause
			return
		}
		post.Question = s.bot.Choose(sub, post.Question)
		if post.Question == "" {
			post.State, post.Cause = briefing.PostFailed, briefing.CauseNoQuestions
			sub.Paused = briefing.CauseNoQuestions
			return
		}
		post.State, post.Cause = briefing.PostSending, ""
	}
}
