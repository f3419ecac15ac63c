package linkcheck

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// site starts a server over TLS on loopback that ends with the test.
func site(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are what some tests want
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// checker trusts these servers, and does not wait between requests.
func checker(servers ...*httptest.Server) Checker {
	c := Checker{Agent: "briefingbot/test", Timeout: 5 * time.Second, Gap: time.Nanosecond, Roots: x509.NewCertPool()}
	for _, s := range servers {
		c.Roots.AddCert(s.Certificate())
	}
	return c
}

func one(t testing.TB, c Checker, address string) Result {
	t.Helper()
	results, err := c.Check(t.Context(), []string{address})
	if err != nil || len(results) != 1 {
		t.Fatal(results, err)
	}
	return results[0]
}

func TestVerdictSaysWhatHappened(t *testing.T) {
	t.Parallel()
	s := site(t, func(w http.ResponseWriter, r *http.Request) {
		switch path := strings.Trim(r.URL.Path, "/"); path {
		case "", "page":
			fmt.Fprintln(w, "A page.")
		case "for-good":
			http.Redirect(w, r, "/page", http.StatusMovedPermanently)
		case "for-now":
			http.Redirect(w, r, "/for-good", http.StatusFound)
		case "home":
			http.Redirect(w, r, "/", http.StatusMovedPermanently)
		case "plain":
			http.Redirect(w, r, "http://"+r.Host+"/page", http.StatusMovedPermanently)
		case "round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "nowhere":
			w.WriteHeader(http.StatusFound)
		case "silent":
			<-r.Context().Done()
		case "cut":
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			var status int
			if _, err := fmt.Sscan(path, &status); err != nil {
				t.Errorf("asked for %q", path)
			}
			w.WriteHeader(status)
		}
	})
	for _, tt := range []struct {
		path    string
		verdict Verdict
		why     string
		hops    int
	}{
		{"page", Works, "", 1},
		{"204", Works, "", 1},
		{"for-good", Moved, "moved for good", 2},
		{"for-now", Works, "for now", 3},
		{"home", Unclear, "front page", 2},
		{"plain", Unclear, "not encrypted", 1},
		{"round", Broken, "on and on", maxHops + 1},
		{"nowhere", Broken, "without saying where", 1},
		{"401", Unclear, "sign in", 1},
		{"403", Unclear, "send programs away", 1},
		{"404", Broken, "not there any more (404)", 1},
		{"410", Broken, "not there any more (410)", 1},
		{"429", Unclear, "send programs away", 1},
		{"400", Broken, "400 (Bad Request)", 1},
		{"503", Broken, "in trouble", 1},
		{"silent", Broken, "no answer within", 0},
		{"cut", Broken, "as a web server should", 0},
	} {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			c := checker(s)
			if tt.path == "silent" {
				c.Timeout = 100 * time.Millisecond
			}
			got := one(t, c, s.URL+"/"+tt.path)
			if got.Verdict != tt.verdict || !strings.Contains(got.Why, tt.why) || (tt.why == "") != (got.Why == "") || len(got.Hops) != tt.hops {
				t.Errorf("%s: %q after %v", got.Verdict, got.Why, got.Hops)
			}
		})
	}
}

func TestTroubleWithEncryptionIsToldFromOtherTrouble(t *testing.T) {
	t.Parallel()
	s := site(t, func(http.ResponseWriter, *http.Request) {})
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(plain.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, tt := range []struct {
		name, address string
		c             Checker
		why           string
	}{
		{"nobody vouches for it", s.URL, checker(), "certificate cannot be trusted"},
		// httptest's certificate is for 127.0.0.1, ::1 and example.com.
		{"it is another's", "https://localhost:" + port, checker(s), "certificate is for another name"},
		{"there is none", strings.Replace(plain.URL, "http:", "https:", 1), checker(), "no encrypted connection"},
		{"nobody is there", "https://" + closed.Addr().String(), checker(), "takes no connections"},
		{"not https", "http://127.0.0.1", checker(), "not a whole https:// address"},
		{"no address", "https://%zz", checker(), "not a whole https:// address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := one(t, tt.c, tt.address); got.Verdict != Broken || !strings.Contains(got.Why, tt.why) {
				t.Errorf("%s: %q, want %q", got.Verdict, got.Why, tt.why)
			}
		})
	}
	for _, tt := range []struct {
		err     error
		verdict Verdict
		why     string
	}{
		{&net.DNSError{IsNotFound: true}, Broken, "no server of that name"},
		{&net.DNSError{IsTimeout: true}, Broken, "no answer"},
		{&net.DNSError{Err: "server misbehaving"}, Unclear, "this machine is connected"},
		{x509.CertificateInvalidError{Reason: x509.Expired}, Broken, "expired"},
		{context.Canceled, Unclear, "not opened"},
	} {
		if verdict, why := failure(&url.Error{Err: tt.err}, time.Second); verdict != tt.verdict || !strings.Contains(why, tt.why) {
			t.Errorf("%v: %s: %q", tt.err, verdict, why)
		}
	}
}

// A server that a briefing links to must not have this machine ask one in here.
func TestRedirectIntoAPrivateNetworkIsNotFollowed(t *testing.T) {
	t.Parallel()
	inside := site(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked for", r.URL) })
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	for _, to := range []string{inside.URL, "https://localhost:" + port, "https://[::ffff:127.0.0.1]:" + port, "https://user:word@127.0.0.1:" + port} {
		outside := site(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
		got := one(t, checker(inside, outside), outside.URL+"/page")
		if got.Verdict != Unclear || !strings.Contains(got.Why, "private network") || len(got.Hops) != 1 {
			t.Errorf("to %s: %s %q %v", to, got.Verdict, got.Why, got.Hops)
		}
	}
}

func TestAddressesOfPrivateNetworksAreKnown(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": true, "93.184.215.14": true, "2606:4700::6810:84e5": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "192.0.2.1": false,
		"::1": false, "::": false, "fe80::1%eth0": false, "fd00::1": false, "ff02::1": false, "::ffff:10.0.0.1": false,
		"64:ff9b::a00:1": false, "2002:a00:1::": false, "2001:0:4136::1": false,
	} {
		if got := isPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %t, want %t", address, got, want)
		}
	}
}

func TestProxyIsNotSentIntoAPrivateNetwork(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"www.example.org": false, "8.8.8.8": false,
		"10.0.0.1": true, "[::1]": true, "intranet": true, "files.corp.internal": true, "printer.local": true, "printer.local.": true, "LOCALHOST": true,
	} {
		u := &url.URL{Scheme: "https", Host: host}
		if got := namesPrivate(u); got != want {
			t.Errorf("%s: %t, want %t", host, got, want)
		}
	}
}

func TestServersAreAskedGently(t *testing.T) {
	t.Parallel()
	const gap = 60 * time.Millisecond
	var (
		mu          sync.Mutex
		times       []time.Time
		under, most atomic.Int32
	)
	s := site(t, func(w http.ResponseWriter, r *http.Request) {
		n := under.Add(1)
		defer under.Add(-1)
		for {
			if old := most.Load(); n <= old || most.CompareAndSwap(old, n) {
				break
			}
		}
		mu.Lock()
		times = append(times, time.Now())
		mu.Unlock()
		if got := r.Header.Get("User-Agent"); got != "briefingbot/test" || r.Method != http.MethodGet {
			t.Errorf("%s by %q", r.Method, got)
		}
		for _, no := range []string{"Cookie", "Referer", "Authorization"} {
			if r.Header.Get(no) != "" {
				t.Errorf("%s is sent", no)
			}
		}
		if r.URL.Path == "/1" {
			http.Redirect(w, r, "/again", http.StatusFound) // counts as well
		}
		time.Sleep(2 * gap)
	})
	c := checker(s)
	c.Gap, c.AtOnce = gap, 2
	var addresses []string
	for i := range 6 {
		addresses = append(addresses, fmt.Sprintf("%s/%d", s.URL, i))
	}
	results, err := c.Check(t.Context(), addresses)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.URL != addresses[i] {
			t.Errorf("result %d is of %s", i, r.URL)
		}
	}
	if most.Load() > 2 {
		t.Errorf("%d at once, want 2 at most", most.Load())
	}
	if len(times) != 7 {
		t.Fatalf("%d requests, want 7", len(times))
	}
	// From the first to the last, since each may be late by itself.
	if took := times[6].Sub(times[0]); took < 5*gap {
		t.Errorf("7 requests within %s", took)
	}
}

func TestLittleOfAPageIsRead(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	ended := make(chan struct{})
	s := site(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		for out := bufio.NewWriter(w); ; {
			n, err := out.Write(make([]byte, 64<<10))
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	if got := one(t, checker(s), s.URL); got.Verdict != Works {
		t.Errorf("%s: %s", got.Verdict, got.Why)
	}
	select {
	case <-ended: // the connection was closed, although the page has no end
	case <-time.After(20 * time.Second):
		t.Fatal("it is still being read")
	}
	if n := sent.Load(); n > 16<<20 { // what fits into buffers on the way
		t.Errorf("%d bytes were taken", n)
	}
}

func TestCheckStopsWhenItIsTold(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := site(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	addresses := make([]string, 50)
	for i := range addresses {
		addresses[i] = s.URL
	}
	results, err := checker(s).Check(ctx, addresses)
	if !errors.Is(err, context.Canceled) || len(results) != 50 {
		t.Fatal(len(results), err)
	}
	for _, r := range results {
		if r.Verdict != Unclear || r.Why != "it was not opened" {
			t.Fatalf("%+v", r)
		}
	}
}

// FuzzArrived wants a verdict of whatever a server sends on to: never one that an
// author would take for confirmed where the page is another site's.
func FuzzArrived(f *testing.F) {
	for _, s := range []string{"/page", "https://www.a.example/x", "//b.example", "https://a.example:444/page", "", "?q", "#f", "https://[::1]/", "https://A.EXAMPLE/x", "http://a.example", "%zz", "https://user@a.example/page"} {
		f.Add(s, true)
	}
	first, err := url.Parse("https://a.example/page")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, location string, good bool) {
		to, err := first.Parse(location)
		if err != nil || to.Host == "" {
			return
		}
		verdict, why := arrived(first, to, good)
		if why == "" && (verdict != Works || *to != *first) || verdict == Broken {
			t.Errorf("%s: %s %q", location, verdict, why)
		}
		if other := strings.TrimPrefix(strings.ToLower(to.Hostname()), "www."); other != "a.example" && verdict != Unclear {
			t.Errorf("%s is %s", location, verdict)
		}
	})
}
