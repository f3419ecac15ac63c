package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/fakes"
	"briefingbot/internal/storetest"
)

// TestReplicasPostEachSlotOnceAlsoWhenOneIsKilled runs three on one PostgreSQL, and
// kills one of them while it delivers.
func TestReplicasPostEachSlotOnceAlsoWhenOneIsKilled(t *testing.T) {
	t.Parallel()
	const (
		tenants = 30
		busy    = 4  // tenants of Teams whose channels are all due at once
		many    = 95 // channels of each of those: two seconds' worth, at Teams' rate
		few     = 9  // channels of any other, at any time
		soon    = 30 * time.Second
	)
	database := storetest.Postgres(t)
	chat := newChat(t)
	chat.slack.Strict()
	chat.teams.Strict()
	chat.script(func(fakes.Message) fakes.Answer { return fakes.Answer{Latency: 50 * time.Millisecond} })
	now := time.Now()
	posts, slots := map[briefing.Channel]time.Time{}, map[briefing.Channel]time.Time{}
	for tenant := range tenants {
		if tenant%2 == 1 && tenant < 2*busy {
			for n := range many {
				// Two before the kill, two while it happens.
				posts[chat.channel(tenant, n)] = now.Add(soon/2 - time.Duration(tenant/4)*5*time.Second)
			}
			continue
		}
		for n := range few {
			at := now.Add(soon * time.Duration(n*tenants+tenant) / (few * tenants))
			if n%2 == 0 {
				posts[chat.channel(tenant, n)] = at
			} else {
				slots[chat.channel(tenant, n)] = at
			}
		}
	}
	seed(t, database, true, posts)
	seed(t, database, false, slots)
	var replicas []*process
	for range 3 {
		replicas = append(replicas, serve(t, append(chat.settings, "BRIEFINGBOT_DATABASE="+database)...))
	}
	time.Sleep(time.Until(now.Add(soon/2 + 500*time.Millisecond)))
	replicas[0].kill()
	killed := time.Now()

	all := settled(t, database, len(posts)+len(slots), 2*time.Minute)
	unconfirmed, came := chat.onceOrUnconfirmed(t, all)
	refused := chat.slack.Refused() + chat.teams.Refused()
	t.Logf("%d posts, %d unconfirmed, of which %d came; %d refused with 429", len(all), unconfirmed, came, refused)
	for _, s := range all {
		at, ok := posts[chat.withRoute(s.Channel)]
		if !ok {
			at = slots[chat.withRoute(s.Channel)]
		}
		if s.state == briefing.PostUnconfirmed && s.claimedAt.After(killed) {
			t.Errorf("%s is unconfirmed, and was sent after the kill", s.ID)
		}
		if took := s.sentAt.Sub(at); s.state == briefing.PostSent && (took < 0 || took > time.Minute) {
			t.Errorf("%s got its slot %s after its time", s.ID, took)
		}
	}
	if refused > 10 {
		t.Errorf("%d posts came faster than the platforms allow", refused)
	}
	for _, p := range replicas[1:] {
		p.stop()
		if p.err != nil {
			t.Errorf("it ended with %v, want status 0\n%s", p.err, p.stderr())
		}
	}
}

// withRoute is a channel as it was seeded.
func (c *chat) withRoute(ch briefing.Channel) briefing.Channel {
	if ch.Platform == briefing.Teams {
		ch.Route = c.route(ch.ID)
	}
	return ch
}

// away is a way to a server that can be cut.
type away struct {
	net.Listener
	server string
	mu     sync.Mutex
	how    outage
	back   chan struct{} // closed when it is not cut
	conns  map[net.Conn]bool
}

// outage is how a server is away.
type outage int

const (
	none    outage = iota
	refuses        // connections break, and no new one is made
	hangs          // connections stay, and nothing comes through: a cable is cut
)

func newAway(t *testing.T, server string) *away {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &away{Listener: l, server: server, back: make(chan struct{}), conns: map[net.Conn]bool{}}
	close(a.back)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go a.pass(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		a.cut(refuses)
		a.restore()
	})
	return a
}

func (a *away) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", a.server)
	if err != nil {
		return
	}
	defer server.Close()
	a.mu.Lock()
	if a.how == refuses {
		a.mu.Unlock()
		return
	}
	a.conns[client], a.conns[server] = true, true
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.conns, client)
		delete(a.conns, server)
	}()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(gate{a, way[1]}, way[0])
			_ = way[1].Close()
		})
	}
	both.Wait()
}

// gate lets nothing through while the server is away.
type gate struct {
	a  *away
	to net.Conn
}

// Write implements io.Writer.
func (g gate) Write(b []byte) (int, error) {
	g.a.mu.Lock()
	back := g.a.back
	g.a.mu.Unlock()
	<-back
	return g.to.Write(b)
}

func (a *away) cut(how outage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.how == none {
		a.back = make(chan struct{})
	}
	a.how = how
	if how == refuses {
		for conn := range a.conns {
			_ = conn.Close()
		}
	}
}

func (a *away) restore() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.how = none
	close(a.back)
}

func TestDatabaseMayBeAwayForAMinute(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]outage{"refusing": refuses, "hanging": hangs} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseAway(t, how)
		})
	}
}

func databaseAway(t *testing.T, how outage) {
	long := time.Minute
	if testing.Short() {
		long = 10 * time.Second
	}
	database := storetest.Postgres(t)
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	way := newAway(t, address.Host)
	address.Host = way.Addr().String()
	chat := newChat(t)
	const tenants = 10
	at, now := map[briefing.Channel]time.Time{}, time.Now()
	for n := range 100 { // before, while it is away, and after
		at[chat.channel(n%tenants, n)] = now.Add((long + 20*time.Second) * time.Duration(n) / 100)
	}
	seed(t, database, true, at)
	p := serve(t, append(chat.settings, "BRIEFINGBOT_DATABASE="+address.String())...)

	// ask types a command, which has to be answered within Slack's 3 s.
	ask := func(name, text, want string) {
		t.Helper()
		body := inChannel(name, text, chat.channel(0, 0))
		start := time.Now()
		status, reply := p.do(http.MethodPost, p.public, "/slack/commands", body, signed(body))
		if took := time.Since(start); status != http.StatusOK || !strings.Contains(reply, want) || took > 3*time.Second {
			t.Errorf("%s %s: %d after %s: %.300s", name, text, status, took, reply)
		}
	}
	// readiness waits for a status of /readyz, and returns how long that took.
	readiness := func(want int, most time.Duration) {
		t.Helper()
		start := time.Now()
		for {
			status, _ := p.do(http.MethodGet, p.admin, "/readyz", "", nil)
			if status == want {
				t.Logf("/readyz says %d after %s", want, time.Since(start).Round(time.Millisecond))
				return
			}
			if time.Since(start) > most {
				t.Errorf("/readyz says %d for %s, want %d", status, most, want)
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	readiness(http.StatusOK, 3*time.Second)
	ask("/reflection", "", "gets a practice question")
	time.Sleep(3 * time.Second)

	way.cut(how)
	gone := time.Now()
	readiness(http.StatusServiceUnavailable, 5*time.Second)
	for time.Since(gone) < long {
		ask("/da-briefing", "worries", teamsWorry)
		ask("/reflection", "", "Sorry")
		ask("/reflection", "weekly monday 09:30", "Sorry, this could not be saved.")
		if status, _ := p.do(http.MethodGet, p.public, "/healthz", "", nil); status != http.StatusOK {
			t.Errorf("/healthz: status %d while the database is away", status)
		}
		time.Sleep(2 * time.Second)
	}
	way.restore()
	back := time.Now()
	readiness(http.StatusOK, 15*time.Second)
	ask("/reflection", "", "gets a practice question")

	all := settled(t, database, len(at), 2*time.Minute)
	unconfirmed, came := chat.onceOrUnconfirmed(t, all)
	t.Logf("%d posts, %d unconfirmed, of which %d came", len(all), unconfirmed, came)
	for _, s := range all {
		due := at[chat.withRoute(s.Channel)]
		if due.Before(back) {
			due = back
		}
		if took := s.sentAt.Sub(due); s.state == briefing.PostSent && took > 30*time.Second {
			t.Errorf("%s got its slot %s after its time and the database's return", s.ID, took)
		}
	}
	// What was on its way when the database went is known all the same: nobody was killed.
	if unconfirmed > 0 {
		t.Errorf("%d posts are unconfirmed", unconfirmed)
	}
	p.stop()
	if p.err != nil {
		t.Errorf("it ended with %v, want status 0\n%s", p.err, p.stderr())
	}
}

// inChannel is a command that is typed in a channel of Slack's.
func inChannel(name, text string, ch briefing.Channel) string {
	return command(name, text) + "&" + url.Values{"team_id": {ch.Tenant}, "channel_id": {ch.ID}, "channel_name": {"a-team"}}.Encode()
}
