//go:build unix

package store_test

import (
	"os"
	"syscall"
	"testing"

	"briefingbot/internal/storetest"
)

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	path := storetest.SQLite(t)
	defer syscall.Umask(syscall.Umask(0))
	s := open(t, path)
	subscribe(t, s, channelOf("T1", "C1"), monday)
	for _, suffix := range []string{"", "-wal", "-shm", "-lock"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode(); got != 0o600 {
			t.Errorf("briefingbot.db%s has %s", suffix, got)
		}
	}
}
