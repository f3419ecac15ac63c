package slack

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
	m := saying("Before.")
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
		}
		if step.name == "not rendered again" {
			m.Blocks = saying("After.").Blocks // which nobody does: it is how to see what was kept
		}
		if a := s.typed("/da-briefing", ""); a.status != http.StatusOK || !strings.Contains(a.body, step.want) {
			t.Errorf("%s: %d %s", step.name, a.status, a.body)
		}
	}
}

// TestRepliesArePreparedAnewWhileItAnswers is for the race detector.
func TestRepliesArePreparedAnewWhileItAnswers(t *testing.T) {
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
	for range 50 {
		if a := s.typed("/da-briefing", ""); a.status != http.StatusOK || !strings.Contains(a.body, "The same.") {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	close(done)
	wg.Wait()
}
