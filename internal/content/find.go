package content

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"briefingbot/internal/briefing"
	"briefingbot/internal/slip"
)

// Found is what a section was looked for and found to be.
type Found struct {
	Numbers []int // of the sections, best first; at most three
	Sure    bool  // there is one, and it is meant
}

// Section finds the section of a briefing that typed words mean.
func (f *Finder) Section(b *briefing.Briefing, typed briefing.Private) (Found, error) {
	i := slices.Index(f.lib, b)
	words := fold(typed.Reveal())
	if i < 0 || len(words) == 0 {
		return Found{}, nil
	}
	if n, ok := number(words); ok {
		if b.Section(n) == nil {
			return Found{}, nil
		}
		return Found{Numbers: []int{n}, Sure: true}, nil
	}
	phrase := strings.Join(words, " ")
	if numbers := f.names[i][phrase]; len(numbers) > 0 {
		return decided(numbers), nil
	}
	meaning := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return stop[w] })
	if numbers := f.byTitle(i, phrase, len(meaning) > 0); len(numbers) > 0 {
		return decided(numbers), nil
	}
	// A longer sentence names no section. It may be about a case, and the answer
	// to it must not depend on that.
	if len(words) > 5 || len(meaning) == 0 {
		return Found{}, nil
	}
	if numbers := f.names[i][strings.Join(meaning, " ")]; len(numbers) > 0 {
		return decided(numbers), nil
	}
	return f.rankSections(i, meaning)
}

func decided(numbers []int) Found {
	return Found{Numbers: numbers[:min(len(numbers), 3)], Sure: len(numbers) == 1}
}

// byTitle finds sections whose title the phrase holds, or is a part of.
func (f *Finder) byTitle(i int, phrase string, telling bool) []int {
	var whole, part []int
	for n, title := range f.titles[i] {
		switch {
		// Beside a title only words that say nothing may stand: a sentence about a case
		// may hold a title by accident.
		case strings.Contains(title, " ") && saysNothing(strings.Replace(" "+phrase+" ", " "+title+" ", " ", 1), phrase):
			whole = append(whole, n+1)
		case telling && strings.Contains(" "+title+" ", " "+phrase+" "):
			part = append(part, n+1)
		}
	}
	if len(whole) > 0 {
		return whole
	}
	return part
}

// saysNothing reports whether something was cut from the phrase, and what is left
// tells no section from another.
func saysNothing(rest, phrase string) bool {
	left := strings.Fields(rest)
	return len(left) < len(strings.Fields(phrase)) && !slices.ContainsFunc(left, func(w string) bool { return !stop[w] && strings.Trim(w, "0123456789") != "" })
}

// rankSections asks the index. A section answers at once when it alone has all
// the words, and no other has more of them in its names. Otherwise up to three
// are offered, if more than half of the words are known, or one of two is a name.
func (f *Finder) rankSections(i int, words []string) (Found, error) {
	slices.Sort(words)
	words = slices.Compact(words)
	named, had := map[int]int{}, map[int]int{} // sections, and how many of the words they have in names, or at all
	var known []string
	for _, w := range words {
		terms, err := f.terms(i, w)
		if err != nil {
			return Found{}, err
		}
		if len(terms) == 0 {
			continue
		}
		query := strings.Join(terms, " OR ")
		known = append(known, query)
		inNames, err := f.numbers(f.hits, "{names title} : ("+query+")", i)
		if err != nil {
			return Found{}, err
		}
		all, err := f.numbers(f.hits, query, i)
		if err != nil {
			return Found{}, err
		}
		for _, n := range inNames {
			named[n]++
		}
		for _, n := range all {
			had[n]++
		}
	}
	if len(known) == 0 || len(known)*2 < len(words) || len(known)*2 == len(words) && (len(known) > 1 || len(named) == 0) {
		return Found{}, nil
	}
	ranked, err := f.numbers(f.rank, strings.Join(known, " OR "), i)
	if err != nil || len(ranked) == 0 {
		return Found{}, err
	}
	slices.SortStableFunc(ranked, func(a, b int) int { return cmp.Compare(had[b]+named[b], had[a]+named[a]) })
	best := ranked[0]
	sure := had[best] == len(words)
	for _, n := range ranked[1:] {
		if had[n]+named[n] == had[best]+named[best] || named[n] > named[best] {
			sure = false
		}
	}
	if sure {
		return Found{Numbers: []int{best}, Sure: true}, nil
	}
	return Found{Numbers: ranked[:min(len(ranked), 3)]}, nil
}

// terms is how a word is asked of the index: as it is, as the start of a word,
// or, where nothing has it, as the words it is nearest to. Nil if there is none.
// A short start of a word counts in names alone: "list" is not "listening".
func (f *Finder) terms(i int, w string) ([]string, error) {
	asked := []string{quote(w)}
	switch {
	case len(w) >= 5:
		asked = append(asked, quote(w)+"*")
	case len(w) >= 3:
		asked = append(asked, "{names title} : "+quote(w)+"*")
	}
	for _, term := range asked {
		numbers, err := f.numbers(f.hits, term, i)
		if err != nil {
			return nil, err
		}
		if len(numbers) > 0 {
			return []string{term}, nil
		}
	}
	var terms []string
	for _, near := range f.near(i, w) {
		terms = append(terms, quote(near))
	}
	return terms, nil
}

// near lists the words of a briefing that a misspelt one was most likely meant to
// be: with one letter wrong, or two neighbours swapped; two letters in a long
// word. For words that stand only in the text it has to be longer still, so that
// a name that somebody types does not become one of them.
func (f *Finder) near(i int, w string) []string {
	letters := utf8.RuneCountInString(w)
	least := 3
	var best []string
	for _, v := range f.vocabulary[i] {
		if diff := len(w) - len(v.text); diff < -8 || diff > 8 { // bytes: two letters have at most eight
			continue
		}
		most := 0
		switch {
		case letters >= 8 || v.name && letters >= 6:
			most = 2
		case letters >= 5:
			most = 1
		}
		d := slip.Between(w, v.text)
		if d == 1 && slip.Swapped(w, v.text) {
			d = min(1, most) // also in a short word
		}
		if d > most || d > least {
			continue
		}
		if d < least {
			least, best = d, nil
		}
		best = append(best, v.text)
	}
	return best
}

// number reads "5", "05", "section 5", "no. 5" and "five".
func number(words []string) (int, bool) {
	if len(words) == 2 && slices.Contains([]string{"section", "sect", "sec", "part", "number", "no", "chapter", "point"}, words[0]) {
		words = words[1:]
	}
	if len(words) == 2 && slices.Contains([]string{"section", "part", "one"}, words[1]) {
		words = words[:1]
	}
	if len(words) != 1 {
		return 0, false
	}
	if n, err := strconv.Atoi(words[0]); err == nil {
		return n, true
	}
	for _, names := range [][]string{
		{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"},
		{"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"},
		{"1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th"},
	} {
		if n := slices.Index(names, words[0]); n >= 0 {
			return n + 1, true
		}
	}
	return 0, false
}

// Pool finds the pool of a briefing that typed words mean, or nil.
func (f *Finder) Pool(b *briefing.Briefing, typed briefing.Private) *briefing.Pool {
	words := fold(typed.Reveal())
	if len(words) == 0 {
		return nil
	}
	phrase := strings.Join(words, "-")
	if _, p := b.Pool(phrase); p != nil {
		return p
	}
	if _, p := b.Pool(poolName(phrase)); p != nil {
		return p
	}
	var (
		best  *briefing.Pool
		least = 3
	)
	for i := range b.Sections {
		for j := range b.Sections[i].Pools {
			p := &b.Sections[i].Pools[j]
			if slices.Contains(fold(p.Title), phrase) && !stop[phrase] && phrase != "questions" {
				return p
			}
			if d := slip.Between(phrase, p.Name); d < least && len(phrase) > 3 {
				best, least = p, d
			}
		}
	}
	return best
}
