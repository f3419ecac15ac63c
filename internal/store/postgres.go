package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

func openPostgres(ctx context.Context, address string) (*Store, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		// Of a broken address pgx repeats more than is certain to hold no password.
		return nil, errAddress
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

var errAddress = errors.New("the postgres:// address cannot be understood")

// PostgresCause says why PostgreSQL cannot be used, by an error of Open or Examine for
// a database of it, or nothing where that is about something else. The driver's own words take several
// lines, and name the server's host and user.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func PostgresCause(err error) string {
	var (
		said  *pgconn.PgError
		name  *net.DNSError
		trust *tls.CertificateVerificationError
		slow  net.Error
	)
	switch {
	case errors.Is(err, errAddress):
		return "its address cannot be understood"
	case errors.As(err, &said):
		return postgresCodes[said.Code]
	case errors.As(err, &name):
		return "its name is not known"
	case errors.As(err, &trust):
		return "its certificate is not trusted"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return "no answer came in time"
	case err != nil && strings.Contains(err.Error(), "server refused TLS connection"): // an error without a name of pgx's
		return "it does not speak TLS, which the address asks for"
	}
	return ""
}

var postgresCodes = map[string]string{
	"28P01": "user or password is wrong",
	"28000": "the server does not let this user in from this machine",
	"3D000": "there is no database of that name",
	"3F000": "there is no schema to make its tables in",
	"42501": "the user may not write in it",
	"25006": "it can only be read: it may be a copy of another server",
	"53300": "it has too many connections already",
	"57P03": "it is starting or stopping",
}

// lockKey is any number that no other program's lock is likely to have.
const lockKey = 0x6272696566696e67
