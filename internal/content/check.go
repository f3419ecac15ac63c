package content

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"briefingbot/internal/briefing"
)

// checkSections gives the sections what front matter says of them, and faults
// what does not fit together.
func (p *parser) checkSections(b *briefing.Briefing) {
	clean := len(p.faults) == 0 // a kind that could not be read is not one that was forgotten
	if len(b.Sections) == 0 && len(p.faults) == 0 {
		p.fault(lineAt(p.src, len(p.src)), "has no sections; add headings like ## 01. Title with text below them")
	}
	for _, number := range slices.Sorted(maps.Keys(p.sectionInfo)) {
		if p.starts[number] == 0 {
			p.fault(p.sectionInfo[number].line, "there is no section %02d in the text; mend the number, or remove this entry", number)
		}
	}
	kinds := map[briefing.Kind]int{}
	for _, note := range p.sectionInfo {
		kinds[note.kind]++
	}
	slugs, pools := map[string]int{}, map[string]int{}
	for i := range b.Sections {
		s := &b.Sections[i]
		line := p.starts[s.Number]
		before := 0
		if i > 0 {
			before = b.Sections[i-1].Number
		}
		if s.Number != before+1 {
			p.fault(line, "there is no section %02d before this one; number the sections from 01 without a gap", before+1)
		}
		slugLine := line
		if note := p.sectionInfo[s.Number]; note != nil {
			s.Kind, s.Slug, s.Synonyms = note.kind, note.slug, note.synonyms
			if note.slugLine > 0 {
				slugLine = note.slugLine
			}
		}
		if s.Slug == "" {
			if s.Slug = string(s.Kind); s.Kind == "" || kinds[s.Kind] > 1 {
				s.Slug = slugify(s.Title)
			}
		}
		switch {
		case slices.Contains(Reserved, s.Slug):
			p.fault(slugLine, "section %02d cannot be called %q, which is a command; give it another slug in the front matter", s.Number, s.Slug)
		case strings.Trim(s.Slug, "0123456789") == "":
			p.fault(slugLine, "section %02d needs a slug with letters in it; give it one in the front matter", s.Number)
		case slugs[s.Slug] != 0:
			p.fault(slugLine, "section %02d has the same slug as section %02d, %q; give one of them another in the front matter", s.Number, slugs[s.Slug], s.Slug)
		}
		slugs[s.Slug] = s.Number
		// A questions section with a heading alone is told below what it lacks.
		if len(texts(s.Blocks)) == 0 && (s.Kind != briefing.Questions || len(s.Blocks) == 0) {
			p.fault(line, "section %02d has no text; add at least one line or bullet", s.Number)
		}
		if s.Kind == briefing.Questions {
			p.pools(s, line, pools)
		} else if clean && looksLikeQuestions(s) {
			p.fault(line, "section %02d looks like lists of questions; give it kind: questions in the front matter", s.Number)
		}
	}
}

// pools fills the pools of a section from its blocks.
func (p *parser) pools(s *briefing.Section, line int, taken map[string]int) {
	var lines []int // of the pools' headings
	for i, block := range s.Blocks {
		at := p.blockLines[s.Number][i]
		switch block := block.(type) {
		case briefing.Subheading:
			pool := briefing.Pool{Name: poolName(block.Text), Title: block.Text}
			if pool.Name == "" && block.Text != "" {
				p.fault(at, "the list of questions %q has no word to ask for it by; add one to its heading", block.Text)
			}
			if taken[pool.Name] != 0 || slices.Contains(Reserved, pool.Name) || slices.Contains(reservedPools, pool.Name) {
				p.fault(at, "the list of questions %q would be asked for as %q, which is taken; change its heading", block.Text, pool.Name)
			}
			taken[pool.Name] = at
			s.Pools, lines = append(s.Pools, pool), append(lines, at)
		case briefing.List:
			if len(s.Pools) == 0 {
				p.fault(at, "these questions stand in no list with a name; add a heading above them, like ### Practice reflection")
				return
			}
			pool := &s.Pools[len(s.Pools)-1]
			for _, item := range block.Items {
				if item.Depth > 0 {
					p.fault(at, "a question of %q has bullets below it; make each question one bullet", pool.Title)
				}
				pool.Questions = append(pool.Questions, briefing.Question{Text: item.Text})
			}
		}
	}
	if len(s.Pools) == 0 {
		p.fault(line, "section %02d is of kind questions and has no list of them; add a heading like ### Practice reflection and bullets below it", s.Number)
	}
	for i, pool := range s.Pools {
		if len(pool.Questions) == 0 {
			p.fault(lines[i], "%q has no questions; add bullets below this heading", pool.Title)
		}
	}
}

// looksLikeQuestions reports whether a section has a heading like those of pools,
// and bullets that all ask something.
func looksLikeQuestions(s *briefing.Section) bool {
	named, asks := false, false
	for _, block := range s.Blocks {
		switch block := block.(type) {
		case briefing.Subheading:
			name := poolName(block.Text)
			named = named || name == briefing.Practice || name == briefing.Casework
		case briefing.List:
			for _, item := range block.Items {
				if asks = strings.Contains(item.Text.Letters(), "?"); !asks {
					return false
				}
			}
		}
	}
	return named && asks
}

// poolName is the word by which a pool is asked for.
func poolName(title string) string {
	folded := " " + strings.Join(fold(title), " ") + " "
	switch {
	case strings.Contains(folded, " casework ") || strings.Contains(folded, " case work "):
		return briefing.Casework
	case strings.Contains(folded, " practice ") || strings.Contains(folded, " reflection "):
		return briefing.Practice
	}
	return slugify(title)
}

func slugify(title string) string { return strings.Join(fold(title), "-") }

func isHTTPS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil
}
