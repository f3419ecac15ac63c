// Package local tells this machine from others: for addresses that need no
// encryption, and for requests that need no proof of who sent them.
package local

import (
	"net"
	"net/http"
	"strings"
)

// Host reports whether a host, with or without a port, names this machine for
// itself. "" does not.
func Host(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// Request reports whether a program on this machine asks, for all that can be told.
// A name of another site could lead here (DNS rebinding), which Host shows; and a
// reverse proxy on this machine would pass on what everybody asks. It mostly says
// so, or keeps the name by which it was called, or speaks HTTP/1.0, which no browser
// does. One that does none of these cannot be told from any other program here.
func Request(r *http.Request) bool {
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && Host(from) && r.ProtoAtLeast(1, 1) && !forwarded(r.Header) && Host(r.Host)
}

// forwarded reports whether a reverse proxy says that it passed a request on.
func forwarded(h http.Header) bool {
	for name := range h {
		switch {
		case name == "Forwarded", name == "Via", name == "X-Real-Ip", strings.HasPrefix(name, "X-Forwarded-"):
			return true
		}
	}
	return false
}
