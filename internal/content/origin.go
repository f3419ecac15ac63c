package content

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"briefingbot/internal/briefing"
)

// Origin is a briefing, and where in its file stands what goes out of date.
type Origin struct {
	File       string
	Briefing   *briefing.Briefing
	ReviewLine int // of review-by; 0 where there is none
	Links      []LinkOrigin
}

// LinkOrigin is a link of a briefing, once for all places with its words.
type LinkOrigin struct {
	Label    string
	Link     *briefing.Link
	Line     int // of the first place in the text
	NoteLine int // of its confirmed-on, or of its entry in the front matter; 0 where there is neither
}

// origin is read once the whole file is.
func (p *parser) origin(b *briefing.Briefing) Origin {
	o := Origin{File: p.file, Briefing: b, ReviewLine: p.keyLines["review-by"], Links: p.links}
	for i := range o.Links {
		if note := p.linkInfo[o.Links[i].Label]; note != nil {
			o.Links[i].NoteLine = max(note.line, note.confirmedLine)
		}
	}
	return o
}

// Overdue lists what somebody should look at again, as of a day: links that nobody
// has confirmed for a year, and briefings whose review-by has passed. None of it
// keeps a briefing from being shown.
func Overdue(origins []Origin, today time.Time) Faults {
	var out Faults
	for _, o := range origins {
		// The day itself still counts.
		if by := o.Briefing.ReviewBy; !by.IsZero() && !today.Before(by.AddDate(0, 0, 1)) {
			out = append(out, Fault{o.File, o.ReviewLine, fmt.Sprintf(
				"the briefing was to be reviewed by %s; compare it with what its publisher has now, and write the day of the next review", by.Format(time.DateOnly))})
		}
		for _, l := range o.Links {
			fault := Fault{File: o.File, Line: max(l.NoteLine, 0)}
			if fault.Line == 0 {
				fault.Line = l.Line
			}
			const do = "run briefingbot links, open the link, and write confirmed-on with the day below its words in the front matter"
			switch on := l.Link.ConfirmedOn; {
			case on.IsZero():
				fault.Text = fmt.Sprintf("nobody has confirmed the link %q; %s", l.Label, do)
			case briefing.Unconfirmed(on, today):
				fault.Text = fmt.Sprintf("nobody has confirmed the link %q since %s, more than a year ago; %s", l.Label, on.Format(time.DateOnly), do)
			default:
				continue
			}
			out = append(out, fault)
		}
	}
	out.sort()
	return out
}

// LinkNotes writes the links of a front matter anew, with what was known of each
// and the day for those that were confirmed then. It is empty where none was. What
// is pasted in place of the old links loses nothing: each with a note is in it.
func LinkNotes(o Origin, confirmed func(LinkOrigin) bool, day time.Time) string {
	if !slices.ContainsFunc(o.Links, confirmed) {
		return ""
	}
	var out strings.Builder
	out.WriteString("links:\n")
	for _, l := range o.Links {
		on := l.Link.ConfirmedOn
		if confirmed(l) {
			on = day
		}
		if l.Link.Edition == "" && on.IsZero() {
			continue
		}
		out.WriteString("  " + quoted(l.Label) + ":\n")
		if l.Link.Edition != "" {
			out.WriteString("    edition: " + quoted(l.Link.Edition) + "\n")
		}
		if !on.IsZero() {
			out.WriteString("    confirmed-on: " + on.Format(time.DateOnly) + "\n")
		}
	}
	return out.String()
}

// plainValue is what YAML reads as the words that stand there, without quotes, but
// for the few words that mean something to it.
var plainValue = regexp.MustCompile(`^\pL[\pL\pN ().,/'’–-]*$`)

// quoted writes a value as an author would: in quotes where it needs them. goccy's
// own Marshal leaves some bare that its parser takes for numbers, such as .inf.
func quoted(s string) string {
	if plainValue.MatchString(s) && !strings.HasSuffix(s, " ") && !slices.Contains([]string{"null", "true", "false", "yes", "no", "on", "off"}, strings.ToLower(s)) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
