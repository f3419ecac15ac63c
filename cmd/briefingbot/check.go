package main

import (
	"errors"
	"fmt"

	"briefingbot/internal/content"
)

type checkCommand struct {
	Dir string `arg:"" optional:"" env:"BRIEFINGBOT_CONTENT" help:"The folder; the briefings built in where none is named."`
}

// Run lists every fault on a line of its own, as file:line: what to do.
func (c checkCommand) Run(s streams) error {
	lib, err := load(c.Dir)
	var faults content.Faults
	switch {
	case errors.As(err, &faults):
		if _, err := fmt.Fprintln(s.out, faults); err != nil {
			return err
		}
		return hinted{fmt.Errorf("%s to mend", count(len(faults), "fault")), "prompts/README.md explains the format, and prompts/_template.md is one to start from"}
	case err != nil:
		return err
	}
	for _, b := range lib {
		questions := 0
		for _, section := range b.Sections {
			for _, pool := range section.Pools {
				questions += len(pool.Questions)
			}
		}
		if _, err := fmt.Fprintf(s.out, "ok  %s  %s (%s), %s, %s\n", b.BriefingCommand(), b.Title, b.Source(nil),
			count(len(b.Sections), "section"), count(questions, "question")); err != nil {
			return err
		}
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
