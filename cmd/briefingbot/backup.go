package main

import (
	"context"
	"errors"
	"fmt"

	"briefingbot/internal/store"
)

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
