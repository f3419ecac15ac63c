package slip_test

import (
	"testing"

	"briefingbot/internal/slip"
)

func TestSlipsBetweenTwoWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b    string
		slips   int
		swapped bool
	}{
		{"", "", 0, false},
		{"stop", "stop", 0, false},
		{"s", "stop", 3, false},
		{"stpo", "stop", 1, true},
		{"tsop", "stop", 1, true},
		{"stpop", "stop", 1, false},
		{"skpi", "skip", 1, true},
		{"sikp", "skip", 1, true},
		{"spik", "skip", 2, false},  // not neighbours
		{"tspo", "stop", 3, false},  // two swaps
		{"stpox", "stop", 2, false}, // and one letter more
		{"eé", "ée", 1, true},
		{"\xff\xfe", "\xfe\xff", 0, false}, // not text
	} {
		for range 2 { // and the other way round
			if got := slip.Between(tt.a, tt.b); got != tt.slips {
				t.Errorf("Between(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.slips)
			}
			if got := slip.Swapped(tt.a, tt.b); got != tt.swapped {
				t.Errorf("Swapped(%q, %q) = %v", tt.a, tt.b, got)
			}
			tt.a, tt.b = tt.b, tt.a
		}
	}
}
