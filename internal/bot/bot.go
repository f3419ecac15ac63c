// Package bot decides what the bot says. Start with Respond: it takes a request
// and always has an answer. The answers are in messages.go.
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
	Footer string // at the end of every reply; DefaultFooter if empty
	Weekly
}

// Bot answers requests. It is safe for concurrent use.
type Bot struct {
	cfg       Config
	lib       briefing.Library
	finder    *content.Finder
	table     *command.Table
	words     phrasebook
	log       *zap.Logger
	senders   map[briefing.Platform]Sender
	questions map[from][]string     // ids
	posts     map[string]weeklyPost // by the question's id
	fixed     map[key]*briefing.Message
	usual     map[string]usual
	public    map[*briefing.Message]*briefing.Message // what others see in place of a fixed reply, where it differs
	draw      func(n int) int                         // a number from 0 to n-1
}

// key names a reply that depends on the command alone.
type key struct {
	verb     command.Verb
	briefing *briefing.Briefing
	section  int
	pool     string
	question int
	weekly   bool // with Help: on the weekly question alone
}

// showsCasework reports whether the reply holds casework questions.
func (k key) showsCasework() bool {
	if k.briefing == nil {
		return false
	}
	s, _ := k.briefing.Pool(briefing.Casework)
	switch {
	case s == nil:
		return false
	case k.verb == command.Section:
		return s.Number == k.section
	case k.verb == command.Pool:
		return k.pool == briefing.Casework
	}
	return k.verb == command.Questions || k.verb == command.All
}

// New makes a bot of a library and the finder that was opened on it.
func New(lib briefing.Library, finder *content.Finder, cfg Config, log *zap.Logger) *Bot {
	cfg.Footer = cmp.Or(cfg.Footer, DefaultFooter)
	cfg.Title = cmp.Or(cfg.Title, DefaultTitle)
	cfg.Zone = cmp.Or(cfg.Zone, DefaultZone)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	b := &Bot{
		cfg: cfg, lib: lib, finder: finder, table: command.New(lib), log: log, draw: rand.IntN,
		senders: map[briefing.Platform]Sender{},
		words:   phrasebook{footer: briefing.Footer{Text: cfg.Footer}, several: len(lib) > 1, zone: cfg.Zone},
	}
	b.words.lib, b.words.usages = lib, b.table.ReflectionHelp()
	b.questions = everyCandidates(lib)
	b.posts = b.weeklyPosts()
	b.fixed = b.fixedReplies()
	b.usual = b.usualReplies()
	b.public = map[*briefing.Message]*briefing.Message{}
	for k, m := range b.fixed {
		if p := b.words.public(m, k.showsCasework()); p != m {
			b.public[m] = p
		}
	}
	return b
}

// usual is the reply to a command typed letter for letter as help and buttons
// write it, which most are.
type usual struct {
	verb  command.Verb
	reply *briefing.Message
}

// usualReplies understands every such command once, in the way that all others
// are understood when they come.
func (b *Bot) usualReplies() map[string]usual {
	texts := []string{command.BriefingsCommand}
	for _, u := range b.table.Help(nil) {
		texts = append(texts, u.Type)
	}
	for _, br := range b.lib {
		for i := range br.Sections {
			s := &br.Sections[i]
			texts = append(texts, sectionCommand(br, s), br.BriefingCommand()+" "+s.Slug)
		}
		for _, p := range allPools(br) {
			texts = append(texts, poolButton(br, p).Command)
		}
	}
	fixed := map[*briefing.Message]bool{}
	for _, m := range b.fixed {
		fixed[m] = true
	}
	out := map[string]usual{}
	for _, text := range texts {
		cmd := b.table.Parse(briefing.NewPrivate(text))
		if cmd.Verb == command.Random || isWeekly(cmd) {
			continue
		}
		if m, err := b.answer(cmd); err == nil && fixed[m] {
			out[text] = usual{cmd.Verb, m}
		}
	}
	return out
}

// Fixed lists the replies that depend on the command alone. Respond returns
// these very messages, so that an adapter can render them once.
func (b *Bot) Fixed() []*briefing.Message {
	out := slices.AppendSeq(make([]*briefing.Message, 0, len(b.fixed)+len(b.public)), maps.Values(b.fixed))
	return slices.AppendSeq(out, maps.Values(b.public))
}

func (b *Bot) fixedReplies() map[key]*briefing.Message {
	w := &b.words
	m := map[key]*briefing.Message{
		{verb: command.Briefings}:          w.briefings(b.lib),
		{verb: command.Help}:               w.help("What you can type", b.table.Help(nil), nil),
		{verb: command.Help, weekly: true}: w.help("What you can type about the weekly question", b.table.ReflectionHelp(), nil),
		{verb: command.Unknown}:            w.help("That is not a command here. You can type:", b.table.Help(nil), nil),
	}
	for _, br := range b.lib {
		m[key{verb: command.Contents, briefing: br}] = w.contents(br)
		m[key{verb: command.All, briefing: br}] = w.all(br)
		m[key{verb: command.Meeting, briefing: br}] = w.meeting(br)
		m[key{verb: command.Help, briefing: br}] = w.help("What you can type", b.table.Help(br), br)
		m[key{verb: command.Questions, briefing: br}] = w.questions(br)
		m[key{verb: command.Search, briefing: br}] = w.searchForNothing(br)
		for i := range br.Sections {
			s := &br.Sections[i]
			m[key{verb: command.Section, briefing: br, section: s.Number}] = w.section(br, s)
			for j := range s.Pools {
				p := &s.Pools[j]
				m[key{verb: command.Pool, briefing: br, pool: p.Name}] = w.pool(br, s, p)
				for q := range p.Questions {
					m[key{verb: command.Pool, briefing: br, pool: p.Name, question: q + 1}] = w.question(br, s, p, q)
				}
			}
		}
	}
	return m
}

// Respond answers a request. It never fails towards the person: where something
// went wrong the reply says so, and the cause is logged once.
func (b *Bot) Respond(ctx context.Context, req briefing.Request) (reply *briefing.Message) {
	cmd := command.Command{}
	defer func() {
		if cause := recover(); cause != nil {
			// The value of a panic may hold what was typed; its type and the stack do not.
			b.log.Error("reply failed", zap.String("platform", string(req.Platform)), zap.Stringer("command", cmd.Verb),
				zap.String("cause", fmt.Sprintf("panic of %T", cause)), zap.ByteString("stack", debug.Stack()))
			reply = b.words.sorry()
		}
	}()
	if u, ok := b.usual[req.Text.Reveal()]; ok {
		b.replied(req, u.verb)
		return b.seen(u.reply, req.Public)
	}
	cmd = b.table.Parse(req.Text)
	var err error
	if isWeekly(cmd) {
		reply, err = b.weekly(ctx, req, cmd)
	} else {
		reply, err = b.answer(cmd)
	}
	if err != nil {
		b.failed(req, cmd.Verb, err)
		return b.words.sorry()
	}
	b.replied(req, cmd.Verb)
	return b.seen(reply, req.Public)
}

// seen is a reply as it is for who sees it.
func (b *Bot) seen(m *briefing.Message, public bool) *briefing.Message {
	if p, ok := b.public[m]; ok && public {
		return p
	}
	return m
}

func (b *Bot) replied(req briefing.Request, verb command.Verb) {
	if entry := b.log.Check(zap.DebugLevel, "replied"); entry != nil {
		entry.Write(zap.String("platform", string(req.Platform)), zap.Stringer("command", verb))
	}
}

func (b *Bot) answer(cmd command.Command) (*briefing.Message, error) {
	switch cmd.Verb {
	case command.Section:
		return b.section(cmd)
	case command.Search:
		if cmd.Words.Empty() && cmd.Briefing != nil {
			break
		}
		return b.search(cmd)
	case command.Pool:
		pool := b.finder.Pool(cmd.Briefing, cmd.Words)
		if pool == nil {
			return b.words.noPool(cmd.Briefing), nil
		}
		return b.poolReply(cmd.Briefing, pool, cmd.Number), nil
	case command.Random:
		return b.random(cmd), nil
	}
	return b.fixed[key{verb: cmd.Verb, briefing: cmd.Briefing, weekly: cmd.OnReflection}], nil
}

func (b *Bot) section(cmd command.Command) (*briefing.Message, error) {
	found, err := b.finder.Section(cmd.Briefing, cmd.Words)
	switch {
	case err != nil:
		return nil, err
	case found.Sure:
		return b.fixed[key{verb: command.Section, briefing: cmd.Briefing, section: found.Numbers[0]}], nil
	case len(found.Numbers) > 0:
		return b.words.didYouMean(cmd.Briefing, found.Numbers), nil
	}
	return b.words.noSection(cmd.Briefing, b.table.Suggest(cmd.Briefing, cmd.Words)), nil
}

// maxPassages is the most that a search shows.
const maxPassages = 5

func (b *Bot) search(cmd command.Command) (*briefing.Message, error) {
	found, err := b.finder.Search(cmd.Words, maxPassages)
	if err != nil {
		return nil, err
	}
	home := cmd.Briefing
	if home == nil && len(b.lib) == 1 {
		home = b.lib[0]
	}
	return b.words.passages(found, home), nil
}

// poolReply is a pool, or one question of it; all of the pool where there is no
// question of that number.
func (b *Bot) poolReply(br *briefing.Briefing, p *briefing.Pool, question int) *briefing.Message {
	if question > len(p.Questions) {
		question = 0
	}
	return b.fixed[key{verb: command.Pool, briefing: br, pool: p.Name, question: question}]
}

func (b *Bot) random(cmd command.Command) *briefing.Message {
	var pools []*briefing.Pool
	if !cmd.Words.Empty() {
		p := b.finder.Pool(cmd.Briefing, cmd.Words)
		if p == nil {
			return b.words.noPool(cmd.Briefing)
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
		return b.words.noPool(cmd.Briefing)
	}
	n := b.draw(total)
	for _, p := range pools {
		if n < len(p.Questions) {
			return b.poolReply(cmd.Briefing, p, n+1)
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
