package teams

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"briefingbot/internal/briefing"
	"briefingbot/internal/local"
)

// Config is what Teams needs. The zero value means that Teams is not used.
type Config struct {
	AppID            string
	AppPassword      briefing.Private
	TenantID         string   // the one tenant that is served; any where empty
	Cloud            string   // public where empty, usgov, china
	LoginURL         string   // of the cloud where empty
	OpenIDMetadata   string   // of the cloud where empty
	ServiceHosts     []string // that replies may go to, host or host:port; of the cloud where empty
	InsecureLoopback bool     // take unsigned activities from loopback, for Microsoft's local client
}

// ErrHalf is wrapped by the error of Validate where settings are missing.
var ErrHalf = errors.New("half of Teams is set up")

// Enabled reports whether anything of Teams is set.
func (c Config) Enabled() bool {
	return c.AppID != "" || !c.AppPassword.Empty() || c.TenantID != "" || c.InsecureLoopback
}

// Validate says what is missing or cannot be meant, by the names of the settings.
func (c Config) Validate() error {
	if !c.Enabled() {
		return nil
	}
	if _, ok := cloudNamed(c.Cloud); !ok {
		return errors.New("TEAMS_CLOUD is not known; it is public, usgov or china")
	}
	for _, setting := range []struct{ name, address string }{{"TEAMS_LOGIN_URL", c.LoginURL}, {"TEAMS_OPENID_METADATA_URL", c.OpenIDMetadata}} {
		if setting.address == "" {
			continue
		}
		if u, err := url.Parse(setting.address); err != nil || u.Hostname() == "" || u.Scheme != "https" && !(u.Scheme == "http" && local.Host(u.Hostname())) {
			return fmt.Errorf("%s is not an https address", setting.name)
		}
	}
	if c.AppID != "" && !isGUID(c.AppID) {
		return errors.New("TEAMS_APP_ID is no id; it has 32 digits and letters with hyphens, like 6f1b2c3d-0000-4a5b-8c9d-0123456789ab")
	}
	if c.TenantID != "" && !isGUID(c.TenantID) {
		return errors.New("TEAMS_TENANT_ID is no id; it has 32 digits and letters with hyphens, like 6f1b2c3d-0000-4a5b-8c9d-0123456789ab")
	}
	for _, host := range c.ServiceHosts {
		if u, err := url.Parse("https://" + host); err != nil || u.Host != host || u.Hostname() == "" || strings.Contains(host, "*") {
			return errors.New("TEAMS_SERVICE_HOSTS holds what is no host; write hosts alone, like smba.trafficmanager.net, with commas between them")
		}
	}
	if c.InsecureLoopback {
		for _, setting := range []struct {
			name string
			set  bool
		}{{"TEAMS_APP_ID", c.AppID != ""}, {"TEAMS_APP_PASSWORD", !c.AppPassword.Empty()}} {
			if setting.set {
				return fmt.Errorf("TEAMS_INSECURE_LOOPBACK is for trials without an app, and %s is set", setting.name)
			}
		}
		return nil
	}
	switch {
	case c.AppID == "":
		return fmt.Errorf("%w: TEAMS_APP_ID is missing", ErrHalf)
	case c.AppPassword.Empty():
		return fmt.Errorf("%w: TEAMS_APP_PASSWORD is missing", ErrHalf)
	}
	return nil
}

// isGUID reports whether s is written as Entra writes its ids.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (c == '-') || !hyphen && !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return false
		}
	}
	return true
}

// tokenSource fetches tokens for the connector, keeps one until shortly before it
// ends, and fetches one at a time.
func tokenSource(cfg Config, cl cloud) oauth2.TokenSource {
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, newHTTPClient())
	const early = 5 * time.Minute
	// Not clientcredentials' own source: it keeps a token until ten seconds before its end.
	return oauth2.ReuseTokenSourceWithExpiry(nil, fetcher{ctx, credentialsOf(cfg, cl)}, early)
}

// credentialsOf is how the app signs in.
func credentialsOf(cfg Config, cl cloud) *clientcredentials.Config {
	login, tenant := cl.loginURL, cl.tenant
	if cfg.LoginURL != "" {
		login = cfg.LoginURL
	}
	if cfg.TenantID != "" {
		tenant = cfg.TenantID
	}
	if !strings.HasSuffix(login, "/token") {
		login = strings.TrimRight(login, "/") + "/" + url.PathEscape(tenant) + "/oauth2/v2.0/token"
	}
	return &clientcredentials.Config{
		ClientID: cfg.AppID, ClientSecret: cfg.AppPassword.Reveal(), TokenURL: login,
		Scopes: []string{cl.scope}, AuthStyle: oauth2.AuthStyleInParams,
	}
}

type fetcher struct {
	ctx         context.Context // holds the http.Client
	credentials *clientcredentials.Config
}

// Token implements oauth2.TokenSource.
func (f fetcher) Token() (*oauth2.Token, error) { return f.credentials.Token(f.ctx) }

// allowsService reports whether replies may go to an activity's service: over
// https to a host that is listed; over http on loopback alone, where that is
// listed by whoever runs the bot, or in a trial without an app.
func (a *Adapter) allowsService(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	switch {
	case u.Scheme == "http" && !local.Host(u.Hostname()), u.Scheme != "http" && u.Scheme != "https":
		return false
	case a.cfg.InsecureLoopback: // nobody signed this address
		return local.Host(u.Hostname())
	}
	return slices.ContainsFunc(a.hosts, func(allowed string) bool {
		return strings.EqualFold(allowed, u.Host) || strings.EqualFold(allowed, u.Hostname()) && (u.Port() == "" || u.Port() == "443")
	})
}
