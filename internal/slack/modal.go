package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"
	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

// What Slack allows in a modal.
// https://docs.slack.dev/reference/views/modal-views
const (
	maxModalBlocks = 100
	maxTitle       = 24   // characters of a title, and of the buttons below
	maxMetadata    = 3000 // characters
	maxOptions     = 100  // of a select menu
	maxValue       = 100  // characters; Slack takes 150
)

const (
	formCallback = "form"  // callback_id of every form
	fieldAction  = "value" // action_id of every field; its block_id is its index
)

// metadata goes with a form to Slack and comes back with what was chosen.
type metadata struct {
	Channel string `json:"channel,omitempty"`
	Command string `json:"command"`
	Rest    string `json:"rest,omitempty"`
}

// formOf is the form in a message.
func formOf(m *briefing.Message) (briefing.Form, bool) {
	for _, b := range m.Blocks {
		if f, ok := b.(briefing.Form); ok {
			return f, true
		}
	}
	return briefing.Form{}, false
}

// A trigger_id looks like 13345224609.738474920.8088930838d88f008e0.
var triggerForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// openForm opens the form of a message as a modal for the person whose request
// arrived then. It reports false where there is no form, and where it cannot be
// opened: the message is then sent as any other.
func (a *Adapter) openForm(ctx context.Context, arrived time.Time, m *briefing.Message, trigger string, ch briefing.Channel) bool {
	if _, ok := formOf(m); !ok || a.api.token.Empty() || !triggerForm.MatchString(trigger) {
		return false
	}
	view, ok := formView(m, ch)
	if !ok {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, min(quickTimeout, answerTimeout-a.verify.now().Sub(arrived)))
	defer cancel()
	c := a.api.call()
	_, err := c.slack(a.api).OpenViewContext(ctx, trigger, *view)
	if failure := c.failure(err); failure != nil {
		a.log.Warn("form not opened", zap.String("platform", string(briefing.Slack)), zap.String("cause", failure.Error()))
		return false
	}
	return true
}

// formView is the modal of a message with a form, or false where Slack would not
// take it.
func formView(m *briefing.Message, ch briefing.Channel) (*slack.ModalViewRequest, bool) {
	at := slices.IndexFunc(m.Blocks, func(b briefing.Block) bool { _, ok := b.(briefing.Form); return ok })
	form, ok := m.Blocks[at].(briefing.Form)
	data, err := json.Marshal(metadata{ch.ID, form.Command, form.Rest})
	if !ok || err != nil || utf8.RuneCount(data) > maxMetadata {
		return nil, false
	}
	drawn := blocks(withoutButtons(m.Blocks[:at]))
	for i, f := range form.Fields {
		element, ok := field(f)
		if !ok {
			return nil, false
		}
		drawn = append(drawn, slack.NewInputBlock(strconv.Itoa(i), plain(f.Label), nil, element))
	}
	drawn = append(drawn, blocks(withoutButtons(m.Blocks[at+1:]))...)
	if len(drawn) > maxModalBlocks || form.Title == "" || form.Submit == "" {
		return nil, false
	}
	return &slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain(shorten(form.Title, maxTitle)), Submit: plain(shorten(form.Submit, maxTitle)),
		Close: plain("Cancel"), Blocks: slack.Blocks{BlockSet: drawn},
		CallbackID: formCallback, PrivateMetadata: string(data),
	}, true
}

// withoutButtons is a message for a modal: what pressing a button there says would
// have no conversation to go to.
func withoutButtons(of []briefing.Block) *briefing.Message {
	return &briefing.Message{Blocks: slices.DeleteFunc(slices.Clone(of), func(b briefing.Block) bool {
		_, ok := b.(briefing.Buttons)
		return ok
	})}
}

var timeForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)

// field is the element in which a field is filled in, or false where Slack would
// not take it, or what it sends back would not be taken here.
func field(f briefing.Field) (slack.BlockElement, bool) {
	if f.Label == "" || len(f.Options) > maxOptions {
		return nil, false
	}
	if len(f.Options) == 0 {
		picker := slack.NewTimePickerBlockElement(fieldAction)
		if timeForm.MatchString(f.Value) {
			picker.InitialTime = f.Value
		}
		return picker, true
	}
	menu := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, fieldAction)
	for _, o := range f.Options {
		if !isWords(o.Value) {
			return nil, false
		}
		option := slack.NewOptionBlockObject(o.Value, plain(shorten(cmp.Or(o.Label, o.Value), maxLabel)), nil)
		menu.Options = append(menu.Options, option)
		if o.Value == f.Value {
			menu.InitialOption = option
		}
	}
	return menu, true
}
