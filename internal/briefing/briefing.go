// Package briefing is the vocabulary of the project: a briefing with its
// sections and questions, a request, and the message that answers it, as plain
// types. Start with Briefing, then Message in message.go.
//
// It does no I/O, and knows no platform, no database and no file format.
package briefing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Library is every briefing that is loaded, in order of their ids. It does not
// change once it is loaded.
type Library []*Briefing

// Briefing is one 7-minute briefing as its publisher wrote it.
type Briefing struct {
	ID        string    // e.g. "domestic-abuse"; unique in a library
	Title     string    // as published
	Publisher string    // short name, shown as the source of every text
	Edition   string    // which published version the text is, e.g. "Links updated April 2025"
	Language  string    // BCP 47, e.g. "en-GB"
	Prefix    string    // its commands are /PREFIX-briefing and /PREFIX-questions; unique in a library
	ReviewBy  time.Time // the day by which somebody should look at it again, midnight UTC; zero where none is set
	Sections  []Section // in order of their numbers, which run from 1 without a gap
}

// Kind says what part a section plays, whatever its title, so that "risks" finds
// the worries of any briefing. A section may have none.
type Kind string

// The kinds of section.
const (
	Context    Kind = "context"
	Definition Kind = "definition"
	Impact     Kind = "impact"
	Strengths  Kind = "strengths"
	Worries    Kind = "worries"
	Questions  Kind = "questions"
	Resources  Kind = "resources"
)

// Kinds lists every kind.
var Kinds = []Kind{Context, Definition, Impact, Strengths, Worries, Questions, Resources}

// Section is a numbered part of a briefing.
type Section struct {
	Number   int
	Title    string
	Slug     string // lower-case word or words with hyphens; unique in the briefing
	Kind     Kind
	Synonyms []string
	Blocks   []Block // what it says: Subheading, Paragraph and List only
	Pools    []Pool  // the questions of a section of kind Questions, also contained in Blocks
}

// Heading is the section's number and title, as the publisher prints them.
func (s *Section) Heading() string { return fmt.Sprintf("%02d. %s", s.Number, s.Title) }

// The pools that the commands name. A briefing may have others, named by a slug
// of their heading.
const (
	Practice = "practice"
	Casework = "casework"
)

// Pool is a named list of questions.
type Pool struct {
	Name      string // Practice, Casework, or a slug; unique in the briefing
	Title     string // its heading as published, e.g. "Practice reflection:"
	Questions []Question
}

// Label is the pool's title where it leads into nothing: without its colon.
func (p *Pool) Label() string { return strings.TrimSuffix(p.Title, ":") }

// Question is one question of a pool.
type Question struct{ Text Text }

// ID identifies the question by its words, so that its history stays right when
// questions are added, removed or moved. Emphasis, space and the addresses of
// links do not count.
func (q Question) ID() string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(q.Text.Letters()), " ")))
	return hex.EncodeToString(sum[:12])
}

// Section returns the section with that number, or nil.
func (b *Briefing) Section(number int) *Section {
	if number < 1 || number > len(b.Sections) {
		return nil
	}
	return &b.Sections[number-1]
}

// First returns the first section of that kind, or nil.
func (b *Briefing) First(k Kind) *Section {
	i := slices.IndexFunc(b.Sections, func(s Section) bool { return s.Kind == k })
	if i < 0 {
		return nil
	}
	return &b.Sections[i]
}

// Pool returns the pool of that name with the section that holds it, or nil.
func (b *Briefing) Pool(name string) (*Section, *Pool) {
	for i := range b.Sections {
		for j := range b.Sections[i].Pools {
			if p := &b.Sections[i].Pools[j]; p.Name == name {
				return &b.Sections[i], p
			}
		}
	}
	return nil, nil
}

// Source is the line under every text of the briefing: who published it, in
// which edition and, where s is given, in which section.
func (b *Briefing) Source(s *Section) string {
	line := b.Publisher + " · " + b.Edition
	if s == nil {
		return line
	}
	return fmt.Sprintf("%s · section %02d of %02d", line, s.Number, len(b.Sections))
}

// BriefingCommand is the command that shows the briefing, e.g. "/da-briefing".
func (b *Briefing) BriefingCommand() string { return "/" + b.Prefix + "-briefing" }

// QuestionsCommand is the command that shows its questions, e.g. "/da-questions".
func (b *Briefing) QuestionsCommand() string { return "/" + b.Prefix + "-questions" }
