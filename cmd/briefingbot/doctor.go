package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/content"
	"briefingbot/internal/store"
)

type doctorCommand struct {
	contentFlags
	weeklyFlags
	webFlags
	URL string `placeholder:"https://…" help:"The bot's public address, to see whether it leads here."`
}

// doctorTime is for each thing that is asked of somebody else.
const doctorTime = 15 * time.Second

// Run tries everything that the bot needs, changes nothing, and prints no secret. It
// is for before the first start, and for when something is wrong.
func (c doctorCommand) Run(ctx context.Context, s streams) error {
	var f findings
	platforms, err := platformsFromEnvironment()
	if err != nil {
		f.fault("Settings", err)
	}
	if err := c.validate(); err != nil {
		f.fault("Settings", err)
	}
	mode, _, modeErr := c.mode(len(platforms.names()))
	switch {
	case len(f) > 0: // which may be why there is no platform
	case modeErr != nil:
		f.fault("Settings", modeErr)
	case mode == webLocal:
		f.add(look, "Settings: no chat platform is set up. serve shows the page that only this machine can open.",
			"Set what \"Connect Slack\" or \"Connect Teams\" in README.md names, to answer there.")
	case len(platforms.names()) == 0:
		f.add(ok, "Settings: complete, for the page in the browser.", "")
	default:
		f.add(ok, "Settings: complete, for "+strings.Join(platforms.titles(), " and ")+".", "")
	}
	c.examineContent(&f)
	examineDatabase(ctx, &f)
	var clocks []offset
	if err == nil && platforms.slack.Enabled() {
		clocks = append(clocks, examineSlack(ctx, &f, platforms.slack)...)
	}
	if err == nil && platforms.teams.Enabled() {
		clocks = append(clocks, examineTeams(ctx, &f, platforms.teams)...)
		if at, known := platforms.expires[briefing.Teams]; known {
			describeExpiry(&f, briefing.Teams, at, time.Now())
		} else if !platforms.teams.InsecureLoopback {
			f.add(look, "Teams: until when the client secret is good is not known here. From its last day on the bot cannot answer.",
				"Set TEAMS_APP_PASSWORD_EXPIRES to the day that Entra shows under \"Certificates & secrets\", like 2027-05-31, and you are warned.")
		}
	}
	examineClock(&f, clocks)
	examineAddress(ctx, &f, c.URL)
	return f.print(s.out)
}

func (p platforms) titles() []string {
	var out []string
	for _, platform := range p.list() {
		out = append(out, platformNames[platform])
	}
	return out
}

// fault adds an error with its hint.
func (f *findings) fault(what string, err error) {
	do := ""
	if h := (hinted{}); errors.As(err, &h) {
		do = "To mend it: " + h.hint + "."
	}
	f.add(wrong, what+": "+err.Error()+".", do)
}

func (c doctorCommand) examineContent(f *findings) {
	if c.Content != "" {
		if _, err := os.Stat(c.Content); err != nil {
			f.add(wrong, "Briefings: the folder that BRIEFINGBOT_CONTENT names is not there, or may not be read.", "Name a folder of .md files in it, or leave it out for those built in.")
			return
		}
	}
	lib, err := load(c.Content)
	var faults content.Faults
	switch {
	case errors.As(err, &faults):
		f.add(wrong, "Briefings: "+count(len(faults), "fault")+".", "briefingbot check lists each with its line and what to do.")
	case err != nil:
		f.fault("Briefings", err)
	default:
		f.add(ok, "Briefings: "+count(len(lib), "briefing")+" without a fault.", "")
	}
}

// littleSpace is what a year of a large region's questions takes, with room to spare.
const littleSpace = 1 << 30

func examineDatabase(ctx context.Context, f *findings) {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	database, err := databaseSetting()
	if err != nil {
		f.fault("Database", err)
		return
	}
	kind, do := "a SQLite file", "See that BRIEFINGBOT_DATABASE names a file that the bot's user may write, and run this command as that user."
	if store.IsPostgres(database) {
		kind, do = "PostgreSQL", "See that PostgreSQL runs, and that user, password and name in BRIEFINGBOT_DATABASE are right: postgres://USER:PASSWORD@HOST/DATABASE."
	}
	e, err := store.Examine(ctx, database)
	newer := (*store.NewerError)(nil)
	switch {
	case errors.As(err, &newer):
		f.add(wrong, "Database: "+newer.Error()+".", "Run that version again, or restore the backup from before it.")
	case err != nil && store.IsPostgres(database):
		// Its driver's words name the server's host and user.
		f.add(wrong, "Database: PostgreSQL cannot be used: "+cmp.Or(store.PostgresCause(err), "it does not answer as it should")+".", do)
	case err != nil:
		f.add(wrong, "Database: it cannot be used: "+err.Error()+".", do)
	case e.Absent:
		f.add(ok, "Database: there is no file yet; the bot makes it when it starts.", "")
	case e.Locked:
		f.add(look, "Database: somebody else was writing all the time, so that a write could not be tried.", "Try again in a minute. If it stays so, see what else has the file open.")
	case e.Schema == 0:
		f.add(ok, "Database: "+kind+", empty; the bot sets it up when it starts.", "")
	case e.Schema < e.Program:
		f.add(ok, fmt.Sprintf("Database: %s, can be written. Its schema is %d; this program brings it to %d when it starts.", kind, e.Schema, e.Program),
			"Take a backup before that: an older version cannot use it afterwards.")
	default:
		f.add(ok, fmt.Sprintf("Database: %s with schema %d, can be written.", kind, e.Schema), "")
	}
	if e.Free >= 0 && e.Free < littleSpace {
		l := look
		if e.Free < littleSpace/20 {
			l = wrong
		}
		f.add(l, fmt.Sprintf("Disk: %d MB are free where the database is.", e.Free>>20), "Make room: without it weekly questions stop.")
	} else if e.Free >= 0 {
		f.add(ok, fmt.Sprintf("Disk: %d GB are free where the database is.", e.Free>>30), "")
	}
}
