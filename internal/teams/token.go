package teams

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/infracloudio/msbotbuilder-go/connector/auth"
	"github.com/infracloudio/msbotbuilder-go/schema"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// msbotbuilder-go has a validator too. It fetches the metadata for every request
// and leaves the response open; its cache of keys is written while others read
// it; it keeps keys for five days, and does not look for a new one before; it
// skips endorsements; it knows the public cloud alone; and a claim that is
// missing or no string makes it panic. The tests show the gaps.

// refusal is why a request is not served, in words of ours: never a part of the
// token, its claims or an address.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

var (
	errTokenForm        = &refusal{http.StatusUnauthorized, "authorization is not one bearer token"}
	errTokenAlgorithm   = &refusal{http.StatusUnauthorized, "token not signed with RS256 by a named key"}
	errTokenKey         = &refusal{http.StatusUnauthorized, "token's key unknown"}
	errTokenSignature   = &refusal{http.StatusUnauthorized, "token's signature wrong"}
	errTokenClaims      = &refusal{http.StatusUnauthorized, "token's claims malformed"}
	errTokenIssuer      = &refusal{http.StatusUnauthorized, "token's issuer missing or not allowed"}
	errTokenAudience    = &refusal{http.StatusUnauthorized, "token's audience missing or not this app"}
	errTokenExpired     = &refusal{http.StatusUnauthorized, "token expired, or without an expiry"}
	errTokenEarly       = &refusal{http.StatusUnauthorized, "token not valid yet, or without a start"}
	errTokenService     = &refusal{http.StatusUnauthorized, "token's service missing or not the activity's"}
	errTokenEndorsement = &refusal{http.StatusUnauthorized, "token's key not endorsed for the channel"}
	errKeysMissing      = &refusal{http.StatusServiceUnavailable, "signing keys cannot be fetched"}
	errKeysLate         = &refusal{http.StatusServiceUnavailable, "signing keys not fetched in time"}
)

const (
	maxHeader = 16 << 10 // bytes; Microsoft's tokens have about a thousand
	skew      = 5 * time.Minute
)

// validator checks that an activity is from Microsoft, and for this bot.
// https://learn.microsoft.com/en-us/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
type validator struct {
	appID   string
	issuers []string
	keys    *keyring
	now     func() time.Time
}

var _ auth.TokenValidator = (*validator)(nil)

// newValidator makes a validator. The metadata's own issuer is allowed beside
// issuers. The client's transport and timeout are used, not its redirects.
func newValidator(appID string, issuers []string, metadataURL string, client *http.Client, now func() time.Time) *validator {
	return &validator{appID: appID, issuers: issuers, keys: newKeyring(metadataURL, client), now: now}
}

// AuthenticateRequest implements auth.TokenValidator. Every error is a *refusal.
// The credentials and the channel service are not asked: what is allowed was
// settled when the validator was made, and nothing turns the check off.
func (v *validator) AuthenticateRequest(ctx context.Context, activity schema.Activity, authHeader string, _ auth.CredentialProvider, _ string) (auth.ClaimsIdentity, error) {
	token, ok := bearer(authHeader)
	if !ok {
		return nil, errTokenForm
	}
	kid, ok := keyID(token)
	if !ok {
		return nil, errTokenAlgorithm
	}
	now := v.now()
	issuer, key, err := v.keys.find(ctx, kid, now)
	if err != nil {
		return nil, err
	}
	// It holds the header's alg against RS256 too, and refuses crit and b64.
	payload, err := jws.VerifyCompactFast(key.public, []byte(token), jwa.RS256())
	if err != nil {
		return nil, errTokenSignature
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, errTokenClaims
	}
	switch iss, _ := c["iss"].(string); {
	case iss == "" || iss != issuer && !slices.Contains(v.issuers, iss):
		return nil, errTokenIssuer
	case v.appID == "" || !c.isFor(v.appID):
		return nil, errTokenAudience
	}
	// The docs write serviceUrl; Microsoft's tokens and SDKs have serviceurl.
	// https://github.com/microsoft/botbuilder-dotnet/blob/main/libraries/Microsoft.Bot.Connector/Authentication/AuthenticationConstants.cs
	if service, _ := c["serviceurl"].(string); !sameURL(service, activity.ServiceURL) {
		return nil, errTokenService
	}
	if err := c.timely(now); err != nil {
		return nil, err
	}
	// "If the endorsement is not present, your bot should reject the request"
	// (the page above, connector to bot, step 3). Microsoft's SDKs let a key pass
	// that has no endorsements at all, for the sake of their emulator; that would
	// be any key, if someone else's set were put in TEAMS_OPENID_METADATA_URL.
	if activity.ChannelID == "" || !slices.Contains(key.endorsements, activity.ChannelID) {
		return nil, errTokenEndorsement
	}
	return c, nil
}

// bearer takes the token from an Authorization header: three parts of base64url,
// and nothing after them.
func bearer(header string) (string, bool) {
	if len(header) > maxHeader {
		return "", false
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	dots := 0
	for i := range len(token) {
		switch c := token[i]; {
		case c == '.':
			dots++
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return "", false
		}
	}
	return token, dots == 2
}

// keyID is which key a token says it is signed with, if it is signed as
// Microsoft does. Other algorithms stop here, before any key is looked for.
func keyID(token string) (string, bool) {
	encoded, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", false
	}
	var header map[string]any // not a struct: its fields would match in any case
	if err := json.Unmarshal(raw, &header); err != nil {
		return "", false
	}
	kid, _ := header["kid"].(string)
	return kid, kid != "" && header["alg"] == "RS256"
}

// claims is what a token says. Claims of another type than they should have
// count as missing.
type claims map[string]any

// GetClaimValue implements auth.ClaimsIdentity: empty where there is no such
// string. The library's own panics there.
func (c claims) GetClaimValue(name string) string {
	value, _ := c[name].(string)
	return value
}

// IsAuthenticated implements auth.ClaimsIdentity: there are no others.
func (c claims) IsAuthenticated() bool { return true }

// isFor reports whether the audience is the app, or several with the app.
func (c claims) isFor(appID string) bool {
	switch aud := c["aud"].(type) {
	case string:
		return aud == appID
	case []any:
		return slices.Contains(aud, any(appID)) && !slices.ContainsFunc(aud, func(one any) bool {
			_, ok := one.(string)
			return !ok
		})
	}
	return false
}

func (c claims) timely(now time.Time) error {
	seconds := float64(now.UnixMilli()) / 1000
	if exp, ok := c["exp"].(float64); !ok || seconds > exp+skew.Seconds() {
		return errTokenExpired
	}
	if nbf, ok := c["nbf"].(float64); !ok || seconds < nbf-skew.Seconds() {
		return errTokenEarly
	}
	return nil
}

// sameURL reports whether two addresses differ in no more than trailing slashes
// and the case of scheme and host.
func sameURL(a, b string) bool {
	normalA, ok := normalURL(a)
	if !ok {
		return false
	}
	normalB, ok := normalURL(b)
	return ok && normalA == normalB
}

func normalURL(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#") {
		return "", false
	}
	host := []byte(u.Host) // strings.ToLower would make ASCII of some other letters
	for i, c := range host {
		if 'A' <= c && c <= 'Z' {
			host[i] += 'a' - 'A'
		}
	}
	return u.Scheme + "://" + string(host) + strings.TrimRight(u.EscapedPath(), "/"), true
}

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
		k.loopback = isLoopback(u.Hostname())
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
func (k *keyring) fetch(ctx context.Context) (*keySet, error) {
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
	set := &keySet{issuer: metadata.Issuer, keys: map[string]*signingKey{}}
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
	return u.Scheme == "https" && u.Hostname() != "" || u.Scheme == "http" && k.loopback && isLoopback(u.Hostname())
}
