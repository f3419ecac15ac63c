package main

import (
	"fmt"
	"io"
	"strings"
)

// level is how a finding stands.
type level int

const (
	ok    level = iota
	look        // nothing is broken: somebody should have a look
	wrong       // people do not get what they should
)

func (l level) String() string { return [...]string{"ok", "look", "wrong"}[l] }

// finding is one thing that status or doctor says.
type finding struct {
	level
	said string
	do   string // what to do; empty where there is nothing
}

// findings is what status or doctor found, in order.
type findings []finding

func (f *findings) add(l level, said, do string) { *f = append(*f, finding{l, said, do}) }

// print writes every finding, with what to do below it, and how many are not ok. Its
// error is errSaid where something is wrong: what should only be looked at, like a
// link that nobody has confirmed, must not keep a check from ever being green.
func (f findings) print(w io.Writer) error {
	var out strings.Builder
	var n [wrong + 1]int
	for _, one := range f {
		n[one.level]++
		fmt.Fprintf(&out, "%-6s %s\n", one.level, one.said)
		if one.do != "" {
			fmt.Fprintf(&out, "       → %s\n", one.do)
		}
	}
	switch {
	case n[wrong] > 0 && n[look] > 0:
		fmt.Fprintf(&out, "\n%d wrong, %d to look at.\n", n[wrong], n[look])
	case n[wrong] > 0:
		fmt.Fprintf(&out, "\n%d wrong.\n", n[wrong])
	case n[look] > 0:
		fmt.Fprintf(&out, "\nIt works. %d to look at.\n", n[look])
	default:
		out.WriteString("\nAll is well.\n")
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return err
	}
	if n[wrong] > 0 {
		return errSaid
	}
	return nil
}
