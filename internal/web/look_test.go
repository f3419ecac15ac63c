package web

import (
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"briefingbot/internal/platformtest"
)

// What checkAxe says of a page is worth something only if it sees a fault.
func TestAxeSeesWhatItShould(t *testing.T) {
	ctx := browser(t)
	origin := serveLoopback(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en-GB"><title>A</title><main><h1>A</h1><input></main></html>`))
	}))
	do(t, ctx, chromedp.Navigate(origin+"/"))
	found, err := axeFindings(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 {
		t.Errorf("a field without a label: %q", found)
	}
}

func TestRepliesAreAccessible(t *testing.T) {
	ctx := browser(t)
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.FileServerFS(os.DirFS(".")))
	for _, f := range platformtest.Fixtures(t) {
		page := `<!doctype html><html lang="en-GB"><meta name="viewport" content="width=device-width, initial-scale=1"><title>A reply</title>` +
			`<link rel="icon" href="/static/icon.svg"><link rel="stylesheet" href="/static/base.css">` +
			`<main><h1>A channel</h1><h2>Replies</h2>` + draw(t, f.Message) + `</main></html>`
		mux.HandleFunc("GET /"+f.Name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, page)
		})
	}
	origin := serveLoopback(t, mux)
	watchPage(t, ctx, origin)
	for _, name := range []string{"every-block", "hostile-text", "meeting", "all", "help"} {
		do(t, ctx, chromedp.Navigate(origin+"/"+name))
		for _, theme := range themes {
			prefer(t, ctx, "prefers-color-scheme", theme)
			checkAxe(t, ctx)
			do(t, ctx, chromedp.EmulateViewport(320, 640))
			checkNoSidewaysScroll(t, ctx)
			do(t, ctx, chromedp.EmulateReset())
		}
	}
}

func TestPagesAreAccessibleAndAskNobodyElse(t *testing.T) {
	lib := builtIn(t)
	ctx := browser(t)
	origin := serveLoopback(t, pages(t, lib))
	watchPage(t, ctx, origin)
	for _, path := range paths(lib) {
		do(t, ctx, chromedp.Navigate(origin+path))
		for _, theme := range themes {
			prefer(t, ctx, "prefers-color-scheme", theme)
			checkAxe(t, ctx)
		}
		prefer(t, ctx, "forced-colors", "active")
		checkAxe(t, ctx)
		// 320 CSS pixels are 1280 at 400 %, which WCAG 1.4.10 asks for, and more than 200 %.
		for _, width := range []int64{320, 640, 1280} {
			do(t, ctx, chromedp.EmulateViewport(width, 800))
			checkNoSidewaysScroll(t, ctx)
			checkAxe(t, ctx)
		}
		do(t, ctx, chromedp.EmulateReset())
	}
}

func TestPageNotFoundIsAccessible(t *testing.T) {
	ctx := browser(t)
	origin := serveLoopback(t, pages(t, builtIn(t)))
	do(t, ctx, chromedp.Navigate(origin+"/briefings/zzzz"))
	for _, theme := range themes {
		prefer(t, ctx, "prefers-color-scheme", theme)
		checkAxe(t, ctx)
	}
}

// The first press of Tab offers to skip what every page begins with, and Enter does.
func TestKeyboardCanSkipToTheText(t *testing.T) {
	ctx := browser(t)
	origin := serveLoopback(t, pages(t, builtIn(t)))
	do(t, ctx, chromedp.Navigate(origin+"/briefings/domestic-abuse"), chromedp.KeyEvent(kb.Tab))
	if top := evaluate[float64](t, ctx, `document.activeElement.matches(".skip") ? document.activeElement.getBoundingClientRect().top : -1`); top < 0 {
		t.Error("the first thing that has the focus is not a visible link to the text")
	}
	do(t, ctx, chromedp.KeyEvent(kb.Enter))
	if hash := evaluate[string](t, ctx, `location.hash`); hash != "#main" {
		t.Errorf("it leads to %q", hash)
	}
}
