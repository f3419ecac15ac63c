package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
)

// days is a time in whole days, written like 400d: shorter ones are of no use, and
// nobody counts 9600h.
type days time.Duration

const (
	day      = 24 * time.Hour
	leastDay = 7 // a question of last week may still be asked again
	mostDays = 36500
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *days) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(strings.TrimSuffix(string(text), "d"))
	if err != nil || !strings.HasSuffix(string(text), "d") || n < leastDay || n > mostDays {
		return fmt.Errorf("it is a number of days, from %dd to %dd, like 400d", leastDay, mostDays)
	}
	*d = days(time.Duration(n) * day)
	return nil
}

type backupCommand struct {
	File string `arg:"" help:"File to make; one that is there is not replaced."`
}

// Run copies the database into a file.
func (c backupCommand) Run(ctx context.Context, s streams) error {
	database, err := databaseSetting()
	if err != nil {
		return err
	}
	copied, err := store.Backup(ctx, database, c.File)
	switch {
	case errors.Is(err, store.ErrPostgres):
		return hinted{err, "copy it with PostgreSQL's own program: pg_dump --format=custom --file=FILE --dbname=postgres://USER@HOST/DATABASE, with the password in PGPASSFILE; \"Keep it\" in README.md says more"}
	case errors.Is(err, store.ErrNoFile):
		return noDatabase
	case errors.Is(err, store.ErrThere):
		return hinted{fmt.Errorf("%s is there already", c.File), "name a file that is not there yet: nothing is replaced"}
	case err != nil:
		return hinted{fmt.Errorf("no backup was made: %w", err), "name a file in a folder that this user may write, with as much free space as the database has"}
	}
	_, err = fmt.Fprintf(s.out, "%s: %d KiB, schema %d, checked and whole. It holds what the database holds: keep it as safe.\n", c.File, (copied.Bytes+1023)/1024, copied.Schema)
	return err
}

var noDatabase = hinted{store.ErrNoFile, "name the bot's own in BRIEFINGBOT_DATABASE, or go to the folder that it is in"}

// openKept opens the database of a bot that has run before: none is made.
func openKept(ctx context.Context) (*store.Store, error) {
	database, err := databaseSetting()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(database); !store.IsPostgres(database) && errors.Is(err, fs.ErrNotExist) {
		return nil, noDatabase
	}
	s, _, err := openStore(ctx, database)
	return s, err
}

// tenantFlags name a tenant.
type tenantFlags struct {
	Platform string `enum:"slack,teams," default:"" placeholder:"PLATFORM" help:"slack or teams."`
	Tenant   string `placeholder:"ID" help:"Id of the Slack workspace, like T0123ABCD, or of the Teams organisation (its Directory ID)."`
}

// tenant is the one that is named. The ids of Teams' are kept in lower case.
func (f tenantFlags) tenant() (briefing.Tenant, error) {
	t := briefing.Tenant{Platform: briefing.Platform(f.Platform), ID: strings.TrimSpace(f.Tenant)}
	if t.Platform == "" || t.ID == "" {
		return t, hinted{errors.New("a tenant is named by --platform and --tenant together"), "briefingbot export lists the tenants that there are"}
	}
	if t.Platform == briefing.Teams {
		t.ID = strings.ToLower(t.ID)
	}
	return t, nil
}

var errNothing = hinted{errors.New("nothing is held about this tenant"), "briefingbot export lists the tenants that there are"}

type exportCommand struct{ tenantFlags }

// Run prints what is held about a tenant, or which tenants there are.
func (c exportCommand) Run(ctx context.Context, s streams) (err error) {
	var t briefing.Tenant
	if c.Tenant != "" {
		if t, err = c.tenant(); err != nil {
			return err
		}
	}
	db, err := openKept(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.Tenant == "" {
		return c.list(ctx, db, s.out)
	}
	rows, err := db.Export(ctx, t)
	if err != nil {
		return err
	}
	held := 0
	for _, table := range rows {
		held += len(table)
	}
	if held == 0 {
		return errNothing
	}
	return printJSON(s.out, struct {
		Platform briefing.Platform      `json:"platform"`
		Tenant   string                 `json:"tenant"`
		Tables   map[string][]store.Row `json:"tables"`
	}{t.Platform, t.ID, rows})
}

func (c exportCommand) list(ctx context.Context, db *store.Store, out io.Writer) error {
	tenants, err := db.Tenants(ctx)
	if err != nil {
		return err
	}
	type listed struct {
		Platform briefing.Platform `json:"platform"`
		Tenant   string            `json:"tenant"`
		Channels int               `json:"channels"`
		Posts    int               `json:"posts"`
	}
	list := []listed{}
	for _, h := range tenants {
		if c.Platform == "" || c.Platform == string(h.Tenant.Platform) {
			list = append(list, listed{h.Tenant.Platform, h.Tenant.ID, h.Channels, h.Posts})
		}
	}
	return printJSON(out, list)
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false) // people read it
	e.SetIndent("", "  ")
	return e.Encode(v)
}

type purgeCommand struct {
	tenantFlags
	Yes bool `help:"Do not ask."`
}

// Run removes everything about a tenant, once somebody has seen what that is.
func (c purgeCommand) Run(ctx context.Context, s streams) (err error) {
	t, err := c.tenant()
	if err != nil {
		return err
	}
	if !c.Yes && !isTerminal(s.in) {
		return hinted{errors.New("nobody is at a terminal to be asked"), "add --yes to remove everything about this tenant without being asked"}
	}
	db, err := openKept(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return c.purge(ctx, db, t, s)
}

func (c purgeCommand) purge(ctx context.Context, db *store.Store, t briefing.Tenant, s streams) error {
	held, err := db.Held(ctx, t)
	if err != nil {
		return err
	}
	if held.Nothing() {
		return errNothing
	}
	fmt.Fprintf(s.out, "Held about %s %s: %s.\n", t.Platform, t.ID, amounts(held))
	if !c.Yes {
		fmt.Fprint(s.out, "All of it will be gone, and its channels get no more questions. Type yes to go on: ")
		answer, err := bufio.NewReader(io.LimitReader(s.in, 100)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if strings.TrimSpace(answer) != "yes" {
			return hinted{errors.New("nothing was removed"), "type yes in full to remove it"}
		}
	}
	gone, err := db.Purge(ctx, t)
	if err != nil {
		return hinted{fmt.Errorf("nothing was removed: %w", err), "try again in a moment"}
	}
	left, err := db.Held(ctx, t)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Removed: %s.\nHeld now: %s.\n", amounts(gone), amounts(left))
	return nil
}

// amounts says how much there is of a tenant.
func amounts(h store.Held) string {
	if h.Nothing() {
		return "nothing"
	}
	return fmt.Sprintf("%s with a weekly question, %s, %s that %s asked in this round, %s", counted(h.Channels, "channel"),
		counted(h.Posts, "post"), counted(h.Asked, "question"), map[bool]string{true: "was", false: "were"}[h.Asked == 1], counted(h.Jobs, "job"))
}

func counted(n int, of string) string {
	if n != 1 {
		of += "s"
	}
	return fmt.Sprint(n, " ", of)
}
