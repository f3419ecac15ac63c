package briefing_test

import (
	"testing"

	"briefingbot/internal/briefing"
)

// Every database holds these ids as its history: another id for the same words
// would have every team asked everything again.
func TestQuestionIDStaysWhatItIs(t *testing.T) {
	q := briefing.Question{Text: briefing.Words("How do we record the voice of the child?")}
	if got, want := q.ID(), "dc1be67d116ee5217cc73fb6"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestQuestionIDIsOfItsWords(t *testing.T) {
	of := func(spans ...briefing.Span) string { return briefing.Question{Text: spans}.ID() }
	plain := of(briefing.Span{Text: "How do we record the voice of the child?"})
	for name, same := range map[string]string{
		"emphasis":     of(briefing.Span{Text: "How do we record "}, briefing.Span{Text: "the voice", Bold: true}, briefing.Span{Text: " of the child?", Italic: true}),
		"space":        of(briefing.Span{Text: "  How do we  record\u00a0the voice of the child?\n"}),
		"a line break": of(briefing.Span{Text: "How do we record\nthe voice of the child?"}),
	} {
		if same != plain {
			t.Errorf("%s makes another question of it", name)
		}
	}
	seen := map[string]string{plain: "the question"}
	for name, id := range map[string]string{
		"another word":        of(briefing.Span{Text: "How do we record the voice of a child?"}),
		"another order":       of(briefing.Span{Text: "How do we record the child of the voice?"}),
		"no question mark":    of(briefing.Span{Text: "How do we record the voice of the child"}),
		"words without space": of(briefing.Span{Text: "How do we record the voice of thechild?"}),
		"nothing":             of(),
	} {
		if other, taken := seen[id]; taken {
			t.Errorf("%s is taken for %s", name, other)
		}
		seen[id] = name
		if len(id) != 24 {
			t.Errorf("%s has the id %q", name, id)
		}
	}
}
