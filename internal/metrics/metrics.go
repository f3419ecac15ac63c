// Package metrics counts what the bot does and says how it stands, for Prometheus.
// Start with New: it lists everything there is, and README.md says what each is for.
//
// Nothing of the domain imports it. It is told of replies and posts by whoever wires
// the bot, and asks the database when it is asked itself. No label takes a value from
// what people type or what a platform sends, and none is a tenant, a channel or a
// person: every value is from a list in this package.
package metrics

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
)

// Metrics is everything that is counted. It is safe for concurrent use.
type Metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	refused     *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	undelivered *prometheus.CounterVec
	sends       *prometheus.CounterVec
	content     *content
}

// Config is what is known at the start.
type Config struct {
	Version   string
	Platforms []briefing.Platform             // that are set up
	Expires   map[briefing.Platform]time.Time // when a platform's credential ends, where somebody said so
	Stand     Stand
	Now       func() time.Time
}

// New makes the metrics of one process.
func New(cfg Config) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "briefingbot_requests_total",
			Help: "Commands that were answered, by platform, kind of command and outcome: answered, or failed where the reply says that something went wrong."},
			[]string{"platform", "command", "outcome"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "briefingbot_refused_requests_total",
			Help: "HTTP requests that were not served, by platform and status. 401 is a wrong signature or token."},
			[]string{"platform", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "briefingbot_request_seconds",
			Help:    "Time from the header of a served request to the end of its answer. Slack gives up after 3 seconds.",
			Buckets: []float64{.005, .025, .1, .25, .5, 1, 2, 3, 5, 10}},
			[]string{"platform"}),
		undelivered: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "briefingbot_undelivered_replies_total",
			Help: "Replies that are sent after the request, and that the platform did not take."},
			[]string{"platform"}),
		sends: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "briefingbot_sends_total",
			Help: "Attempts to post a weekly question, by platform and what the platform said."},
			[]string{"platform", "outcome"}),
		content: newContent(cfg.Now),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "briefingbot_build_info",
		Help: "1, with the version of the program.", ConstLabels: prometheus.Labels{"version": cfg.Version}})
	build.Set(1)
	expires := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "briefingbot_credential_expires_timestamp_seconds",
		Help: "When the credential for a platform ends, where somebody has set that."}, []string{"platform"})
	m.registry.MustRegister(m.requests, m.refused, m.seconds, m.undelivered, m.sends, m.content, build, expires,
		newStanding(cfg.Stand, cfg.Now),
		// Memory, open files, CPU and the time of the start.
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for p, at := range cfg.Expires {
		expires.WithLabelValues(platform(p)).Set(float64(at.Unix()))
	}
	// A series that begins with its first event looks as if nothing had happened.
	for _, p := range cfg.Platforms {
		name := platform(p)
		for _, verb := range command.Verbs() {
			m.requests.WithLabelValues(name, verb.String(), answered)
			m.requests.WithLabelValues(name, verb.String(), failed)
		}
		for _, status := range statuses {
			m.refused.WithLabelValues(name, strconv.Itoa(status))
		}
		for _, outcome := range outcomes {
			m.sends.WithLabelValues(name, outcome)
		}
		m.undelivered.WithLabelValues(name)
		m.seconds.WithLabelValues(name)
	}
	return m
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
}

const maxScrapes = 4

const other = "other"

// platform is a platform as a label.
func platform(p briefing.Platform) string {
	switch p {
	case briefing.Slack, briefing.Teams, briefing.Web, briefing.Terminal:
		return string(p)
	}
	return other
}

// The outcomes of a request.
const (
	answered = "answered"
	failed   = "failed"
)

// Replied counts a reply. It is what bot.Config.Replied wants.
func (m *Metrics) Replied(p briefing.Platform, verb command.Verb, wentWrong bool) {
	outcome := answered
	if wentWrong {
		outcome = failed
	}
	m.requests.WithLabelValues(platform(p), verb.String(), outcome).Inc()
}

// Undelivered returns what counts a platform's replies that did not arrive.
func (m *Metrics) Undelivered(p briefing.Platform) func() {
	return m.undelivered.WithLabelValues(platform(p)).Inc
}

// Sender posts in a platform's channels, as bot.Sender explains.
type Sender interface {
	Send(context.Context, briefing.Channel, *briefing.Message) (string, error)
	CanPost(context.Context, briefing.Channel) error
}

// Sender is a sender whose sends are counted.
func (m *Metrics) Sender(p briefing.Platform, s Sender) Sender { return sender{s, m, platform(p)} }

type sender struct {
	Sender
	m        *Metrics
	platform string
}

// Send implements Sender.
func (s sender) Send(ctx context.Context, ch briefing.Channel, msg *briefing.Message) (string, error) {
	id, err := s.Sender.Send(ctx, ch, msg)
	s.m.sends.WithLabelValues(s.platform, outcomeOf(err)).Inc()
	return id, err
}

// What a platform said to a post.
var outcomes = []string{"sent", "throttled", "not_sent", "unknown", "rejected", "gone", "removed", "revoked"}

func outcomeOf(err error) string {
	if err == nil {
		return "sent"
	}
	said := &briefing.DeliveryError{}
	if !errors.As(err, &said) {
		return "unknown" // as the scheduler takes it
	}
	switch said.Outcome {
	case briefing.Throttled:
		return "throttled"
	case briefing.NotSent:
		return "not_sent"
	case briefing.Rejected:
		return "rejected"
	case briefing.Impossible:
		switch said.Cause {
		case briefing.CauseGone, briefing.CauseRemoved, briefing.CauseRevoked:
			return string(said.Cause)
		}
		return "rejected"
	case briefing.Unknown:
	}
	return "unknown"
}
