package slack

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// Trial is what Slack says to the bot's token.
type Trial struct {
	Err     error     // why the token is not good, or why nobody knows; a *briefing.DeliveryError
	Missing []string  // scopes that are needed and were not granted
	Public  bool      // it may post in public channels that it was not added to
	Known   bool      // Slack told the scopes
	Date    time.Time // Slack's clock; zero where there was no answer
}

// needed are the scopes that the bot cannot do without.
var needed = []string{"chat:write", "commands"}

// Try asks Slack whether the bot's token is good, and what for.
// https://docs.slack.dev/reference/methods/auth.test
func Try(ctx context.Context, cfg Config) (t Trial) {
	if cfg.BotToken.Empty() {
		t.Err = noToken()
		return t
	}
	a := newAPI(cfg)
	defer a.http.CloseIdleConnections()
	c := a.call()
	_, err := c.slack(a).AuthTestContext(ctx)
	if at, err := http.ParseTime(c.header.Get("Date")); err == nil {
		t.Date = at
	}
	if failure := c.failure(err); failure != nil {
		t.Err = failure
		return t
	}
	var scopes []string
	if scopes, t.Known = c.scopes(); t.Known {
		for _, scope := range needed {
			if !slices.Contains(scopes, scope) {
				t.Missing = append(t.Missing, scope)
			}
		}
		t.Public = slices.Contains(scopes, "chat:write.public")
	}
	return t
}

// secretForm is how Slack's signing secrets look: 32 hexadecimal digits.
var secretForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// SecretFormed reports whether the signing secret looks like one of Slack's. Whether
// it is the right one only a request of Slack's shows.
func (c Config) SecretFormed() bool { return secretForm.MatchString(c.SigningSecret.Reveal()) }
