package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/fakes"
	"briefingbot/internal/storetest"
)

// team is the program as somebody runs it who has both platforms, with a channel in
// each.
type team struct {
	*process
	*chat
	microsoft *fakeMicrosoft
	settings  []string
	channels  []briefing.Channel
}

func newTeam(t *testing.T, database string, more ...string) *team {
	t.Helper()
	chat, microsoft := newChat(t), newFakeMicrosoft(t)
	settings := append(append(chat.settings, microsoft.settings(chat.service)...), "BRIEFINGBOT_DATABASE="+database)
	settings = append(settings, more...)
	return &team{process: serve(t, settings...), chat: chat, microsoft: microsoft, settings: settings, channels: []briefing.Channel{
		{Platform: briefing.Slack, Tenant: "T2147483705", ID: fakes.SlackChannel("T2147483705", 1)},
		{Platform: briefing.Teams, Tenant: teamsTenant, ID: fakes.TeamsConversation(teamsTenant, 1)},
	}}
}

// types types a command in a channel, and returns the reply.
func (b *team) types(ch briefing.Channel, text string) string {
	t := b.process.t
	t.Helper()
	if ch.Platform == briefing.Slack {
		name, words, _ := strings.Cut(text, " ")
		body := inChannel(name, words, ch)
		status, reply := b.do(http.MethodPost, b.public, "/slack/commands", body, signed(body))
		if status != http.StatusOK {
			t.Fatalf("%s: status %d\n%s", text, status, b.stderr())
		}
		return reply
	}
	before := len(b.teams.Replies())
	if status := b.tell(inConversation(b.service, ch, text), b.microsoft.bearer(t, b.service)); status != http.StatusOK {
		t.Fatalf("%s: status %d\n%s", text, status, b.stderr())
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if replies := b.teams.Replies(); len(replies) > before {
			return replies[before]
		}
	}
	t.Fatalf("%s: no reply came\n%s", text, b.stderr())
	return ""
}

// inConversation is a message that mentions the bot in a channel of Teams'.
func inConversation(service string, ch briefing.Channel, text string) string {
	body, err := json.Marshal(map[string]any{
		"type": "message", "id": "1700000000000", "channelId": "msteams", "serviceUrl": service + "/", "text": "<at>Briefing Bot</at> " + text,
		"from":         map[string]any{"id": "29:user-kayleigh", "name": "Kayleigh Smith"},
		"recipient":    map[string]any{"id": "28:" + teamsApp, "name": "Briefing Bot"},
		"conversation": map[string]any{"id": ch.ID + ";messageid=1699999999999", "conversationType": "channel", "tenantId": ch.Tenant},
		"channelData": map[string]any{
			"tenant": map[string]any{"id": ch.Tenant}, "team": map[string]any{"id": "19:a-team"}, "channel": map[string]any{"id": ch.ID},
		},
	})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// must types a command whose reply has to hold some words.
func (b *team) must(ch briefing.Channel, text, want string) {
	b.process.t.Helper()
	if reply := b.types(ch, text); !strings.Contains(reply, want) {
		b.process.t.Fatalf("%s: %s in %s: %.600s", ch.Platform, text, ch.ID, reply)
	}
}

// now asks for a question, and waits until it is known to be there. On a machine that
// is busy with other tests the reply may come first.
func (b *team) now(ch briefing.Channel) {
	t := b.process.t
	t.Helper()
	reply := b.types(ch, "/reflection now")
	if !strings.Contains(reply, "Posted.") && !strings.Contains(reply, "A question is on its way.") {
		t.Fatalf("%s: %.600s", ch.Platform, reply)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		switch history := b.types(ch, "/reflection history"); {
		case strings.Contains(history, "posted"):
			return
		case time.Now().After(deadline):
			t.Fatalf("%s: no question came: %.600s\n%s", ch.Platform, history, b.stderr())
		}
	}
}

// ends stops the program, which has to end well and must have said nothing of people
// or channels.
func (b *team) ends() {
	b.process.t.Helper()
	took := b.stop()
	if b.err != nil || took > shutdownTime+time.Second {
		b.process.t.Errorf("it ended with %v after %s, want status 0 within 20 s\n%s", b.err, took, b.stderr())
	}
	b.silentAbout("kayleigh", "29:user", "U2CERLKJA", "roadrunner", teamsPassword, teamsToken, "BotTokenOfTheTests", secretOfTests)
	for _, ch := range b.channels {
		b.silentAbout(ch.ID, ch.Tenant)
	}
}

func eachDatabase(t *testing.T, test func(t *testing.T, database string)) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "PostgreSQL": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, database(t))
		})
	}
}

func TestQuestionThatIsAskedForIsThereInThreeSeconds(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		b := newTeam(t, database)
		var text atomic.Value
		b.script(func(m fakes.Message) fakes.Answer { text.Store(m.Text()); return fakes.Answer{} })
		for _, ch := range b.channels {
			b.must(ch, "/reflection weekly monday 09:30", "The weekly question is set.")
			start := time.Now()
			b.now(ch)
			times := b.platform(ch).Times(ch.ID)
			if len(times) != 1 || times[0].Sub(start) > 3*time.Second {
				t.Fatalf("%s: typed at %s, taken at %s", ch.Platform, start, times)
			}
			if got := text.Load().(string); !strings.HasPrefix(got, "Question of the week: ") {
				t.Errorf("%s: posted %q", ch.Platform, got)
			}
			b.must(ch, "/reflection stop", "Stopped.")
		}
		if all := standings(t, database); len(all) != 0 {
			t.Errorf("after stop these are left: %+v", all)
		}
		b.ends()
	})
}

func TestSlotComesWithinAMinuteOfItsTimeAndNeverBefore(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the time of day")
	}
	eachDatabase(t, func(t *testing.T, database string) {
		b := newTeam(t, database)
		// Time to type it in both channels, on a slow machine.
		slot := time.Now().UTC().Add(30 * time.Second).Truncate(time.Minute).Add(time.Minute)
		for _, ch := range b.channels {
			b.must(ch, "/reflection weekly "+slot.Format("Monday 15:04")+" UTC", slot.Format("Monday 2 January 2006, 15:04"))
			b.must(ch, "/reflection holidays include", "It comes on bank holidays too.")
		}
		if time.Now().After(slot) {
			t.Fatal("the machine takes more than 30 s for four commands")
		}
		time.Sleep(time.Until(slot))
		for time.Since(slot) < time.Minute && b.total() < len(b.channels) {
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(5 * time.Second) // for what should not come
		for _, ch := range b.channels {
			times := b.platform(ch).Times(ch.ID)
			if len(times) != 1 || times[0].Before(slot) || times[0].After(slot.Add(time.Minute)) {
				t.Errorf("%s: the slot is at %s, taken at %s\n%s", ch.Platform, slot, times, b.stderr())
				continue
			}
			t.Logf("%s: %s after the slot", ch.Platform, times[0].Sub(slot))
			b.must(ch, "/reflection", slot.AddDate(0, 0, 7).Format("Monday 2 January 2006, 15:04"))
		}
		b.ends()
	})
}

func TestPostUnderWayIsFinishedBeforeItStops(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		b := newTeam(t, database)
		const slow = 5 * time.Second
		b.script(func(fakes.Message) fakes.Answer { return fakes.Answer{Linger: slow} })
		for _, ch := range b.channels {
			b.must(ch, "/reflection weekly monday 09:30", "The weekly question is set.")
			b.must(ch, "/reflection now", "A question is on its way.")
		}
		for deadline := time.Now().Add(5 * time.Second); b.total() < len(b.channels); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d posts came\n%s", b.total(), b.stderr())
			}
		}
		if b.slack.UnderWay()+b.chat.teams.UnderWay() == 0 {
			t.Fatal("nothing is under way any more")
		}
		b.ends()
		for _, s := range standings(t, database) {
			if s.state != briefing.PostSent || b.platform(s.Channel).Taken(s.ID) != 1 {
				t.Errorf("%s: the post is %s, and came %d times", s.Platform, s.state, b.platform(s.Channel).Taken(s.ID))
			}
		}
		// Whoever runs next finds nothing to do.
		b.process = serve(t, b.settings...)
		time.Sleep(2 * time.Second)
		if b.total() != len(b.channels) {
			t.Errorf("%d posts came, want %d", b.total(), len(b.channels))
		}
		b.ends()
	})
}
