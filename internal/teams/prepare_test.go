package teams

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"briefingbot/internal/briefing"
)

func saying(text string) *briefing.Message {
	return &briefing.Message{Blocks: []briefing.Block{briefing.Note{Text: text}}}
}

func TestPreparedRepliesAreRenderedOnceAndForgottenWithTheNext(t *testing.T) {
	t.Parallel()
	m, weekly := saying("Before."), saying("Before.")
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message { return m }))
	for _, step := range []struct {
		name    string
		prepare []*briefing.Message // nil for nothing at all
		want    string
	}{
		{"rendered when it comes", nil, "Before."},
		{"prepared", []*briefing.Message{m}, "Before."},
		{"not rendered again", nil, "Before."},
		{"forgotten with the next", []*briefing.Message{saying("Another.")}, "After."},
	} {
		if step.prepare != nil {
			s.adapter.Prepare(step.prepare)
			if n := len(s.adapter.posts.cards); n > 0 {
				t.Errorf("%s: %d posts are kept", step.name, n)
			}
		}
		if step.name == "not rendered again" {
			// Which nobody does: it is how to see what was kept.
			m.Blocks, weekly.Blocks = saying("After.").Blocks, saying("After.").Blocks
		}
		if p := s.asked(s.telling("da-briefing")); !strings.Contains(p.text, step.want) {
			t.Errorf("%s: %s", step.name, p.text)
		}
		before := len(s.connector.received())
		if _, err := s.adapter.Send(t.Context(), s.channel(), weekly); err != nil {
			t.Fatal(err)
		}
		if p := s.came(before, 1)[0]; !strings.Contains(p.text, step.want) {
			t.Errorf("%s: posted %s", step.name, p.text)
		}
	}
}

// TestRepliesArePreparedAnewWhileItAnswers is for the race detector.
func TestRepliesArePreparedAnewWhileItAnswers(t *testing.T) {
	t.Parallel()
	m := saying("The same.")
	s := newSide(t, responderFunc(func(briefing.Request) *briefing.Message { return m }))
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				s.adapter.Prepare([]*briefing.Message{m})
				s.adapter.Prepare(nil)
			}
		}
	})
	for range 20 {
		if a := s.send(s.pressing("/da-briefing")); a.status != http.StatusOK || !strings.Contains(a.body, "The same.") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if _, err := s.adapter.Send(t.Context(), s.channel(), m); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
}
