// Package checks holds the alerts and the dashboard against Prometheus' own parsers,
// and against the series that the program has: a rule on a metric or a label that is
// not there never fires, and nobody sees that.
package checks

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

var (
	promql = parser.NewParser(parser.Options{})
	suffix = regexp.MustCompile(`^(briefingbot_request_seconds)_(bucket|sum|count)$`)
	// What client_golang tells of the process, where it can.
	process = []string{"process_resident_memory_bytes", "process_start_time_seconds", "process_open_fds", "process_cpu_seconds_total"}
)

// known is every series of the program's; a test of internal/metrics keeps the file.
func known(t *testing.T) []labels.Labels {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "internal", "metrics", "testdata", "series.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var out []labels.Labels
	for line := range strings.SplitSeq(strings.TrimSpace(string(raw)), "\n") {
		series, err := promql.ParseMetric(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, series)
	}
	return out
}

// check parses an expression, and finds a series for each of its selectors.
func check(t *testing.T, where, expression string, series []labels.Labels) {
	t.Helper()
	parsed, err := promql.ParseExpr(expression)
	if err != nil {
		t.Errorf("%s: %s: %v", where, expression, err)
		return
	}
	selectors := parser.ExtractSelectors(parsed)
	if len(selectors) == 0 {
		t.Errorf("%s: %s asks for nothing", where, expression)
	}
	for _, matchers := range selectors {
		if name, found := find(matchers, series); !found {
			t.Errorf("%s: %s: there is no such series of %s", where, expression, name)
		}
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		by, ok := node.(*parser.AggregateExpr)
		if !ok || by.Without {
			return nil
		}
		for _, selector := range parser.ExtractSelectors(by.Expr) {
			for _, label := range by.Grouping {
				if !has(selector, label, series) {
					t.Errorf("%s: %s: by %s, which is no label there", where, expression, label)
				}
			}
		}
		return nil
	})
}

func nameOf(matchers []*labels.Matcher) string {
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel {
			return suffix.ReplaceAllString(m.Value, "$1")
		}
	}
	return ""
}

func find(matchers []*labels.Matcher, series []labels.Labels) (name string, found bool) {
	name = nameOf(matchers)
	if slices.Contains(process, name) {
		return name, true
	}
	for _, s := range series {
		fits := s.Get(model.MetricNameLabel) == name
		for _, m := range matchers {
			fits = fits && (m.Name == model.MetricNameLabel || m.Matches(s.Get(m.Name)))
		}
		if fits {
			return name, true
		}
	}
	return name, false
}

func has(matchers []*labels.Matcher, label string, series []labels.Labels) bool {
	name := nameOf(matchers)
	return label == "le" || slices.ContainsFunc(series, func(s labels.Labels) bool {
		return s.Get(model.MetricNameLabel) == name && s.Has(label)
	})
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "prometheus", "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	rules, errs := rulefmt.Parse(raw, false, model.LegacyValidation, promql, slog.New(slog.NewTextHandler(io.Discard, nil)))
	for _, err := range errs {
		t.Error(err)
	}
	if t.Failed() {
		return
	}
	series, seen := known(t), map[string]bool{}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" || seen[rule.Alert] {
				t.Errorf("%q has no name of its own", rule.Alert)
			}
			seen[rule.Alert] = true
			check(t, rule.Alert, rule.Expr, series)
			if !slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]) {
				t.Errorf("%s: severity %q", rule.Alert, rule.Labels["severity"])
			}
			for _, annotation := range []string{"summary", "meaning", "runbook"} {
				if text := rule.Annotations[annotation]; len(text) < 20 || !strings.HasSuffix(text, ".") {
					t.Errorf("%s: its %s is %q", rule.Alert, annotation, text)
				}
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d alerts", len(seen))
	}
}

func TestTheDashboardAsksForWhatThereIs(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "grafana", "briefingbot.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &dashboard); err != nil {
		t.Fatal(err)
	}
	series, ids, asked := known(t), map[int]bool{}, 0
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d, %q, does not fit in", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			asked++
			check(t, p.Title, strings.ReplaceAll(target.Expr, "$__rate_interval", "5m"), series)
		}
	}
	if asked < 10 {
		t.Errorf("only %d expressions", asked)
	}
}

func TestASelectorWithoutASeriesIsFound(t *testing.T) {
	series := known(t)
	for _, expression := range []string{
		"briefingbot_reqests_total", `briefingbot_channels_paused{cause="revokd"}`, `briefingbot_posts{sate="due"}`, `briefingbot_sends_total{outcome=~"snt|thrttled"}`,
	} {
		parsed, err := promql.ParseExpr(expression)
		if err != nil {
			t.Fatal(err)
		}
		for _, matchers := range parser.ExtractSelectors(parsed) {
			if _, found := find(matchers, series); found {
				t.Errorf("%s is found", expression)
			}
		}
	}
}
