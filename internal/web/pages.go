package web

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"briefingbot/internal/briefing"
)

// PagesConfig is where the pages get what they show. Publishers' words come from
// the library; all others are given, so that a page says what the bot says in chat.
type PagesConfig struct {
	Library    func() briefing.Library // as it is now: it may be loaded anew while the bot runs
	Meeting    func(*briefing.Briefing) *briefing.Message
	LinkStates func([]briefing.Block) []briefing.Block // blocks with what is known of their links
	Footer     string                                  // the organisation's reminder
	Local      bool                                    // only this machine's own names lead here, as with Chat
}

// Pages are the briefings, to read and to print.
type Pages struct{ cfg PagesConfig }

// NewPages makes the pages. They need every field of the configuration.
func NewPages(cfg PagesConfig) *Pages { return &Pages{cfg} }

// Routes adds /briefings, /briefings/{id} and /briefings/{id}/meeting, and the
// style of these pages below /static/. They need the addresses of Style too.
func (p *Pages) Routes(mux *http.ServeMux) {
	static(mux, "pages.css")
	mux.HandleFunc("GET /briefings", p.index)
	mux.HandleFunc("GET /briefings/{$}", p.index)
	mux.HandleFunc("GET /briefings/", p.notFound)
	mux.HandleFunc("GET /briefings/{id}", p.found(p.briefing))
	mux.HandleFunc("GET /briefings/{id}/meeting", p.found(p.meeting))
}

var pageTemplates = template.Must(template.New("").Funcs(template.FuncMap{
	"day": func(t time.Time) string { return t.Format("2 January 2006") },
	"iso": func(t time.Time) string { return t.Format(time.DateOnly) },
}).ParseFS(templateFiles, "templates/pages.html"))

// pageView is what every page has.
type pageView struct {
	Title   string // of the window
	Footer  template.HTML
	Library briefing.Library
	*briefingView
}

// briefingView is a briefing on a page of its own.
type briefingView struct {
	*briefing.Briefing
	Source   string
	Sections []sectionView
	Size     string        // on paper
	Heading  template.HTML // of the plan
	Plan     template.HTML
	Lines    []struct{} // ruled, to write on
	Actions  []struct{} // rows of the table
}

// sectionView is a section, and its text as HTML.
type sectionView struct {
	*briefing.Section
	Body template.HTML
}

func (p *Pages) index(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "index", pageView{Title: "Briefings"})
}

// notFound says that there is no such page, and repeats nothing of its address:
// somebody may have typed into it what belongs nowhere.
func (p *Pages) notFound(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusNotFound, "not-found", pageView{Title: "Page not found"})
}

// found calls show with the briefing that is asked for.
func (p *Pages) found(show func(http.ResponseWriter, *http.Request, *briefing.Briefing)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		lib, id := p.cfg.Library(), r.PathValue("id")
		i := slices.IndexFunc(lib, func(b *briefing.Briefing) bool { return b.ID == id })
		if i < 0 {
			p.notFound(w, r)
			return
		}
		show(w, r, lib[i])
	}
}

// The page has the first level of headings, and its sections the second.
var (
	inTitle   = drawing{level: 1}
	inPage    = drawing{level: 2}
	inSection = inPage // whose Subheadings are one below
)

func (p *Pages) briefing(w http.ResponseWriter, r *http.Request, b *briefing.Briefing) {
	v := &briefingView{Briefing: b, Source: b.Source(nil), Size: size(b)}
	for i := range b.Sections {
		s := &b.Sections[i]
		v.Sections = append(v.Sections, sectionView{s, drawn(inSection, p.cfg.LinkStates(s.Blocks)...)})
	}
	p.show(w, r, http.StatusOK, "briefing", pageView{Title: b.Title, briefingView: v})
}

// meeting shows the plan as the bot says it. Its buttons need a chat.
func (p *Pages) meeting(w http.ResponseWriter, r *http.Request, b *briefing.Briefing) {
	v := &briefingView{Briefing: b, Lines: make([]struct{}, 40), Actions: make([]struct{}, 6)}
	blocks := slices.DeleteFunc(slices.Clone(p.cfg.Meeting(b).Blocks), func(b briefing.Block) bool {
		_, buttons := b.(briefing.Buttons)
		return buttons
	})
	for i, block := range blocks {
		if _, heading := block.(briefing.Heading); heading && i == 0 {
			v.Heading = drawn(inTitle, block)
			continue
		}
		v.Plan += drawn(inPage, block)
	}
	p.show(w, r, http.StatusOK, "meeting", pageView{Title: "Team meeting plan: " + b.Title, briefingView: v})
}

// sizes are the classes of how large a briefing is set on paper, by how many
// letters it may have to fit on one sheet of A4. They were measured with the
// domestic abuse briefing made longer and shorter, in two fonts of which the wider
// one decided.
var sizes = []struct {
	letters int
	class   string
}{{2700, "large"}, {3700, "medium"}, {4800, "small"}}

// size is the class of a briefing. One that is too long for all of them is set as
// small as it can be read, and goes on to a second sheet if it must.
func size(b *briefing.Briefing) string {
	n := letterCount(b)
	for _, s := range sizes {
		if n <= s.letters {
			return s.class
		}
	}
	return "smallest"
}

// letterCount is how many letters a briefing has on paper, addresses included.
func letterCount(b *briefing.Briefing) int {
	n := utf8.RuneCountInString(b.Title)
	for i := range b.Sections {
		n += utf8.RuneCountInString(b.Sections[i].Heading())
		for _, block := range b.Sections[i].Blocks {
			n += utf8.RuneCountInString(briefing.PlainBlock(block))
		}
	}
	return n
}

// drawn is blocks as HTML. Every type of block is drawn, as a test holds: what
// fails here is a fault in our own templates.
func drawn(d drawing, blocks ...briefing.Block) template.HTML {
	out, err := d.blocks(blocks)
	if err != nil {
		panic(err)
	}
	return out
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, name string, v pageView) {
	if p.cfg.Local && !fromHere(r) {
		secure(w.Header())
		http.Error(w, notHere, http.StatusMisdirectedRequest)
		return
	}
	v.Library = p.cfg.Library()
	v.Footer = drawn(inPage, briefing.Footer{Text: p.cfg.Footer})
	var body bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&body, name, v); err != nil {
		panic(fmt.Errorf("web: page %s: %w", name, err))
	}
	secure(w.Header())
	write(w, r, status, "text/html; charset=utf-8", body.Bytes())
}
