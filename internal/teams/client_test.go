package teams

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"briefingbot/internal/briefing"
)

// The tests here are the exchanges of Microsoft's local client, without it: what
// it posts, unsigned, from this machine, and what it takes, as strictly.

// localClient is the bot as that client sees it.
type localClient struct {
	*side
	posts int // in the channel, each a thread
}

func newLocalClient(t *testing.T) *localClient {
	t.Helper()
	return &localClient{side: newSide(t, nil, unsigned)}
}

const localTenant = "00000000-0000-0000-0000-000000000001"

// base is what all of the client's activities have.
func (c *localClient) base(kind string, changes object) object {
	return changed(object{
		"type": kind, "id": "1700000000000", "channelId": "msteams", "serviceUrl": c.connector.service(),
		"timestamp": "2026-03-02T09:00:00.000Z", "localTimestamp": "2026-03-02T09:00:00.000Z", "localTimezone": "Europe/London", "locale": "en-US",
		"from":         object{"id": "29:user-0", "name": "Practitioner", "aadObjectId": "00000000-0000-0000-0000-000000000020"},
		"recipient":    object{"id": "28:00000000-0000-0000-0000-000000000011", "name": "Briefing Bot"},
		"conversation": object{"id": "a:personal-1", "conversationType": "personal", "tenantId": localTenant},
		"channelData":  object{"tenant": object{"id": localTenant}},
		"entities":     []any{object{"type": "clientInfo", "locale": "en-US", "country": "US", "platform": "Web", "timezone": "Europe/London"}},
	}, changes)
}

// say posts a mention of the bot in the channel, and tell writes to it alone.
func (c *localClient) say(text string) posted {
	c.t.Helper()
	c.posts++
	return c.asked(c.base("message", object{
		"text": "<at>Briefing Bot</at> " + text + "\n", "textFormat": "plain",
		"conversation": object{"id": "19:practice0001@thread.tacv2;messageid=" + strings.Repeat("1", c.posts), "conversationType": "channel", "isGroup": true, "name": "Practice", "tenantId": localTenant},
	}))
}

func (c *localClient) tell(text string) posted {
	c.t.Helper()
	return c.asked(c.base("message", object{
		"text": text, "textFormat": "plain",
		// Each is another conversation, since one alone has its pace.
		"conversation": object{"id": "a:personal-" + text, "conversationType": "personal", "tenantId": localTenant},
	}))
}

// press presses a button on a card that was sent.
func (c *localClient) press(where posted, b pressable) answer {
	c.t.Helper()
	kind := "personal"
	if strings.Contains(where.conversation, "thread.tacv2") {
		kind = "channel"
	}
	return c.send(c.base("invoke", object{
		"name": "adaptiveCard/action", "replyToId": where.id, "localTimestamp": nil,
		"conversation": object{"id": where.conversation, "conversationType": kind, "tenantId": localTenant},
		"value":        object{"action": object{"type": "Action.Execute", "title": b.Title, "verb": b.Verb, "data": b.Data}, "trigger": "manual"},
	}))
}

// pressable is a button as a card holds it.
type pressable struct {
	Type, Title, Verb string
	Data              object
	Fallback          *pressable
}

// cardOf is the card of a message.
func cardOf(t *testing.T, p posted) []byte {
	t.Helper()
	if len(p.message.Attachments) != 1 {
		t.Fatalf("%d attachments", len(p.message.Attachments))
	}
	return p.message.Attachments[0].Content
}

// buttonsOf is every button on a card.
func buttonsOf(t *testing.T, card []byte) []pressable {
	t.Helper()
	var c struct {
		Body []struct {
			Type    string
			Actions []pressable
		}
	}
	if err := json.Unmarshal(card, &c); err != nil {
		t.Fatal(err)
	}
	var out []pressable
	for _, element := range c.Body {
		if element.Type == "ActionSet" {
			out = append(out, element.Actions...)
		}
	}
	return out
}

// sections is how to ask for each, and words of it that nothing else has.
var sections = []struct{ slug, words string }{
	{"1", "01. Case file audits"},
	{"2", "02. Reminder about domestic abuse"},
	{"children", "03. Domestic abuse and children"},
	{"what worked well", "04. What worked well?"},
	{"worries", worry},
	{"06", "06. Questions for practice reflection and case work"},
	{"resources", "07. Resources"},
}

func TestLocalClientIsAnsweredWhateverItAsks(t *testing.T) {
	t.Parallel()
	c := newLocalClient(t)
	asks := []struct{ text, want string }{
		{"/da-briefing", "7-Minute Briefing: SCP Audit on domestic abuse and child safeguarding"},
		{"da-briefing meeting", "Plan for a team meeting of 7 minutes"},
		{"da-briefing search perpetrators", "passages, best first"},
		{"da-briefing search zzzz", "Nothing found."},
		{"da-briefing search", "Which words should be searched for?"},
		{"da-briefing findings", "Did you mean"},
		{"da-briefing zzzz", "No section goes by these words."},
		{"da-briefing meetng", "Or did you mean /da-briefing meeting?"},
		{"da-questions", "06. Questions for practice reflection and case work"},
		{"da-questions practice", "When have families engaged well in domestic abuse support? What helped?"},
		{"da-questions casework", "06. Questions for practice reflection and case work"},
		{"da-questions casework 2", "Another question"},
		{"da-questions random", "Another question"},
		{"da-questions zzzz", "No list of questions goes by these words."},
		{"briefings", "/da-briefing"},
		{"briefings help", "What you can type"},
		{"hello", "What you can type"},
	}
	for _, s := range sections {
		asks = append(asks, struct{ text, want string }{"da-briefing " + s.slug, s.words})
	}
	for _, ask := range asks {
		for _, where := range []func(string) posted{c.say, c.tell} {
			p := where(ask.text)
			if p.method != http.MethodPost || p.activity != "1700000000000" || !strings.Contains(p.text, ask.want) {
				t.Errorf("%s in %s: %s of %s: %.300s", ask.text, p.conversation, p.method, p.activity, p.text)
			}
		}
	}
	c.settle()
	if got := len(c.connector.received()); got != 2*len(asks) {
		t.Errorf("%d messages, want one for each of %d", got, 2*len(asks))
	}
}

// TestEveryButtonReplacesItsCard presses its way from the contents to every card
// that can be reached.
func TestEveryButtonReplacesItsCard(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ask  func(*localClient) posted
	}{
		{"in personal chat", func(c *localClient) posted { return c.tell("/da-briefing") }},
		{"in a channel", func(c *localClient) posted { return c.say("/da-briefing") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newLocalClient(t)
			where := tt.ask(c)
			var (
				cards   = [][]byte{cardOf(t, where)}
				pressed []string
				seen    strings.Builder
			)
			for len(cards) > 0 {
				card := cards[0]
				cards = cards[1:]
				for _, b := range buttonsOf(t, card) {
					command, _ := b.Data["command"].(string)
					if b.Type != "Action.Execute" || b.Title == "" || b.Verb != replyVerb || !strings.HasPrefix(command, "/") {
						t.Errorf("a button is %+v", b)
					}
					if b.Fallback == nil || b.Fallback.Type != "Action.Submit" || b.Fallback.Title != b.Title || b.Fallback.Data["command"] != command {
						t.Errorf("the fallback of %q is %+v", b.Title, b.Fallback)
					}
					if slices.Contains(pressed, command) {
						continue
					}
					pressed = append(pressed, command)
					a := c.press(where, b)
					seen.WriteString(c.replacement(a))
					var replaced struct{ Value json.RawMessage }
					if err := json.Unmarshal([]byte(a.body), &replaced); err != nil {
						t.Fatal(err)
					}
					cards = append(cards, replaced.Value)
				}
			}
			for _, want := range []string{
				"/da-briefing", "/da-briefing 1", "/da-briefing 2", "/da-briefing 3", "/da-briefing 4", "/da-briefing 5", "/da-briefing 6", "/da-briefing 7",
				"/da-briefing all", "/da-briefing meeting", "/da-briefing help", "/da-questions casework", "/da-questions practice", "/da-questions random casework",
			} {
				if !slices.Contains(pressed, want) {
					t.Errorf("no button says %s", want)
				}
			}
			for _, s := range sections {
				if !strings.Contains(seen.String(), s.words) {
					t.Errorf("%q was not seen", s.words)
				}
			}
			c.settle()
			// What is too long for one card goes on below it.
			rest := c.connector.received()[1:]
			for _, p := range rest {
				if p.conversation != where.conversation || p.method != http.MethodPost {
					t.Errorf("%s in %s", p.method, p.conversation)
				}
			}
			whole := c.adapter.respond.Respond(t.Context(), briefing.Request{Text: briefing.NewPrivate("/da-briefing all")})
			if got, want := len(rest), len(Render(whole))-1; got != want {
				t.Errorf("%d messages beside the cards that were replaced, want %d, of the whole briefing", got, want)
			}
			if got := c.logged("reply not delivered"); got != nil {
				t.Errorf("logged %v", got)
			}
		})
	}
}

func TestButtonsOfOlderClientsChangeTheirCards(t *testing.T) {
	t.Parallel()
	c := newLocalClient(t)
	where := c.say("/da-briefing")
	for i, b := range buttonsOf(t, cardOf(t, where)) {
		p := c.asked(c.base("message", object{
			"id": "1700000000001", "replyToId": where.id, "value": b.Fallback.Data,
			"conversation": object{"id": where.conversation, "conversationType": "channel", "tenantId": localTenant},
		}))
		if p.method != http.MethodPut || p.activity != where.id || p.conversation != where.conversation {
			t.Errorf("%s: %s of %s in %s", b.Title, p.method, p.activity, p.conversation)
		}
		if i == 3 {
			break // more have their pace
		}
	}
}

func TestLocalClientIsWelcomedOnce(t *testing.T) {
	t.Parallel()
	c := newLocalClient(t)
	added := []any{object{"id": "28:00000000-0000-0000-0000-000000000011", "name": "Briefing Bot"}}
	c.send(c.base("installationUpdate", object{"action": "add", "channelData": object{"tenant": object{"id": localTenant}, "source": object{"name": "message"}, "settings": object{"selectedChannel": object{"id": "a:personal-1"}}}}))
	c.send(c.base("conversationUpdate", object{"membersAdded": added}))
	c.settle()
	got := c.connector.received()
	if len(got) != 1 || !strings.Contains(got[0].text, "What you can type") || !strings.Contains(got[0].text, "Only you see a reply") {
		t.Errorf("%d messages, want one welcome", len(got))
	}
}
