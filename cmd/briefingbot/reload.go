package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	grammar "briefingbot/internal/command"
	"briefingbot/internal/content"
	"briefingbot/internal/teams"
)

// followEvery is how often serve looks at the files of its folder.
const followEvery = time.Second

// liveContent is the briefings that a bot answers from while their files are
// edited. A fault never takes away what answers: that goes on until it is mended.
type liveContent struct {
	dir       string // or empty for those that are built in
	bot       *bot.Bot
	log       *zap.Logger
	platforms []string // whose apps list the commands
	hooks     []func(briefing.Library, error)
	again     chan struct{}
	begun     bool // Follow has told of the first time

	mu     sync.Mutex // guards what follows
	lib    briefing.Library
	faults error
}

// newContent is of a bot that was made of lib, which dir held. platforms are those
// whose apps have to be updated where commands change.
func newContent(dir string, b *bot.Bot, lib briefing.Library, platforms []string, log *zap.Logger) *liveContent {
	return &liveContent{dir: dir, bot: b, lib: lib, platforms: platforms, log: log, again: make(chan struct{}, 1)}
}

// onChange has f called whenever the folder has changed: with what the bot answers
// from since then or, where the folder has faults, with what it went on answering
// from and the faults. It is for before follow.
func (c *liveContent) onChange(f func(briefing.Library, error)) { c.hooks = append(c.hooks, f) }

// current is what the bot answers from, and what is wrong with the folder now;
// content.Faults or nil, but for a failure of ours.
func (c *liveContent) current() (briefing.Library, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lib, c.faults
}

// follow looks at the folder every so often until ctx ends.
func (c *liveContent) follow(ctx context.Context, every time.Duration) {
	if c.dir != "" {
		content.Follow(ctx, c.dir, every, c.again, c.changed)
	}
}

// reload reads the folder again, even if it has not changed.
func (c *liveContent) reload() {
	if c.dir == "" {
		c.log.Info("the built-in briefings do not change: name a folder in BRIEFINGBOT_CONTENT for some that do")
		return
	}
	select {
	case c.again <- struct{}{}:
	default: // it is about to be read
	}
}

// changed takes what the folder holds now.
func (c *liveContent) changed(lib briefing.Library, err error) {
	before, _ := c.current()
	first := !c.begun
	c.begun = true
	if first && err == nil && reflect.DeepEqual(lib, before) {
		return // which is what it was made of
	}
	if err == nil {
		err = c.replace(lib)
	}
	c.mu.Lock()
	if err == nil {
		c.lib = lib
	}
	c.faults = err
	now := c.lib
	c.mu.Unlock()
	for _, hook := range c.hooks {
		hook(now, err)
	}
	if err != nil {
		c.log.Warn("the briefings have faults, and the last good ones go on answering", zap.String("cause", summary(err)))
		return
	}
	c.log.Info("the briefings were read again", zap.Int("briefings", len(lib)))
	if apps := outdated(before, lib, c.platforms); len(apps) > 0 {
		c.log.Warn("commands have changed: write the manifest again with briefingbot manifest, and update the app with it", zap.Strings("platforms", apps))
	}
}

func (c *liveContent) replace(lib briefing.Library) error {
	finder, err := content.Open(lib)
	if err != nil {
		return err
	}
	c.bot.Replace(lib, finder)
	return nil
}

// state is a line on what is wrong with the folder, or empty.
func (c *liveContent) state() string {
	_, err := c.current()
	if err == nil {
		return ""
	}
	return fmt.Sprintf("content: %s, the last good briefings answer", count(len(eachFault(err)), "fault"))
}

// maxShown is how many faults a line of the log shows. briefingbot check shows all.
const maxShown = 3

func summary(err error) string {
	faults := eachFault(err)
	line := count(len(faults), "fault") + ": " + strings.Join(faults[:min(maxShown, len(faults))], "; ")
	if more := len(faults) - maxShown; more > 0 {
		line += fmt.Sprintf("; and %d more", more)
	}
	return line
}

func eachFault(err error) []string {
	var faults content.Faults
	if !errors.As(err, &faults) {
		return []string{err.Error()}
	}
	var out []string
	for _, f := range faults {
		out = append(out, f.String())
	}
	return out
}

// outdated is the platforms on which an app lists other commands than there are.
func outdated(before, after briefing.Library, platforms []string) []string {
	return slices.DeleteFunc(slices.Clone(platforms), func(platform string) bool {
		return slices.Equal(listed(before, platform), listed(after, platform))
	})
}

// listed is the commands that a platform's app lists.
func listed(lib briefing.Library, platform string) []string {
	var out []string
	table := grammar.New(lib)
	if platform == string(briefing.Teams) {
		for _, u := range table.Starters(teams.MenuLines) {
			out = append(out, u.Type)
		}
		return out
	}
	for _, e := range table.Listing() {
		out = append(out, e.Name)
	}
	slices.Sort(out)
	return out
}
