package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"briefingbot/internal/content"
)

type checkCommand struct {
	Dir    string `arg:"" optional:"" env:"BRIEFINGBOT_CONTENT" help:"The folder; the briefings built in where none is named."`
	Strict bool   `help:"Fail as well for links that nobody has confirmed for a year, and for briefings past their review-by."`
}

const formatHint = "prompts/README.md explains the format, and prompts/_template.md is one to start from"

// Run lists every fault on a line of its own, as file:line: what to do. What is out
// of date can still be read, so it is a warning unless it is asked to be more.
func (c checkCommand) Run(s streams) error {
	origins, err := from(c.Dir, content.Origins)
	var faults content.Faults
	switch {
	case errors.As(err, &faults):
		if _, err := fmt.Fprintln(s.out, faults); err != nil {
			return err
		}
		return hinted{fmt.Errorf("%s to mend", count(len(faults), "fault")), formatHint}
	case err != nil:
		return err
	}
	for _, o := range origins {
		b := o.Briefing
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
	overdue := content.Overdue(origins, time.Now())
	for _, f := range overdue {
		if !c.Strict {
			f.Text = "warning: " + f.Text
		}
		if _, err := fmt.Fprintln(s.out, f); err != nil {
			return err
		}
	}
	if c.Strict && len(overdue) > 0 {
		return hinted{fmt.Errorf("%s out of date", count(len(overdue), "thing")), "each line above says what to do; without --strict they are warnings"}
	}
	return nil
}

// count is a number of something, such as "1 reply" and "2 replies".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	// A y after a consonant; "ly" is the one that there is.
	if stem, ok := strings.CutSuffix(what, "ly"); ok {
		return fmt.Sprintf("%d %slies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
