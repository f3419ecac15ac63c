// Package store keeps what the weekly question needs, in a SQLite file or in
// PostgreSQL: which channels want one, what they were asked, and how each post
// stands. Start with Open, then posts.go and claim.go, which are the
// way of a post.
//
// There is one code path for both databases. It holds no policy: what is posted
// when, and what follows from an answer, is decided by its callers within its
// transactions. No table has a column for a person, for what somebody typed, or
// for a name: see Data.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store is a database. It is safe for concurrent use.
type Store struct {
	db         *sql.DB
	pool       *pgxpool.Pool // nil for SQLite
	statements *statements   // nil for PostgreSQL
}

// IsPostgres reports whether a database is one of PostgreSQL, and not a file.
func IsPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// openTime is the longest that Open waits for other processes that open the same
// database, and may be migrating it.
const openTime = time.Minute

// keyValue is PostgreSQL's other notation, which is not taken.
var keyValue = regexp.MustCompile(`(^|\s)(host|hostaddr|user|password|dbname|port)\s*=`)

// Open opens a database, a path or a postgres:// address, and brings its schema up
// to date. A file that is not there is made, for its owner alone. The error is a
// *NewerError where the schema is newer than this program; no error holds a
// password.
func Open(ctx context.Context, database string) (*Store, error) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	if IsPostgres(database) {
		return openPostgres(ctx, database)
	}
	// A file by the name of PostgreSQL's other notation would have the password in it.
	if database == "" || strings.Contains(database, "://") || keyValue.MatchString(database) {
		return nil, errors.New("the database is neither a file nor a postgres:// address")
	}
	return openFile(ctx, database)
}

// Close closes the database. What is under way fails.
func (s *Store) Close() error {
	s.statements.close()
	err := s.db.Close()
	if s.pool != nil {
		s.pool.Close()
	}
	return err
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var n int
	return s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM tenant WHERE platform = ''").Scan(&n)
}

// SQLite is the database where it is a file, or else nil. It is for the jobs.
func (s *Store) SQLite() *sql.DB {
	if s.pool != nil {
		return nil
	}
	return s.db
}

// Postgres is the database where it is one of PostgreSQL, or else nil.
func (s *Store) Postgres() *pgxpool.Pool { return s.pool }

// inTx runs do in a transaction, which is as if it had never been where do fails.
// It runs do again where PostgreSQL undid the transaction, since two waited for each
// other, or for a snapshot's sake.
func (s *Store) inTx(ctx context.Context, do func(*tx) error) error {
	for tries := 1; ; tries++ {
		err := s.once(ctx, nil, do)
		var pg *pgconn.PgError
		if tries < maxTries && errors.As(err, &pg) && pgerrcodes[pg.Code] && ctx.Err() == nil {
			continue
		}
		return err
	}
}

const maxTries = 3

// pgerrcodes are the errors of PostgreSQL that another try may not meet.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
var pgerrcodes = map[string]bool{"40001": true, "40P01": true}

func (s *Store) once(ctx context.Context, options *sql.TxOptions, do func(*tx) error) error {
	begun, err := s.db.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	tx := &tx{Tx: begun, statements: s.statements}
	// It does nothing once the transaction has ended. Where do panics, SQLite's one
	// connection must not stay with it.
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	s.statements.keep(tx.fresh)
	return nil
}

// reading runs do in a transaction that only reads, and in which everything is as it
// was at one moment. In SQLite it waits for nobody who writes.
func (s *Store) reading(ctx context.Context, do func(*tx) error) error {
	options := sql.TxOptions{ReadOnly: true}
	if s.pool != nil {
		options.Isolation = sql.LevelRepeatableRead
	}
	return s.once(ctx, &options, do)
}

// forUpdate keeps others from the rows that a transaction read. SQLite needs
// nothing: its transactions come one after the other.
func (s *Store) forUpdate(of string) string {
	if s.pool == nil {
		return ""
	}
	return " FOR UPDATE" + of + " SKIP LOCKED"
}
