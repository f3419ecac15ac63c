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

	"briefingbot/internal/briefing"
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
	from                                    string
	recipient                               account
	conversationID, conversationType        string
	teamID, teamChannelID                   string             // empty where it is not in a team
	tenants                                 []string           // every tenant that the activity names, the conversation's first
	person                                  []briefing.Private // the ids of who sent it
	membersAdded, membersRemoved            []account
	eventType                               string // what happened in a team
	command                                 string // of the button that was pressed
	targeted                                bool   // only the sender saw it, and only the sender is to see the answer
}

type account struct {
	ID         string `json:"id"`
	IsTargeted bool   `json:"isTargeted"`
}

// decode reads an activity. A field of a shape that is not expected is as if it
// were missing: so package json leaves it, and goes on.
func decode(raw []byte) (*incoming, error) {
	var a struct {
		Type, ID, ChannelID, ServiceURL, Text, Name, Action, ReplyToID string

		From                         struct{ ID, AADObjectID string }
		Recipient                    account
		MembersAdded, MembersRemoved []account

		Conversation struct{ ID, ConversationType, TenantID string }
		ChannelData  struct {
			Tenant, Team, Channel struct{ ID string }
			EventType             string
		}
		Value json.RawMessage
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
		from: a.From.ID, recipient: a.Recipient, membersAdded: a.MembersAdded,
		membersRemoved: a.MembersRemoved, eventType: a.ChannelData.EventType, targeted: a.Recipient.IsTargeted,
		conversationID: a.Conversation.ID, conversationType: a.Conversation.ConversationType,
		teamID: a.ChannelData.Team.ID, teamChannelID: a.ChannelData.Channel.ID, command: commandOf(a.Value),
	}
	for _, tenant := range []string{a.Conversation.TenantID, a.ChannelData.Tenant.ID} {
		if tenant != "" {
			in.tenants = append(in.tenants, tenant)
		}
	}
	for _, id := range []string{a.From.ID, a.From.AADObjectID} {
		if id != "" {
			in.person = append(in.person, briefing.NewPrivate(id))
		}
	}
	return in, nil
}

// activity is what msbotbuilder-go needs to answer.
func (in *incoming) activity() schema.Activity {
	return schema.Activity{
		Type: schema.ActivityTypes(in.activityType), ID: in.id, ChannelID: in.channelID, ServiceURL: in.serviceURL,
		From: schema.ChannelAccount{ID: in.from}, Recipient: schema.ChannelAccount{ID: in.recipient.ID},
		Conversation: schema.ConversationAccount{ID: in.conversationID},
	}
}

// personal reports whether the conversation is between one person and the bot.
func (in *incoming) personal() bool { return in.conversationType == "personal" }

// isShared reports whether others see what is said in the conversation.
func (in *incoming) isShared() bool { return !in.personal() && !in.targeted }

// conversation is the id of the conversation without the thread of a channel.
func (in *incoming) conversation() string {
	id, _, _ := strings.Cut(in.conversationID, ";messageid=")
	return id
}

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
