package bot_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
	"briefingbot/internal/platformtest"
	"briefingbot/prompts"
)

// team is a channel, with a bot in it and the clock on the wall.
type team struct {
	t      testing.TB
	bot    *bot.Bot
	lib    briefing.Library
	table  *command.Table
	store  *platformtest.Memory
	sender *platformtest.Sent
	logs   *observer.ObservedLogs
	now    time.Time
	req    briefing.Request
}

// wednesday is before a Monday, after which come two that are bank holidays.
var wednesday = time.Date(2026, 12, 16, 12, 0, 0, 0, time.UTC)

// newTeam has the built-in briefing, and others that are given as files. with, if it
// is not nil, sets more of the weekly question.
func newTeam(t testing.TB, files fstest.MapFS, with func(*bot.Weekly)) *team {
	t.Helper()
	data, err := prompts.FS.ReadFile("domestic-abuse.md")
	if err != nil {
		t.Fatal(err)
	}
	all := fstest.MapFS{"domestic-abuse.md": {Data: data}}
	maps.Copy(all, files)
	lib, err := content.Load(all)
	if err != nil {
		t.Fatal(err)
	}
	return teamOf(t, lib, with)
}

func teamOf(t testing.TB, lib briefing.Library, with func(*bot.Weekly)) *team {
	t.Helper()
	finder, err := content.Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := finder.Close(); err != nil {
			t.Error(err)
		}
	})
	core, logs := observer.New(zap.InfoLevel)
	x := &team{
		t: t, lib: lib, table: command.New(lib), store: platformtest.NewMemory(), sender: &platformtest.Sent{}, logs: logs, now: wednesday,
		req: briefing.Request{Platform: briefing.Slack, Channel: briefing.Channel{Platform: briefing.Slack, Tenant: "TTENANT", ID: "CCHANNEL"},
			Person: []briefing.Private{briefing.NewPrivate("UPERSON")}},
	}
	weekly := bot.Weekly{Subscriptions: x.store, Now: func() time.Time { return x.now }}
	if with != nil {
		with(&weekly)
	}
	x.bot = bot.New(lib, finder, bot.Config{Weekly: weekly}, zap.New(core))
	x.bot.Connect(briefing.Slack, x.sender)
	x.bot.Connect(briefing.Teams, x.sender)
	return x
}

// say is the reply to a command, without the footer.
func (x *team) say(text string) string {
	return strings.Replace(x.message(text).Plain(), bot.DefaultFooter+"\n\n", "", 1)
}

func (x *team) message(text string) *briefing.Message {
	req := x.req
	req.Text = briefing.NewPrivate(text)
	return x.bot.Respond(context.Background(), req)
}

func (x *team) sub() briefing.Subscription {
	x.t.Helper()
	sub, err := x.store.Subscription(context.Background(), x.req.Channel)
	if err != nil {
		x.t.Fatal(err)
	}
	return sub
}

func (x *team) posts() []briefing.Post {
	x.t.Helper()
	posts, err := x.store.Posts(context.Background(), x.req.Channel, 100)
	if err != nil {
		x.t.Fatal(err)
	}
	return posts
}

// says reports what of the words is missing from the reply to a command.
func (x *team) says(text string, words ...string) {
	x.t.Helper()
	reply := x.say(text)
	for _, w := range words {
		if !strings.Contains(reply, w) {
			x.t.Errorf("%s: %q is not in\n%s", text, w, reply)
		}
	}
}

// dates are the lines of a list in a reply.
func dates(reply string) []string {
	_, after, _ := strings.Cut(reply, "Next:\n\n")
	list, _, _ := strings.Cut(after, "\n\n")
	return strings.Split(list, "\n")
}

var nextMondays = []string{"• Monday 21 December 2026, 09:30", "• Monday 4 January 2027, 09:30", "• Monday 11 January 2027, 09:30"}

const weekly = "/reflection weekly monday 09:30"

func TestSettingSaysWhatWillHappenWithTheNextThreeDates(t *testing.T) {
	x := newTeam(t, nil, nil)
	reply := x.say(weekly)
	for _, want := range []string{"The weekly question is set.", "Every Monday at 09:30, this channel gets a practice question from “7-Minute Briefing",
		"Bank holidays in England and Wales are left out.", "No question on Monday 28 December 2026: Boxing Day (substitute day)."} {
		if !strings.Contains(reply, want) {
			t.Errorf("%q is not in\n%s", want, reply)
		}
	}
	if diff := cmp.Diff(nextMondays, dates(reply)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(nextMondays, dates(x.say("/reflection"))); diff != "" {
		t.Error(diff)
	}
	want := briefing.Subscription{
		Channel: x.req.Channel, Rule: briefing.Rule{Every: 1, Day: time.Monday, Hour: 9, Minute: 30, Zone: "Europe/London"},
		Pool: briefing.Practice, Holidays: briefing.EnglandAndWales,
		NextSlot: briefing.Slot{Key: "2026-12-21T09:30", At: time.Date(2026, 12, 21, 9, 30, 0, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, x.sub()); diff != "" {
		t.Error(diff)
	}
}

func TestPrivateChatExplainsThatAWeeklyQuestionBelongsInAChannel(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.req.Channel.ID = ""
	for _, text := range []string{"/reflection", weekly, "/reflection stop", "/reflection zzzz", "/reflection set up"} {
		x.says(text, "A weekly question belongs in a channel.", "Type /reflection in your team's channel", "Nothing was set here.")
	}
	x.req.Platform = briefing.Teams
	x.says(weekly, "write @ with the bot's name and then /reflection")
	none := newTeam(t, nil, func(w *bot.Weekly) { w.Subscriptions = nil })
	none.says(weekly, "A weekly question belongs in a channel.")
}

func TestAdviceToTypeSaysToMentionTheBotWhereItHearsNothingElse(t *testing.T) {
	const mention = "write @ with the bot's name first"
	x := newTeam(t, nil, nil)
	ask := func(p briefing.Platform, public bool, text string) *briefing.Message {
		return x.bot.Respond(context.Background(), briefing.Request{
			Platform: p, Public: public, Text: briefing.NewPrivate(text), Channel: briefing.Channel{Platform: p, Tenant: "T", ID: "C", Route: "{}"},
		})
	}
	for _, text := range []string{"/reflection", "/reflection pause until 31 april"} {
		m := ask(briefing.Teams, true, text)
		at := slices.IndexFunc(m.Blocks, func(b briefing.Block) bool { _, is := b.(briefing.Footer); return is })
		if at < 1 || !strings.Contains((&briefing.Message{Blocks: m.Blocks[at-1 : at]}).Plain(), mention) {
			t.Errorf("%s: not above the footer of\n%s", text, m.Plain())
		}
		for _, other := range []*briefing.Message{ask(briefing.Teams, false, text), ask(briefing.Slack, false, text)} {
			if strings.Contains(other.Plain(), mention) {
				t.Errorf("%s: where a slash will do:\n%s", text, other.Plain())
			}
		}
	}
	if m := ask(briefing.Teams, true, "/reflection weekly monday 09:30"); strings.Contains(m.Plain(), mention) {
		t.Errorf("where nothing is to be typed:\n%s", m.Plain())
	}
}

func TestHelpSaysHowABriefingIsNamed(t *testing.T) {
	x := newTeam(t, nil, nil)
	for _, text := range []string{"/reflection help", "/reflection weekly monday 09:30 kayleigh"} {
		x.says(text, "Name a briefing by what stands before -briefing in its command, or by its whole title.")
	}
	x.says("/reflection weekly monday 09:30 da", "The weekly question is set.")
}

func TestOnlySchedulersChangeAndEveryoneMayLook(t *testing.T) {
	x := newTeam(t, nil, func(w *bot.Weekly) { w.Schedulers = []string{"", "UBOSS", " 29:abc-DEF"} })
	x.says("/reflection", "This channel has no weekly question.", "Only some people may set one up.", "Buttons: Help")
	x.says(weekly, "Only some people may change the weekly question.", "ask your manager", "Buttons: Status | Help")
	if _, err := x.store.Subscription(context.Background(), x.req.Channel); !errors.Is(err, briefing.ErrNoSubscription) {
		t.Errorf("something was kept: %v", err)
	}
	somebody := x.req.Person
	for _, id := range []string{"uboss", "29:ABC-def"} {
		x.req.Person = []briefing.Private{briefing.NewPrivate("other"), briefing.NewPrivate(id)}
		x.says(weekly, "The weekly question is set.", "Buttons: Preview | Change | Status")
		if strings.Contains(strings.ToLower(cmp.Diff(nil, x.sub())), id) {
			t.Errorf("%s was kept", id)
		}
	}
	for _, people := range [][]briefing.Private{somebody, nil, {briefing.NewPrivate("")}} {
		x.req.Person = people
		before := x.sub()
		for _, text := range []string{weekly, "/reflection weekly", "/reflection set up", "/reflection pause", "/reflection resume", "/reflection skip", "/reflection now",
			"/reflection again", "/reflection holidays include", "/reflection preview neutral", "/reflection stop"} {
			x.says(text, "Only some people may change")
		}
		if diff := cmp.Diff(before, x.sub()); diff != "" {
			t.Error(diff)
		}
		x.says("/reflection", "This channel's weekly question", "Buttons: Preview | History | Help")
		x.says("/reflection preview", "This question comes on Monday")
		x.says("/reflection history", "Nothing has been posted")
	}
}

func TestReplacingAScheduleKeepsWhatIsNotNamed(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly + " holidays scotland preview neutral")
	x.post()
	was := x.sub()
	x.say("/reflection weekly friday 14:00 Europe/Paris casework")
	is := x.sub()
	if is.Holidays != briefing.Scotland || !is.Neutral || !cmp.Equal(is.Rotation, was.Rotation) || len(is.Rotation.Asked) != 1 {
		t.Errorf("got %+v", is)
	}
	if want := (briefing.Rule{Every: 1, Day: time.Friday, Hour: 14, Zone: "Europe/Paris"}); is.Rule != want || is.Pool != briefing.Casework {
		t.Errorf("got %+v", is)
	}
	x.say(weekly + " holidays include preview full")
	if is := x.sub(); is.Holidays != briefing.NoRegion || is.Neutral || is.Pool != briefing.Practice || is.Rule.Zone != "Europe/London" {
		t.Errorf("got %+v", is)
	}
}

func TestFortnightStaysInItsWeeks(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say("/reflection fortnightly monday 09:30 holidays include")
	x.now = x.now.AddDate(0, 0, 7) // in the week after the first
	want := []string{"• Monday 4 January 2027, 09:30", "• Monday 18 January 2027, 09:30", "• Monday 1 February 2027, 09:30"}
	reply := x.say("/reflection fortnightly monday 09:30 casework")
	if diff := cmp.Diff(want, dates(reply)); diff != "" || !strings.Contains(reply, "The weeks are the same as before") {
		t.Errorf("%s\n%s", diff, reply)
	}
	// Which is the way to the other weeks.
	weekly, other := x.say(weekly), x.say("/reflection fortnightly monday 09:30")
	if got := dates(weekly)[0]; got != "• Monday 28 December 2026, 09:30" {
		t.Errorf("weekly from %s", got)
	}
	if got := dates(other)[:2]; got[0] != "• Monday 28 December 2026, 09:30" || got[1] != "• Monday 11 January 2027, 09:30" {
		t.Errorf("fortnightly on %s", got)
	}
	x.say("/reflection fortnightly thursday 09:30")
	if sub := x.sub(); sub.Rule.From != "2026-12-24" {
		t.Errorf("another day begins on %s", sub.Rule.From)
	}
}
