package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"go.uber.org/zap"

	"briefingbot/internal/briefing"
	"briefingbot/internal/content"
)

// plants is a briefing about watering with a word of its own, the same in its
// sections and its only question.
func plants(t *testing.T, word string) (briefing.Library, *content.Finder) {
	t.Helper()
	lib, err := content.Load(fstest.MapFS{"plants.md": {Data: fmt.Appendf(nil, `---
id: plants
title: Plants
publisher: Testshire Gardeners
edition: May 2026
language: en-GB
prefix: pl
sections:
  2:
    kind: questions
---

## 01. What it is

Water every %[1]s.

## 02. Questions

### Practice reflection

- Who looks after them every %[1]s?
`, word)}})
	if err != nil {
		t.Fatal(err)
	}
	finder, err := content.Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	return lib, finder
}

func TestReplacedBriefingsAnswerAtOnceAndCompletely(t *testing.T) {
	lib, finder := plants(t, "monday")
	b := New(lib, finder, Config{}, zap.NewNop())
	before := b.Fixed()
	b.Replace(plants(t, "friday"))
	for _, text := range []string{"/pl-briefing 1", "/pl-briefing all", "/pl-briefing water", "/pl-briefing search water", "/pl-questions", "/pl-questions practice", "/pl-questions random"} {
		reply := ask(b, text)
		if said := reply.Plain(); !strings.Contains(said, "friday") || strings.Contains(said, "monday") {
			t.Errorf("%s:\n%s", text, said)
		}
		if slices.Contains(before, reply) {
			t.Errorf("%s has a reply of before", text)
		}
	}
	for _, m := range b.Fixed() {
		if slices.Contains(before, m) {
			t.Errorf("a fixed reply stayed:\n%s", m.Plain())
		}
	}
	if _, err := finder.Search(briefing.NewPrivate("water"), 1); err == nil {
		t.Error("the index of before is still open")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestReplyUnderWayEndsWithTheBriefingsThatItBeganWith(t *testing.T) {
	lib, finder := plants(t, "monday")
	b := New(lib, finder, Config{}, zap.NewNop())
	r := b.hold() // as a reply does that is under way
	b.Replace(plants(t, "friday"))
	b.Replace(plants(t, "sunday"))
	if said := ask(b, "/pl-briefing search water").Plain(); !strings.Contains(said, "sunday") {
		t.Errorf("a new request waits or has an old answer:\n%s", said)
	}
	req := briefing.Request{Text: briefing.NewPrivate("/pl-briefing search water")}
	if said := r.respond(context.Background(), req).Plain(); !strings.Contains(said, "monday") {
		t.Errorf("the reply under way:\n%s", said)
	}
	r.release()
	if said := r.respond(context.Background(), req).Plain(); !strings.Contains(said, "something went wrong") {
		t.Errorf("its index stayed open after it:\n%s", said)
	}
	if r.hold() {
		t.Error("it can be begun with again")
	}
}

// TestBriefingsAreReplacedWhileItAnswers is for the race detector, too: no answer
// fails, and each is of one library.
func TestBriefingsAreReplacedWhileItAnswers(t *testing.T) {
	lib, finder := plants(t, "monday")
	b := New(lib, finder, Config{}, zap.NewNop())
	texts := []string{"/pl-briefing 1", "/pl-briefing all", "/pl-briefing search water", "/pl-briefing watering", "/pl-questions random"}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := i; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				said := ask(b, texts[n%len(texts)]).Plain()
				if strings.Contains(said, "monday") == strings.Contains(said, "friday") {
					t.Errorf("%s:\n%s", texts[n%len(texts)], said)
					return
				}
			}
		})
	}
	for i := range 40 {
		b.Replace(plants(t, []string{"friday", "monday"}[i%2]))
	}
	close(done)
	wg.Wait()
}

// posted is a Sender that keeps what it was given.
type posted struct{ messages []*briefing.Message }

func (p *posted) Send(_ context.Context, _ briefing.Channel, m *briefing.Message) (string, error) {
	p.messages = append(p.messages, m)
	return "1", nil
}

func (*posted) CanPost(context.Context, briefing.Channel) error { return nil }

func TestWeeklyQuestionComesFromTheReplacedBriefings(t *testing.T) {
	lib, finder := plants(t, "monday")
	b := New(lib, finder, Config{}, zap.NewNop())
	var sent posted
	b.Connect(briefing.Slack, &sent)
	ch := briefing.Channel{Platform: briefing.Slack, ID: "C"}
	sub := briefing.Subscription{Channel: ch}
	claimed := b.Choose(&sub, "")
	b.Replace(plants(t, "friday"))

	_, err := b.Deliver(context.Background(), briefing.Post{Channel: ch, Question: claimed})
	if said := (*briefing.DeliveryError)(nil); !errors.As(err, &said) || said.Outcome != briefing.Rejected || len(sent.messages) > 0 {
		t.Errorf("a question that is gone: %v, and %d were sent", err, len(sent.messages))
	}
	chosen := b.Choose(&sub, claimed) // as when the post is tried again
	if chosen == claimed || chosen == "" {
		t.Fatalf("chose %q after %q", chosen, claimed)
	}
	if _, err := b.Deliver(context.Background(), briefing.Post{Channel: ch, Question: chosen}); err != nil || len(sent.messages) != 1 || !strings.Contains(sent.messages[0].Plain(), "every friday") {
		t.Errorf("%v, sent %v", err, sent.messages)
	}
}
