package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
)

func TestPause(t *testing.T) {
	for text, want := range map[string]struct {
		until  briefing.Date
		next   string
		fault  bool
		reason string
	}{
		"pause":                     {"", "", false, "No question comes until somebody types /reflection resume."},
		"pause until 5 january":     {"2027-01-05", "2027-01-11T09:30", false, "No question comes before Tuesday 5 January 2027."},
		"pause until monday":        {"2026-12-21", "2026-12-21T09:30", false, "No question comes before Monday 21 December 2026."},
		"pause until 2026-12-22":    {"2026-12-22", "2026-12-28T09:30", false, "No question comes before Tuesday 22 December 2026."},
		"pause until 16 dec 2026":   {fault: true}, // today
		"pause until 1/12/2026":     {fault: true}, // over
		"pause until 31 february":   {fault: true},
		"pause until kayleigh is 5": {fault: true},
		"pause for a bit":           {fault: true},
	} {
		x := newTeam(t, nil, nil)
		x.say(weekly)
		was := x.sub()
		if want.fault {
			x.says("/reflection "+text, "One thing was not understood: the date.", "pause until 5 january", "nothing was changed")
			if diff := cmp.Diff(was, x.sub()); diff != "" {
				t.Errorf("%s: %s", text, diff)
			}
			continue
		}
		x.says("/reflection "+text, "The weekly question is paused.", want.reason, "Buttons: Resume")
		x.says("/reflection", want.reason, "Buttons: Resume")
		if sub := x.sub(); sub.Paused != briefing.CauseAsked || sub.Until != want.until || sub.NextSlot.Key != want.next {
			t.Errorf("%s: %+v", text, sub)
		}
		x.says("/reflection resume", "The weekly question goes on.")
		if diff := cmp.Diff(was, x.sub()); diff != "" {
			t.Errorf("%s, and resumed: %s", text, diff)
		}
		x.says("/reflection resume", "The weekly question was not paused.", "Monday 21 December 2026")
	}
}

func TestPauseIsOverOnItsDay(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	x.say("/reflection pause until 5 january")
	x.now = time.Date(2027, 1, 4, 23, 59, 0, 0, time.UTC)
	x.says("/reflection", "No question comes before Tuesday 5 January 2027.")
	x.now = x.now.Add(time.Minute)
	if reply := x.say("/reflection"); strings.Contains(reply, "No question comes before") || dates(reply)[0] != "• Monday 11 January 2027, 09:30" {
		t.Errorf("got\n%s", reply)
	}
	x.says("/reflection resume", "The weekly question was not paused.")
}

func TestSettingEndsAPauseAndSaysSo(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	for _, pause := range []string{"/reflection pause", "/reflection pause until 5 january"} {
		x.say(pause)
		x.says("/reflection holidays include", "still paused", "Buttons: Resume")
		x.says("/reflection weekly tuesday 10:00", "The weekly question is set.\n\nThe pause is over.", "• Tuesday 22 December 2026, 10:00")
		if sub := x.sub(); sub.Paused != "" || sub.Until != "" || sub.NextSlot.Key != "2026-12-22T10:00" {
			t.Errorf("got %+v", sub)
		}
	}
	if reply := x.say("/reflection weekly tuesday 10:00"); strings.Contains(reply, "pause is over") {
		t.Errorf("it was not paused:\n%s", reply)
	}
	for _, cause := range []briefing.Cause{briefing.CauseRemoved, briefing.CauseNoQuestions, briefing.CauseZone} {
		sub := x.sub()
		sub.Paused, sub.NextSlot = cause, briefing.Slot{}
		x.store.Put(sub)
		x.say(weekly)
		if sub := x.sub(); sub.Paused != "" || sub.NextSlot.At.IsZero() {
			t.Errorf("%s: %+v", cause, sub)
		}
	}
}

func TestSkipLeavesOutTheNextQuestionAndNoBankHoliday(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	reply := x.say("/reflection skip")
	if !strings.Contains(reply, "There will be no question on Monday 21 December 2026.") || dates(reply)[0] != nextMondays[1] {
		t.Errorf("got\n%s", reply)
	}
	x.says("/reflection", "No question on Monday 21 December 2026: somebody here asked for that.", "No question on Monday 28 December 2026: Boxing Day")
	reply = x.say("/reflection skip")
	if !strings.Contains(reply, "There will be no question on Monday 4 January 2027.") || dates(reply)[0] != nextMondays[2] {
		t.Errorf("got\n%s", reply)
	}
	var got []string
	for _, p := range x.posts() {
		got = append(got, p.Slot.Key+" "+string(p.State)+" "+string(p.Cause))
	}
	if diff := cmp.Diff([]string{"2027-01-04T09:30 skipped asked", "2026-12-28T09:30 skipped holiday", "2026-12-21T09:30 skipped asked"}, got); diff != "" {
		t.Error(diff)
	}
	x.says("/reflection history", "Monday 4 January 2027, 09:30 – left out: somebody here asked for that", "left out: Boxing Day (substitute day)")
	x.say("/reflection pause")
	x.says("/reflection skip", "There is no question to skip.", "paused")
}

func TestWhatIsLeftOutStaysSo(t *testing.T) {
	for _, text := range [][]string{{"pause", "resume"}, {"pause until 20 december"}, {"weekly monday 09:30 casework"}, {"pause", "pause until tomorrow"}, {"holidays scotland"}} {
		x := newTeam(t, nil, nil)
		x.say(weekly)
		x.say("/reflection skip")
		for _, s := range text {
			x.say("/reflection " + s)
		}
		if sub := x.sub(); strings.HasPrefix(sub.NextSlot.Key, "2026-12-21") {
			t.Errorf("%v: the next is %s", text, sub.NextSlot.Key)
		}
	}
	x := newTeam(t, nil, nil)
	x.say(weekly)
	x.say("/reflection skip")
	x.says("/reflection weekly monday 10:00", "• Monday 21 December 2026, 10:00")
}

func TestManySkippedDatesHideNothing(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	x.post()
	x.store.Settle(x.req.Channel, func(p *briefing.Post) { p.State, p.Cause = briefing.PostUnconfirmed, briefing.CauseNoAnswer })
	for range 6 {
		x.say("/reflection skip")
	}
	x.says("/reflection", "12:00 – may not have arrived", "Slack did not say whether it took the question.", "Buttons: Post it again")
	x.now = x.now.Add(time.Hour)
	x.says("/reflection again", "A question is on its way.")
}

func TestSkippingWhatIsBeingPostedSaysThatItIsTooLate(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	sub := x.sub()
	x.store.Put(sub, briefing.Post{Channel: sub.Channel, Slot: sub.NextSlot, State: briefing.PostSending})
	x.says("/reflection skip", "It is too late to skip this question.")
	if diff := cmp.Diff(sub, x.sub()); diff != "" {
		t.Error(diff)
	}
}

func TestStopRemovesEverything(t *testing.T) {
	x := newTeam(t, nil, nil)
	x.say(weekly)
	x.post()
	x.says("/reflection stop", "Stopped.", "Everything that the bot kept about this channel has been removed")
	if n := len(x.posts()); n != 0 {
		t.Errorf("%d posts are kept", n)
	}
	for _, text := range []string{"", " stop", " pause", " resume", " skip", " now", " again", " preview", " history", " holidays scotland", " preview neutral"} {
		x.says("/reflection"+text, "This channel has no weekly question.", "To begin, type /reflection weekly monday 09:30", "Buttons: Set up | Help")
	}
}
