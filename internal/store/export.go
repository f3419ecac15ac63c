package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"briefingbot/internal/briefing"
)

// Row is a row of a table, with every column that it has.
type Row map[string]any

// instants are the columns that hold times as milliseconds. A test holds the list
// against the schema.
var instants = []string{"next_at", "due_at", "try_at", "claimed_at", "sent_at", "lease_until", "held_until"}

// Export is everything that is kept about a tenant, by table, as it was at one
// moment: every row, with all of its columns. Times are in RFC 3339, and nil where
// there is none.
func (s *Store) Export(ctx context.Context, t briefing.Tenant) (map[string][]Row, error) {
	out := map[string][]Row{}
	err := s.reading(ctx, func(tx *tx) error {
		for _, table := range tenantTables {
			rows, err := s.rowsOf(ctx, tx, table, `platform = $1 AND tenant = $2 ORDER BY 1`, t.Platform, t.ID)
			if err != nil {
				return fmt.Errorf("reading %s: %w", table, err)
			}
			for _, row := range rows {
				for _, column := range instants {
					if ms, ok := row[column].(json.Number); ok {
						if row[column], err = readable(ms); err != nil {
							return fmt.Errorf("reading %s: %w", table, err)
						}
					}
				}
			}
			out[table] = rows
		}
		where, args := s.jobsOf(t)
		rows, err := s.rowsOf(ctx, tx, "river_job", where+` ORDER BY 1`, args...)
		if err != nil {
			return fmt.Errorf("reading jobs: %w", err)
		}
		out["river_job"] = rows
		return nil
	})
	return out, err
}

func readable(ms json.Number) (any, error) {
	n, err := ms.Int64()
	if err != nil || n == 0 {
		return nil, err
	}
	return instant(n).Format(time.RFC3339Nano), nil
}

// rowsOf reads rows of a table. The database itself writes them as JSON, so that no
// column is missing that a later version adds.
func (s *Store) rowsOf(ctx context.Context, tx *tx, table, where string, args ...any) ([]Row, error) {
	object := `CAST(row_to_json(x) AS text)`
	if s.pool == nil {
		var name, kind string
		var fields []string
		found, err := tx.QueryContext(ctx, `SELECT name, lower(type) FROM pragma_table_info($1) ORDER BY cid`, table)
		if err := each(found, err, func() []any { return []any{&name, &kind} }, func() {
			value := `x."` + name + `"`
			if kind == "blob" { // JSON as SQLite keeps it, or else bytes, which no JSON has as they are
				value = `json(CASE WHEN typeof(` + value + `) = 'blob' AND NOT json_valid(` + value + `, 8) THEN json_quote(hex(` + value + `)) ELSE ` + value + ` END)`
			}
			fields = append(fields, `'`+name+`', `+value)
		}); err != nil {
			return nil, err
		}
		object = "json_object(" + strings.Join(fields, ", ") + ")"
	}
	out := []Row{}
	var text string
	var broken error
	found, err := tx.QueryContext(ctx, `SELECT `+object+` FROM `+table+` x WHERE `+where, args...)
	err = each(found, err, func() []any { return []any{&text} }, func() {
		row := Row{}
		decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
		decoder.UseNumber() // ids of jobs may be larger than a float keeps
		if err := decoder.Decode(&row); err != nil {
			broken = err
		}
		out = append(out, row)
	})
	if err == nil {
		err = broken
	}
	return out, err
}
