package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/metrics"
	"briefingbot/internal/slack"
	"briefingbot/internal/store"
	"briefingbot/internal/teams"
)

// adapter is a platform's side of the bot.
type adapter interface {
	bot.Sender
	Routes(*http.ServeMux)
	Prepare(fixed []*briefing.Message)
	CountUndelivered(func())
	Close(context.Context) error
}

// connected is an adapter and whose it is.
type connected struct {
	adapter
	platform briefing.Platform
}

// prefixes is where each platform's endpoints are.
var prefixes = map[briefing.Platform]string{briefing.Slack: "/slack/", briefing.Teams: "/api/"}

// platforms is the settings of every platform. One with none of its settings is off.
type platforms struct {
	slack slack.Config
	teams teams.Config
	// expires is when a platform's credential ends, where somebody said so: neither
	// platform tells the bot.
	expires map[briefing.Platform]time.Time
}

// platformsFromEnvironment reads the settings, and says how to go on where half of
// them are there.
func platformsFromEnvironment() (p platforms, err error) {
	if p.slack.SigningSecret, err = secret("SLACK_SIGNING_SECRET"); err != nil {
		return p, err
	}
	if p.slack.BotToken, err = secret("SLACK_BOT_TOKEN"); err != nil {
		return p, err
	}
	p.slack.APIURL = os.Getenv("SLACK_API_URL")
	if p.teams.AppPassword, err = secret("TEAMS_APP_PASSWORD"); err != nil {
		return p, err
	}
	p.teams.AppID = os.Getenv("TEAMS_APP_ID")
	p.teams.TenantID = os.Getenv("TEAMS_TENANT_ID")
	p.teams.Cloud = os.Getenv("TEAMS_CLOUD")
	p.teams.LoginURL = os.Getenv("TEAMS_LOGIN_URL")
	p.teams.OpenIDMetadata = os.Getenv("TEAMS_OPENID_METADATA_URL")
	p.teams.ServiceHosts = strings.FieldsFunc(os.Getenv("TEAMS_SERVICE_HOSTS"), func(r rune) bool { return r == ',' || r == ' ' })
	if len(p.teams.ServiceHosts) == 0 && os.Getenv("TEAMS_SERVICE_HOSTS") != "" {
		return p, hinted{errors.New("TEAMS_SERVICE_HOSTS names no host"), "list hosts with commas between them, like smba.trafficmanager.net, or leave it out"}
	}
	switch value := os.Getenv("TEAMS_INSECURE_LOOPBACK"); value {
	case "1":
		p.teams.InsecureLoopback = true
	case "", "0", "off":
	default:
		return p, hinted{errors.New("TEAMS_INSECURE_LOOPBACK is neither 1 nor off"), "set it to 1 for a trial with Microsoft's local client, and not at all otherwise"}
	}

	if day := os.Getenv("TEAMS_APP_PASSWORD_EXPIRES"); day != "" {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			return p, hinted{errors.New("TEAMS_APP_PASSWORD_EXPIRES is not a date"), "write the day on which Entra says the client secret expires, like 2027-05-31, or leave it out"}
		}
		p.expires = map[briefing.Platform]time.Time{briefing.Teams: at}
	}

	if err := p.slack.Validate(); err != nil {
		hint := "set it as \"Connect Slack\" in README.md explains"
		switch {
		case errors.Is(err, slack.ErrToken):
			hint = "copy the Bot User OAuth Token from the app's page, under Install App"
		case errors.Is(err, slack.ErrHalf):
			hint = "set SLACK_SIGNING_SECRET, or SLACK_SIGNING_SECRET_FILE; it stands on the app's page under Basic Information"
		}
		return p, hinted{err, hint}
	}
	if err := p.teams.Validate(); err != nil {
		hint := "the settings are listed under \"Run it for real\" in README.md"
		if errors.Is(err, teams.ErrHalf) {
			hint = "set TEAMS_APP_ID, TEAMS_APP_PASSWORD or TEAMS_APP_PASSWORD_FILE, and TEAMS_TENANT_ID, as \"Connect Teams\" in README.md explains"
		}
		return p, hinted{err, hint}
	}
	return p, p.lacking()
}

// lacking reports a setting that means nothing, since its platform is not set up:
// whoever gave it meant to.
func (p platforms) lacking() error {
	for _, of := range []struct {
		name, missing string
		enabled       bool
		settings      []string
	}{
		{"Slack", "SLACK_SIGNING_SECRET", p.slack.Enabled(), []string{"SLACK_API_URL"}},
		{"Teams", "TEAMS_APP_ID", p.teams.Enabled(), []string{"TEAMS_CLOUD", "TEAMS_LOGIN_URL", "TEAMS_OPENID_METADATA_URL", "TEAMS_SERVICE_HOSTS", "TEAMS_APP_PASSWORD_EXPIRES"}},
	} {
		for _, setting := range of.settings {
			if !of.enabled && os.Getenv(setting) != "" {
				return hinted{fmt.Errorf("%s is set, and %s is not set up: %s is missing", setting, of.name, of.missing),
					fmt.Sprintf("set %s as \"Connect %s\" in README.md explains, or leave %s out", of.missing, of.name, setting)}
			}
		}
	}
	return nil
}

func (p platforms) list() []briefing.Platform {
	var out []briefing.Platform
	if p.slack.Enabled() {
		out = append(out, briefing.Slack)
	}
	if p.teams.Enabled() {
		out = append(out, briefing.Teams)
	}
	return out
}

func (p platforms) names() []string {
	var out []string
	for _, platform := range p.list() {
		out = append(out, string(platform))
	}
	return out
}

// adapters makes the adapter of every platform that is set up, and connects it to
// the bot, and to the store: for the routes of Teams' channels, and for what is
// forgotten where the bot was removed. m counts.
func (p platforms) adapters(b *bot.Bot, db *store.Store, m *metrics.Metrics, log *zap.Logger) ([]connected, error) {
	var out []connected
	connect := func(platform briefing.Platform, a adapter) {
		b.Connect(platform, m.Sender(platform, a))
		a.CountUndelivered(m.Undelivered(platform))
		out = append(out, connected{a, platform})
	}
	fixed := b.Fixed()
	if p.slack.Enabled() {
		a, err := slack.New(p.slack, b, fixed, log, time.Now)
		if err != nil {
			return nil, err
		}
		if p.slack.BotToken.Empty() {
			log.Warn("no weekly question can be posted in Slack: SLACK_BOT_TOKEN is missing")
		}
		a.ForgetTenants(func(ctx context.Context, t briefing.Tenant) (bool, error) {
			gone, err := db.Purge(ctx, t)
			return !gone.Nothing(), err
		})
		connect(briefing.Slack, a)
	}
	if p.teams.Enabled() {
		a, err := teams.New(p.teams, b, fixed, log, time.Now)
		if err != nil {
			return nil, err
		}
		if p.teams.InsecureLoopback {
			log.Warn("unsigned activities are taken from this machine: TEAMS_INSECURE_LOOPBACK is for trials only")
		}
		if at, ok := p.expires[briefing.Teams]; ok && time.Until(at) < expiryLook {
			log.Warn("the client secret of Teams expires: make a new one", zap.String("cause", "TEAMS_APP_PASSWORD_EXPIRES is "+at.Format(time.DateOnly)))
		}
		a.LearnRoutes(db.LearnRoute)
		a.ForgetChannels(db.Forget)
		connect(briefing.Teams, a)
	}
	return out, nil
}
