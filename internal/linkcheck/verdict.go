package linkcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// answered is what a status says of a page.
func answered(status int) (Verdict, string) {
	said := fmt.Sprintf("the server answered %d", status)
	if text := http.StatusText(status); text != "" {
		said += " (" + text + ")"
	}
	switch {
	case status >= 200 && status < 300:
		return Works, ""
	case status == http.StatusNotFound, status == http.StatusGone:
		return Broken, fmt.Sprintf("the page is not there any more (%d)", status)
	case status == http.StatusUnauthorized, status == http.StatusProxyAuthRequired:
		return Unclear, said + ": people have to sign in there, or it sends programs away"
	// 999 is what LinkedIn says to programs.
	case status == http.StatusForbidden, status == http.StatusNotAcceptable, status == http.StatusTooManyRequests, status == http.StatusUnavailableForLegalReasons, status == 999:
		return Unclear, said + ": it may send programs away, and let people in"
	case status >= 500:
		return Broken, said + ": it is in trouble; try again another day"
	}
	return Broken, said
}

// arrived is what is to be said of a page that works, by how one came there. good
// says that every server on the way called the new address the lasting one.
func arrived(first, last *url.URL, good bool) (Verdict, string) {
	switch {
	case *first == *last:
		return Works, ""
	case strings.Trim(last.Path, "/") == "" && strings.Trim(first.Path, "/") != "":
		return Unclear, "it leads to the front page of a site now: the page itself may be gone"
	case last.Host != first.Host && !sameSite(first.Hostname(), last.Hostname()):
		return Unclear, "it leads to another site now: it may be a page to sign in, or one that took the place of what was there"
	case good:
		return Moved, "it has moved for good; write its new address"
	}
	return Works, "by way of another address, for now"
}

// sameSite reports whether two names differ by www. alone.
func sameSite(a, b string) bool {
	return strings.EqualFold(strings.TrimPrefix(strings.ToLower(a), "www."), strings.TrimPrefix(strings.ToLower(b), "www."))
}

// failure is what a request that got no answer says of an address.
func failure(err error, timeout time.Duration) (Verdict, string) {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
		alert        tls.AlertError
		name         *net.DNSError
		timedOut     interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, errPrivate):
		return Unclear, "it leads on to an address on a private network, which was not followed"
	case errors.Is(err, context.Canceled):
		return Unclear, "it was not opened"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Broken, "its certificate has expired, so that browsers warn people off"
	case errors.As(err, &hostname):
		return Broken, "its certificate is for another name, so that browsers warn people off"
	case errors.As(err, &verification), errors.As(err, &authority), errors.As(err, &invalid):
		return Broken, "its certificate cannot be trusted, so that browsers warn people off"
	case errors.As(err, &record), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return Broken, "no encrypted connection could be made"
	case errors.As(err, &name) && name.IsNotFound:
		return Broken, "there is no server of that name"
	case errors.As(err, &timedOut) && timedOut.Timeout():
		return Broken, fmt.Sprintf("no answer within %s; try again another day", timeout)
	case errors.As(err, &name):
		return Unclear, "the name of its server could not be looked up; see whether this machine is connected"
	case errors.Is(err, syscall.ECONNREFUSED):
		return Broken, "its server takes no connections"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return Unclear, "its server cannot be reached from this machine"
	}
	// The error itself may hold what a server sent, which nobody has checked.
	return Broken, "its server does not answer as a web server should"
}
