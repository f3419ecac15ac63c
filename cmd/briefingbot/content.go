package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/content"
	"briefingbot/prompts"
)

// contentFlags are the settings of everything that answers.
type contentFlags struct {
	Content string `placeholder:"DIR" env:"BRIEFINGBOT_CONTENT" help:"Folder of briefings instead of those built in."`
	Footer  string `placeholder:"TEXT" env:"BRIEFINGBOT_FOOTER" help:"Reminder at the end of every reply."`

	Replied bot.Replied `kong:"-"` // counts replies; or nil
}

// load reads the folder, or the briefings that are built in where dir is empty.
func load(dir string) (briefing.Library, error) { return from(dir, content.LoadOn) }

// from reads the folder, or what is built in, as read does.
func from[T any](dir string, read func(fs.FS, time.Time) (T, error)) (none T, err error) {
	if dir == "" {
		return read(prompts.FS, time.Now())
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return none, hinted{fmt.Errorf("the folder of briefings %q cannot be opened: %w", dir, err), "name a folder of .md files, which this user may read"}
	}
	defer root.Close() // only read from: closing can lose nothing
	return read(root.FS(), time.Now())
}

// loadSound is load for whoever needs the briefings, and not the faults.
func loadSound(dir string) (briefing.Library, error) {
	lib, err := load(dir)
	return lib, sound(err, dir)
}

// sound is the error of reading a folder, for whoever does not list its faults.
func sound(err error, dir string) error {
	if faults := (content.Faults{}); errors.As(err, &faults) {
		return hinted{fmt.Errorf("the briefings have faults:\n%w", err), "mend them, and run briefingbot check " + dir}
	}
	return err
}

// openBot loads the briefings and makes a bot of them, with weekly questions where
// it is given what those need. Call close when it is no longer used.
func (c contentFlags) openBot(weekly bot.Weekly, log *zap.Logger) (b *bot.Bot, lib briefing.Library, close func() error, err error) {
	const maxFooter = 500
	if utf8.RuneCountInString(c.Footer) > maxFooter {
		return nil, nil, nil, hinted{fmt.Errorf("BRIEFINGBOT_FOOTER is longer than %d characters", maxFooter), "it stands under every reply: keep it to a sentence or two"}
	}
	lib, err = loadSound(c.Content)
	if err != nil {
		return nil, nil, nil, err
	}
	finder, err := content.Open(lib)
	if err != nil {
		return nil, nil, nil, err
	}
	b = bot.New(lib, finder, bot.Config{Footer: c.Footer, Replied: c.Replied, Weekly: weekly}, log)
	return b, lib, b.Close, nil
}
