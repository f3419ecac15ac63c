package metrics_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/zap"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
	"briefingbot/internal/metrics"
	"briefingbot/internal/store"
	"briefingbot/prompts"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

var both = []briefing.Platform{briefing.Slack, briefing.Teams}

func config() metrics.Config {
	return metrics.Config{
		Version: "v1", Platforms: both, Now: func() time.Time { return noon },
		Stand: func(context.Context, time.Time) (store.Counts, error) { return store.Counts{}, nil },
	}
}

// scrape is the values of a scrape, by name and labels.
func scrape(t *testing.T, m *metrics.Metrics) map[string]float64 {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if w.Code != http.StatusOK || err != nil {
		t.Fatal(w.Code, err)
	}
	out := map[string]float64{}
	for name, f := range families {
		for _, metric := range f.Metric {
			var labels []string
			for _, l := range metric.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			key := name
			if len(labels) > 0 {
				key += "{" + strings.Join(labels, ",") + "}"
			}
			out[key] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return out
}

func series(got map[string]float64) []string {
	var out []string
	for key := range got {
		// The process collector's depend on the system.
		if strings.HasPrefix(key, "briefingbot_") {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

func builtIn(t *testing.T) briefing.Library {
	t.Helper()
	lib, err := content.LoadOn(prompts.FS, noon)
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

// Whatever comes in, no series appears that was not there at the start.
func TestNoHostileInputMakesASeries(t *testing.T) {
	const name = "Jordan Smith-Okonkwo"
	cfg := config()
	cfg.Stand = func(context.Context, time.Time) (store.Counts, error) {
		return store.Counts{Paused: map[briefing.Cause]int{name: 3, briefing.CauseGone: 1}}, nil
	}
	m, lib := metrics.New(cfg), builtIn(t)
	m.SetContent(lib)
	before := series(scrape(t, m))
	if len(before) < 100 {
		t.Fatalf("only %d series", len(before))
	}

	finder, err := content.Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	defer finder.Close()
	b := bot.New(lib, finder, bot.Config{Replied: m.Replied, Weekly: bot.Weekly{Schedulers: []string{"nobody"}}}, zap.NewNop())
	for _, text := range []string{
		name, "/da-briefing " + name, "/da-questions " + name, "/reflection " + name, "/reflection weekly " + name, "/da-briefing search " + name,
		`"},evil="1`, "\x00\xff\n# HELP", strings.Repeat("x", 10_000), "/" + name, "",
	} {
		for _, p := range both {
			b.Respond(t.Context(), briefing.Request{Platform: p, Text: briefing.NewPrivate(text), Channel: briefing.Channel{Platform: p, Tenant: name, ID: name}})
		}
	}
	errs := []error{
		errors.New(name), nil, &briefing.DeliveryError{Outcome: 99, Err: errors.New(name)},
		&briefing.DeliveryError{Outcome: briefing.Impossible, Cause: name, Err: errors.New(name)},
	}
	for _, err := range errs {
		_, _ = m.Sender(briefing.Slack, said{err}).Send(t.Context(), briefing.Channel{Tenant: name, ID: name}, nil)
	}
	for status := 200; status < 600; status++ {
		h := m.Requests(briefing.Teams, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/api/"+strings.ReplaceAll(name, " ", "-"), strings.NewReader(name)))
	}
	m.Undelivered(briefing.Teams)()

	if diff := cmp.Diff(before, series(scrape(t, m))); diff != "" {
		t.Errorf("series have come:\n%s", diff)
	}
	// A platform that nobody has heard of is one label more, and not its name.
	m.Replied(name, command.Unknown, false)
	for _, key := range series(scrape(t, m)) {
		if strings.Contains(key, "Jordan") {
			t.Errorf("a name in %s", key)
		}
	}
}

type said struct{ err error }

func (s said) Send(context.Context, briefing.Channel, *briefing.Message) (string, error) {
	return "id", s.err
}
func (said) CanPost(context.Context, briefing.Channel) error { return nil }

func TestWhatHappensIsCounted(t *testing.T) {
	m := metrics.New(config())
	m.Replied(briefing.Slack, command.Section, false)
	m.Replied(briefing.Slack, command.Section, false)
	m.Replied(briefing.Teams, command.Weekly, true)
	m.Undelivered(briefing.Teams)()
	for _, err := range []error{
		nil, errors.New("?"), &briefing.DeliveryError{Outcome: briefing.Throttled},
		&briefing.DeliveryError{Outcome: briefing.Impossible, Cause: briefing.CauseRevoked},
	} {
		if _, got := m.Sender(briefing.Slack, said{err}).Send(t.Context(), briefing.Channel{}, nil); !errors.Is(got, err) {
			t.Errorf("the error was %v and is %v", err, got)
		}
	}
	for _, status := range []int{200, 401, 401, 404, 502, 503} {
		m.Requests(briefing.Slack, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/slack/commands", nil))
	}
	got := scrape(t, m)
	for key, want := range map[string]float64{
		`briefingbot_requests_total{command="section",outcome="answered",platform="slack"}`: 2,
		`briefingbot_requests_total{command="weekly",outcome="failed",platform="teams"}`:    1,
		`briefingbot_undelivered_replies_total{platform="teams"}`:                           1,
		`briefingbot_sends_total{outcome="sent",platform="slack"}`:                          1,
		`briefingbot_sends_total{outcome="unknown",platform="slack"}`:                       1,
		`briefingbot_sends_total{outcome="throttled",platform="slack"}`:                     1,
		`briefingbot_sends_total{outcome="revoked",platform="slack"}`:                       1,
		`briefingbot_refused_requests_total{platform="slack",status="401"}`:                 2,
		`briefingbot_refused_requests_total{platform="slack",status="400"}`:                 0,
		`briefingbot_refused_requests_total{platform="slack",status="500"}`:                 1,
		`briefingbot_refused_requests_total{platform="slack",status="503"}`:                 1,
		`briefingbot_request_seconds{platform="slack"}`:                                     1,
		`briefingbot_build_info{version="v1"}`:                                              1,
	} {
		if have, ok := got[key]; !ok || have != want {
			t.Errorf("%s is %v, want %v", key, have, want)
		}
	}
}

func TestAPanicIsCountedAndGoesOn(t *testing.T) {
	m := metrics.New(config())
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		m.Requests(briefing.Slack, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/slack/commands", nil))
	}()
	if n := scrape(t, m)[`briefingbot_refused_requests_total{platform="slack",status="500"}`]; n != 1 {
		t.Errorf("%v requests failed, want 1", n)
	}
}

// Slack's later parts come after the answer only if that was flushed.
func TestAnAnswerCanStillBeFlushed(t *testing.T) {
	m := metrics.New(config())
	flushed := make(chan error, 1)
	server := httptest.NewServer(m.Requests(briefing.Slack, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		flushed <- http.NewResponseController(w).Flush()
	})))
	defer server.Close()
	resp, err := http.Post(server.URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := <-flushed; err != nil {
		t.Error(err)
	}
}

func TestTheDatabaseIsAskedOnceInAWhile(t *testing.T) {
	var asked atomic.Int64
	now, away := noon, false
	cfg := config()
	cfg.Now = func() time.Time { return now }
	cfg.Stand = func(_ context.Context, since time.Time) (store.Counts, error) {
		asked.Add(1)
		if away {
			return store.Counts{}, errors.New("away")
		}
		if want := now.AddDate(0, 0, -7); !since.Equal(want) {
			t.Errorf("since %s, want %s", since, want)
		}
		return store.Counts{
			Planned: 7, Due: 2, OldestDue: noon.Add(-time.Minute), Sending: 1, Unconfirmed: 4, Failed: 5,
			Paused: map[briefing.Cause]int{briefing.CauseRevoked: 3, "new": 2},
		}, nil
	}
	m := metrics.New(cfg)
	got := scrape(t, m)
	for key, want := range map[string]float64{
		`briefingbot_database_up`: 1, `briefingbot_channels_planned`: 7, `briefingbot_oldest_due_post_seconds`: 60,
		`briefingbot_posts{state="due"}`: 2, `briefingbot_posts{state="sending"}`: 1,
		`briefingbot_posts{state="unconfirmed"}`: 4, `briefingbot_posts{state="failed"}`: 5,
		`briefingbot_channels_paused{cause="revoked"}`: 3, `briefingbot_channels_paused{cause="gone"}`: 0, `briefingbot_channels_paused{cause="other"}`: 2,
	} {
		if have, ok := got[key]; !ok || have != want {
			t.Errorf("%s is %v, want %v", key, have, want)
		}
	}
	for range 10 {
		scrape(t, m)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the database was asked %d times", n)
	}
	now, away = now.Add(time.Minute), true
	got = scrape(t, m)
	if up, ok := got["briefingbot_database_up"]; !ok || up != 0 {
		t.Errorf("the database is away, and up is %v", up)
	}
	if _, ok := got["briefingbot_channels_planned"]; ok {
		t.Error("while the database is away, an old number is told")
	}
}

func TestLinksAndReviewsGrowOld(t *testing.T) {
	link := func(url string, on time.Time) briefing.Text {
		return briefing.Text{{Text: "a", Link: &briefing.Link{URL: url, ConfirmedOn: on}}}
	}
	lib := briefing.Library{{
		ID: "a", ReviewBy: time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC),
		Sections: []briefing.Section{{Blocks: []briefing.Block{
			briefing.Paragraph{Text: link("https://never.example", time.Time{})},
			briefing.Paragraph{Text: link("https://fresh.example", noon.AddDate(0, -11, 0))},
			briefing.List{Items: []briefing.Item{{Text: link("https://old.example", noon.AddDate(-1, 0, -1))}, {Text: link("https://never.example", time.Time{})}}},
		}}},
	}, {ID: "b", ReviewBy: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)}, {ID: "c"}}
	m := metrics.New(config())
	m.SetContent(lib)
	m.SetFaults(3)
	got := scrape(t, m)
	for key, want := range map[string]float64{
		"briefingbot_briefings": 3, "briefingbot_links_unconfirmed": 2, "briefingbot_briefings_review_overdue": 1,
		"briefingbot_content_faults": 3, "briefingbot_content_loaded_timestamp_seconds": float64(noon.Unix()),
	} {
		if have, ok := got[key]; !ok || have != want {
			t.Errorf("%s is %v, want %v", key, have, want)
		}
	}
	m.SetContent(lib[1:])
	if n := scrape(t, m)["briefingbot_content_faults"]; n != 0 {
		t.Errorf("sound briefings are in use, and there are %v faults", n)
	}
}

var update = flag.Bool("update", false, "write testdata/series.txt anew")

// Alerts and the dashboard are checked against this file, in deploy/checks-prometheus.
func TestTheSeriesAreThoseThatAlertsAreCheckedAgainst(t *testing.T) {
	cfg := config()
	cfg.Expires = map[briefing.Platform]time.Time{briefing.Teams: noon}
	m := metrics.New(cfg)
	m.SetContent(builtIn(t))
	got := strings.Join(series(scrape(t, m)), "\n") + "\n"
	const file = "testdata/series.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("go test ./internal/metrics -update writes it anew; then see that alerts and dashboard still hold:\n%s", diff)
	}
}

// The README's table is what people decide by.
func TestTheReadmeListsEveryMetric(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(briefingbot_[a-z_]+)`").FindAllStringSubmatch(string(readme), -1) {
		listed = append(listed, row[1])
	}
	cfg := config()
	cfg.Expires = map[briefing.Platform]time.Time{briefing.Teams: noon}
	m := metrics.New(cfg)
	m.SetContent(builtIn(t))
	var there []string
	for _, key := range series(scrape(t, m)) {
		name, _, _ := strings.Cut(key, "{")
		there = append(there, name)
	}
	slices.Sort(listed)
	if diff := cmp.Diff(slices.Compact(there), listed); diff != "" {
		t.Errorf("there (-), and in README.md (+):\n%s", diff)
	}
}
