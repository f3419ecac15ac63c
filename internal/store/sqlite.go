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
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
	"modernc.org/sqlite" // the driver
	sqlite3 "modernc.org/sqlite/lib"
)

// busyTime is how long a statement waits for another process that holds the
// SQLite file. Slack wants its answer within 3 s.
const busyTime = 2 * time.Second

func openFile(ctx context.Context, path string) (*Store, error) {
	// An absolute path is never one that SQLite takes for something else, as it
	// does ":memory:".
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("the database file: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, errors.New("the database file: it is a folder")
	}
	unlock, err := lockFile(ctx, path+"-lock")
	if err != nil {
		return nil, fmt.Errorf("the database file: %w", withoutPath(err))
	}
	defer unlock()
	if err := makeFile(path); err != nil {
		return nil, fmt.Errorf("the database file: %w", withoutPath(err))
	}
	s, err := connectSQLite(ctx, (&url.URL{Scheme: "file", Opaque: escapePath(path)}).String())
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// lockFile keeps other processes from opening a database for the first time, or
// migrating it, until unlock. It is the operating system's lock of an empty file
// beside the database, which goes with the process. None of SQLite's own will do:
// one of a transaction would keep out the migrations as well, and an exclusive one
// (PRAGMA locking_mode) is not to be had while anybody else has the file open, and
// then keeps everybody out. The empty file stays: were it removed, two
// processes could each lock one of that name.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	type locked struct {
		file *lockedfile.File
		err  error
	}
	done := make(chan locked, 1)
	go func() {
		f, err := lockedfile.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		done <- locked{f, err}
	}()
	select {
	case l := <-done:
		if l.err != nil {
			return nil, l.err
		}
		return func() { _ = l.file.Close() }, nil // whatever it says, the lock is gone
	case <-ctx.Done():
		go func() {
			if l := <-done; l.err == nil {
				_ = l.file.Close()
			}
		}()
		return nil, fmt.Errorf("waiting for another process that is opening it: %w", ctx.Err())
	}
}

// makeFile makes a file for its owner alone where there is none. SQLite would make it
// for everyone to read; its journals follow the file. One that is there is not
// opened, since a process that closes a file loses the locks that SQLite has of it:
// https://sqlite.org/howtocorrupt.html, section 2.2
func makeFile(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// withoutPath is what is wrong with a file; its name is for the caller to say.
func withoutPath(err error) error {
	var (
		pe *fs.PathError
		le *os.LinkError
	)
	switch {
	case errors.As(err, &pe):
		return pe.Err
	case errors.As(err, &le):
		return le.Err
	}
	return err
}

// escapePath keeps SQLite from reading a path's own signs as parts of an address.
func escapePath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

func connectSQLite(ctx context.Context, address string) (*Store, error) {
	options := url.Values{
		"_txlock": {"immediate"}, // a transaction that reads before it writes must not find the file changed in between
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busyTime.Milliseconds()),
			"journal_mode(WAL)",
			// A post is on its way once its claim is written: that must outlast a power cut.
			"synchronous(FULL)",
			"cache_size(-16000)", // KiB
			"temp_store(MEMORY)",
			"secure_delete(ON)", // what a channel had removed is overwritten
		},
	}
	db, err := sql.Open("sqlite", address+"?"+options.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening SQLite: %w", err)
	}
	// One connection: River asks for it, since SQLite has one writer. Whoever holds
	// a transaction must not use the pool meanwhile.
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening SQLite: %w", err), db.Close())
	}
	return &Store{db: db, statements: newStatements(db)}, nil
}

// IsNoDatabase reports whether an error of Open says that the file holds something
// else than a database.
func IsNoDatabase(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_NOTADB
}
