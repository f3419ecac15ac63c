// Package bot decides what the bot says. Start with Respond: it takes a request
// and always has an answer. The answers are in messages.go, and what is kept of
// them in repertoire.go.
//
// It knows no platform's dialect, no HTTP and no database.
package bot

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
)

// DefaultFooter stands at the end of replies where the organisation has not set
// its own.
const DefaultFooter = "If a child is in immediate danger call 999. Otherwise follow your safeguarding procedures. No names or case details here."

// Config is what an organisation decides.
type Config struct {
	Footer  string // at the end of every reply; DefaultFooter if empty
	Replied        // or nil
	Weekly
}

// Replied is told of every reply, for counting: what kind of command it answers, and
// whether it had to say that something went wrong.
type Replied func(p briefing.Platform, verb command.Verb, failed bool)

// Bot answers requests. It is safe for concurrent use.
type Bot struct {
	lasting
	current atomic.Pointer[repertoire]
}

// lasting is what stays when the briefings are replaced.
type lasting struct {
	cfg     Config
	log     *zap.Logger
	senders map[briefing.Platform]Sender
	draw    func(n int) int // a number from 0 to n-1
}

// New makes a bot of a library and the finder that was opened on it. Close it when
// it is no longer used.
func New(lib briefing.Library, finder *content.Finder, cfg Config, log *zap.Logger) *Bot {
	cfg.Footer = cmp.Or(cfg.Footer, DefaultFooter)
	cfg.Title = cmp.Or(cfg.Title, DefaultTitle)
	cfg.Zone = cmp.Or(cfg.Zone, DefaultZone)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	b := &Bot{lasting: lasting{cfg: cfg, log: log, draw: rand.IntN, senders: map[briefing.Platform]Sender{}}}
	b.current.Store(newRepertoire(&b.lasting, lib, finder))
	return b
}

// Replace has the bot answer from another library from now on, and post its
// questions; finder was opened on it. The finder before it is closed once the
// replies under way that use it have ended. What Fixed listed is not returned by a
// Respond that begins afterwards.
func (b *Bot) Replace(lib briefing.Library, finder *content.Finder) {
	b.current.Swap(newRepertoire(&b.lasting, lib, finder)).release()
}

// Close closes the finder. Searches fail from then on.
func (b *Bot) Close() error { return b.current.Load().finder.Close() }

// Fixed lists the replies that depend on the command alone. Respond returns
// these very messages, so that an adapter can render them once.
func (b *Bot) Fixed() []*briefing.Message {
	r := b.current.Load()
	out := slices.AppendSeq(make([]*briefing.Message, 0, len(r.fixed)+len(r.public)), maps.Values(r.fixed))
	return slices.AppendSeq(out, maps.Values(r.public))
}

// Respond answers a request. It never fails towards the person: where something
// went wrong the reply says so, and the cause is logged once.
func (b *Bot) Respond(ctx context.Context, req briefing.Request) *briefing.Message {
	// Most replies need no finder, and nothing that other calls write to.
	usually := b.current.Load()
	if u, ok := usually.usual[req.Text.Reveal()]; ok {
		usually.replied(req, u.verb)
		return usually.seen(u.reply, req.Public)
	}
	r := b.hold()
	defer r.release()
	return r.respond(ctx, req)
}

// hold is the current repertoire, with its finder open until release.
func (b *Bot) hold() *repertoire {
	for {
		// One that is too late to hold has been replaced.
		if r := b.current.Load(); r.hold() {
			return r
		}
	}
}

func (r *repertoire) respond(ctx context.Context, req briefing.Request) (reply *briefing.Message) {
	cmd := command.Command{}
	defer func() {
		if cause := recover(); cause != nil {
			// The value of a panic may hold what was typed; its type and the stack do not.
			r.log.Error("reply failed", zap.String("platform", string(req.Platform)), zap.Stringer("command", cmd.Verb),
				zap.String("cause", fmt.Sprintf("panic of %T", cause)), zap.ByteString("stack", debug.Stack()))
			r.count(req, cmd.Verb, true)
			reply = r.words.sorry()
		}
	}()
	cmd = r.table.Parse(req.Text)
	var err error
	if isWeekly(cmd) {
		reply, err = r.weekly(ctx, req, cmd)
	} else {
		reply, err = r.answer(cmd)
	}
	if err != nil {
		r.failed(req, cmd.Verb, err)
		if reply == nil {
			reply = r.words.sorry()
		}
		return reply
	}
	r.replied(req, cmd.Verb)
	return r.seen(reply, req.Public)
}

// seen is a reply as it is for who sees it.
func (r *repertoire) seen(m *briefing.Message, public bool) *briefing.Message {
	if p, ok := r.public[m]; ok && public {
		return p
	}
	return m
}

func (r *repertoire) count(req briefing.Request, verb command.Verb, failed bool) {
	if r.cfg.Replied != nil {
		r.cfg.Replied(req.Platform, verb, failed)
	}
}

func (r *repertoire) replied(req briefing.Request, verb command.Verb) {
	r.count(req, verb, false)
	if entry := r.log.Check(zap.DebugLevel, "replied"); entry != nil {
		entry.Write(zap.String("platform", string(req.Platform)), zap.Stringer("command", verb))
	}
}

func (r *repertoire) answer(cmd command.Command) (*briefing.Message, error) {
	switch cmd.Verb {
	case command.Section:
		return r.section(cmd)
	case command.Search:
		if cmd.Words.Empty() && cmd.Briefing != nil {
			break
		}
		return r.search(cmd)
	case command.Pool:
		pool := r.finder.Pool(cmd.Briefing, cmd.Words)
		if pool == nil {
			return r.words.noPool(cmd.Briefing), nil
		}
		return r.poolReply(cmd.Briefing, pool, cmd.Number), nil
	case command.Random:
		return r.random(cmd), nil
	}
	return r.fixed[key{verb: cmd.Verb, briefing: cmd.Briefing, weekly: cmd.OnReflection}], nil
}

func (r *repertoire) section(cmd command.Command) (*briefing.Message, error) {
	found, err := r.finder.Section(cmd.Briefing, cmd.Words)
	switch {
	case err != nil:
		return nil, err
	case found.Sure:
		return r.fixed[key{verb: command.Section, briefing: cmd.Briefing, section: found.Numbers[0]}], nil
	case len(found.Numbers) > 0:
		return r.words.didYouMean(cmd.Briefing, found.Numbers), nil
	}
	return r.words.noSection(cmd.Briefing, r.table.Suggest(cmd.Briefing, cmd.Words)), nil
}

// maxPassages is the most that a search shows.
const maxPassages = 5

func (r *repertoire) search(cmd command.Command) (*briefing.Message, error) {
	found, err := r.finder.Search(cmd.Words, maxPassages)
	if err != nil {
		return nil, err
	}
	home := cmd.Briefing
	if home == nil && len(r.lib) == 1 {
		home = r.lib[0]
	}
	return r.words.passages(found, home), nil
}

// poolReply is a pool, or one question of it; all of the pool where there is no
// question of that number.
func (r *repertoire) poolReply(br *briefing.Briefing, p *briefing.Pool, question int) *briefing.Message {
	if question > len(p.Questions) {
		question = 0
	}
	return r.fixed[key{verb: command.Pool, briefing: br, pool: p.Name, question: question}]
}

func (r *repertoire) random(cmd command.Command) *briefing.Message {
	var pools []*briefing.Pool
	if !cmd.Words.Empty() {
		p := r.finder.Pool(cmd.Briefing, cmd.Words)
		if p == nil {
			return r.words.noPool(cmd.Briefing)
		}
		pools = append(pools, p)
	} else {
		pools = allPools(cmd.Briefing)
	}
	total := 0
	for _, p := range pools {
		total += len(p.Questions)
	}
	if total == 0 {
		return r.words.noPool(cmd.Briefing)
	}
	n := r.draw(total)
	for _, p := range pools {
		if n < len(p.Questions) {
			return r.poolReply(cmd.Briefing, p, n+1)
		}
		n -= len(p.Questions)
	}
	return nil // not reached: n is below the total
}

func allPools(br *briefing.Briefing) []*briefing.Pool {
	var out []*briefing.Pool
	for i := range br.Sections {
		for j := range br.Sections[i].Pools {
			out = append(out, &br.Sections[i].Pools[j])
		}
	}
	return out
}
