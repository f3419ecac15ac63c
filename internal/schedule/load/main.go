// Command load measures weekly questions at scale. It builds the binary, makes a
// database in which many channels have a question at the same minute, plays Slack and
// Teams itself, and prints how fast the questions go out and what that takes.
//
//	go run ./internal/schedule/load [-database sqlite|postgres] [-channels 100000] [-tenants 500] [-limits]
//
// With -limits the platforms refuse whatever comes faster than they publish. It
// measures; it does not judge. Start with run. PostgreSQL is one that it starts, with
// its default durability; SQLite is a file in the folder for temporary files.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"briefingbot/internal/fakes"
	"briefingbot/internal/storetest"
)

func main() {
	var l load
	flag.StringVar(&l.kind, "database", "sqlite", "sqlite or postgres")
	flag.IntVar(&l.channels, "channels", 100_000, "how many channels have a question at the same minute")
	flag.IntVar(&l.tenants, "tenants", 500, "how many tenants they are of, every second one in Teams")
	flag.BoolVar(&l.limits, "limits", false, "the platforms take no more than they publish")
	flag.DurationVar(&l.idle, "idle", 30*time.Second, "how long to measure the idle bot")
	flag.DurationVar(&l.most, "most", 15*time.Minute, "when to give up")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := l.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1) //nolint:gocritic // the process ends, and its context with it
	}
}

// load is one measurement.
type load struct {
	kind              string
	channels, tenants int
	limits            bool
	idle, most        time.Duration

	slack, teams       *fakes.Platform
	slackURL, teamsURL string
	database           string
	slot               time.Time
}

func (l *load) run(ctx context.Context) (err error) {
	if l.channels < 1 || l.tenants < 1 || l.channels < l.tenants || l.kind != "sqlite" && l.kind != "postgres" {
		return errors.New("-database is sqlite or postgres, and each tenant has a channel or more")
	}
	dir, err := os.MkdirTemp("", "load")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary := filepath.Join(dir, "briefingbot")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./cmd/briefingbot")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building: %w\n%s", err, out)
	}
	closeDatabase, err := l.newDatabase(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDatabase()) }()
	if err := l.play(); err != nil {
		return err
	}
	start := time.Now()
	// Long enough to write them all, and to start.
	l.slot = start.Add(time.Duration(l.channels)*100*time.Microsecond + 15*time.Second).Truncate(time.Minute).Add(time.Minute)
	if err := l.seed(ctx); err != nil {
		return fmt.Errorf("making the subscriptions: %w", err)
	}
	fmt.Printf("%s, %d channels of %d tenants; limits: %t; %d cores, %s\n", l.kind, l.channels, l.tenants, l.limits, runtime.NumCPU(), runtime.Version())
	fmt.Printf("written in             %s\n", time.Since(start).Round(100*time.Millisecond))
	b, err := l.start(ctx, binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	if err := l.measure(ctx, b); err != nil {
		return err
	}
	return l.measureIdle(ctx, b)
}

// newDatabase makes an empty one.
func (l *load) newDatabase(ctx context.Context, dir string) (closeIt func() error, err error) {
	if l.kind == "sqlite" {
		l.database = filepath.Join(dir, "load.db")
		return func() error { return nil }, nil
	}
	server, err := storetest.Start("fsync=on")
	if err != nil {
		return nil, err
	}
	if l.database, _, err = server.Database(ctx); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return server.Close, nil
}

// play is Slack and Teams from now on.
func (l *load) play() error {
	l.slack, l.teams = fakes.NewSlack(), fakes.NewTeams()
	for _, platform := range []struct {
		fake    *fakes.Platform
		address *string
	}{{l.slack, &l.slackURL}, {l.teams, &l.teamsURL}} {
		if l.limits {
			platform.fake.Strict()
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		*platform.address = "http://" + listener.Addr().String()
		server := &http.Server{Handler: platform.fake, ReadHeaderTimeout: time.Minute}
		go func() { _ = server.Serve(listener) }() // until the process ends
	}
	return nil
}

func (l *load) total() int { return l.slack.Total() + l.teams.Total() }
