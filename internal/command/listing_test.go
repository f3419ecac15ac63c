package command_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
)

// titled is the library with titles, which tell its briefings apart.
func titled() briefing.Library {
	lib := library()
	lib[0].Title, lib[1].Title = "Domestic abuse", "Neglect"
	return lib
}

func TestListingHasEveryCommandWithWhatMayFollow(t *testing.T) {
	want := []command.Entry{
		{"/da-briefing", "The sections of the briefing – Domestic abuse", "SECTION, all, meeting, search WORDS or help"},
		{"/da-questions", "All questions to reflect on – Domestic abuse", "POOL, random [POOL] or help"},
		{"/neg-briefing", "The sections of the briefing – Neglect", "SECTION, all, meeting, search WORDS or help"},
		{"/briefings", "The briefings that there are", "search WORDS or help"},
		{"/reflection", "How this channel's weekly question stands", "weekly DAY TIME [ZONE] [POOL] [BRIEFING], " +
			"fortnightly DAY TIME [ZONE] [POOL] [BRIEFING], set up, preview, now, again, skip, pause [until DATE], resume, " +
			"holidays REGION, holidays include, preview neutral, preview full, history, stop or help"},
	}
	if diff := cmp.Diff(want, command.New(titled()).Listing()); diff != "" {
		t.Error(diff)
	}
}

func TestListingLeavesOutNothingOfHelp(t *testing.T) {
	table := command.New(titled())
	listed := map[string]string{}
	for _, e := range table.Listing() {
		listed[e.Name] = e.Hint
	}
	for _, u := range table.Help(nil) {
		name, rest, _ := strings.Cut(u.Type, " ")
		if hint, ok := listed[name]; !ok || !strings.Contains(hint, rest) {
			t.Errorf("help has %q, and the listing does not", u.Type)
		}
	}
}

func TestStartersBeginWithTheNames(t *testing.T) {
	var got []string
	for _, u := range command.New(titled()).Starters(12) {
		got = append(got, u.Type+": "+u.Purpose)
	}
	want := []string{
		"/da-briefing: The sections of the briefing – Domestic abuse",
		"/da-questions: All questions to reflect on – Domestic abuse",
		"/neg-briefing: The sections of the briefing – Neglect",
		"/briefings: The briefings that there are",
		"/briefings help: Everything you can type",
		"/reflection: How this channel's weekly question stands",
		"/da-briefing all: The whole briefing – Domestic abuse",
		"/neg-briefing all: The whole briefing – Neglect",
		"/da-briefing meeting: A plan for a seven-minute team meeting – Domestic abuse",
		"/neg-briefing meeting: A plan for a seven-minute team meeting – Neglect",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStartersWorkAsTheyStand(t *testing.T) {
	table := command.New(titled())
	for _, u := range table.Starters(100) {
		switch got := table.Parse(briefing.NewPrivate(u.Type)); got.Verb {
		case command.Unknown, command.Section, command.Search, command.Pool:
			t.Errorf("%q needs words that it lacks: %v", u.Type, got.Verb)
		default:
			if got.Words.Reveal() != "" {
				t.Errorf("%q has words to replace", u.Type)
			}
		}
	}
}

// However many briefings there are, the menu is full at most, the way to the
// rest is in it, and no briefing has what another lacks while their names fit.
func TestStartersFitAnyNumberOfBriefings(t *testing.T) {
	const most = 10
	var lib briefing.Library
	for n := 1; n <= 30; n++ {
		lib = append(lib, &briefing.Briefing{Prefix: fmt.Sprintf("b%d", n), Title: "A title"})
		menu := command.New(lib).Starters(most)
		if len(menu) > most {
			t.Fatalf("%d briefings: %d lines", n, len(menu))
		}
		seen, of := map[string]bool{}, map[string]int{}
		for _, u := range menu {
			if seen[u.Type] {
				t.Errorf("%d briefings: %q twice", n, u.Type)
			}
			seen[u.Type] = true
			if prefix, _, ok := strings.Cut(u.Type, "-"); ok {
				of[prefix]++
			}
		}
		if !seen["/briefings"] || !seen["/briefings help"] || !seen["/reflection"] {
			t.Errorf("%d briefings: the way to the rest is missing", n)
		}
		if want := min(n, most-3); len(of) != want {
			t.Errorf("%d briefings: %d of them in the menu, want %d", n, len(of), want)
		}
		for prefix, count := range of {
			if count != of["/b1"] {
				t.Errorf("%d briefings: %s has %d lines and /b1 has %d", n, prefix, count, of["/b1"])
			}
		}
	}
}
