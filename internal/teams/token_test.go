package teams

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/infracloudio/msbotbuilder-go/connector/auth"
	"github.com/infracloudio/msbotbuilder-go/schema"
)

const (
	tokenApp     = "8c4c1d2e-7f0a-4a2b-9d35-0f5b6f0c9a11"
	tokenIssuer  = "https://api.botframework.com"
	tokenService = "https://smba.trafficmanager.net/uk/"
)

var (
	tokenTime = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	rsaKey    = sync.OnceValue(func() *rsa.PrivateKey { return newRSAKey(2048) })
	otherKey  = sync.OnceValue(func() *rsa.PrivateKey { return newRSAKey(2048) })
	shortKey  = sync.OnceValue(func() *rsa.PrivateKey { return newRSAKey(1024) })
	ecKey     = sync.OnceValue(func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	})
)

func newRSAKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

type object = map[string]any

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// goodHeader and goodClaims are of a token as Microsoft sends it at tokenTime.
func goodHeader() object { return object{"typ": "JWT", "alg": "RS256", "kid": "one", "x5t": "one"} }

func goodClaims() object {
	return object{
		"serviceurl": tokenService, "iss": tokenIssuer, "aud": tokenApp,
		"nbf": tokenTime.Add(-time.Minute).Unix(), "exp": tokenTime.Add(time.Hour).Unix(),
	}
}

// altered is a copy of an object with one value changed, or removed where it is nil.
func altered(o object, name string, value any) object {
	o = maps.Clone(o)
	o[name] = value
	if value == nil {
		delete(o, name)
	}
	return o
}

func signInput(header, claims object) string {
	return b64(mustJSON(header)) + "." + b64(mustJSON(claims))
}

func tokenWith(key *rsa.PrivateKey, header, claims object) string {
	return signedWith(key, signInput(header, claims))
}

func signedWith(key *rsa.PrivateKey, input string) string {
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return input + "." + b64(signature)
}

func goodToken() string { return tokenWith(rsaKey(), goodHeader(), goodClaims()) }

func teamsActivity() schema.Activity {
	return schema.Activity{ServiceURL: tokenService, ChannelID: "msteams"}
}

// jwkOf is a key as Microsoft publishes it.
func jwkOf(kid string, key *rsa.PublicKey, endorsements ...string) object {
	o := object{
		"kty": "RSA", "use": "sig", "kid": kid, "x5t": b64([]byte(kid)), "n": b64(key.N.Bytes()), "e": "AQAB",
		"x5c": []string{base64.StdEncoding.EncodeToString(certificate())},
	}
	if endorsements != nil {
		o["endorsements"] = endorsements
	}
	return o
}

var certificate = sync.OnceValue(func() []byte {
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{}, &rsaKey().PublicKey, rsaKey())
	if err != nil {
		panic(err)
	}
	return der
})

// microsoft publishes metadata and keys on loopback, and counts who asks.
type microsoft struct {
	*httptest.Server
	mu      sync.Mutex
	keys    []object
	issuer  string
	jwksURI string                   // its own where empty
	serve   http.HandlerFunc         // instead of everything, where set
	asked   map[string]int           // by path
	entered chan struct{}            // receives for each request for the metadata, where set
	release map[string]chan struct{} // holds answers back until closed, by path
}

func newMicrosoft(t testing.TB, keys ...object) *microsoft {
	t.Helper()
	if keys == nil {
		keys = []object{jwkOf("one", &rsaKey().PublicKey, "msteams", "webchat")}
	}
	m := &microsoft{keys: keys, issuer: tokenIssuer, asked: map[string]int{}}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *microsoft) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.asked[r.URL.Path]++
	serve, keys, issuer, jwksURI, entered, release := m.serve, m.keys, m.issuer, m.jwksURI, m.entered, m.release[r.URL.Path]
	m.mu.Unlock()
	if entered != nil && r.URL.Path == "/metadata" {
		entered <- struct{}{}
	}
	if release != nil {
		<-release
	}
	if jwksURI == "" {
		jwksURI = m.URL + "/keys"
	}
	switch {
	case serve != nil:
		serve(w, r)
	case r.URL.Path == "/metadata":
		_, _ = w.Write(mustJSON(object{"issuer": issuer, "jwks_uri": jwksURI, "id_token_signing_alg_values_supported": []string{"RS256"}}))
	case r.URL.Path == "/keys":
		_, _ = w.Write(mustJSON(object{"keys": keys}))
	default:
		http.NotFound(w, r)
	}
}

func (m *microsoft) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// fetches is how often the keys were fetched, or should have been.
func (m *microsoft) fetches() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked["/metadata"]
}

func (m *microsoft) fails(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusBadGateway)
}

// clock is a time that tests move.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.at.Load()) }
func (c *clock) set(t time.Time)         { c.at.Store(t.UnixMilli()) }
func (c *clock) advance(d time.Duration) { c.at.Add(d.Milliseconds()) }

func newClock() *clock {
	c := &clock{}
	c.set(tokenTime)
	return c
}

func (m *microsoft) validator(c *clock) *validator {
	return newValidator(tokenApp, []string{tokenIssuer}, m.URL+"/metadata", m.Client(), c.now)
}

// tokenAt is a token that is good at the clock's time, signed with a key.
func tokenAt(c *clock, kid string, key *rsa.PrivateKey) string {
	claims := goodClaims()
	claims["nbf"], claims["exp"] = c.now().Add(-time.Minute).Unix(), c.now().Add(time.Hour).Unix()
	return tokenWith(key, altered(goodHeader(), "kid", kid), claims)
}

func authenticate(v *validator, token string) error {
	return authenticateFor(v, token, teamsActivity())
}

func authenticateFor(v *validator, token string, a schema.Activity) error {
	_, err := v.AuthenticateRequest(context.Background(), a, "Bearer "+token, nil, "")
	return err
}

// expect compares errors themselves: so their words are the fixed ones, and hold
// nothing of the token.
func expect(t *testing.T, what string, got error, want *refusal) {
	t.Helper()
	if want == nil {
		if got != nil {
			t.Errorf("%s: %v", what, got)
		}
		return
	}
	if got != error(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestTokenOfMicrosoftIsAccepted(t *testing.T) {
	v := newMicrosoft(t).validator(newClock())
	identity, err := v.AuthenticateRequest(context.Background(), teamsActivity(), "Bearer "+goodToken(), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if !identity.IsAuthenticated() || identity.GetClaimValue("aud") != tokenApp {
		t.Errorf("identity is %v", identity)
	}
	for _, name := range []string{"exp", "missing"} {
		if got := identity.GetClaimValue(name); got != "" {
			t.Errorf("claim %s, which is no string, reads %q", name, got)
		}
	}
}

func TestHeaderIsOneBearerToken(t *testing.T) {
	m := newMicrosoft(t)
	v := m.validator(newClock())
	token := goodToken()
	for _, scheme := range []string{"Bearer", "bearer", "BEARER"} {
		_, err := v.AuthenticateRequest(context.Background(), teamsActivity(), scheme+" "+token, nil, "")
		expect(t, scheme, err, nil)
	}
	fetched := m.fetches()
	for name, header := range map[string]string{
		"empty": "", "scheme alone": "Bearer", "no token": "Bearer ", "no scheme": token, "other scheme": "Basic " + token,
		"two tokens": "Bearer " + token + " " + token, "list": "Bearer " + token + "," + token, "two spaces": "Bearer  " + token,
		"tab": "Bearer\t" + token, "space at the end": "Bearer " + token + " ", "line break": "Bearer " + token + "\n",
		"two parts": "Bearer " + token[:strings.LastIndex(token, ".")], "four parts": "Bearer " + token + ".x",
		"padding": "Bearer " + token + "==", "other alphabet": "Bearer " + strings.Replace(token, ".", "+.", 1),
		"beyond ASCII": "Bearer " + token + "é", "dots": "Bearer ..", "too long": "Bearer " + token + strings.Repeat("A", maxHeader),
	} {
		_, err := v.AuthenticateRequest(context.Background(), teamsActivity(), header, nil, "")
		want := errTokenForm
		if name == "dots" {
			want = errTokenAlgorithm
		}
		expect(t, name, err, want)
	}
	if m.fetches() != fetched {
		t.Error("a malformed header caused a fetch")
	}
}

func TestHeaderOf16KiBIsRead(t *testing.T) {
	v := newMicrosoft(t).validator(newClock())
	short := len("Bearer " + tokenWith(rsaKey(), goodHeader(), altered(goodClaims(), "pad", "")))
	padding := (maxHeader - short) / 4 * 3
	token := tokenWith(rsaKey(), goodHeader(), altered(goodClaims(), "pad", strings.Repeat("x", padding)))
	if length := len("Bearer " + token); length > maxHeader || length < maxHeader-8 {
		t.Fatalf("header has %d bytes", length)
	}
	expect(t, "long header", authenticate(v, token), nil)
}

func TestOtherAlgorithmsAreRefusedBeforeAnyFetch(t *testing.T) {
	m := newMicrosoft(t)
	v := m.validator(newClock())
	sign := func(alg string, signature func(input string) []byte) string {
		input := signInput(altered(goodHeader(), "alg", alg), goodClaims())
		return input + "." + b64(signature(input))
	}
	pkcs := func(h crypto.Hash) func(string) []byte {
		return func(input string) []byte {
			d := h.New()
			d.Write([]byte(input))
			signature, err := rsa.SignPKCS1v15(nil, rsaKey(), h, d.Sum(nil))
			if err != nil {
				t.Fatal(err)
			}
			return signature
		}
	}
	tokens := map[string]string{
		"none":  sign("none", func(string) []byte { return nil }),
		"None":  sign("None", pkcs(crypto.SHA256)),
		"rs256": sign("rs256", pkcs(crypto.SHA256)),
		"RS384": sign("RS384", pkcs(crypto.SHA384)),
		"RS512": sign("RS512", pkcs(crypto.SHA512)),
		// The public key as the secret: what a check that trusts alg lets pass.
		"HS256": sign("HS256", func(input string) []byte {
			der, err := x509.MarshalPKIXPublicKey(&rsaKey().PublicKey)
			if err != nil {
				t.Fatal(err)
			}
			mac := hmac.New(sha256.New, der)
			mac.Write([]byte(input))
			return mac.Sum(nil)
		}),
		"PS256": sign("PS256", func(input string) []byte {
			sum := sha256.Sum256([]byte(input))
			signature, err := rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, sum[:], nil)
			if err != nil {
				t.Fatal(err)
			}
			return signature
		}),
		"ES256": sign("ES256", func(input string) []byte {
			sum := sha256.Sum256([]byte(input))
			r, s, err := ecdsa.Sign(rand.Reader, ecKey(), sum[:])
			if err != nil {
				t.Fatal(err)
			}
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}),
	}
	for name, value := range map[string]any{"missing": nil, "number": 256, "array": []string{"RS256"}, "object": object{}} {
		tokens["alg "+name] = tokenWith(rsaKey(), altered(goodHeader(), "alg", value), goodClaims())
		tokens["kid "+name] = tokenWith(rsaKey(), altered(goodHeader(), "kid", value), goodClaims())
	}
	tokens["header is no base64url"] = "A.AAAA.AAAA"
	tokens["kid empty"] = tokenWith(rsaKey(), altered(goodHeader(), "kid", ""), goodClaims())
	tokens["names in another case"] = tokenWith(rsaKey(), object{"ALG": "RS256", "KID": "one"}, goodClaims())
	for name, header := range map[string]string{"no JSON": "hello", "null": "null", "array": "[]", "two": `{"alg":"RS256","kid":"one"}{}`} {
		tokens["header is "+name] = signedWith(rsaKey(), b64([]byte(header))+"."+b64(mustJSON(goodClaims())))
	}
	for name, token := range tokens {
		expect(t, name, authenticate(v, token), errTokenAlgorithm)
	}
	if m.fetches() != 0 {
		t.Error("such a token caused a fetch")
	}
}

func TestExtensionsThatChangeTheSignatureAreRefused(t *testing.T) {
	v := newMicrosoft(t).validator(newClock())
	for name, header := range map[string]object{
		"crit": altered(goodHeader(), "crit", []string{"exp"}),
		"b64":  altered(goodHeader(), "b64", false),
	} {
		expect(t, name, authenticate(v, tokenWith(rsaKey(), header, goodClaims())), errTokenSignature)
	}
}

func TestSignatureOfAnotherKeyIsRefused(t *testing.T) {
	v := newMicrosoft(t, jwkOf("one", &rsaKey().PublicKey, "msteams"), jwkOf("two", &otherKey().PublicKey, "msteams")).validator(newClock())
	good := goodToken()
	changed := signInput(goodHeader(), altered(goodClaims(), "exp", tokenTime.Add(2*time.Hour).Unix()))
	for name, token := range map[string]string{
		"a stranger's": tokenWith(newRSAKey(2048), goodHeader(), goodClaims()),
		"another kid":  tokenWith(rsaKey(), altered(goodHeader(), "kid", "two"), goodClaims()),
		"other claims": changed + good[strings.LastIndex(good, "."):],
		"none":         good[:strings.LastIndex(good, ".")+1],
		"cut":          good[:len(good)-4],
	} {
		expect(t, name, authenticate(v, token), errTokenSignature)
	}
}

func TestIssuerIsTheCloudsOrTheMetadatas(t *testing.T) {
	m := newMicrosoft(t)
	m.issuer = "https://tenant.example/issuer"
	v := m.validator(newClock())
	for issuer, want := range map[string]*refusal{
		tokenIssuer: nil, "https://tenant.example/issuer": nil,
		"https://api.botframework.com/": errTokenIssuer, "https://api.botframework.us": errTokenIssuer, "": errTokenIssuer,
	} {
		expect(t, issuer, authenticate(v, tokenWith(rsaKey(), goodHeader(), altered(goodClaims(), "iss", issuer))), want)
	}
}

func TestMetadataWithoutIssuerAllowsNoEmptyOne(t *testing.T) {
	m := newMicrosoft(t)
	m.issuer = ""
	expect(t, "empty issuer", authenticate(m.validator(newClock()), tokenWith(rsaKey(), goodHeader(), altered(goodClaims(), "iss", ""))), errTokenIssuer)
}

func TestAudienceIsTheApp(t *testing.T) {
	m := newMicrosoft(t)
	v := m.validator(newClock())
	for _, c := range []struct {
		aud  any
		want *refusal
	}{
		{tokenApp, nil},
		{[]string{tokenApp}, nil},
		{[]string{"another", tokenApp}, nil},
		{"another", errTokenAudience},
		{"", errTokenAudience},
		{strings.ToUpper(tokenApp), nil}, // a UUID is the same in capitals
		{tokenApp + " ", errTokenAudience},
		{[]string{}, errTokenAudience},
		{[]string{"another"}, errTokenAudience},
		{[]any{tokenApp, 7}, errTokenAudience},
		{[]any{[]string{tokenApp}}, errTokenAudience},
	} {
		expect(t, string(mustJSON(c.aud)), authenticate(v, tokenWith(rsaKey(), goodHeader(), altered(goodClaims(), "aud", c.aud))), c.want)
	}
	nobody := newValidator("", []string{tokenIssuer}, m.URL+"/metadata", m.Client(), newClock().now)
	expect(t, "no app", authenticate(nobody, tokenWith(rsaKey(), goodHeader(), altered(goodClaims(), "aud", ""))), errTokenAudience)
}

func TestTimesHaveFiveMinutesOfSkew(t *testing.T) {
	c := newClock()
	v := newMicrosoft(t).validator(c)
	from, until := tokenTime, tokenTime.Add(time.Hour)
	claims := goodClaims()
	claims["nbf"], claims["exp"] = from.Unix(), until.Unix()
	token := tokenWith(rsaKey(), goodHeader(), claims)
	for _, step := range []struct {
		at   time.Time
		want *refusal
	}{
		{from.Add(-5*time.Minute - time.Second), errTokenEarly},
		{from.Add(-5*time.Minute + time.Second), nil},
		{until.Add(5*time.Minute - time.Second), nil},
		{until.Add(5*time.Minute + time.Second), errTokenExpired},
	} {
		c.set(step.at)
		expect(t, step.at.String(), authenticate(v, token), step.want)
	}
}

func TestServiceIsTheActivitys(t *testing.T) {
	v := newMicrosoft(t).validator(newClock())
	for _, c := range []struct {
		claim, activity string
		want            *refusal
	}{
		{"https://smba.trafficmanager.net/uk/", "https://smba.trafficmanager.net/uk/", nil},
		{"https://smba.trafficmanager.net/uk/", "https://smba.trafficmanager.net/uk", nil},
		{"https://smba.trafficmanager.net/uk", "https://smba.trafficmanager.net/uk//", nil},
		{"HTTPS://SMBA.trafficmanager.net/uk/", "https://smba.TRAFFICMANAGER.net/uk/", nil},
		{"https://smba.trafficmanager.net", "https://smba.trafficmanager.net/", nil},
		{"https://smba.trafficmanager.net/uk/", "https://smba.trafficmanager.net/UK/", errTokenService},
		{"https://smba.trafficmanager.net/uk/", "https://smba.trafficmanager.net/uk/x", errTokenService},
		{"https://smba.trafficmanager.net/a%2Fb", "https://smba.trafficmanager.net/a/b", errTokenService},
		{"https://smba.trafficmanager.net/uk/", "http://smba.trafficmanager.net/uk/", errTokenService},
		{"https://smba.trafficmanager.net/uk/", "https://smba.trafficmanager.net:444/uk/", errTokenService},
		{"https://smba.trafficmanager.net/uk/", "https://evil.example/uk/", errTokenService},
		{"https://smba.trafficmanager.net/", "https://smba.trafficmanager.net@evil.example/", errTokenService},
		{"https://u@smba.trafficmanager.net/", "https://u@smba.trafficmanager.net/", errTokenService},
		{"https://smba.trafficmanager.net/?a", "https://smba.trafficmanager.net/?a", errTokenService},
		{"https://smba.trafficmanager.net/#a", "https://smba.trafficmanager.net/#a", errTokenService},
		{"https://k.example/", "https://\u212a.example/", errTokenService}, // the Kelvin sign, a k in lower case
		{"uk", "uk", errTokenService},
		{"://", "://", errTokenService},
		{"", "", errTokenService},
		{"https://smba.trafficmanager.net/uk/", "", errTokenService},
		{"", "https://smba.trafficmanager.net/uk/", errTokenService},
	} {
		a := teamsActivity()
		a.ServiceURL = c.activity
		token := tokenWith(rsaKey(), goodHeader(), altered(goodClaims(), "serviceurl", c.claim))
		expect(t, c.claim+" and "+c.activity, authenticateFor(v, token, a), c.want)
	}
	other := altered(altered(goodClaims(), "serviceurl", nil), "serviceUrl", tokenService)
	expect(t, "name in another case", authenticate(v, tokenWith(rsaKey(), goodHeader(), other)), errTokenService)
}

func TestKeyEndorsesTheChannel(t *testing.T) {
	keys := map[string]object{
		"teams":   jwkOf("teams", &rsaKey().PublicKey, "webchat", "msteams"),
		"others":  jwkOf("others", &rsaKey().PublicKey, "webchat", "MSTEAMS", "msteams2", ""),
		"none":    jwkOf("none", &rsaKey().PublicKey, []string{}...),
		"missing": jwkOf("missing", &rsaKey().PublicKey),
		"null":    jwkOf("null", &rsaKey().PublicKey),
	}
	keys["none"]["endorsements"] = []string{}
	keys["null"]["endorsements"] = nil
	v := newMicrosoft(t, slices.Collect(maps.Values(keys))...).validator(newClock())
	for _, c := range []struct {
		kid, channel string
		want         *refusal
	}{
		{"teams", "msteams", nil},
		{"teams", "directline", errTokenEndorsement},
		{"teams", "", errTokenEndorsement},
		{"others", "msteams", errTokenEndorsement},
		{"others", "", errTokenEndorsement},
		{"none", "msteams", errTokenEndorsement},
		{"missing", "msteams", errTokenEndorsement},
		{"null", "msteams", errTokenEndorsement},
	} {
		a := teamsActivity()
		a.ChannelID = c.channel
		token := tokenWith(rsaKey(), altered(goodHeader(), "kid", c.kid), goodClaims())
		expect(t, c.kid+" for "+c.channel, authenticateFor(v, token, a), c.want)
	}
}

func TestOddClaimsAreRefused(t *testing.T) {
	v := newMicrosoft(t).validator(newClock())
	wants := map[string]*refusal{
		"iss": errTokenIssuer, "aud": errTokenAudience, "exp": errTokenExpired, "nbf": errTokenEarly, "serviceurl": errTokenService,
	}
	for name, want := range wants {
		for _, odd := range []string{`null`, `true`, `[]`, `{}`, `[null]`, `{"a":{"b":[1]}}`, `[[["x"]]]`, `""`, `"soon"`, `-1e300`, `1e300`} {
			if name == "exp" && odd == "1e300" || name == "nbf" && odd == "-1e300" {
				continue // for ever, from Microsoft: odd, and not wrong
			}
			token := tokenWith(rsaKey(), goodHeader(), altered(goodClaims(), name, json.RawMessage(odd)))
			expect(t, name+" "+odd, authenticate(v, token), want)
		}
		expect(t, name+" missing", authenticate(v, tokenWith(rsaKey(), goodHeader(), altered(goodClaims(), name, nil))), want)
		for text, date := range map[string]any{"exp": "1893456000", "nbf": "1"} {
			if name == text {
				expect(t, name+" in quotes", authenticate(v, tokenWith(rsaKey(), goodHeader(), altered(goodClaims(), name, date))), want)
			}
		}
	}
	head := b64(mustJSON(goodHeader())) + "."
	for _, payload := range []string{``, `{`, `[]`, `7`, `"x"`, `{}{}`, `{"exp":1e999}`, `{"exp":`, "\xff"} {
		expect(t, payload, authenticate(v, signedWith(rsaKey(), head+b64([]byte(payload)))), errTokenClaims)
	}
	for _, payload := range []string{`null`, `{}`} {
		expect(t, payload, authenticate(v, signedWith(rsaKey(), head+b64([]byte(payload)))), errTokenIssuer)
	}
}

func TestFractionsOfSecondsAreTimes(t *testing.T) {
	v := newMicrosoft(t).validator(newClock())
	claims := goodClaims()
	claims["nbf"], claims["exp"] = float64(tokenTime.Unix())-0.5, float64(tokenTime.Unix())+3600.25
	expect(t, "fractions", authenticate(v, tokenWith(rsaKey(), goodHeader(), claims)), nil)
}

func TestKeysAreFetchedAgainAfterADay(t *testing.T) {
	m, c := newMicrosoft(t), newClock()
	v := m.validator(c)
	for range 3 {
		expect(t, "first day", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	}
	c.advance(24*time.Hour - time.Minute)
	expect(t, "within a day", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	if got := m.fetches(); got != 1 {
		t.Fatalf("%d fetches within a day", got)
	}
	m.set(func() { m.keys = []object{jwkOf("two", &otherKey().PublicKey, "msteams")} })
	c.advance(2 * time.Minute)
	expect(t, "withdrawn key", authenticate(v, tokenAt(c, "one", rsaKey())), errTokenKey)
	expect(t, "new key", authenticate(v, tokenAt(c, "two", otherKey())), nil)
	if got := m.fetches(); got != 2 {
		t.Errorf("%d fetches", got)
	}
}

func TestOldKeysServeFiveDaysWhileTheyCannotBeFetched(t *testing.T) {
	m, c := newMicrosoft(t), newClock()
	v := m.validator(c)
	expect(t, "at first", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	m.set(func() { m.serve = m.fails })
	c.advance(25 * time.Hour)
	for range 3 {
		expect(t, "second day", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	}
	if got := m.fetches(); got != 2 {
		t.Errorf("%d fetches, and a failed one is repeated after a minute", got)
	}
	expect(t, "unknown key", authenticate(v, tokenAt(c, "two", otherKey())), errTokenKey)
	if got := m.fetches(); got != 2 {
		t.Errorf("an unknown key caused a fetch within the minute")
	}
	c.set(tokenTime.Add(5*24*time.Hour - time.Minute))
	expect(t, "fifth day", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	c.set(tokenTime.Add(5*24*time.Hour + time.Minute))
	expect(t, "sixth day", authenticate(v, tokenAt(c, "one", rsaKey())), errKeysMissing)
	m.set(func() { m.serve = nil })
	c.advance(time.Minute)
	expect(t, "when Microsoft is back", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
}

func TestWithoutKeysNobodyIsLetIn(t *testing.T) {
	for name, serve := range map[string]http.HandlerFunc{
		"502":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"204":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"no keys": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") },
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			_, _ = io.WriteString(w, "{")
		},
		"odd type": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"jwks_uri":7,"issuer":[]}`) },
	} {
		m, c := newMicrosoft(t), newClock()
		m.serve = serve
		v := m.validator(c)
		expect(t, name, authenticate(v, tokenAt(c, "one", rsaKey())), errKeysMissing)
		expect(t, name, authenticate(v, tokenAt(c, "one", rsaKey())), errKeysMissing)
		if got := m.fetches(); got != 1 {
			t.Errorf("%s: %d fetches within a second", name, got)
		}
		m.set(func() { m.serve = nil })
		c.advance(time.Second)
		expect(t, name+", later", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	}
	if errKeysMissing.status != http.StatusServiceUnavailable || errTokenKey.status != http.StatusUnauthorized {
		t.Error("statuses changed")
	}
}

func TestUnknownKeyIsLookedForAtOnceAndThenHourly(t *testing.T) {
	m, c := newMicrosoft(t), newClock()
	v := m.validator(c)
	expect(t, "known", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	m.set(func() { m.keys = append(m.keys, jwkOf("two", &otherKey().PublicKey, "msteams")) })
	expect(t, "new key", authenticate(v, tokenAt(c, "two", otherKey())), nil)
	if got := m.fetches(); got != 2 {
		t.Fatalf("%d fetches", got)
	}
	m.set(func() { m.keys = append(m.keys, jwkOf("three", &otherKey().PublicKey, "msteams")) })
	for _, kid := range []string{"three", "four", "five", "three"} {
		expect(t, kid, authenticate(v, tokenAt(c, kid, otherKey())), errTokenKey)
		c.advance(14 * time.Minute)
	}
	if got := m.fetches(); got != 2 {
		t.Fatalf("%d fetches within an hour", got)
	}
	c.advance(5 * time.Minute)
	expect(t, "an hour later", authenticate(v, tokenAt(c, "three", otherKey())), nil)
	if got := m.fetches(); got != 3 {
		t.Errorf("%d fetches", got)
	}
}

func TestUnknownKeyAfterAFailedFetchIsLookedForInAMinute(t *testing.T) {
	m, c := newMicrosoft(t), newClock()
	v := m.validator(c)
	expect(t, "known", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	m.set(func() { m.serve = m.fails })
	expect(t, "Microsoft down", authenticate(v, tokenAt(c, "two", otherKey())), errTokenKey)
	m.set(func() {
		m.serve, m.keys = nil, append(m.keys, jwkOf("two", &otherKey().PublicKey, "msteams"))
	})
	expect(t, "at once", authenticate(v, tokenAt(c, "two", otherKey())), errTokenKey)
	c.advance(time.Minute)
	expect(t, "a minute later", authenticate(v, tokenAt(c, "two", otherKey())), nil)
}

func TestPanicOverTheKeysIsAFetchThatFailed(t *testing.T) {
	m, c := newMicrosoft(t), newClock()
	fails := true
	inner := m.Client().Transport
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if fails {
			panic("what Microsoft wrote")
		}
		return inner.RoundTrip(r)
	})}
	v := newValidator(tokenApp, []string{tokenIssuer}, m.URL+"/metadata", client, c.now)
	expect(t, "at first", authenticate(v, goodToken()), errKeysMissing)
	fails = false
	c.advance(time.Minute)
	expect(t, "a minute later", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
}

func TestFiftyRequestsCauseOneFetch(t *testing.T) {
	m, c := newMicrosoft(t), newClock()
	m.release = map[string]chan struct{}{"/metadata": make(chan struct{})}
	v := m.validator(c)
	token := goodToken()
	var wg sync.WaitGroup
	errs := make(chan error, 50)
	for range 50 {
		wg.Go(func() { errs <- authenticate(v, token) })
	}
	time.Sleep(20 * time.Millisecond) // most of them wait now; the others come later, and find the keys
	close(m.release["/metadata"])
	wg.Wait()
	close(errs)
	for err := range errs {
		expect(t, "one of fifty", err, nil)
	}
	if got := m.fetches(); got != 1 {
		t.Errorf("%d fetches", got)
	}
	if v.keys.refresh("one", c.now()) != nil {
		t.Error("who looked before the keys came and asks after it causes a fetch")
	}
	for range 50 {
		wg.Go(func() { _ = authenticate(v, tokenAt(c, "unknown", rsaKey())) })
	}
	wg.Wait()
	if got := m.fetches(); got != 2 {
		t.Errorf("%d fetches with fifty unknown keys", got)
	}
}

func TestWaiterGivesUpAndTheFetchGoesOn(t *testing.T) {
	m, c := newMicrosoft(t), newClock()
	m.entered, m.release = make(chan struct{}, 1), map[string]chan struct{}{"/metadata": make(chan struct{})}
	v := m.validator(c)
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan error)
	go func() {
		_, err := v.AuthenticateRequest(ctx, teamsActivity(), "Bearer "+goodToken(), nil, "")
		gone <- err
	}()
	<-m.entered // who gives up is who started the fetch
	other := make(chan error)
	go func() { other <- authenticate(v, goodToken()) }()
	cancel()
	expect(t, "who gave up", <-gone, errKeysLate)
	close(m.release["/metadata"])
	expect(t, "who stayed", <-other, nil)
	if got := m.fetches(); got != 1 {
		t.Errorf("%d fetches", got)
	}
}

func TestSlowRefreshDoesNotHoldUpOldKeys(t *testing.T) {
	m, c := newMicrosoft(t), newClock()
	v := m.validator(c)
	v.keys.patience = time.Millisecond
	expect(t, "at first", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	hold := make(chan struct{})
	m.set(func() { m.release = map[string]chan struct{}{"/keys": hold} })
	c.advance(25 * time.Hour)
	expect(t, "while Microsoft hangs", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	close(hold)
}

// roundTrip is a transport of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func reply(r *http.Request, body []byte) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}
}

func TestFetchIsBoundedByTenSecondsAndNotByARequest(t *testing.T) {
	var deadline time.Time
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		deadline, _ = r.Context().Deadline()
		return nil, errors.New("down")
	})}
	v := newValidator(tokenApp, nil, "https://login.example/metadata", client, newClock().now)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	before := time.Now()
	_, err := v.AuthenticateRequest(ctx, teamsActivity(), "Bearer "+goodToken(), nil, "")
	expect(t, "down", err, errKeysMissing)
	if d := deadline.Sub(before); d < 9*time.Second || d > 11*time.Second {
		t.Errorf("the fetch has %v", d)
	}
}

func TestMalformedKeysAreSkipped(t *testing.T) {
	with := func(name string, value any) object {
		return altered(jwkOf("one", &otherKey().PublicKey, "msteams"), name, value)
	}
	x, y := ecKey().X.Bytes(), ecKey().Y.Bytes()
	m := newMicrosoft(t,
		with("kid", nil), with("kid", ""), with("kid", 7), with("use", "enc"), with("use", 7), with("alg", "PS256"), with("kty", nil),
		with("kty", "oct"), with("kty", "new"), with("n", nil), with("n", "!"), with("n", 7), with("n", ""), with("e", nil), with("e", "AA"),
		with("endorsements", "msteams"), with("endorsements", []any{7}), with("d", "AQAB"),
		jwkOf("one", &shortKey().PublicKey, "msteams"),
		object{"kty": "EC", "use": "sig", "kid": "one", "crv": "P-256", "x": b64(x), "y": b64(y), "endorsements": []string{"msteams"}},
		object{}, nil,
		jwkOf("one", &rsaKey().PublicKey, "msteams"),
		jwkOf("one", &otherKey().PublicKey, "msteams"),
		altered(altered(jwkOf("plain", &rsaKey().PublicKey, "msteams"), "use", nil), "x5c", nil),
	)
	v := m.validator(newClock())
	expect(t, "the one good key", authenticate(v, goodToken()), nil)
	expect(t, "a key of the least", authenticate(v, tokenWith(rsaKey(), altered(goodHeader(), "kid", "plain"), goodClaims())), nil)
	if got := len(v.keys.set.Load().keys); got != 2 {
		t.Errorf("%d keys are used", got)
	}
}

func TestSetWithoutUsableKeysDoesNotReplaceOne(t *testing.T) {
	m, c := newMicrosoft(t), newClock()
	v := m.validator(c)
	expect(t, "at first", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	m.set(func() { m.keys = []object{jwkOf("one", &shortKey().PublicKey, "msteams")} })
	c.advance(25 * time.Hour)
	expect(t, "when none is left", authenticate(v, tokenAt(c, "one", rsaKey())), nil)
	expect(t, "when there never was one", authenticate(m.validator(c), tokenAt(c, "one", rsaKey())), errKeysMissing)
}

func TestDocumentsOverOneMiBAreRefused(t *testing.T) {
	for _, path := range []string{"/metadata", "/keys"} {
		for size, want := range map[int]*refusal{maxDocument: nil, maxDocument + 1: errKeysMissing} {
			m := newMicrosoft(t)
			keys := mustJSON(object{"keys": m.keys})
			m.serve = func(w http.ResponseWriter, r *http.Request) {
				body := keys
				if r.URL.Path == "/metadata" {
					body = mustJSON(object{"issuer": tokenIssuer, "jwks_uri": m.URL + "/keys"})
				}
				if r.URL.Path == path {
					body = append(slices.Clone(body), bytes.Repeat([]byte(" "), size-len(body))...)
				}
				_, _ = w.Write(body)
			}
			expect(t, path, authenticate(m.validator(newClock()), goodToken()), want)
		}
	}
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	stranger := newMicrosoft(t)
	for _, path := range []string{"/metadata", "/keys"} {
		m := newMicrosoft(t)
		redirect := func(to string) {
			m.set(func() {
				m.serve = func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.URL.Path == path:
						http.Redirect(w, r, to, http.StatusFound)
					case strings.HasSuffix(r.URL.Path, "/metadata"):
						_, _ = w.Write(mustJSON(object{"issuer": tokenIssuer, "jwks_uri": m.URL + "/keys"}))
					default:
						_, _ = w.Write(mustJSON(object{"keys": m.keys}))
					}
				}
			})
		}
		redirect(stranger.URL + path)
		expect(t, path+" to a stranger", authenticate(m.validator(newClock()), goodToken()), errKeysMissing)
		redirect(m.URL + path)
		expect(t, path+" in a circle", authenticate(m.validator(newClock()), goodToken()), errKeysMissing)
		if got := m.asked[path]; got > 6 {
			t.Errorf("%s in a circle: asked %d times", path, got)
		}
		redirect("/moved" + path)
		expect(t, path+" on the host", authenticate(m.validator(newClock()), goodToken()), nil)
	}
	if len(stranger.asked) != 0 {
		t.Errorf("the stranger was asked for %v", stranger.asked)
	}
}

func TestKeysComeOverHTTPSOrAllFromLoopback(t *testing.T) {
	for _, c := range []struct {
		metadata, keys string
		asked          []string
		want           *refusal
	}{
		{"https://login.example/metadata", "https://keys.example/keys", []string{"login.example", "keys.example"}, nil},
		{"https://login.example/metadata", "http://login.example/keys", []string{"login.example"}, errKeysMissing},
		{"https://login.example/metadata", "http://127.0.0.1/keys", []string{"login.example"}, errKeysMissing},
		{"https://login.example/metadata", "file:///etc/passwd", []string{"login.example"}, errKeysMissing},
		{"https://login.example/metadata", "", []string{"login.example"}, errKeysMissing},
		{"https://login.example/metadata", "https://", []string{"login.example"}, errKeysMissing},
		{"http://login.example/metadata", "https://login.example/keys", nil, errKeysMissing},
		{"http://127.0.0.1.example/metadata", "https://login.example/keys", nil, errKeysMissing},
		{"http://127.0.0.1:9/metadata", "http://localhost:9/keys", []string{"127.0.0.1:9", "localhost:9"}, nil},
		{"http://[::1]:9/metadata", "https://login.example/keys", []string{"[::1]:9", "login.example"}, nil},
		{"http://127.0.0.1:9/metadata", "http://login.example/keys", []string{"127.0.0.1:9"}, errKeysMissing},
		{"", "https://login.example/keys", nil, errKeysMissing},
		{"%", "https://login.example/keys", nil, errKeysMissing},
	} {
		var asked []string
		client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.Host)
			if r.URL.Path == "/metadata" {
				return reply(r, mustJSON(object{"issuer": tokenIssuer, "jwks_uri": c.keys})), nil
			}
			return reply(r, mustJSON(object{"keys": []object{jwkOf("one", &rsaKey().PublicKey, "msteams")}})), nil
		})}
		v := newValidator(tokenApp, nil, c.metadata, client, newClock().now)
		expect(t, c.metadata+" and "+c.keys, authenticate(v, goodToken()), c.want)
		if !slices.Equal(asked, c.asked) {
			t.Errorf("%s and %s: asked %v, want %v", c.metadata, c.keys, asked, c.asked)
		}
	}
}

func TestRedirectFromHTTPSToHTTPIsNotFollowed(t *testing.T) {
	asked := 0
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		asked++
		response := reply(r, nil)
		response.StatusCode = http.StatusFound
		response.Header.Set("Location", "http://login.example/metadata")
		return response, nil
	})}
	v := newValidator(tokenApp, nil, "https://login.example/metadata", client, newClock().now)
	expect(t, "downgrade", authenticate(v, goodToken()), errKeysMissing)
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestEachCloudIsComplete(t *testing.T) {
	suffixes := map[string]string{"": ".com", "public": ".com", "usgov": ".us", "china": ".cn"}
	for name, suffix := range suffixes {
		cl, ok := cloudNamed(name)
		if !ok {
			t.Fatalf("cloud %q is not known", name)
		}
		for _, address := range []string{cl.loginURL, cl.scope, cl.issuer, cl.openIDMetadata} {
			u, err := url.Parse(address)
			if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Hostname(), suffix) {
				t.Errorf("cloud %q: %q", name, address)
			}
		}
		if cl.scope != cl.issuer+"/.default" || cl.tenant == "" || len(cl.serviceHosts) == 0 {
			t.Errorf("cloud %q: %+v", name, cl)
		}
		if v := newValidator(tokenApp, []string{cl.issuer}, cl.openIDMetadata, http.DefaultClient, time.Now); v.keys.loopback {
			t.Errorf("cloud %q lets keys come from loopback", name)
		}
		cl.serviceHosts[0] = "changed"
		if again, _ := cloudNamed(name); again.serviceHosts[0] == "changed" {
			t.Errorf("cloud %q is shared", name)
		}
	}
	for _, name := range []string{"Public", "gov", "dod", " "} {
		if _, ok := cloudNamed(name); ok {
			t.Errorf("cloud %q is known", name)
		}
	}
}

// The reasons for a validator of our own. If one fails with a new release of
// msbotbuilder-go, its validator has changed: look at it again.
func TestLibrarysValidatorStillHasItsGaps(t *testing.T) {
	var metadata int
	original := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = original })
	// The library's client and addresses are its own; its transport is the default.
	http.DefaultTransport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/openidconfiguration") {
			metadata++
			return reply(r, mustJSON(object{"jwks_uri": "https://keys.example/keys"})), nil
		}
		return reply(r, mustJSON(object{"keys": []object{jwkOf("one", &rsaKey().PublicKey)}})), nil
	})
	claims := goodClaims()
	claims["nbf"], claims["exp"] = time.Now().Add(-time.Minute).Unix(), time.Now().Add(time.Hour).Unix()
	library, credentials := auth.NewJwtTokenValidator(), auth.SimpleCredentialProvider{AppID: tokenApp}
	try := func(claims object) error {
		token := tokenWith(rsaKey(), goodHeader(), claims)
		_, err := library.AuthenticateRequest(context.Background(), teamsActivity(), "Bearer "+token, credentials, "")
		return err
	}
	for range 3 {
		if err := try(claims); err != nil {
			t.Errorf("a key without endorsements is refused: %v", err)
		}
	}
	if metadata != 3 {
		t.Errorf("3 requests fetch the metadata %d times", metadata)
	}
	for _, name := range []string{"serviceurl", "iss", "aud"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a token without %s does not panic", name)
				}
			}()
			_ = try(altered(claims, name, nil))
		}()
	}
}

func FuzzToken(f *testing.F) {
	v := newValidator(tokenApp, []string{tokenIssuer}, "https://login.example/metadata", &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("no network here")
	})}, func() time.Time { return tokenTime })
	v.keys.set.Store(&keySet{issuer: tokenIssuer, fetched: tokenTime, keys: map[string]*signingKey{"one": {&rsaKey().PublicKey, []string{"msteams"}}}})
	good := goodToken()
	signed := good[:strings.LastIndex(good, ".")]
	for _, header := range []string{
		"", "Bearer", "Bearer ", "Bearer ..", "bearer " + good, "Bearer " + good, "Bearer " + good + "A", "Bearer " + signed + ".",
		"Bearer " + signInput(object{"alg": "RS256", "kid": "one", "crit": 7}, object{"aud": []any{nil}}) + ".AAAA",
		"Bearer " + signInput(object{"alg": []int{1}, "kid": nil}, nil) + ".AAAA",
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		identity, err := v.AuthenticateRequest(context.Background(), teamsActivity(), header, nil, "")
		if err == nil {
			if !strings.Contains(header, signed) {
				t.Fatal("a token that nobody signed is accepted")
			}
			_ = identity.GetClaimValue(header)
			return
		}
		if _, ok := err.(*refusal); !ok || identity != nil { // not even wrapped
			t.Fatalf("%T and %v", err, identity)
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add(mustJSON(jwkOf("one", &rsaKey().PublicKey, "msteams")))
	f.Add([]byte(`{"kty":"RSA","kid":"one","n":"AQAB","e":""}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		kid, key, ok := parseKey(raw)
		if ok != (kid != "" && key != nil && key.public.N.BitLen() >= minKeyBits) {
			t.Fatalf("%q %v %v", kid, key, ok)
		}
	})
}
