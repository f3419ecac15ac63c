package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// ManifestCommand is a slash command as the app's manifest lists it.
type ManifestCommand struct {
	Name        string // with its slash
	Description string
	Hint        string
}

// What Slack allows in a manifest.
// https://docs.slack.dev/reference/app-manifest
const (
	maxAppName            = 35
	maxManifestCommands   = 50
	maxCommandName        = 32
	maxCommandDescription = 2000
	maxCommandHint        = 1000
)

// Manifest is the app's manifest, from which Slack sets an app up: JSON for
// "From a manifest" on Slack's page for apps. address is the bot's own, without
// a slash at its end.
func Manifest(name, address string, commands []ManifestCommand) ([]byte, error) {
	if n := utf8.RuneCountInString(name); n == 0 || n > maxAppName {
		return nil, fmt.Errorf("the name has %d characters, and Slack takes 1 to %d", n, maxAppName)
	}
	if len(commands) > maxManifestCommands {
		return nil, fmt.Errorf("the briefings bring %d commands, and an app in Slack has %d at most", len(commands), maxManifestCommands)
	}
	m := manifest{
		Display: manifestDisplay{
			Name:        name,
			Description: "Answers slash commands with a safeguarding partnership's 7-minute briefings, word for word. It cannot read messages.",
			Long: name + ` answers slash commands with a safeguarding partnership's 7-minute briefings, word for word: the sections of a briefing, its questions to reflect on, and a plan for a team meeting. Every text comes with its source and edition.

Only the person who asked sees the answer, unless they choose to share it in the channel.

It cannot read messages. It receives its own commands, the buttons under its answers, and word that it was removed, and nothing else. It does not store or log what people type; please leave out names and case details all the same. In a channel it posts only where somebody there has asked for it.

It takes no reports. To raise a concern about a child, follow your safeguarding procedures.`,
			Background: "#0f4c4f",
		},
		OAuth: manifestOAuth{Scopes: manifestScopes{
			// An optional scope stands in both lists: in the second alone it is never asked for.
			// https://docs.slack.dev/authentication/installing-with-oauth#optional-scopes
			Bot:      []string{"commands", "chat:write", "chat:write.public"},
			Optional: []string{"chat:write.public"},
		}},
	}
	m.Features.BotUser.Name = name
	for _, c := range commands {
		if len(c.Name) > maxCommandName {
			return nil, fmt.Errorf("the command %s is longer than the %d characters that Slack allows", c.Name, maxCommandName)
		}
		m.Features.Commands = append(m.Features.Commands, manifestCommand{
			Command: c.Name, URL: address + "/slack/commands",
			Description: shorten(c.Description, maxCommandDescription), Hint: shorten(c.Hint, maxCommandHint),
			Escape: true,
		})
	}
	m.Settings.Events.URL = address + "/slack/events"
	m.Settings.Events.Bot = []string{appUninstalled, tokensRevoked}
	m.Settings.Interactivity.Enabled = true
	m.Settings.Interactivity.URL = address + "/slack/interactions"

	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // people read it
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	return out.Bytes(), nil
}

type manifest struct {
	Display  manifestDisplay  `json:"display_information"`
	Features manifestFeatures `json:"features"`
	OAuth    manifestOAuth    `json:"oauth_config"`
	Settings manifestSettings `json:"settings"`
}

type manifestDisplay struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Long        string `json:"long_description"`
	Background  string `json:"background_color"`
}

type manifestFeatures struct {
	BotUser struct {
		Name   string `json:"display_name"`
		Online bool   `json:"always_online"`
	} `json:"bot_user"`
	Commands []manifestCommand `json:"slash_commands"`
}

type manifestCommand struct {
	Command     string `json:"command"`
	URL         string `json:"url"`
	Description string `json:"description"`
	Hint        string `json:"usage_hint,omitempty"`
	Escape      bool   `json:"should_escape"`
}

type manifestOAuth struct {
	Scopes manifestScopes `json:"scopes"`
}

type manifestScopes struct {
	Bot      []string `json:"bot"`
	Optional []string `json:"bot_optional"`
}

type manifestSettings struct {
	Events struct {
		URL string   `json:"request_url"`
		Bot []string `json:"bot_events"`
	} `json:"event_subscriptions"`
	Interactivity struct {
		Enabled bool   `json:"is_enabled"`
		URL     string `json:"request_url"`
	} `json:"interactivity"`
	OrgDeploy     bool `json:"org_deploy_enabled"`
	SocketMode    bool `json:"socket_mode_enabled"`
	TokenRotation bool `json:"token_rotation_enabled"`
}
