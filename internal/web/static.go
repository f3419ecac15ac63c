package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"time"
)

//go:embed static
var staticFiles embed.FS

// Style adds what the chat and the pages share, below /static/.
func Style(mux *http.ServeMux) { static(mux, "base.css", "icon.svg") }

// static adds files of the folder static, each at its own address below /static/.
func static(mux *http.ServeMux, names ...string) {
	for _, name := range names {
		body, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			panic("web: " + err.Error()) // a name in our own code; found by any test
		}
		mux.HandleFunc("GET /static/"+name, func(w http.ResponseWriter, r *http.Request) {
			secure(w.Header())
			write(w, r, http.StatusOK, mime.TypeByExtension(path.Ext(name)), body)
		})
	}
}

// secure sets what every page has in common: it is shown in no frame, tells no
// other site where a link was followed, and is what its type says. Nothing is
// loaded but what a page's own policy allows.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

// write answers with a body that may be kept as long as it is asked each time
// whether it is still the same: content can change while the bot runs.
func write(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-cache")
	if status != http.StatusOK {
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // whoever asked is gone; there is nobody to tell
		}
		return
	}
	sum := sha256.Sum256(body)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
