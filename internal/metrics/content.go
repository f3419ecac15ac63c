package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"briefingbot/internal/briefing"
)

// content is which briefings are in use, and how fresh what they point to is.
type content struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	loaded  bool
	at      time.Time
	faults  int
	reviews []time.Time
	links   []time.Time // the day on which each was last confirmed, or zero
}

func newContent(now func() time.Time) *content { return &content{now: now} }

// SetContent says which briefings are in use from now on. Call it whenever they are
// loaded.
func (m *Metrics) SetContent(lib briefing.Library) {
	c := m.content
	links, reviews := confirmed(lib), make([]time.Time, len(lib))
	for i, b := range lib {
		reviews[i] = b.ReviewBy
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded, c.at, c.faults, c.links, c.reviews = true, c.now(), 0, links, reviews
}

// SetFaults says that newer briefings were not taken, since they have so many faults.
// Those before them stay in use.
func (m *Metrics) SetFaults(n int) {
	m.content.mu.Lock()
	defer m.content.mu.Unlock()
	m.content.faults = n
}

// confirmed is when each address of a library was last confirmed; one that stands in
// several places counts once, as the oldest of them says.
func confirmed(lib briefing.Library) []time.Time {
	byURL := map[string]time.Time{}
	note := func(t briefing.Text) {
		for _, span := range t {
			if span.Link == nil {
				continue
			}
			if on, ok := byURL[span.Link.URL]; !ok || span.Link.ConfirmedOn.Before(on) {
				byURL[span.Link.URL] = span.Link.ConfirmedOn
			}
		}
	}
	for _, b := range lib {
		for i := range b.Sections {
			for _, block := range b.Sections[i].Blocks {
				switch block := block.(type) {
				case briefing.Paragraph:
					note(block.Text)
				case briefing.List:
					for _, item := range block.Items {
						note(item.Text)
					}
				}
			}
		}
	}
	out := make([]time.Time, 0, len(byURL))
	for _, on := range byURL {
		out = append(out, on)
	}
	return out
}

var (
	briefings = prometheus.NewDesc("briefingbot_briefings", "Briefings in use.", nil, nil)
	loaded    = prometheus.NewDesc("briefingbot_content_loaded_timestamp_seconds", "When the briefings in use were loaded.", nil, nil)
	faults    = prometheus.NewDesc("briefingbot_content_faults", "Faults of newer briefings that are not in use because of them.", nil, nil)
	oldLinks  = prometheus.NewDesc("briefingbot_links_unconfirmed", "Links that nobody has confirmed for a year, or ever.", nil, nil)
	overdue   = prometheus.NewDesc("briefingbot_briefings_review_overdue", "Briefings whose review date has passed.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *content) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{briefings, loaded, faults, oldLinks, overdue} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *content) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded {
		return
	}
	now := c.now()
	old, late := 0, 0
	for _, on := range c.links {
		if briefing.Unconfirmed(on, now) {
			old++
		}
	}
	for _, by := range c.reviews {
		// The day itself is still in time.
		if !by.IsZero() && !now.Before(by.AddDate(0, 0, 1)) {
			late++
		}
	}
	gauge(out, briefings, len(c.reviews))
	out <- prometheus.MustNewConstMetric(loaded, prometheus.GaugeValue, float64(c.at.Unix()))
	gauge(out, faults, c.faults)
	gauge(out, oldLinks, old)
	gauge(out, overdue, late)
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, n int, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
}
