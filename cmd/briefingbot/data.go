package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"briefingbot/internal/store"
)

type dataCommand struct {
	Markdown bool `help:"As a page in Markdown, for the papers of whoever answers for the data."`
}

const noPlaceForPeople = "No table has a place for a person, for a name, or for what somebody typed."

// Run prints what the database holds, as the schema has it.
func (c dataCommand) Run(ctx context.Context, s streams) error {
	tables, err := store.Schema(ctx)
	if err != nil {
		return err
	}
	text := dataText
	if c.Markdown {
		text = dataPage
	}
	page, err := text(tables)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(s.out, page)
	return err
}

func dataText(tables []store.Table) (string, error) {
	var out strings.Builder
	out.WriteString("What the database holds. " + noPlaceForPeople + "\n")
	for _, t := range tables {
		fmt.Fprintf(&out, "\n%s: %s\n  kept: %s\n", t.Name, t.Purpose, t.Kept)
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		for _, c := range t.Columns {
			fmt.Fprintf(w, "  %s\t%s\n", c.Name, c.Purpose)
		}
		if err := w.Flush(); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// dataPage is deploy/governance/stored-data.md, whole.
func dataPage(tables []store.Table) (string, error) {
	var out strings.Builder
	out.WriteString("# What is stored\n\nEvery table and column of the bot's database. " + noPlaceForPeople +
		" `TestNoColumnIsForAPersonOrForWords` holds that, and `TestEveryTableAndColumnHasAPurpose` keeps this page whole.\n\n" +
		"`briefingbot data --markdown` wrote this page. Do not change it by hand: `TestStoredDataPageIsWhatDataPrints` compares the two.\n")
	for _, t := range tables {
		fmt.Fprintf(&out, "\n## %s\n\nFor: %s. Kept: %s.\n\n| column | what it holds |\n| --- | --- |\n", t.Name, t.Purpose, t.Kept)
		for _, c := range t.Columns {
			fmt.Fprintf(&out, "| %s | %s |\n", c.Name, strings.ReplaceAll(c.Purpose, "|", `\|`))
		}
	}
	return out.String(), nil
}
