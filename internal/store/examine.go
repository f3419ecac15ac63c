package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// Examined is what is known of a database without changing it.
type Examined struct {
	Absent  bool  // there is no file yet; one can be made
	Schema  int64 // its version; 0 where there is no table yet
	Program int64 // the newest version that this program knows
	Free    int64 // bytes on the disk of the file; -1 where that cannot be asked
	Locked  bool  // somebody else was writing for all the time that was waited
}

// Examine opens a database, reads its schema's version and tries to write, or to make
// a table where the program would bring the schema up to date, which it undoes. It
// migrates nothing, and makes no file: an older program may be using it. No error holds
// a password or a path, but those of PostgreSQL, for which there is PostgresCause.
func Examine(ctx context.Context, database string) (e Examined, err error) {
	e.Free = -1
	if e.Program, err = newestMigration(); err != nil {
		return e, err
	}
	s := &Store{}
	if IsPostgres(database) {
		config, err := pgxpool.ParseConfig(database)
		if err != nil {
			return e, errAddress
		}
		pool, err := pgxpool.NewWithConfig(ctx, config)
		if err != nil {
			return e, fmt.Errorf("opening PostgreSQL: %w", err)
		}
		s = &Store{db: stdlib.OpenDBFromPool(pool), pool: pool}
	} else {
		if database == "" || strings.Contains(database, "://") || keyValue.MatchString(database) {
			return e, errors.New("the database is neither a file nor a postgres:// address")
		}
		path, err := filepath.Abs(database)
		if err != nil {
			return e, errors.New("the database file has no path")
		}
		e.Free = free(filepath.Dir(path))
		switch info, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
			e.Absent = true
			return e, writable(filepath.Dir(path))
		case err != nil:
			return e, withoutPath(err)
		case info.IsDir():
			return e, errors.New("it is a folder")
		}
		db, err := sql.Open("sqlite", "file:"+escapePath(path)+fmt.Sprintf("?mode=rw&_txlock=immediate&_pragma=busy_timeout(%d)", busyTime.Milliseconds()))
		if err != nil {
			return e, fmt.Errorf("opening SQLite: %w", err)
		}
		db.SetMaxOpenConns(1)
		s = &Store{db: db}
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	err = s.examine(ctx, &e)
	return e, err
}

// errUndo ends a transaction that was only tried.
var errUndo = errors.New("undone")

func (s *Store) examine(ctx context.Context, e *Examined) error {
	if err := s.db.PingContext(ctx); err != nil {
		return err
	}
	tables := "SELECT COUNT(*) FROM sqlite_master WHERE name = 'goose_db_version'"
	if s.pool != nil {
		tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'goose_db_version'"
	}
	var n int
	if err := s.db.QueryRowContext(ctx, tables).Scan(&n); err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	if n > 0 {
		if err := s.db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version").Scan(&e.Schema); err != nil {
			return fmt.Errorf("reading the schema's version: %w", err)
		}
	}
	if e.Schema > e.Program {
		return &NewerError{Database: e.Schema, Program: e.Program}
	}
	err := s.once(ctx, nil, func(tx *tx) (err error) {
		if e.Schema < e.Program { // it will make tables
			_, err = tx.ExecContext(ctx, "CREATE TABLE briefingbot_trial (n INTEGER)")
		} else {
			at := time.Now().UnixMilli()
			_, err = tx.ExecContext(ctx, "INSERT INTO tenant (platform, tenant, holder, lease_until, held_until) VALUES ('', $1, '', 0, 0)", strconv.FormatInt(at, 10))
		}
		return cmp.Or(err, errUndo)
	})
	switch {
	case errors.Is(err, errUndo):
		return nil
	case strings.Contains(fmt.Sprint(err), "SQLITE_BUSY"):
		e.Locked = true
		return nil
	}
	return fmt.Errorf("writing: %w", err)
}

// newestMigration is the number of the last file.
func newestMigration() (int64, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	number, _, _ := strings.Cut(filepath.Base(files[len(files)-1]), "_")
	return strconv.ParseInt(number, 10, 64)
}

// writable reports why no file can be made in a folder.
func writable(folder string) error {
	f, err := os.CreateTemp(folder, ".briefingbot-")
	if err != nil {
		return fmt.Errorf("no file can be made in its folder: %w", withoutPath(err))
	}
	return withoutPath(errors.Join(f.Close(), os.Remove(f.Name())))
}
