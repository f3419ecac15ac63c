package bot

import (
	"sync/atomic"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
)

// repertoire is what the bot can say from one library. It never changes: where the
// briefings do, the bot gets another, and a reply under way ends with the one that
// it began with.
type repertoire struct {
	*lasting
	lib       briefing.Library
	finder    *content.Finder
	table     *command.Table
	words     phrasebook
	questions map[from][]string     // ids
	posts     map[string]weeklyPost // by the question's id
	fixed     map[key]*briefing.Message
	usual     map[string]usual
	public    map[*briefing.Message]*briefing.Message // what others see in place of a fixed reply, where it differs
	holders   atomic.Int64                            // who may use the finder: the bot and replies under way
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

// newRepertoire words everything that the library alone decides.
func newRepertoire(l *lasting, lib briefing.Library, finder *content.Finder) *repertoire {
	r := &repertoire{
		lasting: l, lib: lib, finder: finder, table: command.New(lib),
		words:  phrasebook{footer: briefing.Footer{Text: l.cfg.Footer}, several: len(lib) > 1, zone: l.cfg.Zone},
		public: map[*briefing.Message]*briefing.Message{},
	}
	r.words.lib, r.words.usages = lib, r.table.ReflectionHelp()
	r.questions = everyCandidates(lib)
	r.posts = r.weeklyPosts()
	r.fixed = r.fixedReplies()
	r.usual = r.usualReplies()
	for k, m := range r.fixed {
		if p := r.words.public(m, k.showsCasework()); p != m {
			r.public[m] = p
		}
	}
	r.holders.Store(1) // the bot itself
	return r
}

// hold keeps the finder open until release. It reports false where it is too late.
func (r *repertoire) hold() bool {
	for {
		n := r.holders.Load()
		if n == 0 {
			return false
		}
		if r.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release closes the finder where nobody else holds it.
func (r *repertoire) release() {
	if r.holders.Add(-1) > 0 {
		return
	}
	if err := r.finder.Close(); err != nil {
		r.log.Warn("the index of briefings that were replaced cannot be closed", zap.String("cause", err.Error()))
	}
}

// usual is the reply to a command typed letter for letter as help and buttons
// write it, which most are.
type usual struct {
	verb  command.Verb
	reply *briefing.Message
}

// usualReplies understands every such command once, in the way that all others
// are understood when they come.
func (r *repertoire) usualReplies() map[string]usual {
	texts := []string{command.BriefingsCommand}
	for _, u := range r.table.Help(nil) {
		texts = append(texts, u.Type)
	}
	for _, br := range r.lib {
		for i := range br.Sections {
			s := &br.Sections[i]
			texts = append(texts, sectionCommand(br, s), br.BriefingCommand()+" "+s.Slug)
		}
		for _, p := range allPools(br) {
			texts = append(texts, poolButton(br, p).Command)
		}
	}
	fixed := map[*briefing.Message]bool{}
	for _, m := range r.fixed {
		fixed[m] = true
	}
	out := map[string]usual{}
	for _, text := range texts {
		cmd := r.table.Parse(briefing.NewPrivate(text))
		if cmd.Verb == command.Random || isWeekly(cmd) {
			continue
		}
		if m, err := r.answer(cmd); err == nil && fixed[m] {
			out[text] = usual{cmd.Verb, m}
		}
	}
	return out
}

func (r *repertoire) fixedReplies() map[key]*briefing.Message {
	w := &r.words
	m := map[key]*briefing.Message{
		{verb: command.Briefings}:          w.briefings(r.lib),
		{verb: command.Help}:               w.help("What you can type", r.table.Help(nil), nil),
		{verb: command.Help, weekly: true}: w.weeklyHelp(r.table.ReflectionHelp()),
		{verb: command.Unknown}:            w.help("That is not a command here. You can type:", r.table.Help(nil), nil),
	}
	for _, br := range r.lib {
		m[key{verb: command.Contents, briefing: br}] = w.contents(br)
		m[key{verb: command.All, briefing: br}] = w.all(br)
		m[key{verb: command.Meeting, briefing: br}] = w.meeting(br)
		m[key{verb: command.Help, briefing: br}] = w.help("What you can type", r.table.Help(br), br)
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
