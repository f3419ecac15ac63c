package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"go.uber.org/zap"

	"briefingbot/internal/briefing"
	"briefingbot/internal/platformtest"
	"briefingbot/internal/slack"
	"briefingbot/internal/teams"
)

// openChat shows the chat of a bot in a browser.
func openChat(t *testing.T) (context.Context, *Chat) {
	t.Helper()
	return openChatBehind(t, func(h http.Handler) http.Handler { return h })
}

// openChatBehind shows it behind what stands before it, and has paths fail.
func openChatBehind(t *testing.T, before func(http.Handler) http.Handler, failing ...string) (context.Context, *Chat) {
	t.Helper()
	return openChatOf(t, platformtest.NewBot(t, zap.NewNop()), before, failing...)
}

func openChatOf(t *testing.T, b Responder, before func(http.Handler) http.Handler, failing ...string) (context.Context, *Chat) {
	t.Helper()
	ctx := browser(t)
	c, err := New(Config{Slack: painted(func(m *briefing.Message) any {
		var out []any
		for _, part := range slack.Render(m, slack.Private) {
			out = append(out, part)
		}
		return out
	}), Teams: painted(func(m *briefing.Message) any { return teams.Render(m) })}, b, zap.NewNop(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	c.Show(Content{
		Completions: []Completion{{"/da-briefing worries", "05. What are we worried about?"}, {"/da-briefing meeting", "a plan"}, {"/briefings", "what there is"}},
		Starters:    []Completion{{"/briefings", "the briefings that there are"}},
	})
	mux := http.NewServeMux()
	Style(mux)
	c.Routes(mux)
	origin := serveLoopback(t, before(mux))
	t.Cleanup(func() { _ = c.Close(context.Background()) }) // or the server waits for the page
	watchPage(t, ctx, origin, failing...)
	do(t, ctx, chromedp.EmulateViewport(1000, 800), chromedp.Navigate(origin+"/"))
	waitFor(t, ctx, `document.querySelectorAll(".welcome button").length === 2`)
	return ctx, c
}

// painted is a painter of what a renderer returns.
func painted(render func(*briefing.Message) any) Painter {
	return func(m *briefing.Message, _ bool) ([]json.RawMessage, error) {
		body, err := json.Marshal(render(m))
		if err != nil {
			return nil, err
		}
		var out []json.RawMessage
		return out, json.Unmarshal(body, &out)
	}
}

// waitFor waits until an expression is true in the page.
func waitFor(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if evaluate[bool](t, ctx, "Boolean("+expression+")") {
			return
		}
	}
	t.Fatalf("in vain: %s\n%s", expression, evaluate[string](t, ctx, "document.body.innerText"))
}

// enter presses Enter as a keyboard does: where the page prevents what the key does
// when it goes down, nothing comes of it. KeyEvent sends its letter all the same.
func enter(t *testing.T, ctx context.Context) {
	t.Helper()
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
		key := input.DispatchKeyEventParams{Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13}
		if kind == input.DispatchKeyEventTypeKeyDown {
			key.Text = "\r"
		}
		if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, key); err != nil {
			t.Fatal(err)
		}
	}
}

// keys presses keys wherever the focus is.
func keys(t *testing.T, ctx context.Context, text string) {
	t.Helper()
	do(t, ctx, chromedp.KeyEvent(text))
}

func TestCommandIsAnsweredWithTheKeyboardAlone(t *testing.T) {
	ctx, _ := openChat(t)
	keys(t, ctx, "worr")
	waitFor(t, ctx, `document.querySelectorAll("#completions li").length === 1`)
	keys(t, ctx, kb.ArrowDown)
	if got := evaluate[string](t, ctx, `document.getElementById(document.getElementById("text").getAttribute("aria-activedescendant")).textContent`); !strings.Contains(got, "worries") {
		t.Errorf("the screen reader is told of %q", got)
	}
	enter(t, ctx)
	if got := evaluate[string](t, ctx, `document.getElementById("text").value`); got != "/da-briefing worries" {
		t.Errorf("completed to %q", got)
	}
	enter(t, ctx)
	waitFor(t, ctx, `document.querySelector("#place-channel .reply h3")?.textContent.includes("What are we worried about?")`)
	// The next thing can be typed at once, and nothing is left of the last.
	if !evaluate[bool](t, ctx, `document.activeElement.id === "text" && document.getElementById("text").value === "" && document.getElementById("completions").hidden`) {
		t.Error("the box is not ready for the next command")
	}
	keys(t, ctx, "b"+kb.Escape)
	if !evaluate[bool](t, ctx, `document.getElementById("completions").hidden`) {
		t.Error("Escape leaves the list open")
	}
}

func click(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	waitFor(t, ctx, expression)
	evaluate[bool](t, ctx, `(`+expression+`.click(), true)`)
}

const labelled = `[...document.querySelectorAll(".place:not([hidden]) .view:not([hidden]) button")].find(b => b.textContent === `

func TestButtonsAnswer(t *testing.T) {
	ctx, _ := openChat(t)
	do(t, ctx, chromedp.KeyEvent("/da-briefing 5"+kb.Enter))
	click(t, ctx, labelled+`"Next (06)")`)
	waitFor(t, ctx, `[...document.querySelectorAll(".reply h3")].some(h => h.textContent.startsWith("06."))`)
}

// setUp is a bot that shows a form, or a button for it.
type setUp struct{}

func (setUp) Respond(_ context.Context, req briefing.Request) *briefing.Message {
	if req.Text.Reveal() == "/reflection" {
		return &briefing.Message{Blocks: []briefing.Block{briefing.Buttons{Buttons: []briefing.Button{{Label: "Set up", Command: "/reflection set up"}}}}}
	}
	return &briefing.Message{Blocks: []briefing.Block{briefing.Form{Title: "Weekly question", Submit: "Set", Command: "/reflection", Fields: []briefing.Field{
		{Label: "Day", Value: "monday", Options: []briefing.Option{{Label: "Monday", Value: "monday"}, {Label: "Tuesday", Value: "tuesday"}}},
	}}}}
}

func TestFormThatWasAskedForHasTheKeyboard(t *testing.T) {
	ctx, _ := openChatOf(t, setUp{}, func(h http.Handler) http.Handler { return h })
	keys(t, ctx, "/reflection"+kb.Enter)
	click(t, ctx, labelled+`"Set up")`)
	waitFor(t, ctx, `document.activeElement.closest(".reply form")`)
	if !evaluate[bool](t, ctx, `document.activeElement === document.querySelector(".reply form select, .reply form input")`) {
		t.Error("it is not the first field that has it")
	}
	// Who typed the command goes on typing.
	evaluate[bool](t, ctx, `(document.getElementById("text").focus(), true)`)
	keys(t, ctx, "/reflection set up"+kb.Enter)
	waitFor(t, ctx, `document.querySelectorAll(".reply form").length === 2`)
	if !evaluate[bool](t, ctx, `document.activeElement.id === "text"`) {
		t.Error("the box to type in has lost it")
	}
}

func TestWithoutScriptsThePageOffersNothingThatNeedsThem(t *testing.T) {
	ctx, _ := openChat(t)
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.Reload())
	shown := evaluate[string](t, ctx, `document.body.innerText`)
	if !strings.Contains(shown, "The chat needs JavaScript.") || strings.Contains(shown, "Send") || strings.Contains(shown, "Private chat") {
		t.Errorf("it shows:\n%s", shown)
	}
}

func TestInForcedColoursOnlyTheChosenTabHasALine(t *testing.T) {
	ctx, _ := openChat(t)
	prefer(t, ctx, "forced-colors", "active")
	line := func(tab string) string {
		return evaluate[string](t, ctx, `getComputedStyle(document.getElementById("`+tab+`")).borderBottomColor`)
	}
	paper := evaluate[string](t, ctx, `getComputedStyle(document.body).backgroundColor`)
	if line("tab-private") != paper || line("tab-channel") == paper {
		t.Errorf("lines %s and %s on %s", line("tab-channel"), line("tab-private"), paper)
	}
}

func TestSharingAsksFirst(t *testing.T) {
	ctx, _ := openChat(t)
	keys(t, ctx, "/da-briefing 5"+kb.Enter)
	share := labelled + `"Share in channel")`
	click(t, ctx, share)
	waitFor(t, ctx, `document.getElementById("confirm").open && document.getElementById("confirm-title").textContent`)
	checkAxe(t, ctx)
	keys(t, ctx, kb.Escape)
	waitFor(t, ctx, `!document.getElementById("confirm").open`)
	if n := evaluate[int](t, ctx, `document.querySelectorAll(".reply").length`); n != 1 {
		t.Errorf("%d messages although nothing was to be shared", n)
	}
	click(t, ctx, share)
	click(t, ctx, `document.querySelector("#confirm[open] #confirm-yes")`)
	waitFor(t, ctx, `[...document.querySelectorAll(".reply .seen")].some(s => s.textContent === "Everyone sees this")`)
}

func TestTabsShowWhatSlackAndTeamsGet(t *testing.T) {
	ctx, _ := openChat(t)
	keys(t, ctx, "/da-briefing 5"+kb.Enter)
	tab := func(name string) string {
		return `[...document.querySelectorAll(".reply [role=tab]")].find(b => b.textContent === "` + name + `")`
	}
	words := "Lone male adults accessing services were not always asked if they had children."
	click(t, ctx, tab("Slack"))
	waitFor(t, ctx, `document.querySelector(".slack")?.innerText.includes("`+words+`")`)
	if got := evaluate[string](t, ctx, `document.querySelector(".view-slack a[href^='https://app.slack.com/block-kit-builder#']").href`); !strings.Contains(got, "%22blocks%22") {
		t.Errorf("the builder's address is %q", got)
	}
	if !json.Valid([]byte(evaluate[string](t, ctx, `document.querySelector(".view-slack pre").textContent`))) {
		t.Error("what is to be copied is no JSON")
	}
	checkAxe(t, ctx)
	click(t, ctx, tab("Teams"))
	waitFor(t, ctx, `document.querySelector(".teams .ac-adaptiveCard")?.innerText.includes("`+words+`")`)
	if got := evaluate[string](t, ctx, `document.querySelector(".teams").innerText`); strings.Contains(got, `\`) {
		t.Errorf("escapes are shown: %s", got)
	}
	for _, theme := range themes {
		prefer(t, ctx, "prefers-color-scheme", theme)
		checkAxe(t, ctx)
	}
	// A button of the card's works too.
	click(t, ctx, `[...document.querySelectorAll(".teams button")].find(b => b.textContent === "Contents")`)
	waitFor(t, ctx, `document.querySelectorAll(".mine").length === 2`)
}

func TestEveryMessageIsDrawnInEveryTab(t *testing.T) {
	ctx, c := openChat(t)
	for i, f := range platformtest.Fixtures(t) {
		if _, err := c.Send(t.Context(), TeamChannel, f.Message); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			waitFor(t, ctx, `document.querySelector(".reply")`)
		}
	}
	waitFor(t, ctx, `document.querySelectorAll(".reply").length === `+jsNumber(len(platformtest.Fixtures(t))))
	evaluate[bool](t, ctx, `(document.querySelectorAll(".reply [role=tab]").forEach(b => b.click()), true)`)
	waitFor(t, ctx, `[...document.querySelectorAll(".reply")].every(r => r.querySelector(".slack")?.innerText.trim() && r.querySelector(".ac-adaptiveCard"))`)
	for _, missing := range []string{"cannot draw", "could not be drawn"} {
		if evaluate[bool](t, ctx, `document.body.innerText.includes("`+missing+`")`) {
			t.Errorf("the page says %q of a message", missing)
		}
	}
	if evaluate[bool](t, ctx, `Boolean(document.querySelector(".reply script, .reply iframe, .reply [onclick]"))`) {
		t.Error("a message has a script in it")
	}
}

func jsNumber(n int) string {
	b, _ := json.Marshal(n) // a number
	return string(b)
}

func TestPostArrivesByItselfAlsoWhereSomebodyLooksElsewhere(t *testing.T) {
	ctx, c := openChat(t)
	click(t, ctx, `document.getElementById("tab-private")`)
	if _, err := c.Send(t.Context(), TeamChannel, &briefing.Message{Blocks: []briefing.Block{briefing.Heading{Text: "Question of the week"}}}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, ctx, `document.getElementById("tab-channel").classList.contains("news")`)
	click(t, ctx, `document.getElementById("tab-channel")`)
	waitFor(t, ctx, `document.querySelector("#place-channel .reply h3")?.textContent === "Question of the week" && !document.getElementById("tab-channel").classList.contains("news")`)
}

const readAnew = `document.body.innerText.includes("The briefings were read anew")`

func TestPageSaysOnceThatTheBriefingsChanged(t *testing.T) {
	ctx, c := openChat(t)
	content := Content{Version: "1"}
	c.Show(content)
	waitFor(t, ctx, `document.querySelectorAll(".welcome button").length === 0`)
	content.Faults = []string{"a fault"} // the same briefings go on answering
	c.Show(content)
	waitFor(t, ctx, `document.getElementById("faults").innerText.includes("a fault")`)
	if evaluate[bool](t, ctx, readAnew) {
		t.Error("the same briefings are said to be new")
	}
	c.Show(Content{Version: "2"})
	waitFor(t, ctx, readAnew)
}

// outage stands before the chat, and can break its streams.
type outage struct {
	status atomic.Int32 // that streams are answered with; 0 for their own
	cut    chan func()  // ends the last one
}

func (o *outage) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			if status := o.status.Load(); status != 0 {
				http.Error(w, "words of the one before", int(status))
				return
			}
			ctx, end := context.WithCancel(r.Context())
			defer end()
			o.cut <- end
			r = r.WithContext(ctx)
		}
		h.ServeHTTP(w, r)
	})
}

func (o *outage) begin(status int) {
	o.status.Store(int32(status))
	(<-o.cut)()
}

func TestPageComesBackAfterAnOutage(t *testing.T) {
	o := &outage{cut: make(chan func(), 100)}
	ctx, c := openChatBehind(t, o.before, "/events")
	post := func(words string) {
		t.Helper()
		if _, err := c.Send(t.Context(), TeamChannel, &briefing.Message{Blocks: []briefing.Block{briefing.Heading{Text: words}}}); err != nil {
			t.Fatal(err)
		}
	}
	posts := `[...document.querySelectorAll("#place-channel .reply h3")].map(h => h.textContent).join()`
	post("one")
	waitFor(t, ctx, posts+` === "one"`)
	o.begin(http.StatusBadGateway) // after which a browser does not try again
	waitFor(t, ctx, `document.body.innerText.includes("This page tries again by itself")`)
	post("two")
	time.Sleep(3 * time.Second) // the browser has tried, and given up
	o.status.Store(0)
	waitFor(t, ctx, posts+` === "one,two" && !document.body.innerText.includes("tries again")`)
	if evaluate[bool](t, ctx, readAnew) {
		t.Error("nothing changed, and the page says so")
	}
}

func TestPageWhoseSessionIsOverSaysWhatToDo(t *testing.T) {
	o := &outage{cut: make(chan func(), 100)}
	ctx, _ := openChatBehind(t, o.before, "/events")
	o.begin(http.StatusUnauthorized)
	waitFor(t, ctx, `document.querySelector("[role=alert]")?.innerText === "words of the one before"`)
}

func TestFaultsAreShownUntilTheyAreMended(t *testing.T) {
	ctx, c := openChat(t)
	c.Show(Content{Faults: []string{"abuse.md:12: <b>this</b> section has no number"}})
	waitFor(t, ctx, `document.getElementById("faults").innerText.includes("abuse.md:12: <b>this</b> section has no number")`)
	checkAxe(t, ctx)
	c.Show(Content{})
	waitFor(t, ctx, `document.getElementById("faults").innerText === ""`)
}

func TestChatIsAccessibleEverywhere(t *testing.T) {
	ctx, _ := openChat(t)
	look := func(what string) {
		t.Helper()
		for _, theme := range themes {
			prefer(t, ctx, "prefers-color-scheme", theme)
			checkAxe(t, ctx)
		}
		for _, width := range []int{320, 500, 1400} {
			do(t, ctx, chromedp.EmulateViewport(int64(width), 640))
			checkNoSidewaysScroll(t, ctx)
		}
		do(t, ctx, chromedp.EmulateViewport(1000, 800))
		if t.Failed() {
			t.Fatalf("while there is %s", what)
		}
	}
	look("nothing yet")
	keys(t, ctx, "da")
	waitFor(t, ctx, `!document.getElementById("completions").hidden`)
	look("an open list")
	keys(t, ctx, kb.Escape+kb.Backspace+kb.Backspace+"/da-briefing all"+kb.Enter)
	waitFor(t, ctx, `document.querySelector(".reply")`)
	look("a reply")
	prefer(t, ctx, "forced-colors", "active")
	checkAxe(t, ctx)
}

func TestQuestionForTheTokenIsAccessible(t *testing.T) {
	ctx := browser(t)
	c, err := New(Config{Token: briefing.NewPrivate("a token of more than twenty letters")}, platformtest.NewBot(t, zap.NewNop()), zap.NewNop(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	Style(mux)
	c.Routes(mux)
	origin := serveLoopback(t, mux)
	do(t, ctx, chromedp.Navigate(origin+"/"))
	for _, theme := range themes {
		prefer(t, ctx, "prefers-color-scheme", theme)
		checkAxe(t, ctx)
	}
	do(t, ctx, chromedp.KeyEvent("a wrong one"+kb.Enter))
	waitFor(t, ctx, `document.querySelector("[role=alert]")?.innerText.includes("not the token")`)
	checkAxe(t, ctx)
}
