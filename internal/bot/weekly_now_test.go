package bot_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
)

// post has a question posted at once.
func (x *team) post() *briefing.Message {
	x.t.Helper()
	x.say("/reflection now")
	if err := x.store.Deliver(context.Background(), x.bot, x.req.Channel); err != nil {
		x.t.Fatal(err)
	}
	x.now = x.now.Add(time.Minute)
	return x.sender.Messages[len(x.sender.Messages)-1]
}

func TestNowPostsOnceAMinute(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	x.says("/reflection now", "A question is on its way.")
	x.now = x.now.Add(20 * time.Second)
	x.says("/reflection now", "Somebody asked for a question just now.", "wait a minute")
	if n := len(x.posts()); n != 1 {
		t.Errorf("%d posts", n)
	}
	x.now = x.now.Add(time.Minute)
	x.says("/reflection now", "A question is on its way.")
}

func TestNowSaysWhatBecameOfIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		become func(*briefing.Post)
		want   string
	}{
		{"posted", func(p *briefing.Post) { p.State = briefing.PostSent }, "Posted.\n\nButtons: Status"},
		{"unconfirmed", func(p *briefing.Post) { p.State, p.Cause = briefing.PostUnconfirmed, briefing.CauseNoAnswer }, "The question may not have arrived."},
		{"failed", func(p *briefing.Post) { p.State, p.Cause = briefing.PostFailed, briefing.CauseRemoved }, "The bot is not in this channel"},
		{"nothing yet", func(p *briefing.Post) { p.State = briefing.PostSending }, "A question is on its way."},
	} {
		var x *team
		x = newTeam(t, nil, func(w *bot.Weekly) {
			w.Wake = func(_ context.Context, tenant briefing.Tenant) {
				if (tenant != briefing.Tenant{Platform: briefing.Slack, ID: "TTENANT"}) {
					t.Errorf("woke %v", tenant)
				}
				x.store.Settle(x.req.Channel, c.become)
			}
		})
		synctest.Test(t, func(*testing.T) {
			x.say(weekly)
			if reply := x.say("/reflection now"); !strings.Contains(reply, c.want) {
				t.Errorf("%s:\n%s", c.name, reply)
			}
		})
	}
}

func TestNothingComesWhilePaused(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	x.say("/reflection pause")
	x.says("/reflection now", "Nothing was posted: the weekly question is paused.", "Buttons: Resume")
	if got, sub := len(x.posts()), x.sub(); got != 0 || sub.Paused != briefing.CauseAsked {
		t.Errorf("%d posts, %+v", got, sub)
	}
}

func TestAgainPostsWhatMayBeMissingAndNothingElse(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.says("/reflection again", "This channel has no weekly question.")
	x.say(weekly)
	x.says("/reflection again", "There is nothing to post again.", "No question was posted here so far.", "type /reflection now")
	first := x.post()
	x.says("/reflection again", "The last question arrived.")
	if strings.Contains(x.say("/reflection"), "again") {
		t.Error("again is offered")
	}
	for _, state := range []briefing.PostState{briefing.PostUnconfirmed, briefing.PostFailed} {
		x.store.Settle(x.req.Channel, func(p *briefing.Post) { p.State, p.Cause = state, briefing.CauseRejected })
		x.says("/reflection", "Buttons: Post it again")
		x.says("/reflection again", "A question is on its way.")
		x.says("/reflection again", "A question is on its way.")
		if err := x.store.Deliver(context.Background(), x.bot, x.req.Channel); err != nil {
			t.Fatal(err)
		}
		if last := x.sender.Messages[len(x.sender.Messages)-1]; last != first {
			t.Errorf("%s: another question was posted:\n%s", state, last.Plain())
		}
		x.now = x.now.Add(time.Minute)
	}
	x.says("/reflection again", "There is nothing to post again.")
	if n := len(x.sender.Messages); n != 3 {
		t.Errorf("%d posts", n)
	}
	x.store.Settle(x.req.Channel, func(p *briefing.Post) {
		p.State, p.Cause, p.Question = briefing.PostFailed, briefing.CauseNoQuestions, ""
	})
	x.says("/reflection again", "There is nothing to post again.", "no longer in the briefings", "/reflection set up")
}
