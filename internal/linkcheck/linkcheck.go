// Package linkcheck opens web addresses, and says of each whether it works, leads
// elsewhere or is broken. Start with Checker.Check.
//
// It is careful with other people's servers: few at a time, one request a second
// to each, and next to nothing of what they send is read. It knows no briefing, and
// cannot tell whether a page is the right one.
package linkcheck

import (
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Checker opens addresses. The zero value of every field but Agent will do.
type Checker struct {
	Agent   string         // what it calls itself to the servers
	Timeout time.Duration  // for each request; 15 s
	Gap     time.Duration  // between two requests to one host; 1 s
	AtOnce  int            // addresses under way; 4
	Roots   *x509.CertPool // instead of the system's, for tests
}

// Verdict is what came of an address.
type Verdict int

// The verdicts.
const (
	Works   Verdict = iota
	Moved           // works, at another address that is to stay
	Unclear         // somebody has to look: a server that sends programs away, say
	Broken
)

// String is the verdict in a word.
func (v Verdict) String() string { return [...]string{"works", "moved", "unclear", "broken"}[v] }

// Hop is one request: which address was asked, and the status that it answered with.
type Hop struct {
	URL    string
	Status int
}

// Result is an address, and what came of it.
type Result struct {
	URL     string
	Verdict Verdict
	Why     string // in words for a person; empty where there is nothing to say
	Hops    []Hop  // every request that was answered
}

const (
	maxHops = 5
	// A little of the page shows that there is one.
	maxRead = 512
)

// Check opens each address, and returns the results in their order. It ends early
// with the error of ctx.
func (c Checker) Check(ctx context.Context, addresses []string) ([]Result, error) {
	run := c.start()
	results := make([]Result, len(addresses))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(run.AtOnce, len(addresses)) {
		wg.Go(func() {
			for i := range next {
				results[i] = run.check(ctx, addresses[i])
			}
		})
	}
	for i := range addresses {
		next <- i
	}
	close(next)
	wg.Wait()
	return results, ctx.Err()
}

// run is one Check.
type run struct {
	Checker
	open    *http.Client // for the address that a briefing names
	guarded *http.Client // for where a server sends on to
	pace    pace
}

func (c Checker) start() *run {
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Second
	}
	if c.Gap == 0 {
		c.Gap = time.Second
	}
	if c.AtOnce == 0 {
		c.AtOnce = 4
	}
	return &run{Checker: c, open: c.client(false), guarded: c.client(true), pace: pace{gap: c.Gap, next: map[string]time.Time{}}}
}

// check follows an address to its end.
func (r *run) check(ctx context.Context, address string) Result {
	res := Result{URL: address}
	first, err := url.Parse(address)
	if err != nil || first.Scheme != "https" || first.Host == "" {
		res.Verdict, res.Why = Broken, "this is not a whole https:// address"
		return res
	}
	for at, good := first, true; ; {
		client := r.guarded
		if at.Host == first.Host { // its own network may be what the author means
			client = r.open
		}
		resp, err := r.get(ctx, client, at)
		if err != nil {
			res.Verdict, res.Why = failure(err, r.Timeout)
			return res
		}
		res.Hops = append(res.Hops, Hop{at.String(), resp.status})
		if !isRedirect(resp.status) {
			res.Verdict, res.Why = answered(resp.status)
			if res.Verdict == Works {
				res.Verdict, res.Why = arrived(first, at, good)
			}
			return res
		}
		to, err := at.Parse(resp.location)
		switch {
		case err != nil || resp.location == "" || to.Host == "":
			res.Verdict, res.Why = Broken, "it leads on without saying where"
			return res
		case to.Scheme != "https":
			res.Verdict, res.Why = Unclear, "it leads on to an address that is not encrypted, which was not followed"
			return res
		case len(res.Hops) > maxHops:
			res.Verdict, res.Why = Broken, "it leads on and on, from one address to the next"
			return res
		}
		to.User = nil // a server's invitation to send a password is not taken
		good = good && (resp.status == http.StatusMovedPermanently || resp.status == http.StatusPermanentRedirect)
		at = to
	}
}

// response is the part of one that is used.
type response struct {
	status   int
	location string
}

func (r *run) get(ctx context.Context, client *http.Client, at *url.URL) (response, error) {
	if err := r.pace.wait(ctx, at.Hostname()); err != nil {
		return response{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return response{}, err
	}
	req.Header.Set("User-Agent", r.Agent)
	req.Header.Set("Accept", "text/html, */*;q=0.5")
	if client == r.guarded && usesProxy(req) && namesPrivate(at) {
		return response{}, errPrivate
	}
	resp, err := client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close() // only read from: closing can lose nothing
	if _, err := io.CopyN(io.Discard, resp.Body, maxRead); err != nil && err != io.EOF {
		return response{}, err
	}
	return response{resp.StatusCode, resp.Header.Get("Location")}, nil
}

// pace keeps requests to one host apart.
type pace struct {
	gap  time.Duration
	mu   sync.Mutex
	next map[string]time.Time
}

// wait returns when the host may be asked, and books that moment.
func (p *pace) wait(ctx context.Context, host string) error {
	p.mu.Lock()
	now := time.Now()
	at := p.next[host]
	if at.Before(now) {
		at = now
	}
	p.next[host] = at.Add(p.gap)
	p.mu.Unlock()
	timer := time.NewTimer(at.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
