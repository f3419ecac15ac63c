package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"briefingbot/internal/briefing"
)

type statusCommand struct {
	AdminListen string `default:"127.0.0.1:9090" env:"BRIEFINGBOT_ADMIN_LISTEN" help:"The running bot's address for health checks and metrics."`
}

// Run asks the running bot for its metrics, and tells a person what they mean.
func (c statusCommand) Run(ctx context.Context, s streams) error {
	var f findings
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	address, err := reachable(cmp.Or(c.AdminListen, defaultAdminListen))
	if err != nil {
		return hinted{fmt.Errorf("BRIEFINGBOT_ADMIN_LISTEN is no address: %w", err), "name host and port, like 127.0.0.1:9090"}
	}
	told, err := scrape(ctx, address)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		f.add(wrong, "The bot does not run here: nobody listens on "+address+".",
			"Start it with briefingbot serve, or as a service with systemctl start briefingbot. If it runs, BRIEFINGBOT_ADMIN_LISTEN must be the same here as there.")
	case errors.Is(err, errOther):
		f.add(wrong, "What listens on "+address+" is not this bot, or an older version of it.", "Name the bot's own address in BRIEFINGBOT_ADMIN_LISTEN.")
	case err != nil:
		f.add(wrong, "The bot does not answer on "+address+": "+causeOf(err)+".", "Look at its log. If it hangs, restart it: posts that are under way are kept.")
	default:
		describe(&f, told, time.Now())
	}
	return f.print(s.out)
}

// statusTime is above what the bot takes to find that its database is away.
const statusTime = 9 * time.Second

// reachable is an address that leads to a listener: one that listens on every address
// of a machine is asked on loopback.
func reachable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", errors.New("it has no port")
	}
	switch ip := net.ParseIP(host); {
	case ip.Equal(net.IPv4zero):
		host = "127.0.0.1"
	case host == "" || ip.IsUnspecified():
		host = "localhost" // of IPv6, or of IPv4 where there is no other
	}
	return net.JoinHostPort(host, port), nil
}

var errOther = errors.New("no metrics of this bot's")

func scrape(ctx context.Context, address string) (told, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	// Without the default transport, whose proxy might be asked in the bot's place.
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() // only read from
	if resp.StatusCode != http.StatusOK {
		return nil, errOther
	}
	const most = 4 << 20
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(resp.Body, most))
	if err != nil || families["briefingbot_build_info"] == nil {
		return nil, errOther
	}
	return families, nil
}

// told is what the bot told, by the names of the metrics.
type told map[string]*dto.MetricFamily

// sum adds up what a metric has with these labels, given as name and value.
func (t told) sum(name string, labels ...string) float64 {
	total := 0.0
	for _, m := range t["briefingbot_"+name].GetMetric() {
		has := map[string]string{}
		for _, l := range m.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		fits := true
		for i := 0; i < len(labels); i += 2 {
			fits = fits && has[labels[i]] == labels[i+1]
		}
		if fits {
			total += m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue()
		}
	}
	return total
}

func (t told) n(name string, labels ...string) int { return int(t.sum(name, labels...)) }

func (t told) has(name string) bool { return t["briefingbot_"+name] != nil }

func (t told) platforms() []briefing.Platform {
	var out []briefing.Platform
	for _, p := range []briefing.Platform{briefing.Slack, briefing.Teams} {
		for _, m := range t["briefingbot_undelivered_replies_total"].GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "platform" && l.GetValue() == string(p) {
					out = append(out, p)
				}
			}
		}
	}
	return out
}

// describe tells what the metrics mean.
func describe(f *findings, t told, now time.Time) {
	since := ""
	if start := t["process_start_time_seconds"].GetMetric(); len(start) == 1 {
		since = ", since " + moment(time.Unix(int64(start[0].GetGauge().GetValue()), 0))
	}
	version := ""
	for _, m := range t["briefingbot_build_info"].GetMetric() {
		for _, l := range m.GetLabel() {
			version = " " + l.GetValue()
		}
	}
	f.add(ok, "briefingbot"+version+" runs"+since+".", "")
	if t.sum("database_up") == 1 {
		f.add(ok, "Its database answers.", "")
	} else {
		f.add(wrong, "Its database does not answer. Briefings are still answered; weekly questions wait.",
			"See that the database runs and that its disk is not full; briefingbot doctor tries it. The bot goes on by itself when it is back.")
	}
	describeContent(f, t)
	for _, p := range t.platforms() {
		describeRequests(f, t, p)
	}
	if t.has("channels_planned") {
		describeWeekly(f, t)
	}
	for _, p := range t.platforms() {
		if at := t.sum("credential_expires_timestamp_seconds", "platform", string(p)); at > 0 {
			describeExpiry(f, p, time.Unix(int64(at), 0).UTC(), now)
		}
	}
}

func describeContent(f *findings, t told) {
	f.add(ok, fmt.Sprintf("%s in use, loaded %s.", count(t.n("briefings"), "briefing"), moment(time.Unix(int64(t.sum("content_loaded_timestamp_seconds")), 0))), "")
	if n := t.n("content_faults"); n > 0 {
		f.add(wrong, "Newer briefings are not in use: they have "+count(n, "fault")+". Those from before are.",
			"briefingbot check lists each fault with its line and what to do.")
	}
	if n := t.n("links_unconfirmed"); n > 0 {
		f.add(look, count(n, "link")+" in the briefings not confirmed for a year, or ever. Every reply that shows one says so.",
			"Ask whoever looks after the briefings to try the links, and to write the day into the briefing.")
	}
	if n := t.n("briefings_review_overdue"); n > 0 {
		f.add(look, count(n, "briefing")+" past the day by which somebody should look at it again.", "Ask the partnership whether the text still holds, and for a new date.")
	}
}

var platformNames = map[briefing.Platform]string{briefing.Slack: "Slack", briefing.Teams: "Teams"}

func describeRequests(f *findings, t told, p briefing.Platform) {
	name, label := platformNames[p], string(p)
	good, bad := t.n("requests_total", "platform", label, "outcome", "answered"), t.n("requests_total", "platform", label, "outcome", "failed")
	refused, lost := t.n("refused_requests_total", "platform", label, "status", "401"), t.n("undelivered_replies_total", "platform", label)
	switch {
	case good+bad == 0 && refused > 0:
		do := "Copy the signing secret once more from the app's page (Basic Information), and set this machine's clock by the network."
		if p == briefing.Teams {
			do = "See that TEAMS_APP_ID is the Application (client) ID of the Azure Bot, and set this machine's clock by the network."
		}
		f.add(wrong, name+": no command was answered since the start, and "+count(refused, "request")+" refused, since the signature was not right.", do)
		return
	case good+bad == 0:
		f.add(ok, name+": no command since the start.", "")
	default:
		f.add(ok, fmt.Sprintf("%s: %s answered since the start.", name, count(good, "command")), "")
	}
	if bad > 0 {
		f.add(look, fmt.Sprintf("%s: %s could not be carried out since the start; people were told so.", name, count(bad, "command")),
			`The log says why: lines with "msg":"reply failed".`)
	}
	if lost > 0 {
		f.add(look, fmt.Sprintf("%s: %s did not arrive since the start.", name, count(lost, "reply")), `The log says why: lines with "msg":"reply not delivered".`)
	}
}

const (
	lateLook  = 2 * time.Minute // a question comes within a minute of its time
	lateWrong = 30 * time.Minute
)

func describeWeekly(f *findings, t told) {
	f.add(ok, "Weekly questions: "+count(t.n("channels_planned"), "channel")+" with one coming.", "")
	late := time.Duration(t.sum("oldest_due_post_seconds")) * time.Second
	if late > lateLook {
		l := look
		if late > lateWrong {
			l = wrong
		}
		f.add(l, fmt.Sprintf("%s waiting, the oldest for %s. After four hours a question is left out.", count(t.n("posts", "state", "due"), "weekly question"), count(int(late.Minutes()), "minute")),
			"briefingbot doctor tries the platforms; the log says what they answer: lines with \"msg\":\"post not delivered\".")
	}
	if n := t.n("posts", "state", "unconfirmed"); n > 0 {
		f.add(look, count(n, "weekly question")+" of the last 7 days may or may not have arrived.",
			"Nothing is sent twice by itself. /reflection in the channel says so, and offers to post it again.")
	}
	if n := t.n("posts", "state", "failed"); n > 0 {
		f.add(look, count(n, "weekly question")+" of the last 7 days refused by the platform.", "/reflection in the channel says why, and what to do.")
	}
	asked := t.n("channels_paused", "cause", string(briefing.CauseAsked))
	if asked > 0 {
		f.add(ok, count(asked, "channel")+" paused by the team.", "")
	}
	revoked := t.n("channels_paused", "cause", string(briefing.CauseRevoked))
	if revoked > 0 {
		f.add(wrong, count(revoked, "channel")+" paused, since the bot's access to the platform has ended.",
			"briefingbot doctor tells which credential is refused. Put it right, restart, and have the teams type /reflection resume.")
	}
	if rest := t.n("channels_paused") - asked - revoked; rest > 0 {
		f.add(look, count(rest, "channel")+" paused, since the bot was removed, the channel or its questions are gone, or its time zone is not known.",
			"/reflection in the channel says which, and what to do. A channel that is gone needs nothing.")
	}
}

// expiryLook is how long before its end a credential is spoken of.
const expiryLook = 30 * 24 * time.Hour

func describeExpiry(f *findings, p briefing.Platform, at, now time.Time) {
	name, day := platformNames[p], at.Format("2 January 2006")
	do := "Make a new client secret (\"Connect Teams\" in README.md, step 2), restart, and set TEAMS_APP_PASSWORD_EXPIRES to its last day."
	switch left := at.Sub(now); {
	case left <= 0:
		f.add(wrong, name+": the client secret expired on "+day+".", do)
	case left < expiryLook:
		f.add(look, name+": the client secret expires on "+day+".", do)
	default:
		f.add(ok, name+": the client secret is good until "+day+".", "")
	}
}

func moment(t time.Time) string { return t.Format("Monday 2 January 2006, 15:04 MST") }

// causeOf is what broke a connection, without the address, which has been said.
func causeOf(err error) string {
	var (
		slow net.Error
		op   *net.OpError
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return "no answer came in time"
	case errors.As(err, &op) && op.Err != nil:
		return op.Err.Error()
	}
	return "the connection ended"
}
