package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const teamsApp = "6f1b2c3d-0000-4a5b-8c9d-0123456789ab"

// bot is the binary at work.
type bot struct {
	cmd      *exec.Cmd
	drained  chan struct{}
	warnings atomic.Int64
}

func (l *load) start(ctx context.Context, binary string) (*bot, error) {
	b := &bot{cmd: exec.CommandContext(ctx, binary, "serve"), drained: make(chan struct{})}
	b.cmd.Env = []string{
		"BRIEFINGBOT_LISTEN=127.0.0.1:0", "BRIEFINGBOT_ADMIN_LISTEN=127.0.0.1:0", "BRIEFINGBOT_DATABASE=" + l.database,
		"SLACK_SIGNING_SECRET=a secret for the load alone", "SLACK_BOT_TOKEN=BotTokenOfTheLoad", "SLACK_API_URL=" + l.slackURL + "/",
		"TEAMS_APP_ID=" + teamsApp, "TEAMS_APP_PASSWORD=a password for the load alone", "TEAMS_LOGIN_URL=" + l.teamsURL,
		"TEAMS_SERVICE_HOSTS=" + strings.TrimPrefix(l.teamsURL, "http://"),
	}
	logs, err := b.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	go func() {
		defer close(b.drained)
		for lines := bufio.NewScanner(logs); lines.Scan(); {
			var entry struct{ Level, Msg, Cause string }
			switch err := json.Unmarshal(lines.Bytes(), &entry); {
			case err != nil:
				fmt.Fprintln(os.Stderr, lines.Text())
			case entry.Msg == "ready":
				close(ready)
			case entry.Level != "info":
				if b.warnings.Add(1) <= maxShown {
					fmt.Fprintf(os.Stderr, "the bot says: %s: %s\n", entry.Msg, entry.Cause)
				}
			}
		}
	}()
	select {
	case <-ready:
		return b, nil
	case <-b.drained:
		return nil, errors.Join(errors.New("the bot stopped before it was ready"), b.cmd.Wait())
	}
}

// maxShown is how many of the bot's warnings are repeated.
const maxShown = 10

func (b *bot) stop() error {
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-b.drained
	return b.cmd.Wait()
}

// memory is the most resident memory that the bot has had, in MiB.
func (b *bot) memory() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kb) / 1024, err
		}
	}
	return 0, errors.New("no VmHWM")
}

// cpu is how long the bot has been computing.
func (b *bot) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	const user, system = 14 - 3, 15 - 3 // of proc(5), whose third field is the first here
	if len(fields) <= system {
		return 0, errors.New("no CPU time")
	}
	var ticks int64
	for _, field := range []string{fields[user], fields[system]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100), nil // Linux counts in hundredths
}
