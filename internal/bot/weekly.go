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

	shownDates = 3
	shownPosts = 3 // in the status
	// recentPosts is how many are read. There may be several ahead that somebody has
	// asked to leave out.
	recentPosts = 20
)

// isWeekly reports whether a command is about a channel's weekly question.
func isWeekly(cmd command.Command) bool { return cmd.Verb >= command.Reflection }

// changes reports whether a command changes anything.
func changes(v command.Verb) bool {
	switch v {
	case command.Reflection, command.Preview, command.History:
		return false
	}
	return v > command.Reflection
}

// weekly answers a command about the channel's weekly question. Where a bot hears
// only what mentions it, advice to type something says so.
func (r *repertoire) weekly(ctx context.Context, req briefing.Request, cmd command.Command) (*briefing.Message, error) {
	m, err := r.aboutChannel(ctx, req, cmd)
	if err == nil && req.Platform == briefing.Teams && req.Public && strings.Contains(m.Plain(), "type "+command.ReflectionCommand) {
		m = withMention(m)
	}
	return m, err
}

// withMention adds, above the footer, how to type a command in a channel of Teams.
func withMention(m *briefing.Message) *briefing.Message {
	out := &briefing.Message{Notice: m.Notice, Blocks: slices.Clone(m.Blocks)}
	at := slices.IndexFunc(out.Blocks, func(b briefing.Block) bool { _, is := b.(briefing.Footer); return is })
	if at < 0 {
		at = len(out.Blocks)
	}
	out.Blocks = slices.Insert(out.Blocks, at, briefing.Block(briefing.Note{Text: "To type a command here in the channel, write @ with the bot's name first."}))
	return out
}

func (r *repertoire) aboutChannel(ctx context.Context, req briefing.Request, cmd command.Command) (*briefing.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	may := r.mayChange(req.Person)
	switch {
	case r.cfg.Subscriptions == nil || req.Channel.ID == "":
		return r.words.notHere(req.Platform), nil
	case changes(cmd.Verb) && !may:
		return r.words.mayNot(), nil
	case cmd.Fault != command.NoFault:
		return r.forWhom(may, r.words.notUnderstood(cmd, r.table.SuggestReflection(cmd.Words))), nil
	}
	c := channel{r: r, Channel: req.Channel, now: r.cfg.Now()}
	reply, err := c.answer(ctx, cmd)
	switch {
	case errors.Is(err, briefing.ErrNoSubscription):
		return r.words.noneYet(len(r.cfg.Schedulers) > 0, may), nil
	case errors.Is(err, errZone):
		return r.words.zoneGone(), nil
	case err != nil && changes(cmd.Verb) && cmd.Verb != command.SetUp: // which only reads
		return r.words.notSaved(), err
	case err != nil:
		return nil, err
	}
	return r.forWhom(may, reply), nil
}

// mayChange reports whether somebody may change the weekly question.
func (r *repertoire) mayChange(person []briefing.Private) bool {
	return len(r.cfg.Schedulers) == 0 || slices.ContainsFunc(person, func(id briefing.Private) bool {
		return !id.Empty() && slices.ContainsFunc(r.cfg.Schedulers, func(listed string) bool {
			return strings.EqualFold(strings.TrimSpace(listed), id.Reveal())
		})
	})
}

// forWhom is a reply for somebody who may change the weekly question or may not,
// and then has no buttons that would only be refused.
func (r *repertoire) forWhom(may bool, m *briefing.Message) *briefing.Message {
	if may {
		return m
	}
	out := &briefing.Message{Notice: m.Notice}
	for _, block := range m.Blocks {
		if row, ok := block.(briefing.Buttons); ok {
			row.Buttons = slices.DeleteFunc(slices.Clone(row.Buttons), func(button briefing.Button) bool {
				return changes(r.table.Parse(briefing.NewPrivate(button.Command)).Verb)
			})
			if len(row.Buttons) == 0 {
				continue
			}
			block = row
		}
		out.Blocks = append(out.Blocks, block)
	}
	return out
}

func (r *repertoire) failed(req briefing.Request, verb command.Verb, err error) {
	r.count(req, verb, true)
	r.log.Error("reply failed", zap.String("platform", string(req.Platform)), zap.Stringer("command", verb), zap.String("cause", err.Error()))
}

// channel is a channel that somebody asks about.
type channel struct {
	r *repertoire
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
		return c.stop(ctx)
	case command.Holidays:
		return c.alter(ctx, func(sub *briefing.Subscription) { sub.Holidays = cmd.Region })
	case command.Notification:
		return c.alter(ctx, func(sub *briefing.Subscription) { sub.Neutral = cmd.Neutral })
	}
	return c.status(ctx)
}

// subscription is the channel's, as it is now.
func (c *channel) subscription(ctx context.Context) (briefing.Subscription, error) {
	sub, err := c.r.cfg.Subscriptions.Subscription(ctx, c.Channel)
	c.settle(&sub)
	return sub, err
}

// settle ends a pause whose day has come. What is kept says so from the first
// question after it.
func (c *channel) settle(sub *briefing.Subscription) {
	if day, ok := sub.Until.In(location(sub.Rule.Zone)); ok && !day.After(c.now) {
		sub.Paused, sub.Until = "", ""
	}
}

func (c *channel) recent(ctx context.Context) ([]briefing.Post, error) {
	return c.r.cfg.Subscriptions.Posts(ctx, c.Channel, recentPosts)
}

// both is the channel's subscription and its recent posts.
func (c *channel) both(ctx context.Context) (briefing.Subscription, []briefing.Post, error) {
	sub, err := c.subscription(ctx)
	if err != nil {
		return sub, nil, err
	}
	posts, err := c.recent(ctx)
	return sub, posts, err
}

func (c *channel) status(ctx context.Context) (*briefing.Message, error) {
	sub, posts, err := c.both(ctx)
	if err != nil {
		return nil, err
	}
	past := slices.DeleteFunc(slices.Clone(posts), func(p briefing.Post) bool { return p.Slot.At.After(c.now) })
	obstacle := briefing.Cause("")
	if sub.Paused == "" {
		obstacle = c.obstacle(ctx)
	}
	return c.r.words.status(&sub, c.upcoming(&sub, posts), past, obstacle, c.r.lacksQuestions(&sub)), nil
}

func (c *channel) history(ctx context.Context) (*briefing.Message, error) {
	sub, posts, err := c.both(ctx)
	if err != nil {
		return nil, err
	}
	return c.r.words.history(&sub, posts), nil
}

// preview is the next post as it will come.
func (c *channel) preview(ctx context.Context) (*briefing.Message, error) {
	sub, posts, err := c.both(ctx)
	if err != nil {
		return nil, err
	}
	question, _ := c.r.next(&sub)
	return c.r.words.preview(&sub, c.upcoming(&sub, posts), c.r.posts[question].full), nil
}

func (c *channel) form(ctx context.Context) (*briefing.Message, error) {
	sub, err := c.subscription(ctx)
	if errors.Is(err, briefing.ErrNoSubscription) {
		pool, _ := c.r.usualPool("")
		sub, err = briefing.Subscription{
			Rule: briefing.Rule{Every: 1, Day: time.Monday, Hour: 9, Minute: 30},
			Pool: cmp.Or(pool, briefing.Practice), Holidays: briefing.EnglandAndWales,
		}, nil
	}
	if err != nil {
		return nil, err
	}
	if _, err := sub.Rule.Next(c.now); err != nil { // no zone, or one that is no longer known
		sub.Rule.Zone = c.r.cfg.Zone
	}
	return c.r.words.form(&sub), nil
}

// coming is what a channel has ahead.
type coming struct {
	slots []briefing.Slot // on which it gets a question
	left  []day           // between them and now, on which it does not
}

type day struct{ date, why string }

// upcoming is the next slots of a subscription, from the one that is planned.
func (c *channel) upcoming(sub *briefing.Subscription, posts []briefing.Post) coming {
	if sub.NextSlot.At.IsZero() {
		return coming{}
	}
	var out coming
	for _, p := range slices.Backward(posts) { // the newest are first
		if sub.Paused == "" && p.Slot.At.Before(sub.NextSlot.At) && c.isLeft(sub.Rule, &p) {
			out.left = append(out.left, day{longDate(p.Slot.Date()), whyLeft(sub, &p)})
		}
	}
	out.slots = sub.Rule.Following(sub.NextSlot.At.Add(-time.Nanosecond), shownDates, func(d briefing.Date) bool {
		name := holiday.On(sub.Holidays, d)
		if name != "" {
			out.left = append(out.left, day{longDate(d), name})
		}
		return name != ""
	})
	return out
}

// isLeft reports whether a post is a slot ahead of a rule that is left out.
func (c *channel) isLeft(r briefing.Rule, p *briefing.Post) bool {
	if p.State != briefing.PostSkipped || !p.Slot.At.After(c.now) {
		return false
	}
	slot, err := r.Next(p.Slot.At.Add(-time.Nanosecond))
	return err == nil && slot.Key == p.Slot.Key
}

// obstacle is why nothing can be posted in the channel, or empty where something
// can, or nobody knows.
func (c *channel) obstacle(ctx context.Context) briefing.Cause {
	sender, ok := c.r.senders[c.Platform]
	if !ok {
		return briefing.CauseRevoked
	}
	var said *briefing.DeliveryError
	if err := sender.CanPost(ctx, c.Channel); errors.As(err, &said) {
		return said.Cause
	}
	return ""
}

// lacksQuestions reports whether what a subscription chose is no longer there.
func (r *repertoire) lacksQuestions(sub *briefing.Subscription) bool {
	return len(r.candidates(sub.Briefing, sub.Pool)) == 0
}

// location is a time zone, or UTC where there is none of the name any more.
func location(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
