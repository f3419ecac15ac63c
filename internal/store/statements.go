package store

import (
	"context"
	"database/sql"
	"sync"
)

// statements are those that SQLite has parsed before: to parse them took it half of
// the time of a claim. For PostgreSQL, pgx does the same.
type statements struct {
	db *sql.DB

	mu   sync.Mutex // guards what follows
	kept map[string]*sql.Stmt
}

const (
	maxStatements = 200
	maxStatement  = 2000 // bytes: one of more writes many rows, is rare, and takes much memory
)

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, kept: map[string]*sql.Stmt{}}
}

func (s *statements) of(query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[query]
}

// keep has statements kept for the next time. There must be no transaction under
// way, which would have the one connection that keeps them. Where it fails, the
// next time is as slow as this one was.
func (s *statements) keep(ctx context.Context, queries []string) {
	if s == nil {
		return
	}
	for _, query := range queries {
		stmt, err := s.db.PrepareContext(ctx, query)
		if err != nil {
			return
		}
		s.mu.Lock()
		_, twice := s.kept[query]
		if full := len(s.kept) >= maxStatements; !twice && !full {
			s.kept[query], stmt = stmt, nil
		}
		s.mu.Unlock()
		if stmt != nil {
			_ = stmt.Close() // it was only prepared
		}
	}
}

// tx is a transaction that uses statements that were parsed before.
type tx struct {
	*sql.Tx
	statements *statements // nil for PostgreSQL
	fresh      []string    // those that were not
}

func (t *tx) statement(ctx context.Context, query string) *sql.Stmt {
	if t.statements == nil || len(query) > maxStatement {
		return nil
	}
	stmt := t.statements.of(query)
	if stmt == nil {
		t.fresh = append(t.fresh, query)
		return nil
	}
	return t.StmtContext(ctx, stmt)
}

// ExecContext is as in sql.Tx.
func (t *tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := t.statement(ctx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return t.Tx.ExecContext(ctx, query, args...)
}

// QueryContext is as in sql.Tx.
func (t *tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := t.statement(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return t.Tx.QueryContext(ctx, query, args...)
}

// QueryRowContext is as in sql.Tx.
func (t *tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := t.statement(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return t.Tx.QueryRowContext(ctx, query, args...)
}
