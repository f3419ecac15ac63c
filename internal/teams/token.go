package teams

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/infracloudio/msbotbuilder-go/connector/auth"
	"github.com/infracloudio/msbotbuilder-go/schema"
	"github.com/lestrrat-go/jwx/v3/jwa"
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
		return strings.EqualFold(aud, appID) // a UUID, which may be written in capitals
	case []any:
		found := false
		for _, one := range aud {
			s, ok := one.(string)
			if !ok {
				return false
			}
			found = found || strings.EqualFold(s, appID)
		}
		return found
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
