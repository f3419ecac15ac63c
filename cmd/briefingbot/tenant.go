package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
)

// openKept opens the database of a bot that has run before: none is made.
func openKept(ctx context.Context) (*store.Store, error) {
	database, err := databaseSetting()
	if err != nil {
		return nil, err
	}
	if !store.IsPostgres(database) {
		if info, err := os.Stat(database); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
			return nil, noDatabase
		}
	}
	s, _, err := openStore(ctx, database)
	return s, err
}

// tenantFlags name a tenant.
type tenantFlags struct {
	Platform string `enum:"slack,teams,web," default:"" placeholder:"PLATFORM" help:"slack, teams, or web for the page in the browser."`
	Tenant   string `placeholder:"ID" help:"Id of the Slack workspace, like T0123ABCD, or of the Teams organisation (its Directory ID)."`
}

// tenant is the one that is named. The ids of Teams' are kept in lower case.
func (f tenantFlags) tenant() (briefing.Tenant, error) {
	t := briefing.Tenant{Platform: briefing.Platform(f.Platform), ID: strings.TrimSpace(f.Tenant)}
	if t.Platform == "" || t.ID == "" {
		return t, hinted{errors.New("a tenant is named by --platform and --tenant together"), "briefingbot export lists the tenants that there are"}
	}
	if t.Platform == briefing.Teams {
		t.ID = strings.ToLower(t.ID)
	}
	return t, nil
}

var errNothing = hinted{errors.New("nothing is held about this tenant"), "briefingbot export lists the tenants that there are"}
