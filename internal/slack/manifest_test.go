package slack_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/slack"
)

// appManifest is Slack's, as its reference names the fields.
// https://docs.slack.dev/reference/app-manifest
type appManifest struct {
	Display struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Long        string `json:"long_description"`
		Background  string `json:"background_color"`
	} `json:"display_information"`
	Features struct {
		BotUser  map[string]any `json:"bot_user"`
		Commands []struct {
			Command     string `json:"command"`
			URL         string `json:"url"`
			Description string `json:"description"`
			Hint        string `json:"usage_hint"`
			Escape      bool   `json:"should_escape"`
		} `json:"slash_commands"`
	} `json:"features"`
	OAuth    map[string]any `json:"oauth_config"`
	Settings map[string]any `json:"settings"`
}

// readManifest makes the manifest of some commands, and reads it as strictly as
// Slack does.
func readManifest(t *testing.T, name string, commands []slack.ManifestCommand) appManifest {
	t.Helper()
	out, err := slack.Manifest(name, "https://bot.example.org", commands)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	dec.DisallowUnknownFields()
	var m appManifest
	if err := dec.Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

// listed is what the command table lists for two briefings.
func listed() []slack.ManifestCommand {
	var out []slack.ManifestCommand
	questions := []briefing.Section{{Number: 1, Slug: "questions", Pools: []briefing.Pool{{Name: briefing.Practice}}}}
	for _, e := range command.New(briefing.Library{
		{ID: "domestic-abuse", Prefix: "da", Title: "Domestic abuse", Sections: questions},
		{ID: "neglect", Prefix: "neg", Title: "Neglect", Sections: questions},
	}).Listing() {
		out = append(out, slack.ManifestCommand{Name: e.Name, Description: e.Purpose, Hint: e.Hint})
	}
	return out
}

func TestManifestHasTheCommandsOfTheTable(t *testing.T) {
	commands := listed()
	m := readManifest(t, "Briefing Bot", commands)
	if len(m.Features.Commands) != 6 {
		t.Fatalf("%d commands for two briefings, want 6", len(m.Features.Commands))
	}
	for i, got := range m.Features.Commands {
		if want := commands[i]; got.Command != want.Name || got.Description != want.Description || got.Hint != want.Hint {
			t.Errorf("%+v, want %+v", got, want)
		}
		if got.URL != "https://bot.example.org/slack/commands" || !got.Escape {
			t.Errorf("%s goes to %s, escaped: %v", got.Command, got.URL, got.Escape)
		}
	}
}

func TestManifestAsksForNothingButCommandsAndPosting(t *testing.T) {
	m := readManifest(t, "Briefing Bot", listed())
	want := map[string]any{"scopes": map[string]any{
		"bot": []any{"commands", "chat:write", "chat:write.public"}, "bot_optional": []any{"chat:write.public"},
	}}
	if diff := cmp.Diff(want, m.OAuth); diff != "" {
		t.Error(diff)
	}
	want = map[string]any{
		// Neither event needs a scope, and neither is about what people write.
		"event_subscriptions": map[string]any{"request_url": "https://bot.example.org/slack/events", "bot_events": []any{"app_uninstalled", "tokens_revoked"}},
		"interactivity":       map[string]any{"is_enabled": true, "request_url": "https://bot.example.org/slack/interactions"},
		"org_deploy_enabled":  false, "socket_mode_enabled": false, "token_rotation_enabled": false,
	}
	if diff := cmp.Diff(want, m.Settings); diff != "" {
		t.Error(diff)
	}
}

func TestManifestTextsKeepWithinSlacksLimits(t *testing.T) {
	const longest = "Safeguarding Briefings of the North" // 35 characters
	commands := append(listed(), slack.ManifestCommand{
		Name: "/" + strings.Repeat("a", 31), Description: strings.Repeat("é", 3000), Hint: strings.Repeat("é", 3000),
	})
	m := readManifest(t, longest, commands)
	within := func(what, text string, least, most int) {
		t.Helper()
		if n := utf8.RuneCountInString(text); n < least || n > most {
			t.Errorf("%s has %d characters, and Slack takes %d to %d", what, n, least, most)
		}
	}
	within("the name", m.Display.Name, 1, 35)
	within("the description", m.Display.Description, 1, 140)
	within("the long description", m.Display.Long, 175, 4000)
	within("the colour", m.Display.Background, 7, 7)
	for _, c := range m.Features.Commands {
		within("a command", c.Command, 2, 32)
		within("the description of "+c.Command, c.Description, 1, 2000)
		within("the hint of "+c.Command, c.Hint, 1, 1000)
	}
	if diff := cmp.Diff(map[string]any{"display_name": longest, "always_online": false}, m.Features.BotUser); diff != "" {
		t.Error(diff)
	}
}

func TestManifestTellsAdministratorsThatItCannotRead(t *testing.T) {
	m := readManifest(t, "Briefing Bot", listed())
	for _, text := range []string{m.Display.Description, m.Display.Long} {
		if !strings.Contains(text, "It cannot read messages.") || !strings.Contains(text, "safeguarding partnership's 7-minute briefings") {
			t.Errorf("does not say what it is and that it cannot read: %q", text)
		}
	}
}

func TestManifestSlackWouldNotTakeIsAnError(t *testing.T) {
	var many []slack.ManifestCommand
	for i := range 51 {
		many = append(many, slack.ManifestCommand{Name: fmt.Sprintf("/c%d", i), Description: "A command"})
	}
	for what, test := range map[string]struct {
		name     string
		commands []slack.ManifestCommand
	}{
		"no name":                    {"", listed()},
		"a name of 36 characters":    {strings.Repeat("n", 36), listed()},
		"51 commands":                {"Briefing Bot", many},
		"a command of 33 characters": {"Briefing Bot", []slack.ManifestCommand{{Name: "/" + strings.Repeat("a", 32), Description: "A command"}}},
	} {
		if _, err := slack.Manifest(test.name, "https://bot.example.org", test.commands); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := slack.Manifest("Briefing Bot", "https://bot.example.org", many[:50]); err != nil {
		t.Errorf("50 commands: %v", err)
	}
}
