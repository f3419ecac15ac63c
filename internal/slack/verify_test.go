package slack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"briefingbot/internal/briefing"
)

// The example that Slack publishes, so that a mistake in our own signing cannot
// hide the same one in the check.
// https://docs.slack.dev/authentication/verifying-requests-from-slack
const (
	publishedSecret    = "8f742231b10e8888abcd99yyyzzz85a5"
	publishedTimestamp = "1531420618"
	publishedSignature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
	publishedBody      = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)

var publishedTime = time.Unix(1531420618, 0)

// check verifies a request as the handlers do: headers first, then the body.
func check(v *verifier, h http.Header, body string) error {
	sig, err := v.headers(h)
	if err != nil {
		return err
	}
	return v.body(sig, []byte(body))
}

func headers(signature, timestamp string) http.Header {
	return http.Header{"X-Slack-Signature": {signature}, "X-Slack-Request-Timestamp": {timestamp}}
}

// signed is the headers of a request signed with the published secret.
func signed(timestamp, body string) http.Header {
	return headers(signatureOf(publishedSecret, timestamp, body), timestamp)
}

func verifierAt(t time.Time) *verifier {
	return newVerifier(briefing.NewPrivate(publishedSecret), func() time.Time { return t })
}

func TestSlacksPublishedExampleIsAccepted(t *testing.T) {
	if err := check(verifierAt(publishedTime), headers(publishedSignature, publishedTimestamp), publishedBody); err != nil {
		t.Fatal(err)
	}
	if got := signatureOf(publishedSecret, publishedTimestamp, publishedBody); got != publishedSignature {
		t.Fatalf("the tests' own signing gives %s", got)
	}
}

func TestForgedAndMalformedRequestsAreRefused(t *testing.T) {
	flip := func(s string, i int) string {
		b := []byte(s)
		b[i] ^= 1
		return string(b)
	}
	tests := []struct {
		name    string
		secret  string
		headers http.Header
		body    string
	}{
		{"first bit of the body", publishedSecret, headers(publishedSignature, publishedTimestamp), flip(publishedBody, 0)},
		{"last bit of the body", publishedSecret, headers(publishedSignature, publishedTimestamp), flip(publishedBody, len(publishedBody)-1)},
		{"body cut short", publishedSecret, headers(publishedSignature, publishedTimestamp), publishedBody[:len(publishedBody)-1]},
		{"body longer", publishedSecret, headers(publishedSignature, publishedTimestamp), publishedBody + "&"},
		{"no body", publishedSecret, headers(publishedSignature, publishedTimestamp), ""},
		{"first bit of the secret", flip(publishedSecret, 0), headers(publishedSignature, publishedTimestamp), publishedBody},
		{"last bit of the secret", flip(publishedSecret, len(publishedSecret)-1), headers(publishedSignature, publishedTimestamp), publishedBody},
		{"one bit of the timestamp", publishedSecret, headers(publishedSignature, flip(publishedTimestamp, len(publishedTimestamp)-1)), publishedBody},
		{"one bit of the signature", publishedSecret, headers(flip(publishedSignature, len(publishedSignature)-1), publishedTimestamp), publishedBody},
		{"body moved into the timestamp", publishedSecret, headers(publishedSignature, publishedTimestamp+":"+publishedBody), ""},

		{"no headers", publishedSecret, http.Header{}, publishedBody},
		{"no signature", publishedSecret, http.Header{"X-Slack-Request-Timestamp": {publishedTimestamp}}, publishedBody},
		{"no timestamp", publishedSecret, http.Header{"X-Slack-Signature": {publishedSignature}}, publishedBody},
		{"empty signature", publishedSecret, headers("", publishedTimestamp), publishedBody},
		{"empty timestamp", publishedSecret, signed("", publishedBody), publishedBody},
		{"the right signature twice", publishedSecret, http.Header{"X-Slack-Signature": {publishedSignature, publishedSignature}, "X-Slack-Request-Timestamp": {publishedTimestamp}}, publishedBody},
		{"the right timestamp twice", publishedSecret, http.Header{"X-Slack-Signature": {publishedSignature}, "X-Slack-Request-Timestamp": {publishedTimestamp, publishedTimestamp}}, publishedBody},
		{"two signatures in one header", publishedSecret, headers(publishedSignature+","+publishedSignature, publishedTimestamp), publishedBody},
		{"upper-case hex", publishedSecret, headers("v0="+strings.ToUpper(publishedSignature[3:]), publishedTimestamp), publishedBody},
		{"upper-case version", publishedSecret, headers("V0="+publishedSignature[3:], publishedTimestamp), publishedBody},
		{"another version", publishedSecret, headers("v1="+publishedSignature[3:], publishedTimestamp), publishedBody},
		{"no version", publishedSecret, headers(publishedSignature[3:], publishedTimestamp), publishedBody},
		{"signature one digit short", publishedSecret, headers(publishedSignature[:len(publishedSignature)-1], publishedTimestamp), publishedBody},
		{"signature of half the length", publishedSecret, headers(publishedSignature[:3+32], publishedTimestamp), publishedBody},
		{"signature one digit long", publishedSecret, headers(publishedSignature+"0", publishedTimestamp), publishedBody},
		{"signature with a letter that is no digit", publishedSecret, headers(publishedSignature[:len(publishedSignature)-1]+"g", publishedTimestamp), publishedBody},

		// Rightly signed, so that only their form is wrong.
		{"plus in the timestamp", publishedSecret, signed("+"+publishedTimestamp, publishedBody), publishedBody},
		{"minus in the timestamp", publishedSecret, signed("-"+publishedTimestamp, publishedBody), publishedBody},
		{"space before the timestamp", publishedSecret, signed(" "+publishedTimestamp, publishedBody), publishedBody},
		{"space after the timestamp", publishedSecret, signed(publishedTimestamp+" ", publishedBody), publishedBody},
		{"underscore in the timestamp", publishedSecret, signed("1_531420618", publishedBody), publishedBody},
		{"fraction in the timestamp", publishedSecret, signed(publishedTimestamp+".0", publishedBody), publishedBody},
		{"hexadecimal timestamp", publishedSecret, signed("0x5b47a10a", publishedBody), publishedBody},
		{"timestamp beyond every number", publishedSecret, signed(strings.Repeat("9", 40), publishedBody), publishedBody},
		{"timestamp at the end of numbers", publishedSecret, signed("9223372036854775807", publishedBody), publishedBody},
		{"timestamp in milliseconds", publishedSecret, signed(publishedTimestamp+"000", publishedBody), publishedBody},
		{"timestamp zero", publishedSecret, signed("0", publishedBody), publishedBody},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := newVerifier(briefing.NewPrivate(tt.secret), func() time.Time { return publishedTime })
			var refused *refusal
			if err := check(v, tt.headers, tt.body); !errors.As(err, &refused) || refused.status != http.StatusUnauthorized {
				t.Errorf("%v, want a refusal with 401", err)
			}
			if held := len(v.seen.new) + len(v.seen.old); held != 0 {
				t.Errorf("a refused request takes %d places in the memory against replays", held)
			}
		})
	}
}

func TestEveryBitOfTheBodyIsSigned(t *testing.T) {
	v := verifierAt(publishedTime)
	body := []byte(publishedBody)
	for i := range body {
		for bit := range 8 {
			body[i] ^= 1 << bit
			if err := check(v, headers(publishedSignature, publishedTimestamp), string(body)); !errors.Is(err, errSignature) {
				t.Fatalf("bit %d of byte %d changed: %v", bit, i, err)
			}
			body[i] ^= 1 << bit
		}
	}
}

func TestTimestampsAreTakenFor300SecondsEitherWay(t *testing.T) {
	for _, tt := range []struct {
		age  time.Duration
		want error
	}{
		{0, nil},
		{299 * time.Second, nil},
		{300 * time.Second, nil},
		{301 * time.Second, errStale},
		{24 * time.Hour, errStale},
		{-300 * time.Second, nil},
		{-301 * time.Second, errStale},
		{-24 * time.Hour, errStale},
	} {
		t.Run(fmt.Sprint(tt.age), func(t *testing.T) {
			v := verifierAt(publishedTime.Add(tt.age))
			if err := check(v, headers(publishedSignature, publishedTimestamp), publishedBody); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

func TestAReplayIsRefusedForAsLongAsItsTimestampIsGood(t *testing.T) {
	for _, tt := range []struct {
		name          string
		first, second time.Duration // since the request's timestamp
	}{
		{"at once", 0, 0},
		{"after a second", 0, time.Second},
		{"after 299 s", 0, 299 * time.Second},
		{"after 300 s", 0, 300 * time.Second},
		{"from the earliest moment to the last", -300 * time.Second, 300 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := publishedTime.Add(tt.first)
			v := newVerifier(briefing.NewPrivate(publishedSecret), func() time.Time { return now })
			if err := check(v, headers(publishedSignature, publishedTimestamp), publishedBody); err != nil {
				t.Fatal(err)
			}
			now = publishedTime.Add(tt.second)
			if err := check(v, headers(publishedSignature, publishedTimestamp), publishedBody); !errors.Is(err, errReplay) {
				t.Errorf("%v, want %v", err, errReplay)
			}
		})
	}
}

func TestTheSameCommandTypedTwiceIsNoReplay(t *testing.T) {
	v := verifierAt(publishedTime)
	for i := range 3 {
		stamp := strconv.FormatInt(publishedTime.Unix()-int64(i), 10)
		if err := check(v, signed(stamp, publishedBody), publishedBody); err != nil {
			t.Fatal(err)
		}
	}
}

// number is a key that no other number has.
func number(n int) (key [16]byte) {
	binary.BigEndian.PutUint64(key[:], uint64(n))
	return key
}

func TestTheMemoryAgainstReplaysIsBoundedAndKeepsTheLatest(t *testing.T) {
	var r replays
	most := 0
	for n := range 3*maxSeen + maxSeen/2 {
		if !r.add(number(n), publishedTime) {
			t.Fatalf("request %d is new, and was refused", n)
		}
		most = max(most, len(r.new)+len(r.old))
	}
	if most > 2*maxSeen {
		t.Errorf("%d requests were remembered at a time, want at most %d", most, 2*maxSeen)
	}
	for n := 5*maxSeen/2 + 1; n < 3*maxSeen+maxSeen/2; n++ {
		if r.add(number(n), publishedTime) {
			t.Fatalf("request %d is among the last %d, and was taken again", n, maxSeen)
		}
	}
}

func TestTheMemoryAgainstReplaysForgetsWhatIsStale(t *testing.T) {
	const step = 7 * time.Second
	var r replays
	added := map[int]time.Time{}
	for n := range 2000 {
		now := publishedTime.Add(time.Duration(n) * step)
		if !r.add(number(n), now) {
			t.Fatalf("request %d is new, and was refused", n)
		}
		added[n] = now
		// A request may come 300 s before its timestamp, and is good until 300 s after.
		for old := max(0, n-int(2*maxSkew*time.Second/step)); old < n; old++ {
			if r.add(number(old), now) {
				t.Fatalf("request %d was taken again after %s", old, now.Sub(added[old]))
			}
		}
		if held := len(r.new) + len(r.old); held > 4*int(maxSkew*time.Second/step)+4 {
			t.Fatalf("%d requests are remembered: more than 20 minutes' worth", held)
		}
	}
}

func TestAClockThatGoesBackKeepsTheMemoryAgainstReplays(t *testing.T) {
	var r replays
	r.add(number(1), publishedTime)
	for _, now := range []time.Time{publishedTime.Add(-time.Hour), publishedTime, publishedTime.Add(599 * time.Second)} {
		if r.add(number(1), now) {
			t.Fatalf("taken again at %s", now)
		}
	}
}

func TestOfManyCopiesAtTheSameInstantOneIsServed(t *testing.T) {
	answered := atomic.Int64{}
	a := newAdapter(t, Config{SigningSecret: briefing.NewPrivate(secret)}, responderFunc(func(briefing.Request) *briefing.Message {
		answered.Add(1)
		return &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: "an answer"}}}
	}))
	body := commandBody("/da-briefing", "worries", "")
	stamp := now()
	var (
		start    = make(chan struct{})
		statuses = make([]int, 20)
		wg       sync.WaitGroup
	)
	for i := range statuses {
		wg.Go(func() {
			r := httptest.NewRequest(http.MethodPost, "/slack/commands", strings.NewReader(body))
			r.Header = headers(signatureOf(secret, stamp, body), stamp)
			w := httptest.NewRecorder()
			<-start
			a.commands(w, r)
			statuses[i] = w.Code
		})
	}
	close(start)
	wg.Wait()
	served := 0
	for _, status := range statuses {
		switch status {
		case http.StatusOK:
			served++
		case http.StatusUnauthorized:
		default:
			t.Errorf("status %d", status)
		}
	}
	if served != 1 || answered.Load() != 1 {
		t.Errorf("%d were served and %d answered, want one", served, answered.Load())
	}
}
