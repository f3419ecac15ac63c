package command_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
)

// schedules is a library in which a briefing can be named in every way.
func schedules() briefing.Library {
	lib := library()
	lib[0].Title, lib[1].Title = "7-Minute Briefing: Audit on domestic abuse and child safeguarding", "7-Minute Briefing: what we saw"
	return append(lib, &briefing.Briefing{ID: "2025-sleep", Prefix: "sun", Title: "Sleep"})
}

// parseReflection understands what follows /reflection.
func parseReflection(lib briefing.Library, text string) command.Command {
	return command.New(lib).Parse(briefing.NewPrivate(command.ReflectionCommand + " " + text))
}

// exactly compares commands whole.
var exactly = cmp.AllowUnexported(command.When{}, briefing.Private{})

func TestReflection(t *testing.T) {
	const today = "2026-11-30" // a Monday
	until := func(day briefing.Date) command.Command {
		return command.Command{Verb: command.Pause, Words: briefing.NewPrivate(string(day))}
	}
	for text, want := range map[string]command.Command{
		"":                               {Verb: command.Reflection},
		"?":                              {Verb: command.Reflection},
		"status":                         {Verb: command.Reflection},
		"STATUS":                         {Verb: command.Reflection},
		"set up":                         {Verb: command.SetUp},
		"set\u00a0up":                    {Verb: command.SetUp},
		"setup":                          {Verb: command.SetUp},
		"change":                         {Verb: command.SetUp},
		"form":                           {Verb: command.SetUp},
		"pause":                          {Verb: command.Pause},
		"pause until further notice":     {Verb: command.Pause},
		"pause until 5 january":          until("2027-01-05"),
		"Pause till the 5th of Jan.":     until("2027-01-05"),
		"pause until friday":             until("2026-12-04"),
		"pause until next friday":        until("2026-12-04"),
		"pause until 2027-01-05":         until("2027-01-05"),
		"resume":                         {Verb: command.Resume},
		"skip":                           {Verb: command.Skip},
		"now":                            {Verb: command.Now},
		"again":                          {Verb: command.Again},
		"preview":                        {Verb: command.Preview},
		"preview neutral":                {Verb: command.Notification, Neutral: true},
		"Preview  Neutral":               {Verb: command.Notification, Neutral: true},
		"neutral preview":                {Verb: command.Notification, Neutral: true},
		"preview full":                   {Verb: command.Notification},
		"history":                        {Verb: command.History},
		"stop":                           {Verb: command.Stop},
		"Stop!":                          {Verb: command.Stop},
		"remove":                         {Verb: command.Stop},
		"help":                           {Verb: command.Help, OnReflection: true},
		"holidays include":               {Verb: command.Holidays, Region: briefing.NoRegion},
		"holidays skip":                  {Verb: command.Holidays, Region: briefing.EnglandAndWales},
		"holidays england":               {Verb: command.Holidays, Region: briefing.EnglandAndWales},
		"holidays england and wales":     {Verb: command.Holidays, Region: briefing.EnglandAndWales},
		"bank holidays in scotland":      {Verb: command.Holidays, Region: briefing.Scotland},
		"holidays skip scotland":         {Verb: command.Holidays, Region: briefing.Scotland},
		"holidays Northern Ireland":      {Verb: command.Holidays, Region: briefing.NorthernIreland},
		"holidays northern-ireland":      {Verb: command.Holidays, Region: briefing.NorthernIreland},
		"holidays northern\u00a0ireland": {Verb: command.Holidays, Region: briefing.NorthernIreland},
	} {
		got := parseReflection(schedules(), text)
		// The day that a pause ends on stands in for how it was typed.
		if !got.Until.IsZero() {
			day, _ := got.Until.On(today)
			got.Until, got.Words = command.When{}, briefing.NewPrivate(string(day))
		}
		if diff := cmp.Diff(want, got, exactly); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestFaultNamesWhatWasNotUnderstood(t *testing.T) {
	for text, want := range map[string]struct {
		verb  command.Verb
		fault command.Fault
	}{
		"weekly":                                          {command.Weekly, command.FaultDay},
		"weekly 09:30":                                    {command.Weekly, command.FaultDay},
		"weekly mondya 09:30":                             {command.Weekly, command.FaultDay},
		"weekly mon-fri 09:30":                            {command.Weekly, command.FaultDay},
		"weekly monday tuesday 09:30":                     {command.Weekly, command.FaultDay},
		"every month 09:30":                               {command.Weekly, command.FaultDay},
		"weekly monday":                                   {command.Weekly, command.FaultTime},
		"weekly monday 9":                                 {command.Weekly, command.FaultTime},
		"weekly monday 9 practice":                        {command.Weekly, command.FaultTime},
		"weekly monday 14":                                {command.Weekly, command.FaultTime},
		"weekly monday 24:00":                             {command.Weekly, command.FaultTime},
		"weekly monday 25:00":                             {command.Weekly, command.FaultTime},
		"weekly monday 9:60":                              {command.Weekly, command.FaultTime},
		"weekly monday 9:3":                               {command.Weekly, command.FaultTime},
		"weekly monday 0:30am":                            {command.Weekly, command.FaultTime},
		"weekly monday 14:00pm":                           {command.Weekly, command.FaultTime},
		"weekly monday 9 noon":                            {command.Weekly, command.FaultTime},
		"weekly monday midnight":                          {command.Weekly, command.FaultTime},
		"weekly monday half past nine":                    {command.Weekly, command.FaultTime},
		"weekly monday 09:30 10:30":                       {command.Weekly, command.FaultTime},
		"weekly monday 99999999999999999999":              {command.Weekly, command.FaultTime},
		"weekly monday 09:30 5":                           {command.Weekly, command.FaultWord},
		"weekly 5 monday 09:30":                           {command.Weekly, command.FaultWord},
		"weekly monday 09:30 2nd":                         {command.Weekly, command.FaultWord},
		"weekly monday 09:30 13pm":                        {command.Weekly, command.FaultTime},
		"weekly monday 09:30 25:00":                       {command.Weekly, command.FaultTime},
		"weekly monday 09:30 CET/X":                       {command.Weekly, command.FaultZone},
		"weekly monday 09:30 Europe/Lodnon":               {command.Weekly, command.FaultZone},
		"weekly monday 09:30 BST":                         {command.Weekly, command.FaultZone},
		"weekly monday 09:30 UTC+1":                       {command.Weekly, command.FaultZone},
		"weekly monday 09:30 /etc/localtime":              {command.Weekly, command.FaultZone},
		"weekly monday 09:30 europe/../europe/london":     {command.Weekly, command.FaultZone},
		"weekly monday 09:30 posix/Europe/London":         {command.Weekly, command.FaultZone},
		"weekly monday 09:30 Europe/":                     {command.Weekly, command.FaultZone},
		"weekly monday 09:30 america/argentina":           {command.Weekly, command.FaultZone},
		"weekly monday 09:30 utc Europe/London":           {command.Weekly, command.FaultZone},
		"weekly monday 09:30 holidays":                    {command.Weekly, command.FaultRegion},
		"weekly monday 09:30 holidays france":             {command.Weekly, command.FaultRegion},
		"weekly mon 09:30 holidays skip holidays include": {command.Weekly, command.FaultRegion},
		"weekly monday 09:30 local":                       {command.Weekly, command.FaultWord},
		"weekly monday 09:30 kayleigh":                    {command.Weekly, command.FaultWord},
		"weekly monday 09:30 practice casework":           {command.Weekly, command.FaultWord},
		"weekly monday 09:30 neglect da":                  {command.Weekly, command.FaultWord},
		"weekly monday 09:30 preview":                     {command.Weekly, command.FaultWord},
		"weekly monday 09:30 preview loud":                {command.Weekly, command.FaultWord},
		"weekly mon 09:30 preview full preview neutral":   {command.Weekly, command.FaultWord},
		"weekly monday 09:30 fortnightly":                 {command.Weekly, command.FaultWord},
		"every three weeks monday 09:30":                  {command.Weekly, command.FaultWord},
		"pause 5 january":                                 {command.Pause, command.FaultDate},
		"pause until":                                     {command.Pause, command.FaultDate},
		"pause until january":                             {command.Pause, command.FaultDate},
		"pause until 5":                                   {command.Pause, command.FaultDate},
		"pause until 31 april":                            {command.Pause, command.FaultDate},
		"pause until 29 february 2027":                    {command.Pause, command.FaultDate},
		"pause until 1/13/2027":                           {command.Pause, command.FaultDate},
		"pause until monday tuesday":                      {command.Pause, command.FaultDate},
		"pause until 5 january 1999":                      {command.Pause, command.FaultDate},
		"pause until 5 january 09:30":                     {command.Pause, command.FaultDate},
		"pause until monday 2027":                         {command.Pause, command.FaultDate},
		"pause until kayleigh is back":                    {command.Pause, command.FaultDate},
		"holidays":                                        {command.Holidays, command.FaultRegion},
		"holidays france":                                 {command.Holidays, command.FaultRegion},
		"holidays include scotland":                       {command.Holidays, command.FaultRegion},
		"pauze":                                           {command.Reflection, command.FaultWord},
		"monday 09:30":                                    {command.Reflection, command.FaultWord},
		"stop asking about kayleigh":                      {command.Reflection, command.FaultWord},
		"help me":                                         {command.Reflection, command.FaultWord},
	} {
		got := parseReflection(schedules(), text)
		if got.Verb != want.verb || got.Fault != want.fault {
			t.Errorf("%q is %v with fault %d, want %v with %d", text, got.Verb, got.Fault, want.verb, want.fault)
		}
		if got.Schedule != nil || !got.Until.IsZero() || got.Region != "" {
			t.Errorf("%q has a fault and is understood in part: %+v", text, got)
		}
		if asked := got.Words.Reveal(); got.Verb == command.Reflection && asked != text {
			t.Errorf("%q: words %q", text, asked)
		}
	}
}

func TestReflectionIsSuggestedFromTheTable(t *testing.T) {
	table := command.New(library())
	for typed, want := range map[string]string{
		"pauze":                      "/reflection pause",
		"PAUSSE until 5 january":     "/reflection pause",
		"stpop":                      "/reflection stop",
		"stpo":                       "/reflection stop",
		"skpi":                       "/reflection skip",
		"stop asking about kayleigh": "/reflection stop",
		"reusme":                     "/reflection resume",
		"resum":                      "/reflection resume",
		"weakly monday 09:30":        "/reflection weekly",
		"fortnight monday 09:30":     "/reflection fortnightly",
		"monday 09:30":               "/reflection weekly",
		"9.30am on mondays":          "/reflection weekly",
		"holliday scotland":          "/reflection holidays",
		"set upp":                    "/reflection set up",
		"preview loud":               "/reflection preview",
		"help me":                    "/reflection help",
		"histroy":                    "/reflection history",
		"how does this work":         "",
		"kayleigh":                   "",
		"":                           "",
		" \u00a0":                    "",
	} {
		if got := table.SuggestReflection(briefing.NewPrivate(typed)); got != want {
			t.Errorf("SuggestReflection(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestHelpOnReflectionIsAboutItAlone(t *testing.T) {
	table := command.New(library())
	lines := table.ReflectionHelp()
	if len(lines) == 0 || lines[0].Type != command.ReflectionCommand {
		t.Errorf("help begins with %+v", lines[:min(1, len(lines))])
	}
	for _, u := range lines {
		if name, _, _ := strings.Cut(u.Type, " "); name != command.ReflectionCommand {
			t.Errorf("help on %s has %q", command.ReflectionCommand, u.Type)
		}
	}
	begin := 0
	for _, u := range table.Help(nil) {
		if strings.HasPrefix(u.Type, command.ReflectionCommand) {
			begin++
			if !slices.Contains(lines, u) {
				t.Errorf("help on everything has %q, and help on the weekly question does not", u.Type)
			}
		}
	}
	if begin != 3 {
		t.Errorf("help on everything has %d lines on the weekly question, want the 3 to begin with", begin)
	}
}

// checkReflection holds what is true of every command, whatever was typed.
func checkReflection(t *testing.T, table *command.Table, cmd command.Command, typed string) {
	if (cmd.Schedule != nil) != (cmd.Verb == command.Weekly && cmd.Fault == command.NoFault) {
		t.Errorf("%v with fault %d has schedule %+v", cmd.Verb, cmd.Fault, cmd.Schedule)
	}
	if cmd.Verb < command.Reflection && cmd.Fault != command.NoFault {
		t.Errorf("%v has fault %d", cmd.Verb, cmd.Fault)
	}
	if cmd.Verb > command.Reflection && !cmd.Words.Empty() {
		t.Errorf("%v keeps what was typed", cmd.Verb)
	}
	if s := cmd.Schedule; s != nil {
		if s.Every < 1 || s.Every > 2 || s.Day < time.Sunday || s.Day > time.Saturday || s.Hour < 0 || s.Hour > 23 || s.Minute < 0 || s.Minute > 59 {
			t.Errorf("schedule %+v", s)
		}
		if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" {
			t.Errorf("zone %q", s.Zone)
		}
		if s.AnyPool && s.Pool != "" || !slices.Contains([]string{"", "practice", "casework", "for-supervision"}, s.Pool) {
			t.Errorf("pool %q", s.Pool)
		}
	}
	if !cmd.Until.IsZero() {
		const today = briefing.Date("2026-11-30")
		if day, ok := cmd.Until.On(today); ok && day <= today {
			t.Errorf("a pause until %s", day)
		}
	}
	ours := []string{"", "/reflection status"}
	for _, u := range table.ReflectionHelp() {
		// Without the words in capitals, and the brackets that may be around them.
		end := strings.IndexFunc(u.Type, func(r rune) bool { return r == '[' || unicode.IsUpper(r) })
		if end < 0 {
			end = len(u.Type)
		}
		ours = append(ours, strings.TrimSpace(u.Type[:end]))
	}
	if got := table.SuggestReflection(briefing.NewPrivate(typed)); !slices.Contains(ours, got) {
		t.Errorf("suggestion %q", got)
	}
}
