package linkcheck

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// errPrivate keeps a server out there from having this machine ask one in here.
var errPrivate = errors.New("the address is on a private network")

// client makes requests and follows nothing by itself. A guarded one connects to
// public addresses alone. What is looked at is the address that is connected to and
// not the name: a name can lead anywhere, and elsewhere the next moment.
func (c Checker) client(guarded bool) *http.Client {
	dialer := &net.Dialer{Timeout: c.Timeout}
	direct := http.DefaultTransport.(*http.Transport).Clone()
	direct.DialContext = dialer.DialContext
	direct.DisableKeepAlives = true // else a connection could outlive its check
	direct.TLSHandshakeTimeout = c.Timeout
	direct.ResponseHeaderTimeout = c.Timeout
	direct.MaxResponseHeaderBytes = 64 << 10
	direct.TLSClientConfig = &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	client := &http.Client{
		Transport:     direct,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if guarded {
		public := direct.Clone()
		public.Proxy = nil
		public.DialContext = (&net.Dialer{Timeout: c.Timeout, Control: publicOnly}).DialContext
		client.Transport = byProxy{proxied: direct, public: public}
	}
	return client
}

// publicOnly is called with the address that is about to be connected to.
func publicOnly(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(to.Addr()) {
		return errPrivate
	}
	return nil
}

// byProxy takes a proxy where the environment names one for an address. The proxy
// is on the private network itself, so that it cannot be reached by the guarded way.
type byProxy struct{ proxied, public *http.Transport }

func (b byProxy) RoundTrip(r *http.Request) (*http.Response, error) {
	if usesProxy(r) {
		return b.proxied.RoundTrip(r)
	}
	return b.public.RoundTrip(r)
}

func usesProxy(r *http.Request) bool {
	proxy, err := http.ProxyFromEnvironment(r)
	return err == nil && proxy != nil
}

// namesPrivate reports whether an address names a private place outright: all that
// can be known of one that goes through a proxy, which alone looks names up.
func namesPrivate(u *url.URL) bool {
	host := u.Hostname()
	if address, err := netip.ParseAddr(host); err == nil {
		return !isPublic(address)
	}
	// A name without a dot, or in one of these, means something in here only.
	// https://www.iana.org/assignments/special-use-domain-names, and ICANN's
	// reservation of ".internal" in July 2024
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, end := range []string{".local", ".internal", ".localhost", ".lan", ".home.arpa"} {
		if strings.HasSuffix(host, end) {
			return true
		}
	}
	return !strings.Contains(host, ".")
}

// special are the blocks that package netip has no method for and that are not of
// the public Internet, or lead to where others are.
// https://www.iana.org/assignments/iana-ipv4-special-registry
// https://www.iana.org/assignments/iana-ipv6-special-registry
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, block := range special {
		if block.Contains(a) {
			return false
		}
	}
	return true
}
