package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const wellMetrics = `
briefingbot_build_info{version="v1.2.0"} 1
briefingbot_database_up 1
briefingbot_briefings 2
briefingbot_content_loaded_timestamp_seconds 1796036400
briefingbot_content_faults 0
briefingbot_links_unconfirmed 0
briefingbot_briefings_review_overdue 0
briefingbot_undelivered_replies_total{platform="slack"} 0
briefingbot_requests_total{command="section",outcome="answered",platform="slack"} 3
briefingbot_requests_total{command="pool",outcome="answered",platform="slack"} 1
briefingbot_requests_total{command="pool",outcome="failed",platform="slack"} 0
briefingbot_refused_requests_total{platform="slack",status="401"} 0
briefingbot_channels_planned 12
briefingbot_channels_paused{cause="asked"} 1
briefingbot_channels_paused{cause="gone"} 0
briefingbot_channels_paused{cause="revoked"} 0
briefingbot_oldest_due_post_seconds 0
briefingbot_posts{state="due"} 0
briefingbot_posts{state="unconfirmed"} 0
briefingbot_posts{state="failed"} 0
`

// said is what status says of metrics, without what is ok.
func saidOf(t *testing.T, metrics string) (lines []string, err error) {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(metrics))
	if err != nil {
		t.Fatal(err)
	}
	var f findings
	describe(&f, families, time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))
	for _, one := range f {
		if one.level != ok {
			if one.do == "" {
				t.Errorf("%q says nothing of what to do", one.said)
			}
			lines = append(lines, fmt.Sprintf("%s %s", one.level, one.said))
		}
	}
	var out bytes.Buffer
	return lines, f.print(&out)
}

func TestStatusSaysWhatNeedsSomebody(t *testing.T) {
	for name, c := range map[string]struct {
		change []string // the series, and its value
		want   []string
	}{
		"all is well":     {nil, nil},
		"database away":   {[]string{"briefingbot_database_up", "0"}, []string{"wrong Its database does not answer. Briefings are still answered; weekly questions wait."}},
		"faults":          {[]string{"briefingbot_content_faults", "2"}, []string{"wrong Newer briefings are not in use: they have 2 faults. Those from before are."}},
		"old links":       {[]string{"briefingbot_links_unconfirmed", "4"}, []string{"look 4 links in the briefings not confirmed for a year, or ever. Every reply that shows one says so."}},
		"review overdue":  {[]string{"briefingbot_briefings_review_overdue", "1"}, []string{"look 1 briefing past the day by which somebody should look at it again."}},
		"failed commands": {[]string{`briefingbot_requests_total{command="pool",outcome="failed",platform="slack"}`, "1"}, []string{"look Slack: 1 command could not be carried out since the start; people were told so."}},
		"lost replies":    {[]string{`briefingbot_undelivered_replies_total{platform="slack"}`, "2"}, []string{"look Slack: 2 replies did not arrive since the start."}},
		"some refused":    {[]string{`briefingbot_refused_requests_total{platform="slack",status="401"}`, "9"}, nil},
		"a little late":   {[]string{"briefingbot_oldest_due_post_seconds", "90"}, nil},
		"late": {[]string{"briefingbot_oldest_due_post_seconds", "600", `briefingbot_posts{state="due"}`, "3"},
			[]string{"look 3 weekly questions waiting, the oldest for 10 minutes. After four hours a question is left out."}},
		"very late": {[]string{"briefingbot_oldest_due_post_seconds", "3600", `briefingbot_posts{state="due"}`, "1"},
			[]string{"wrong 1 weekly question waiting, the oldest for 60 minutes. After four hours a question is left out."}},
		"unconfirmed": {[]string{`briefingbot_posts{state="unconfirmed"}`, "1"}, []string{"look 1 weekly question of the last 7 days may or may not have arrived."}},
		"failed":      {[]string{`briefingbot_posts{state="failed"}`, "1"}, []string{"look 1 weekly question of the last 7 days refused by the platform."}},
		"gone":        {[]string{`briefingbot_channels_paused{cause="gone"}`, "1"}, []string{"look 1 channel paused, since the bot was removed, the channel or its questions are gone, or its time zone is not known."}},
		"revoked":     {[]string{`briefingbot_channels_paused{cause="revoked"}`, "5"}, []string{"wrong 5 channels paused, since the bot's access to the platform has ended."}},
	} {
		t.Run(name, func(t *testing.T) {
			metrics := wellMetrics
			for i := 0; i < len(c.change); i += 2 {
				at := strings.Index(metrics, "\n"+c.change[i]+" ")
				if at < 0 {
					t.Fatalf("no %s", c.change[i])
				}
				end := at + 1 + strings.Index(metrics[at+1:], "\n")
				metrics = metrics[:at] + "\n" + c.change[i] + " " + c.change[i+1] + metrics[end:]
			}
			got, err := saidOf(t, metrics)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if bad := len(c.want) > 0 && strings.HasPrefix(c.want[0], "wrong"); (err != nil) != bad {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

func TestStatusKnowsAWrongSigningSecret(t *testing.T) {
	metrics := strings.NewReplacer(`platform="slack"} 3`, `platform="slack"} 0`, `platform="slack"} 1`, `platform="slack"} 0`, `status="401"} 0`, `status="401"} 7`).Replace(wellMetrics)
	got, err := saidOf(t, metrics)
	if want := []string{"wrong Slack: no command was answered since the start, and 7 requests refused, since the signature was not right."}; err == nil || !cmp.Equal(want, got) {
		t.Errorf("%v, %q", err, got)
	}
}

func TestStatusWarnsBeforeASecretEnds(t *testing.T) {
	for day, want := range map[string][]string{
		"2027-06-01": nil,
		"2026-12-20": {"look Teams: the client secret expires on 20 December 2026."},
		"2026-11-30": {"wrong Teams: the client secret expired on 30 November 2026."},
	} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		teams := fmt.Sprintf("briefingbot_undelivered_replies_total{platform=\"teams\"} 0\nbriefingbot_credential_expires_timestamp_seconds{platform=\"teams\"} %d\n", at.Unix())
		if got, _ := saidOf(t, wellMetrics+teams); !cmp.Equal(want, got) {
			t.Errorf("%s: %q, want %q", day, got, want)
		}
	}
}

func TestStatusAsksTheRunningBot(t *testing.T) {
	t.Parallel()
	p := serve(t)
	admin := map[string]string{"BRIEFINGBOT_ADMIN_LISTEN": p.admin}
	out, code := ask(t, admin, "status")
	if code != 0 || !strings.Contains(out, "ok     Its database answers.") || !strings.Contains(out, "ok     Slack: no command since the start.") {
		t.Errorf("status %d:\n%s", code, out)
	}
	body := command("/da-briefing", "worries")
	if status, _ := p.do(http.MethodPost, p.public, "/slack/commands", body, signed(body)); status != http.StatusOK {
		t.Fatal(status)
	}
	if out, code := ask(t, admin, "status"); code != 0 || !strings.Contains(out, "ok     Slack: 1 command answered since the start.") {
		t.Errorf("status %d:\n%s", code, out)
	}
	_, scraped := p.do(http.MethodGet, p.admin, "/metrics", "", nil)
	if want := `briefingbot_requests_total{command="section",outcome="answered",platform="slack"} 1`; !strings.Contains(scraped, want) {
		t.Errorf("%s is missing", want)
	}
	if status, _ := p.do(http.MethodGet, p.public, "/metrics", "", nil); status != http.StatusNotFound {
		t.Errorf("metrics on the public address: status %d, want 404", status)
	}
	public := map[string]string{"BRIEFINGBOT_ADMIN_LISTEN": p.public}
	if out, code := ask(t, public, "status"); code != 1 || !strings.Contains(out, "is not this bot") {
		t.Errorf("status of another server: %d:\n%s", code, out)
	}
	p.stop()
	if out, code := ask(t, admin, "status"); code != 1 || !strings.Contains(out, "wrong  The bot does not run here") || !strings.Contains(out, "→ Start it with briefingbot serve") {
		t.Errorf("status of a bot that does not run: %d:\n%s", code, out)
	}
}
