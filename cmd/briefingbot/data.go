package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"briefingbot/internal/store"
)

type dataCommand struct{}

// Run prints what the database holds, as the schema has it.
func (dataCommand) Run(ctx context.Context, s streams) error {
	tables, err := store.Schema(ctx)
	if err != nil {
		return err
	}
	var out strings.Builder
	out.WriteString("What the database holds. No table has a place for a person, for a name, or for what somebody typed.\n")
	for _, t := range tables {
		fmt.Fprintf(&out, "\n%s: %s\n  kept: %s\n", t.Name, t.Purpose, t.Kept)
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		for _, c := range t.Columns {
			fmt.Fprintf(w, "  %s\t%s\n", c.Name, c.Purpose)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	_, err = fmt.Fprint(s.out, out.String())
	return err
}
