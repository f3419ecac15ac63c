package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/slack"
	"briefingbot/internal/teams"
)

// offset is how far a platform's clock is ahead of this machine's.
type offset struct {
	whose string
	ahead time.Duration
}

func offsetOf(whose string, said, before time.Time) []offset {
	if said.IsZero() {
		return nil
	}
	// The answer's clock was read at some time between the two.
	now := time.Now()
	return []offset{{whose, said.Sub(before.Add(now.Sub(before) / 2))}}
}

func examineSlack(ctx context.Context, f *findings, cfg slack.Config) []offset {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	if cfg.SecretFormed() {
		f.add(ok, "Slack: the signing secret looks as Slack's do. Whether it is the right one shows when the first command is answered.", "")
	} else {
		f.add(look, "Slack: the signing secret does not look as Slack's do, which are 32 letters a to f and digits. It cannot be tried.",
			"Compare it with the one on the app's page, under Basic Information. It is not the client secret, nor the verification token.")
	}
	if cfg.BotToken.Empty() {
		f.add(look, "Slack: SLACK_BOT_TOKEN is not set: commands are answered, and weekly questions cannot be posted.",
			"Copy the Bot User OAuth Token from the app's page, under Install App.")
		return nil
	}
	before := time.Now()
	t := slack.Try(ctx, cfg)
	said := &briefing.DeliveryError{}
	switch {
	case errors.As(t.Err, &said) && said.Outcome == briefing.Impossible:
		f.add(wrong, "Slack: the bot's token is refused: "+t.Err.Error()+".", "Copy the Bot User OAuth Token, which begins with xoxb-, from the app's page, under Install App; reinstall the app if it was removed.")
	case t.Err != nil:
		f.add(wrong, "Slack: whether the bot's token is good could not be asked: "+t.Err.Error()+".", "See that this machine may reach https://slack.com, through its firewall and proxy, and try again.")
	case !t.Known:
		f.add(look, "Slack: the bot's token is good. Slack did not say what it may do.", "See on the app's page, under OAuth & Permissions, that it has chat:write and commands.")
	case len(t.Missing) > 0:
		f.add(wrong, "Slack: the bot's token is good, and lacks what it needs: "+strings.Join(t.Missing, ", ")+".", "Paste the manifest again (\"Connect Slack\" in README.md) and reinstall the app.")
	case t.Public:
		f.add(ok, "Slack: the bot's token is good, with chat:write, commands and chat:write.public.", "")
	default:
		f.add(ok, "Slack: the bot's token is good, with chat:write and commands. Without chat:write.public somebody must add the bot to a channel first.", "")
	}
	return offsetOf("Slack", t.Date, before)
}

// entra says what to do about error codes of Entra's that a wrong setting leads to.
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
var entra = map[string]string{
	"AADSTS7000222": "The client secret has expired: make a new one (\"Connect Teams\" in README.md, step 2).",
	"AADSTS7000215": "The client secret is wrong: copy its value, not its ID, or make a new one (\"Connect Teams\" in README.md, step 2).",
	"AADSTS700016":  "There is no such app in that tenant: compare TEAMS_APP_ID and TEAMS_TENANT_ID with the registration's overview.",
	"AADSTS90002":   "There is no such tenant: compare TEAMS_TENANT_ID with the registration's overview.",
}

func examineTeams(ctx context.Context, f *findings, cfg teams.Config) []offset {
	if cfg.InsecureLoopback {
		f.add(look, "Teams: TEAMS_INSECURE_LOOPBACK is on: unsigned activities are taken from this machine. There is no app to sign in.", "It is for trials only: leave it out in service.")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	before := time.Now()
	t := teams.Try(ctx, cfg)
	switch {
	case t.Err == nil:
		f.add(ok, "Teams: Microsoft gives the bot a token, so that its ID, its secret and the tenant are right.", "")
	case t.Refused || t.Code != "":
		do, known := entra[t.Code]
		if !known {
			do = "Compare TEAMS_APP_ID, TEAMS_TENANT_ID and the client secret with the app's registration in Entra."
		}
		text := t.Err.Error()
		if t.Code != "" {
			text += " (" + t.Code + ")"
		}
		f.add(wrong, "Teams: Microsoft refuses to sign the bot in: "+text+".", do)
	default:
		f.add(wrong, "Teams: Microsoft could not be asked for a token: "+t.Err.Error()+".", "See that this machine may reach https://login.microsoftonline.com, through its firewall and proxy, and try again.")
	}
	if cfg.TenantID == "" {
		f.add(look, "Teams: TEAMS_TENANT_ID is not set: every organisation that knows the bot is answered.", "Set it to your Directory (tenant) ID.")
	}
	return offsetOf("Microsoft", t.Date, before)
}

const (
	clockLook  = 30 * time.Second
	clockWrong = 4 * time.Minute // at five, Slack's requests are refused
)

func examineClock(f *findings, clocks []offset) {
	if len(clocks) == 0 {
		f.add(look, "Clock: nobody answered who could be asked for the time.", "See with timedatectl that this machine's clock is set by the network.")
		return
	}
	worst := clocks[0]
	for _, o := range clocks {
		if o.ahead.Abs() > worst.ahead.Abs() {
			worst = o
		}
	}
	far := worst.ahead.Abs().Round(time.Second)
	way := "behind"
	if worst.ahead < 0 {
		way = "ahead of"
	}
	do := "Set the clock by the network: timedatectl set-ntp true."
	switch {
	case far > clockWrong:
		f.add(wrong, fmt.Sprintf("Clock: this machine's is %s %s %s's. The bot refuses requests that are five minutes old.", far, way, worst.whose), do)
	case far > clockLook:
		f.add(look, fmt.Sprintf("Clock: this machine's is %s %s %s's.", far, way, worst.whose), do)
	default:
		f.add(ok, "Clock: the same as "+worst.whose+"'s, give or take a few seconds.", "")
	}
}
