package content

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	_ "modernc.org/sqlite" // the driver named "sqlite", with FTS5

	"briefingbot/internal/briefing"
)

// Finder finds sections and passages by what people type. It is safe for
// concurrent use.
//
// Names that are typed exactly are looked up in a map. Everything else is asked
// of SQLite's full-text index, in memory: it knows English word forms and ranks
// what matches. The rules here only say how much of a match is enough.
type Finder struct {
	lib        briefing.Library
	names      []map[string][]int // by briefing, folded name to numbers of sections
	titles     [][]string         // by briefing, folded titles
	vocabulary [][]word           // by briefing, every word of it
	db         *sql.DB
	hits       *sql.Stmt
	rank       *sql.Stmt
	passages   *sql.Stmt
}

// word is one of a briefing's, for finding what a misspelt one was meant to be.
type word struct {
	text string
	name bool // stands in a section's title, slug or synonyms
}

// maxWords is how many typed words are looked at. The longest title has fewer.
const maxWords = 24

// Open indexes a library. Close the finder when it is no longer used.
func Open(lib briefing.Library) (_ *Finder, err error) {
	// One connection for good: the database lives in its memory.
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, fmt.Errorf("opening the search index: %w", err)
	}
	db.SetMaxOpenConns(1)
	f := &Finder{lib: lib, db: db}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("building the search index: %w", err), db.Close())
		}
	}()
	if err := f.index(); err != nil {
		return nil, err
	}
	for _, q := range []struct {
		stmt **sql.Stmt
		sql  string
	}{
		{&f.hits, `SELECT number FROM sections WHERE sections MATCH ? AND briefing = ?`},
		// The weights of bm25: names first, then the title, then the text.
		{&f.rank, `SELECT number FROM sections WHERE sections MATCH ? AND briefing = ?
			ORDER BY bm25(sections, 0, 0, 8, 6, 1), number`},
		// A passage is shown whole, unless it is longer than a phone's screen. The
		// labels of links come last: bm25 would put them first for being short.
		{&f.passages, `SELECT briefing, number, CASE WHEN length(text) <= 800
			THEN highlight(passages, 3, char(2), char(3)) ELSE snippet(passages, 3, char(2), char(3), '…', 64) END
			FROM passages WHERE passages MATCH ? ORDER BY label, bm25(passages), rowid LIMIT ?`},
	} {
		if *q.stmt, err = db.Prepare(q.sql); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Close frees the index.
func (f *Finder) Close() error { return f.db.Close() }

func (f *Finder) index() error {
	tx, err := f.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit there is nothing to undo
	// FTS5's "porter" puts English words to their stems before they are compared.
	if _, err := tx.Exec(`
		CREATE VIRTUAL TABLE sections USING fts5(briefing UNINDEXED, number UNINDEXED, names, title, body, tokenize='porter unicode61');
		CREATE VIRTUAL TABLE passages USING fts5(briefing UNINDEXED, number UNINDEXED, label UNINDEXED, text, tokenize='porter unicode61')`); err != nil {
		return err
	}
	for i, b := range f.lib {
		names, words := map[string][]int{}, map[string]bool{}
		var titles []string
		for j := range b.Sections {
			s := &b.Sections[j]
			known := slices.Concat([]string{s.Slug, string(s.Kind)}, s.Synonyms, general[s.Kind])
			var list []string
			for _, name := range append(known, s.Title) {
				folded := strings.Join(fold(name), " ")
				if folded != "" && !slices.Contains(names[folded], s.Number) {
					names[folded] = append(names[folded], s.Number)
				}
				list = append(list, folded)
			}
			titles = append(titles, strings.Join(fold(s.Title), " "))
			body := texts(s.Blocks)
			for _, name := range list {
				for _, w := range strings.Fields(name) {
					words[w] = true
				}
			}
			for _, t := range body {
				for w := range strings.FieldsFuncSeq(strings.ToLower(t), notInWord) {
					words[w] = words[w] || false
				}
			}
			if _, err := tx.Exec(`INSERT INTO sections VALUES (?, ?, ?, ?, ?)`,
				i, s.Number, strings.Join(list[:len(list)-1], " . "), s.Title, strings.Join(body, "\n")); err != nil {
				return err
			}
			for _, t := range body {
				if _, err := tx.Exec(`INSERT INTO passages VALUES (?, ?, ?, ?)`, i, s.Number, s.Kind == briefing.Resources, t); err != nil {
					return err
				}
			}
		}
		vocabulary := make([]word, 0, len(words))
		for w, name := range words {
			if !stop[w] {
				vocabulary = append(vocabulary, word{w, name})
			}
		}
		slices.SortFunc(vocabulary, func(a, b word) int { return cmp.Compare(a.text, b.text) })
		f.names, f.titles, f.vocabulary = append(f.names, names), append(f.titles, titles), append(f.vocabulary, vocabulary)
	}
	return tx.Commit()
}

// texts is what a section says, passage by passage.
func texts(blocks []briefing.Block) []string {
	var out []string
	for _, block := range blocks {
		switch block := block.(type) {
		case briefing.Paragraph:
			out = append(out, block.Text.Letters())
		case briefing.List:
			for _, item := range block.Items {
				out = append(out, item.Text.Letters())
			}
		}
	}
	return out
}

func (f *Finder) numbers(stmt *sql.Stmt, match string, i int) ([]int, error) {
	rows, err := stmt.Query(match, i)
	if err != nil {
		return nil, searchError(err)
	}
	defer rows.Close()
	var out []int
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, searchError(err)
		}
		out = append(out, n)
	}
	return out, searchError(rows.Err())
}

// searchError names the failure by its type alone: SQLite's message may repeat
// the query, and with it what somebody typed.
func searchError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the search index failed (%T)", err)
}

// fold reduces a phrase to its words in lower case: letters and digits.
func fold(s string) []string {
	words := strings.FieldsFunc(strings.ToLower(s), notInWord)
	return words[:min(len(words), maxWords)]
}

func notInWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// quote makes a word a string of FTS5's query language, in which it means itself.
func quote(w string) string { return `"` + w + `"` }
