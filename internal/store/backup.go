package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// Copied is what a backup holds.
type Copied struct {
	Bytes  int64
	Schema int64 // the version of the schema
}

// Errors of Backup.
var (
	ErrNoFile     = errors.New("there is no database file")
	ErrPostgres   = errors.New("the database is one of PostgreSQL, and not a file")
	ErrThere      = errors.New("the file is there already")
	errDamaged    = errors.New("the copy is damaged, and was removed")
	errNoDatabase = errors.New("it is not a database of this program")
)

// Backup copies the database of a SQLite file into another file, for its owner
// alone, as it was at one moment, while others may be reading and writing it. The
// database is not brought up to date: an older version must be able to take it back.
// The copy has its name only once it is whole and was checked; a file that is there
// is not replaced.
func Backup(ctx context.Context, database, file string) (c Copied, err error) {
	if IsPostgres(database) {
		return c, ErrPostgres
	}
	if database, err = filepath.Abs(database); err != nil {
		return c, err
	}
	if info, err := os.Stat(database); errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return c, ErrNoFile
	}
	if _, err := os.Lstat(file); err == nil {
		return c, ErrThere
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".briefingbot-backup-*") // for its owner alone
	if err != nil {
		return c, withoutPath(err)
	}
	partial := f.Name()
	defer func() { // where it has its name, this one is gone
		if e := os.Remove(partial); err == nil && !errors.Is(e, fs.ErrNotExist) {
			err = e
		}
	}()
	if err := f.Close(); err != nil {
		return c, err
	}
	absolute, err := filepath.Abs(partial)
	if err != nil {
		return c, err
	}
	if err := vacuumInto(ctx, database, absolute); err != nil {
		return c, fmt.Errorf("copying: %w", err)
	}
	if c.Schema, err = check(ctx, partial); err != nil {
		return c, err
	}
	// VACUUM INTO leaves it to the operating system when the copy is on the disk.
	// https://sqlite.org/lang_vacuum.html
	if c.Bytes, err = onDisk(partial); err != nil {
		return c, err
	}
	// Unlike a new name, a link replaces nothing.
	err = os.Link(partial, file)
	switch {
	case errors.Is(err, fs.ErrExist):
		return c, ErrThere
	case err != nil: // a file system without links
		if _, err := os.Lstat(file); err == nil {
			return c, ErrThere
		}
		err = os.Rename(partial, file)
	}
	return c, withoutPath(err)
}

func vacuumInto(ctx context.Context, from, to string) (err error) {
	// rw and not rwc: what is not there is not made.
	db, err := openPlain(from, url.Values{"mode": {"rw"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTime.Milliseconds())}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := schemaOf(ctx, db); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO $1", to)
	return err
}

// check reports whether every page and index of a file is as it should be, and the
// version of its schema.
func check(ctx context.Context, path string) (version int64, err error) {
	// Nobody else has it: without immutable, SQLite would put files of its own beside it.
	db, err := openPlain(path, url.Values{"mode": {"ro"}, "immutable": {"1"}})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var said string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&said); err != nil {
		return 0, fmt.Errorf("checking the copy: %w", err)
	}
	if said != "ok" {
		return 0, errDamaged
	}
	return schemaOf(ctx, db)
}

func schemaOf(ctx context.Context, db *sql.DB) (version int64, err error) {
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE name IN ('goose_db_version', 'subscription')").Scan(&tables); err != nil {
		return 0, err
	}
	if tables != 2 {
		return 0, errNoDatabase
	}
	err = db.QueryRowContext(ctx, "SELECT MAX(version_id) FROM goose_db_version WHERE is_applied").Scan(&version)
	return version, err
}

func openPlain(path string, options url.Values) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+escapePath(path)+"?"+options.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

func onDisk(path string) (size int64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, withoutPath(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Sync(); err != nil {
		return 0, withoutPath(err)
	}
	info, err := f.Stat()
	if err != nil {
		return 0, withoutPath(err)
	}
	return info.Size(), nil
}
