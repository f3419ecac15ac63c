// Command bench builds the binary, starts it, and prints its size, its time from
// start to ready, its idle memory, and what it answers under load: signed slash
// commands over loopback, each with a signature of its own.
//
//	go run ./internal/slack/bench
//
// It measures; it does not judge. Compare figures of one run with each other.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const secret = "a secret for the benchmark alone"

func main() {
	var (
		seconds = flag.Int("seconds", 5, "how long to send, at most 60")
		clients = flag.Int("clients", 8, "how many send at a time, at most 256")
		text    = flag.String("text", "worries", "what stands after /da-briefing")
	)
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := run(ctx, time.Duration(min(*seconds, 60))*time.Second, min(*clients, 256), *text); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1) //nolint:gocritic // the process ends, and its context with it
	}
}

func run(ctx context.Context, duration time.Duration, clients int, text string) (err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary := filepath.Join(dir, "briefingbot")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "./cmd/briefingbot")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building: %w\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	fmt.Printf("stripped binary  %.1f MiB\n", float64(info.Size())/(1<<20))

	var starts []time.Duration
	for range 5 {
		s, err := start(ctx, binary)
		if err != nil {
			return err
		}
		starts = append(starts, s.ready)
		if err := s.stop(); err != nil {
			return err
		}
	}
	slices.Sort(starts)
	fmt.Printf("start to ready   %v (median of %d)\n", starts[len(starts)/2].Round(time.Millisecond), len(starts))

	s, err := start(ctx, binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	time.Sleep(time.Second)
	idle, err := s.memory()
	if err != nil {
		return err
	}
	fmt.Printf("idle memory      %.1f MiB\n", idle)
	if err := load(ctx, s.address, duration, clients, text); err != nil {
		return err
	}
	after, err := s.memory()
	if err != nil {
		return err
	}
	fmt.Printf("memory after it  %.1f MiB\n", after)
	return nil
}

// server is the binary at work.
type server struct {
	cmd     *exec.Cmd
	address string
	ready   time.Duration
	drained chan struct{}
}

func start(ctx context.Context, binary string) (*server, error) {
	cmd := exec.CommandContext(ctx, binary, "serve")
	cmd.Env = []string{"SLACK_SIGNING_SECRET=" + secret, "BRIEFINGBOT_LISTEN=127.0.0.1:0", "BRIEFINGBOT_ADMIN_LISTEN=127.0.0.1:0"}
	cmd.Dir = filepath.Dir(binary) // where it makes its database
	logs, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		var entry struct{ Msg, Listen string }
		if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "ready" {
			s := &server{cmd: cmd, address: entry.Listen, ready: time.Since(began), drained: make(chan struct{})}
			go func() { defer close(s.drained); _, _ = io.Copy(io.Discard, logs) }()
			return s, nil
		}
	}
	return nil, errors.Join(errors.New("the binary stopped before it was ready"), cmd.Wait())
}

func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-s.drained
	return s.cmd.Wait()
}

// memory is the resident memory in MiB.
func (s *server) memory() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kb) / 1024, err
		}
	}
	return 0, errors.New("no VmRSS")
}

func load(ctx context.Context, address string, duration time.Duration, clients int, text string) error {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	var (
		wg      sync.WaitGroup
		counter atomic.Int64
		mu      sync.Mutex
		took    []time.Duration
		failed  error
	)
	began := time.Now()
	for range clients {
		wg.Go(func() {
			var mine []time.Duration
			var err error
			for ctx.Err() == nil && err == nil {
				at := time.Now()
				if err = post(client, address, counter.Add(1), text); err == nil {
					mine = append(mine, time.Since(at))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			took, failed = append(took, mine...), errors.Join(failed, err)
		})
	}
	wg.Wait()
	elapsed := time.Since(began)
	if failed != nil || len(took) == 0 {
		return fmt.Errorf("under load: %w", errors.Join(failed, ctx.Err()))
	}
	slices.Sort(took)
	fmt.Printf("replies          %.0f a second over %v with %d clients; half within %v, 99 %% within %v\n",
		float64(len(took))/elapsed.Seconds(), elapsed.Round(time.Second), clients,
		took[len(took)/2].Round(time.Microsecond), took[len(took)*99/100].Round(time.Microsecond))
	return nil
}

func post(client *http.Client, address string, n int64, text string) error {
	body := fmt.Appendf(nil, "team_id=T0001&channel_id=C1&user_id=U1&command=%%2Fda-briefing&text=%s&response_url=https%%3A%%2F%%2Fhooks.slack.com%%2Fcommands%%2F1&trigger_id=%d", text, n)
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	req, err := http.NewRequest(http.MethodPost, "http://"+address+"/slack/commands", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Slack-Request-Timestamp", stamp)
	req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() // read to its end
	n, err = io.Copy(io.Discard, resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || n < 100) {
		err = fmt.Errorf("status %s with %d bytes", resp.Status, n)
	}
	return err
}
