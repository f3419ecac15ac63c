package bot_test

import (
	"slices"
	"strings"
	"testing"

	"briefingbot/internal/briefing"
	"briefingbot/internal/content"
)

// question is what a post asks.
func question(m *briefing.Message) string { return m.Blocks[1].(briefing.Paragraph).Text.Letters() }

// asks posts that many questions.
func (x *team) asks(n int) []string {
	x.t.Helper()
	var out []string
	for range n {
		preview := x.say("/reflection preview")
		asked := question(x.post())
		if !strings.Contains(preview, asked) {
			x.t.Errorf("%q was posted after the preview\n%s", asked, preview)
		}
		out = append(out, asked)
	}
	return out
}

// rounds reports where questions repeat before all have come, or twice running.
func rounds(t *testing.T, asked []string, size int) {
	t.Helper()
	for i, q := range asked {
		if round := asked[i-i%size : i]; slices.Contains(round, q) {
			t.Errorf("question %d came already in its round: %q", i, q)
		}
		if i > 0 && asked[i-1] == q {
			t.Errorf("question %d came twice running: %q", i, q)
		}
	}
}

func TestEveryQuestionComesOnceARound(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly + " casework")
	asked := x.asks(40)
	rounds(t, asked, 5)
	if slices.Equal(asked[:5], asked[5:10]) && slices.Equal(asked[:5], asked[10:15]) {
		t.Error("every round has the same order")
	}
	y := newTeam(t, nil, nil)
	y.req.Channel.ID = "COTHER"
	y.say(weekly + " casework")
	if slices.Equal(asked[:15], y.asks(15)) {
		t.Error("two channels are asked in the same order")
	}
}

func TestSwitchingPoolsKeepsWhatWasAsked(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly) // four questions
	first := x.asks(2)
	x.say(weekly + " casework")
	cases := x.asks(3)
	x.say(weekly)
	first = append(first, x.asks(2)...)
	rounds(t, first, 4)
	x.say(weekly + " both")
	rest := x.asks(2)
	rounds(t, slices.Concat(cases, rest), 5)
	rounds(t, slices.Concat(first, cases, rest, x.asks(9)), 9)
}

func TestAllBriefingsTakeTurns(t *testing.T) {
	x := newTeam(t, several(), nil)
	x.say(weekly + " both")
	size := len(content.Candidates(x.lib, "", ""))
	asked := x.asks(3 * size)
	rounds(t, asked, size)
	for _, b := range x.lib {
		for _, id := range content.Candidates(x.lib, b.ID, "") {
			_, _, p, n, _ := content.QuestionByID(x.lib, id)
			if got := strings.Count(strings.Join(asked, "\n"), p.Questions[n].Text.Letters()); got != 3 {
				t.Errorf("%q came %d times", p.Questions[n].Text.Letters(), got)
			}
		}
	}
}

func TestQuestionPostedAgainCountsAsAsked(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	first := question(x.post())
	// What failed was not seen, and the store forgets that it was asked.
	sub, posts := x.sub(), x.posts()
	sub.Rotation.Asked, posts[0].State, posts[0].Cause = nil, briefing.PostFailed, briefing.CauseRejected
	x.store.Put(sub, posts...)
	x.say("/reflection again")
	asked := []string{question(x.post())} // now is one a minute: this posts what again asked for
	if asked[0] != first {
		t.Fatalf("again posted %q", asked[0])
	}
	rounds(t, append(asked, x.asks(7)...), 4)
}

// One that had to wait, because the platform was busy, comes after one that somebody
// asked for meanwhile.
func TestQuestionThatWasChosenBeforeIsTheLastOnceItIsSent(t *testing.T) {
	x := newTeam(t, nil, nil)
	ids := content.Candidates(x.lib, "", briefing.Practice)
	sub := briefing.Subscription{Pool: briefing.Practice, Rotation: briefing.Rotation{Last: ids[1], Asked: ids}}
	if got := x.bot.Choose(&sub, ids[0]); got != ids[0] || sub.Rotation.Last != ids[0] || len(sub.Rotation.Asked) != len(ids) {
		t.Errorf("chose %s, then %+v", got, sub.Rotation)
	}
	if got := x.bot.Choose(&sub, "gone"); got == "" || got == ids[0] || sub.Rotation.Round != 1 {
		t.Errorf("chose %s, then %+v", got, sub.Rotation)
	}
}
