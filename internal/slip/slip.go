// Package slip counts the slips of a thumb between what somebody typed and what
// they may have meant.
package slip

import (
	"slices"

	"github.com/agnivade/levenshtein"
)

// Between is how many letters of a must be added, left out or changed to have b. Two
// neighbours that changed places and nothing else are one slip, as of a thumb, which
// a plain distance counts as two.
func Between(a, b string) int {
	d := levenshtein.ComputeDistance(a, b)
	if d == 2 && Swapped(a, b) {
		return 1
	}
	return d
}

// Swapped reports whether a and b differ by two neighbouring letters that changed
// places, and by nothing else.
func Swapped(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) != len(y) {
		return false
	}
	for i := 0; i+1 < len(x); i++ {
		if x[i] != y[i] {
			return x[i] == y[i+1] && x[i+1] == y[i] && slices.Equal(x[i+2:], y[i+2:])
		}
	}
	return false
}
