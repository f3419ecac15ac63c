package content

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"briefingbot/internal/briefing"
)

// Next chooses the next question of a rotation, and returns its id with the
// rotation after it; empty where there are no candidates. Every candidate comes
// once in a round, in an order that is the seed's and the round's own, so that two
// channels with the same questions do not march in step. Give it a seed that is
// the subscription's alone and stays.
//
// The order is one of ids, not of the slice, and nothing of it is kept. So
// candidates may come and go between calls: one that is new comes in this round,
// one that comes back is not asked again in it. The same question does not come
// twice running, unless there is no other.
func Next(seed string, r briefing.Rotation, candidates []string) (question string, next briefing.Rotation) {
	asked := make(map[string]bool, len(r.Asked))
	for _, id := range r.Asked {
		asked[id] = true
	}
	for _, last := range []string{r.Last, ""} {
		if id := first(seed, r.Round, candidates, func(id string) bool { return id == last || asked[id] }); id != "" {
			return id, briefing.Rotation{Round: r.Round, Last: id, Asked: append(remembered(r.Asked, candidates), id)}
		}
	}
	for _, last := range []string{r.Last, ""} {
		if id := first(seed, r.Round+1, candidates, func(id string) bool { return id == last }); id != "" {
			return id, briefing.Rotation{Round: r.Round + 1, Last: id, Asked: []string{id}}
		}
	}
	return "", briefing.Rotation{Round: r.Round, Last: r.Last, Asked: slices.Clone(r.Asked)}
}

// first is the first candidate in a round's order that is not left out, or empty.
func first(seed string, round int, candidates []string, out func(id string) bool) string {
	// With its length before the seed, no two of seed, round and id run together.
	key := fmt.Appendf(make([]byte, 0, 256), "%d %s%d ", len(seed), seed, round)
	var (
		best  string
		least [sha256.Size]byte
	)
	for _, id := range candidates {
		if out(id) {
			continue
		}
		// The hash has to be the same in every process and every release: what a
		// channel is asked next may not depend on which replica chooses.
		if h := sha256.Sum256(append(key, id...)); best == "" || bytes.Compare(h[:], least[:]) < 0 {
			best, least = id, h
		}
	}
	return best
}

// maxAsked is how many questions a rotation remembers, unless there are more
// candidates.
const maxAsked = 2000

// remembered is a copy of asked with room for one more. Those that are no
// candidates now may be some again, so they stay, but for the first of very many.
func remembered(asked, candidates []string) []string {
	out := make([]string, 0, len(asked)+1)
	spare := len(asked) + 1 - maxAsked
	for _, id := range asked {
		if spare > 0 && !slices.Contains(candidates, id) {
			spare--
			continue
		}
		out = append(out, id)
	}
	return out
}

// Candidates lists the questions that a subscription is asked: those of a briefing
// or, where its id is empty, of all; of the pool of that name or, where it is
// empty, of every pool. A question that stands in several places is there once.
func Candidates(lib briefing.Library, briefingID, pool string) []string {
	var ids []string
	seen := map[string]bool{}
	questions(lib, func(b *briefing.Briefing, _ *briefing.Section, p *briefing.Pool, n int) bool {
		if briefingID != "" && b.ID != briefingID || pool != "" && p.Name != pool {
			return true
		}
		if id := p.Questions[n].ID(); !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
		return true
	})
	return ids
}

// QuestionByID is where a question stands: the first place with that id, and its
// index in the pool.
func QuestionByID(lib briefing.Library, id string) (b *briefing.Briefing, s *briefing.Section, p *briefing.Pool, n int, ok bool) {
	questions(lib, func(inB *briefing.Briefing, inS *briefing.Section, inP *briefing.Pool, at int) bool {
		if inP.Questions[at].ID() == id {
			b, s, p, n, ok = inB, inS, inP, at, true
		}
		return !ok
	})
	return b, s, p, n, ok
}

// questions calls f with every question of the library, in order, until f returns
// false.
func questions(lib briefing.Library, f func(*briefing.Briefing, *briefing.Section, *briefing.Pool, int) bool) {
	for _, b := range lib {
		for i := range b.Sections {
			for j := range b.Sections[i].Pools {
				for n := range b.Sections[i].Pools[j].Questions {
					if !f(b, &b.Sections[i], &b.Sections[i].Pools[j], n) {
						return
					}
				}
			}
		}
	}
}
