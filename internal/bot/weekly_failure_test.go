package bot_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
	"briefingbot/internal/platformtest"
)

func TestEveryReplyIsCountedOnce(t *testing.T) {
	lib := newTeam(t, nil, nil).lib
	finder, err := content.Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	defer finder.Close()
	type counted struct {
		platform briefing.Platform
		verb     command.Verb
		failed   bool
	}
	broken := &platformtest.Memory{Fail: errors.New("database or disk is full")}
	for _, c := range []struct {
		text   string
		store  bot.Subscriptions
		verb   command.Verb
		failed bool
	}{
		{"/da-briefing 5", platformtest.NewMemory(), command.Section, false},
		{"/da-briefing something else", platformtest.NewMemory(), command.Section, false},
		{"what is this", platformtest.NewMemory(), command.Unknown, false},
		{weekly, platformtest.NewMemory(), command.Weekly, false},
		{weekly, broken, command.Weekly, true},            // could not be saved
		{"/reflection", broken, command.Reflection, true}, // could not be read
		{"/reflection", nil, command.Reflection, false},
	} {
		var got []counted
		b := bot.New(lib, finder, bot.Config{
			Replied: func(p briefing.Platform, verb command.Verb, failed bool) { got = append(got, counted{p, verb, failed}) },
			Weekly:  bot.Weekly{Subscriptions: c.store},
		}, zap.NewNop())
		b.Respond(t.Context(), briefing.Request{Platform: briefing.Teams, Text: briefing.NewPrivate(c.text), Channel: briefing.Channel{Platform: briefing.Teams, Tenant: "T", ID: "C"}})
		if want := []counted{{briefing.Teams, c.verb, c.failed}}; !slices.Equal(got, want) {
			t.Errorf("%s: counted %v, want %v", c.text, got, want)
		}
	}
}

func TestObstacleIsSaidWithWhatToDo(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.sender.Obstacle = briefing.CauseRemoved
	for _, text := range []string{weekly, "/reflection pause", "/reflection resume"} {
		if reply := x.say(text); text != "/reflection pause" && (!strings.Contains(reply, "No question can be posted here yet. The bot is not in this channel, or may not post in it. To invite it, type /invite") ||
			!strings.Contains(reply, "The questions then come as planned.") || strings.Contains(reply, "/reflection resume")) {
			t.Errorf("%s:\n%s", text, reply)
		}
	}
	x.says("/reflection resume", "something is in the way")
	x.req.Platform, x.req.Channel.Platform = briefing.Terminal, briefing.Terminal // of which there is no sender
	x.says(weekly, "No question can be posted here yet.", "Whoever runs the bot has to give it access.")
}

func TestTimeZoneThatIsNoLongerKnownIsADeadEndWithAWayOut(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	sub := x.sub()
	sub.Rule.Zone = "Europe/Atlantis"
	x.store.Put(sub)
	for _, text := range []string{"skip", "pause until 5 january"} {
		x.says("/reflection "+text, "The time zone that was chosen is no longer known.", "type /reflection set up")
	}
	sub.Paused, sub.NextSlot = briefing.CauseZone, briefing.Slot{}
	x.store.Put(sub)
	x.says("/reflection resume", "The time zone that was chosen is no longer known.", "type /reflection set up")
	x.says("/reflection", "The time zone that was chosen is no longer known.")
	if form := formOf(x.message("/reflection set up")); form.Rest != "Europe/London" {
		t.Errorf("the form has the zone %q", form.Rest)
	}
	x.says("/reflection pause", "No question comes until")
	if logged := x.logs.All(); len(logged) > 0 {
		t.Errorf("logged %v", logged)
	}
}

func TestQuestionsThatAreNoLongerThereAreSaidSo(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	x.post()
	x.store.Settle(x.req.Channel, func(p *briefing.Post) { p.Question = "0123456789" })
	x.says("/reflection history", "posted\n(a question that is no longer in the briefings)")
	sub := x.sub()
	sub.Briefing = "neglect"
	x.store.Put(sub)
	for _, text := range []string{"", " preview", " resume"} {
		x.says("/reflection"+text, "The questions that were chosen are no longer in the briefings. To choose others, type /reflection set up.")
	}
	x.says("/reflection", "from a briefing that is no longer there")
}

// slow is a store that answers when nobody waits any more.
type slow struct{ *platformtest.Memory }

func (slow) Subscription(ctx context.Context, _ briefing.Channel) (briefing.Subscription, error) {
	<-ctx.Done()
	return briefing.Subscription{}, ctx.Err()
}

func (slow) Change(ctx context.Context, _ briefing.Channel, _ func(*briefing.Subscription, bool) ([]briefing.Post, error)) error {
	<-ctx.Done()
	return ctx.Err()
}

// faulty is a store that panics with what must not be logged.
type faulty struct{ *platformtest.Memory }

func (faulty) Subscription(context.Context, briefing.Channel) (briefing.Subscription, error) {
	panic("CCHANNEL")
}

func TestStoreThatFailsIsASentenceForThePersonAndOneLineForTheOperator(t *testing.T) {
	stores := map[string]func(*bot.Weekly){
		"fails": func(w *bot.Weekly) {
			w.Subscriptions = &platformtest.Memory{Fail: errors.New("database or disk is full")}
		},
		"is slow": func(w *bot.Weekly) { w.Subscriptions = slow{platformtest.NewMemory()} },
		"panics":  func(w *bot.Weekly) { w.Subscriptions = faulty{platformtest.NewMemory()} },
	}
	const saved, sorry = "Sorry, this could not be saved.", "Sorry, something went wrong here."
	for name, store := range stores {
		x := newTeam(t, nil, store)
		for text, want := range map[string]string{"": sorry, " preview": sorry, " history": sorry, " set up": sorry,
			" weekly monday 09:30": saved, " pause": saved, " resume": saved, " skip": saved, " now": saved, " holidays include": saved, " preview neutral": saved} {
			if name == "panics" && want == saved {
				continue
			}
			synctest.Test(t, func(*testing.T) {
				start := time.Now()
				if reply := x.say("/reflection" + text); !strings.Contains(reply, want) || strings.Contains(reply, "CCHANNEL") {
					t.Errorf("%s, %q:\n%s", name, text, reply)
				}
				if took := time.Since(start); took > 2500*time.Millisecond {
					t.Errorf("%s, %q took %s", name, text, took)
				}
			})
			lines := x.logs.TakeAll()
			if len(lines) != 1 || lines[0].Level != zap.ErrorLevel {
				t.Errorf("%s, %q: logged %v", name, text, lines)
				continue
			}
			for key, value := range lines[0].ContextMap() {
				text, _ := value.(string)
				if !slices.Contains([]string{"platform", "command", "cause", "stack"}, key) || strings.Contains(text, "CCHANNEL") || strings.Contains(text, "UPERSON") {
					t.Errorf("%s: logged %s: %v", name, key, value)
				}
			}
		}
	}
}

func TestPostOfAPageThatIsOffIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	b := platformtest.NewBot(t, zap.NewNop())
	for platform, want := range map[briefing.Platform]briefing.Outcome{briefing.Web: briefing.Impossible, briefing.Slack: briefing.NotSent} {
		sub := briefing.Subscription{Channel: briefing.Channel{Platform: platform, Tenant: "local", ID: "team"}}
		_, err := b.Deliver(t.Context(), briefing.Post{Channel: sub.Channel, Question: b.Choose(&sub, "")})
		if failure := new(briefing.DeliveryError); !errors.As(err, &failure) || failure.Outcome != want {
			t.Errorf("%s: %v", platform, err)
		}
	}
}
