package main

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// askHealth runs briefingbot health with the address of a bot.
func askHealth(t *testing.T, address string) (string, error) {
	t.Helper()
	program, err := exec.LookPath("briefingbot")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "health")
	// A proxy that is not there: asking it would fail.
	cmd.Env = []string{"BRIEFINGBOT_ADMIN_LISTEN=" + address, "HTTP_PROXY=http://127.0.0.1:1", "GORACE=" + raceSettings}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestHealthAsksTheBotThatRuns(t *testing.T) {
	t.Parallel()
	p := serve(t)
	port := p.admin[strings.LastIndex(p.admin, ":"):]
	for _, address := range []string{p.admin, "localhost" + port, port, "0.0.0.0" + port, "[::]" + port} {
		if out, err := askHealth(t, address); err != nil || out != "ready\n" {
			t.Errorf("asked at %s: %v %s", address, err, out)
		}
	}
}

func TestHealthFailsWhileTheBotIsNotReady(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusNotFound, http.StatusFound} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/healthz")
			w.WriteHeader(status)
		}))
		out, err := askHealth(t, server.Listener.Addr().String())
		if err == nil || !strings.Contains(out, "error: the bot is not ready: ") || !strings.Contains(out, http.StatusText(status)) {
			t.Errorf("status %d: %v %s", status, err, out)
		}
		server.Close()
	}
}
