package main

import (
	"cmp"
	"context"
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
	"briefingbot/internal/metrics"
	"briefingbot/internal/slack"
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
	case f.Web == "on" && len(token.Reveal()) < web.MinToken:
		return webOff, token, hinted{fmt.Errorf("BRIEFINGBOT_WEB is on, and BRIEFINGBOT_WEB_TOKEN has less than %d characters", web.MinToken),
			"choose a long one, like what openssl rand -hex 20 prints, and set BRIEFINGBOT_WEB_TOKEN or BRIEFINGBOT_WEB_TOKEN_FILE"}
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
	site.changed(nil)
	return site, nil
}

// changed shows what the briefings are by now, or what is wrong with them.
func (s *website) changed(faults error) {
	if s.chat == nil {
		return
	}
	var lines []string
	if faults != nil {
		lines = eachFault(faults)
	}
	s.chat.Show(pageContent(s.bot, lines))
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

// pageContent is what the page says of the briefings.
func pageContent(b *bot.Bot, faults []string) web.Content {
	c := web.Content{Faults: faults}
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

// isLocal refuses to serve this machine's page at an address that others reach.
func isLocal(address string) error {
	if web.Loopback(address) {
		return nil
	}
	return hinted{fmt.Errorf("no chat platform is set up, and the page to try the bot in is for this machine alone, but BRIEFINGBOT_LISTEN is %s", address),
		"set SLACK_SIGNING_SECRET or TEAMS_APP_ID, as README.md explains; or for the page leave BRIEFINGBOT_LISTEN out, or set BRIEFINGBOT_WEB=on and BRIEFINGBOT_WEB_TOKEN to show it to others"}
}
