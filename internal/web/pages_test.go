package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"golang.org/x/net/html"

	"briefingbot/internal/bot"
	"briefingbot/internal/briefing"
	"briefingbot/internal/content"
	"briefingbot/internal/platformtest"
	"briefingbot/prompts"
)

func builtIn(t *testing.T) briefing.Library {
	t.Helper()
	lib, err := content.Load(prompts.FS)
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

// pages is the pages of a library, with the bot's words.
func pages(t *testing.T, lib briefing.Library) *http.ServeMux {
	t.Helper()
	mux := http.NewServeMux()
	Style(mux)
	NewPages(PagesConfig{
		Library: func() briefing.Library { return lib }, Meeting: platformtest.NewBot(t, zap.NewNop()).Meeting,
		LinkStates: bot.WithLinkStates, Footer: bot.DefaultFooter,
	}).Routes(mux)
	return mux
}

func get(t *testing.T, h http.Handler, method, path string, header http.Header) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	for k, v := range header {
		r.Header[k] = v
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// byID is the element of that id, or nil.
func byID(doc *html.Node, id string) (found *html.Node) {
	walk(doc, func(n *html.Node) {
		if attr(n, "id") == id {
			found = n
		}
	})
	return found
}

// theirs is the text below a node without words of the bot's.
func theirs(n *html.Node) string {
	var b strings.Builder
	walk(n, func(n *html.Node) {
		if n.Type != html.TextNode {
			return
		}
		for p := n.Parent; p != nil; p = p.Parent {
			if strings.HasPrefix(attr(p, "class"), "msg-") {
				return
			}
		}
		b.WriteString(n.Data)
	})
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestPageHoldsTheBriefingWordForWord(t *testing.T) {
	lib := builtIn(t)
	h := pages(t, lib)
	for _, b := range lib {
		var want []string
		for i := range b.Sections {
			want = append(want, b.Sections[i].Heading(), letters(b.Sections[i].Blocks))
		}
		doc := parse(t, body(t, get(t, h, "GET", "/briefings/"+b.ID, nil)))
		text := byID(doc, "text")
		if text == nil {
			t.Fatalf("%s: the page has no text", b.ID)
		}
		if got, want := theirs(text), strings.Join(strings.Fields(strings.Join(want, " ")), " "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", b.ID, got, want)
		}
		var links, wantLinks []string
		walk(text, func(n *html.Node) {
			if n.Data == "a" {
				links = append(links, attr(n, "href"))
			}
		})
		for i := range b.Sections {
			for _, block := range b.Sections[i].Blocks {
				if l, ok := block.(briefing.List); ok {
					for _, item := range l.Items {
						for _, span := range item.Text {
							if span.Link != nil {
								wantLinks = append(wantLinks, span.Link.URL)
							}
						}
					}
				}
			}
		}
		if len(links) == 0 || !slices.Equal(links, wantLinks) {
			t.Errorf("%s: links %q, want %q", b.ID, links, wantLinks)
		}
		whole := visible(doc)
		for _, s := range []string{b.Title, b.Source(nil), b.ReviewBy.Format("2 January 2006"), bot.DefaultFooter, "not confirmed"} {
			if !strings.Contains(whole, s) {
				t.Errorf("%s: the page does not say %q", b.ID, s)
			}
		}
	}
}

func TestContentsLeadToEverySection(t *testing.T) {
	lib := builtIn(t)
	h := pages(t, lib)
	for _, path := range []string{"/briefings", "/briefings/" + lib[0].ID} {
		doc := parse(t, body(t, get(t, h, "GET", path, nil)))
		read := parse(t, body(t, get(t, h, "GET", "/briefings/"+lib[0].ID, nil)))
		n := 0
		walk(doc, func(a *html.Node) {
			if _, id, ok := strings.Cut(attr(a, "href"), "#section-"); ok {
				n++
				target := byID(read, "section-"+id)
				if target == nil || visible(target) != visible(a) {
					t.Errorf("%s: %q leads to no heading of that name", path, visible(a))
				}
			}
		})
		if n != len(lib[0].Sections) {
			t.Errorf("%s: %d sections are listed, of %d", path, n, len(lib[0].Sections))
		}
	}
}

// The plan is what the bot says in chat, without the buttons.
func TestPlanIsTheBotsWordForWord(t *testing.T) {
	b := builtIn(t)[0]
	plan := platformtest.NewBot(t, zap.NewNop()).Meeting(b)
	words := slices.DeleteFunc(slices.Clone(plan.Blocks), func(b briefing.Block) bool { _, ok := b.(briefing.Buttons); return ok })
	want := strings.Join(strings.Fields(letters(words)), " ")
	page := strings.Join(strings.Fields(visible(byID(parse(t, body(t, get(t, pages(t, builtIn(t)), "GET", "/briefings/"+b.ID+"/meeting", nil))), "main"))), " ")
	if !strings.HasPrefix(page, want) {
		t.Errorf("\n got %s\nwant %s …", page, want)
	}
	for _, s := range []string{"Notes", "Actions", "What", "Who", "By when"} {
		if !strings.Contains(page[len(want):], s) {
			t.Errorf("there is no room for %q", s)
		}
	}
}

func TestAnswersAreKeptOnlyWhileTheyAreTrue(t *testing.T) {
	lib := builtIn(t)
	mux := http.NewServeMux()
	Style(mux)
	NewPages(PagesConfig{
		Library: func() briefing.Library { return lib }, Meeting: platformtest.NewBot(t, zap.NewNop()).Meeting,
		LinkStates: bot.WithLinkStates, Footer: bot.DefaultFooter,
	}).Routes(mux)
	path := "/briefings/" + lib[0].ID
	first := get(t, mux, "GET", path, nil)
	tag := first.Header.Get("ETag")
	if tag == "" || first.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("headers: %v", first.Header)
	}
	asked := http.Header{"If-None-Match": {tag}}
	if again := get(t, mux, "GET", path, asked); again.StatusCode != http.StatusNotModified || body(t, again) != "" {
		t.Errorf("unchanged: %s", again.Status)
	}
	changed := *lib[0]
	changed.Edition = "A newer edition"
	lib = briefing.Library{&changed}
	if again := get(t, mux, "GET", path, asked); again.StatusCode != http.StatusOK || !strings.Contains(body(t, again), "A newer edition") {
		t.Errorf("changed: %s", again.Status)
	}
}

func TestEveryAnswerIsGuardedAndHeadHasNoBody(t *testing.T) {
	h := pages(t, builtIn(t))
	for _, c := range []struct {
		path   string
		status int
		kind   string
	}{
		{"/briefings", 200, "text/html; charset=utf-8"},
		{"/briefings/", 200, "text/html; charset=utf-8"},
		{"/briefings/domestic-abuse", 200, "text/html; charset=utf-8"},
		{"/briefings/domestic-abuse/meeting", 200, "text/html; charset=utf-8"},
		{"/static/base.css", 200, "text/css; charset=utf-8"},
		{"/static/pages.css", 200, "text/css; charset=utf-8"},
		{"/static/icon.svg", 200, "image/svg+xml"},
		{"/briefings/zzzz", 404, "text/html; charset=utf-8"},
		{"/briefings/zzzz/meeting", 404, "text/html; charset=utf-8"},
		{"/briefings/domestic-abuse/zzzz", 404, "text/html; charset=utf-8"},
	} {
		r := get(t, h, "GET", c.path, nil)
		if r.StatusCode != c.status || r.Header.Get("Content-Type") != c.kind || body(t, r) == "" {
			t.Errorf("%s: %s, %s", c.path, r.Status, r.Header.Get("Content-Type"))
		}
		for k, v := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-cache",
		} {
			if r.Header.Get(k) != v {
				t.Errorf("%s: %s is %q", c.path, k, r.Header.Get(k))
			}
		}
		if len(r.Cookies()) > 0 {
			t.Errorf("%s sets a cookie", c.path)
		}
		head := get(t, h, "HEAD", c.path, nil)
		if head.StatusCode != c.status || body(t, head) != "" || head.Header.Get("ETag") != r.Header.Get("ETag") {
			t.Errorf("HEAD %s: %s", c.path, head.Status)
		}
		if post := get(t, h, "POST", c.path, nil); post.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %s", c.path, post.Status)
		}
	}
}

func TestUnknownAddressIsNotRepeated(t *testing.T) {
	h := pages(t, builtIn(t))
	for _, path := range []string{"/briefings/janedoe", "/briefings/janedoe/meeting", "/briefings/a/janedoe/b", "/briefings/x?q=janedoe"} {
		r := get(t, h, "GET", path, nil)
		if page := body(t, r); r.StatusCode != http.StatusNotFound || strings.Contains(page, "janedoe") || !strings.Contains(page, "Page not found") {
			t.Errorf("%s: %s\n%s", path, r.Status, page)
		}
	}
}

func TestLibraryWithoutBriefingsSaysSo(t *testing.T) {
	if page := body(t, get(t, pages(t, nil), "GET", "/briefings", nil)); !strings.Contains(page, "There are no briefings at present.") {
		t.Error(page)
	}
}
