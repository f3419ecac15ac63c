package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

var platformField = zap.String("platform", string(briefing.Web))

func statusField(status int) zap.Field  { return zap.Int("status", status) }
func causeField(cause string) zap.Field { return zap.String("cause", cause) }

// said is what somebody typed or pressed.
type said struct {
	Place string `json:"place"` // channel or private
	Text  string `json:"text"`
	Share bool   `json:"share"` // the reply is for the whole channel
}

// say answers a command. The reply goes to whoever asked, as in Slack; one that is
// shared goes to every open page.
func (c *Chat) say(w http.ResponseWriter, r *http.Request) {
	in, status, words := readSaid(w, r)
	if status != http.StatusOK {
		c.refuse(w, status, words, "a request that is none")
		return
	}
	ch, ok := channelOf(in.Place)
	if !ok || in.Share && ch.ID == "" {
		c.refuse(w, http.StatusBadRequest, notSaid, "a place that is none")
		return
	}
	m := c.respond.Respond(r.Context(), briefing.Request{
		Platform: briefing.Web, Text: briefing.NewPrivate(in.Text), Channel: ch, Public: in.Share,
	})
	body, err := c.draw(m, in.Share)
	if err != nil {
		c.failed(err)
		http.Error(w, "The reply could not be drawn. Whoever runs the bot finds the cause in its log.", http.StatusInternalServerError)
		return
	}
	if in.Share {
		c.hub.post(body)
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // a page that has gone needs no answer
}

const (
	notSaid = "The page sent something that it should not. Open it anew."
	tooLong = "That is too long for a command, which has a few words."
)

// readSaid reads a request. Where its status is not OK, it has words for the person,
// with nothing of what was sent.
func readSaid(w http.ResponseWriter, r *http.Request) (in said, status int, words string) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return in, http.StatusUnsupportedMediaType, notSaid
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if over := new(http.MaxBytesError); errors.As(err, &over) {
		return in, http.StatusRequestEntityTooLarge, tooLong
	}
	if err != nil || json.Unmarshal(body, &in) != nil || strings.TrimSpace(in.Text) == "" {
		return in, http.StatusBadRequest, notSaid
	}
	return in, http.StatusOK, ""
}
