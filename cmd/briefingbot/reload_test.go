package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/zap"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/content"
)

func neglect(prefix, text string) string {
	return "---\nid: neglect\ntitle: Neglect\npublisher: A partnership\nedition: May 2026\nlanguage: en-GB\nprefix: " + prefix +
		"\n---\n\n## 01. What it is\n\n" + text + "\n"
}

// save puts a file into a folder as most editors do, in one step.
func save(t *testing.T, dir, name, text string) {
	t.Helper()
	beside := filepath.Join(dir, "."+name+"~")
	if err := os.WriteFile(beside, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(beside, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// comes waits until something holds.
func (p *process) comes(what string, holds func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s did not come\n%s", what, p.stderr())
		}
	}
}

// readiness is what /readyz says.
func (p *process) readiness(address string) string {
	p.t.Helper()
	status, reply := p.do(http.MethodGet, address, "/readyz", "", nil)
	if status != http.StatusOK {
		p.t.Errorf("/readyz: status %d %q", status, reply)
	}
	return reply
}

const (
	readAgain = "the briefings were read again"
	faulty    = "the briefings have faults, and the last good ones go on answering"
	renamed   = "commands have changed: write the manifest again with briefingbot manifest, and update the app with it"
)

func TestEditedBriefingsAnswerAndBrokenOnesTakeNothingAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	save(t, dir, "neglect.md", neglect("ng", "The first text."))
	b := newTeam(t, "team.db", "BRIEFINGBOT_CONTENT="+dir)
	everywhere := func(text, want string) {
		t.Helper()
		for _, ch := range b.channels {
			b.must(ch, text, want)
		}
	}
	everywhere("/ng-briefing 1", "The first text.")

	save(t, dir, "neglect.md", neglect("ng", "The second text."))
	b.comes("what was edited", func() bool { return len(b.logged(readAgain)) == 1 })
	if n := b.logged(readAgain)[0]["briefings"]; n != 1.0 {
		t.Errorf("it was logged as %v briefings", n)
	}
	everywhere("/ng-briefing 1", "The second text.")
	everywhere("/ng-briefing search second", "text.")

	save(t, dir, "neglect.md", neglect("ng", ""))
	b.comes("the fault", func() bool { return b.readiness(b.admin) != "ok\n" })
	const state = "ok\ncontent: 1 fault, the last good briefings answer\n"
	for _, address := range []string{b.public, b.admin} {
		if said := b.readiness(address); said != state {
			t.Errorf("/readyz says %q", said)
		}
	}
	everywhere("/ng-briefing 1", "The second text.")
	time.Sleep(2 * followEvery) // in which the fault is not said again
	lines := b.logged(faulty)
	if len(lines) != 1 || lines[0]["level"] != "warn" || !strings.HasPrefix(fmt.Sprint(lines[0]["cause"]), "1 fault: neglect.md:10: section 01 has no text") {
		t.Errorf("logged %v", lines)
	}
	if len(b.logged(renamed)) > 0 {
		t.Error("the commands are the same, and it was logged that they changed")
	}

	save(t, dir, "neglect.md", neglect("nt", "The third text."))
	b.comes("what was mended", func() bool { return b.readiness(b.admin) == "ok\n" })
	everywhere("/nt-briefing 1", "The third text.")
	everywhere("/ng-briefing 1", "That is not a command here.")
	b.comes("a word on the commands", func() bool { return len(b.logged(renamed)) == 1 })
	if got := fmt.Sprint(b.logged(renamed)[0]["platforms"]); got != "[slack teams]" {
		t.Errorf("the apps to update are %s", got)
	}

	before := len(b.logged(readAgain))
	if err := b.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	b.comes("a line after SIGHUP", func() bool { return len(b.logged(readAgain)) == before+1 })
	everywhere("/nt-briefing all", "The third text.") // not the same again: Slack's would be a replay
	b.ends()
	b.silentAbout("first text", "second text", "third text")
}

func TestHangupWithoutAFolderSaysThatNothingChanges(t *testing.T) {
	t.Parallel()
	p := serve(t)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.comes("a line", func() bool {
		return len(p.logged("the built-in briefings do not change: name a folder in BRIEFINGBOT_CONTENT for some that do")) == 1
	})
	body := command("/da-briefing", "worries")
	if status, reply := p.do(http.MethodPost, p.public, "/slack/commands", body, signed(body)); status != http.StatusOK || !strings.Contains(reply, teamsWorry) {
		t.Errorf("%d %s", status, reply)
	}
	if p.stop(); p.err != nil {
		t.Errorf("it ended with %v", p.err)
	}
}

// A page that shows a folder has to show its faults from the start, before there is
// any good briefing.
func TestFolderMayBeFaultyAtFirstForWhoShowsFaults(t *testing.T) {
	finder, err := content.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := bot.New(nil, finder, bot.Config{}, zap.NewNop())
	defer b.Close()
	dir := t.TempDir()
	save(t, dir, "neglect.md", neglect("ng", ""))
	c := newContent(dir, b, nil, nil, zap.NewNop())
	type told struct {
		briefings int
		err       error
	}
	tells := make(chan told, 10)
	c.onChange(func(lib briefing.Library, err error) {
		if current, faults := c.current(); len(current) != len(lib) || (faults == nil) != (err == nil) {
			t.Errorf("a hook was told of %d briefings and %v, and there are %d and %v", len(lib), err, len(current), faults)
		}
		tells <- told{len(lib), err}
	})
	ctx, leave := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() { c.follow(ctx, 10*time.Millisecond) })
	defer func() { leave(); following.Wait() }()
	next := func(briefings, faults int) {
		t.Helper()
		select {
		case got := <-tells:
			var list content.Faults
			if errors.As(got.err, &list); got.briefings != briefings || len(list) != faults {
				t.Errorf("told of %d briefings and %v, want %d and %d faults", got.briefings, got.err, briefings, faults)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("nothing was told")
		}
	}
	next(0, 1)
	save(t, dir, "neglect.md", neglect("ng", "A text."))
	next(1, 0)
	save(t, dir, "neglect.md", neglect("ng", ""))
	next(1, 1)
	c.reload()
	next(1, 1)
}

func TestLogShowsAFewFaultsAndTheirNumber(t *testing.T) {
	fault := func(line int) content.Fault { return content.Fault{File: "a.md", Line: line, Text: "mend it"} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{content.Faults{fault(1)}, "1 fault: a.md:1: mend it"},
		{content.Faults{fault(1), fault(2), fault(3)}, "3 faults: a.md:1: mend it; a.md:2: mend it; a.md:3: mend it"},
		{content.Faults{fault(1), fault(2), fault(3), fault(4), fault(5)}, "5 faults: a.md:1: mend it; a.md:2: mend it; a.md:3: mend it; and 2 more"},
		{errors.New("no memory"), "1 fault: no memory"},
	} {
		if got := summary(c.err); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestAppsAreOutOfDateWhereTheirCommandsChange(t *testing.T) {
	library := func(files ...string) briefing.Library {
		t.Helper()
		folder := fstest.MapFS{}
		for i, text := range files {
			text = strings.Replace(text, "id: neglect", fmt.Sprintf("id: neglect-%d", i), 1)
			folder[fmt.Sprintf("%d.md", i)] = &fstest.MapFile{Data: []byte(text)}
		}
		lib, err := content.Load(folder)
		if err != nil {
			t.Fatal(err)
		}
		return lib
	}
	questions := neglect("ng", "A text.") + "\n## 02. Questions\n\n### Practice reflection\n\n- Who asks?\n"
	questions = strings.Replace(questions, "prefix:", "sections:\n  2:\n    kind: questions\nprefix:", 1)
	both := []string{"slack", "teams"}
	for _, c := range []struct {
		name  string
		after briefing.Library
		want  []string
	}{
		{"nothing", library(neglect("ng", "A text.")), nil},
		{"a text", library(neglect("ng", "Another text.")), nil},
		{"a prefix", library(neglect("nt", "A text.")), both},
		{"a briefing more", library(neglect("ng", "A text."), neglect("nt", "A text.")), both},
		{"questions", library(questions), []string{"slack", "teams"}},
	} {
		if got := outdated(library(neglect("ng", "A text.")), c.after, both); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
