package content

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"time"

	"briefingbot/internal/briefing"
)

const (
	// lookAgain is how long after a fault the folder is read again, even if no file
	// has changed: who may read it can, and so can the day, which a link must not be
	// confirmed after.
	lookAgain = time.Minute
	// coarse is the coarsest time of a file that there is, FAT's. A file that was saved
	// less than that ago can be saved again with the same time, and the same size.
	// https://learn.microsoft.com/windows/win32/sysinfo/file-times
	coarse = 2 * time.Second
)

// Follow loads the folder dir at once, and whenever its briefings change, and calls
// changed with what it holds or with the Faults that it has. It returns when ctx
// ends. What is sent on again has the folder loaded at once, and changed called
// whether it has changed or not; again may be nil.
//
// It looks at the files every so often, rather than have the system tell of
// changes: that works in containers, on network folders, and where Kubernetes puts
// a ConfigMap in place by turning a symlink. A change counts once it has stood
// still from one look to the next, since editors write in steps. A folder that
// vanishes is a fault like others.
func Follow(ctx context.Context, dir string, every time.Duration, again <-chan struct{}, changed func(briefing.Library, error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var told loaded
	seen := look(dir)
	tell := func() {
		told = load(dir, seen)
		changed(told.lib, told.err)
	}
	tell()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again:
			seen = look(dir)
			tell()
			continue
		case <-ticker.C:
		}
		before := seen
		seen = look(dir)
		if !slices.Equal(before, seen) || slices.Equal(seen, told.from) && !told.isOld() {
			continue
		}
		now := load(dir, seen)
		if after := look(dir); !slices.Equal(seen, after) {
			seen = after // it was written to meanwhile: what was read may be half of it
			continue
		}
		same := now.isSame(told)
		told = now
		if !same {
			changed(told.lib, told.err)
		}
	}
}

// loaded is what a folder held.
type loaded struct {
	from  []file
	lib   briefing.Library
	err   error
	until time.Time // when it is read again even if no file changes; zero for never
}

func load(dir string, from []file) loaded {
	now := time.Now()
	l := loaded{from: from}
	l.lib, l.err = loadFolder(dir, now)
	if l.err != nil {
		l.until = now.Add(lookAgain)
	}
	for _, f := range from {
		if saved := time.Unix(0, f.modified); now.Sub(saved).Abs() < coarse {
			l.until = now.Add(coarse)
		}
	}
	return l
}

func (l loaded) isOld() bool { return !l.until.IsZero() && !time.Now().Before(l.until) }

// isSame reports whether somebody who was told of one need not be told of the other.
func (l loaded) isSame(other loaded) bool {
	if l.err != nil || other.err != nil {
		return l.err != nil && other.err != nil && l.err.Error() == other.err.Error()
	}
	return reflect.DeepEqual(l.lib, other.lib)
}

// loadFolder is LoadOn for a folder on disk, of which everything that is wrong is
// Faults.
func loadFolder(dir string, today time.Time) (briefing.Library, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, Faults{{Text: fmt.Sprintf("the folder of briefings cannot be opened (%v); see that it is there, and who may read it", cause(err))}}
	}
	defer root.Close() // only read from: closing can lose nothing
	lib, err := LoadOn(root.FS(), today)
	if faults := (Faults{}); err != nil && !errors.As(err, &faults) {
		return nil, Faults{{Text: fmt.Sprintf("the folder of briefings cannot be read (%v); see who may read it", cause(err))}}
	}
	return lib, err
}

// file is a file of a folder as it stands there, without what is in it.
type file struct {
	name     string
	size     int64
	modified int64 // nanoseconds of Unix time
	mode     fs.FileMode
	wrong    string // why it cannot be looked at
}

// look lists the files that Load reads, or has something to say about.
func look(dir string) []file {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return []file{{wrong: err.Error()}}
	}
	defer root.Close() // only read from: closing can lose nothing
	fsys := root.FS()
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return []file{{wrong: err.Error()}}
	}
	var out []file
	for _, e := range entries {
		if !isBriefing(e.Name()) && !isMisnamed(e.Name()) {
			continue
		}
		f := file{name: e.Name()}
		// Not the entry's own: of a symlink, what it leads to is what counts.
		if info, err := fs.Stat(fsys, e.Name()); err != nil {
			f.wrong = err.Error()
		} else {
			f.size, f.modified, f.mode = info.Size(), info.ModTime().UnixNano(), info.Mode()
		}
		out = append(out, f)
	}
	return out
}
