package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

func TestBackupIsWholeWhileOthersWrite(t *testing.T) {
	database := storetest.SQLite(t)
	s := open(t, database)
	fill(t, s, 3, 300, monday)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			// Both or neither: a copy that has one of them is not of one moment.
			ch := channelOf("busy", fmt.Sprint("C", i))
			err := s.Change(context.Background(), ch, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
				*sub = full()
				sub.Channel = ch
				return []briefing.Post{{Channel: ch, Slot: briefing.Slot{Key: "s", At: monday}, State: briefing.PostDue}}, nil
			})
			if err != nil {
				done <- err
				return
			}
		}
	}()
	dir := t.TempDir()
	for i := range 5 {
		file := filepath.Join(dir, fmt.Sprint("copy", i))
		c, err := store.Backup(t.Context(), database, file)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 || info.Size() != c.Bytes || c.Schema < 2 {
			t.Errorf("%v, %v, %+v", info, err, c)
		}
		copied := open(t, file)
		held, err := copied.Held(t.Context(), tenantOf("busy"))
		if err != nil || held.Channels != held.Posts {
			t.Errorf("%+v, %v", held, err)
		}
		if all, err := copied.Tenants(t.Context()); err != nil || len(all) < 3 {
			t.Errorf("%+v, %v", all, err)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestBackupReplacesNothingAndLeavesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	s := open(t, "bot.db")
	subscribe(t, s, channelOf("T1", "C1"), monday)
	for name, text := range map[string]string{"theirs": "something of theirs", "empty": ""} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Backup(t.Context(), "bot.db", name); !errors.Is(err, store.ErrThere) {
			t.Error(err)
		}
		if b, err := os.ReadFile(name); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	if _, err := store.Backup(t.Context(), "bot.db", "bot.db"); !errors.Is(err, store.ErrThere) {
		t.Error(err)
	}
	if _, err := store.Backup(t.Context(), "none.db", "copy"); !errors.Is(err, store.ErrNoFile) {
		t.Error(err)
	}
	for _, no := range []string{"theirs", "empty"} {
		if _, err := store.Backup(t.Context(), no, "copy"); err == nil {
			t.Errorf("%s was taken for a database", no)
		}
	}
	if _, err := store.Backup(t.Context(), "bot.db", filepath.Join("none", "copy")); err == nil {
		t.Error("a folder that is not there")
	}
	if _, err := store.Backup(t.Context(), "postgres://u:p@127.0.0.1/d", "copy"); !errors.Is(err, store.ErrPostgres) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Backup(ended, "bot.db", "copy"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := strings.Join(files(t), " "); got != "bot.db bot.db-lock bot.db-shm bot.db-wal empty theirs" {
		t.Error(got)
	}
}

func TestDamageDoesNotGetIntoABackup(t *testing.T) {
	t.Chdir(t.TempDir())
	s, err := store.Open(t.Context(), "bot.db")
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, 3, 2000, monday)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile("bot.db", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for at := info.Size() / 4; at < info.Size(); at += 8192 {
		if _, err := f.WriteAt([]byte(strings.Repeat("x", 4096)), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := store.Backup(t.Context(), "bot.db", "copy"); err == nil {
		t.Errorf("a damaged database was copied: %+v", c)
	}
	if _, err := os.Stat("copy"); !errors.Is(err, os.ErrNotExist) {
		t.Error("there is a copy")
	}
}

func TestBackupOfAnOlderSchemaStaysOlder(t *testing.T) {
	t.Chdir(t.TempDir())
	s := open(t, "bot.db")
	execute(t, s, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, $1)`, true)
	if c, err := store.Backup(t.Context(), "bot.db", "copy"); err != nil || c.Schema != 99 {
		t.Errorf("%+v, %v", c, err)
	}
	db, err := sql.Open("sqlite", "copy")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var version int
	if err := db.QueryRowContext(t.Context(), "SELECT MAX(version_id) FROM goose_db_version").Scan(&version); err != nil || version != 99 {
		t.Error(version, err)
	}
}
