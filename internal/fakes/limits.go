package fakes

import "time"

// limit is how many messages are taken in any stretch of a time.
type limit struct {
	n  int
	in time.Duration
}

type limits struct{ channel, tenant limit }

var (
	// Slack says one a second in a channel, and several hundred a minute in a
	// workspace, for which 300 stands here.
	// https://docs.slack.dev/reference/methods/chat.postMessage#rate_limiting
	slackLimits = limits{channel: limit{1, time.Second}, tenant: limit{300, time.Minute}}
	// https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
	teamsLimits = limits{channel: limit{7, time.Second}, tenant: limit{50, time.Second}}
)

// window knows when the newest messages came, as many as a limit allows.
type window struct {
	limit
	times  []int64 // a ring, in nanoseconds; 0 for none
	oldest int
}

func newWindow(l limit) *window { return &window{limit: l, times: make([]int64, l.n)} }

// wait is how long it is until one more may come.
func (w *window) wait(now time.Time) time.Duration {
	return max(0, time.Duration(w.times[w.oldest]+int64(w.in)-now.UnixNano()))
}

func (w *window) add(now time.Time) {
	w.times[w.oldest] = now.UnixNano()
	w.oldest = (w.oldest + 1) % len(w.times)
}
