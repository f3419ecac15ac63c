package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

// asProcess is the environment variable that has the test binary open the database
// it names, and then do what it is told line by line.
const asProcess = "BRIEFINGBOT_STORE_TEST_OPEN"

func TestMain(m *testing.M) {
	if path := os.Getenv(asProcess); path != "" {
		os.Exit(process(path, os.Stdin, os.Stdout))
	}
	os.Exit(storetest.Main(m))
}

// process is what such a process does. It says "open" when the database is, and
// after each line what came of it; it ends with its input.
func process(path string, in io.Reader, out io.Writer) int {
	ctx := context.Background()
	s, err := store.Open(ctx, path)
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	fmt.Fprintln(out, "open")
	for lines := bufio.NewScanner(in); lines.Scan(); {
		channel, add, _ := strings.Cut(lines.Text(), " ")
		switch channel {
		case "lock":
			_, err = s.SQLite().ExecContext(ctx, "BEGIN IMMEDIATE")
		case "unlock":
			_, err = s.SQLite().ExecContext(ctx, "COMMIT")
		default:
			err = s.Change(ctx, channelOf("T1", channel), func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
				sub.Rule.Minute += len(add)
				return nil, nil
			})
		}
		fmt.Fprintln(out, err)
	}
	if err := s.Close(); err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	return 0
}

// another is a process that has the database open.
type another struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func begin(t *testing.T, path string) *another {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asProcess+"="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &another{t, cmd, in, bufio.NewScanner(out)}
}

// says fails where the process does not say that next.
func (a *another) says(want string) {
	a.t.Helper()
	if a.out.Scan(); a.out.Text() != want {
		a.t.Errorf("another process says %q", a.out.Text())
	}
}

func (a *another) does(line string) {
	a.t.Helper()
	if _, err := fmt.Fprintln(a.in, line); err != nil {
		a.t.Error(err)
	}
	a.says("<nil>")
}

func (a *another) ends() {
	a.t.Helper()
	if err := a.in.Close(); err != nil {
		a.t.Error(err)
	}
	if err := a.cmd.Wait(); err != nil {
		a.t.Error(err)
	}
}

func TestProcessesStartAtTheSameTime(t *testing.T) {
	path := storetest.SQLite(t)
	var all []*another
	for range 10 {
		all = append(all, begin(t, path))
	}
	var wg sync.WaitGroup
	for _, a := range all {
		wg.Go(func() {
			a.says("open")
			for range 5 {
				a.does("C1 +")
			}
		})
	}
	wg.Wait()
	// While all of them have it open, so has this one.
	s := open(t, path)
	once(t, s)
	if got := read(t, s, channelOf("T1", "C1")).Rule.Minute; got != 50 {
		t.Errorf("of 50 changes, %d are there", got)
	}
	for _, a := range all {
		a.ends()
	}
}

func TestMigrationWaitsForAnothers(t *testing.T) {
	path := storetest.SQLite(t)
	release := hold(t, path)
	a := begin(t, path)
	said := make(chan struct{})
	go func() {
		defer close(said)
		a.says("open")
	}()
	select {
	case <-said:
		t.Error("it did not wait")
	case <-time.After(500 * time.Millisecond):
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it made the file")
	}
	release()
	<-said
	a.ends()
}

func TestKilledProcessHoldsNothing(t *testing.T) {
	path := storetest.SQLite(t)
	a := begin(t, path)
	a.says("open")
	a.does("lock")
	if err := a.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = a.cmd.Wait() // it was killed
	start := time.Now()
	subscribe(t, open(t, path), channelOf("T1", "C1"), monday)
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestStartWaitsForAnotherThatWrites(t *testing.T) {
	path := storetest.SQLite(t)
	a := begin(t, path)
	a.says("open")
	a.does("lock")
	unlocked := make(chan struct{})
	time.AfterFunc(time.Second, func() {
		defer close(unlocked)
		a.does("unlock")
	})
	s := open(t, path)
	subscribe(t, s, channelOf("T1", "C1"), monday)
	<-unlocked
	a.does("C1 +")
	a.ends()
}

func TestLockedFileIsSaidInTimeAndNothingIsWritten(t *testing.T) {
	path := storetest.SQLite(t)
	s, ch := open(t, path), channelOf("T1", "C1")
	subscribe(t, s, ch, monday)
	before := dump(t, s, nil)
	a := begin(t, path)
	a.says("open")
	a.does("lock")
	for name, run := range map[string]func() error{
		"one that is there": func() error { return addPost(t, s, ch, "slot", monday, briefing.PostDue) },
		"a new one":         func() error { return addPost(t, s, channelOf("T1", "C2"), "slot", monday, briefing.PostDue) },
		"Remove":            func() error { return s.Remove(t.Context(), ch) },
	} {
		start := time.Now()
		err := run()
		if took := time.Since(start); err == nil || !strings.Contains(err.Error(), "database is locked") || took > 3*time.Second {
			t.Errorf("%s: after %s: %v", name, took, err)
		}
	}
	// Reading goes on.
	start := time.Now()
	read(t, s, ch)
	if diff := cmp.Diff(before, dump(t, s, nil)); diff != "" || time.Since(start) > time.Second {
		t.Errorf("after %s (-before +after):\n%s", time.Since(start), diff)
	}
	a.does("unlock")
	a.ends()
	if err := addPost(t, s, ch, "slot", monday, briefing.PostDue); err != nil {
		t.Error(err)
	}
}
