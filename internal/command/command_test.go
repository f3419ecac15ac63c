package command_test

import (
	"slices"
	"strings"
	"testing"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
)

// library has two briefings, so that nothing works for one prefix alone.
func library() briefing.Library {
	section := func(n int, title, slug string, k briefing.Kind) briefing.Section {
		return briefing.Section{Number: n, Title: title, Slug: slug, Kind: k}
	}
	questions := section(2, "Questions", "questions", briefing.Questions)
	questions.Pools = []briefing.Pool{{Name: "practice"}, {Name: "for-supervision"}}
	return briefing.Library{
		{ID: "domestic-abuse", Prefix: "da", Sections: []briefing.Section{section(1, "Context", "context", briefing.Context), questions}},
		{ID: "neglect", Prefix: "neg", Sections: []briefing.Section{section(1, "What we saw", "worries", briefing.Worries)}},
	}
}

func TestParse(t *testing.T) {
	lib := library()
	table := command.New(lib)
	da, neglect := lib[0], lib[1]
	type want struct {
		verb     command.Verb
		briefing *briefing.Briefing
		words    string
		number   int
	}
	for text, w := range map[string]want{
		"/da-briefing":                            {command.Contents, da, "", 0},
		"da-briefing":                             {command.Contents, da, "", 0},
		"  /DA-Briefing \u00a0 ":                  {command.Contents, da, "", 0},
		"/neg-briefing worries":                   {command.Section, neglect, "worries", 0},
		"/da-briefing\u00a0what worked\u00a0well": {command.Section, da, "what worked\u00a0well", 0},
		"/da-briefing all":                        {command.All, da, "", 0},
		"/da-briefing ALL":                        {command.All, da, "", 0},
		"/da-briefing all about children":         {command.Section, da, "all about children", 0},
		"/da-briefing meeting":                    {command.Meeting, da, "", 0},
		"/da-briefing search coercive control":    {command.Search, da, "coercive control", 0},
		"/da-briefing find  x":                    {command.Search, da, "x", 0},
		"/da-briefing search":                     {command.Search, da, "", 0},
		"/da-briefing help":                       {command.Help, da, "", 0},
		"/da-briefing help for families":          {command.Section, da, "help for families", 0},
		"/da-questions":                           {command.Questions, da, "", 0},
		"/da-questions both":                      {command.Questions, da, "", 0},
		"/da-questions practice":                  {command.Pool, da, "practice", 0},
		"/da-questions casework 3":                {command.Pool, da, "casework", 3},
		"/da-questions casework 0":                {command.Pool, da, "casework 0", 0},
		"/da-questions 3":                         {command.Pool, da, "3", 0},
		"/da-questions random":                    {command.Random, da, "", 0},
		"/neg-questions random casework":          {command.Random, neglect, "casework", 0},
		"/da-questions help":                      {command.Help, da, "", 0},
		"/briefings":                              {command.Briefings, nil, "", 0},
		"/briefings anything":                     {command.Briefings, nil, "", 0},
		"/briefings search neglect":               {command.Search, nil, "neglect", 0},
		"/briefings help":                         {command.Help, nil, "", 0},
		"/da-briefing contents":                   {command.Contents, da, "", 0},
		"/da-briefing back":                       {command.Contents, da, "", 0},
		"/da-briefing Team  Meeting":              {command.Meeting, da, "", 0},
		"/da-briefing meeting notes of ours":      {command.Section, da, "meeting notes of ours", 0},
		"":                                        {command.Help, nil, "", 0},
		"/":                                       {command.Help, nil, "", 0},
		"help":                                    {command.Help, nil, "", 0},
		"Hello!":                                  {command.Help, nil, "", 0},
		"//da-briefing":                           {},
		"/da-briefings":                           {},
		"hello there":                             {command.Help, nil, "", 0},
		"/xx-briefing worries":                    {},
	} {
		got := table.Parse(briefing.NewPrivate(text))
		if g := (want{got.Verb, got.Briefing, got.Words.Reveal(), got.Number}); g != w {
			t.Errorf("Parse(%q) = %+v, want %+v", text, g, w)
		}
	}
}

func TestEveryUsageLineIsUnderstoodAsItSays(t *testing.T) {
	lib := library()
	table := command.New(lib)
	verbs := map[command.Verb]bool{}
	for _, u := range slices.Concat(table.Help(nil), table.ReflectionHelp()) {
		text := strings.NewReplacer("SECTION", "worries", "WORDS", "some words", "[POOL]", "casework", "POOL", "practice",
			"DAY", "monday", "TIME", "09:30", "[ZONE]", "Europe/Paris", "[BRIEFING]", "neglect", "[until DATE]", "until 5 january", "REGION", "scotland").Replace(u.Type)
		got := table.Parse(briefing.NewPrivate(text))
		if got.Verb == command.Unknown {
			t.Errorf("%q is in help and is not understood", u.Type)
		}
		if strings.Contains(u.Type, " ") && (got.Verb == command.Contents || got.Verb == command.Questions || got.Verb == command.Briefings || got.Verb == command.Reflection) {
			t.Errorf("%q is understood as if its words were not there: %v", u.Type, got.Verb)
		}
		if got.Fault != command.NoFault {
			t.Errorf("%q has fault %d", text, got.Fault)
		}
		if u.Purpose == "" {
			t.Errorf("%q has no purpose", u.Type)
		}
		verbs[got.Verb] = true
	}
	for v := command.Contents; v <= command.Holidays; v++ {
		if !verbs[v] {
			t.Errorf("help has no line for %v", v)
		}
	}
}

func TestHelpOnOneBriefingLeavesTheOthersOut(t *testing.T) {
	lib := library()
	for _, u := range command.New(lib).Help(lib[0]) {
		if strings.HasPrefix(u.Type, "/neg-") || strings.HasPrefix(u.Type, command.ReflectionCommand) {
			t.Errorf("help on %s has %q", lib[0].ID, u.Type)
		}
	}
}

func TestHelpSpeaksOfTheBriefingsOwnSectionsAndPools(t *testing.T) {
	lib := library()
	table := command.New(lib)
	var about []string
	for _, u := range table.Help(nil) {
		about = append(about, u.Type+": "+u.Purpose)
		if strings.ContainsAny(u.Purpose, "{}") {
			t.Errorf("%q is not filled in: %q", u.Type, u.Purpose)
		}
	}
	all := strings.Join(about, "\n")
	for _, want := range []string{"in your own words, like 2 or questions", "in your own words, like 1 or worries", "the questions of one list: practice or for-supervision"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
	if strings.Contains(all, "/neg-questions") {
		t.Error("help offers questions of a briefing that has none")
	}
}

func TestSuggestionsComeFromTheTable(t *testing.T) {
	lib := library()
	table := command.New(lib)
	for typed, want := range map[string]string{
		"meetng":         "/da-briefing meeting",
		"hlp":            "/da-briefing help",
		"serch coercion": "/da-briefing search",
		"kayleigh":       "",
		"al":             "",
		"":               "",
	} {
		if got := table.Suggest(lib[0], briefing.NewPrivate(typed)); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", typed, got, want)
		}
	}
}

// Words that are commands must not be slugs, or the section could not be reached.
func TestContentReservesEveryWordOfTheTable(t *testing.T) {
	lib := library()
	table := command.New(lib)
	// Second names of one word, which help does not show.
	words := []string{"everything", "full", "find", "contents", "sections", "list", "menu", "back", "plan"}
	for _, u := range table.Help(lib[0]) {
		for _, word := range strings.Fields(u.Type)[1:] {
			if word == strings.ToLower(word) {
				words = append(words, word)
			}
		}
	}
	for _, word := range words {
		if !slices.Contains(content.Reserved, word) {
			t.Errorf("%q is a command and content.Reserved lacks it", word)
		}
	}
	for _, word := range content.Reserved {
		if table.Parse(briefing.NewPrivate("/da-briefing "+word)).Verb == command.Section && table.Parse(briefing.NewPrivate("/da-questions "+word)).Verb == command.Pool {
			t.Errorf("%q is reserved and no command", word)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "/da-briefing worries", "da-questions casework 2", "/briefings search \u00a0x", "/da-questions \xff 1", "\x00",
		"/reflection", "/reflection weekly mon 9.30am europe/london practice da holidays skip scotland preview neutral", "/reflection every other tues 12 noon both",
		"/reflection pause until thu 2027-01-05", "/reflection holidays northern\u00a0ireland", "/reflection stpo", "/reflection weekly etc/\xff_ 9:\x00"} {
		f.Add(s)
	}
	lib := library()
	table := command.New(lib)
	f.Fuzz(func(t *testing.T, s string) {
		cmd := table.Parse(briefing.NewPrivate(s))
		checkReflection(t, table, cmd, s)
		if cmd.Verb.String() == "" {
			t.Error("a verb without a name")
		}
		if cmd.Number < 0 || cmd.Words.Reveal() != strings.TrimSpace(cmd.Words.Reveal()) {
			t.Errorf("%+v", cmd)
		}
		if cmd.Briefing == nil && cmd.Verb < command.Reflection && cmd.Verb != command.Unknown && cmd.Verb != command.Briefings && cmd.Verb != command.Help && cmd.Verb != command.Search {
			t.Errorf("%v without a briefing", cmd.Verb)
		}
		if s := table.Suggest(lib[0], briefing.NewPrivate(s)); s != "" && !strings.HasPrefix(s, lib[0].BriefingCommand()+" ") {
			t.Errorf("suggestion %q", s)
		}
	})
}
