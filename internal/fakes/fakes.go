// Package fakes stands in for Slack and Teams where deliveries are tested and
// measured: NewSlack is Slack's Web API, NewTeams the Bot Framework's connector with
// its login server, each an http.Handler. They take messages, remember which channel
// got how many and when, answer as they are told (Answer), and can hold callers to
// the platforms' published rates as strictly as can be. Start with Platform.
//
// One fake is every tenant. Whose a channel is stands in its id: see SlackChannel and
// TeamsConversation. Only tests import this package, and the load program.
package fakes

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Message is a message that somebody wants to post in a channel.
type Message struct {
	Tenant, Channel string
	Try             int // how often the channel was tried, this time included
	body            []byte
	text            func(body []byte) string
}

// Text is the message's words as a notification shows them.
func (m Message) Text() string { return m.text(m.body) }

// Answer is what becomes of a message. The zero Answer takes it and says so.
type Answer struct {
	Latency    time.Duration // before it is taken, or not
	Linger     time.Duration // after that, before the answer
	Refuse     bool          // it is not taken
	Drop       bool          // the connection ends in place of an answer
	Status     int           // of the answer; the platform's usual one where 0
	Code       string        // the platform's error code that goes with it
	RetryAfter time.Duration // in whole seconds, where not 0
}

// Throttle does not take a message, and asks to come back later.
func Throttle(after time.Duration) Answer {
	return Answer{Refuse: true, Status: http.StatusTooManyRequests, RetryAfter: after}
}

// Refuse does not take a message. Slack says its error codes with status 200.
func Refuse(status int, code string) Answer {
	return Answer{Refuse: true, Status: status, Code: code}
}

// Break takes a message, and answers with a status as if it had not.
func Break(status int) Answer { return Answer{Status: status} }

// DropBefore ends the connection and takes nothing.
func DropBefore() Answer { return Answer{Refuse: true, Drop: true} }

// DropAfter takes the message and ends the connection.
func DropAfter() Answer { return Answer{Drop: true} }

// Platform is a platform that is only played. It is safe for concurrent use.
type Platform struct {
	dialect
	limits limits
	script atomic.Pointer[func(Message) Answer]
	under  atomic.Int64 // messages under way
	tokens atomic.Int64

	mu       sync.Mutex // guards what follows
	strict   bool
	channels map[string]*channel
	tenants  map[string]*window
	taken    []taken
	refused  int // with 429
	replies  []string
	methods  map[string]int
}

// dialect is what Slack and Teams do not have in common.
type dialect interface {
	// serve answers a request, and has p take the message in it, if any.
	serve(p *Platform, w http.ResponseWriter, r *http.Request)
	// answer writes the answer to the nth message that was taken.
	answer(w http.ResponseWriter, a Answer, n int)
}

type channel struct {
	tries, count int
	pace         *window // nil where nobody is strict
}

type taken struct {
	channel string
	at      int64 // milliseconds; there may be very many
}

func newPlatform(d dialect, l limits) *Platform {
	return &Platform{dialect: d, limits: l, channels: map[string]*channel{}, tenants: map[string]*window{}, methods: map[string]int{}}
}

// ServeHTTP implements http.Handler.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.serve(p, w, r) }

// Script has each message answered as answer says, from now on. It is called by
// many at a time.
func (p *Platform) Script(answer func(Message) Answer) { p.script.Store(&answer) }

// Strict holds callers to the platform's published rates from now on.
func (p *Platform) Strict() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strict = true
}

// take answers a message.
func (p *Platform) take(w http.ResponseWriter, m Message) {
	p.under.Add(1)
	defer p.under.Add(-1)
	m.Try = p.try(m.Channel)
	var a Answer
	if script := p.script.Load(); script != nil {
		a = (*script)(m)
	}
	// A rate is of what comes in, whatever is done with it then.
	if wait := p.tooFast(m, a); wait > 0 {
		a = Throttle(wait)
	}
	time.Sleep(a.Latency)
	n := p.keep(m, a)
	time.Sleep(a.Linger)
	if a.Drop {
		panic(http.ErrAbortHandler) // net/http's way to end a connection
	}
	if a.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((a.RetryAfter+time.Second-1)/time.Second)))
	}
	p.answer(w, a, n)
}

func (p *Platform) try(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.channels[id]
	if !ok {
		c = &channel{}
		p.channels[id] = c
	}
	c.tries++
	return c.tries
}

// tooFast is how long to wait with a message that comes sooner than it may.
func (p *Platform) tooFast(m Message, a Answer) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.strict || a.Refuse {
		return 0
	}
	now, c := time.Now(), p.channels[m.Channel]
	tenant, ok := p.tenants[m.Tenant]
	if !ok {
		tenant = newWindow(p.limits.tenant)
		p.tenants[m.Tenant] = tenant
	}
	if c.pace == nil {
		c.pace = newWindow(p.limits.channel)
	}
	if wait := max(tenant.wait(now), c.pace.wait(now)); wait > 0 {
		return wait
	}
	tenant.add(now)
	c.pace.add(now)
	return 0
}

// keep remembers what became of a message, and returns its number if it was taken.
func (p *Platform) keep(m Message, a Answer) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.Status == http.StatusTooManyRequests {
		p.refused++
	}
	if a.Refuse {
		return 0
	}
	p.channels[m.Channel].count++
	p.taken = append(p.taken, taken{m.Channel, time.Now().UnixMilli()})
	return len(p.taken)
}

// Total is how many messages were taken.
func (p *Platform) Total() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.taken)
}

// Taken is how many messages a channel got.
func (p *Platform) Taken(channel string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.channels[channel]; ok {
		return c.count
	}
	return 0
}

// Times is when a channel's messages were taken, in order, to the millisecond;
// every channel's where it is empty.
func (p *Platform) Times(channel string) []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []time.Time
	for _, t := range p.taken {
		if channel == "" || t.channel == channel {
			out = append(out, time.UnixMilli(t.at))
		}
	}
	return out
}

// Channels is how many messages each channel got that was tried at all.
func (p *Platform) Channels() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]int, len(p.channels))
	for id, c := range p.channels {
		out[id] = c.count
	}
	return out
}

// Refused is how many messages were answered with 429.
func (p *Platform) Refused() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}

// UnderWay is how many messages have come and are not answered yet.
func (p *Platform) UnderWay() int { return int(p.under.Load()) }

// Tokens is how often somebody signed in.
func (p *Platform) Tokens() int { return int(p.tokens.Load()) }

// Replies is the bodies of answers to what people typed, in order.
func (p *Platform) Replies() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.replies...)
}

// Calls is how often a method of Slack's was called.
func (p *Platform) Calls(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.methods[method]
}
