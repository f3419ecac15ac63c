package bot

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
	"briefingbot/internal/holiday"
)

// Subscriptions keeps the weekly questions of channels; internal/store explains
// its methods, and which errors of package briefing they return.
type Subscriptions interface {
	Subscription(context.Context, briefing.Channel) (briefing.Subscription, error)
	Change(ctx context.Context, ch briefing.Channel, change func(sub *briefing.Subscription, exists bool) ([]briefing.Post, error)) error
	Remove(context.Context, briefing.Channel) error
	Posts(ctx context.Context, ch briefing.Channel, limit int) ([]briefing.Post, error)
}

// Weekly is what the weekly question needs beside the briefings.
type Weekly struct {
	Subscriptions Subscriptions // nil where there is no store: then no channel has a weekly question
	Title         string        // above every question; DefaultTitle if empty
	Zone          string        // of schedules that name none; DefaultZone if empty
	Schedulers    []string      // platforms' ids of the people who may change it; everyone if empty
	Now           func() time.Time
	Wake          func(context.Context, briefing.Tenant) // has a tenant's posts delivered at once
}

// What holds where the organisation has not set its own.
const (
	DefaultTitle = "Question of the week"
	DefaultZone  = "Europe/London"
)

const (
	// storeTime is how long the store may take for a reply. Slack waits 3 s for it.
	storeTime = 2200 * time.Millisecond
	// awaitTime is how long a reply waits to say that a question is there.
	awaitTime  = 1500 * time.Millisecond
	awaitEvery = 100 * time.Millisecond

	shownPosts   = 3 // in the status
	historyPosts = 20
	shownDates   = 3
)

// isWeekly reports whether a command is about a channel's weekly question.
func isWeekly(cmd command.Command) bool { return cmd.Verb >= command.Reflection }

// changes reports whether a command changes anything.
func changes(v command.Verb) bool {
	return !slices.Contains([]command.Verb{command.Reflection, command.Preview, command.History}, v)
}

// weekly answers a command about the channel's weekly question.
func (b *Bot) weekly(ctx context.Context, req briefing.Request, cmd command.Command) (*briefing.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	switch {
	case b.cfg.Subscriptions == nil || req.Channel.ID == "":
		return b.words.notHere(), nil
	case changes(cmd.Verb) && !b.mayChange(req.Person):
		return b.words.mayNot(), nil
	case cmd.Fault != command.NoFault:
		return b.words.notUnderstood(cmd.Fault, b.table.SuggestReflection(cmd.Words)), nil
	}
	c := channel{b: b, Channel: req.Channel, now: b.cfg.Now()}
	reply, err := c.answer(ctx, cmd)
	switch {
	case errors.Is(err, briefing.ErrNoSubscription):
		return b.words.noneYet(), nil
	case err != nil && changes(cmd.Verb):
		b.failed(req, cmd.Verb, err)
		return b.words.notSaved(), nil
	}
	return reply, err
}

// mayChange reports whether somebody may change the weekly question.
func (b *Bot) mayChange(person []briefing.Private) bool {
	return len(b.cfg.Schedulers) == 0 || slices.ContainsFunc(person, func(id briefing.Private) bool {
		return slices.ContainsFunc(b.cfg.Schedulers, func(listed string) bool { return strings.EqualFold(listed, id.Reveal()) })
	})
}

// channel is a channel that somebody asks about.
type channel struct {
	b *Bot
	briefing.Channel
	now time.Time
}

func (c *channel) answer(ctx context.Context, cmd command.Command) (*briefing.Message, error) {
	switch cmd.Verb {
	case command.Weekly:
		return c.set(ctx, cmd.Schedule)
	case command.SetUp:
		return c.form(ctx)
	case command.Pause:
		return c.pause(ctx, cmd)
	case command.Resume:
		return c.resume(ctx)
	case command.Skip:
		return c.skip(ctx)
	case command.Now:
		return c.post(ctx, "")
	case command.Again:
		return c.again(ctx)
	case command.Preview:
		return c.preview(ctx)
	case command.History:
		return c.history(ctx)
	case command.Stop:
		if err := c.b.cfg.Subscriptions.Remove(ctx, c.Channel); err != nil {
			return nil, err
		}
		return c.b.words.stopped(), nil
	case command.Holidays:
		return c.alter(ctx, func(sub *briefing.Subscription) { sub.Holidays = cmd.Region })
	case command.Notification:
		return c.alter(ctx, func(sub *briefing.Subscription) { sub.Neutral = cmd.Neutral })
	}
	return c.status(ctx)
}

// change changes the subscription that the channel has.
func (c *channel) change(ctx context.Context, change func(sub *briefing.Subscription) ([]briefing.Post, error)) (sub briefing.Subscription, err error) {
	err = c.b.cfg.Subscriptions.Change(ctx, c.Channel, func(s *briefing.Subscription, exists bool) ([]briefing.Post, error) {
		if !exists {
			return nil, briefing.ErrNoSubscription
		}
		posts, err := change(s)
		sub = *s
		return posts, err
	})
	return sub, err
}

// set makes or replaces the schedule. What the channel was asked stays, and so does
// what was said of holidays and notifications where nothing is said now.
func (c *channel) set(ctx context.Context, want *command.Schedule) (*briefing.Message, error) {
	pool, briefingID := want.Pool, ""
	if want.Briefing != nil {
		briefingID = want.Briefing.ID
	}
	if pool == "" && !want.AnyPool && len(content.Candidates(c.b.lib, briefingID, briefing.Practice)) > 0 {
		// Casework questions invite case details: a channel gets them where it asks.
		pool = briefing.Practice
	}
	if len(content.Candidates(c.b.lib, briefingID, pool)) == 0 {
		return c.b.words.noQuestions(), nil
	}
	var kept briefing.Subscription
	err := c.b.cfg.Subscriptions.Change(ctx, c.Channel, func(sub *briefing.Subscription, exists bool) ([]briefing.Post, error) {
		if !exists {
			sub.Holidays = briefing.EnglandAndWales
		}
		sub.Rule = briefing.Rule{Every: want.Every, Day: want.Day, Hour: want.Hour, Minute: want.Minute, Zone: cmp.Or(want.Zone, c.b.cfg.Zone)}
		sub.Pool, sub.Briefing = pool, briefingID
		sub.Holidays = cmp.Or(want.Holidays, sub.Holidays)
		if want.Notification != nil {
			sub.Neutral = *want.Notification
		}
		sub.Paused, sub.Until = "", ""
		next, err := sub.Rule.Next(c.now)
		if err != nil {
			return nil, err
		}
		if want.Every > 1 {
			sub.Rule.From = next.Date()
		}
		sub.NextSlot = next
		kept = *sub
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	return c.b.words.set(&kept, c.upcoming(&kept), c.obstacle(ctx)), nil
}

// alter changes something that does not move any slot.
func (c *channel) alter(ctx context.Context, change func(*briefing.Subscription)) (*briefing.Message, error) {
	sub, err := c.change(ctx, func(sub *briefing.Subscription) ([]briefing.Post, error) {
		change(sub)
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	return c.b.words.set(&sub, c.upcoming(&sub), ""), nil
}

// pause ends questions, at once or until a day.
func (c *channel) pause(ctx context.Context, cmd command.Command) (*briefing.Message, error) {
	wrong := false
	sub, err := c.change(ctx, func(sub *briefing.Subscription) ([]briefing.Post, error) {
		sub.Paused, sub.Until, sub.NextSlot = briefing.CauseAsked, "", briefing.Slot{}
		if cmd.Until.IsZero() {
			return nil, nil
		}
		zone := location(sub.Rule.Zone)
		until, ok := cmd.Until.On(briefing.DateOf(c.now.In(zone)))
		start, isDay := until.In(zone)
		if !ok || !isDay {
			wrong = true
			return nil, errWrongDate
		}
		next, err := sub.Rule.Next(start.Add(-time.Nanosecond))
		sub.Until, sub.NextSlot = until, next
		return nil, err
	})
	switch {
	case wrong:
		return c.b.words.notUnderstood(command.FaultDate, ""), nil
	case err != nil:
		return nil, err
	}
	return c.b.words.paused(&sub, c.upcoming(&sub)), nil
}

var errWrongDate = errors.New("the day is not in the future")

// resume goes on after a pause. A slot that somebody wanted skipped stays so.
func (c *channel) resume(ctx context.Context) (*briefing.Message, error) {
	posts, err := c.b.cfg.Subscriptions.Posts(ctx, c.Channel, shownPosts)
	if err != nil {
		return nil, err
	}
	after := c.now
	for _, p := range posts {
		if p.State == briefing.PostSkipped && p.Slot.At.After(after) {
			after = p.Slot.At
		}
	}
	was := briefing.Cause("")
	sub, err := c.change(ctx, func(sub *briefing.Subscription) (_ []briefing.Post, err error) {
		was = sub.Paused
		if was == "" {
			return nil, nil
		}
		sub.Paused, sub.Until = "", ""
		sub.NextSlot, err = sub.Rule.Next(after)
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	return c.b.words.resumed(&sub, c.upcoming(&sub), was != "", c.obstacle(ctx)), nil
}

// skip leaves out the next question.
func (c *channel) skip(ctx context.Context) (*briefing.Message, error) {
	var left briefing.Slot
	sub, err := c.change(ctx, func(sub *briefing.Subscription) ([]briefing.Post, error) {
		var posts []briefing.Post
		for left.At.IsZero() && !sub.NextSlot.At.IsZero() {
			post := briefing.Post{Channel: sub.Channel, Slot: sub.NextSlot, State: briefing.PostSkipped, Cause: briefing.CauseHoliday}
			if holiday.On(sub.Holidays, sub.NextSlot.Date()) == "" {
				post.Cause, left = briefing.CauseAsked, sub.NextSlot
			}
			next, err := sub.Rule.Next(sub.NextSlot.At)
			if err != nil {
				return nil, err
			}
			posts, sub.NextSlot = append(posts, post), next
		}
		return posts, nil
	})
	if err != nil && !errors.Is(err, briefing.ErrTaken) {
		return nil, err
	}
	return c.b.words.skipped(&sub, left, c.upcoming(&sub)), nil
}

// post posts a question at once: the one of that id, or the next one.
func (c *channel) post(ctx context.Context, question string) (*briefing.Message, error) {
	slot := briefing.SlotNow(c.now)
	_, err := c.change(ctx, func(sub *briefing.Subscription) ([]briefing.Post, error) {
		return []briefing.Post{{Channel: sub.Channel, Slot: slot, State: briefing.PostDue, Question: question}}, nil
	})
	switch {
	case errors.Is(err, briefing.ErrTaken):
		return c.b.words.justNow(), nil
	case err != nil:
		return nil, err
	}
	if c.b.cfg.Wake != nil {
		c.b.cfg.Wake(ctx, briefing.Tenant{Platform: c.Platform, ID: c.Tenant})
	}
	post, ok := c.await(ctx, slot)
	if !ok {
		return c.b.words.onItsWay(), nil
	}
	return c.b.words.posted(&post), nil
}

// await waits a little until it is known what became of a post.
func (c *channel) await(ctx context.Context, slot briefing.Slot) (briefing.Post, bool) {
	ctx, cancel := context.WithTimeout(ctx, awaitTime)
	defer cancel()
	for c.b.cfg.Wake != nil {
		select {
		case <-time.After(awaitEvery):
		case <-ctx.Done():
			return briefing.Post{}, false
		}
		posts, err := c.b.cfg.Subscriptions.Posts(ctx, c.Channel, shownPosts)
		if err != nil {
			return briefing.Post{}, false // it is on its way all the same
		}
		i := slices.IndexFunc(posts, func(p briefing.Post) bool { return p.Slot.Key == slot.Key })
		if i >= 0 && posts[i].State != briefing.PostDue && posts[i].State != briefing.PostSending {
			return posts[i], true
		}
	}
	return briefing.Post{}, false
}

// again posts once more the question that may not have arrived.
func (c *channel) again(ctx context.Context) (*briefing.Message, error) {
	if _, err := c.b.cfg.Subscriptions.Subscription(ctx, c.Channel); err != nil {
		return nil, err
	}
	posts, err := c.b.cfg.Subscriptions.Posts(ctx, c.Channel, shownPosts)
	if err != nil {
		return nil, err
	}
	last := lastTried(posts)
	if last == nil || !mayBeMissing(last) {
		return c.b.words.nothingAgain(), nil
	}
	return c.post(ctx, last.Question)
}

// lastTried is the newest post that was not left out, or nil.
func lastTried(posts []briefing.Post) *briefing.Post {
	for i := range posts {
		if posts[i].State != briefing.PostSkipped {
			return &posts[i]
		}
	}
	return nil
}

// mayBeMissing reports whether a post can be asked for again.
func mayBeMissing(p *briefing.Post) bool {
	return p.Question != "" && (p.State == briefing.PostUnconfirmed || p.State == briefing.PostFailed)
}

// preview is the next post as it will come.
func (c *channel) preview(ctx context.Context) (*briefing.Message, error) {
	sub, err := c.b.cfg.Subscriptions.Subscription(ctx, c.Channel)
	if err != nil {
		return nil, err
	}
	question, _ := c.b.next(&sub)
	return c.b.words.preview(&sub, c.upcoming(&sub), c.b.posts[question].full), nil
}

func (c *channel) history(ctx context.Context) (*briefing.Message, error) {
	sub, err := c.b.cfg.Subscriptions.Subscription(ctx, c.Channel)
	if err != nil {
		return nil, err
	}
	posts, err := c.b.cfg.Subscriptions.Posts(ctx, c.Channel, historyPosts)
	if err != nil {
		return nil, err
	}
	return c.b.words.history(&sub, posts, c.b.question), nil
}

func (c *channel) status(ctx context.Context) (*briefing.Message, error) {
	sub, err := c.b.cfg.Subscriptions.Subscription(ctx, c.Channel)
	if err != nil {
		return nil, err
	}
	posts, err := c.b.cfg.Subscriptions.Posts(ctx, c.Channel, shownPosts)
	if err != nil {
		return nil, err
	}
	return c.b.words.status(&sub, c.upcoming(&sub), posts), nil
}

func (c *channel) form(ctx context.Context) (*briefing.Message, error) {
	sub, err := c.b.cfg.Subscriptions.Subscription(ctx, c.Channel)
	if errors.Is(err, briefing.ErrNoSubscription) {
		sub = briefing.Subscription{
			Rule: briefing.Rule{Every: 1, Day: time.Monday, Hour: 9, Minute: 30, Zone: c.b.cfg.Zone},
			Pool: briefing.Practice, Holidays: briefing.EnglandAndWales,
		}
	} else if err != nil {
		return nil, err
	}
	return c.b.words.form(&sub, c.b.lib), nil
}

// coming is what a channel has ahead.
type coming struct {
	slots []briefing.Slot // on which it gets a question
	left  []day           // bank holidays among them, on which it does not
}

type day struct {
	date    briefing.Date
	holiday string
}

// upcoming is the next slots of a subscription, from the one that is planned.
func (c *channel) upcoming(sub *briefing.Subscription) coming {
	if sub.NextSlot.At.IsZero() {
		return coming{}
	}
	var out coming
	out.slots = sub.Rule.Following(sub.NextSlot.At.Add(-time.Nanosecond), shownDates, func(d briefing.Date) bool {
		name := holiday.On(sub.Holidays, d)
		if name != "" {
			out.left = append(out.left, day{d, name})
		}
		return name != ""
	})
	return out
}

// obstacle is why nothing can be posted in the channel, or empty where something
// can, or nobody knows.
func (c *channel) obstacle(ctx context.Context) briefing.Cause {
	sender, ok := c.b.senders[c.Platform]
	if !ok {
		return briefing.CauseRevoked
	}
	var said *briefing.DeliveryError
	if err := sender.CanPost(ctx, c.Channel); errors.As(err, &said) {
		return said.Cause
	}
	return ""
}

func (b *Bot) failed(req briefing.Request, verb command.Verb, err error) {
	b.log.Error("reply failed", zap.String("platform", string(req.Platform)), zap.Stringer("command", verb), zap.Error(err))
}

// location is a time zone, or UTC where there is none of the name any more.
func location(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
