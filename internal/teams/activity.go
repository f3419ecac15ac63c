package teams

import (
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/infracloudio/msbotbuilder-go/schema"
)

// incoming is the part of an activity that is used.
//
// It is decoded here and not by msbotbuilder-go's ParseRequest, whose schema
// refuses a whole activity for one field of another shape (a value that is no
// object, a date that is none), drops what it does not know (isTargeted), and
// reads the body before it has looked at the token. A test shows each of these.
type incoming struct {
	activityType, id, channelID, serviceURL string
	text, name, action, replyToID           string
	from, recipient                         account
	conversationID, conversationType        string
	tenants                                 []string // every tenant that the activity names
	membersAdded                            []account
	value                                   value
	targeted                                bool // only the sender saw it, and only the sender is to see the answer
}

type account struct {
	ID         string `json:"id"`
	IsTargeted bool   `json:"isTargeted"`
}

// value is what a button sends: a command in its data, directly or as the action
// of an invoke.
type value struct {
	Command string `json:"command"`
	Action  struct {
		Verb string     `json:"verb"`
		Data actionData `json:"data"`
	} `json:"action"`
}

// command is the command of whatever button was pressed.
func (v value) command() string {
	if v.Action.Data.Command != "" {
		return v.Action.Data.Command
	}
	return v.Command
}

// decode reads an activity. A field of a shape that is not expected is as if it
// were missing.
func decode(raw []byte) (*incoming, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return nil, errActivity
	}
	in := &incoming{}
	for name, into := range map[string]*string{
		"type": &in.activityType, "id": &in.id, "channelId": &in.channelID, "serviceUrl": &in.serviceURL,
		"text": &in.text, "name": &in.name, "action": &in.action, "replyToId": &in.replyToID,
	} {
		read(fields[name], into)
	}
	read(fields["from"], &in.from)
	read(fields["recipient"], &in.recipient)
	read(fields["membersAdded"], &in.membersAdded)
	read(fields["value"], &in.value)
	in.targeted = in.recipient.IsTargeted
	var conversation struct {
		ID, ConversationType, TenantID string
	}
	read(fields["conversation"], &conversation)
	in.conversationID, in.conversationType = conversation.ID, conversation.ConversationType
	var data struct{ Tenant struct{ ID string } }
	read(fields["channelData"], &data)
	for _, tenant := range []string{data.Tenant.ID, conversation.TenantID} {
		if tenant != "" {
			in.tenants = append(in.tenants, tenant)
		}
	}
	if in.activityType == "" || in.serviceURL == "" || in.conversationID == "" {
		return nil, errActivity
	}
	return in, nil
}

// read decodes a field, and leaves it as it is where it has another shape.
func read[T any](raw json.RawMessage, into *T) {
	var v T
	if len(raw) > 0 && json.Unmarshal(raw, &v) == nil {
		*into = v
	}
}

// activity is what msbotbuilder-go needs to answer.
func (in *incoming) activity() schema.Activity {
	return schema.Activity{
		Type: schema.ActivityTypes(in.activityType), ID: in.id, ChannelID: in.channelID, ServiceURL: in.serviceURL,
		From: schema.ChannelAccount{ID: in.from.ID}, Recipient: schema.ChannelAccount{ID: in.recipient.ID},
		Conversation: schema.ConversationAccount{ID: in.conversationID},
	}
}

// personal reports whether the conversation is between one person and the bot.
func (in *incoming) personal() bool { return in.conversationType == "personal" }

// isOf reports whether every tenant that the activity names is this one.
func (in *incoming) isOf(tenant string) bool {
	return len(in.tenants) > 0 && !slices.ContainsFunc(in.tenants, func(t string) bool { return !strings.EqualFold(t, tenant) })
}

// isArrival reports whether the bot was added to a conversation.
func (in *incoming) isArrival() bool {
	switch in.activityType {
	case "installationUpdate":
		return in.action == "add" || in.action == "add-upgrade"
	case "conversationUpdate":
		return in.recipient.ID != "" && slices.ContainsFunc(in.membersAdded, func(m account) bool { return m.ID == in.recipient.ID })
	}
	return false
}

var (
	mention = regexp.MustCompile(`(?is)<at\b[^>]*>.*?</at>`)
	tag     = regexp.MustCompile(`(?s)</?[a-zA-Z][^<>]*>`)
)

// typed is the text without what Teams adds: mentions, tags and entities.
func (in *incoming) typed() string {
	s := in.text
	if strings.ContainsAny(s, "<&") {
		s = html.UnescapeString(tag.ReplaceAllString(mention.ReplaceAllString(s, " "), " "))
	}
	return strings.TrimSpace(s)
}
