package web

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium finds the browser. Where it is missing a test is skipped, or fails if
// BRIEFINGBOT_REQUIRE_CHROMIUM=1 says that it must not.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("BRIEFINGBOT_REQUIRE_CHROMIUM") == "1" {
		t.Fatal("no chromium is installed")
	}
	t.Skip("no chromium is installed (Debian: apt install chromium)")
	return ""
}

// browser is a real browser for a test, with an empty profile. The context is
// for chromedp; it ends with the test, or where it takes too long.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)),
		chromedp.NoSandbox, // it does not start for root, whom CI runs as; and the pages are ours
	)
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	tab, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	do(t, tab) // starts it, and is what its life is bound to: without a time limit
	ctx, cancel := context.WithTimeout(tab, 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// evaluate is the value of an expression in the page.
func evaluate[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// serveLoopback serves a handler on loopback until the test ends.
func serveLoopback(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// watchPage fails the test, at its end, for a request to anywhere but origin and
// for anything that the page or the browser complained of, but where what is at the
// paths of failing did not come.
func watchPage(t *testing.T, ctx context.Context, origin string, failing ...string) {
	t.Helper()
	var (
		mu    sync.Mutex
		wrong []string
	)
	add := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		wrong = append(wrong, fmt.Sprintf(format, args...))
	}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, origin+"/") && !strings.HasPrefix(u, "data:") {
				add("asked for %s", u)
			}
		case *runtime.EventExceptionThrown:
			add("exception: %s", e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			add("console: %s", e.Type)
		case *log.EventEntryAdded:
			if slices.ContainsFunc(failing, func(path string) bool { return strings.HasPrefix(e.Entry.URL, origin+path) }) {
				return
			}
			add("log: %s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, w := range wrong {
			t.Error(w)
		}
	})
}

// themes are what prefers-color-scheme can be.
var themes = []string{"light", "dark"}

// prefer has the browser prefer what a person can in its settings, such as
// "prefers-color-scheme: dark" or "forced-colors: active".
func prefer(t *testing.T, ctx context.Context, feature, value string) {
	t.Helper()
	features := []*emulation.MediaFeature{{Name: feature, Value: value}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		t.Fatal(err)
	}
}

//go:embed testdata/axe.min.js
var axe string

// checkAxe fails for whatever axe finds against WCAG 2.2 AA on the page that is
// shown.
func checkAxe(t *testing.T, ctx context.Context) {
	t.Helper()
	found, err := axeFindings(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// axeResult is what axe says, as far as it is looked at.
type axeResult struct {
	Passes     int `json:"passes"`
	Violations []struct {
		ID     string `json:"id"`
		Impact string `json:"impact"`
		Help   string `json:"help"`
		Nodes  []struct {
			HTML    string `json:"html"`
			Summary string `json:"failureSummary"`
		} `json:"nodes"`
	} `json:"violations"`
}

// axeFindings is what axe finds. The page's own policy does not keep axe out: it
// comes from the debugger.
func axeFindings(ctx context.Context) ([]string, error) {
	const ask = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
		.then(r => ({passes: r.passes.length, violations: r.violations}))`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](axe+";0")); err != nil {
		return nil, err
	}
	result, err := chromedp.Run(ctx, chromedp.Evaluate[axeResult](ask, chromedp.EvalAwaitPromise))
	if err != nil {
		return nil, err
	}
	if result.Passes == 0 {
		return nil, errors.New("axe has looked at nothing")
	}
	var found []string
	for _, v := range result.Violations {
		for _, n := range v.Nodes {
			found = append(found, fmt.Sprintf("axe: %s (%s): %s\n\t%s\n\t%s", v.ID, v.Impact, v.Help, n.HTML, n.Summary))
		}
	}
	return found, nil
}

// checkNoSidewaysScroll fails where the page has to be scrolled sideways to be read.
func checkNoSidewaysScroll(t *testing.T, ctx context.Context) {
	t.Helper()
	sizes := evaluate[[]int](t, ctx, `[document.scrollingElement.scrollWidth, document.documentElement.clientWidth]`)
	if len(sizes) != 2 || sizes[0] > sizes[1] {
		t.Errorf("the page is as wide as %v pixels: what it holds, and the window", sizes)
	}
}

// printMedia has the browser show pages as they are on paper.
func printMedia(t *testing.T, ctx context.Context) {
	t.Helper()
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
		t.Fatal(err)
	}
}
