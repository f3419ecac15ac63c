package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/slack"
	"briefingbot/internal/store"
	"briefingbot/internal/teams"
)

// adapter is a platform's side of the bot.
type adapter interface {
	bot.Sender
	Routes(*http.ServeMux)
	Prepare(fixed []*briefing.Message)
	Close(context.Context) error
}

// platforms is the settings of every platform. One with none of its settings is off.
type platforms struct {
	slack slack.Config
	teams teams.Config
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
	switch value := os.Getenv("TEAMS_INSECURE_LOOPBACK"); value {
	case "1":
		p.teams.InsecureLoopback = true
	case "", "0", "off":
	default:
		return p, hinted{errors.New("TEAMS_INSECURE_LOOPBACK is neither 1 nor off"), "set it to 1 for a trial with Microsoft's local client, and not at all otherwise"}
	}

	if err := p.slack.Validate(); err != nil {
		hint := "set it as \"Connect Slack\" in README.md explains"
		if errors.Is(err, slack.ErrHalf) {
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
	return p, nil
}

func (p platforms) names() []string {
	var out []string
	if p.slack.Enabled() {
		out = append(out, string(briefing.Slack))
	}
	if p.teams.Enabled() {
		out = append(out, string(briefing.Teams))
	}
	return out
}

// adapters makes the adapter of every platform that is set up, and connects it to
// the bot, and to the store: for the routes of Teams' channels, and for what is
// forgotten where the bot was removed.
func (p platforms) adapters(b *bot.Bot, db *store.Store, log *zap.Logger) ([]adapter, error) {
	var out []adapter
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
		b.Connect(briefing.Slack, a)
		out = append(out, a)
	}
	if p.teams.Enabled() {
		a, err := teams.New(p.teams, b, fixed, log, time.Now)
		if err != nil {
			return nil, err
		}
		if p.teams.InsecureLoopback {
			log.Warn("unsigned activities are taken from this machine: TEAMS_INSECURE_LOOPBACK is for trials only")
		}
		a.LearnRoutes(db.LearnRoute)
		a.ForgetChannels(db.Forget)
		b.Connect(briefing.Teams, a)
		out = append(out, a)
	}
	return out, nil
}
