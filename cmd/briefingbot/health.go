package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// healthCommand is for container engines: the image holds neither a shell nor
// curl that could ask.
type healthCommand struct {
	AdminListen string `default:"127.0.0.1:9090" env:"BRIEFINGBOT_ADMIN_LISTEN" help:"Address for health checks of the bot that is asked."`
}

// healthTime is below the 5 s after which the Dockerfile has the engine give up.
const healthTime = 4 * time.Second

// Run asks the bot on this machine for /readyz.
func (c healthCommand) Run(ctx context.Context, s streams) error {
	address, err := reachable(cmp.Or(c.AdminListen, defaultAdminListen))
	if err != nil {
		return hinted{fmt.Errorf("BRIEFINGBOT_ADMIN_LISTEN is no address: %w", err), "name it as serve has it, like 127.0.0.1:9090"}
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return err
	}
	// Without the default transport, whose proxy might be asked in the bot's place.
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return hinted{fmt.Errorf("the bot does not answer: %w", err), "see that briefingbot serve runs here, with the same BRIEFINGBOT_ADMIN_LISTEN"}
	}
	defer resp.Body.Close() // only read from: closing can lose nothing
	if resp.StatusCode != http.StatusOK {
		return hinted{errors.New("the bot is not ready: " + resp.Status), "its log says why; while the database is away it still answers with briefings"}
	}
	_, err = io.WriteString(s.out, "ready\n")
	return err
}
