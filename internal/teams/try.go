package teams

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// Trial is what Microsoft's login server says to the app's id and secret.
type Trial struct {
	Err     error     // why there is no token; holds nothing that the server wrote but its error codes
	Refused bool      // the server knows them to be wrong
	Code    string    // Entra's own error code, like AADSTS7000222; empty where it gave none
	Date    time.Time // the server's clock; zero where there was no answer
}

// entraCode is how Entra's error codes stand in its descriptions.
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
var entraCode = regexp.MustCompile(`\bAADSTS[0-9]{4,8}\b`)

// Try asks the login server for a token, as the bot does before it sends.
func Try(ctx context.Context, cfg Config) (t Trial) {
	cl, _ := cloudNamed(cfg.Cloud) // Validate has seen it
	client := newHTTPClient()
	dated := &dated{}
	client.Transport = dated
	_, err := fetcher{context.WithValue(ctx, oauth2.HTTPClient, client), credentialsOf(cfg, cl)}.Token()
	t.Date = dated.date
	if err == nil {
		return t
	}
	said := tokenError(err)
	t.Refused = said.isRefusal()
	if answer := (*oauth2.RetrieveError)(nil); errors.As(err, &answer) {
		t.Code = entraCode.FindString(answer.ErrorDescription)
	}
	switch {
	case said.code == "" && said.status == 0:
		t.Err = errors.New(fault(said.err))
	case slices.Contains(tokenErrors, said.code):
		t.Err = said
	default:
		t.Err = &signInError{status: said.status} // a wrong server may have said anything
	}
	return t
}

// tokenErrors are the codes of RFC 6749, section 5.2, and those that Entra adds.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#error-response
var tokenErrors = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
	"invalid_resource", "temporarily_unavailable", "server_error",
}

// dated notes what time an answer says that it is.
type dated struct{ date time.Time }

// RoundTrip implements http.RoundTripper.
func (c *dated) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			c.date = at
		}
	}
	return resp, err
}
