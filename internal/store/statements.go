package store

import (
	"context"
	"database/sql"
	"slices"
	"sync"
)

// statements are those that SQLite has parsed before: to parse them took it half of
// the time of a claim. For PostgreSQL, pgx does the same.
type statements struct {
	db      *sql.DB
	ctx     context.Context // ends with the store
	end     context.CancelFunc
	parsing sync.WaitGroup

	mu     sync.Mutex // guards what follows
	kept   map[string]*sql.Stmt
	wanted []string // to be kept by whoever parses, who is there as long as there are any
}

// maxStatements is more than there are.
const maxStatements = 200

func newStatements(db *sql.DB) *statements {
	ctx, end := context.WithCancel(context.Background())
	return &statements{db: db, ctx: ctx, end: end, kept: map[string]*sql.Stmt{}}
}

func (s *statements) of(query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[query]
}

// keep has statements kept for one of the next times. It waits for nothing: they are
// parsed on the one connection, and where it is busy a claim would wait its turn for
// each of its statements.
func (s *statements) keep(queries []string) {
	if s == nil || len(queries) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	somebody := len(s.wanted) > 0 // parses
	for _, query := range queries {
		if !slices.Contains(s.wanted, query) && s.kept[query] == nil && len(s.kept)+len(s.wanted) < maxStatements {
			s.wanted = append(s.wanted, query)
		}
	}
	if !somebody && len(s.wanted) > 0 {
		s.parsing.Go(s.parse)
	}
}

// parse parses what is wanted. Where it fails, the next time is as slow as this one
// was.
func (s *statements) parse() {
	for {
		s.mu.Lock()
		query := s.wanted[0]
		s.mu.Unlock()
		stmt, err := s.db.PrepareContext(s.ctx, query)
		s.mu.Lock()
		if err == nil {
			s.kept[query] = stmt
		}
		s.wanted = s.wanted[1:]
		more := len(s.wanted) > 0
		s.mu.Unlock()
		if !more {
			return
		}
	}
}

// close ends the parsing; the database closes what was kept.
func (s *statements) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.end()
	s.mu.Unlock()
	s.parsing.Wait()
}

// tx is a transaction that uses statements that were parsed before.
type tx struct {
	*sql.Tx
	statements *statements // nil for PostgreSQL
	fresh      []string    // those that were not
}

func (t *tx) statement(ctx context.Context, query string) *sql.Stmt {
	if t.statements == nil {
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
