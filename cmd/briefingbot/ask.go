package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.uber.org/zap"
	"golang.org/x/term"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/slack"
	"briefingbot/internal/teams"
	"briefingbot/internal/terminal"
)

type askCommand struct {
	contentFlags
	Format string   `enum:"text,slack,teams" default:"text" help:"text, or the JSON that a platform gets: slack, teams."`
	Text   []string `arg:"" optional:"" help:"What to ask, like /da-briefing worries. Without it, one command is read from each line of the input."`
}

func (c askCommand) Run(ctx context.Context, s streams) (err error) {
	b, lib, closeBot, err := c.openBot(bot.Weekly{}, zap.NewNop())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeBot()) }()
	write := c.writer(s.out)
	if len(c.Text) > 0 {
		return c.answer(ctx, b, write, strings.Join(c.Text, " "))
	}
	return c.converse(ctx, s, b, lib, write)
}

// converse answers one command a line until the end of the input. Somebody at a
// terminal is shown how to begin.
func (c askCommand) converse(ctx context.Context, s streams, b *bot.Bot, lib briefing.Library, write writeFunc) error {
	prompt := func() error { return nil }
	if isTerminal(s.in) && isTerminal(s.out) {
		prompt = func() error { _, err := fmt.Fprint(s.out, "> "); return err }
		if _, err := fmt.Fprintf(s.out, "Type a command, like %s or /briefings help. End with Ctrl-D.\n", lib[0].BriefingCommand()); err != nil {
			return err
		}
	}
	lines := bufio.NewScanner(interrupted{ctx, s.in})
	for first := true; ; first = false {
		if err := prompt(); err != nil {
			return err
		}
		if !lines.Scan() {
			break
		}
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		if !first {
			if _, err := fmt.Fprintln(s.out); err != nil {
				return err
			}
		}
		if err := c.answer(ctx, b, write, line); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return errSaid
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return hinted{errors.New("a line of the input is too long"), "a command has a few words"}
	}
	return lines.Err()
}

func (c askCommand) answer(ctx context.Context, b *bot.Bot, write writeFunc, text string) error {
	return write(b.Respond(ctx, briefing.Request{Platform: briefing.Terminal, Text: briefing.NewPrivate(text)}))
}

type writeFunc func(*briefing.Message) error

func (c askCommand) writer(out io.Writer) writeFunc {
	switch c.Format {
	case "slack":
		return func(m *briefing.Message) error { return writeParts(out, slack.Render(m, slack.Private)) }
	case "teams":
		return func(m *briefing.Message) error { return writeParts(out, teams.Render(m)) }
	}
	o := terminal.Options{Width: 80}
	if f, ok := out.(*os.File); ok && isTerminal(out) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			o.Width = width
		}
		// https://no-color.org: any value but an empty one.
		o.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return func(m *briefing.Message) error { return terminal.Render(out, m, o) }
}

// writeParts prints a reply as JSON: the message, or a list of them where the
// platform gets it in parts.
func writeParts[T any](out io.Writer, parts []T) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	if len(parts) == 1 {
		return enc.Encode(parts[0])
	}
	return enc.Encode(parts)
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
