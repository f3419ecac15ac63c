package teams_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/teams"
)

const testAppID = "6f1b2c3d-0000-4a5b-8c9d-0123456789ab"

// testApp is an app for so many briefings, as cmd makes it.
func testApp(briefings int) teams.AppPackage {
	var lib briefing.Library
	for n := range briefings {
		lib = append(lib, &briefing.Briefing{Prefix: fmt.Sprintf("b%d", n+1), Title: fmt.Sprintf("Briefing %d", n+1)})
	}
	a := teams.AppPackage{
		ID: testAppID, Version: "1.0.0", Name: "Briefing Bot", Address: "https://bot.example.org",
		Developer: "A partnership", Website: "https://www.example.org/bot",
		Privacy: "https://www.example.org/privacy", Terms: "https://www.example.org/terms",
	}
	for _, u := range command.New(lib).Starters(teams.MenuLines) {
		a.Commands = append(a.Commands, teams.MenuCommand{Command: u.Type, Description: u.Purpose})
	}
	return a
}

// packaged makes the package, and unpacks it.
func packaged(t *testing.T, a teams.AppPackage) (names []string, files map[string][]byte) {
	t.Helper()
	out, err := teams.Package(a)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(out), int64(len(out)))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		names = append(names, f.Name)
	}
	return names, files
}

// appManifest is Microsoft's, as its schema names the fields; what is not here
// must not be in the manifest.
type appManifest struct {
	Schema      string            `json:"$schema"`
	Manifest    string            `json:"manifestVersion"`
	Version     string            `json:"version"`
	ID          string            `json:"id"`
	Developer   map[string]string `json:"developer"`
	Name        map[string]string `json:"name"`
	Description map[string]string `json:"description"`
	Icons       map[string]string `json:"icons"`
	Accent      string            `json:"accentColor"`
	Bots        []struct {
		ID           string   `json:"botId"`
		Scopes       []string `json:"scopes"`
		Notification *bool    `json:"isNotificationOnly"`
		Files        *bool    `json:"supportsFiles"`
		Calling      *bool    `json:"supportsCalling"`
		Video        *bool    `json:"supportsVideo"`
		Targeted     *bool    `json:"supportsTargetedMessages"`
		Menus        []struct {
			Scopes   []string            `json:"scopes"`
			Triggers []string            `json:"triggers"`
			Commands []map[string]string `json:"commands"`
		} `json:"commandLists"`
	} `json:"bots"`
	Domains []string `json:"validDomains"`
}

func readManifest(t *testing.T, a teams.AppPackage) appManifest {
	t.Helper()
	_, files := packaged(t, a)
	dec := json.NewDecoder(bytes.NewReader(files["manifest.json"]))
	dec.DisallowUnknownFields()
	var m appManifest
	if err := dec.Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPackageHasTheManifestAndItsIcons(t *testing.T) {
	names, files := packaged(t, testApp(2))
	if diff := cmp.Diff([]string{"manifest.json", "color.png", "outline.png"}, names); diff != "" {
		t.Error(diff)
	}
	m := readManifest(t, testApp(2))
	for of, name := range m.Icons {
		if len(files[name]) == 0 {
			t.Errorf("the manifest's %s icon %q is not in the package", of, name)
		}
	}
}

func TestPackageIsTheSameEveryTime(t *testing.T) {
	first, err := teams.Package(testApp(2))
	if err != nil {
		t.Fatal(err)
	}
	again, err := teams.Package(testApp(2))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, again) {
		t.Error("two packages of one app differ")
	}
	z, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if f.Modified.Year() != 1980 {
			t.Errorf("%s has the time %v", f.Name, f.Modified)
		}
	}
}

// Any field that could hold a permission is unknown to the reader of these tests.
func TestManifestIsOfTheAppAndAsksForNoPermission(t *testing.T) {
	m := readManifest(t, testApp(2))
	if m.ID != testAppID || m.Version != "1.0.0" || m.Name["short"] != "Briefing Bot" {
		t.Errorf("id %s, version %s, name %v", m.ID, m.Version, m.Name)
	}
	if !strings.Contains(m.Schema, "/v"+m.Manifest+"/") {
		t.Errorf("schema %s for manifest version %s", m.Schema, m.Manifest)
	}
	if diff := cmp.Diff(map[string]string{
		"name": "A partnership", "websiteUrl": "https://www.example.org/bot",
		"privacyUrl": "https://www.example.org/privacy", "termsOfUseUrl": "https://www.example.org/terms",
	}, m.Developer); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"bot.example.org"}, m.Domains); diff != "" {
		t.Error(diff)
	}
	if len(m.Bots) != 1 {
		t.Fatalf("%d bots", len(m.Bots))
	}
	bot := m.Bots[0]
	if bot.ID != testAppID || !slices.Equal(bot.Scopes, []string{"personal", "team", "groupChat"}) {
		t.Errorf("bot %s for %v", bot.ID, bot.Scopes)
	}
	for what, supports := range map[string]*bool{"notification": bot.Notification, "files": bot.Files, "calling": bot.Calling, "video": bot.Video} {
		if supports == nil || *supports {
			t.Errorf("%s is not off", what)
		}
	}
	// Without it, Teams sends the bot nothing that only the sender sees.
	if bot.Targeted == nil || !*bot.Targeted {
		t.Error("the bot takes no private commands in a channel")
	}
}

func TestEveryScopeHasTheCommandsOfTheTable(t *testing.T) {
	app := testApp(2)
	var want []map[string]string
	for _, c := range app.Commands {
		want = append(want, map[string]string{"title": strings.TrimPrefix(c.Command, "/"), "description": c.Description})
	}
	if want[0]["title"] != "b1-briefing" || want[len(want)-1]["title"] == "" {
		t.Fatalf("the table lists %v", want)
	}
	var scopes []string
	for _, menu := range readManifest(t, app).Bots[0].Menus {
		scopes = append(scopes, menu.Scopes...)
		if diff := cmp.Diff(want, menu.Commands); diff != "" {
			t.Errorf("%v: %s", menu.Scopes, diff)
		}
		if private := slices.Contains(menu.Triggers, "slash"); private == slices.Contains(menu.Scopes, "personal") {
			t.Errorf("%v: offered after a slash: %v", menu.Scopes, private)
		}
	}
	if diff := cmp.Diff([]string{"personal", "team", "groupChat"}, scopes); diff != "" {
		t.Error(diff)
	}
}

func TestManifestTextsKeepWithinTeamsLimits(t *testing.T) {
	app := testApp(30)
	app.Name, app.Developer = strings.Repeat("é", 30), strings.Repeat("é", 32)
	app.Commands = append([]teams.MenuCommand{
		{Command: "/" + strings.Repeat("a", 32), Description: strings.Repeat("é", 500)},
		{Command: "/" + strings.Repeat("a", 33), Description: "Too long to be typed, and left out"},
	}, app.Commands...)
	m := readManifest(t, app)
	within := func(what, text string, most int) {
		t.Helper()
		if n := utf8.RuneCountInString(text); n == 0 || n > most {
			t.Errorf("%s has %d characters, and Teams takes 1 to %d", what, n, most)
		}
	}
	within("the name", m.Name["short"], 30)
	within("the full name", m.Name["full"], 100)
	within("the short description", m.Description["short"], 80)
	within("the full description", m.Description["full"], 4000)
	within("the developer", m.Developer["name"], 32)
	for _, menu := range m.Bots[0].Menus {
		if len(menu.Commands) != 10 {
			t.Errorf("%v: %d commands", menu.Scopes, len(menu.Commands))
		}
		for _, c := range menu.Commands {
			within("a title", c["title"], 32)
			within("the description of "+c["title"], c["description"], 128)
		}
		if strings.HasPrefix(menu.Commands[1]["title"], "aaa") {
			t.Errorf("%v: a command was cut", menu.Scopes)
		}
	}
}

func TestManifestTellsAdministratorsThatItCannotRead(t *testing.T) {
	full := readManifest(t, testApp(1)).Description["full"]
	for _, want := range []string{"It cannot read messages.", "safeguarding partnership's 7-minute briefings"} {
		if !strings.Contains(full, want) {
			t.Errorf("the description lacks %q", want)
		}
	}
}

func TestPackageTeamsWouldNotTakeIsAnError(t *testing.T) {
	for what, spoil := range map[string]func(*teams.AppPackage){
		"no id":                      func(a *teams.AppPackage) { a.ID = "" },
		"an id in braces":            func(a *teams.AppPackage) { a.ID = "{" + a.ID + "}" },
		"an id with a line after it": func(a *teams.AppPackage) { a.ID += "\n" },
		"a version of two numbers":   func(a *teams.AppPackage) { a.Version = "1.0" },
		"a version with a v":         func(a *teams.AppPackage) { a.Version = "v1.0.0" },
		"a version with a zero":      func(a *teams.AppPackage) { a.Version = "1.01.0" },
		"no name":                    func(a *teams.AppPackage) { a.Name = "" },
		"a name of 31 characters":    func(a *teams.AppPackage) { a.Name = strings.Repeat("n", 31) },
		"no developer":               func(a *teams.AppPackage) { a.Developer = "" },
		"a developer of 33":          func(a *teams.AppPackage) { a.Developer = strings.Repeat("n", 33) },
		"an address without TLS":     func(a *teams.AppPackage) { a.Address = "http://bot.example.org" },
		"a website without a host":   func(a *teams.AppPackage) { a.Website = "https:///bot" },
		"a privacy notice by mail":   func(a *teams.AppPackage) { a.Privacy = "mailto:privacy@example.org" },
		"no terms":                   func(a *teams.AppPackage) { a.Terms = "" },
	} {
		app := testApp(1)
		spoil(&app)
		_, err := teams.Package(app)
		if err == nil {
			t.Errorf("%s: no error", what)
		}
		if errors.Is(err, teams.ErrAppID) != strings.Contains(what, " id") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestIconsAreAsTeamsWantsThem(t *testing.T) {
	_, files := packaged(t, testApp(1))
	for name, size := range map[string]int{"color.png": 192, "outline.png": 32} {
		img, err := png.Decode(bytes.NewReader(files[name]))
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() != size || b.Dy() != size {
			t.Errorf("%s is %d × %d", name, b.Dx(), b.Dy())
		}
		drawn, clear := 0, 0
		for y := range size {
			for x := range size {
				c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
				switch {
				case name == "color.png" && c.A != 255:
					t.Fatalf("%s shows what is behind it at %d, %d", name, x, y)
				case c.A == 0:
					clear++
				case name == "outline.png" && (c.R != 255 || c.G != 255 || c.B != 255):
					t.Fatalf("%s is not white at %d, %d: %v", name, x, y, c)
				default:
					drawn++
				}
			}
		}
		if name == "outline.png" && (drawn < 100 || clear < 400) {
			t.Errorf("%s has %d pixels drawn and %d clear", name, drawn, clear)
		}
	}
}
