package teams

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// AppPackage is what the app's package says.
type AppPackage struct {
	ID        string // of the app's registration in Entra
	Version   string // like 1.0.0; a higher one replaces what is installed
	Name      string
	Address   string // the bot's own, https
	Developer string // who runs the bot
	Website   string // and their pages, https
	Privacy   string
	Terms     string
	Commands  []MenuCommand // the most important first
}

// MenuCommand is a line of the menu from which Teams puts a command into the
// message.
type MenuCommand struct {
	Command     string // with or without its slash
	Description string
}

// MenuLines is how many commands Teams shows. Its schema takes 12 by now; older
// clients, and Microsoft's pages, know 10.
const MenuLines = 10

// What else Teams allows, as its schema has it; of a command less, for the same
// reason.
// https://developer.microsoft.com/json-schemas/teams/v1.29/MicrosoftTeams.schema.json
const (
	maxAppName            = 30
	maxDeveloper          = 32
	maxAddress            = 2048
	maxCommand            = 32
	maxCommandDescription = 128
)

// manifestVersion is the first in which an app may take messages that nobody else
// in the channel sees.
const manifestVersion = "1.29"

//go:embed icons/color.png
var colourIcon []byte

//go:embed icons/outline.png
var outlineIcon []byte

var (
	appID      = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)
	appVersion = regexp.MustCompile(`^(0|[1-9][0-9]{0,4})(\.(0|[1-9][0-9]{0,4})){2}$`)
)

// ErrAppID is returned by Package for an id of another form.
var ErrAppID = errors.New("the app's id is not a UUID, like 01234567-89ab-cdef-0123-456789abcdef")

// Package is the app's package, a zip file to upload to Teams. The same app gives
// the same bytes.
func Package(a AppPackage) ([]byte, error) {
	m, err := appManifest(a)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // people read it
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, file := range []struct {
		name string
		data []byte
	}{{"manifest.json", text.Bytes()}, {m.Icons.Colour, colourIcon}, {m.Icons.Outline, outlineIcon}} {
		w, err := z.CreateHeader(&zip.FileHeader{
			Name: file.name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC),
		})
		if err == nil {
			_, err = w.Write(file.data)
		}
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", file.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("writing the package: %w", err)
	}
	return out.Bytes(), nil
}

func appManifest(a AppPackage) (*manifest, error) {
	if !appID.MatchString(a.ID) {
		return nil, ErrAppID
	}
	if !appVersion.MatchString(a.Version) {
		return nil, errors.New("the app's version is not three numbers, like 1.0.0")
	}
	for _, text := range []struct {
		what, text string
		most       int
	}{{"name", a.Name, maxAppName}, {"developer's name", a.Developer, maxDeveloper}} {
		if n := utf8.RuneCountInString(text.text); n == 0 || n > text.most {
			return nil, fmt.Errorf("the %s has %d characters, and Teams takes 1 to %d", text.what, n, text.most)
		}
	}
	for _, address := range []string{a.Address, a.Website, a.Privacy, a.Terms} {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" || len(address) > maxAddress {
			return nil, fmt.Errorf("%q is not an https address", address)
		}
	}
	home, err := url.Parse(a.Address)
	if err != nil {
		return nil, err
	}

	m := &manifest{
		Schema:  "https://developer.microsoft.com/json-schemas/teams/v" + manifestVersion + "/MicrosoftTeams.schema.json",
		Version: manifestVersion, AppVersion: a.Version, ID: a.ID,
		Developer: manifestDeveloper{a.Developer, a.Website, a.Privacy, a.Terms},
		Accent:    "#0F4C4F", // the ground of the colour icon
		Domains:   []string{home.Host},
	}
	m.Name.Short, m.Name.Full = a.Name, a.Name
	m.Description.Short = "7-minute safeguarding briefings, word for word. Sees only what you send it."
	m.Description.Full = a.Name + ` answers with a safeguarding partnership's 7-minute briefings, word for word: the sections of a briefing, its questions to reflect on, and a plan for a team meeting. Every text comes with its source and edition.

Write to it in its own chat, where nobody else sees the answer, or mention it in a channel or a group chat, where everyone there does. Where Teams lists its commands after a slash, only you see the command and the answer.

It cannot read messages. Of what people write it receives what they send to it, and nothing else. The bot does not store or log what people type; Teams keeps a conversation with it like any other, so please leave out names and case details.

It takes no reports. To raise a concern about a child, follow your safeguarding procedures.`
	m.Icons.Colour, m.Icons.Outline = "color.png", "outline.png"

	menu := menuLines(a.Commands)
	m.Bots = []manifestBot{{
		ID: a.ID, Scopes: []string{"personal", "team", "groupChat"}, Targeted: true,
		Menus: []manifestMenu{
			// In a personal chat every message is private, and Teams has no slash there.
			// https://learn.microsoft.com/microsoftteams/platform/agents-in-teams/agent-slash-commands
			{Scopes: []string{"personal"}, Commands: menu},
			{Scopes: []string{"team"}, Triggers: []string{"mention", "slash"}, Commands: menu},
			{Scopes: []string{"groupChat"}, Triggers: []string{"mention", "slash"}, Commands: menu},
		},
	}}
	return m, nil
}

// menuLines is as much of the commands as a menu holds. A command that is too
// long is left out: cut, it would be another.
func menuLines(commands []MenuCommand) []manifestCommand {
	var out []manifestCommand
	for _, c := range commands {
		title := strings.TrimPrefix(c.Command, "/") // Teams adds its own where it wants one
		if len(out) == MenuLines || utf8.RuneCountInString(title) > maxCommand {
			continue
		}
		description := []rune(c.Description)
		if len(description) > maxCommandDescription {
			description = append(description[:maxCommandDescription-1], '…')
		}
		out = append(out, manifestCommand{title, string(description)})
	}
	return out
}

// manifest has no permission of any kind: to answer what is sent to it, a bot
// needs none.
type manifest struct {
	Schema      string            `json:"$schema"`
	Version     string            `json:"manifestVersion"`
	AppVersion  string            `json:"version"`
	ID          string            `json:"id"`
	Developer   manifestDeveloper `json:"developer"`
	Name        manifestName      `json:"name"`
	Description manifestText      `json:"description"`
	Icons       manifestIcons     `json:"icons"`
	Accent      string            `json:"accentColor"`
	Bots        []manifestBot     `json:"bots"`
	Domains     []string          `json:"validDomains"`
}

type manifestDeveloper struct {
	Name    string `json:"name"`
	Website string `json:"websiteUrl"`
	Privacy string `json:"privacyUrl"`
	Terms   string `json:"termsOfUseUrl"`
}

type manifestName struct {
	Short string `json:"short"`
	Full  string `json:"full"`
}

type manifestText struct {
	Short string `json:"short"`
	Full  string `json:"full"`
}

type manifestIcons struct {
	Colour  string `json:"color"`
	Outline string `json:"outline"`
}

type manifestBot struct {
	ID           string         `json:"botId"`
	Scopes       []string       `json:"scopes"`
	Notification bool           `json:"isNotificationOnly"`
	Files        bool           `json:"supportsFiles"`
	Calling      bool           `json:"supportsCalling"`
	Video        bool           `json:"supportsVideo"`
	Targeted     bool           `json:"supportsTargetedMessages"` // private to the bot, in a channel
	Menus        []manifestMenu `json:"commandLists"`
}

type manifestMenu struct {
	Scopes   []string          `json:"scopes"`
	Triggers []string          `json:"triggers,omitempty"`
	Commands []manifestCommand `json:"commands"`
}

type manifestCommand struct {
	Title       string `json:"title"`
	Description string `json:"description"`
}
