package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

func openPostgres(ctx context.Context, address string) (*Store, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		// Of a broken address pgx repeats more than is certain to hold no password.
		return nil, errors.New("the postgres:// address cannot be understood")
	}
	if !strings.Contains(address, "pool_max_conns=") {
		config.MaxConns = 10
	}
	unlock, err := lockSchema(ctx, config.ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("opening PostgreSQL: %w", err)
	}
	defer unlock()
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening PostgreSQL: %w", err)
	}
	s := &Store{db: stdlib.OpenDBFromPool(pool), pool: pool}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// lockSchema keeps other replicas from migrating the same database until unlock. It
// has a connection of its own, so that it takes none of the pool's from the
// migrations, and goes with it.
func lockSchema(ctx context.Context, config *pgx.ConnConfig) (unlock func(), err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	unlock = func() { _ = conn.Close(context.WithoutCancel(ctx)) } // whatever it says, the lock is gone
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lockKey); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// lockKey is any number that no other program's lock is likely to have.
const lockKey = 0x6272696566696e67
