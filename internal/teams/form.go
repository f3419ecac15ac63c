package teams

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"briefingbot/internal/briefing"
)

// formData comes back with a form, beside what was entered in its fields, by
// their ids. A card has one form at most.
type formData struct {
	Command string `json:"command"`
	Rest    string `json:"rest,omitempty"`
	Fields  int    `json:"fields"`
}

func fieldID(i int) string { return "f" + strconv.Itoa(i) }

type choiceSet struct {
	Type         string   `json:"type"`
	ID           string   `json:"id"`
	Label        string   `json:"label"`
	Style        string   `json:"style"`
	Choices      []choice `json:"choices"`
	Value        string   `json:"value,omitempty"`
	IsRequired   bool     `json:"isRequired,omitempty"`
	ErrorMessage string   `json:"errorMessage,omitempty"`
}

type choice struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

type timeInput struct {
	Type         string `json:"type"`
	ID           string `json:"id"`
	Label        string `json:"label"`
	Value        string `json:"value,omitempty"`
	IsRequired   bool   `json:"isRequired"`
	ErrorMessage string `json:"errorMessage"`
}

func isForm(b briefing.Block) bool {
	_, ok := b.(briefing.Form)
	return ok
}

func drawForm(f briefing.Form) []any {
	var out []any
	if f.Title != "" {
		out = append(out, heading(f.Title, "Default"))
	}
	for i, field := range f.Fields {
		out = append(out, drawField(fieldID(i), field))
	}
	data := actionData{Form: &formData{Command: f.Command, Rest: f.Rest, Fields: len(f.Fields)}}
	return append(out, actionSet{Type: "ActionSet", Actions: []action{drawButton(f.Submit, data, "")}})
}

func drawField(id string, f briefing.Field) any {
	if len(f.Options) == 0 {
		return timeInput{Type: "Input.Time", ID: id, Label: f.Label, Value: f.Value, IsRequired: true, ErrorMessage: "Enter a time, such as 09:30."}
	}
	set := choiceSet{Type: "Input.ChoiceSet", ID: id, Label: f.Label, Style: "compact"}
	for _, o := range f.Options {
		set.Choices = append(set.Choices, choice{o.Label, o.Value})
	}
	if slices.ContainsFunc(f.Options, func(o briefing.Option) bool { return o.Value == f.Value }) {
		set.Value = f.Value // and it cannot be emptied
	} else {
		set.IsRequired, set.ErrorMessage = true, "Choose one."
	}
	return set
}

// commandOf is the command of whatever button was pressed, from the value of an
// activity: its data is the value, or the data of an invoke's action.
func commandOf(value json.RawMessage) string {
	var invoke struct {
		Action struct{ Data json.RawMessage }
	}
	_ = json.Unmarshal(value, &invoke) // a field of another shape is as if it were missing
	if command := commandOfData(invoke.Action.Data); command != "" {
		return command
	}
	return commandOfData(value)
}

const maxFields = 20

// entered is what a field of a form can hold: words of a command. A client sends
// what it was given; what is anything else is not taken for a person's choice.
var entered = regexp.MustCompile(`^[\p{L}\p{N} :./_,-]{1,100}$`)

// commandOfData is the command of a button, or of a form and what was entered in
// it. It is empty where a field is missing or holds what no field can.
func commandOfData(data json.RawMessage) string {
	var pressed struct {
		Command string
		Form    formData
	}
	_ = json.Unmarshal(data, &pressed)
	if pressed.Form.Command == "" {
		return pressed.Command
	}
	var inputs map[string]json.RawMessage
	if json.Unmarshal(data, &inputs) != nil || pressed.Form.Fields < 0 || pressed.Form.Fields > maxFields {
		return ""
	}
	values := make([]string, pressed.Form.Fields)
	for i := range values {
		raw, ok := inputs[fieldID(i)]
		if !ok || json.Unmarshal(raw, &values[i]) != nil || !entered.MatchString(values[i]) || strings.TrimSpace(values[i]) == "" {
			return ""
		}
	}
	return briefing.Form{Command: pressed.Form.Command, Rest: pressed.Form.Rest}.CommandOf(values)
}
