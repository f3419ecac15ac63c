package teams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"briefingbot/internal/briefing"
)

// asking is a responder that keeps what it was asked.
type asking struct {
	mu    sync.Mutex
	asked []briefing.Request
}

func (r *asking) Respond(_ context.Context, req briefing.Request) *briefing.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, req)
	return &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: "an answer"}}}
}

func (r *asking) last(t *testing.T) briefing.Request {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.asked) == 0 {
		t.Fatal("nobody was asked")
	}
	return r.asked[len(r.asked)-1]
}

const (
	guestTenant = "9b0d3c55-2222-4c3b-9d35-0f5b6f0c9a22"
	groupChatID = "19:group@thread.v2"
)

func TestRequestSaysWhereItComesFrom(t *testing.T) {
	t.Parallel()
	conversation := func(kind, id, tenant string) object {
		c := object{"id": id, "conversationType": kind}
		if tenant != "" {
			c["tenantId"] = tenant
		}
		return c
	}
	const service, thread, channel = "SERVICE", "19:abc@thread.tacv2;messageid=1", "19:abc@thread.tacv2"
	inTeam := `{"service":"SERVICE","conversation":"19:abc@thread.tacv2","bot":"` + botID + `","team":"19:general@thread.tacv2"}`
	for _, tt := range []struct {
		name              string
		changes           object
		tenant, id, route string
	}{
		{"a thread of a channel", nil, homeTenant, channel, inTeam},
		{"a channel that the activity does not name", object{"channelData": object{"tenant": object{"id": homeTenant}}}, homeTenant, channel,
			`{"service":"SERVICE","conversation":"19:abc@thread.tacv2","bot":"` + botID + `"}`},
		{"another channel than the conversation", object{"channelData": object{"channel": object{"id": "19:other@thread.tacv2"}}}, homeTenant, "19:other@thread.tacv2",
			`{"service":"SERVICE","conversation":"19:abc@thread.tacv2","bot":"` + botID + `"}`},
		{"a group chat", object{"conversation": conversation("groupChat", groupChatID, homeTenant), "channelData": object{"tenant": object{"id": homeTenant}}}, homeTenant, groupChatID,
			`{"service":"SERVICE","conversation":"19:group@thread.v2","bot":"` + botID + `"}`},
		{"a message for the bot alone", object{"recipient": object{"id": botID, "isTargeted": true}}, homeTenant, channel, inTeam},
		{"a personal chat", personalChat, homeTenant, "", ""},
		{"a chat of no known kind", object{"conversation": conversation("", "a:1", homeTenant), "channelData": object{"tenant": object{"id": homeTenant}}}, homeTenant, "", ""},
		{"a tenant in capitals", object{"conversation": conversation("channel", thread, strings.ToUpper(homeTenant))}, homeTenant, channel, inTeam},
		{"the tenant of channelData alone", object{"conversation": conversation("channel", thread, "")}, homeTenant, channel, inTeam},
		{"a guest in a shared channel", object{"conversation": conversation("channel", thread, guestTenant)}, guestTenant, channel, inTeam},
		{"nobody's tenant", object{"conversation": conversation("channel", thread, ""), "channelData": object{"channel": object{"id": channel}}}, "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &asking{}
			s := newSide(t, r, func(c *Config) { c.TenantID = "" })
			for kind, a := range map[string]object{"typed": s.mentioning("/reflection"), "pressed": s.pressing("/reflection"), "submitted": s.submitting("/reflection")} {
				if kind == "submitted" {
					a["channelData"] = s.activity("message", nil)["channelData"]
				}
				if got := s.send(changed(a, tt.changes)); got.status != http.StatusOK {
					t.Fatalf("%s: status %d", kind, got.status)
				}
				want := briefing.Channel{Platform: briefing.Teams, Tenant: tt.tenant, ID: tt.id, Route: strings.ReplaceAll(tt.route, service, s.connector.service())}
				req := r.last(t)
				if req.Channel != want {
					t.Errorf("%s: %+v,\nwant %+v", kind, req.Channel, want)
				}
				var person []string
				for _, id := range req.Person {
					person = append(person, id.Reveal())
				}
				if !slices.Equal(person, []string{userID, "77777777-0000-4a5b-8c9d-0123456789ab"}) || strings.Contains(fmt.Sprintf("%+v", req), "77777777") {
					t.Errorf("%s: %d ids of the person, or they can be read", kind, len(person))
				}
				for _, no := range []string{userID, "77777777", "Kayleigh", "messageid"} {
					if strings.Contains(req.Channel.Route+req.Channel.ID, no) {
						t.Errorf("%s: the channel holds %q", kind, no)
					}
				}
			}
			s.settle()
		})
	}
}

func TestLocalClientThatNamesNoTenantHasOne(t *testing.T) {
	t.Parallel()
	r := &asking{}
	s := newSide(t, r, unsigned)
	a := changed(s.mentioning("/reflection"), object{"conversation": object{"id": threadOfTests, "conversationType": "channel"}, "channelData": nil})
	if got := s.send(a); got.status != http.StatusOK {
		t.Fatal(got.status)
	}
	if ch := r.last(t).Channel; ch.Tenant != unnamedTenant || ch.ID != "19:abc@thread.tacv2" {
		t.Errorf("%+v", ch)
	}
	s.settle()
}

func TestOnlyWhereTheBotIsCanBePostedIn(t *testing.T) {
	t.Parallel()
	s := newSide(t, note(""))
	usable := s.channel()
	for _, tt := range []struct {
		name   string
		change func(*briefing.Channel)
		want   briefing.Cause // empty where it can
	}{
		{"a channel", func(*briefing.Channel) {}, ""},
		{"a personal chat", func(c *briefing.Channel) { c.ID = "" }, briefing.CauseRemoved},
		{"no route", func(c *briefing.Channel) { c.Route = "" }, briefing.CauseRemoved},
		{"a route that is none", func(c *briefing.Channel) { c.Route = "null" }, briefing.CauseRemoved},
		{"a route of another platform's", func(c *briefing.Channel) { c.Route = "C123" }, briefing.CauseRemoved},
		{"a route without a conversation", func(c *briefing.Channel) { c.Route = `{"service":"` + s.connector.service() + `"}` }, briefing.CauseRemoved},
		{"a conversation that would lead elsewhere", func(c *briefing.Channel) {
			c.Route = `{"service":"` + s.connector.service() + `","conversation":".."}`
		}, briefing.CauseRemoved},
		{"a service that is not allowed, or no longer", func(c *briefing.Channel) {
			c.Route = `{"service":"https://evil.example/","conversation":"19:abc@thread.tacv2"}`
		}, briefing.CauseRevoked},
	} {
		ch := usable
		tt.change(&ch)
		err := s.adapter.CanPost(t.Context(), ch)
		if _, sendErr := s.adapter.Send(t.Context(), ch, weekly); (sendErr == nil) != (err == nil) || err != nil && sendErr.Error() != err.Error() {
			t.Errorf("%s: sending: %v, but whether it can: %v", tt.name, sendErr, err)
		}
		var d *briefing.DeliveryError
		switch {
		case tt.want == "" && err == nil:
		case tt.want == "" || !errors.As(err, &d) || d.Outcome != briefing.Impossible || d.Cause != tt.want:
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if got := len(s.connector.received()); got != 1 {
		t.Errorf("%d messages, want the one of the channel", got)
	}
}

// keeping is a keeper of routes, that fails where fails says so.
type keeping struct {
	mu    sync.Mutex
	kept  []briefing.Channel
	fails error
}

func (k *keeping) keep(_ context.Context, ch briefing.Channel) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = append(k.kept, ch)
	return k.fails
}

func (k *keeping) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fails = err
}

// heard waits for so many routes, and a moment for one too many.
func (k *keeping) heard(t *testing.T, want int) []briefing.Channel {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		k.mu.Lock()
		kept := slices.Clone(k.kept)
		k.mu.Unlock()
		if len(kept) >= want && (len(kept) > want || time.Until(deadline) < 4980*time.Millisecond) {
			if len(kept) > want {
				t.Fatalf("%d routes were told of, want %d", len(kept), want)
			}
			return kept
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d routes were told of, want %d", len(kept), want)
		}
	}
}

func TestRouteIsToldOfOnceUntilItChanges(t *testing.T) {
	t.Parallel()
	s, k := newSide(t, note("an answer")), &keeping{}
	s.adapter.LearnRoutes(k.keep)
	installed, added := s.arrivals(threadOfTests)
	moved := func(a object) object { return changed(a, object{"recipient": object{"id": "28:another"}}) }
	group := changed(s.mentioning(""), object{"conversation": object{"id": groupChatID, "conversationType": "groupChat", "tenantId": homeTenant}, "channelData": nil})
	for i, tt := range []struct {
		name string
		a    object
		want int // told of so far
	}{
		{"a reaction", s.activity("messageReaction", nil), 0},
		{"a person who is added", s.activity("conversationUpdate", object{"membersAdded": []any{object{"id": userID}}}), 0},
		{"a bot that is removed", s.activity("installationUpdate", object{"action": "remove"}), 0},
		{"a personal chat", s.telling("da-briefing"), 0},
		{"an installation", installed, 1},
		{"the bot that is added", added, 1},
		{"a message", s.mentioning("da-briefing"), 1},
		{"a button", s.pressing("/da-briefing"), 1},
		{"a message in another thread", changed(s.mentioning(""), object{"conversation": object{"id": "19:abc@thread.tacv2;messageid=2", "conversationType": "channel", "tenantId": homeTenant}}), 1},
		{"a group chat", group, 2},
		{"a button elsewhere", moved(s.pressing("/da-briefing")), 3},
		{"a button where it was before", s.pressing("/da-briefing"), 4},
	} {
		if got := s.send(tt.a); got.status != http.StatusOK {
			t.Fatalf("%s: status %d", tt.name, got.status)
		}
		kept := k.heard(t, tt.want)
		if tt.want > 0 && kept[tt.want-1].Tenant != homeTenant {
			t.Errorf("%d: %+v", i, kept[tt.want-1])
		}
	}
	kept := k.heard(t, 4)
	if kept[0] != kept[3] || kept[0].Route == kept[2].Route || kept[0].ID != kept[2].ID || kept[1].ID != groupChatID {
		t.Errorf("told of %+v", kept)
	}
	var to route
	if err := json.Unmarshal([]byte(kept[0].Route), &to); err != nil || to.Service != s.connector.service() {
		t.Errorf("%v: %+v", err, to)
	}
	s.settle()
}

func TestRouteThatWasNotKeptIsToldOfAgain(t *testing.T) {
	t.Parallel()
	s, k := newSide(t, note("an answer")), &keeping{fails: errors.New("database is locked")}
	s.adapter.LearnRoutes(k.keep)
	s.send(s.pressing("/da-briefing"))
	k.heard(t, 1)
	for deadline := time.Now().Add(5 * time.Second); len(s.logged("route not kept")) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if got := s.logged("route not kept"); len(got) != 1 || got[0]["cause"] != "database is locked" || got[0]["platform"] != "teams" || got[0]["level"] != "warn" || len(got[0]) != 3 {
		t.Errorf("logged %v, want one line", got)
	}
	k.fail(nil)
	s.send(s.pressing("/da-briefing"))
	k.heard(t, 2)
	s.send(s.pressing("/da-briefing"))
	k.heard(t, 2)
	s.settle()
}

func TestStoreThatHangsHoldsUpNoAnswer(t *testing.T) {
	t.Parallel()
	s := newSide(t, note("an answer"))
	release := make(chan struct{})
	s.adapter.LearnRoutes(func(context.Context, briefing.Channel) error { <-release; return nil })
	for i := range maxPerConversation + 4 {
		a := changed(s.mentioning("da-briefing"), object{"conversation": object{"id": fmt.Sprintf("19:%d@thread.tacv2", i), "conversationType": "channel", "tenantId": homeTenant}, "channelData": nil})
		if p := s.asked(a); p.text != "an answer\n" {
			t.Errorf("%d: %q", i, p.text)
		}
	}
	if got := s.logged("route not kept"); len(got) != 4 {
		t.Errorf("%d lines, want one for each route that found no place", len(got))
	}
	close(release)
	s.settle()
}

func TestRouteIsToldOfOnceAnHour(t *testing.T) {
	t.Parallel()
	var l learned
	ch, now := briefing.Channel{Tenant: "t", ID: "c", Route: "r"}, time.Unix(1_800_000_000, 0)
	if !l.isNews(ch, now) || l.isNews(ch, now.Add(learnedFor-time.Second)) {
		t.Error("it must be told of once")
	}
	if !l.isNews(ch, now.Add(learnedFor)) || l.isNews(ch, now.Add(learnedFor+time.Second)) {
		t.Error("it must be told of again: another replica may have told of another one")
	}
}

func TestMemoryOfRoutesIsBounded(t *testing.T) {
	t.Parallel()
	var l learned
	for i := range 2*maxLearned + 10 {
		if !l.isNews(briefing.Channel{Tenant: "t", ID: fmt.Sprint(i), Route: "r"}, time.Unix(0, 0)) {
			t.Fatalf("%d is no news", i)
		}
		if len(l.routes) > maxLearned {
			t.Fatalf("%d are remembered", len(l.routes))
		}
	}
	a, b := briefing.Channel{Tenant: "one", ID: "c", Route: "r"}, briefing.Channel{Tenant: "two", ID: "c", Route: "r"}
	now := time.Unix(1_800_000_000, 0)
	if !l.isNews(a, now) || !l.isNews(b, now) || l.isNews(a, now) {
		t.Error("a channel is taken for another tenant's")
	}
}
