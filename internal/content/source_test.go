package content

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/prompts"
)

// The two editions as they came, letter for letter.
var (
	//go:embed testdata/sources/april-2025.txt
	april string
	//go:embed testdata/sources/earlier.txt
	earlier string
)

// reading is one decision on what the domestic abuse briefing says where its
// two sources differ, or where an extraction broke one of them. Each of april,
// earlier and text is looked for with everything around it that makes it unique.
type reading struct {
	name    string
	april   string // as the April 2025 source has it
	earlier string // as the earlier source has it
	text    string // as it reads in the briefing
}

var readings = []reading{
	{
		"heading 01 without DVA",
		"01. Case file audits\n", "01. Case file audits on DVA\n", "01. Case file audits\n",
	},
	{
		"lower-case domestic violence",
		"on domestic violence and abuse and child", "on Domestic violence and abuse and child", "on domestic violence and abuse and child",
	},
	{
		"an en dash before the ten cases",
		"audited – 4 Leicester", "audited - 4 Leicester", "audited – 4 Leicester",
	},
	{
		"spaces around (2021), and lower-case victims",
		"Domestic Abuse Act (2021) as victims.", "Domestic Abuse Act(2021)as Victims.", "Domestic Abuse Act (2021) as victims.",
	},
	{
		"section 03's first paragraph is one",
		"victims. Exposure", "Victims.\n\nExposure", "victims. Exposure",
	},
	{
		"Children's Social Care in capitals",
		"Children's Social Care.", "children's social care.", "Children's Social Care.",
	},
	{
		"no stray > before seeing",
		"- > seeing a parent's", "- seeing a parent's", "- seeing a parent's",
	},
	{
		"a comma after identified",
		"abuse was identified, referrals", "abuse was identified referrals", "abuse was identified, referrals",
	},
	{
		"the escalation bullet on one line",
		"required. This\n allowed differences of opinion to be explored and outstanding\n safeguarding concerns", "required. This allowed differences of opinion to be explored and outstanding safeguarding concerns", "required. This allowed differences of opinion to be explored and outstanding safeguarding concerns",
	},
	{
		"saying, not saving",
		"the children saving about", "the children saying about", "the children saying about",
	},
	{
		"behaviour in British spelling",
		"perpetrator's behaviour.", "perpetrator's behavior.", "perpetrator's behaviour.",
	},
	{
		"a full stop on the last worry but one",
		"parents' relationships.\n", "parents' relationships\n", "parents' relationships.\n",
	},
	{
		"a full stop on the last worry",
		"asked if they had children.", "asked if they had children", "asked if they had children.",
	},
}

// forms are what the format writes in another way than the sources do, without
// touching a word.
var forms = []reading{
	{name: "heading 02 has a stop after its number", april: "02. Reminder", earlier: "02 Reminder", text: "02. Reminder"},
	{name: "heading 03 has a stop after its number", april: "03. Domestic", earlier: "03 Domestic", text: "03. Domestic"},
	{name: "heading 04 has a stop after its number", april: "04. What worked", earlier: "04 What worked", text: "04. What worked"},
	{name: "heading 05 has a stop after its number", april: "05. What are we", earlier: "05 What are we", text: "05. What are we"},
	{name: "heading 06 has a stop after its number", april: "\n06 Questions", earlier: "\n06 Questions", text: "\n06. Questions"},
	{name: "heading 07 has a stop after its number", april: "07. Resources", earlier: "07 Resources", text: "07. Resources"},
	{name: "practice questions stand below a heading", april: "\nPractice reflection:\n", earlier: "\nPractice reflection:\n", text: "\n### Practice reflection:\n"},
	{name: "casework questions stand below a heading", april: "\nQuestions in casework:\n", earlier: "\nQuestions in casework:\n", text: "\n### Questions in casework:\n"},
}

// resources are section 07 of the April 2025 edition. The sources list them as
// paragraphs, the briefing as bullets.
var resources = []struct{ label, earlierLabel string }{
	{"Domestic Abuse Services", ""},
	{"Domestic Abuse procedure: LLR SCP", ""},
	{"Procedures via Tri.X", "Childrens Procedures via Tri.X:"},
	{"LLR SCP Thresholds Document", "The Thresholds Document"},
	{"Domestic Abuse Toolkit (Leicestershire)", "DA Tool Kit (Leicestershire)"},
	{"Was Not Heard video", "Was not heard video"},
}

// apply makes a replacement that must fit in one place.
func apply(t *testing.T, name, source, old, text string) string {
	t.Helper()
	if n := strings.Count(source, old); n != 1 {
		t.Errorf("reading %q applies to the source in %d places, want one: %q", name, n, old)
		return source
	}
	return strings.Replace(source, old, text, 1)
}

// readApril is the April 2025 edition under all readings.
func readApril(t *testing.T) string {
	t.Helper()
	s := april
	for _, r := range slices.Concat(readings, forms) {
		s = apply(t, r.name, s, r.april, r.text)
	}
	for _, r := range resources {
		s = apply(t, "resources are bullets", s, "\n"+r.label+"\n", "\n- "+r.label+"\n")
	}
	return s
}

// readEarlier is the earlier edition under all readings, without its resources.
func readEarlier(t *testing.T) string {
	t.Helper()
	s := earlier
	for _, r := range slices.Concat(readings, forms) {
		old := r.earlier
		if r.name == "section 03's first paragraph is one" {
			old = "victims.\n\nExposure" // the reading before it has put victims in lower case
		}
		s = apply(t, r.name, s, old, r.text)
	}
	before, rest, _ := strings.Cut(s, "07. Resources\n")
	_, after, found := strings.Cut(rest, "04. What worked")
	if !found {
		t.Fatal("the earlier edition has no section 04 after its section 07")
	}
	return before + "04. What worked" + after
}

var (
	sourceHeading = regexp.MustCompile(`^(\d\d)\. `)
	sentenceEnd   = regexp.MustCompile(`[.?!] [A-Z]`)
)

// sentences takes a source apart: each is "SECTION KIND sentence". Sections come
// in order of their numbers; within one the order is the source's.
func sentences(t *testing.T, source string) []string {
	t.Helper()
	sections := map[string][]string{}
	number := ""
	for line := range strings.SplitSeq(source, "\n") {
		if m := sourceHeading.FindStringSubmatch(line); m != nil {
			number = m[1]
			if sections[number] != nil {
				t.Errorf("the source has section %s twice", number)
			}
			sections[number] = []string{number + " heading " + strings.TrimPrefix(line, m[0])}
			continue
		}
		if line == "" {
			continue
		}
		if number == "" {
			sections[""] = append(sections[""], "title "+line)
			continue
		}
		kind := "paragraph"
		for mark, k := range map[string]string{"- ": "bullet", "### ": "subheading"} {
			if text, found := strings.CutPrefix(line, mark); found {
				line, kind = text, k
			}
		}
		sections[number] = append(sections[number], split(number+" "+kind, line)...)
	}
	var out []string
	for n := range 100 {
		key := fmt.Sprintf("%02d", n)
		if n == 0 {
			key = ""
		}
		out = append(out, sections[key]...)
	}
	return out
}

func split(where, text string) []string {
	var out []string
	for {
		at := sentenceEnd.FindStringIndex(text)
		if at == nil {
			return append(out, where+" "+text)
		}
		out = append(out, where+" "+text[:at[0]+1])
		text, where = text[at[0]+2:], where+"+"
	}
}

// spoken takes the loaded briefing apart in the same way.
func spoken(t *testing.T, b *briefing.Briefing) []string {
	t.Helper()
	out := []string{"title " + b.Title, "title " + b.Edition}
	plain := func(text briefing.Text) string {
		for _, span := range text {
			span.Text, span.Link = "", nil
			if span != (briefing.Span{}) {
				t.Errorf("%q has a look that the sources do not have", text.Letters())
			}
		}
		return text.Letters()
	}
	for _, s := range b.Sections {
		number := fmt.Sprintf("%02d ", s.Number)
		out = append(out, number+"heading "+s.Title)
		for _, block := range s.Blocks {
			switch block := block.(type) {
			case briefing.Subheading:
				out = append(out, split(number+"subheading", block.Text)...)
			case briefing.Paragraph:
				out = append(out, split(number+"paragraph", plain(block.Text))...)
			case briefing.List:
				for _, item := range block.Items {
					kind := "bullet"
					if item.Depth != 0 || item.Number != 0 {
						kind = "inner or numbered bullet"
					}
					out = append(out, split(number+kind, plain(item.Text))...)
				}
			default:
				t.Errorf("section %d has a %T", s.Number, block)
			}
		}
	}
	return out
}

func domesticAbuse(t testing.TB) *briefing.Briefing {
	t.Helper()
	lib, err := Load(prompts.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range lib {
		if b.ID == "domestic-abuse" {
			return b
		}
	}
	t.Fatal("there is no briefing with the id domestic-abuse")
	return nil
}

func TestBriefingSaysWhatItsSourceSays(t *testing.T) {
	want := sentences(t, readApril(t))
	if len(want) < 50 {
		t.Errorf("the source came apart into %d sentences: too few to be true", len(want))
	}
	if diff := cmp.Diff(want, spoken(t, domesticAbuse(t))); diff != "" {
		t.Errorf("the wording differs from the April 2025 edition (-source +briefing):\n%s", diff)
	}
}

// Where the editions differ beyond the readings, somebody has to read again.
func TestReadingsAreAllThatEditionsDifferIn(t *testing.T) {
	var want []string
	for _, s := range sentences(t, readApril(t)) {
		if !strings.HasPrefix(s, "07 ") && !strings.HasPrefix(s, "title ") {
			want = append(want, s)
		}
	}
	if diff := cmp.Diff(want, sentences(t, readEarlier(t))); diff != "" {
		t.Errorf("the editions differ in what no reading names (-april +earlier):\n%s", diff)
	}
}

func TestQuestionsAreThoseOfTheirSection(t *testing.T) {
	b := domesticAbuse(t)
	for name, want := range map[string]int{briefing.Practice: 4, briefing.Casework: 5} {
		s, p := b.Pool(name)
		if p == nil || s.Number != 6 || len(p.Questions) != want {
			t.Errorf("pool %s: %+v, want %d questions of section 06", name, p, want)
		}
	}
}

func TestLinksAreThoseOfTheEarlierEditionAndUnconfirmed(t *testing.T) {
	type label struct{ Label, URL, Edition string }
	lines := strings.Split(earlier, "\n")
	var want, got []label
	for _, r := range resources {
		if r.earlierLabel == "" {
			want = append(want, label{Label: r.label})
			continue
		}
		i := slices.Index(lines, r.earlierLabel)
		if i < 0 {
			t.Fatalf("the earlier edition has no line %q", r.earlierLabel)
		}
		want = append(want, label{r.label, strings.Trim(lines[i+2], "<>"), "earlier edition"})
	}
	b := domesticAbuse(t)
	for _, s := range b.Sections {
		for _, text := range linkable(s.Blocks) {
			links := 0
			for _, span := range text {
				if span.Link == nil {
					continue
				}
				links++
				if !span.Link.ConfirmedOn.IsZero() {
					t.Errorf("%q is confirmed on %v, and nobody has looked", span.Text, span.Link.ConfirmedOn)
				}
				got = append(got, label{span.Text, span.Link.URL, span.Link.Edition})
			}
			switch {
			case s.Kind == briefing.Resources && links == 0:
				got = append(got, label{Label: text.Letters()})
			case s.Kind != briefing.Resources && links > 0:
				t.Errorf("section %d has a link, and the source has none there", s.Number)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

func linkable(blocks []briefing.Block) []briefing.Text {
	var out []briefing.Text
	for _, block := range blocks {
		switch block := block.(type) {
		case briefing.Paragraph:
			out = append(out, block.Text)
		case briefing.List:
			for _, item := range block.Items {
				out = append(out, item.Text)
			}
		}
	}
	return out
}
