// Package storetest gives tests the databases that the bot runs on: a SQLite file,
// and a database in a PostgreSQL that it starts for the tests and ends with them.
// Start with Each. Only tests import it, and the load program.
package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// Each runs a test on every kind of database, with the address of a new one. Where
// there is no PostgreSQL that part is skipped, or fails if
// BRIEFINGBOT_REQUIRE_POSTGRES is 1.
func Each(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite is the path of a new database in a file.
func SQLite(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "briefingbot.db")
}

// Postgres is the address of a new database in PostgreSQL, which goes with the test.
func Postgres(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if errors.Is(err, errNoPostgres) && os.Getenv("BRIEFINGBOT_REQUIRE_POSTGRES") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	address, drop, err := s.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	return address
}

// Main runs the tests of a package that uses Postgres, and ends the server after
// them: os.Exit(storetest.Main(m)) in TestMain.
func Main(m *testing.M) int {
	code := m.Run()
	if err := Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// Stop ends the server that Postgres started, if any.
func Stop() error {
	if started.Load() == nil {
		return nil
	}
	return started.Load().Close()
}

var (
	started atomic.Pointer[Server]
	shared  = sync.OnceValues(func() (*Server, error) {
		s, err := Start()
		if err == nil {
			started.Store(s)
		}
		return s, err
	})
	errNoPostgres = errors.New("there is no PostgreSQL on this machine")
)

// Server is a PostgreSQL of its own, on loopback.
type Server struct {
	dir   string
	port  int
	cmd   *exec.Cmd
	guard *os.File // its end tells the server to end
	n     atomic.Int64
}

// Start starts one with options like "fsync=on". It ends with Close, or when this
// process does.
func Start(options ...string) (_ *Server, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "briefingbot-postgres-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	owner, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "briefingbot", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, owner
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	// The shell ends the server when the pipe from this process does, however this
	// process ends.
	script := `"$@" & pid=$!; read -r _; kill -INT $pid; wait $pid`
	args := []string{"-c", script, "sh", filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"),
		"-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-k", dir, "-c", "max_connections=200", "-c", "shared_buffers=64MB"}
	if len(options) == 0 {
		options = []string{"fsync=off"}
	}
	for _, o := range options {
		args = append(args, "-c", o)
	}
	var log bytes.Buffer
	s.cmd = exec.Command("sh", args...)
	s.cmd.Dir, s.cmd.SysProcAttr, s.cmd.Stderr = dir, owner, &log
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stdin, s.guard = read, write
	err = s.cmd.Start()
	if err := errors.Join(err, read.Close()); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if err = s.exec(context.Background(), "SELECT 1"); err == nil {
			return s, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("PostgreSQL does not answer: %w", err)
		}
	}
}

// programs is the folder of PostgreSQL's programs: in the path, or where Debian has
// them.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errNoPostgres
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// Port is the TCP port that it listens on.
func (s *Server) Port() int { return s.port }

func (s *Server) address(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("briefingbot"), Host: fmt.Sprintf("127.0.0.1:%d", s.port), Path: database}).String()
}

func (s *Server) exec(ctx context.Context, statement string) (err error) {
	db, err := sql.Open("pgx", s.address("postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// Database makes a new database, and returns its address and how to drop it.
func (s *Server) Database(ctx context.Context) (address string, drop func() error, err error) {
	name := fmt.Sprintf("test%d", s.n.Add(1))
	if err := s.exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	return s.address(name), func() error {
		return s.exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
	}, nil
}

// Close ends the server and removes its files.
func (s *Server) Close() error {
	var err error
	if s.guard != nil {
		err = s.guard.Close()
	}
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Wait() // it was told to end: its status says nothing
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
