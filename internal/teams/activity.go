package teams

import (
	"encoding/json"
	"errors"
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/infracloudio/msbotbuilder-go/schema"
)

// incoming is the part of an activity that is used.
//
// It is decoded here and not by msbotbuilder-go's ParseRequest, whose schema
// refuses a whole activity for one field of another shape (a value that is no
// object, a date that is none), and drops what it does not know (isTargeted,
// what is mentioned). A test shows each of these.
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
// were missing: so package json leaves it, and goes on.
func decode(raw []byte) (*incoming, error) {
	var a struct {
		Type, ID, ChannelID, ServiceURL, Text, Name, Action, ReplyToID string

		From, Recipient account
		MembersAdded    []account
		Conversation    struct{ ID, ConversationType, TenantID string }
		ChannelData     struct{ Tenant struct{ ID string } }
		Value           value
	}
	var shape *json.UnmarshalTypeError
	if err := json.Unmarshal(raw, &a); err != nil && !errors.As(err, &shape) {
		return nil, errActivity
	}
	if a.Type == "" || a.ServiceURL == "" || a.Conversation.ID == "" {
		return nil, errActivity
	}
	in := &incoming{
		activityType: a.Type, id: a.ID, channelID: a.ChannelID, serviceURL: a.ServiceURL,
		text: a.Text, name: a.Name, action: a.Action, replyToID: a.ReplyToID,
		from: a.From, recipient: a.Recipient, membersAdded: a.MembersAdded, value: a.Value, targeted: a.Recipient.IsTargeted,
		conversationID: a.Conversation.ID, conversationType: a.Conversation.ConversationType,
	}
	for _, tenant := range []string{a.ChannelData.Tenant.ID, a.Conversation.TenantID} {
		if tenant != "" {
			in.tenants = append(in.tenants, tenant)
		}
	}
	return in, nil
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
	inline  = regexp.MustCompile(`(?is)</?(?:a|b|i|u|s|em|strong|span|font|code)\b[^<>]*>`) // may stand within a word
	tag     = regexp.MustCompile(`(?s)</?[a-zA-Z][^<>]*>`)
)

// typed is the text without what Teams adds: mentions, tags and entities.
func (in *incoming) typed() string {
	s := in.text
	if strings.ContainsAny(s, "<&") {
		s = inline.ReplaceAllString(mention.ReplaceAllString(s, " "), "")
		s = html.UnescapeString(tag.ReplaceAllString(s, " "))
	}
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) { // invisible, like the zero-width space that Teams puts behind a mention
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}
