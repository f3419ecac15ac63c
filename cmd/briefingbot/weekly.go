package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones, for machines that have none
	"unicode/utf8"

	"go.uber.org/zap"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/schedule"
	"briefingbot/internal/slack"
	"briefingbot/internal/store"
	"briefingbot/internal/teams"
)

// weeklyFlags are the settings of the weekly question.
type weeklyFlags struct {
	Timezone    string   `default:"Europe/London" placeholder:"ZONE" env:"BRIEFINGBOT_TIMEZONE" help:"Time zone of weekly questions that name none."`
	WeeklyTitle string   `default:"Question of the week" placeholder:"TEXT" env:"BRIEFINGBOT_WEEKLY_TITLE" help:"What stands above a weekly question."`
	Unconfirmed string   `default:"hold" enum:"hold,resend" env:"BRIEFINGBOT_UNCONFIRMED" help:"What is done with a question that may not have arrived: hold, resend."`
	Keep        days     `default:"400d" placeholder:"DAYS" env:"BRIEFINGBOT_KEEP" help:"How long posts are kept after their time, like 400d."`
	Schedulers  []string `placeholder:"ID" env:"BRIEFINGBOT_SCHEDULERS" help:"Platforms' ids of the people who may change weekly questions, with commas; everyone in the channel where none is named."`
}

const maxTitle = 80

// validate reports what cannot be meant, and leaves out what is empty.
func (f *weeklyFlags) validate() error {
	// A name without a slash, like Japan, would be a word like any other in a command.
	if _, err := time.LoadLocation(f.Timezone); err != nil || !strings.Contains(f.Timezone, "/") && f.Timezone != "UTC" {
		return hinted{errors.New("BRIEFINGBOT_TIMEZONE is not a time zone"), "name it like Europe/London"}
	}
	given := len(f.Schedulers) > 0
	f.Schedulers = slices.DeleteFunc(f.Schedulers, func(id string) bool { return strings.TrimSpace(id) == "" })
	if given && len(f.Schedulers) == 0 {
		return hinted{errors.New("BRIEFINGBOT_SCHEDULERS names nobody"), "list platforms' user ids with commas between them, or leave it out"}
	}
	if slices.ContainsFunc(f.Schedulers, func(id string) bool { return strings.ContainsAny(strings.TrimSpace(id), "@ ") }) {
		return hinted{errors.New("BRIEFINGBOT_SCHEDULERS holds a name, and not an id"), "list platforms' user ids with commas between them, like U2CERLKJA in Slack"}
	}
	if title := strings.TrimSpace(f.WeeklyTitle); title == "" || utf8.RuneCountInString(title) > maxTitle {
		return hinted{fmt.Errorf("BRIEFINGBOT_WEEKLY_TITLE is empty or longer than %d characters", maxTitle), "a few words do, like Question of the week"}
	}
	return nil
}

// defaultDatabase is a file in the folder that the bot is started in.
const defaultDatabase = "briefingbot.db"

// databaseSetting is what BRIEFINGBOT_DATABASE names. It may hold a password, so that
// it is read as secrets are.
func databaseSetting() (string, error) {
	address, err := secret("BRIEFINGBOT_DATABASE")
	if err != nil || address.Empty() {
		return defaultDatabase, err
	}
	return address.Reveal(), nil
}

// openStore opens a database, and makes it where it is a file that is not there.
func openStore(ctx context.Context, database string) (*store.Store, string, error) {
	kind := "sqlite"
	hint := "name a file that this user may write in BRIEFINGBOT_DATABASE, in a folder that is there, or postgres://USER:PASSWORD@HOST/DATABASE"
	if database == ":memory:" {
		return nil, "", hinted{errors.New("BRIEFINGBOT_DATABASE is :memory:, and a bot that forgets would ask the same questions again"), hint}
	}
	if store.IsPostgres(database) {
		kind, hint = "postgres", "see that PostgreSQL runs, and that BRIEFINGBOT_DATABASE is right: postgres://USER:PASSWORD@HOST/DATABASE"
	}
	s, err := store.Open(ctx, database)
	var newer *store.NewerError
	switch cause := store.PostgresCause(err); {
	case errors.As(err, &newer):
		return nil, "", hinted{err, "run that version again, or restore the backup from before it"}
	case store.IsNoDatabase(err):
		return nil, "", hinted{errors.New("the file that BRIEFINGBOT_DATABASE names holds something else than a database"), "name another file, which is made if it is not there; or move this one away, and restore a backup if it was the database"}
	case cause != "" && store.IsPostgres(database): // SQLite runs out of time, too
		return nil, "", hinted{errors.New("PostgreSQL cannot be used: " + cause), hint}
	case err != nil:
		return nil, "", hinted{fmt.Errorf("the database cannot be opened: %w", err), hint}
	}
	return s, kind, nil
}

// paces is how fast the platforms take a tenant's posts. Rate and burst together
// stay below what each publishes for any minute or second.
var paces = map[briefing.Platform]schedule.Pace{
	briefing.Slack: {PerSecond: (slack.TenantPerMinute - slackBurst) / 60.0, Burst: slackBurst},
	briefing.Teams: {PerSecond: teams.TenantPerSecond - teamsBurst, Burst: teamsBurst},
}

const slackBurst, teamsBurst = 10, 10

// weekly is the settings for the bot. The scheduler that wake reaches comes later:
// it needs the bot.
func (f weeklyFlags) weekly(s *store.Store, wake func(context.Context, briefing.Tenant)) bot.Weekly {
	return bot.Weekly{
		Subscriptions: s, Title: strings.TrimSpace(f.WeeklyTitle), Zone: f.Timezone, Schedulers: f.Schedulers,
		Now: time.Now, Wake: wake,
	}
}

func (f weeklyFlags) scheduler(s *store.Store, b *bot.Bot, log *zap.Logger) (*schedule.Scheduler, error) {
	return schedule.New(schedule.Config{
		SQLite: s.SQLite(), Postgres: s.Postgres(), Resend: f.Unconfirmed == "resend", Keep: time.Duration(f.Keep), Paces: paces,
	}, s, s, b, log, time.Now)
}
