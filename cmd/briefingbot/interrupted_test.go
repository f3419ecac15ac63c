package main

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Ctrl-C at a prompt ends the program, and what it asked about is not done.
func TestInterruptAtAPromptEndsTheProgram(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("briefingbot")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "ask")
	cmd.Dir, cmd.Env = t.TempDir(), []string{"GORACE=" + raceSettings}
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
	defer in.Close() // it never ends by itself
	if _, err := io.WriteString(in, "/briefings\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAtLeast(out, make([]byte, 1), 1); err != nil { // it answers, and waits for more
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		t.Error("it goes on")
	}
}

func TestReadingEndsWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	in, _ := io.Pipe() // nobody types
	if answer, err := io.ReadAll(interrupted{ctx, in}); !errors.Is(err, context.Canceled) || len(answer) > 0 {
		t.Errorf("%q, %v", answer, err)
	}
	if answer, err := io.ReadAll(interrupted{t.Context(), strings.NewReader("yes")}); err != nil || string(answer) != "yes" {
		t.Errorf("%q, %v", answer, err)
	}
}
