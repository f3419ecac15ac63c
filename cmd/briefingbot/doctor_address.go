package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// certificateLook is how long before its end a certificate is spoken of: those that
// renew themselves do so earlier.
const certificateLook = 14 * 24 * time.Hour

func examineAddress(ctx context.Context, f *findings, address string) {
	if address == "" {
		f.add(look, "Public address: not tried.", "Add --url https://… with the address that Slack or Teams calls, while the bot runs.")
		return
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		f.add(wrong, "Public address: what --url names is no https address.", "Write it like https://bot.example.org: Slack and Teams call nothing else.")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(address, "/")+"/healthz", nil)
	if err != nil {
		f.add(wrong, "Public address: what --url names is no https address.", "Write it like https://bot.example.org.")
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		f.add(wrong, "Public address: it does not answer: "+addressCause(err)+".", "See that its name leads to the reverse proxy, that its certificate is valid for that name with all intermediate ones, and that its port 443 is open to the internet.")
		return
	}
	defer resp.Body.Close() // only read from
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	switch {
	case err != nil || resp.StatusCode != http.StatusOK || string(body) != "ok\n":
		f.add(wrong, fmt.Sprintf("Public address: somebody answers with status %d, and it is not this bot.", resp.StatusCode),
			"See that the reverse proxy passes /slack/, /api/messages and /healthz on to BRIEFINGBOT_LISTEN without a redirect or a sign-in, and that the bot runs.")
		return
	}
	ends := time.Now().Add(365 * 24 * time.Hour)
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		ends = resp.TLS.PeerCertificates[0].NotAfter
	}
	if time.Until(ends) < certificateLook {
		f.add(look, "Public address: it leads to the bot, and its certificate ends on "+ends.Format("2 January 2006")+".", "Renew the certificate, and see that it is renewed by itself.")
		return
	}
	f.add(ok, "Public address: it leads to the bot, with a certificate that is good until "+ends.Format("2 January 2006")+". That the internet reaches it too, only Slack or Teams can show.", "")
}

// addressCause is why an address does not answer, in words of ours.
func addressCause(err error) string {
	var (
		dns     *net.DNSError
		trust   *tls.CertificateVerificationError
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		record  tls.RecordHeaderError
		slow    net.Error
	)
	switch {
	case errors.As(err, &dns):
		return "its name is not known"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired"
	case errors.As(err, &name):
		return "its certificate is for another name"
	case errors.As(err, &unknown):
		return "nobody this machine trusts has signed its certificate"
	case errors.As(err, &trust):
		return "its certificate is not trusted"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak https"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there"
	case errors.As(err, &slow) && slow.Timeout():
		return "no answer came in time"
	}
	return "the connection failed"
}
