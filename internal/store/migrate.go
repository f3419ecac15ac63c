package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// NewerError says that the database was made by a newer version of this program.
type NewerError struct {
	Database, Program int64 // versions of the schema
}

// Error implements error.
func (e *NewerError) Error() string {
	return fmt.Sprintf("the database has schema %d, and this program knows %d at most: it was made by a newer version", e.Database, e.Program)
}

// migrate brings the schema up to date, ours and River's. The caller keeps other
// processes from doing the same: goose has no lock for SQLite, and River has none.
func (s *Store) migrate(ctx context.Context) error {
	dialect := goose.DialectSQLite3
	if s.pool != nil {
		dialect = goose.DialectPostgres
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	// Its Close would close the database.
	provider, err := goose.NewProvider(dialect, s.db, files)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	version, known, err := provider.GetVersions(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("the schema's version: %w", err)
	case version > known:
		return &NewerError{Database: version, Program: known}
	case version < known:
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("migrating: %w", err)
		}
	}
	if s.pool != nil {
		err = migrateJobs(ctx, riverpgxv5.New(s.pool))
	} else {
		err = migrateJobs(ctx, riversqlite.New(s.db))
	}
	if err != nil {
		return fmt.Errorf("migrating the jobs: %w", err)
	}
	return nil
}

func migrateJobs[TTx any](ctx context.Context, driver riverdriver.Driver[TTx]) error {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}
