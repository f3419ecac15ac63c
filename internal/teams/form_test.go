package teams

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"briefingbot/internal/briefing"
)

// setUp is a form as the bot asks with.
var setUp = briefing.Form{
	Title: "Weekly question", Submit: "Save", Command: "/reflection", Rest: "Europe/London",
	Fields: []briefing.Field{
		{Label: "How often", Value: "weekly", Options: []briefing.Option{{Label: "Every week", Value: "weekly"}, {Label: "Every other week", Value: "fortnightly"}}},
		{Label: "Day", Options: []briefing.Option{{Label: "Monday", Value: "monday"}, {Label: "Tuesday", Value: "tuesday"}}},
		{Label: "Time", Value: "09:30"},
		{Label: "Questions", Value: "practice", Options: []briefing.Option{{Label: "Practice", Value: "practice"}, {Label: "Both kinds", Value: "both all briefings"}}},
	},
}

func TestFormIsDrawnAsInputsThatPeopleCanName(t *testing.T) {
	t.Parallel()
	card := Render(&briefing.Message{Blocks: []briefing.Block{
		setUp, briefing.Buttons{Buttons: []briefing.Button{{Label: "Stop", Command: "/reflection stop"}}},
	}})[0]
	raw, err := json.Marshal(card.Body)
	if err != nil {
		t.Fatal(err)
	}
	const data = `{"form":{"command":"/reflection","rest":"Europe/London","fields":4}}`
	for _, want := range []string{
		`{"type":"Input.ChoiceSet","id":"f0","label":"How often","style":"compact","choices":[{"title":"Every week","value":"weekly"},{"title":"Every other week","value":"fortnightly"}],"value":"weekly"}`,
		`{"type":"Input.ChoiceSet","id":"f1","label":"Day","style":"compact","choices":[{"title":"Monday","value":"monday"},{"title":"Tuesday","value":"tuesday"}],"isRequired":true,"errorMessage":"Choose one."}`,
		`{"type":"Input.Time","id":"f2","label":"Time","value":"09:30","isRequired":true,"errorMessage":"Enter a time, such as 09:30."}`,
		`{"type":"Action.Execute","title":"Save","verb":"reply","data":` + data + `,"fallback":{"type":"Action.Submit","title":"Save","data":` + data + `}}`,
		// Or a time that is not filled in would keep people from stopping.
		`{"type":"Action.Execute","title":"Stop","verb":"reply","associatedInputs":"none","data":{"command":"/reflection stop"},"fallback":{"type":"Action.Submit","title":"Stop","associatedInputs":"none","data":{"command":"/reflection stop"}}}`,
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s in\n%s", want, raw)
		}
	}
}

// filled is a form's data as a client sends it, with what was entered.
func filled(changes object) object {
	return changed(object{
		"form": object{"command": "/reflection", "rest": "Europe/London", "fields": 4},
		"f0":   "fortnightly", "f1": "tuesday", "f2": "14:05", "f3": "both all briefings",
	}, changes)
}

func TestWhatIsEnteredEndsInACommand(t *testing.T) {
	t.Parallel()
	const want = "/reflection fortnightly tuesday 14:05 both all briefings Europe/London"
	for _, tt := range []struct {
		name string
		data object
		want string
	}{
		{"all of it", filled(nil), want},
		{"with what another client adds", filled(object{"msteams": object{"type": "messageBack"}, "f9": "x"}), want},
		{"with spaces around", filled(object{"f1": "  tuesday "}), want},
		{"without what follows", filled(object{"form": object{"command": "/reflection", "fields": 4}}), strings.TrimSuffix(want, " Europe/London")},
		{"of no fields", filled(object{"form": object{"command": "/reflection", "fields": 0}}), "/reflection"},
		{"letters of other languages", filled(object{"f3": "ymarfer dyddiol ŵyth"}), "/reflection fortnightly tuesday 14:05 ymarfer dyddiol ŵyth Europe/London"},
		{"a hundred characters", filled(object{"f3": strings.Repeat("é", 100)}), "/reflection fortnightly tuesday 14:05 " + strings.Repeat("é", 100) + " Europe/London"},
		{"one too many", filled(object{"f3": strings.Repeat("é", 101)}), ""},
		{"a field that is missing", filled(object{"f2": nil}), ""},
		{"a field that is empty", filled(object{"f2": ""}), ""},
		{"a field of spaces", filled(object{"f2": "  "}), ""},
		{"a field that is null", changed(filled(nil), object{"f2": json.RawMessage("null")}), ""},
		{"a number", filled(object{"f2": 9}), ""},
		{"an object", filled(object{"f2": object{"a": "b"}}), ""},
		{"a new line", filled(object{"f2": "09:30\nnow"}), ""},
		{"a tag", filled(object{"f2": "<b>"}), ""},
		{"no command", filled(object{"form": object{"fields": 4}}), ""},
		{"fewer fields than none", filled(object{"form": object{"command": "/reflection", "fields": -1}}), ""},
		{"more fields than any form", filled(object{"form": object{"command": "/reflection", "fields": 1 << 40}}), ""},
		{"a form that is none", filled(object{"form": "/reflection"}), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for where, value := range map[string]any{
				"an invoke": object{"action": object{"type": "Action.Execute", "verb": "reply", "data": tt.data}, "trigger": "manual"}, "a message": tt.data,
			} {
				if got := commandOf(mustJSON(value)); got != tt.want {
					t.Errorf("in %s: %q, want %q", where, got, tt.want)
				}
			}
		})
	}
}

func TestFormIsAnsweredPrivatelyWhereTheClientCan(t *testing.T) {
	t.Parallel()
	r := &asking{}
	s := newSide(t, r)
	invoke := func(data object) object {
		return s.activity("invoke", object{"name": "adaptiveCard/action", "replyToId": "1:card", "value": object{"action": object{"type": "Action.Execute", "verb": "reply", "data": data}}})
	}
	const want = "/reflection fortnightly tuesday 14:05 both all briefings Europe/London"
	if got := s.replacement(s.send(invoke(filled(nil)))); got != "an answer\n" {
		t.Errorf("answered with %q", got)
	}
	if req := r.last(t); req.Text.Reveal() != want || req.Public || req.Channel.ID != "19:abc@thread.tacv2" {
		t.Errorf("asked %q in %q, public: %t", req.Text.Reveal(), req.Channel.ID, req.Public)
	}
	submitted := s.submitting("")
	submitted["value"] = filled(nil)
	if p := s.asked(submitted); p.method != http.MethodPut {
		t.Errorf("%s, want another card in place of the form", p.method)
	}
	if req := r.last(t); req.Text.Reveal() != want || !req.Public {
		t.Errorf("asked %q, public: %t", req.Text.Reveal(), req.Public)
	}
	if got := s.send(invoke(filled(object{"f2": "Kayleigh & Co"}))); got.status != http.StatusOK || got.body != unknownButton {
		t.Errorf("a value that no field has: %d %s", got.status, got.body)
	}
	if len(r.asked) != 2 {
		t.Errorf("the bot was asked %d times", len(r.asked))
	}
}
