package web

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxPages   = 100              // open at a time
	maxPosts   = 50               // that a page which is opened later still gets
	pingEvery  = 20 * time.Second // below the minute after which proxies give up on a silent connection
	writeTime  = 10 * time.Second // for one event
	retryAfter = 2000             // milliseconds until a page that lost its connection asks again
)

// hub tells every open page of what comes by itself: posts, and changed content.
type hub struct {
	epoch string // of this process: another counts its posts anew

	mu      sync.Mutex // guards what follows
	posts   []post     // the last maxPosts
	last    uint64
	content []byte
	wake    chan struct{} // closed when there is something new
	open    int
	closed  bool
}

// post is one as the pages get it.
type post struct {
	id   uint64
	body []byte
}

func newHub() *hub { return &hub{epoch: rand.Text(), wake: make(chan struct{})} }

func (h *hub) news() {
	close(h.wake)
	h.wake = make(chan struct{})
}

// post shows a post, and returns its number.
func (h *hub) post(body []byte) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	h.posts = append(h.posts, post{h.last, body})
	if len(h.posts) > maxPosts {
		h.posts = append([]post(nil), h.posts[1:]...)
	}
	h.news()
	return h.last
}

func (h *hub) setContent(body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.content = body
	h.news()
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		h.news()
	}
}

// enter takes a place for a page, unless there are too many.
func (h *hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open == maxPages || h.closed {
		return false
	}
	h.open++
	return true
}

func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
}

// after is what came after a post and after the content that a page has, and what
// to wait for next.
func (h *hub) after(seen uint64, content []byte) (posts []post, now []byte, wake <-chan struct{}, closed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.posts {
		if p.id > seen {
			posts = append(posts, p)
		}
	}
	if len(h.content) > 0 && (len(content) == 0 || &h.content[0] != &content[0]) {
		now = h.content
	}
	return posts, now, h.wake, h.closed
}

// seen is the last post that a page has, by what it says of it.
func (h *hub) seen(lastEventID string) uint64 {
	epoch, number, _ := strings.Cut(lastEventID, ".")
	n, err := strconv.ParseUint(number, 10, 64)
	if epoch != h.epoch || err != nil {
		return 0
	}
	return n
}

// events streams what comes by itself, as server-sent events:
// https://html.spec.whatwg.org/multipage/server-sent-events.html.
func (c *Chat) events(w http.ResponseWriter, r *http.Request) {
	if !c.hub.enter() {
		c.refuse(w, http.StatusServiceUnavailable, "Too many pages are open, or the bot is stopping.", "too many pages")
		return
	}
	defer c.hub.leave()
	out := http.NewResponseController(w)
	// The server's own limits are for requests that end soon.
	if err := out.SetReadDeadline(time.Time{}); err != nil {
		c.failed(err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	write := func(event string) bool {
		if err := out.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
			return false
		}
		if _, err := fmt.Fprint(w, event); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	// A browser names the last post by itself while it tries again; once it has given
	// up, the page does.
	seen := c.hub.seen(cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("last")))
	var content []byte
	if !write(fmt.Sprintf("retry: %d\n\n", retryAfter)) {
		return
	}
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		posts, now, wake, closed := c.hub.after(seen, content)
		if closed {
			return
		}
		if now != nil {
			content = now
			if !write(fmt.Sprintf("event: content\ndata: %s\n\n", now)) {
				return
			}
		}
		for _, p := range posts {
			seen = p.id
			if !write(fmt.Sprintf("event: post\nid: %s.%d\ndata: %s\n\n", c.hub.epoch, p.id, p.body)) {
				return
			}
		}
		select {
		case <-wake:
		case <-ping.C:
			if !write(": still here\n\n") {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
