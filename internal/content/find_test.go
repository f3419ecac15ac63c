package content

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/prompts"
)

func openFinder(t testing.TB, lib briefing.Library) *Finder {
	t.Helper()
	f, err := Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// realFinder is the one that people ask: of the briefings that are built in.
func realFinder(t testing.TB) (*Finder, *briefing.Briefing) {
	t.Helper()
	lib, err := Load(prompts.FS)
	if err != nil {
		t.Fatal(err)
	}
	f := openFinder(t, lib)
	return f, lib[slices.IndexFunc(lib, func(b *briefing.Briefing) bool { return b.ID == "domestic-abuse" })]
}

func section(t testing.TB, f *Finder, b *briefing.Briefing, typed string) Found {
	t.Helper()
	found, err := f.Section(b, briefing.NewPrivate(typed))
	if err != nil {
		t.Fatalf("Section(%q): %v", typed, err)
	}
	if found.Sure && len(found.Numbers) != 1 {
		t.Errorf("Section(%q) is sure of %d sections", typed, len(found.Numbers))
	}
	if len(found.Numbers) > 3 {
		t.Errorf("Section(%q) offers %d sections, want three at most", typed, len(found.Numbers))
	}
	return found
}

func search(t testing.TB, f *Finder, typed string, limit int) []Passage {
	t.Helper()
	found, err := f.Search(briefing.NewPrivate(typed), limit)
	if err != nil {
		t.Fatalf("Search(%q): %v", typed, err)
	}
	return found
}

// words reads a file of testdata/words: what somebody who had not seen the code
// thought that a practitioner would type, and where it should lead.
func words(t *testing.T, name string) [][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "words", name))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			out = append(out, strings.Split(line, "\t"))
		}
	}
	if len(out) < 40 {
		t.Fatalf("%s has %d lines: too few to be whole", name, len(out))
	}
	return out
}

func TestPractitionersWordsLandOnTheirSection(t *testing.T) {
	f, b := realFinder(t)
	lines := words(t, "land.tsv")
	var atOnce, offered, wrong, missed []string
	for _, line := range lines {
		found := section(t, f, b, line[0])
		right := slices.ContainsFunc(found.Numbers, func(n int) bool {
			return slices.Contains(strings.Split(line[1], ","), strconv.Itoa(n))
		})
		switch {
		case right && found.Sure:
			atOnce = append(atOnce, line[0])
		case right:
			offered = append(offered, line[0])
		case found.Sure:
			wrong = append(wrong, line[0])
			t.Logf("wrong at once: %q leads to %v, want %s", line[0], found.Numbers, line[1])
		default:
			missed = append(missed, line[0])
			t.Logf("missed: %q offers %v, want %s", line[0], found.Numbers, line[1])
		}
	}
	landed := 100 * float64(len(atOnce)+len(offered)) / float64(len(lines))
	t.Logf("%d lines: %d at once, %d offered (%.1f %% land), %d wrong at once, %d missed", len(lines), len(atOnce), len(offered), landed, len(wrong), len(missed))
	if landed < 95 {
		t.Errorf("%.1f %% of the words land, want at least 95", landed)
	}
	if len(wrong)*100 > len(lines) {
		t.Errorf("%d of %d lines are answered at once with a wrong section, want at most 1 %%: %q", len(wrong), len(lines), wrong)
	}
}

func TestCaseDetailsAndChatterLandNowhere(t *testing.T) {
	f, b := realFinder(t)
	lines := words(t, "noland.tsv")
	var sure, offered []string
	for _, line := range lines {
		switch found := section(t, f, b, line[0]); {
		case found.Sure:
			sure = append(sure, line[0])
		case len(found.Numbers) > 0:
			offered = append(offered, line[0])
		}
	}
	t.Logf("%d lines: %d at once, %d offered: %q", len(lines), len(sure), len(offered), offered)
	if len(sure) > 0 {
		t.Errorf("%d lines are answered at once, want none: %q", len(sure), sure)
	}
	if len(offered) > 5 {
		t.Errorf("%d lines offer sections, want 5 at most: %q", len(offered), offered)
	}
}

func TestSearchFindsThePassageWithinFive(t *testing.T) {
	f, _ := realFinder(t)
	lines := words(t, "search.tsv")
	found, first := 0, 0
	for _, line := range lines {
		at := slices.IndexFunc(search(t, f, line[0], 5), func(p Passage) bool { return strings.Contains(p.Text.Letters(), line[1]) })
		switch {
		case at < 0:
			t.Logf("not found: %q should give %q", line[0], line[1])
			continue
		case at == 0:
			first++
		}
		found++
	}
	t.Logf("%d searches: %d give the passage within five, %d of them first", len(lines), found, first)
	if found < 38 {
		t.Errorf("%d of %d searches give the passage, want 38", found, len(lines))
	}
}

func TestSectionIsFoundByWhatIsTyped(t *testing.T) {
	f, b := realFinder(t)
	for _, c := range []struct {
		typed string
		want  int // 0 for nothing at all
	}{
		{"5", 5},
		{"05", 5},
		{"005", 5},
		{"section 5", 5},
		{"Section 05.", 5},
		{"no. 5", 5},
		{"#5", 5},
		{"five", 5},
		{"FIVE", 5},
		{"fifth", 5},
		{"fifth one", 5},
		{"fifth section", 5},
		{"5th", 5},
		{"part five", 5},
		{"  5\t", 5},
		{"8", 0},
		{"0", 0},
		{"section 0", 0},
		{"99999999999999999999999999", 0},
		{"9223372036854775808", 0},
		{"-9223372036854775808", 0},
		{"5.5", 0},
		{"٥", 0},

		{"worries", 5},
		{"WORRIES", 5},
		{"  Worries!? ", 5},
		{"«worries»…", 5},
		{"worrys", 5},
		{"wories", 5},
		{"wrories", 5},
		{"resorces", 7},
		{"Ressources", 7},
		{"hlep", 7}, // two neighbours swapped, in a short word, too

		{"What are we worried about?", 5},
		{"WHAT ARE WE WORRIED ABOUT", 5},
		{"what are we worried", 5},
		{"05. What are we worried about?", 5},
		{"Case file audits", 1},
		{"case-file audits", 1},
		{"Questions for practice reflection and case work", 6},
		{"please show me the questions for practice reflection and case work", 6},
		{"practice reflection and case work", 6},
		{"mum says that we are worried about Sam", 0},
		{"his dad saw the broken furniture and the injuries", 0},

		{"", 0},
		{" \t\n", 0},
		{"?!", 0},
		{"👍🏽", 0},
		{"the", 0},
		{"show me", 0},
		{"\xff\xfe", 0},
		{"\x00", 0},
	} {
		want := Found{}
		if c.want > 0 {
			want = Found{Numbers: []int{c.want}, Sure: true}
		}
		if diff := cmp.Diff(want, section(t, f, b, c.typed)); diff != "" {
			t.Errorf("Section(%q) (-want +got):\n%s", c.typed, diff)
		}
	}
}

// Signs are punctuation, even a minus: people type "- 5" and "5 -".
func TestNumberIsFoundWhateverSignsStandAroundIt(t *testing.T) {
	f, b := realFinder(t)
	for _, typed := range []string{"-1", "- 1", "1.", "(1)", "+1", "no.1"} {
		if diff := cmp.Diff(Found{Numbers: []int{1}, Sure: true}, section(t, f, b, typed)); diff != "" {
			t.Errorf("Section(%q) (-want +got):\n%s", typed, diff)
		}
	}
}

func TestEveryNameInFrontMatterLeadsToItsSection(t *testing.T) {
	f, b := realFinder(t)
	for _, s := range b.Sections {
		for _, name := range append([]string{s.Title, s.Slug, strings.ToUpper(s.Slug), strconv.Itoa(s.Number)}, s.Synonyms...) {
			if found := section(t, f, b, name); !slices.Contains(found.Numbers, s.Number) {
				t.Errorf("Section(%q) = %+v, want section %d among them", name, found, s.Number)
			}
		}
	}
}

func TestSentenceOfMoreThanFiveWordsLandsByTitleOnly(t *testing.T) {
	f, b := realFinder(t)
	if got := section(t, f, b, "perpetrators referred engagement support survivors"); len(got.Numbers) == 0 {
		t.Error("five words of a section's text find nothing: the test has lost its point")
	}
	for typed, want := range map[string][]int{
		"perpetrators referred engagement support survivors behaviour": nil,
		"worries worries worries worries worries worries":              nil,
		"so what are we worried about then please":                     {5},
	} {
		if diff := cmp.Diff(want, section(t, f, b, typed).Numbers); diff != "" {
			t.Errorf("Section(%q) (-want +got):\n%s", typed, diff)
		}
	}
}

func TestSearchTakesWordsForWordsAndNotForASyntax(t *testing.T) {
	f, b := realFinder(t)
	want := search(t, f, "escalation", 5)
	if len(want) == 0 {
		t.Fatal("nothing is found for escalation")
	}
	for _, typed := range []string{
		`"escalation"`, `"escalation`, `escalation*`, `*escalation`, `^escalation`, `(escalation`, `escalation)`, `{escalation}`, `-escalation`, `+escalation`,
		`escalation;`, `escalation'--`, `escalation\`, "escalation\x00", `escalation ""`, `escalation :`,
	} {
		if diff := cmp.Diff(want, search(t, f, typed, 5)); diff != "" {
			t.Errorf("Search(%q) differs from that for the word alone:\n%s", typed, diff)
		}
	}
	for _, typed := range []string{
		`"`, `""`, `*`, `^`, `NEAR(`, `NEAR(child abuse, 2)`, `AND`, `OR`, `NOT`, `child AND`, `AND child`, `child NOT abuse`, `body:`, `body: child`, `{names title} : child`, `text:child`,
		`' OR 1=1 --`, `rank`, `passages`, `%`, `_`, `?`, `$1`, `:a`, `@a`, "\x02child\x03", "child\u202e", strings.Repeat("child ", 500), strings.Repeat("a", 5_000), strings.Repeat(`"`, 1000),
	} {
		search(t, f, typed, 5)
		section(t, f, b, typed)
		f.Pool(b, briefing.NewPrivate(typed))
	}
}

func TestPassageHasItsSectionAndMarks(t *testing.T) {
	f, b := realFinder(t)
	got := search(t, f, "Escalating", 5)
	want := []Passage{{Briefing: b, Section: b.Section(4), Text: briefing.Text{
		{Text: "The "},
		{Text: "escalation", Mark: true},
		{Text: " process was used well where required. This allowed differences of opinion to be explored and outstanding safeguarding concerns to be taken forward."},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("Search (-want +got):\n%s", diff)
	}
	if got[0].Briefing != b || got[0].Section != b.Section(4) {
		t.Error("the passage holds copies of the briefing and its section, want the library's own")
	}
}

func TestPassageWithAllWordsComesBeforeThoseWithSome(t *testing.T) {
	f, _ := realFinder(t)
	got := search(t, f, "lone males", 5)
	if len(got) != 1 || !strings.HasPrefix(got[0].Text.Letters(), "Lone male adults") {
		t.Errorf("lone males: %+v, want the one passage with both", got)
	}
	if got := search(t, f, "escalation furniture", 5); len(got) != 2 {
		t.Errorf("escalation furniture: %d passages, want the two that have one of the words each", len(got))
	}
}

func TestLongPassageIsCutAroundTheWord(t *testing.T) {
	text := strings.Repeat("Keep calm and walk on. ", 60) + "Then find the assembly point. " + strings.Repeat("Keep calm and walk on. ", 60)
	lib, err := Load(folder("fire.md", edit(t, " first.\n", " first.\n\n"+text+"\n")))
	if err != nil {
		t.Fatal(err)
	}
	got := search(t, openFinder(t, lib), "assembly", 5)
	if len(got) != 1 {
		t.Fatalf("%d passages, want one", len(got))
	}
	letters := got[0].Text.Letters()
	if !strings.HasPrefix(letters, "…") || !strings.HasSuffix(letters, "…") || !strings.Contains(letters, "assembly point") || len(letters) > 800 {
		t.Errorf("the passage is %q, want an extract around the word, with … at both ends", letters)
	}
}

func TestSearchGivesNoMoreThanAskedFor(t *testing.T) {
	f, _ := realFinder(t)
	for _, limit := range []int{0, 1, 2, 5} {
		if got := search(t, f, "abuse", limit); len(got) != limit {
			t.Errorf("Search(abuse, %d) gives %d passages", limit, len(got))
		}
	}
	if got := search(t, f, "zebra", 5); len(got) != 0 {
		t.Errorf("a word that no briefing has gives %d passages", len(got))
	}
	if got := search(t, f, "", 5); len(got) != 0 {
		t.Errorf("no word gives %d passages", len(got))
	}
}

func TestPoolIsFoundByWhatIsTyped(t *testing.T) {
	f, b := realFinder(t)
	for typed, want := range map[string]string{
		"practice": briefing.Practice, "Practice!": briefing.Practice, "practise": briefing.Practice, "practce": briefing.Practice, "practice reflection": briefing.Practice,
		"reflection": briefing.Practice, "for practice": briefing.Practice,
		"casework": briefing.Casework, "CASEWORK": briefing.Casework, "case work": briefing.Casework, "case-work": briefing.Casework, "casewrk": briefing.Casework, "questions in casework": briefing.Casework,
		"": "", "?": "", "banana": "", "pra": "", "all": "", "Sam's case was opened in May": "",
	} {
		got := ""
		if p := f.Pool(b, briefing.NewPrivate(typed)); p != nil {
			got = p.Name
		}
		if got != want {
			t.Errorf("Pool(%q) = %q, want %q", typed, got, want)
		}
	}
}

// twoBriefings are two of one shape that share some words and not others.
func twoBriefings(t *testing.T) (f *Finder, fire, water *briefing.Briefing) {
	t.Helper()
	lib, err := Load(folder(
		"fire.md", edit(t, " first.\n", " first. Extinguishers hang beside every staircase.\n"),
		"water.md", edit(
			t, "id: fire-safety", "id: water-safety", "prefix: fs", "prefix: ws", "slug: exits", "slug: shores", "[doors, ways out]", "[beach]",
			"Ways out", "Rivers and lakes", " first.\n", " first. Lifebuoys hang beside every jetty.\n", "### Practice reflection", "### Swimming", "nearest exit", "nearest lifeguard",
		),
	))
	if err != nil {
		t.Fatal(err)
	}
	return openFinder(t, lib), lib[0], lib[1]
}

func TestSectionIsLookedForInOneBriefingOnly(t *testing.T) {
	f, fire, water := twoBriefings(t)
	sure := []int{1}
	for _, c := range []struct {
		typed       string
		fire, water []int
	}{
		{"exits", sure, nil},
		{"doors", sure, nil},
		{"ways out", sure, nil},
		{"extinguishers", sure, nil},
		{"extinguisers", sure, nil},
		{"shores", nil, sure},
		{"beach", nil, sure},
		{"lakes", nil, sure},
		{"lifebuoys", nil, sure},
		{"lifebouys", nil, sure},
		{"background", sure, sure},
		{"questions", []int{2}, []int{2}},
	} {
		if diff := cmp.Diff(c.fire, section(t, f, fire, c.typed).Numbers); diff != "" {
			t.Errorf("Section(fire, %q) (-want +got):\n%s", c.typed, diff)
		}
		if diff := cmp.Diff(c.water, section(t, f, water, c.typed).Numbers); diff != "" {
			t.Errorf("Section(water, %q) (-want +got):\n%s", c.typed, diff)
		}
	}
	if p := f.Pool(fire, briefing.NewPrivate("swimming")); p != nil {
		t.Errorf("a pool of the other briefing is found: %+v", p)
	}
	if p := f.Pool(water, briefing.NewPrivate("swimming")); p == nil || p.Name != "swimming" {
		t.Errorf("Pool(water, swimming) = %+v", p)
	}
	stranger := *fire
	if diff := cmp.Diff(Found{}, section(t, f, &stranger, "exits")); diff != "" {
		t.Errorf("a briefing that is not in the library (-want +got):\n%s", diff)
	}
}

func TestSearchCoversEveryBriefing(t *testing.T) {
	f, fire, water := twoBriefings(t)
	for typed, want := range map[string][]*briefing.Briefing{
		"extinguishers":       {fire},
		"lifebuoys":           {water},
		"lifebouys":           {water},
		"hang":                {fire, water},
		"staircase and jetty": {fire, water},
	} {
		got := map[*briefing.Briefing]bool{}
		for _, p := range search(t, f, typed, 5) {
			got[p.Briefing] = true
			if p.Section != p.Briefing.Section(p.Section.Number) {
				t.Errorf("Search(%q): a passage has a section of another briefing", typed)
			}
		}
		for _, b := range want {
			if !got[b] {
				t.Errorf("Search(%q) finds nothing in %s", typed, b.ID)
			}
		}
		if len(got) != len(want) {
			t.Errorf("Search(%q) finds passages in %d briefings, want %d", typed, len(got), len(want))
		}
	}
}

func TestFinderOfNoBriefingFindsNothing(t *testing.T) {
	f := openFinder(t, nil)
	if got := search(t, f, "abuse", 5); len(got) != 0 {
		t.Errorf("%d passages in an empty library", len(got))
	}
}

func TestFinderServesManyAtOnce(t *testing.T) {
	f, b := realFinder(t)
	typed := []string{"worries", "resorces", "coercive control", "banana", "lone males", "5"}
	want := make([]Found, len(typed))
	passages := make([][]Passage, len(typed))
	for i, s := range typed {
		want[i], passages[i] = section(t, f, b, s), search(t, f, s, 5)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 5 * len(typed) {
				i := n % len(typed)
				words := briefing.NewPrivate(typed[i])
				found, err := f.Section(b, words)
				if diff := cmp.Diff(want[i], found); diff != "" || err != nil {
					t.Errorf("Section(%q): %v (-alone +together):\n%s", typed[i], err, diff)
				}
				got, err := f.Search(words, 5)
				if diff := cmp.Diff(passages[i], got); diff != "" || err != nil {
					t.Errorf("Search(%q): %v (-alone +together):\n%s", typed[i], err, diff)
				}
				f.Pool(b, words)
			}
		})
	}
	wg.Wait()
}

func TestErrorOfAClosedFinderDoesNotRepeatWhatWasTyped(t *testing.T) {
	lib, err := Load(folder("fire.md", plain))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	typed := briefing.NewPrivate("kayleigh staircase")
	_, sectionErr := f.Section(lib[0], typed)
	_, searchErr := f.Search(typed, 5)
	for _, err := range []error{sectionErr, searchErr} {
		if err == nil || strings.Contains(err.Error(), "kayleigh") {
			t.Errorf("a closed finder gives the error %v, want one without the words", err)
		}
	}
}

// FuzzFind wants an answer, whatever is typed.
func FuzzFind(f *testing.F) {
	for _, s := range []string{"worries", "section 5", `"a" AND b*`, "NEAR(a b)", "body: child", "ﬁnancial", "İ", "ß", "\x00", "\xff", "𞤀𞤁𞤂", "٣", "ⅷ", "e\u0301scalation", "child\u200dren", strings.Repeat("w ", 30)} {
		f.Add(s)
	}
	finder, b := realFinder(f)
	f.Fuzz(func(t *testing.T, typed string) {
		found := section(t, finder, b, typed)
		for _, n := range found.Numbers {
			if b.Section(n) == nil {
				t.Errorf("Section(%q) gives a section %d that is not there", typed, n)
			}
		}
		for _, p := range search(t, finder, typed, 5) {
			if p.Briefing != b || p.Section == nil || len(p.Text) == 0 {
				t.Errorf("Search(%q) gives a passage of nothing: %+v", typed, p)
			}
		}
		finder.Pool(b, briefing.NewPrivate(typed))
	})
}

func TestTitleWithinASentenceDoesNotAnswerIt(t *testing.T) {
	f, b := realFinder(t)
	for _, text := range []string{
		"Kayleigh needs resources, dad hit her again", "resources for Kayleigh Smith please today", "what are we worried about Jayden",
		"domestic abuse and children of Sarah Smith in Leicester", "what worked well with Jayden Smith this week",
	} {
		if found := section(t, f, b, text); found.Sure {
			t.Errorf("%q is answered with section %d", text, found.Numbers[0])
		}
	}
}

func TestTitleWithWordsThatSayNothingAnswers(t *testing.T) {
	f, b := realFinder(t)
	for text, want := range map[string]int{
		"please show me what are we worried about": 5, "section 4 what worked well?": 4, "the section about domestic abuse and children please": 3,
	} {
		if found := section(t, f, b, text); !found.Sure || found.Numbers[0] != want {
			t.Errorf("%q finds %v, want %d", text, found, want)
		}
	}
}

func TestShortWordIsNotTheStartOfOneInTheText(t *testing.T) {
	f, b := realFinder(t)
	for _, text := range []string{"lis", "list", "pol"} {
		if found := section(t, f, b, text); found.Sure {
			t.Errorf("%q is answered with section %d", text, found.Numbers[0])
		}
	}
}

func TestLabelsOfLinksComeLast(t *testing.T) {
	f, _ := realFinder(t)
	for i, p := range search(t, f, "abuse", 5) {
		if p.Section.Kind == briefing.Resources {
			t.Errorf("passage %d is the label %q", i+1, p.Text.Letters())
		}
	}
}
