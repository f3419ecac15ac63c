package content

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"briefingbot/internal/briefing"
)

const every = time.Second

// followed is a folder that is followed, and what was told of it.
type followed struct {
	t     *testing.T
	dir   string
	again chan struct{}
	mu    sync.Mutex // guards what follows
	told  []string   // for each time, the first paragraphs, or the faults
}

// following runs a test in a bubble, between two looks at a folder that holds
// plants.md. What Follow told at first has been taken note of.
func following(t *testing.T, test func(f *followed)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(24*time.Hour - 5*time.Minute) // until shortly before the bubble's second day
		f := &followed{t: t, dir: dir, again: make(chan struct{})}
		f.save("plants.md", "At first.")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			Follow(ctx, dir, every, f.again, f.changed)
		}()
		time.Sleep(every / 2)
		f.was("At first.")
		test(f)
		cancel()
		<-ended
	})
}

func (f *followed) changed(lib briefing.Library, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var faults Faults
	switch {
	case errors.As(err, &faults) && lib == nil:
		f.told = append(f.told, faults.Error())
		return
	case err != nil:
		f.t.Errorf("an error that is no Faults, or a library beside it: %v", err)
	}
	var texts []string
	for _, b := range lib {
		texts = append(texts, b.Sections[0].Blocks[0].(briefing.Paragraph).Text.Letters())
	}
	f.told = append(f.told, strings.Join(texts, " "))
}

// was fails where anything else was told since it was last called.
func (f *followed) was(want ...string) {
	f.t.Helper()
	if got, want := f.take(), strings.Join(want, "\n"); got != want {
		f.t.Errorf("told %q, want %q", got, want)
	}
}

// take is what was told since it was last called.
func (f *followed) take() string {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	told := strings.Join(f.told, "\n")
	f.told = nil
	return told
}

// after waits for that many looks.
func (*followed) after(looks int) { time.Sleep(time.Duration(looks) * every) }

func plant(name, text string) string {
	id := strings.TrimSuffix(filepath.Base(name), ".md")
	return fmt.Sprintf("---\nid: %s\ntitle: Plants\npublisher: Testshire Gardeners\nedition: May 2026\nlanguage: en-GB\nprefix: %.2s\n---\n\n## 01. What it is\n\n%s\n", id, id, text)
}

func (f *followed) save(name, text string) { f.write(name, plant(name, text)) }

func (f *followed) write(name, content string) {
	f.t.Helper()
	file := filepath.Join(f.dir, name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
	// The bubble's clock, not the machine's.
	if err := os.Chtimes(file, time.Now(), time.Now()); err != nil {
		f.t.Fatal(err)
	}
}

func (f *followed) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func TestChangeIsToldOnceItHasStoodStill(t *testing.T) {
	following(t, func(f *followed) {
		f.save("plants.md", "Then.")
		f.after(1)
		f.was()
		f.after(1)
		f.was("Then.")
		f.after(10)
		f.was()
		for n := range 5 { // an editor that writes in steps
			f.write("plants.md", plant("plants.md", "At last.")[:10*n])
			f.after(1)
			f.was()
		}
		f.save("plants.md", "At last.")
		f.after(2)
		f.was("At last.")
	})
}

func TestFilesThatComeAndGoAreTold(t *testing.T) {
	following(t, func(f *followed) {
		f.save("mosses.md", "Mosses.")
		f.after(2)
		f.was("Mosses. At first.")
		f.must(os.Remove(filepath.Join(f.dir, "plants.md")))
		f.after(2)
		f.was("Mosses.")
		f.must(os.Rename(filepath.Join(f.dir, "mosses.md"), filepath.Join(f.dir, "trees.txt")))
		f.after(2)
		f.was("no briefing here; add a file that ends in .md")
	})
}

func TestWhatChangesNothingIsNotTold(t *testing.T) {
	following(t, func(f *followed) {
		f.save("plants.md", "At first.") // as it was, at another time
		f.write("README.md", "Not a briefing.")
		f.write("_draft.md", "Not yet one.")
		f.write(".plants.md.swp", "An editor's own.")
		f.must(os.Mkdir(filepath.Join(f.dir, "old.md"), 0o700))
		f.after(10)
		f.was()
	})
}

func TestFaultsAreToldOnceAndTheyAreMended(t *testing.T) {
	following(t, func(f *followed) {
		f.save("plants.md", "")
		f.after(2)
		const fault = "plants.md:10: section 01 has no text; add at least one line or bullet"
		f.was(fault)
		f.after(200) // and read again meanwhile, too
		f.save("plants.md", "")
		f.after(10)
		f.was()
		f.save("mosses.md", "")
		f.after(2)
		f.was("mosses.md:10: section 01 has no text; add at least one line or bullet\n" + fault)
		f.must(os.Remove(filepath.Join(f.dir, "mosses.md")))
		f.save("plants.md", "At first.")
		f.after(2)
		f.was("At first.")
	})
}

func TestFolderThatVanishesIsAFaultAndNotTheEnd(t *testing.T) {
	following(t, func(f *followed) {
		away := f.dir + " elsewhere"
		f.must(os.Rename(f.dir, away))
		f.after(10)
		f.was("the folder of briefings cannot be opened (no such file or directory); see that it is there, and who may read it")
		f.must(os.WriteFile(f.dir, nil, 0o600))
		f.after(10)
		f.was("the folder of briefings cannot be opened (not a directory); see that it is there, and who may read it")
		f.must(os.Remove(f.dir))
		f.must(os.Rename(away, f.dir))
		f.after(10)
		f.was("At first.")
	})
}

// Kubernetes puts the files of a ConfigMap into a folder of their own, and turns
// the symlink ..data from the folder of before to it.
// https://kubernetes.io/docs/concepts/storage/volumes/#configmap
func TestConfigMapThatIsReplacedIsFollowed(t *testing.T) {
	following(t, func(f *followed) {
		f.must(os.Remove(filepath.Join(f.dir, "plants.md")))
		put := func(version, text string) {
			f.must(os.Mkdir(filepath.Join(f.dir, version), 0o700))
			f.save(version+"/plants.md", text)
			f.must(os.Symlink(version, filepath.Join(f.dir, "..data_tmp")))
			f.must(os.Rename(filepath.Join(f.dir, "..data_tmp"), filepath.Join(f.dir, "..data")))
		}
		put("..2026_01", "January.")
		f.must(os.Symlink("..data/plants.md", filepath.Join(f.dir, "plants.md")))
		f.after(2)
		f.was("January.")
		f.after(10)
		put("..2026_02", "As long")
		f.must(os.RemoveAll(filepath.Join(f.dir, "..2026_01")))
		f.after(2)
		f.was("As long")
	})
}

// Files have a time to the second, or to two, on some file systems.
func TestFileThatIsSavedTwiceInAMomentIsToldTwice(t *testing.T) {
	following(t, func(f *followed) {
		f.after(10)
		saved := time.Now()
		f.save("plants.md", "Friday.")
		f.after(2)
		f.was("Friday.")
		f.save("plants.md", "Sunday.")
		f.must(os.Chtimes(filepath.Join(f.dir, "plants.md"), saved, saved))
		f.after(3)
		f.was("Sunday.")
	})
}

func TestFaultThatTheDayMendsGoesAway(t *testing.T) {
	following(t, func(f *followed) {
		tomorrow := time.Now().UTC().Add(24 * time.Hour).Format(time.DateOnly)
		text := strings.Replace(plant("plants.md", "Water [them](https://example.org)."), "prefix:", "links:\n  them:\n    confirmed-on: "+tomorrow+"\nprefix:", 1)
		f.write("plants.md", text)
		f.after(2)
		if told := f.take(); !strings.HasPrefix(told, "plants.md:") {
			f.t.Fatalf("told %q", told)
		}
		time.Sleep(10 * time.Minute)
		f.was("Water them.")
	})
}

func TestItIsToldAgainWhenAskedTo(t *testing.T) {
	following(t, func(f *followed) {
		f.again <- struct{}{}
		f.was("At first.")
		f.save("plants.md", "Then.")
		f.again <- struct{}{}
		f.was("Then.") // at once
		f.after(10)
		f.was()
	})
}
