package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"briefingbot/internal/briefing"
)

// Responder answers requests. It always has an answer.
type Responder interface {
	Respond(context.Context, briefing.Request) *briefing.Message
}

// Painter makes of a message what a chat platform would get: a message of the
// platform's each, in JSON. everyone says whether it is for a whole channel.
type Painter func(m *briefing.Message, everyone bool) ([]json.RawMessage, error)

// Completion is something that can be typed, and what it gives.
type Completion struct {
	Text    string `json:"text"`
	Purpose string `json:"purpose"`
}

// Content is what the page knows of the briefings.
type Content struct {
	// Version is another where the briefings are others. A page that comes back
	// knows by it whether it missed a change.
	Version     string       `json:"version"`
	Completions []Completion `json:"completions"`
	Starters    []Completion `json:"starters"` // offered where nothing was asked yet
	// Faults are of the folder as it stands now. While there are any, the last good
	// content goes on answering.
	Faults []string `json:"faults"`
}

// Config is how the chat is set up.
type Config struct {
	// Token is what a person must know to come in. Without one, only this machine's
	// own browsers are served: an address that leads here by any other name than the
	// machine's own is refused.
	Token briefing.Private
	// Slack and Teams paint the tabs of each reply.
	Slack, Teams Painter
	Pages        bool // Pages are served beside it
	// Folder is what is being previewed, and empty where nothing is.
	Folder string
}

// MinToken is how many characters a token has at least.
const MinToken = 20

const (
	maxBody   = 4 << 10 // bytes: a command has a few words
	perSecond = 10      // requests, of all who may come in together, and of all others
	burst     = 40
	tenant    = "local" // the one that this page's channel belongs to
)

// TeamChannel is the page's one channel.
var TeamChannel = briefing.Channel{Platform: briefing.Web, Tenant: tenant, ID: "team"}

// Chat is the chat page. It is safe for concurrent use.
type Chat struct {
	cfg       Config
	respond   Responder
	log       *zap.Logger
	now       func() time.Time
	hub       *hub
	limit     *rate.Limiter // of those who may come in
	strangers *rate.Limiter
	enter     *rate.Limiter               // tries of the token
	csrf      *http.CrossOriginProtection // refuses a change that another site asks for
}

// New makes the page. now tells the time.
func New(cfg Config, r Responder, log *zap.Logger, now func() time.Time) (*Chat, error) {
	if n := len(cfg.Token.Reveal()); n > 0 && n < MinToken {
		return nil, fmt.Errorf("the token has less than %d characters", MinToken)
	}
	c := &Chat{
		cfg: cfg, respond: r, log: log, now: now, hub: newHub(),
		limit: rate.NewLimiter(perSecond, burst), strangers: rate.NewLimiter(perSecond, burst), enter: rate.NewLimiter(1, 5),
		csrf: http.NewCrossOriginProtection(),
	}
	c.csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.refuseSite(w) }))
	return c, nil
}

var chatTemplates = template.Must(template.ParseFS(templateFiles, "templates/chat.html", "templates/enter.html"))

// Routes adds the page's addresses to mux. The page needs those of Style too.
func (c *Chat) Routes(mux *http.ServeMux) {
	mux.Handle("GET /{$}", c.guarded(http.HandlerFunc(c.page)))
	mux.Handle("POST /enter", c.guarded(http.HandlerFunc(c.come)))
	mux.Handle("POST /leave", c.guarded(http.HandlerFunc(c.leave)))
	mux.Handle("POST /say", c.guarded(c.known(c.say)))
	mux.Handle("GET /events", c.guarded(c.known(c.events)))
	static(mux, "chat.css", "chat.js", "slack.js", "teams.js", "adaptivecards.js")
}

// Show tells every open page what the briefings are by now.
func (c *Chat) Show(content Content) {
	body, err := json.Marshal(content)
	if err != nil { // strings alone
		c.failed(err)
		return
	}
	c.hub.setContent(body)
}

// Close ends what open pages wait for. Call it before the server's Shutdown, which
// would wait for them.
func (c *Chat) Close(context.Context) error {
	c.hub.close()
	return nil
}

// page is the chat, or the question for the token.
func (c *Chat) page(w http.ResponseWriter, r *http.Request) {
	if !c.isKnown(r) {
		// Whoever comes back from /enter without the cookie has a browser that keeps
		// it only where the address is https.
		c.write(w, http.StatusOK, "enter.html", enterPage{Lost: r.URL.RawQuery == "entered"})
		return
	}
	c.write(w, http.StatusOK, "chat.html", chatPage{Local: c.cfg.Token.Empty(), Pages: c.cfg.Pages, Folder: c.cfg.Folder})
}

type chatPage struct {
	Local  bool
	Pages  bool
	Folder string
}

func (c *Chat) write(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := chatTemplates.ExecuteTemplate(w, name, data); err != nil {
		// Either the page has gone, or a template is wrong, which a test would show.
		c.log.Debug("page not written", zap.String("cause", "the reader has gone, or the template fails"))
	}
}

// shown is a message in every form that the page has for it.
type shown struct {
	HTML  template.HTML     `json:"html"`
	Plain string            `json:"plain"`
	Slack []json.RawMessage `json:"slack"`
	Teams []json.RawMessage `json:"teams"`
	Alone bool              `json:"alone"` // only whoever asked sees it
}

func (c *Chat) draw(m *briefing.Message, everyone bool) ([]byte, error) {
	if everyone {
		m = m.WithoutShare() // what everyone sees is shared
	}
	html, err := HTML(m)
	if err != nil {
		return nil, err
	}
	d := shown{HTML: html, Plain: m.Plain(), Alone: !everyone}
	if d.Slack, err = c.cfg.Slack(m, everyone); err != nil {
		return nil, fmt.Errorf("painting for Slack: %w", err)
	}
	if d.Teams, err = c.cfg.Teams(m, everyone); err != nil {
		return nil, fmt.Errorf("painting for Teams: %w", err)
	}
	return json.Marshal(d)
}

// Send shows a post on every open page, and on those that are opened later. It is
// the bot's Sender.
func (c *Chat) Send(_ context.Context, ch briefing.Channel, m *briefing.Message) (id string, err error) {
	if ch.ID != TeamChannel.ID {
		return "", &briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseGone, Err: errors.New("the page has no such channel")}
	}
	body, err := c.draw(m, true)
	if err != nil {
		return "", err
	}
	return strconv.FormatUint(c.hub.post(body), 10), nil
}

// CanPost is the bot's Sender's: the page's channel takes every post.
func (c *Chat) CanPost(context.Context, briefing.Channel) error { return nil }

// failed logs what went wrong with a reply, and never what it said.
func (c *Chat) failed(err error) {
	c.log.Error("reply failed", zap.String("platform", string(briefing.Web)), zap.String("cause", err.Error()))
}
