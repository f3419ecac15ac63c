package fakes

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// TeamsConversation is the id of a tenant's nth conversation: 19:, the tenant, which
// has no dot in it, a dot, the number, and what Teams puts behind.
func TeamsConversation(tenant string, n int) string {
	return fmt.Sprintf("19:%s.%d@thread.tacv2", tenant, n)
}

// NewTeams is the connector, at whose address channels have their service, and the
// login server: TEAMS_LOGIN_URL is the same address.
func NewTeams() *Platform { return newPlatform(teamsDialect{}, teamsLimits) }

// accessToken is what the login server hands out.
const accessToken = "AccessTokenOfTheFake"

type teamsDialect struct{}

func (teamsDialect) serve(p *Platform, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever sent it has gone
	}
	if strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") {
		p.tokens.Add(1)
		say(w, http.StatusOK, `{"token_type":"Bearer","expires_in":3600,"access_token":"`+accessToken+`"}`)
		return
	}
	if p.tokens.Load() > 0 && r.Header.Get("Authorization") != "Bearer "+accessToken {
		teamsDialect{}.answer(w, Refuse(http.StatusUnauthorized, "Unauthorized"), 0)
		return
	}
	// Ids are escaped, so that a slash always separates.
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if len(parts) < 4 || parts[0] != "v3" || parts[1] != "conversations" || parts[3] != "activities" {
		http.NotFound(w, r)
		return
	}
	id, err := url.PathUnescape(parts[2])
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if len(parts) > 4 || r.Method != http.MethodPost {
		p.mu.Lock()
		p.replies = append(p.replies, string(body))
		p.mu.Unlock()
		say(w, http.StatusCreated, `{"id":"reply"}`)
		return
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(id, "19:"), ".")
	p.take(w, Message{Tenant: tenant, Channel: id, body: body, text: summary})
}

func (teamsDialect) answer(w http.ResponseWriter, a Answer, n int) {
	status := a.Status
	if status == 0 {
		status = http.StatusCreated
	}
	if status < 300 {
		say(w, status, fmt.Sprintf(`{"id":"%d"}`, n))
		return
	}
	code := a.Code
	if code == "" {
		code = strings.ReplaceAll(http.StatusText(status), " ", "")
	}
	say(w, status, fmt.Sprintf(`{"error":{"code":%q,"message":"as told"}}`, code))
}

// summary is what a notification of Teams' shows.
func summary(body []byte) string {
	var activity struct {
		Summary string `json:"summary"`
		Text    string `json:"text"`
	}
	if json.Unmarshal(body, &activity) != nil || activity.Summary == "" {
		return activity.Text
	}
	return activity.Summary
}
