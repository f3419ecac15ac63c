// Package content turns a folder of Markdown files into a library of briefings,
// and finds things in it. Load reads and validates a folder, and Follow goes on
// reading it; Open makes the library searchable; prompts/README.md describes the
// format to its authors.
//
// It knows no platform and no HTTP, and it words no replies.
package content

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"briefingbot/internal/briefing"
)

// maxFile is the most bytes that one briefing may have. A real one has 6 KB.
const maxFile = 1 << 20

// Reserved lists the words that no section and no pool may have as its slug,
// because they are commands.
var Reserved = []string{"all", "back", "both", "contents", "everything", "find", "full", "help", "list", "meeting", "menu", "plan", "random", "search", "sections"}

// reservedPools lists further words that no pool may have as its name, because they
// mean something else where a weekly question's schedule is typed.
var reservedPools = []string{
	"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
	"and", "at", "bank", "briefing", "every", "fortnightly", "from", "holiday", "holidays", "noon", "of", "on",
	"preview", "question", "questions", "the", "utc", "gmt", "weekly",
}

// Load reads every briefing at the top of fsys: files that end in .md, but for
// README.md and those whose name starts with "_" or ".". Everything is validated
// at once; what is wrong comes back as Faults. Give it os.Root.FS for a folder on
// disk: it is what keeps a symlink from leading out of the folder.
func Load(fsys fs.FS) (briefing.Library, error) { return LoadOn(fsys, time.Time{}) }

// LoadOn is Load on a day: links that were confirmed after it are faults.
func LoadOn(fsys fs.FS, today time.Time) (briefing.Library, error) {
	origins, err := Origins(fsys, today)
	if err != nil {
		return nil, err
	}
	lib := make(briefing.Library, len(origins))
	for i, o := range origins {
		lib[i] = o.Briefing
	}
	return lib, nil
}

// Origins is LoadOn with the places in the files at which dates and links stand.
func Origins(fsys fs.FS, today time.Time) ([]Origin, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("reading the folder of briefings: %w", err)
	}
	var (
		out    []Origin
		faults Faults
		seen   = map[string]string{}
		files  int
	)
	for _, e := range entries {
		if isMisnamed(e.Name()) {
			faults = append(faults, Fault{File: e.Name(), Text: "is left out because of its ending; rename it so that it ends in .md"})
		}
		if !isBriefing(e.Name()) || e.IsDir() {
			continue
		}
		files++
		src, fault := read(fsys, e.Name())
		if fault != nil {
			faults = append(faults, *fault)
			continue
		}
		p := &parser{file: e.Name(), src: src, today: today}
		b := p.guarded(p.briefing)
		for _, key := range []struct{ key, value string }{{"id", b.ID}, {"prefix", b.Prefix}} {
			if key.value == "" {
				continue
			}
			if other, taken := seen[key.key+" "+key.value]; taken {
				p.fault(p.keyLines[key.key], "%s %q is taken by %s; choose another", key.key, key.value, other)
			}
			seen[key.key+" "+key.value] = e.Name()
		}
		faults = append(faults, p.faults...)
		out = append(out, p.origin(b))
	}
	if files == 0 && len(faults) == 0 {
		faults = append(faults, Fault{Text: "no briefing here; add a file that ends in .md"})
	}
	if len(faults) > 0 {
		faults.sort()
		return nil, faults
	}
	slices.SortFunc(out, func(a, b Origin) int { return cmp.Compare(a.Briefing.ID, b.Briefing.ID) })
	return out, nil
}

// guarded reads a file's briefing. Where a parser panics that is a fault of the file:
// others answer while it is edited, and must go on answering.
func (p *parser) guarded(read func() *briefing.Briefing) (b *briefing.Briefing) {
	defer func() {
		if cause := recover(); cause != nil {
			b = &briefing.Briefing{}
			p.fault(0, "%s (panic of %T); undo what was changed last, and tell whoever maintains briefingbot", ourFault, cause)
		}
	}()
	return read()
}

const ourFault = "cannot be read, and that is briefingbot's own fault"

// isMisnamed reports whether a file has an ending that its author took for .md.
func isMisnamed(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasSuffix(lower, ".md.txt") || strings.HasSuffix(lower, ".markdown")
}

func isBriefing(name string) bool {
	return strings.EqualFold(path.Ext(name), ".md") && !strings.EqualFold(name, "README.md") &&
		name[0] != '_' && name[0] != '.'
}

// read returns the file's text with plain line ends and no byte order mark, or
// what is wrong with it as a file.
func read(fsys fs.FS, name string) ([]byte, *Fault) {
	fault := func(line int, format string, args ...any) *Fault {
		return &Fault{File: name, Line: line, Text: fmt.Sprintf(format, args...)}
	}
	// Stat before Open: opening a named pipe would wait for a writer.
	info, err := fs.Stat(fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist), err != nil && strings.Contains(err.Error(), "escapes"):
		// os.Root has no exported error for a path that leads outside.
		return nil, fault(0, "is a link that leads out of this folder or nowhere; put the file itself here")
	case err != nil:
		return nil, fault(0, "cannot be read (%v); see who may read it", cause(err))
	case !info.Mode().IsRegular():
		return nil, fault(0, "is not an ordinary file; remove it or give it another ending than .md")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fault(0, "cannot be read (%v); see who may read it", cause(err))
	}
	defer f.Close() // only read from: closing can lose nothing
	src, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fault(0, "cannot be read (%v); see who may read it", cause(err))
	}
	if len(src) > maxFile {
		return nil, fault(0, "is larger than 1 MiB; a briefing is a few pages of text")
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	src = bytes.ReplaceAll(src, []byte("\r"), []byte("\n"))
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			return nil, fault(lineAt(src, i), "is not UTF-8 text; save it again as UTF-8")
		}
		if r != '\n' && r != '\t' && isInvisible(r) {
			return nil, fault(lineAt(src, i), invisibleFault, r)
		}
		i += n
	}
	return src, nil
}

const invisibleFault = "holds an invisible character (U+%04X); delete it and type the words around it again"

// isInvisible reports characters that show nothing themselves: they can hide text,
// turn it round, or keep a word from being found. Joiners stay, since some emoji
// and scripts are written with them.
func isInvisible(r rune) bool {
	const nonJoiner, joiner = 0x200C, 0x200D
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != nonJoiner && r != joiner
}

// cause is err without the path that it repeats.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// lineAt is the number, from 1, of the line that holds the byte at offset.
func lineAt(src []byte, offset int) int {
	return 1 + bytes.Count(src[:min(max(offset, 0), len(src))], []byte("\n"))
}
