package content

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/prompts"
)

// broken is a folder in which something about fire.md fails.
type broken struct {
	fstest.MapFS
	stat, open, read error
}

func (b broken) Stat(name string) (fs.FileInfo, error) {
	if b.stat != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: b.stat}
	}
	return b.MapFS.Stat(name)
}

func (b broken) Open(name string) (fs.File, error) {
	f, err := b.MapFS.Open(name)
	switch {
	case name == "." || err != nil:
		return f, err
	case b.open != nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: b.open}
	}
	return brokenFile{f, b.read}, nil
}

type brokenFile struct {
	fs.File
	err error
}

func (b brokenFile) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	return b.File.Read(p)
}

func TestFileThatCannotBeReadIsAFault(t *testing.T) {
	want := []string{`fire.md: cannot be read (permission denied); see who may read it`}
	denied := errors.New("permission denied")
	files := folder("fire.md", plain)
	for name, fsys := range map[string]fs.FS{
		"stat": broken{MapFS: files, stat: denied},
		"open": broken{MapFS: files, open: denied},
		"read": broken{MapFS: files, read: denied},
	} {
		if diff := cmp.Diff(want, faultLines(t, fsys)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFolderThatCannotBeReadIsAnErrorOfItsOwn(t *testing.T) {
	_, err := Load(os.DirFS(filepath.Join(t.TempDir(), "nowhere")))
	var faults Faults
	if err == nil || errors.As(err, &faults) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of a folder that is not there: %v, want an error that it does not exist", err)
	}
}

// onDisk makes a folder with fire.md in it, and something beside it to lead to.
func onDisk(t *testing.T) (dir string, load func() []string) {
	t.Helper()
	parent := t.TempDir()
	dir = filepath.Join(parent, "briefings")
	if err := errors.Join(
		os.Mkdir(dir, 0o755),
		os.WriteFile(filepath.Join(parent, "secret.md"), []byte(plain), 0o600),
		os.WriteFile(filepath.Join(dir, "fire.md"), []byte(plain), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	return dir, func() []string { return faultLines(t, root.FS()) }
}

func TestLinksAreFollowedWithinTheFolderOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		skipAtADesk(t, "making a symlink needs a privilege on Windows")
	}
	const outside = "is a link that leads out of this folder or nowhere; put the file itself here"
	other := edit(t, "id: fire-safety", "id: water-safety", "prefix: fs", "prefix: ws")
	for _, c := range []struct{ name, to, want string }{
		{"within", "drafts/water.txt", ""},
		{"to a folder within", "drafts", "is not an ordinary file; remove it or give it another ending than .md"},
		{"out of the folder", "../secret.md", outside},
		{"out and in again", "../briefings/fire.md", outside},
		{"an absolute path", "/etc/passwd", outside},
		{"nowhere", "nothing.md", outside},
		{"to itself", "link.md", "cannot be read (too many levels of symbolic links); see who may read it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, load := onDisk(t)
			if err := errors.Join(
				os.Mkdir(filepath.Join(dir, "drafts"), 0o755),
				os.WriteFile(filepath.Join(dir, "drafts", "water.txt"), []byte(other), 0o600),
				os.Symlink(c.to, filepath.Join(dir, "link.md")),
			); err != nil {
				t.Fatal(err)
			}
			var want []string
			if c.want != "" {
				want = []string{"link.md: " + c.want}
			}
			if diff := cmp.Diff(want, load()); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamedPipeIsAFaultAndNotWaitedFor(t *testing.T) {
	mkfifo, err := exec.LookPath("mkfifo")
	if err != nil {
		skipAtADesk(t, "no mkfifo on this system")
	}
	dir, load := onDisk(t)
	pipe := filepath.Join(dir, "pipe.md")
	if out, err := exec.Command(mkfifo, pipe).CombinedOutput(); err != nil {
		t.Fatalf("mkfifo: %v: %s", err, out)
	}
	hung := time.AfterFunc(5*time.Second, func() {
		// A writer that comes and goes lets the reader go on, and the test fail.
		if f, err := os.OpenFile(pipe, os.O_WRONLY, 0); err == nil {
			_ = f.Close()
		}
	})
	defer func() {
		if !hung.Stop() {
			t.Error("Load waited for somebody to write into the pipe")
		}
	}()
	want := []string{"pipe.md: is not an ordinary file; remove it or give it another ending than .md"}
	if diff := cmp.Diff(want, load()); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestWhatIsNoBriefingIsLeftOut(t *testing.T) {
	dir, load := onDisk(t)
	for _, name := range []string{"README.md", "Readme.MD", "_template.md", ".hidden.md", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("no front matter"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "old.md"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := load(); got != nil {
		t.Errorf("faults: %q, want none", got)
	}
}

func TestEndingMayBeUpperCase(t *testing.T) {
	lib, err := Load(folder("FIRE.MD", plain))
	if err != nil || len(lib) != 1 {
		t.Errorf("Load returned %d briefings and %v, want one", len(lib), err)
	}
}

func TestLineEndsAndByteOrderMarkMakeNoDifference(t *testing.T) {
	want, err := Load(folder("fire.md", plain))
	if err != nil {
		t.Fatal(err)
	}
	broken := edit(t, "kind: context", "kind: contexts", "https://example.org", "http://example.org")
	faults := faultLines(t, folder("fire.md", broken))
	if len(faults) != 2 {
		t.Fatalf("the broken file has %d faults, want 2", len(faults))
	}
	for name, convert := range map[string]func(string) string{
		"CRLF":              func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"CR":                func(s string) string { return strings.ReplaceAll(s, "\n", "\r") },
		"BOM":               func(s string) string { return "\ufeff" + s },
		"BOM and CRLF":      func(s string) string { return "\ufeff" + strings.ReplaceAll(s, "\n", "\r\n") },
		"no last line feed": func(s string) string { return strings.TrimSuffix(s, "\n") },
	} {
		got, err := Load(folder("fire.md", convert(plain)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-plain +converted):\n%s", name, diff)
		}
		if diff := cmp.Diff(faults, faultLines(t, folder("fire.md", convert(broken)))); diff != "" {
			t.Errorf("%s: faults (-plain +converted):\n%s", name, diff)
		}
	}
}

func TestLoadKeepsEveryFeatureOfTheFormat(t *testing.T) {
	const file = `---
# a remark
id: fire-safety
title: "Fire: what to do"
publisher: Testshire
edition: 2026
language: en-GB
prefix: fs
review-by: 2027-04-30
sections:
  2:
    kind: questions
    synonyms: [ask me, "1 2"]
  3:
    slug: last
links:
  the **whole** guide:
    edition: March 2025
  the whole guide:
    edition: March 2025
    confirmed-on: 2026-03-01
---

## 3: Ways *out*

Walk, *never* **run**; ***never***
ever run.

Read [the **whole** guide](https://example.org/guide), or
https://example.org/more. Ask <fire@example.org>.

A \< B &amp; C \*not this\* "quoted" &lt;D&gt; – and\
a new line, and  
another.

### Order:

1. Leave.
2. Close:
   - doors
     - all of them
   - windows
3. Count.

* One

  two.
* Three

## 02) Questions to ask

Take one.

### Practice reflection:

- Where is *the* exit?
- Who helps?

### Questions in case work

1. Is it safe?

### The Team's own list

- Shall we meet?

## 1 A fire

Hot.
`
	guide := &briefing.Link{URL: "https://example.org/guide", Edition: "March 2025", ConfirmedOn: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	item := func(depth, number int, text string) briefing.Item {
		return briefing.Item{Text: briefing.Words(text), Depth: depth, Number: number}
	}
	exit := briefing.Text{{Text: "Where is "}, {Text: "the", Italic: true}, {Text: " exit?"}}
	want := briefing.Library{{
		ID: "fire-safety", Title: "Fire: what to do", Publisher: "Testshire", Edition: "2026", Language: "en-GB", Prefix: "fs",
		ReviewBy: time.Date(2027, 4, 30, 0, 0, 0, 0, time.UTC),
		Sections: []briefing.Section{
			{Number: 1, Title: "A fire", Slug: "a-fire", Blocks: []briefing.Block{briefing.Paragraph{Text: briefing.Words("Hot.")}}},
			{
				Number: 2, Title: "Questions to ask", Slug: "questions", Kind: briefing.Questions, Synonyms: []string{"ask me", "1 2"},
				Blocks: []briefing.Block{
					briefing.Paragraph{Text: briefing.Words("Take one.")},
					briefing.Subheading{Text: "Practice reflection:"},
					briefing.List{Items: []briefing.Item{{Text: exit}, item(0, 0, "Who helps?")}},
					briefing.Subheading{Text: "Questions in case work"},
					briefing.List{Items: []briefing.Item{item(0, 1, "Is it safe?")}},
					briefing.Subheading{Text: "The Team's own list"},
					briefing.List{Items: []briefing.Item{item(0, 0, "Shall we meet?")}},
				},
				Pools: []briefing.Pool{
					{Name: briefing.Practice, Title: "Practice reflection:", Questions: []briefing.Question{{Text: exit}, {Text: briefing.Words("Who helps?")}}},
					{Name: briefing.Casework, Title: "Questions in case work", Questions: []briefing.Question{{Text: briefing.Words("Is it safe?")}}},
					{Name: "the-team-s-own-list", Title: "The Team's own list", Questions: []briefing.Question{{Text: briefing.Words("Shall we meet?")}}},
				},
			},
			{
				Number: 3, Title: "Ways out", Slug: "last",
				Blocks: []briefing.Block{
					briefing.Paragraph{Text: briefing.Text{
						{Text: "Walk, "},
						{Text: "never", Italic: true},
						{Text: " "},
						{Text: "run", Bold: true},
						{Text: "; "},
						{Text: "never", Bold: true, Italic: true},
						{Text: " ever run."},
					}},
					briefing.Paragraph{Text: briefing.Text{
						{Text: "Read "},
						{Text: "the ", Link: guide},
						{Text: "whole", Bold: true, Link: guide},
						{Text: " guide", Link: guide},
						{Text: ", or "},
						{Text: "https://example.org/more", Link: &briefing.Link{URL: "https://example.org/more"}},
						{Text: ". Ask fire@example.org."},
					}},
					briefing.Paragraph{Text: briefing.Words("A < B & C *not this* \"quoted\" <D> – and\na new line, and\nanother.")},
					briefing.Subheading{Text: "Order:"},
					briefing.List{Items: []briefing.Item{
						item(0, 1, "Leave."), item(0, 2, "Close:"), item(1, 0, "doors"), item(2, 0, "all of them"), item(1, 0, "windows"), item(0, 3, "Count."),
					}},
					briefing.List{Items: []briefing.Item{{Text: briefing.Text{{Text: "One"}, {Text: "\n"}, {Text: "two."}}}, item(0, 0, "Three")}},
				},
			},
		},
	}}
	// A note on a link has the link's words without their emphasis.
	got, err := Load(folder("fire.md", strings.Replace(file, "  the **whole** guide:\n    edition: March 2025\n", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("library (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`fire.md:17: no link in the text has the words "the **whole** guide"; did you mean "the whole guide"?`}, faultLines(t, folder("fire.md", file))); diff != "" {
		t.Errorf("faults of a note with emphasis (-want +got):\n%s", diff)
	}
}

func TestSlugComesFromKindOrTitle(t *testing.T) {
	base := edit(t, "    slug: exits\n", "", "    synonyms: [doors, ways out]\n", "")
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"a kind that one section has", "", "", []string{"context", "questions"}},
		{"a kind that two sections have", " first.\n", " first.\n\n## 03. More: Ways *Out*\n\nText.\n", []string{"ways-out", "questions", "more-ways-out"}},
		{"a title that looks like a list of words", "## 01. Ways out", "## 01. Ways, out & in!", []string{"context", "questions"}},
	} {
		file := strings.Replace(base, c.old, c.new, 1)
		if len(c.want) == 3 {
			file = strings.Replace(file, "  2:\n", "  3:\n    kind: context\n  2:\n", 1)
		}
		lib, err := Load(folder("fire.md", file))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, s := range lib[0].Sections {
			got = append(got, s.Slug)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestLibraryIsInOrderOfIDs(t *testing.T) {
	lib, err := Load(folder(
		"1.md", edit(t, "id: fire-safety", "id: z", "prefix: fs", "prefix: z"),
		"2.md", edit(t, "id: fire-safety", "id: a", "prefix: fs", "prefix: a"),
	))
	if err != nil {
		t.Fatal(err)
	}
	if lib[0].ID != "a" || lib[1].ID != "z" {
		t.Errorf("order is %s, %s; want a, z", lib[0].ID, lib[1].ID)
	}
}

// FuzzLoad wants a library or faults of every file, each with its place, and no
// panic.
func TestPanicWhileReadingIsAFaultOfTheFile(t *testing.T) {
	p := &parser{file: "x.md"}
	b := p.guarded(func() *briefing.Briefing { panic("what stands in the file") })
	if b == nil || len(p.faults) != 1 || p.faults[0].File != "x.md" || !strings.Contains(p.faults[0].Text, "panic of string") || strings.Contains(p.faults[0].Text, "stands in") {
		t.Errorf("%+v, %+v", b, p.faults)
	}
	p.origin(b)
}

func FuzzLoad(f *testing.F) {
	real, err := fs.ReadFile(prompts.FS, "domestic-abuse.md")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(real)
	f.Add([]byte(plain))
	_, body, _ := strings.Cut(plain, "\n---\n")
	front := strings.TrimSuffix(plain, body)
	for _, s := range []string{
		"", "---\n", "---\n---\n", "---\n{}\n---\n", "---\n? a\n: b\n---\n", "---\n<<: {id: &a [*a]}\n---\n", "---\nid: !!binary x\n---\n", "---\nsections: {1: {kind: [], synonyms: {}}}\nlinks: [a]\n---\n",
		"---\nid: |\n---\n", "---\n? \n---\n", "---\n: :\n---\n", "---\n\"a\n---\n", "---\n%YAML 9\n---\n", "---\na:\n b:\n  - c:\n---\n",
		front + "## 1. a\n- \n  - \n    1. x\n\n      > y\n", front + "## 1. a\n[a](<b>) ![c](d \"e\") `f` <g> &#0; &nope; \\\n", front + "## \n### \n#### \n", front + "## 1. a\n[a]: <b>\n[a]\n***\n\t x\n", front + "# a\n=\n-\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		lib, err := Load(fstest.MapFS{"x.md": {Data: src}})
		if err == nil {
			if len(lib) != 1 || len(lib[0].Sections) == 0 {
				t.Fatalf("Load returned neither a briefing nor a fault")
			}
			for i, s := range lib[0].Sections {
				if s.Number != i+1 || s.Slug == "" || len(s.Blocks) == 0 {
					t.Errorf("section %d loads as number %d with slug %q and %d blocks", i+1, s.Number, s.Slug, len(s.Blocks))
				}
			}
			return
		}
		var faults Faults
		if !errors.As(err, &faults) || len(faults) == 0 || lib != nil {
			t.Fatalf("Load returned %T (%v), want Faults and nothing else", err, err)
		}
		for _, fault := range faults {
			if strings.Contains(fault.Text, ourFault) {
				t.Errorf("%+v", fault)
			}
			if fault.File != "x.md" || fault.Text == "" || fault.Line < 0 || fault.Line > len(src)+1 {
				t.Errorf("a fault without its place: %+v", fault)
			}
		}
	})
}

// skipAtADesk skips a test that this system cannot run, but not in CI.
func skipAtADesk(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
