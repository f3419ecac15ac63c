package schedule_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
	"briefingbot/internal/fakes"
	"briefingbot/internal/schedule"
	"briefingbot/internal/slack"
	"briefingbot/internal/storetest"
)

// throughSlack is a bot whose posts go through the real adapter.
type throughSlack struct {
	player
	adapter *slack.Adapter
}

func (b *throughSlack) Deliver(ctx context.Context, p briefing.Post) (string, error) {
	if _, err := b.player.Deliver(ctx, p); err != nil {
		return "", err
	}
	return b.adapter.Send(ctx, p.Channel, &briefing.Message{Blocks: []briefing.Block{briefing.Paragraph{Text: briefing.Text{{Text: "What will you do differently?"}}}}})
}

func slackAt(t *testing.T, url string) *throughSlack {
	t.Helper()
	a, err := slack.New(slack.Config{SigningSecret: briefing.NewPrivate("secret"), BotToken: briefing.NewPrivate("xoxb-1"), APIURL: url + "/"}, nil, nil, zap.NewNop(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close(context.Background()) })
	return &throughSlack{adapter: a}
}

func TestPostsThroughSlack(t *testing.T) {
	t.Parallel()
	refuse := func(code string) fakes.Answer { return fakes.Refuse(http.StatusOK, code) }
	for _, c := range []struct {
		name    string
		answers []fakes.Answer // the last stands for the rest
		slow    bool
		state   briefing.PostState
		cause   briefing.Cause
		paused  briefing.Cause
		tries   int
		taken   int
	}{
		{name: "taken", answers: []fakes.Answer{{}}, state: briefing.PostSent, tries: 1, taken: 1},
		{name: "429", answers: []fakes.Answer{fakes.Throttle(2 * time.Second), {}}, state: briefing.PostSent, tries: 2, taken: 1},
		{name: "429 without a time", answers: []fakes.Answer{fakes.Refuse(http.StatusTooManyRequests, ""), {}}, state: briefing.PostSent, tries: 2, taken: 1},
		{name: "500 after taking it", answers: []fakes.Answer{fakes.Break(http.StatusInternalServerError)},
			state: briefing.PostUnconfirmed, cause: briefing.CauseNoAnswer, tries: 1, taken: 1},
		{name: "no answer", answers: []fakes.Answer{{Linger: 12 * time.Second}}, slow: true,
			state: briefing.PostUnconfirmed, cause: briefing.CauseNoAnswer, tries: 1, taken: 1},
		{name: "the connection ends", answers: []fakes.Answer{fakes.DropAfter()},
			state: briefing.PostUnconfirmed, cause: briefing.CauseNoAnswer, tries: 1, taken: 1},
		{name: "channel_not_found", answers: []fakes.Answer{refuse("channel_not_found")},
			state: briefing.PostFailed, cause: briefing.CauseRemoved, paused: briefing.CauseRemoved, tries: 1},
		{name: "not_in_channel", answers: []fakes.Answer{refuse("not_in_channel")},
			state: briefing.PostFailed, cause: briefing.CauseRemoved, paused: briefing.CauseRemoved, tries: 1},
		{name: "is_archived", answers: []fakes.Answer{refuse("is_archived")},
			state: briefing.PostFailed, cause: briefing.CauseGone, paused: briefing.CauseGone, tries: 1},
		{name: "token_revoked", answers: []fakes.Answer{refuse("token_revoked")},
			state: briefing.PostFailed, cause: briefing.CauseRevoked, paused: briefing.CauseRevoked, tries: 1},
		{name: "invalid_blocks", answers: []fakes.Answer{refuse("invalid_blocks")},
			state: briefing.PostFailed, cause: briefing.CauseRejected, tries: 1},
		{name: "internal_error", answers: []fakes.Answer{refuse("internal_error")},
			state: briefing.PostUnconfirmed, cause: briefing.CauseNoAnswer, tries: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.slow && testing.Short() {
				t.Skip("takes 10 s")
			}
			platform := fakes.NewSlack()
			platform.Script(func(m fakes.Message) fakes.Answer { return c.answers[min(m.Try, len(c.answers))-1] })
			server := httptest.NewServer(platform)
			t.Cleanup(server.Close)
			bot := slackAt(t, server.URL)
			s := open(t, storetest.SQLite(t))
			f := setUpOn(t, s, s, schedule.Config{}, bot)
			f.bot = &bot.player
			startAlone(t, f)
			ch := channelOf("T1", fakes.SlackChannel("T1", 1))
			subscribe(t, s, ch, mondays, slotAt(time.Now()))
			f.step(t)
			f.step(t)
			f.step(t)
			want(t, s, ch, c.state, c.cause)
			if sub := subscription(t, s, ch); sub.Paused != c.paused {
				t.Errorf("paused %q", sub.Paused)
			}
			if tries := len(bot.attempts("")); tries != c.tries || platform.Taken(ch.ID) != c.taken {
				t.Errorf("%d tries, %d taken", tries, platform.Taken(ch.ID))
			}
		})
	}
}

func TestRefusedConnectionsToSlackAreTriedAgain(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	bot := slackAt(t, "http://"+address)
	s := open(t, storetest.SQLite(t))
	f := setUpOn(t, s, s, schedule.Config{}, bot)
	start(t, f)
	for i := range 5 {
		subscribe(t, s, channelOf("T1", fakes.SlackChannel("T1", i)), mondays, slotAt(time.Now()))
	}
	if err := f.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Wake(t.Context(), briefing.Tenant{Platform: briefing.Slack, ID: "T1"})
	eventually(t, "each is tried, and one twice", func() bool { return len(bot.attempts("")) > 5 })

	if l, err = net.Listen("tcp", address); err != nil {
		t.Skip("somebody else has the port by now")
	}
	platform := fakes.NewSlack()
	server := httptest.NewUnstartedServer(platform)
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	eventually(t, "all are sent", func() bool {
		for i := range 5 {
			if post(t, s, channelOf("T1", fakes.SlackChannel("T1", i))).State != briefing.PostSent {
				return false
			}
		}
		return true
	})
	for channel, n := range platform.Channels() {
		if n != 1 {
			t.Errorf("%s got %d", channel, n)
		}
	}
}
