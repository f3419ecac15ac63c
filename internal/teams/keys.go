package teams

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"briefingbot/internal/local"
)

// How long keys serve, and how often they are fetched.
const (
	freshFor     = 24 * time.Hour     // then they are fetched again
	usableFor    = 5 * 24 * time.Hour // while they cannot be; as long as Microsoft's SDKs keep them
	unknownPause = time.Hour          // between fetches for keys that are unknown, so that forged tokens cause few
	retryPause   = time.Minute        // after a fetch that failed, while there are keys
	firstPause   = time.Second        // after a fetch that failed, while there are none
	fetchTimeout = 10 * time.Second   // for both documents
	patience     = 2 * time.Second    // for new keys while old ones can serve; Teams is waiting
	maxDocument  = 1 << 20            // bytes
	maxRedirects = 3
	minKeyBits   = 2048
)

// keyring holds Microsoft's signing keys. It is safe for concurrent use; at most
// one fetch is under way.
type keyring struct {
	metadata string
	loopback bool // the metadata is on loopback, and so may the keys be
	client   *http.Client
	patience time.Duration
	set      atomic.Pointer[keySet]

	mu          sync.Mutex
	flight      chan struct{} // closed when the fetch under way ends; nil where there is none
	nextRefresh time.Time     // for keys that are old or missing, not before
	nextUnknown time.Time     // for a key that is unknown, not before
}

// keySet is what was fetched at one time. It does not change.
type keySet struct {
	issuer  string
	keys    map[string]*signingKey
	fetched time.Time
}

type signingKey struct {
	public       *rsa.PublicKey
	endorsements []string
}

func (s *keySet) key(kid string) *signingKey {
	if s == nil {
		return nil
	}
	return s.keys[kid]
}

func (s *keySet) younger(age time.Duration, now time.Time) bool {
	return s != nil && now.Sub(s.fetched) < age
}

func newKeyring(metadataURL string, client *http.Client) *keyring {
	k := &keyring{metadata: metadataURL, patience: patience}
	if u, err := url.Parse(metadataURL); err == nil {
		k.loopback = local.Host(u.Hostname())
	}
	k.client = &http.Client{Transport: client.Transport, Timeout: client.Timeout}
	k.client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects || !strings.EqualFold(r.URL.Host, via[0].URL.Host) || !k.allows(r.URL) {
			return errors.New("redirect not followed")
		}
		return nil
	}
	return k
}

// find returns a key, and the issuer that the metadata names with it.
func (k *keyring) find(ctx context.Context, kid string, now time.Time) (issuer string, key *signingKey, err error) {
	set := k.set.Load()
	key = set.key(kid)
	if key == nil || !set.younger(freshFor, now) {
		if done := k.refresh(kid, now); done != nil {
			var enough <-chan time.Time
			if key != nil && set.younger(usableFor, now) {
				enough = time.After(k.patience)
			}
			select {
			case <-done:
			case <-enough:
			case <-ctx.Done():
				return "", nil, errKeysLate
			}
		}
		set = k.set.Load()
		key = set.key(kid)
	}
	switch {
	case !set.younger(usableFor, now):
		return "", nil, errKeysMissing
	case key == nil:
		return "", nil, errTokenKey
	}
	return set.issuer, key, nil
}

// refresh starts a fetch, or joins the one under way, and returns what is closed
// at its end; nil if it is not yet time for one.
func (k *keyring) refresh(kid string, now time.Time) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flight != nil {
		return k.flight
	}
	set := k.set.Load() // a flight may have ended since the caller looked
	fresh := set.younger(freshFor, now)
	switch {
	case fresh && set.key(kid) != nil,
		fresh && now.Before(k.nextUnknown),
		!fresh && now.Before(k.nextRefresh):
		return nil
	}
	k.flight = make(chan struct{})
	go k.fly(now, fresh)
	return k.flight
}

// fly fetches the keys for all who wait, so no request's context ends it.
func (k *keyring) fly(now time.Time, unknown bool) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	set, err := k.fetch(ctx)

	k.mu.Lock()
	defer k.mu.Unlock()
	pause := retryPause
	switch {
	case err == nil:
		set.fetched = now
		k.set.Store(set)
		pause = unknownPause
	case k.set.Load() == nil:
		pause = firstPause
	}
	if unknown {
		k.nextUnknown = now.Add(pause)
	} else if err != nil {
		k.nextRefresh = now.Add(pause)
	}
	close(k.flight)
	k.flight = nil
}

// fetch gets the metadata document, and the keys where it says they are.
func (k *keyring) fetch(ctx context.Context) (set *keySet, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			set, err = nil, panicked(cause)
		}
	}()
	var metadata struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := k.get(ctx, k.metadata, &metadata); err != nil {
		return nil, err
	}
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := k.get(ctx, metadata.Keys, &document); err != nil {
		return nil, err
	}
	set = &keySet{issuer: metadata.Issuer, keys: map[string]*signingKey{}}
	for _, raw := range document.Keys {
		if kid, key, ok := parseKey(raw); ok && set.keys[kid] == nil {
			set.keys[kid] = key
		}
	}
	if len(set.keys) == 0 {
		return nil, errors.New("no usable key")
	}
	return set, nil
}

// parseKey reads one key of the set. The others count without one that is not
// Microsoft's kind of signing key: a new kind must not lock the old ones out.
func parseKey(raw []byte) (kid string, key *signingKey, ok bool) {
	var entry struct {
		ID           string   `json:"kid"`
		Type         string   `json:"kty"`
		Use          string   `json:"use"`
		Algorithm    string   `json:"alg"`
		Endorsements []string `json:"endorsements"`
	}
	if err := json.Unmarshal(raw, &entry); err != nil || entry.ID == "" || entry.Type != "RSA" ||
		entry.Use != "" && entry.Use != "sig" || entry.Algorithm != "" && entry.Algorithm != "RS256" {
		return "", nil, false
	}
	parsed, err := jwk.ParseKey(raw)
	if err != nil {
		return "", nil, false
	}
	var public rsa.PublicKey
	if err := jwk.Export(parsed, &public); err != nil || public.N.BitLen() < minKeyBits {
		return "", nil, false
	}
	return entry.ID, &signingKey{&public, entry.Endorsements}, true
}

// get reads a JSON document.
func (k *keyring) get(ctx context.Context, address string, document any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	if !k.allows(r.URL) {
		return errors.New("neither https nor loopback")
	}
	response, err := k.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	if response.StatusCode != http.StatusOK {
		return errors.New("status is not 200")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil {
		return err
	}
	if len(body) > maxDocument {
		return errors.New("document over 1 MiB")
	}
	return json.Unmarshal(body, document)
}

// allows reports whether an address may be fetched from: over https, or on
// loopback if the operator put the metadata there.
func (k *keyring) allows(u *url.URL) bool {
	return u.Scheme == "https" && u.Hostname() != "" || u.Scheme == "http" && k.loopback && local.Host(u.Hostname())
}
