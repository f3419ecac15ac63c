package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
)

// Stand asks the database how things stand. Unconfirmed and failed posts count where
// they were planned for since or later.
type Stand func(ctx context.Context, since time.Time) (store.Counts, error)

const (
	// Several may scrape, and status asks too: the database hears of one in a while.
	countEvery = 15 * time.Second
	countTime  = 5 * time.Second // half of what Prometheus waits for a scrape by default
	// What went wrong longer ago has had its next weekly question since.
	recently = 7 * 24 * time.Hour
)

// causes are why a channel may be paused.
var causes = []briefing.Cause{
	briefing.CauseAsked, briefing.CauseGone, briefing.CauseRemoved, briefing.CauseRevoked, briefing.CauseNoQuestions, briefing.CauseZone,
}

// standing asks the database when it is asked itself.
type standing struct {
	stand Stand
	now   func() time.Time

	mu     sync.Mutex // guards what follows
	asked  time.Time
	counts store.Counts
	err    error
}

func newStanding(s Stand, now func() time.Time) *standing { return &standing{stand: s, now: now} }

var (
	up      = prometheus.NewDesc("briefingbot_database_up", "1 where the database answers, 0 where it does not.", nil, nil)
	posts   = prometheus.NewDesc("briefingbot_posts", "Weekly questions that are due or sending, and of the last 7 days those that are unconfirmed or failed.", []string{"state"}, nil)
	oldest  = prometheus.NewDesc("briefingbot_oldest_due_post_seconds", "For how long the oldest weekly question has been due; 0 where none is.", nil, nil)
	planned = prometheus.NewDesc("briefingbot_channels_planned", "Channels that have a next weekly question.", nil, nil)
	paused  = prometheus.NewDesc("briefingbot_channels_paused", "Channels whose weekly question is paused, by why.", []string{"cause"}, nil)
)

// Describe implements prometheus.Collector.
func (s *standing) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{up, posts, oldest, planned, paused} {
		out <- d
	}
}

// Collect implements prometheus.Collector. While the database is away there is no
// number but that: an old one would look like news.
func (s *standing) Collect(out chan<- prometheus.Metric) {
	now := s.now()
	c, err := s.ask(now)
	if err != nil {
		gauge(out, up, 0)
		return
	}
	gauge(out, up, 1)
	gauge(out, posts, c.Due, string(briefing.PostDue))
	gauge(out, posts, c.Sending, string(briefing.PostSending))
	gauge(out, posts, c.Unconfirmed, string(briefing.PostUnconfirmed))
	gauge(out, posts, c.Failed, string(briefing.PostFailed))
	age := 0.0
	if !c.OldestDue.IsZero() {
		age = max(0, now.Sub(c.OldestDue).Seconds())
	}
	out <- prometheus.MustNewConstMetric(oldest, prometheus.GaugeValue, age)
	gauge(out, planned, c.Planned)
	rest := 0
	for _, n := range c.Paused {
		rest += n
	}
	for _, cause := range causes {
		gauge(out, paused, c.Paused[cause], string(cause))
		rest -= c.Paused[cause]
	}
	gauge(out, paused, rest, other)
}

func (s *standing) ask(now time.Time) (store.Counts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A clock that was set back must not keep what is old.
	if age := now.Sub(s.asked); s.asked.IsZero() || age >= countEvery || age < 0 {
		ctx, cancel := context.WithTimeout(context.Background(), countTime)
		defer cancel()
		s.counts, s.err = s.stand(ctx, now.Add(-recently))
		s.asked = now
	}
	return s.counts, s.err
}
