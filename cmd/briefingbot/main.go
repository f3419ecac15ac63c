// Command briefingbot brings a safeguarding partnership's 7-minute briefings into
// Slack and Microsoft Teams. Start with cli: it lists the subcommands, each in a
// file of its own. Everything is wired together here, and nothing is decided.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the process, whatever it waits for
	forgetEmpty()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) //nolint:gocritic // the process ends, and stop with it
}

// forgetEmpty has an empty setting count as one that is not there, as Compose and
// environment files leave it where nobody gave a value.
func forgetEmpty() {
	for _, setting := range os.Environ() {
		name, value, _ := strings.Cut(setting, "=")
		for _, prefix := range []string{"BRIEFINGBOT_", "SLACK_", "TEAMS_"} {
			if value == "" && strings.HasPrefix(name, prefix) {
				_ = os.Unsetenv(name) // fails for names that are none alone
			}
		}
	}
}

// cli is every subcommand and every setting that is no secret. Secrets come from
// the environment or from files alone: a command line can be read by others.
type cli struct {
	Serve    serveCommand    `cmd:"" help:"Answer in Slack and Teams."`
	Ask      askCommand      `cmd:"" help:"Answer one command here in the terminal, or one on each line of the input."`
	Check    checkCommand    `cmd:"" help:"Validate a folder of briefings, and list every fault."`
	Links    linksCommand    `cmd:"" help:"Open every link of a folder of briefings, and say which are broken or have moved."`
	Preview  previewCommand  `cmd:"" help:"Show a folder of briefings in a browser on this machine, and follow its files."`
	Manifest manifestCommand `cmd:"" help:"Write what Slack or Teams is set up from: the app manifest, the app package."`
	Data     dataCommand     `cmd:"" help:"List every table and column of the database, what it is for and how long it is kept."`
	Doctor   doctorCommand   `cmd:"" help:"Try everything the bot needs, and say what to do where something is wrong. Changes nothing, prints no secret."`
	Status   statusCommand   `cmd:"" help:"Say how the running bot is, and what to do where something is wrong."`
	Backup   backupCommand   `cmd:"" help:"Copy the database file into another file, also while the bot runs."`
	Export   exportCommand   `cmd:"" help:"Print everything that is held about a tenant, as JSON, or list the tenants."`
	Purge    purgeCommand    `cmd:"" help:"Remove everything that is held about a tenant."`
	Health   healthCommand   `cmd:"" help:"Ask the bot on this machine whether it is ready, for a container's health check."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// streams is where a subcommand reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// hinted is an error and what to do about it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// errSaid ends the process with status 1 where everything has been said.
var errSaid = errors.New("said already")

// run is the whole program. It returns the exit status: 0, 1 for a failure, 2
// for wrong usage.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var c cli
	helped := false
	parser, err := kong.New(&c, kong.Name("briefingbot"), kong.Writers(out, errOut),
		kong.Description("7-minute safeguarding briefings, word for word, in chat."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(streams{in, out, errOut}))
	if err != nil {
		return report(errOut, err, 1)
	}
	kctx, err := parser.Parse(args)
	switch {
	case helped:
		return 0
	case err != nil:
		status, err := misused(err, args)
		return report(errOut, err, status)
	}
	if err := kctx.Run(); err != nil {
		return report(errOut, err, 1)
	}
	return 0
}

// misused is an error of kong's with what to do, and the status to exit with: in the
// words of the setting where the value came from the environment, and with the help of
// the command that was meant.
func misused(err error, args []string) (status int, _ error) {
	parse := &kong.ParseError{}
	if !errors.As(err, &parse) || parse.Context == nil || parse.Context.Selected() == nil {
		return 2, hinted{err, "briefingbot --help lists what there is"}
	}
	for _, f := range parse.Context.Flags() {
		flag := "--" + f.Name
		rest, ok := strings.CutPrefix(err.Error(), flag)
		if !ok || slices.ContainsFunc(args, func(a string) bool { return a == flag || strings.HasPrefix(a, flag+"=") }) {
			continue
		}
		for _, name := range f.Envs {
			if _, set := os.LookupEnv(name); set && !strings.HasPrefix(rest, "-") {
				rest, _, _ = strings.Cut(rest, " (from envar") // which says it again
				return 1, hinted{errors.New(name + rest), "\"Run it for real\" in README.md lists what each setting may be"}
			}
		}
	}
	return 2, hinted{err, parse.Context.Selected().FullPath() + " --help lists what there is"}
}

// report prints an error with its hint, and returns the status to exit with.
func report(w io.Writer, err error, status int) int {
	if errors.Is(err, errSaid) {
		return status
	}
	fmt.Fprintln(w, "error:", strings.TrimSpace(err.Error()))
	if h := (hinted{}); errors.As(err, &h) {
		fmt.Fprintln(w, "hint:", h.hint)
	}
	return status
}
