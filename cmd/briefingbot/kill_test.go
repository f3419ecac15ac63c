package main

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/fakes"
	"briefingbot/internal/store"
)

// chat is Slack and Teams, both fakes.
type chat struct {
	slack, teams *fakes.Platform
	service      string   // Teams' address
	settings     []string // that lead serve there
}

func newChat(t *testing.T) *chat {
	t.Helper()
	c := &chat{slack: fakes.NewSlack(), teams: fakes.NewTeams()}
	slack, teams := httptest.NewServer(c.slack), httptest.NewServer(c.teams)
	t.Cleanup(slack.Close)
	t.Cleanup(teams.Close)
	c.service = teams.URL
	c.settings = []string{
		"SLACK_API_URL=" + slack.URL + "/", "SLACK_BOT_TOKEN=BotTokenOfTheTests",
		"TEAMS_APP_ID=" + teamsApp, "TEAMS_APP_PASSWORD=" + teamsPassword, "TEAMS_LOGIN_URL=" + teams.URL,
		"TEAMS_SERVICE_HOSTS=" + strings.TrimPrefix(teams.URL, "http://"),
	}
	return c
}

// script has messages on both platforms answered as answer says.
func (c *chat) script(answer func(fakes.Message) fakes.Answer) {
	c.slack.Script(answer)
	c.teams.Script(answer)
}

// channel is a tenant's nth channel. Even tenants are Slack's, odd ones Teams'.
func (c *chat) channel(tenant, n int) briefing.Channel {
	name := fmt.Sprintf("T%d", tenant)
	if tenant%2 == 0 {
		return briefing.Channel{Platform: briefing.Slack, Tenant: name, ID: fakes.SlackChannel(name, n)}
	}
	id := fakes.TeamsConversation(name, n)
	return briefing.Channel{Platform: briefing.Teams, Tenant: name, ID: id, Route: c.route(id)}
}

// route is how to post in a conversation of Teams'.
func (c *chat) route(conversation string) string {
	return fmt.Sprintf(`{"service":%q,"conversation":%q,"bot":%q}`, c.service, conversation, "28:"+teamsApp)
}

func (c *chat) platform(ch briefing.Channel) *fakes.Platform {
	if ch.Platform == briefing.Slack {
		return c.slack
	}
	return c.teams
}

func (c *chat) total() int { return c.slack.Total() + c.teams.Total() }

// weeklyAt is a subscription's rule and next slot at an instant, in UTC. The slot
// may be in the midst of a minute, which no rule of a channel's makes.
func weeklyAt(sub *briefing.Subscription, at time.Time) {
	at = at.UTC()
	sub.Rule = briefing.Rule{Every: 1, Day: at.Weekday(), Hour: at.Hour(), Minute: at.Minute(), Zone: "UTC"}
	sub.Pool, sub.Holidays = briefing.Practice, briefing.NoRegion
	sub.NextSlot = briefing.Slot{Key: at.Format("2006-01-02T15:04"), At: at}
}

// seed makes a database in which each channel has one slot: as a post that is due at
// that time where posts is set, or else as the next slot of its subscription.
func seed(t *testing.T, database string, posts bool, at map[briefing.Channel]time.Time) {
	t.Helper()
	s, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	for ch, when := range at {
		if err := s.Change(t.Context(), ch, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
			weeklyAt(sub, when)
			if !posts {
				return nil, nil
			}
			post := briefing.Post{Channel: ch, Slot: sub.NextSlot, State: briefing.PostDue}
			post.Channel.Route = ""
			weeklyAt(sub, when.AddDate(0, 0, 7))
			return []briefing.Post{post}, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// query opens a database for a test to look into.
func query(t *testing.T, database string) *sql.DB {
	t.Helper()
	driver := "sqlite"
	if store.IsPostgres(database) {
		driver = "pgx"
	} else {
		database += "?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, database)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// standing is a post as the database has it.
type standing struct {
	briefing.Channel
	state     briefing.PostState
	cause     briefing.Cause
	claimedAt time.Time
	sentAt    time.Time
}

// standings are all posts.
func standings(t *testing.T, database string) []standing {
	t.Helper()
	db := query(t, database)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT platform, tenant, channel, state, cause, claimed_at, sent_at FROM post")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []standing
	for rows.Next() {
		var (
			s             standing
			claimed, sent int64
		)
		if err := rows.Scan(&s.Platform, &s.Tenant, &s.ID, &s.state, &s.cause, &claimed, &sent); err != nil {
			t.Fatal(err)
		}
		s.claimedAt, s.sentAt = time.UnixMilli(claimed), time.UnixMilli(sent)
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// settled waits until that many posts are there and none is due or on its way.
func settled(t *testing.T, database string, want int, most time.Duration) []standing {
	t.Helper()
	for deadline := time.Now().Add(most); ; time.Sleep(500 * time.Millisecond) {
		all, open := standings(t, database), 0
		for _, s := range all {
			if s.state == briefing.PostDue || s.state == briefing.PostSending {
				open++
			}
		}
		if open == 0 && len(all) == want {
			return all
		}
		if time.Now().After(deadline) {
			t.Errorf("after %s %d posts of %d are there, and %d of them are open", most, len(all), want, open)
			return all
		}
	}
}

// onceOrUnconfirmed holds every post against what its channel got: what is sent
// came once, what is unconfirmed came once or not at all, and nothing else is there.
// It returns how many are unconfirmed, and how many of those came.
func (c *chat) onceOrUnconfirmed(t *testing.T, all []standing) (unconfirmed, came int) {
	t.Helper()
	for _, s := range all {
		n := c.platform(s.Channel).Taken(s.ID)
		switch {
		case n > 1:
			t.Errorf("%s got its slot %d times; the post is %s", s.ID, n, s.state)
		case s.state == briefing.PostSent && n == 1:
		case s.state == briefing.PostUnconfirmed:
			unconfirmed++
			came += n
		default:
			t.Errorf("%s got its slot %d times; the post is %s (%s)", s.ID, n, s.state, s.cause)
		}
	}
	return unconfirmed, came
}

// underWay is how many posts the platforms are answering.
func (c *chat) underWay() int { return c.slack.UnderWay() + c.teams.UnderWay() }

// kill ends a process as a power cut would.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.done
}

// TestKilledAtAnyMomentNeverPostsTwiceAndLosesNothing kills the program while it
// delivers, over and over.
func TestKilledAtAnyMomentNeverPostsTwiceAndLosesNothing(t *testing.T) {
	eachDatabase(t, killed)
}

func killed(t *testing.T, database string) {
	const (
		tenants   = 60
		perTenant = 30
		posts     = tenants * perTenant
		life      = 1500 * time.Millisecond // at most, of a process that is ready
	)
	kills := 52 // in each database
	if testing.Short() {
		kills = 8
	}
	number := rand.Uint64()
	t.Logf("random numbers from %d", number)
	random := rand.New(rand.NewPCG(number, 0))

	chat := newChat(t)
	chat.script(func(fakes.Message) fakes.Answer {
		a := fakes.Answer{Latency: 5*time.Millisecond + rand.N(35*time.Millisecond)}
		if rand.N(4) == 0 { // it was taken, and the answer is long in coming
			a.Linger = rand.N(time.Second)
		}
		return a
	})
	spread, now := time.Duration(kills)*life*2/3, time.Now()
	at := map[briefing.Channel]time.Time{}
	for tenant := range tenants {
		for n := range perTenant {
			at[chat.channel(tenant, n)] = now.Add(time.Duration(random.Int64N(int64(spread))))
		}
	}
	seed(t, database, true, at)
	stagger(t, database)

	settings := append(chat.settings, "BRIEFINGBOT_DATABASE="+database)
	hits := 0 // kills with posts on their way
	for n := range kills {
		if n%8 == 7 { // before it is ready
			p := launch(t, settings...)
			time.Sleep(time.Duration(random.Int64N(int64(life / 10))))
			p.kill()
			continue
		}
		p := serve(t, settings...)
		// On a machine that is busy with other tests, a process would often have only
		// begun. So every second kill counts from when something is on its way.
		for begun := time.Now(); n%2 == 0 && chat.underWay() == 0 && time.Since(begun) < 2*life; {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(random.Int64N(int64(life))))
		if chat.underWay() > 0 {
			hits++
		}
		p.kill()
	}
	between := chat.total()
	p := serve(t, settings...)
	all := settled(t, database, posts, 2*time.Minute)
	unconfirmed, came := chat.onceOrUnconfirmed(t, all)
	t.Logf("%d kills, %d of them with posts on their way; %d of %d posts came before the last; %d unconfirmed, of which %d came",
		kills, hits, between, posts, unconfirmed, came)
	if hits < kills/10 || between < posts/20 || unconfirmed < kills/10 {
		t.Error("the kills hit too little to say anything")
	}
	p.stop()
	if p.err != nil {
		t.Errorf("it ended with %v, want status 0\n%s", p.err, p.stderr())
	}
}

// stagger leaves each tenant to a process that has ended, until a moment within the
// time of a lease. Otherwise the first process would take all at once, and with it
// nine in ten of those that follow would find nothing to do while they live.
func stagger(t *testing.T, database string) {
	t.Helper()
	db := query(t, database)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT platform, tenant FROM tenant")
	if err != nil {
		t.Fatal(err)
	}
	var all []briefing.Tenant
	for rows.Next() {
		var tenant briefing.Tenant
		if err := rows.Scan(&tenant.Platform, &tenant.ID); err != nil {
			t.Fatal(err)
		}
		all = append(all, tenant)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, tenant := range all {
		if _, err := db.ExecContext(t.Context(), "UPDATE tenant SET holder = 'ended', lease_until = $1 WHERE platform = $2 AND tenant = $3",
			time.Now().Add(rand.N(10*time.Second)).UnixMilli(), tenant.Platform, tenant.ID); err != nil {
			t.Fatal(err)
		}
	}
}
