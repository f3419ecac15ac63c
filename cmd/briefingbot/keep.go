package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// days is a time in whole days, written like 400d: shorter ones are of no use, and
// nobody counts 9600h.
type days time.Duration

const (
	day      = 24 * time.Hour
	leastDay = 7 // a question of last week may still be asked again
	mostDays = 36500
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *days) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(strings.TrimSuffix(string(text), "d"))
	if err != nil || !strings.HasSuffix(string(text), "d") || n < leastDay || n > mostDays {
		return fmt.Errorf("it is a number of days, from %dd to %dd, like 400d", leastDay, mostDays)
	}
	*d = days(time.Duration(n) * day)
	return nil
}
