package teams

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
)

// forgetting is a store of channels, of which it forgets what it is told to.
type forgetting struct {
	mu       sync.Mutex
	channels []briefing.Channel
	asked    int
	fails    error
}

func (f *forgetting) forget(_ context.Context, t briefing.Tenant, which func(briefing.Channel) bool) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if f.fails != nil {
		return 0, f.fails
	}
	before := len(f.channels)
	f.channels = slices.DeleteFunc(f.channels, func(ch briefing.Channel) bool {
		return ch.Platform == t.Platform && ch.Tenant == t.ID && which(ch)
	})
	return before - len(f.channels), nil
}

// left is the ids of the channels that are there.
func (f *forgetting) left() (ids []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ch := range f.channels {
		ids = append(ids, ch.Tenant+" "+ch.ID)
	}
	return ids
}

const teamOfTests = "19:general@thread.tacv2"

// ofTwoTenants are two teams, a chat and a broken route, and all of that again in
// another tenant.
func ofTwoTenants() (all []briefing.Channel) {
	for _, tenant := range []string{homeTenant, guestTenant} {
		for id, team := range map[string]string{
			teamOfTests: teamOfTests, "19:abc@thread.tacv2": teamOfTests, "19:private@thread.tacv2": teamOfTests,
			"19:elsewhere@thread.tacv2": "19:another@thread.tacv2", groupChatID: "",
		} {
			all = append(all, briefing.Channel{Platform: briefing.Teams, Tenant: tenant, ID: id, Route: `{"service":"s","conversation":"` + id + `","team":"` + team + `"}`})
		}
		all = append(all, briefing.Channel{Platform: briefing.Teams, Tenant: tenant, ID: "broken", Route: `{`})
	}
	return all
}

func TestChannelsThatTheBotWasRemovedFromAreForgotten(t *testing.T) {
	t.Parallel()
	const abc, private, chat = "19:abc@thread.tacv2", "19:private@thread.tacv2", groupChatID
	removed := object{"membersRemoved": []any{object{"id": botID}}}
	inTeam := func(event string, channel any) object {
		data := object{"tenant": object{"id": homeTenant}, "team": object{"id": teamOfTests}, "eventType": event}
		if channel != nil {
			data["channel"] = object{"id": channel}
		}
		return object{"channelData": data}
	}
	inChat := object{"conversation": object{"id": chat, "conversationType": "groupChat", "tenantId": homeTenant}, "channelData": object{"tenant": object{"id": homeTenant}}}
	for _, tt := range []struct {
		name    string
		kind    string
		changes []object
		gone    []string // of the home tenant
	}{
		{"uninstalled from a team", "installationUpdate", []object{{"action": "remove"}}, []string{teamOfTests, abc, private}},
		{"removed from a team", "conversationUpdate", []object{removed, inTeam("teamMemberRemoved", nil)}, []string{teamOfTests, abc, private}},
		{"removed with others", "conversationUpdate", []object{{"membersRemoved": []any{object{"id": userID}, object{"id": botID}}}}, []string{teamOfTests, abc, private}},
		{"in a team that only the conversation names", "installationUpdate", []object{{"action": "remove", "channelData": nil, "conversation": object{"id": teamOfTests, "conversationType": "channel", "tenantId": homeTenant}}}, []string{teamOfTests, abc, private}},
		{"in a tenant in capitals", "installationUpdate", []object{{"action": "remove", "conversation": object{"id": threadOfTests, "conversationType": "channel", "tenantId": strings.ToUpper(homeTenant)}}}, []string{teamOfTests, abc, private}},
		{"removed from a private channel", "conversationUpdate", []object{removed, inTeam("channelMemberRemoved", private)}, []string{private}},
		{"removed from a group chat", "conversationUpdate", []object{removed, inChat}, []string{chat}},
		{"uninstalled from a group chat", "installationUpdate", []object{{"action": "remove"}, inChat}, []string{chat}},
		{"uninstalled from a team of which nothing is kept", "installationUpdate", []object{{"action": "remove", "channelData": object{"tenant": object{"id": homeTenant}, "team": object{"id": "19:x@thread.tacv2"}}}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, f := newSide(t, nobody(t)), &forgetting{channels: ofTwoTenants()}
			s.adapter.ForgetChannels(f.forget)
			want := slices.DeleteFunc(f.left(), func(id string) bool {
				tenant, channel, _ := strings.Cut(id, " ")
				return tenant == homeTenant && slices.Contains(tt.gone, channel)
			})
			a := s.activity(tt.kind, nil)
			for _, c := range tt.changes {
				a = changed(a, c)
			}
			for range 2 { // Teams says it in two ways
				if got := s.send(a); got.status != http.StatusOK || got.body != "" {
					t.Errorf("%d %q", got.status, got.body)
				}
				if diff := cmp.Diff(want, f.left()); diff != "" {
					t.Errorf("-want +left:\n%s", diff)
				}
			}
			lines := s.logged("purged what was kept: the bot was removed")
			if wanted := min(len(tt.gone), 1); len(lines) != wanted {
				t.Errorf("logged %v, want %d line", lines, wanted)
			}
			for _, line := range lines {
				if len(line) != 3 || line["kind"] != tt.kind || line["platform"] != "teams" || line["level"] != "info" {
					t.Errorf("logged %v", line)
				}
			}
			s.settle()
		})
	}
}

func TestNothingIsForgottenWhereTheBotStays(t *testing.T) {
	t.Parallel()
	s, f := newSide(t, note("an answer")), &forgetting{channels: ofTwoTenants()}
	s.adapter.ForgetChannels(f.forget)
	for name, a := range map[string]object{
		"somebody else":        s.activity("conversationUpdate", object{"membersRemoved": []any{object{"id": userID}}}),
		"nobody":               s.activity("conversationUpdate", object{"membersRemoved": []any{}}),
		"a member of no id":    s.activity("conversationUpdate", object{"membersRemoved": []any{object{"id": ""}}, "recipient": object{"id": ""}}),
		"members as an object": s.activity("conversationUpdate", object{"membersRemoved": object{"id": botID}}),
		"an update of the app": s.activity("installationUpdate", object{"action": "remove-upgrade"}),
		"an installation":      s.activity("installationUpdate", object{"action": "add"}),
		"a message":            s.activity("message", object{"action": "remove", "membersRemoved": []any{object{"id": botID}}}),
		"a personal chat":      changed(s.activity("installationUpdate", object{"action": "remove"}), personalChat),
		"a channel's deletion": s.activity("conversationUpdate", object{"channelData": object{"tenant": object{"id": homeTenant}, "team": object{"id": teamOfTests}, "eventType": "channelDeleted"}}),
	} {
		if got := s.send(a); got.status != http.StatusOK {
			t.Errorf("%s: status %d", name, got.status)
		}
	}
	s.settle()
	if f.asked > 0 || len(f.left()) != len(ofTwoTenants()) {
		t.Errorf("%d times, and %d channels are left", f.asked, len(f.left()))
	}
}

func TestForgedDepartureForgetsNothing(t *testing.T) {
	t.Parallel()
	s, f := newSide(t, nobody(t)), &forgetting{channels: ofTwoTenants()}
	s.adapter.ForgetChannels(f.forget)
	departure := s.activity("installationUpdate", object{"action": "remove"})
	body := mustJSON(departure)
	for _, tt := range []struct {
		name          string
		status        int
		authorization []string
	}{
		{"unsigned", http.StatusUnauthorized, nil},
		{"for another bot", http.StatusUnauthorized, []string{bearerWith(departure, object{"aud": "another"})}},
		{"out of time", http.StatusUnauthorized, []string{bearerWith(departure, object{"exp": 1})}},
		{"from another service", http.StatusUnauthorized, []string{bearerWith(departure, object{"serviceurl": "https://example.org/"})}},
	} {
		if got := s.do(s.request(body, tt.authorization...)); got.status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, got.status, tt.status)
		}
	}
	other := changed(departure, object{"conversation": object{"id": threadOfTests, "conversationType": "channel", "tenantId": guestTenant}})
	if got := s.send(other); got.status != http.StatusForbidden {
		t.Errorf("another tenant: status %d", got.status)
	}
	if f.asked > 0 {
		t.Error("something was forgotten")
	}
	s.settle()
}

func TestDepartureThatWasNotKeptIsSaidToTeams(t *testing.T) {
	t.Parallel()
	s, f := newSide(t, nobody(t)), &forgetting{channels: ofTwoTenants(), fails: errors.New("database is locked")}
	s.adapter.ForgetChannels(f.forget)
	departure := s.activity("installationUpdate", object{"action": "remove"})
	if got := s.send(departure); got.status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", got.status)
	}
	if got := s.logged("request refused"); len(got) != 1 || got[0]["cause"] != "the channels are not forgotten yet: database is locked" {
		t.Errorf("logged %v", got)
	}
	f.mu.Lock()
	f.fails = nil
	f.mu.Unlock()
	if got := s.send(departure); got.status != http.StatusOK || len(f.left()) != len(ofTwoTenants())-3 {
		t.Errorf("status %d, %q are left", got.status, f.left())
	}
	s.settle()
}

func TestBotThatComesBackIsWelcomedAgain(t *testing.T) {
	t.Parallel()
	s, f := newSide(t, note("an answer")), &forgetting{}
	s.adapter.ForgetChannels(f.forget)
	installed, _ := s.arrivals(threadOfTests)
	for range 2 {
		s.send(installed)
		s.send(s.activity("installationUpdate", object{"action": "remove"}))
	}
	s.settle()
	if got := len(s.connector.received()); got != 2 {
		t.Errorf("%d welcomes, want 2", got)
	}
}
