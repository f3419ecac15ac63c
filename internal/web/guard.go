package web

import (
	"net/http"
	"net/url"

	"briefingbot/internal/briefing"
	"briefingbot/internal/local"
)

// chatPolicy lets the page load and call what this server has, and nothing else.
// Pictures may come as data: the card renderer draws its icons so.
const chatPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// notHere is for a page that is asked for by a name that is not this machine's own.
const notHere = "This page is for this machine alone. Open it as localhost."

// guarded refuses what does not come from the page itself, and sets what browsers
// are to respect.
func (c *Chat) guarded(next http.Handler) http.Handler {
	next = c.csrf.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		w.Header().Set("Content-Security-Policy", chatPolicy)
		switch {
		case c.cfg.Token.Empty() && !fromHere(r):
			c.refuse(w, http.StatusMisdirectedRequest, notHere, "a request from elsewhere")
		case !ownSite(r):
			c.refuseSite(w)
		case !c.allowed(r):
			w.Header().Set("Retry-After", "1")
			c.refuse(w, http.StatusTooManyRequests, "That was much at once. Wait a second, and try again.", "too many requests")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// allowed reports whether there is room for one more request. Strangers, who may be
// many, leave those who have shown the token theirs.
func (c *Chat) allowed(r *http.Request) bool {
	if c.isKnown(r) {
		return c.limit.Allow()
	}
	return c.strangers.Allow()
}

// fromHere reports whether a browser on this machine asks, for all that can be told.
// What a proxy that hides itself would show to others is what is published.
func fromHere(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || !local.Host(u.Host) {
			return false
		}
	}
	return local.Request(r)
}

// ownSite reports whether a request comes from the page, or from a person who
// follows a link to it. Browsers say so in headers that no script can set:
// https://www.w3.org/TR/fetch-metadata/. What says nothing is no browser.
func ownSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

func (c *Chat) refuseSite(w http.ResponseWriter) {
	c.refuse(w, http.StatusForbidden, "This page answers itself alone.", "another site asked")
}

// refuse answers in words of its own, and never in those of the request.
func (c *Chat) refuse(w http.ResponseWriter, status int, words, cause string) {
	c.log.Warn("request refused", platformField, statusField(status), causeField(cause))
	http.Error(w, words, status)
}

// known serves those who may come in.
func (c *Chat) known(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.isKnown(r) {
			c.refuse(w, http.StatusUnauthorized, "Open the page anew, and enter the token.", "no session")
			return
		}
		next(w, r)
	})
}

func channelOf(place string) (ch briefing.Channel, ok bool) {
	switch place {
	case "channel":
		return TeamChannel, true
	case "private":
		return briefing.Channel{Platform: briefing.Web, Tenant: tenant}, true
	}
	return ch, false
}
