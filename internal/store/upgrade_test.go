package store

import (
	"context"
	"database/sql"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"briefingbot/internal/briefing"
	"briefingbot/internal/storetest"
)

// firstSchema makes a database as the first version made it, with data in it.
func firstSchema(t *testing.T, database string) {
	t.Helper()
	driver, dialect := "sqlite", goose.DialectSQLite3
	if IsPostgres(database) {
		driver, dialect = "pgx", goose.DialectPostgres
	}
	db, err := sql.Open(driver, database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO tenant VALUES ('slack', 'T1', '', 0, 0)`,
		`INSERT INTO subscription VALUES ('slack', 'T1', 'C1', 'route', 2, 1, 9, 30, 'Europe/London', '2026-11-30', 'practice', 'domestic-abuse', 'scotland', 1, '', '', '2026-12-14T09:30', 1797240600000, 3, 'q1')`,
		`INSERT INTO asked VALUES ('slack', 'T1', 'C1', 'q1')`,
		`INSERT INTO post VALUES ('slack', 'T1', 'C1', '2026-11-30T09:30', 1796031000000, 'sent', '', 'q1', 1, 0, 1796031000000, 'claim', 1796031000000, 1796031001000, 'm1')`,
		`INSERT INTO post VALUES ('slack', 'T1', 'C1', '2025-01-06T09:30', 1736155800000, 'due', '', '', 0, 0, 1736155800000, '', 0, 0, '')`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDatabaseOfTheFirstSchemaIsBroughtUpToDateWithItsData(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		firstSchema(t, database)
		before := contents(t, database)
		if len(before) != 5 {
			t.Fatalf("%q", before)
		}
		s, err := Open(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if diff := cmp.Diff(before, contents(t, database)); diff != "" {
			t.Errorf("-before +after:\n%s", diff)
		}
		upToDate, err := s.Data(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fresh := data(t, func() string {
			if IsPostgres(database) {
				return storetest.Postgres(t)
			}
			return storetest.SQLite(t)
		}())
		if diff := cmp.Diff(fresh, upToDate); diff != "" {
			t.Errorf("not the schema of a new database (-new +brought up to date):\n%s", diff)
		}
		// And it works: the post of the old schema that is due is found.
		ch := briefing.Channel{Platform: briefing.Slack, Tenant: "T1", ID: "C1"}
		sub, err := s.Subscription(t.Context(), ch)
		if err != nil || sub.Rotation.Round != 3 || len(sub.Rotation.Asked) != 1 || sub.Channel.Route != "route" {
			t.Errorf("%+v, %v", sub, err)
		}
		gone, err := s.Purge(t.Context(), briefing.Tenant{Platform: briefing.Slack, ID: "T1"})
		if err != nil || gone.Channels != 1 || gone.Posts != 2 || gone.Asked != 1 {
			t.Errorf("%+v, %v", gone, err)
		}
	})
}

// contents is every row of our own tables, with the columns of the first schema.
func contents(t *testing.T, database string) (out []string) {
	t.Helper()
	driver := "sqlite"
	if IsPostgres(database) {
		driver = "pgx"
	}
	db, err := sql.Open(driver, database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{
		`SELECT platform || '|' || tenant || '|' || holder || '|' || lease_until || '|' || held_until FROM tenant`,
		`SELECT platform || '|' || tenant || '|' || channel || '|' || route || '|' || every || '|' || weekday || '|' || hour || '|' || minute || '|' || zone || '|' || starts || '|' || pool || '|' ||
			briefing || '|' || holidays || '|' || neutral || '|' || paused || '|' || until || '|' || next_slot || '|' || next_at || '|' || round || '|' || last FROM subscription`,
		`SELECT platform || '|' || tenant || '|' || channel || '|' || question FROM asked`,
		`SELECT platform || '|' || tenant || '|' || channel || '|' || slot || '|' || due_at || '|' || state || '|' || cause || '|' || question || '|' || tries || '|' || resent || '|' ||
			try_at || '|' || claim || '|' || claimed_at || '|' || sent_at || '|' || message FROM post ORDER BY slot`,
	} {
		var row string
		found, err := db.QueryContext(context.Background(), q)
		if err := each(found, err, func() []any { return []any{&row} }, func() { out = append(out, row) }); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestEveryTableThatNamesATenantIsPurgedAndExported(t *testing.T) {
	schema, err := Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range schema {
		names := slices.ContainsFunc(table.Columns, func(c Column) bool { return c.Name == "tenant" })
		if names != slices.Contains(tenantTables, table.Name) {
			t.Errorf("%s belongs into tenantTables if it has a column tenant, and else not", table.Name)
		}
	}
}

func TestEveryColumnWithATimeIsExportedAsOne(t *testing.T) {
	schema, err := Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, table := range schema {
		for _, c := range table.Columns {
			time := strings.HasSuffix(c.Name, "_at") || strings.HasSuffix(c.Name, "_until")
			if slices.Contains(tenantTables, table.Name) && time != slices.Contains(instants, c.Name) {
				t.Errorf("%s.%s belongs into instants if it is a time, and else not", table.Name, c.Name)
			}
			if time && slices.Contains(instants, c.Name) {
				seen++
			}
		}
	}
	if seen < len(instants) {
		t.Errorf("%d of %d are in the schema", seen, len(instants))
	}
}
