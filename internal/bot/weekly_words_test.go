package bot_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
)

// constants are the values of a type's constants in package briefing, so that a new
// one without words fails here.
func constants(t *testing.T, of string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "../briefing/weekly.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == of {
			for _, v := range spec.Values {
				value, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, value)
			}
		}
		return true
	})
	return out
}

func TestStatusHasWordsAndAdviceForEveryCause(t *testing.T) {
	causes := constants(t, "Cause")
	if len(causes) < 11 {
		t.Fatalf("only %d causes", len(causes))
	}
	// What somebody can do, or that nobody has to.
	advice := regexp.MustCompile(`types? /|Ask somebody|Whoever runs the bot has to|comes as planned`)
	x := newTeam(t, nil, nil)
	for _, platform := range []briefing.Platform{briefing.Slack, briefing.Teams} {
		x.req.Platform, x.req.Channel.Platform = platform, platform
		seen := map[string]string{}
		for _, value := range causes {
			cause := briefing.Cause(value)
			for name, change := range map[string]func(*briefing.Subscription, *briefing.Post){
				"paused":      func(s *briefing.Subscription, _ *briefing.Post) { s.Paused, s.NextSlot = cause, briefing.Slot{} },
				"failed":      func(_ *briefing.Subscription, p *briefing.Post) { p.State, p.Cause = briefing.PostFailed, cause },
				"unconfirmed": func(_ *briefing.Subscription, p *briefing.Post) { p.State, p.Cause = briefing.PostUnconfirmed, cause },
				"both": func(s *briefing.Subscription, p *briefing.Post) {
					s.Paused, s.NextSlot, p.State, p.Cause = cause, briefing.Slot{}, briefing.PostFailed, cause
				},
			} {
				x.store.Put(briefing.Subscription{Channel: x.req.Channel})
				x.say(weekly)
				sub := x.sub()
				post := briefing.Post{Channel: sub.Channel, Slot: briefing.SlotNow(x.now.Add(-time.Hour)), State: briefing.PostSent,
					Question: content.Candidates(x.lib, "", briefing.Practice)[0]}
				change(&sub, &post)
				x.store.Put(sub, post)
				reply := x.say("/reflection")
				if strings.Contains(reply, "Something went wrong") || !advice.MatchString(reply) || strings.Contains(reply, "  ") {
					t.Errorf("%s, %s, %s:\n%s", platform, cause, name, reply)
				}
				if name != "failed" {
					continue
				}
				if other, twice := seen[reply]; twice {
					t.Errorf("%s and %s are told alike", cause, other)
				}
				seen[reply] = value
				if !strings.Contains(reply, "Buttons: Post it again") {
					t.Errorf("%s: it cannot be posted again:\n%s", cause, reply)
				}
			}
		}
	}
}

func TestStatusSaysHowEveryPostStands(t *testing.T) {
	words := map[string]string{"due": "on its way", "sending": "on its way", "sent": "posted", "unconfirmed": "may not have arrived", "failed": "not posted"}
	left := map[string]string{"holiday": "left out: Christmas Day", "late": "left out: the bot could not post in time", "asked": "left out: somebody here asked for that"}
	x := newTeam(t, nil, nil)
	x.say(weekly)
	sub := x.sub()
	x.now = time.Date(2027, 1, 2, 12, 0, 0, 0, time.UTC)
	for _, state := range constants(t, "PostState") {
		for _, cause := range constants(t, "Cause") {
			want := words[state]
			if state == "skipped" {
				if want = left[cause]; want == "" {
					want = "left out: paused"
				}
			}
			if want == "" {
				t.Fatalf("no words for %q", state)
			}
			x.store.Put(sub, briefing.Post{Channel: sub.Channel, State: briefing.PostState(state), Cause: briefing.Cause(cause),
				Slot: briefing.Slot{Key: "2026-12-25T09:30", At: time.Date(2026, 12, 25, 9, 30, 0, 0, time.UTC)}})
			x.says("/reflection", "• Friday 25 December 2026, 09:30 – "+want+"\n")
			x.says("/reflection history", "• Friday 25 December 2026, 09:30 – "+want+"\n")
		}
	}
}

func TestSlotThatCameTooLateIsSaidWithWhatToDo(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	sub := x.sub()
	late := briefing.Post{Channel: sub.Channel, Slot: briefing.SlotNow(x.now.Add(-time.Hour)), State: briefing.PostSkipped, Cause: briefing.CauseLate}
	const advice = "For one now, type /reflection now."
	x.store.Put(sub, late)
	x.says("/reflection", advice)
	sent := late
	sent.Slot, sent.State = briefing.SlotNow(x.now), briefing.PostSent
	x.store.Put(sub, sent, late)
	if reply := x.say("/reflection"); strings.Contains(reply, advice) {
		t.Errorf("got\n%s", reply)
	}
}

func TestAnotherTimeZoneIsNamedWithEveryTime(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC) // when London is an hour ahead of GMT
	for zone, mark := range map[string]string{"GMT": " (GMT)", "Europe/Paris": " (Europe/Paris)", "europe/london": "", "America/New_York": " (America/New_York)"} {
		reply := x.say(weekly + " " + zone)
		x.post()
		status, history, preview := x.say("/reflection"), x.say("/reflection history"), x.say("/reflection preview")
		if dates(reply)[0] != "• Monday 6 July 2026, 09:30"+mark {
			t.Errorf("%s:\n%s", zone, reply)
		}
		times := regexp.MustCompile(`\d\d:\d\d.*`)
		for _, text := range []string{reply, status, history, preview} {
			for _, at := range times.FindAllString(text, -1) {
				if mark != "" && !strings.HasPrefix(at[5:], mark) || mark == "" && strings.Contains(at, "(") {
					t.Errorf("%s: %q in\n%s", zone, at, text)
				}
			}
		}
		x.store.Put(x.sub())
	}
}

func TestPostIsThePublishersWordsAndNothingThatTracks(t *testing.T) {
	for title, want := range map[string]string{"": bot.DefaultTitle, "Think about it": "Think about it"} {
		x := newTeam(t, nil, func(w *bot.Weekly) { w.Title = title })
		x.say(weekly)
		full := x.post()
		x.say("/reflection preview neutral")
		neutral := x.post()
		for _, m := range []*briefing.Message{full, neutral} {
			if len(m.Blocks) != 5 {
				t.Fatalf("%+v", m.Blocks)
			}
			text := m.Blocks[1].(briefing.Paragraph).Text
			published := false
			for _, id := range content.Candidates(x.lib, "", briefing.Practice) {
				_, _, p, n, _ := content.QuestionByID(x.lib, id)
				published = published || fmt.Sprint(p.Questions[n].Text) == fmt.Sprint(text)
			}
			wantButtons := briefing.Buttons{Buttons: []briefing.Button{
				{Label: "Read the briefing", Command: "/da-briefing"}, {Label: "Casework question, privately", Command: "/da-questions random casework"}}}
			if m.Blocks[0] != briefing.Block(briefing.Heading{Text: want, Ours: true}) || !published ||
				m.Blocks[2] != briefing.Block(briefing.Source{Text: "LLR SCP · Links updated April 2025 · section 06 of 07"}) ||
				m.Blocks[3] != briefing.Block(briefing.Footer{Text: bot.DefaultFooter}) || fmt.Sprint(m.Blocks[4]) != fmt.Sprint(wantButtons) {
				t.Errorf("got %+v", m.Blocks)
			}
		}
		if got := full.Blocks[1].(briefing.Paragraph).Text.Letters(); full.Notice != want+": "+got || neutral.Notice != want {
			t.Errorf("notices %q and %q", full.Notice, neutral.Notice)
		}
	}
}

func TestPostOfSeveralBriefingsNamesItsOwn(t *testing.T) {
	x := newTeam(t, several(), nil)
	x.say(weekly + " neglect")
	m := x.post()
	if got := m.Blocks[2].(briefing.Source).Text; got != "Neglect: practice on Monday · P · E · section 01 of 01" {
		t.Errorf("source %q", got)
	}
	if row := m.Blocks[4].(briefing.Buttons).Buttons; len(row) != 1 || row[0].Command != "/neg-briefing" {
		t.Errorf("buttons %+v", row)
	}
	x.says("/reflection history", "Neglect: practice on Monday · P · E · section 01 of 01")
}

// everyReply is replies about the weekly question in every state, and a post.
var everyReply = sync.OnceValue(func() map[string]*briefing.Message {
	out := map[string]*briefing.Message{}
	for _, schedulers := range [][]string{nil, {"UPERSON"}, {"UOTHER"}} {
		x := newTeam(forever{}, withCases(), func(w *bot.Weekly) { w.Schedulers = schedulers })
		somebody, boss := x.req.Person, []briefing.Private{briefing.NewPrivate("UOTHER"), briefing.NewPrivate("UPERSON")}
		for _, platform := range []briefing.Platform{briefing.Slack, briefing.Teams} {
			for _, obstacle := range []briefing.Cause{"", briefing.CauseRemoved, briefing.CauseRevoked, briefing.CauseGone} {
				for _, start := range []string{"none", "set", "unconfirmed", "private"} {
					x.now, x.sender.Obstacle = wednesday, obstacle
					x.req.Platform, x.req.Public = platform, platform == briefing.Teams
					x.req.Channel.Platform, x.req.Channel.ID = platform, fmt.Sprint("C", len(out))
					if start == "set" || start == "unconfirmed" {
						x.req.Person = boss
						x.say(weekly)
						out["post"] = x.post()
						x.req.Person = somebody
					}
					switch start {
					case "unconfirmed":
						x.store.Settle(x.req.Channel, func(p *briefing.Post) { p.State, p.Cause = briefing.PostUnconfirmed, briefing.CauseStopped })
					case "private":
						x.req.Channel.ID = ""
					}
					for i, text := range everyText {
						out[fmt.Sprint(schedulers, platform, obstacle, start, i, text)] = x.message("/reflection" + text)
					}
				}
			}
		}
	}
	return out
})

var everyText = []string{"", " help", " pauze", " zzzz", " monday 9:30", " previw neutral", " weekly", " weekly monday 25:00", " weekly monday 09:30 zzzz",
	" weekly monday 9:30 Europe/Nowhere", " weekly monday 9:30 holidays mars", " pause until 1/1/2020", " holidays", " set up", " preview", " history", " again", " resume",
	" skip", " now", " now", " holidays scotland", " fortnightly friday 14:00 both", " weekly monday 09:30 none", " weekly monday 09:30 cases", " preview neutral",
	" pause until 5 january", "", " preview", " set up", " pause", "", " skip", " now", " stop"}

// forever is a test that does not end before the others do.
type forever struct{ testing.TB }

func (forever) Helper()           {}
func (forever) Cleanup(func())    {}
func (forever) Fatal(args ...any) { panic(fmt.Sprint(args...)) }
func (forever) Error(args ...any) { panic(fmt.Sprint(args...)) }

// maxLabel is what Slack shows of a button's label on a phone.
const maxLabel = 30

func TestEveryReplyOfTheWeeklyQuestionIsSound(t *testing.T) {
	table := command.New(newTeam(t, withCases(), nil).lib)
	jargon := regexp.MustCompile(`(?i)\b(subscri\w*|slots?|payload|tenant|deliver\w*|unconfirmed|database|json|error|invalid|fail(ed|ure)?|pool|cron|http\w*|null|id|user)\b`)
	for name, m := range everyReply() {
		footers := 0
		plain := m.Plain()
		if m.Blocks == nil || strings.Contains(plain, "something went wrong") {
			t.Errorf("%s:\n%s", name, plain)
		}
		for _, block := range m.Blocks {
			switch block := block.(type) {
			case briefing.Footer:
				footers++
			case briefing.Note:
				if block.Text == "" || strings.Contains(block.Text, "  ") || strings.Contains(block.Text, "%!") || jargon.MatchString(block.Text) {
					t.Errorf("%s: %q", name, block.Text)
				}
			case briefing.Heading:
				if jargon.MatchString(block.Text) {
					t.Errorf("%s: %q", name, block.Text)
				}
			case briefing.Buttons:
				for _, button := range block.Buttons {
					if n := utf8.RuneCountInString(button.Label); n == 0 || n > maxLabel {
						t.Errorf("%s: the label %q has %d characters", name, button.Label, n)
					}
					if cmd := table.Parse(briefing.NewPrivate(button.Command)); cmd.Verb == command.Unknown || cmd.Fault != command.NoFault || button.Share != nil {
						t.Errorf("%s: %+v", name, button)
					}
				}
			}
		}
		if footers != 1 {
			t.Errorf("%s: %d footers", name, footers)
		}
		for _, typed := range regexp.MustCompile(`type (/[^.,]*?)( to | when | later|,|\.|$)`).FindAllStringSubmatch(plain, -1) {
			text := typed[1]
			if cmd := table.Parse(briefing.NewPrivate(text)); strings.HasPrefix(text, "/reflection") && cmd.Fault != command.NoFault {
				t.Errorf("%s: says to type %q, which is not understood", name, text)
			}
		}
	}
}

func TestNoReplyRepeatsWhatWasTyped(t *testing.T) {
	vocabulary := map[string]bool{}
	word := regexp.MustCompile(`\pL{5,}`)
	for _, m := range everyReply() {
		for _, w := range word.FindAllString(strings.ToLower(fmt.Sprintf("%+v", m)), -1) {
			vocabulary[w] = true
		}
	}
	known := slices.Sorted(maps.Keys(vocabulary))
	ours := strings.Join(known, " ")
	random := rand.New(rand.NewPCG(1, 2))
	invented := func() string {
		letters := []byte(known[random.IntN(len(known))])
		if random.IntN(2) == 0 {
			letters = make([]byte, 5+random.IntN(8))
		}
		for i := range letters {
			if letters[i] == 0 || random.IntN(4) == 0 {
				letters[i] = byte('a' + random.IntN(26))
			}
		}
		return string(letters)
	}
	starts := []string{"", "weekly", "weekly monday 09:30", "fortnightly", "every", "pause", "pause until", "holidays", "preview", "skip", "now", "stop", "resume", "set up", "help",
		"weekly monday 09:30 Europe/", "weekly monday 09:30 holidays"}
	x := newTeam(t, nil, nil)
	for range 4000 {
		text := starts[random.IntN(len(starts))]
		var mine []string
		for range 1 + random.IntN(3) {
			w := invented()
			mine = append(mine, w)
			if !strings.HasSuffix(text, "/") {
				text += " "
			}
			text += w
		}
		reply := strings.ToLower(fmt.Sprintf("%+v", x.message("/reflection "+text)))
		for _, w := range mine {
			if !strings.Contains(ours, w) && strings.Contains(reply, w) {
				t.Errorf("the reply to %q repeats %q:\n%s", text, w, reply)
			}
		}
	}
	for _, line := range x.logs.All() {
		t.Errorf("logged %v", line)
	}
}

func FuzzReflectionIsAlwaysAnswered(f *testing.F) {
	for _, s := range []string{"", "weekly monday 09:30 Europe/Paris both da holidays scotland preview neutral", "pause until 29 february", "fortnightly sunday 01:30 casework",
		"set up", "skip", "now", "again", "\x00", "preview neutral", "holidays \u200b", "weekly monday 24:00", "every other friday at noon"} {
		f.Add(s, s)
	}
	x := newTeam(f, nil, nil)
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, text := range []string{first, second, ""} {
			m := x.message("/reflection " + text)
			if m == nil || len(m.Blocks) < 2 || strings.Contains(m.Plain(), "Sorry") {
				t.Errorf("%q: %+v", text, m)
			}
		}
	})
}
