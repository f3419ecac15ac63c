package store

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/storetest"
)

func TestEveryTableAndColumnHasAPurpose(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		for _, table := range data(t, database) {
			if table.Purpose == "" || table.Kept == "" {
				t.Errorf("add to tables what %s is for, and how long it is kept", table.Name)
			}
			for _, c := range table.Columns {
				if c.Purpose == "" {
					t.Errorf("add to tables what %s.%s holds", table.Name, c.Name)
				}
			}
		}
	})
}

func TestEveryPurposeIsOfAColumnThatThereIs(t *testing.T) {
	there := map[string]map[string]bool{}
	storetest.Each(t, func(t *testing.T, database string) {
		for _, table := range data(t, database) {
			if there[table.Name] == nil {
				there[table.Name] = map[string]bool{}
			}
			for _, c := range table.Columns {
				there[table.Name][c.Name] = true
			}
		}
	})
	for table, about := range tables {
		if there[table] == nil {
			t.Errorf("there is no table %s", table)
			continue
		}
		for column := range about.columns {
			if column != "*" && !there[table][column] {
				t.Errorf("there is no column %s.%s", table, column)
			}
		}
	}
}

func TestNoColumnIsForAPersonOrForWords(t *testing.T) {
	// What is River's own: the names of its queues, and of the one lock that its
	// leader has.
	inherent := map[string]bool{"river_queue.name": true, "river_leader.name": true}
	storetest.Each(t, func(t *testing.T, database string) {
		for _, table := range data(t, database) {
			for _, c := range table.Columns {
				full := table.Name + "." + c.Name
				for _, word := range []string{"user", "person", "people", "member", "author", "sender", "name", "text", "body", "content", "email", "mail", "phone", "answer", "reply"} {
					if strings.Contains(c.Name, word) && !inherent[full] {
						t.Errorf("%s looks as if it held something about people", full)
					}
				}
			}
		}
	})
}

func TestSchemaIsTheDataOfANewDatabase(t *testing.T) {
	got, err := Schema(t.Context())
	if diff := cmp.Diff(data(t, storetest.SQLite(t)), got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func data(t *testing.T, database string) []Table {
	t.Helper()
	s, err := Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tables, err := s.Data(t.Context())
	if err != nil || len(tables) < 8 {
		t.Fatal(len(tables), err)
	}
	return tables
}
