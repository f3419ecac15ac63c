package web

import (
	"context"
	"regexp"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"briefingbot/internal/briefing"
)

// paths are every page of a library.
func paths(lib briefing.Library) []string {
	out := []string{"/briefings"}
	for _, b := range lib {
		out = append(out, "/briefings/"+b.ID, "/briefings/"+b.ID+"/meeting")
	}
	return out
}

// printed is the page as a PDF, on paper of the page's own choice.
func printed(t *testing.T, ctx context.Context) []byte {
	t.Helper()
	pdf, err := chromedp.Run(ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), func(p *page.PrintToPDFParams) {
		tagged := false // whose structure would name pages as well
		p.GenerateTaggedPDF = &tagged
	}))
	if err != nil {
		t.Fatal(err)
	}
	return pdf
}

var pdfPage = regexp.MustCompile(`/Type ?/Page\b`)

func sheets(t *testing.T, ctx context.Context) int {
	t.Helper()
	return len(pdfPage.FindAll(printed(t, ctx), -1))
}

func TestEveryPageIsOneSheetOfPaper(t *testing.T) {
	lib := builtIn(t)
	ctx := browser(t)
	origin := serveLoopback(t, pages(t, lib))
	for _, path := range paths(lib)[1:] {
		do(t, ctx, chromedp.Navigate(origin+path))
		pdf := printed(t, ctx)
		if n := len(pdfPage.FindAll(pdf, -1)); n != 1 {
			t.Errorf("%s: %d sheets", path, n)
		}
		// 210 by 297 mm in points, as Chromium rounds them.
		if !regexp.MustCompile(`/MediaBox ?\[0 0 59[45](\.\d+)? 84[12](\.\d+)?\]`).Match(pdf) {
			t.Errorf("%s: not A4", path)
		}
	}
}

// ofLetters is a briefing with items of its worries left out or repeated, until
// it is about as long as that.
func ofLetters(t *testing.T, b *briefing.Briefing, most int) *briefing.Briefing {
	t.Helper()
	out := *b
	out.Sections = slices.Clone(b.Sections)
	worries := out.First(briefing.Worries)
	items := worries.Blocks[0].(briefing.List).Items
	var kept []briefing.Item
	for i := 0; ; i++ {
		worries.Blocks = []briefing.Block{briefing.List{Items: append(slices.Clone(kept), items[i%len(items)])}}
		if letterCount(&out) > most {
			worries.Blocks = []briefing.Block{briefing.List{Items: kept}}
			return &out
		}
		kept = append(kept, items[i%len(items)])
	}
}

// The sizes in pages.go hold what they promise, each at its limit.
func TestLongAndShortBriefingsAreOneSheetToo(t *testing.T) {
	b := builtIn(t)[0]
	ctx := browser(t)
	for _, c := range []struct {
		most   int
		class  string
		sheets int
	}{{3700, "medium", 1}, {4800, "small", 1}, {5250, "smallest", 1}, {9000, "smallest", 2}} {
		made := ofLetters(t, b, c.most)
		if got := size(made); got != c.class {
			t.Errorf("%d letters are set %s, not %s", letterCount(made), got, c.class)
		}
		origin := serveLoopback(t, pages(t, briefing.Library{made}))
		do(t, ctx, chromedp.Navigate(origin+"/briefings/"+made.ID))
		if n := sheets(t, ctx); n != c.sheets {
			t.Errorf("%d letters, %s: %d sheets", letterCount(made), c.class, n)
		}
	}
}

func TestNothingIsSetTooSmallToRead(t *testing.T) {
	lib := builtIn(t)
	ctx := browser(t)
	origin := serveLoopback(t, pages(t, lib))
	printMedia(t, ctx)
	for _, path := range paths(lib)[1:] {
		do(t, ctx, chromedp.Navigate(origin+path))
		smallest := evaluate[float64](t, ctx, `Math.min(...[...document.querySelectorAll("main *, footer *")].filter(e => e.innerText?.trim() && !e.classList.contains("unseen")).map(e => parseFloat(getComputedStyle(e).fontSize)))`)
		const point = 96.0 / 72
		if smallest < 8.5*point-0.01 {
			t.Errorf("%s: some of it is set in %.2f points", path, smallest/point)
		}
	}
}

func TestAddressesOfLinksStandOnPaper(t *testing.T) {
	ctx := browser(t)
	origin := serveLoopback(t, pages(t, builtIn(t)))
	printMedia(t, ctx)
	do(t, ctx, chromedp.Navigate(origin+"/briefings/domestic-abuse"))
	if shown := evaluate[string](t, ctx, `getComputedStyle(document.querySelector("article a"), "::after").content`); !regexp.MustCompile(`^" \(" attr\(href\) "\)"$|https://llrscb\.`).MatchString(shown) {
		t.Errorf("behind a link stands %s", shown)
	}
}
