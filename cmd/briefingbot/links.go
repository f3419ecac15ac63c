package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"briefingbot/internal/content"
	"briefingbot/internal/linkcheck"
)

type linksCommand struct {
	Dir string `arg:"" optional:"" env:"BRIEFINGBOT_CONTENT" help:"The folder; the briefings built in where none is named."`
}

// Run opens every link, and prints what came of each as file:line, and then what to
// write into the front matter. It changes no file: whether a page is the right one,
// a person has to see.
func (c linksCommand) Run(ctx context.Context, s streams) error {
	origins, err := from(c.Dir, content.Origins)
	if err != nil {
		return sound(err, c.Dir)
	}
	var addresses []string
	at := map[string]int{} // an address that stands twice is opened once
	for _, o := range origins {
		for _, l := range o.Links {
			if _, known := at[l.Link.URL]; !known {
				at[l.Link.URL] = len(addresses)
				addresses = append(addresses, l.Link.URL)
			}
		}
	}
	results, err := linkcheck.Checker{Agent: "briefingbot/" + strings.Trim(version(), "()") + " (opens the links of its briefings once in a while)"}.Check(ctx, addresses)
	if err != nil {
		return hinted{fmt.Errorf("stopped before every link was opened: %w", err), "run briefingbot links again; it takes a second for each link of a site"}
	}
	var out strings.Builder
	counts, total, answered := map[linkcheck.Verdict]int{}, 0, false
	for _, o := range origins {
		for _, l := range o.Links {
			r := results[at[l.Link.URL]]
			counts[r.Verdict]++
			total++
			answered = answered || len(r.Hops) > 0
			report := fmt.Sprintf("%s: %q", r.Verdict, l.Label)
			if r.Why != "" {
				report += ": " + r.Why
			}
			fmt.Fprintln(&out, content.Fault{File: o.File, Line: l.Line, Text: report})
			if len(r.Hops) > 1 || r.Verdict != linkcheck.Works {
				writeHops(&out, r)
			}
		}
	}
	fmt.Fprintf(&out, "\n%s: %d work, %d moved, %d unclear, %d broken.\n", count(total, "link"),
		counts[linkcheck.Works], counts[linkcheck.Moved], counts[linkcheck.Unclear], counts[linkcheck.Broken])
	today := time.Now()
	for _, o := range origins {
		notes := content.LinkNotes(o, func(l content.LinkOrigin) bool { return results[at[l.Link.URL]].Verdict == linkcheck.Works }, today)
		if notes != "" {
			fmt.Fprintf(&out, "\nOpen the links that work, and see that each is the right page still. Then write this in the front matter of %s, in place of its links:\n\n%s", o.File, notes)
		}
	}
	if _, err := fmt.Fprint(s.out, out.String()); err != nil {
		return err
	}
	switch n := counts[linkcheck.Broken]; {
	case total > 0 && !answered:
		return hinted{errors.New("no link answered at all"), "see whether this machine is connected to the internet; where a proxy is needed, name it in HTTPS_PROXY"}
	case n > 0:
		return hinted{fmt.Errorf("%s broken", count(n, "link")), "open each in a browser; where it is broken there too, ask the publisher for its new address, or remove the link"}
	}
	return nil
}

// writeHops shows the way that the requests took, so that a person can go it.
func writeHops(out *strings.Builder, r linkcheck.Result) {
	if len(r.Hops) == 0 {
		fmt.Fprintf(out, "    %s\n", r.URL)
	}
	for _, h := range r.Hops {
		fmt.Fprintf(out, "    %d %s\n", h.Status, h.URL)
	}
}
