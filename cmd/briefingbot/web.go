package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/local"
	"briefingbot/internal/metrics"
	"briefingbot/internal/slack"
	"briefingbot/internal/store"
	"briefingbot/internal/teams"
	"briefingbot/internal/web"
)

// webFlags are the settings of the page in the browser.
type webFlags struct {
	Web          string `default:"auto" enum:"auto,on,off" env:"BRIEFINGBOT_WEB" help:"The page to try the bot in. auto: on this machine, while no platform is set up; on: for others too, as README.md explains; off."`
	WebBriefings string `default:"off" enum:"on,off" env:"BRIEFINGBOT_WEB_BRIEFINGS" help:"The briefings as pages for everyone, at /briefings: on or off. On this machine alone they are always there."`
}

// webMode is who may open the page.
type webMode int

const (
	webOff   webMode = iota
	webLocal         // this machine, without a word
	webToken         // whoever knows the token
)

func (f webFlags) mode(platforms int) (webMode, briefing.Private, error) {
	token, err := secret("BRIEFINGBOT_WEB_TOKEN")
	switch {
	case err != nil:
		return webOff, token, err
	case f.Web == "on" && token.Empty():
		return webOff, token, hinted{errors.New("BRIEFINGBOT_WEB is on, and BRIEFINGBOT_WEB_TOKEN is missing"), longToken}
	case f.Web == "on" && len(token.Reveal()) < web.MinToken:
		return webOff, token, hinted{fmt.Errorf("BRIEFINGBOT_WEB is on, and BRIEFINGBOT_WEB_TOKEN has less than %d characters", web.MinToken), longToken}
	case f.Web == "on":
		return webToken, token, nil
	case f.Web == "off" && platforms == 0:
		return webOff, token, hinted{errors.New("no chat platform is set up, and BRIEFINGBOT_WEB is off: there is nothing to do"),
			"set SLACK_SIGNING_SECRET or TEAMS_APP_ID, as \"Connect Slack\" and \"Connect Teams\" in README.md explain"}
	case f.Web == "auto" && platforms == 0:
		return webLocal, briefing.Private{}, nil
	}
	return webOff, token, nil
}

const longToken = "choose a long one, like what openssl rand -hex 20 prints, and set BRIEFINGBOT_WEB_TOKEN or BRIEFINGBOT_WEB_TOKEN_FILE"

// website is what browsers are shown.
type website struct {
	bot   *bot.Bot
	chat  *web.Chat  // nil where it is off
	pages *web.Pages // nil where they are off
}

// newWebsite makes it, and has the bot post on it.
func (c serveCommand) newWebsite(mode webMode, token briefing.Private, b *bot.Bot, live *liveContent, counted *metrics.Metrics, log *zap.Logger) (*website, error) {
	site := &website{bot: b}
	if mode == webLocal || c.WebBriefings == "on" {
		site.pages = web.NewPages(web.PagesConfig{
			Library: func() briefing.Library { lib, _ := live.current(); return lib },
			Meeting: b.Meeting, LinkStates: bot.WithLinkStates, Footer: cmp.Or(c.Footer, bot.DefaultFooter), Local: mode == webLocal,
		})
	}
	if mode == webOff {
		return site, nil
	}
	var err error
	site.chat, err = web.New(web.Config{Token: token, Slack: paintSlack, Teams: paintTeams, Pages: site.pages != nil, Folder: c.preview}, b, log, time.Now)
	if err != nil {
		return nil, err
	}
	b.Connect(briefing.Web, counted.Sender(briefing.Web, site.chat))
	lib, faults := live.current()
	site.changed(lib, faults)
	return site, nil
}

// rest pauses the weekly question that somebody set on the page in a trial, where the
// bot is in service without the page now: it could not come.
func (s *website) rest(ctx context.Context, db *store.Store) error {
	if s.chat != nil {
		return nil
	}
	err := db.Change(ctx, web.TeamChannel, func(sub *briefing.Subscription, exists bool) ([]briefing.Post, error) {
		if !exists || sub.Paused != "" {
			return nil, briefing.ErrNoSubscription // leaves everything as it is
		}
		sub.Paused, sub.Until, sub.NextSlot = briefing.CauseGone, "", briefing.Slot{}
		return nil, nil
	})
	if err != nil && !errors.Is(err, briefing.ErrNoSubscription) {
		return fmt.Errorf("pausing the page's weekly question: %w", err)
	}
	return nil
}

// changed shows what the briefings are by now, or what is wrong with them.
func (s *website) changed(lib briefing.Library, faults error) {
	if s.chat == nil {
		return
	}
	content := pageContent(s.bot)
	content.Version = fingerprint(lib)
	if faults != nil {
		content.Faults = eachFault(faults)
	}
	s.chat.Show(content)
}

// fingerprint is the same for the same briefings, and for no others.
func fingerprint(lib briefing.Library) string {
	body, err := json.Marshal(lib)
	if err != nil {
		panic(err) // words, numbers and dates alone
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

func (s *website) routes(mux *http.ServeMux) {
	if s.chat != nil || s.pages != nil {
		web.Style(mux)
	}
	if s.chat != nil {
		s.chat.Routes(mux)
	}
	if s.pages != nil {
		s.pages.Routes(mux)
	}
}

// close ends what open pages wait for, which would hold up the server.
func (s *website) close(ctx context.Context) error {
	if s.chat == nil {
		return nil
	}
	return s.chat.Close(ctx)
}

// maxStarters is how many commands the page offers to begin with.
const maxStarters = 6

// pageContent is what can be typed on the page.
func pageContent(b *bot.Bot) (c web.Content) {
	for _, u := range b.Completions() {
		c.Completions = append(c.Completions, web.Completion{Text: u.Type, Purpose: u.Purpose})
	}
	for _, u := range b.Starters(maxStarters) {
		c.Starters = append(c.Starters, web.Completion{Text: u.Type, Purpose: u.Purpose})
	}
	return c
}

func paintSlack(m *briefing.Message, everyone bool) ([]json.RawMessage, error) {
	audience := slack.Private
	if everyone {
		audience = slack.Channel
	}
	return encoded(slack.Render(m, audience))
}

func paintTeams(m *briefing.Message, everyone bool) ([]json.RawMessage, error) {
	if everyone {
		m = m.WithoutShare()
	}
	return encoded(teams.Render(m))
}

func encoded[T any](parts []T) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(parts))
	for i, part := range parts {
		var err error
		if out[i], err = json.Marshal(part); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// greet says where the page is, in one line.
func greet(w io.Writer, address net.Addr) error {
	_, err := fmt.Fprintf(w, "Open http://%s/ in a browser on this machine. Ctrl-C ends it.\n", address)
	return err
}

// aloneHere refuses to serve what is for this machine alone at an address that
// others reach.
func aloneHere(address string, mode webMode, p platforms) error {
	_, _, err := net.SplitHostPort(address)
	switch {
	case address == "" || local.Host(address) && err == nil:
	case err != nil:
		return hinted{fmt.Errorf("BRIEFINGBOT_LISTEN is %s, which is no address with a port", address), "name host and port, like 127.0.0.1:8080"}
	case mode == webLocal:
		return hinted{fmt.Errorf("no chat platform is set up, and the page to try the bot in is for this machine alone, but BRIEFINGBOT_LISTEN is %s", address),
			"set SLACK_SIGNING_SECRET or TEAMS_APP_ID, as README.md explains; or for the page leave BRIEFINGBOT_LISTEN out, or set BRIEFINGBOT_WEB=on and BRIEFINGBOT_WEB_TOKEN to show it to others"}
	case p.teams.InsecureLoopback:
		return hinted{fmt.Errorf("TEAMS_INSECURE_LOOPBACK takes unsigned activities from this machine alone, but BRIEFINGBOT_LISTEN is %s", address),
			"leave TEAMS_INSECURE_LOOPBACK out in service; or for a trial leave BRIEFINGBOT_LISTEN out"}
	}
	return nil
}
