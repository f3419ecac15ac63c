package fakes

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// SlackChannel is the id of a tenant's nth channel: C, the tenant, which has no x in
// it, an x, and the number.
func SlackChannel(tenant string, n int) string { return fmt.Sprintf("C%sx%d", tenant, n) }

// NewSlack is Slack's Web API as far as the bot uses it: SLACK_API_URL is its
// address with a slash.
func NewSlack() *Platform { return newPlatform(slackDialect{}, slackLimits) }

type slackDialect struct{}

func (slackDialect) serve(p *Platform, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever sent it has gone
	}
	method := path.Base(r.URL.Path)
	p.mu.Lock()
	p.methods[method]++
	p.mu.Unlock()
	switch method {
	case "chat.postMessage":
		id := formValue(body, "channel")
		tenant, _, _ := strings.Cut(strings.TrimPrefix(id, "C"), "x")
		p.take(w, Message{Tenant: tenant, Channel: id, body: body, text: slackText})
	case "auth.test":
		w.Header().Set("X-OAuth-Scopes", "commands,chat:write")
		say(w, http.StatusOK, `{"ok":true,"team_id":"T1","user_id":"U1","bot_id":"B1"}`)
	case "views.open":
		say(w, http.StatusOK, `{"ok":true,"view":{"id":"V1"}}`)
	case "chat.getPermalink":
		say(w, http.StatusOK, `{"ok":false,"error":"message_not_found"}`)
	default:
		say(w, http.StatusOK, `{"ok":false,"error":"unknown_method"}`)
	}
}

func (slackDialect) answer(w http.ResponseWriter, a Answer, n int) {
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	code := a.Code
	if status == http.StatusTooManyRequests {
		code = "ratelimited"
	}
	switch {
	case code != "":
		say(w, status, fmt.Sprintf(`{"ok":false,"error":%q}`, code))
	case status != http.StatusOK:
		say(w, status, http.StatusText(status))
	default:
		say(w, status, fmt.Sprintf(`{"ok":true,"ts":"%d.%06d"}`, time.Now().Unix(), n%1_000_000))
	}
}

func slackText(body []byte) string { return formValue(body, "text") }

// formValue is one value of a form. Parsing a whole message takes long where there
// are 100,000.
func formValue(body []byte, name string) string {
	for len(body) > 0 {
		var pair []byte
		pair, body, _ = bytes.Cut(body, []byte("&"))
		if value, ok := bytes.CutPrefix(pair, []byte(name+"=")); ok {
			out, err := url.QueryUnescape(string(value))
			if err != nil {
				return ""
			}
			return out
		}
	}
	return ""
}

func say(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}
