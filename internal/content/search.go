package content

import (
	"slices"
	"strings"

	"briefingbot/internal/briefing"
)

// Passage is a part of a briefing's text that has the words of a search in it.
type Passage struct {
	Briefing *briefing.Briefing
	Section  *briefing.Section
	Text     briefing.Text // with the words marked; "…" where a long passage is cut short
}

// Search finds passages over all briefings, best first, at most limit.
func (f *Finder) Search(typed briefing.Private, limit int) ([]Passage, error) {
	words := fold(typed.Reveal())
	if meaning := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return stop[w] }); len(meaning) > 0 {
		words = meaning
	}
	slices.Sort(words)
	words = slices.Compact(words)
	var queries []string
	for _, w := range words[:min(len(words), maxWords)] {
		terms, err := f.passageTerms(w)
		if err != nil {
			return nil, err
		}
		if len(terms) > 0 {
			queries = append(queries, "("+strings.Join(terms, " OR ")+")")
		}
	}
	if len(queries) == 0 {
		return nil, nil
	}
	// Passages with all the words first; those with some if there are none.
	found, err := f.match(strings.Join(queries, " AND "), limit)
	if err != nil || len(found) > 0 || len(queries) == 1 {
		return found, err
	}
	return f.match(strings.Join(queries, " OR "), limit)
}

func (f *Finder) passageTerms(w string) ([]string, error) {
	found, err := f.match(quote(w), 1)
	if err != nil || len(found) > 0 {
		return []string{quote(w)}, err
	}
	if len(w) >= 3 {
		found, err := f.match(quote(w)+"*", 1)
		if err != nil || len(found) > 0 {
			return []string{quote(w) + "*"}, err
		}
	}
	var terms []string
	for i := range f.lib {
		for _, near := range f.near(i, w) {
			if t := quote(near); !slices.Contains(terms, t) {
				terms = append(terms, t)
			}
		}
	}
	return terms, nil
}

func (f *Finder) match(query string, limit int) ([]Passage, error) {
	rows, err := f.passages.Query(query, limit)
	if err != nil {
		return nil, searchError(err)
	}
	defer rows.Close()
	var out []Passage
	for rows.Next() {
		var (
			i, n    int
			snippet string
		)
		if err := rows.Scan(&i, &n, &snippet); err != nil {
			return nil, searchError(err)
		}
		out = append(out, Passage{Briefing: f.lib[i], Section: f.lib[i].Section(n), Text: marked(snippet)})
	}
	return out, searchError(rows.Err())
}

// marked turns the index's marks, the characters 2 and 3, into spans. A briefing
// holds no such characters: Load refuses them.
func marked(s string) briefing.Text {
	var t briefing.Text
	for s != "" {
		before, rest, found := strings.Cut(s, "\x02")
		if before != "" {
			t = append(t, briefing.Span{Text: before})
		}
		if !found {
			break
		}
		inside, after, _ := strings.Cut(rest, "\x03")
		t = append(t, briefing.Span{Text: inside, Mark: true})
		s = after
	}
	return t
}
