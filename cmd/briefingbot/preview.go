package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"briefingbot/internal/briefing"
	"briefingbot/internal/content"
)

type previewCommand struct {
	Dir    string `arg:"" placeholder:"DIR" help:"Folder of briefings."`
	Listen string `placeholder:"127.0.0.1:8080" env:"BRIEFINGBOT_LISTEN" help:"Address of the page, on this machine."`
	Footer string `placeholder:"TEXT" env:"BRIEFINGBOT_FOOTER" help:"Reminder at the end of every reply."`
}

// previewEvery is how often preview looks at the files: whoever saves one looks at
// the page next.
const previewEvery = 250 * time.Millisecond

// Run shows the page of this machine on the folder, with a database of its own that
// is gone afterwards. Nothing is asked of a chat platform, whatever is set up.
func (c previewCommand) Run(ctx context.Context, s streams) (err error) {
	if err := aloneHere(c.Listen, webLocal, platforms{}); err != nil {
		return err
	}
	if err := c.wait(ctx, s); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil // ended before the folder was sound
	}
	dir, err := os.MkdirTemp("", "briefingbot-preview")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	serve := serveCommand{
		contentFlags: contentFlags{Content: c.Dir, Footer: c.Footer},
		weeklyFlags:  weeklyFlags{Timezone: "Europe/London", WeeklyTitle: "Question of the week", Unconfirmed: "hold", Keep: days(400 * 24 * time.Hour)},
		webFlags:     webFlags{Web: "auto", WebBriefings: "off"},
		Listen:       c.Listen, AdminListen: "127.0.0.1:0", LogLevel: "error", LogFormat: "json",
		preview: cmp.Or(filepath.Base(filepath.Clean(c.Dir)), c.Dir),
	}
	return serve.serve(ctx, s, platforms{}, webLocal, briefing.Private{}, filepath.Join(dir, "preview.db"))
}

// wait says what is wrong with the folder, until nothing is: there is nothing that
// the page could show before.
func (c previewCommand) wait(ctx context.Context, s streams) error {
	_, err := load(c.Dir)
	if faults := (content.Faults{}); !errors.As(err, &faults) {
		return err
	}
	if err := c.say(s, err); err != nil {
		return err
	}
	waiting, sound := context.WithCancel(ctx)
	defer sound()
	var failed error
	first := true
	content.Follow(waiting, c.Dir, previewEvery, nil, func(_ briefing.Library, err error) {
		switch {
		case err == nil:
			sound()
		case !first: // it was said already
			if failed = c.say(s, err); failed != nil {
				sound()
			}
		}
		first = false
	})
	return failed
}

func (c previewCommand) say(s streams, faults error) error {
	_, err := fmt.Fprintf(s.out, "The briefings have faults. The page opens when they are mended; this goes on looking.\n%s\n\n", faults)
	return err
}
