package content

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"briefingbot/internal/briefing"
	"briefingbot/prompts"
)

func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("q%d", i)
	}
	return out
}

// run asks n questions of candidates.
func run(seed string, r briefing.Rotation, candidates []string, n int) ([]string, briefing.Rotation) {
	var out []string
	for range n {
		var q string
		q, r = Next(seed, r, candidates)
		out = append(out, q)
	}
	return out, r
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func TestEveryQuestionComesOnceBeforeAnyComesAgain(t *testing.T) {
	for n := 1; n <= 20; n++ {
		candidates, r := ids(n), briefing.Rotation{}
		var orders [][]string
		last := ""
		for round := range 50 {
			var order []string
			order, r = run("slack T1 C1", r, candidates, n)
			if !slices.Equal(sorted(order), sorted(candidates)) {
				t.Fatalf("round %d of %d asks %v", round, n, order)
			}
			if r.Round != round || r.Last != order[n-1] || !slices.Equal(r.Asked, order) {
				t.Fatalf("after round %d of %d: %+v", round, n, r)
			}
			if n > 1 && order[0] == last {
				t.Fatalf("round %d of %d begins with the question that the one before ended with", round, n)
			}
			last = order[n-1]
			orders = append(orders, order)
		}
		if n > 5 && slices.Equal(orders[0], orders[1]) && slices.Equal(orders[1], orders[2]) {
			t.Errorf("three rounds of %d have the same order: %v", n, orders[0])
		}
	}
}

// What a channel is asked next rests on this order: another one after an update
// would ask it some questions twice.
func TestOrderStaysFromReleaseToRelease(t *testing.T) {
	got, _ := run("slack\x00T1\x00C1", briefing.Rotation{}, ids(6), 12)
	want := []string{"q0", "q2", "q3", "q4", "q1", "q5", "q3", "q5", "q4", "q0", "q2", "q1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOrderIsTheSubscriptionsOwn(t *testing.T) {
	candidates := ids(8)
	orders := map[string]string{}
	for i := range 200 {
		seed := fmt.Sprintf("slack\x00T1\x00C%d", i)
		order, _ := run(seed, briefing.Rotation{}, candidates, 8)
		orders[fmt.Sprint(order)] = seed
	}
	if len(orders) < 195 { // of 40,320
		t.Errorf("200 subscriptions have %d orders", len(orders))
	}
	// A seed that ends as a round begins is not another's.
	a, _ := run("C1", briefing.Rotation{Round: 23}, candidates, 8)
	b, _ := run("C12", briefing.Rotation{Round: 3}, candidates, 8)
	if slices.Equal(a, b) {
		t.Errorf("seeds C1 in round 23 and C12 in round 3 both have %v", a)
	}
}

func TestShuffleIsFair(t *testing.T) {
	const seeds, n = 2000, 10
	for _, place := range []int{0, 4, 9, 10} { // 10 is the first of the second round
		counts := map[string]int{}
		for i := range seeds {
			order, _ := run(fmt.Sprintf("slack\x00T1\x00C%d", i), briefing.Rotation{}, ids(n), place+1)
			counts[order[place]]++
		}
		chi2 := 0.0
		for _, id := range ids(n) {
			d := float64(counts[id]) - seeds/n
			chi2 += d * d / (seeds / n)
		}
		if chi2 > 33 { // with 9 degrees of freedom, once in 7,000 fair shuffles
			t.Errorf("place %d: chi-square is %.1f: %v", place, chi2, counts)
		}
	}
}

func TestHistoryStaysRightWhenCandidatesChange(t *testing.T) {
	start, r := run("s", briefing.Rotation{}, ids(6), 3)
	left := slices.DeleteFunc(ids(6), func(id string) bool { return slices.Contains(start, id) })
	reversed := ids(6)
	slices.Reverse(reversed)
	for _, c := range []struct {
		name       string
		candidates []string
		want       []string // what comes before the round is over
	}{
		{"nothing", ids(6), left},
		{"another order", reversed, left},
		{"some twice", append(ids(6), ids(4)...), left},
		{"one added", append(ids(6), "new"), append([]string{"new"}, left...)},
		{"one that is due removed", slices.DeleteFunc(ids(6), func(id string) bool { return id == left[0] }), left[1:]},
		{"one that was asked removed", slices.DeleteFunc(ids(6), func(id string) bool { return id == start[0] }), left},
		{"another pool", []string{"a", "b", "c"}, []string{"a", "b", "c"}},
		{"another pool and this one", append(ids(6), "a", "b"), append([]string{"a", "b"}, left...)},
	} {
		got, after := run("s", r, c.candidates, len(c.want))
		if !slices.Equal(sorted(got), sorted(c.want)) || after.Round != r.Round {
			t.Errorf("%s: asks %v in round %d, want %v in the same round", c.name, got, after.Round, c.want)
		}
		if q, after := Next("s", after, c.candidates); after.Round != r.Round+1 || !slices.Equal(after.Asked, []string{q}) {
			t.Errorf("%s: then comes %s with %+v, want a new round", c.name, q, after)
		}
	}

	// A question that comes back, and a pool that was left for another, were asked.
	_, r = Next("s", r, []string{"a", "b"})
	got, _ := run("s", r, ids(6), 3)
	if !slices.Equal(sorted(got), sorted(left)) {
		t.Errorf("back in the pool, it asks %v, want %v", got, left)
	}
	// The order of those that stay does not change with what comes or goes.
	with, _ := run("s", r, append(ids(6), "new"), 4)
	if without := slices.DeleteFunc(with, func(id string) bool { return id == "new" }); !slices.Equal(without, got) {
		t.Errorf("a new question has the others come as %v, want %v", without, got)
	}
}

func TestNextWithoutMuchToChooseFrom(t *testing.T) {
	r := briefing.Rotation{Round: 3, Last: "a", Asked: []string{"a", "b"}}
	for _, candidates := range [][]string{nil, {}, {""}} {
		if q, next := Next("s", r, candidates); q != "" || next.Round != 3 || next.Last != "a" || !slices.Equal(next.Asked, r.Asked) {
			t.Errorf("of %q comes %q, %+v", candidates, q, next)
		}
	}
	if q, next := Next("s", r, []string{"a"}); q != "a" || next.Round != 4 || !slices.Equal(next.Asked, []string{"a"}) {
		t.Errorf("the only one: %q, %+v", q, next)
	}
	if q, _ := Next("s", r, []string{"a", "a", "b"}); q != "b" {
		t.Errorf("%q comes twice running", q)
	}
	// History that is not whole, as after a restored backup.
	lost := briefing.Rotation{Round: 3, Last: "a"}
	if q, _ := Next("s", lost, []string{"a", "b"}); q != "b" {
		t.Errorf("%q comes twice running", q)
	}
	if q, next := Next("s", lost, []string{"a"}); q != "a" || next.Round != 3 {
		t.Errorf("the only one: %q, %+v", q, next)
	}
}

func TestNextChangesNothingItIsGiven(t *testing.T) {
	backing := []string{"q0", "q1", "x", "y"}
	r, candidates := briefing.Rotation{Round: 1, Last: "q1", Asked: backing[:2]}, ids(4)
	_, next := Next("s", r, candidates)
	next.Asked[0] = "changed"
	_ = append(next.Asked, "more")
	_, none := Next("s", r, nil)
	none.Asked[0] = "changed"
	if !slices.Equal(backing, []string{"q0", "q1", "x", "y"}) || !slices.Equal(candidates, ids(4)) {
		t.Errorf("they became %v and %v", backing, candidates)
	}
}

func TestWhatARotationRemembersIsBounded(t *testing.T) {
	gone := make([]string, 3000)
	for i := range gone {
		gone[i] = fmt.Sprintf("gone%d", i)
	}
	r := briefing.Rotation{Last: "q1", Asked: slices.Concat([]string{"q0"}, gone, []string{"q1"})}
	q, next := Next("s", r, ids(4))
	if len(next.Asked) != maxAsked || next.Asked[0] != "q0" || !slices.Equal(next.Asked[len(next.Asked)-3:], []string{"gone2999", "q1", q}) {
		t.Errorf("it remembers %d, from %q to %q", len(next.Asked), next.Asked[0], next.Asked[len(next.Asked)-3:])
	}
	// Candidates are never forgotten, or they would come again in the round.
	many := ids(2500)
	got, after := run("s", briefing.Rotation{Last: many[2449], Asked: many[:2450]}, many, 50)
	if !slices.Equal(sorted(got), sorted(many[2450:])) || after.Round != 0 {
		t.Errorf("of 2500 questions come at the end %v, in round %d", got, after.Round)
	}
}

// randomLibrary is one whose questions are some of forty, some in several places.
func randomLibrary(random *rand.Rand) briefing.Library {
	var lib briefing.Library
	for i := range 1 + random.IntN(3) {
		b := &briefing.Briefing{ID: fmt.Sprintf("b%d", i)}
		for n := range 1 + random.IntN(3) {
			s := briefing.Section{Number: n + 1}
			for _, name := range []string{briefing.Practice, briefing.Casework, "supervision"}[:random.IntN(4)] {
				if _, p := b.Pool(name); p != nil {
					continue
				}
				p := briefing.Pool{Name: name}
				for range random.IntN(6) {
					p.Questions = append(p.Questions, briefing.Question{Text: briefing.Words(fmt.Sprintf("Question %d?", random.IntN(40)))})
				}
				s.Pools = append(s.Pools, p)
			}
			b.Sections = append(b.Sections, s)
		}
		lib = append(lib, b)
	}
	return lib
}

func TestRotationKeepsItsPromisesWhateverTheContentDoes(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 4))
		var (
			lib        = randomLibrary(random)
			id, pool   string
			r          briefing.Rotation
			inRound    = map[string]bool{}
			candidates []string
		)
		for step := range 120 {
			switch random.IntN(8) {
			case 0:
				lib = randomLibrary(random)
			case 1:
				id, pool = []string{"", "b0", "b1"}[random.IntN(3)], []string{"", briefing.Practice, briefing.Casework}[random.IntN(3)]
			}
			candidates = Candidates(lib, id, pool)
			random.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
			due := slices.DeleteFunc(slices.Clone(candidates), func(id string) bool { return inRound[id] })

			q, next := Next(fmt.Sprint("seed ", seed), r, candidates)
			if again, _ := Next(fmt.Sprint("seed ", seed), r, sorted(candidates)); again != q {
				t.Fatalf("%d.%d: %q, and in another order %q", seed, step, q, again)
			}
			switch {
			case len(candidates) == 0:
				if q != "" || next.Round != r.Round || next.Last != r.Last {
					t.Fatalf("%d.%d: %q of nothing", seed, step, q)
				}
				continue
			case !slices.Contains(candidates, q):
				t.Fatalf("%d.%d: %q is no candidate", seed, step, q)
			case q == r.Last && len(candidates) > 1 && (len(due) == 0 || len(due) > 1):
				t.Fatalf("%d.%d: %q comes twice running", seed, step, q)
			case len(due) > 0 && (inRound[q] || next.Round != r.Round):
				t.Fatalf("%d.%d: %q comes again before %v", seed, step, q, due)
			case len(due) == 0 && (next.Round != r.Round+1 || len(next.Asked) != 1):
				t.Fatalf("%d.%d: no new round: %+v", seed, step, next)
			}
			if next.Round != r.Round {
				clear(inRound)
			}
			inRound[q] = true
			if next.Last != q || len(next.Asked) != len(inRound) || next.Asked[len(next.Asked)-1] != q {
				t.Fatalf("%d.%d: after %q: %+v", seed, step, q, next)
			}
			r = next
			// A store keeps them as a set.
			random.Shuffle(len(r.Asked), func(i, j int) { r.Asked[i], r.Asked[j] = r.Asked[j], r.Asked[i] })
		}
	}
}

// someLibrary has a question that stands in two briefings, and in two pools.
func someLibrary() briefing.Library {
	pool := func(name string, questions ...string) briefing.Pool {
		p := briefing.Pool{Name: name}
		for _, q := range questions {
			p.Questions = append(p.Questions, briefing.Question{Text: briefing.Words(q)})
		}
		return p
	}
	return briefing.Library{
		{ID: "a", Sections: []briefing.Section{
			{Number: 1},
			{Number: 2, Pools: []briefing.Pool{pool(briefing.Practice, "A1?", "Both?"), pool(briefing.Casework, "A2?", "Both?")}},
		}},
		{ID: "b", Sections: []briefing.Section{
			{Number: 1, Pools: []briefing.Pool{pool(briefing.Practice, "Both?", "B1?")}},
			{Number: 2, Pools: []briefing.Pool{pool("supervision", "B2?")}},
		}},
	}
}

func TestCandidatesAreOfTheBriefingAndThePool(t *testing.T) {
	lib := someLibrary()
	for _, c := range []struct {
		briefing, pool string
		want           []string
	}{
		{"", "", []string{"A1?", "Both?", "A2?", "B1?", "B2?"}},
		{"", briefing.Practice, []string{"A1?", "Both?", "B1?"}},
		{"", "supervision", []string{"B2?"}},
		{"a", "", []string{"A1?", "Both?", "A2?"}},
		{"b", briefing.Practice, []string{"Both?", "B1?"}},
		{"b", briefing.Casework, nil},
		{"c", "", nil},
	} {
		var got []string
		for _, id := range Candidates(lib, c.briefing, c.pool) {
			_, _, p, n, ok := QuestionByID(lib, id)
			if !ok {
				t.Fatalf("no question %s", id)
			}
			got = append(got, p.Questions[n].Text.Plain())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q, %q: got %q, want %q", c.briefing, c.pool, got, c.want)
		}
	}
	if got := Candidates(nil, "", ""); got != nil {
		t.Errorf("of no library: %q", got)
	}
}

func TestQuestionByIDIsTheFirstPlaceThatHasIt(t *testing.T) {
	lib := someLibrary()
	for _, c := range []struct {
		question, briefing, pool string
		section, n               int
	}{
		{"A1?", "a", briefing.Practice, 2, 0},
		{"Both?", "a", briefing.Practice, 2, 1},
		{"A2?", "a", briefing.Casework, 2, 0},
		{"B2?", "b", "supervision", 2, 0},
	} {
		b, s, p, n, ok := QuestionByID(lib, briefing.Question{Text: briefing.Words(c.question)}.ID())
		if !ok || b.ID != c.briefing || s.Number != c.section || p.Name != c.pool || n != c.n {
			t.Errorf("%s: %v", c.question, ok)
			continue
		}
		if s != b.Section(c.section) || &b.Sections[c.section-1].Pools[slices.IndexFunc(s.Pools, func(q briefing.Pool) bool { return q.Name == p.Name })] != p {
			t.Errorf("%s: the section or the pool is a copy", c.question)
		}
	}
	for _, id := range []string{"", "unknown"} {
		if b, s, p, n, ok := QuestionByID(lib, id); ok || b != nil || s != nil || p != nil || n != 0 {
			t.Errorf("%q is a question: %v %v %v %d", id, b, s, p, n)
		}
	}
}

func TestEveryPublishedQuestionIsACandidateOnce(t *testing.T) {
	lib, err := Load(prompts.FS)
	if err != nil {
		t.Fatal(err)
	}
	all := Candidates(lib, "", "")
	if len(all) == 0 || len(slices.Compact(sorted(all))) != len(all) {
		t.Errorf("the candidates are %v", all)
	}
	if of := len(Candidates(lib, "domestic-abuse", briefing.Practice)) + len(Candidates(lib, "domestic-abuse", briefing.Casework)); of != len(Candidates(lib, "domestic-abuse", "")) {
		t.Errorf("the two pools have %d", of)
	}
	for _, id := range all {
		if _, _, p, n, ok := QuestionByID(lib, id); !ok || p.Questions[n].ID() != id {
			t.Errorf("%s leads elsewhere", id)
		}
	}
}

func BenchmarkRotation(b *testing.B) {
	lib, err := Load(prompts.FS)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("candidates", func(b *testing.B) {
		for b.Loop() {
			Candidates(lib, "", "")
		}
	})
	for _, n := range []int{16, 500} {
		candidates := ids(n)
		_, r := run("s", briefing.Rotation{}, candidates, n/2)
		b.Run(fmt.Sprintf("next of %d", n), func(b *testing.B) {
			for b.Loop() {
				Next("slack\x00T1\x00C1", r, candidates)
			}
		})
	}
}
