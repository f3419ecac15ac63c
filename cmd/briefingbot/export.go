package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
)

type exportCommand struct{ tenantFlags }

// Run prints what is held about a tenant, or which tenants there are.
func (c exportCommand) Run(ctx context.Context, s streams) (err error) {
	var t briefing.Tenant
	if c.Tenant != "" {
		if t, err = c.tenant(); err != nil {
			return err
		}
	}
	db, err := openKept(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.Tenant == "" {
		return c.list(ctx, db, s.out)
	}
	rows, err := db.Export(ctx, t)
	if err != nil {
		return err
	}
	held := 0
	for _, table := range rows {
		held += len(table)
	}
	if held == 0 {
		return errNothing
	}
	return printJSON(s.out, struct {
		Platform briefing.Platform      `json:"platform"`
		Tenant   string                 `json:"tenant"`
		Tables   map[string][]store.Row `json:"tables"`
	}{t.Platform, t.ID, rows})
}

func (c exportCommand) list(ctx context.Context, db *store.Store, out io.Writer) error {
	tenants, err := db.Tenants(ctx)
	if err != nil {
		return err
	}
	type listed struct {
		Platform briefing.Platform `json:"platform"`
		Tenant   string            `json:"tenant"`
		Channels int               `json:"channels"`
		Posts    int               `json:"posts"`
	}
	list := []listed{}
	for _, h := range tenants {
		if c.Platform == "" || c.Platform == string(h.Tenant.Platform) {
			list = append(list, listed{h.Tenant.Platform, h.Tenant.ID, h.Channels, h.Posts})
		}
	}
	return printJSON(out, list)
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false) // people read it
	e.SetIndent("", "  ")
	return e.Encode(v)
}
