package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/lockedfile"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

func TestReopenedDatabaseKeepsItsData(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, err := store.Open(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		subscribe(t, s, channelOf("T1", "C1"), monday)
		before := dump(t, s, nil)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, dump(t, open(t, database), nil)); diff != "" {
			t.Errorf("-before +after:\n%s", diff)
		}
	})
}

func TestDatabaseThatIsInUseOpensAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		first := open(t, database)
		subscribe(t, first, channelOf("T1", "C1"), monday)
		second := open(t, database)
		subscribe(t, second, channelOf("T1", "C2"), monday)
		subscribe(t, first, channelOf("T1", "C3"), monday)
		if diff := cmp.Diff(dump(t, first, nil), dump(t, second, nil)); diff != "" {
			t.Errorf("-first +second:\n%s", diff)
		}
	})
}

func TestOddPathsAreFiles(t *testing.T) {
	for _, name := range []string{"with space.db", "with?mode=memory.db", "with#hash.db", "with%20percent.db", "with&and=.db", "mit Ümlaut.db", "'quoted'.db", ":memory:", "file:x.db", "-dash"} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			subscribe(t, open(t, name), channelOf("T1", "C1"), monday)
			if info, err := os.Stat(name); err != nil || info.Size() == 0 {
				t.Fatalf("%v, %v", info, err)
			}
			if left := files(t); !slices.Equal(left, []string{name, name + "-lock", name + "-shm", name + "-wal"}) {
				t.Errorf("%q", left)
			}
			read(t, open(t, filepath.Join(".", "x", "..", name)), channelOf("T1", "C1"))
		})
	}
}

func files(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestWhatIsNoDatabaseIsSaidClearly(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, content string) {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("text", strings.Repeat("This is no database. ", 100))
	write("empty", "")
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ database, want string }{
		{"", "neither a file nor a postgres:// address"},
		{"mysql://user:hunter2@localhost/x", "neither a file nor a postgres:// address"},
		{"host=127.0.0.1 user=u password=hunter2", "neither a file nor a postgres:// address"},
		{"folder", "it is a folder"},
		{"folder/", "it is a folder"},
		{"missing/x.db", "no such file or directory"},
		{"text/x.db", "not a directory"},
		{"/proc/x.db", ""}, // root may write nearly anywhere
		{"text", "file is not a database"},
		{"postgres://%zz", "cannot be understood"},
		{"postgres://u:hunter2@localhost:port/x", "cannot be understood"},
		{"postgres://u:hunter2@localhost/x?pool_max_conns=many", "cannot be understood"},
	} {
		s, err := store.Open(t.Context(), tt.database)
		if err == nil {
			t.Errorf("%q opened: %v", tt.database, s.Close())
			continue
		}
		if s != nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", tt.database, err)
		}
	}
	if got, err := os.ReadFile("text"); err != nil || !strings.HasPrefix(string(got), "This is no database") {
		t.Errorf("the file was touched: %v", err)
	}
	open(t, "empty") // as SQLite makes one
	if left := files(t); slices.Contains(left, "folder-lock") {
		t.Errorf("%q", left)
	}
}

func TestNoErrorHoldsAPassword(t *testing.T) {
	const secret = "correct-horse-battery"
	address := func(host, database, options string) string {
		u := url.URL{Scheme: "postgres", User: url.UserPassword("locked", secret), Host: host, Path: database, RawQuery: options}
		return u.String()
	}
	try := func(t *testing.T, address, want, cause string) {
		t.Helper()
		s, err := store.Open(t.Context(), address)
		if err == nil {
			t.Fatal(errors.Join(errors.New("it opened"), s.Close()))
		}
		text := fmt.Sprintf("%v %+v %#v %q", err, err, err, err)
		if strings.Contains(text, secret) || !strings.Contains(text, want) {
			t.Errorf("%s", text)
		}
		if got := store.PostgresCause(err); got != cause {
			t.Errorf("the cause is %q, want %q", got, cause)
		}
		if _, err := store.Examine(t.Context(), address); store.PostgresCause(err) != cause {
			t.Errorf("examined, the cause is %q, want %q: %v", store.PostgresCause(err), cause, err)
		}
	}
	t.Run("no server", func(t *testing.T) {
		try(t, address("127.0.0.1:1", "x", ""), "opening PostgreSQL: ", "nobody listens there")
	})
	t.Run("no host", func(t *testing.T) {
		try(t, address("nowhere.invalid", "x", ""), "opening PostgreSQL: ", "its name is not known")
	})
	t.Run("no port", func(t *testing.T) {
		try(t, address("127.0.0.1:99999", "x", ""), "cannot be understood", "its address cannot be understood")
	})
	t.Run("no address", func(t *testing.T) {
		try(t, address("127.0.0.1:1", "x", "sslmode=odd"), "cannot be understood", "its address cannot be understood")
	})
	t.Run("wrong password", func(t *testing.T) {
		storetest.Postgres(t) // or skip
		dir := t.TempDir()
		rules := filepath.Join(dir, "pg_hba.conf")
		if err := os.WriteFile(rules, []byte("host all briefingbot 127.0.0.1/32 trust\nhost all locked 127.0.0.1/32 scram-sha-256\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		for d := dir; d != os.TempDir() && len(d) > 1; d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil { // the server is somebody else's where the tests are root's
				t.Fatal(err)
			}
		}
		server, err := storetest.Start("hba_file=" + rules)
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		trusted, drop, err := server.Database(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = drop() }()
		execute(t, open(t, trusted), "CREATE ROLE locked LOGIN PASSWORD 'another'")
		host := fmt.Sprint("127.0.0.1:", server.Port())
		try(t, address(host, "postgres", ""), "password authentication failed", "user or password is wrong")
		execute(t, open(t, trusted), "ALTER ROLE locked PASSWORD '"+secret+"'")
		try(t, address(host, "missing", ""), `database "missing" does not exist`, "there is no database of that name")
		// It may log in, and no more.
		u, err := url.Parse(trusted)
		if err != nil {
			t.Fatal(err)
		}
		try(t, address(host, u.Path, ""), "permission denied", "the user may not write in it")
		try(t, address(host, u.Path, "sslmode=require"), "TLS", "it does not speak TLS, which the address asks for")
	})
}

func TestNewerDatabaseIsRefusedAndNotTouched(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, err := store.Open(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		var known int64
		if err := databaseOf(s).QueryRowContext(t.Context(), `SELECT MAX(version_id) FROM goose_db_version`).Scan(&known); err != nil {
			t.Fatal(err)
		}
		execute(t, s, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, $1)`, true)
		// River's would be applied again, were they looked at.
		execute(t, s, `DELETE FROM river_migration WHERE version > 3`)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		file, _ := os.ReadFile(database)
		_, err = store.Open(t.Context(), database)
		var newer *store.NewerError
		if !errors.As(err, &newer) || newer.Database != 99 || newer.Program != known || !strings.Contains(err.Error(), "99") || !strings.Contains(err.Error(), fmt.Sprint(known)) {
			t.Fatal(err)
		}
		if after, _ := os.ReadFile(database); !bytes.Equal(file, after) {
			t.Error("the file was touched")
		}
		if store.IsPostgres(database) {
			conn, err := pgx.Connect(t.Context(), database)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			var rows int
			if err := conn.QueryRow(t.Context(), `SELECT COUNT(*) FROM river_migration WHERE version > 3`).Scan(&rows); err != nil || rows > 0 {
				t.Errorf("%d, %v", rows, err)
			}
		}
	})
}

func TestOpensAtTheSameTimeMakeTheSchemaOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				s, err := store.Open(t.Context(), database)
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Ping(t.Context()); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		once(t, open(t, database))
	})
}

// once fails where a migration was applied twice.
func once(t *testing.T, s *store.Store) {
	t.Helper()
	for _, query := range []string{
		`SELECT COUNT(*) - COUNT(DISTINCT version_id) FROM goose_db_version`,
		`SELECT COUNT(*) - COUNT(DISTINCT version) FROM river_migration`,
	} {
		var twice int
		if err := databaseOf(s).QueryRowContext(t.Context(), query).Scan(&twice); err != nil || twice != 0 {
			t.Errorf("%d migrations were applied twice, %v", twice, err)
		}
	}
}

func TestPoolOfOneConnectionIsEnoughToStart(t *testing.T) {
	s := open(t, storetest.Postgres(t)+"?pool_max_conns=1")
	subscribe(t, s, channelOf("T1", "C1"), monday)
}

func TestOpenEndsWithItsContext(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		held := hold(t, database)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := store.Open(ctx, database); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 3*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		held()
		open(t, database)
	})
}

// hold takes the lock that Open takes, as another process does that migrates.
func hold(t *testing.T, database string) (release func()) {
	t.Helper()
	if !store.IsPostgres(database) {
		f, err := lockedfile.OpenFile(database+"-lock", os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return func() { f.Close() }
	}
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT pg_advisory_lock($1)", 0x6272696566696e67); err != nil {
		t.Fatal(err)
	}
	return func() { conn.Close(t.Context()) }
}

func TestNothingIsLeftOfAnOpenThatFails(t *testing.T) {
	path := storetest.SQLite(t)
	if err := os.WriteFile(path, bytes.Repeat([]byte("no database"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), path); err == nil {
		t.Fatal("it opened")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if err := s.Change(t.Context(), channelOf("T1", "C1"), func(*briefing.Subscription, bool) ([]briefing.Post, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
}
