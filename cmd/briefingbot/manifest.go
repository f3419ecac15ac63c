package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"

	grammar "briefingbot/internal/command"
	"briefingbot/internal/slack"
	"briefingbot/internal/teams"
)

// manifestCommand describes the bot to a platform, which is how it is set up there.
type manifestCommand struct {
	Slack slackManifestCommand `cmd:"" help:"Print the app manifest for Slack, as JSON."`
	Teams teamsManifestCommand `cmd:"" help:"Write the app package for Microsoft Teams, a zip file, to standard output."`
}

// manifestFlags are what both platforms want to know.
type manifestFlags struct {
	Content string `placeholder:"DIR" env:"BRIEFINGBOT_CONTENT" help:"Folder of briefings instead of those built in."`
	URL     string `required:"" placeholder:"URL" help:"The bot's own address, like https://bot.example.org."`
	Name    string `default:"Briefing Bot" help:"What people call the bot."`
}

type slackManifestCommand struct{ manifestFlags }

func (c slackManifestCommand) Run(s streams) error {
	address, table, err := c.prepare()
	if err != nil {
		return err
	}
	var commands []slack.ManifestCommand
	for _, e := range table.Listing() {
		commands = append(commands, slack.ManifestCommand{Name: e.Name, Description: e.Purpose, Hint: e.Hint})
	}
	manifest, err := slack.Manifest(c.Name, address, commands)
	if err != nil {
		return hinted{err, "briefingbot manifest slack --help lists what can be changed"}
	}
	_, err = s.out.Write(manifest)
	return err
}

type teamsManifestCommand struct {
	manifestFlags
	ID         string `required:"" placeholder:"UUID" help:"Application (client) ID of the app registration in Entra."`
	AppVersion string `default:"1.0.0" help:"Version of the package; raise it to replace one."`
	Developer  string `placeholder:"NAME" help:"Who runs the bot, like your organisation. The bot's name where none is given."`
	Website    string `placeholder:"URL" help:"A page about the bot. The bot's address where none is given."`
	Privacy    string `placeholder:"URL" help:"Your privacy notice. The website where none is given."`
	Terms      string `placeholder:"URL" help:"Your terms of use. The website where none is given."`
}

func (c teamsManifestCommand) Run(s streams) error {
	if isTerminal(s.out) {
		return hinted{errors.New("the package is a zip file, which a terminal cannot show"), "write it into a file: add > app.zip"}
	}
	address, table, err := c.prepare()
	if err != nil {
		return err
	}
	app := teams.AppPackage{
		ID: c.ID, Version: c.AppVersion, Name: c.Name, Address: address,
		Developer: cmp.Or(c.Developer, c.Name), Website: cmp.Or(c.Website, address),
	}
	app.Privacy, app.Terms = cmp.Or(c.Privacy, app.Website), cmp.Or(c.Terms, app.Website)
	for _, u := range table.Starters(teams.MenuLines) {
		app.Commands = append(app.Commands, teams.MenuCommand{Command: u.Type, Description: u.Purpose})
	}
	zip, err := teams.Package(app)
	if errors.Is(err, teams.ErrAppID) {
		return hinted{err, "copy the Application (client) ID from the overview of the app registration in Entra"}
	}
	if err != nil {
		return hinted{err, "briefingbot manifest teams --help lists what can be changed"}
	}
	_, err = s.out.Write(zip)
	return err
}

// prepare reads what every manifest is made of.
func (c manifestFlags) prepare() (address string, table *grammar.Table, err error) {
	if address, err = c.address(); err != nil {
		return "", nil, err
	}
	table, err = c.table()
	return address, table, err
}

// address is the bot's, without a slash at its end. The platforms' paths are
// appended to it.
func (c manifestFlags) address() (string, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", hinted{fmt.Errorf("--url %q is not an https address without a path", c.URL), "name the bot's host alone, like --url https://bot.example.org"}
	}
	return "https://" + strings.ToLower(u.Host), nil
}

// table loads the briefings, and makes the table of their commands.
func (c manifestFlags) table() (*grammar.Table, error) {
	lib, err := loadSound(c.Content)
	if err != nil {
		return nil, err
	}
	return grammar.New(lib), nil
}
