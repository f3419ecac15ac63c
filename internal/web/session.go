package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// Browsers take a cookie of this name only over https (or from this machine), for
	// this host alone: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie
	cookieName  = "__Host-briefingbot"
	sessionTime = 12 * time.Hour
)

type enterPage struct {
	Lost, Wrong, Often bool
}

// isKnown reports whether somebody may come in: anybody where there is no token, or
// who showed it in the last hours.
func (c *Chat) isKnown(r *http.Request) bool {
	if c.cfg.Token.Empty() {
		return true
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	end, mac, ok := strings.Cut(cookie.Value, ".")
	if !ok || !hmac.Equal([]byte(mac), []byte(c.mac(end))) {
		return false
	}
	seconds, err := strconv.ParseInt(end, 10, 64)
	return err == nil && c.now().Unix() < seconds
}

// mac signs the end of a session. Its key is made of the token, so that every copy
// of the bot knows it, and a new token ends every session.
func (c *Chat) mac(end string) string {
	h := hmac.New(sha256.New, []byte("session of briefingbot\x00"+c.cfg.Token.Reveal()))
	h.Write([]byte(end)) // never fails
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// come takes the token.
func (c *Chat) come(w http.ResponseWriter, r *http.Request) {
	if c.cfg.Token.Empty() {
		http.NotFound(w, r)
		return
	}
	if !c.enter.AllowN(c.now(), 1) {
		c.write(w, http.StatusTooManyRequests, "enter.html", enterPage{Often: true})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		c.refuse(w, http.StatusBadRequest, notSaid, "a request that is none")
		return
	}
	// Of hashes, a comparison tells nothing about the token's length either.
	typed, right := sha256.Sum256([]byte(r.PostFormValue("token"))), sha256.Sum256([]byte(c.cfg.Token.Reveal()))
	if subtle.ConstantTimeCompare(typed[:], right[:]) != 1 {
		c.log.Warn("request refused", platformField, statusField(http.StatusForbidden), causeField("a wrong token"))
		c.write(w, http.StatusForbidden, "enter.html", enterPage{Wrong: true})
		return
	}
	end := strconv.FormatInt(c.now().Add(sessionTime).Unix(), 10)
	c.setCookie(w, end+"."+c.mac(end), int(sessionTime/time.Second))
	http.Redirect(w, r, "/?entered", http.StatusSeeOther)
}

// leave ends the session in this browser.
func (c *Chat) leave(w http.ResponseWriter, r *http.Request) {
	c.setCookie(w, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *Chat) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
