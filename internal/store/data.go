package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Table is a table of the database, and what it is for.
type Table struct {
	Name    string
	Purpose string
	Kept    string // for how long
	Columns []Column
}

// Column is a column of a table, and what it holds.
type Column struct{ Name, Purpose string }

// Data is every table and column of a database, as its schema has them, in the
// order of their names.
func (s *Store) Data(ctx context.Context) ([]Table, error) {
	query := `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid`
	if s.pool != nil {
		query = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position`
	}
	var (
		out           []Table
		table, column string
	)
	found, err := s.db.QueryContext(ctx, query)
	err = each(found, err, func() []any { return []any{&table, &column} }, func() {
		if len(out) == 0 || out[len(out)-1].Name != table {
			about := tables[table]
			out = append(out, Table{Name: table, Purpose: about.purpose, Kept: about.kept})
		}
		t := &out[len(out)-1]
		t.Columns = append(t.Columns, Column{column, purposeOf(table, column)})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	return out, nil
}

// Schema is the Data of a new database, read from one that is made in memory.
func Schema(ctx context.Context) (_ []Table, err error) {
	s, err := connectSQLite(ctx, "file::memory:")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	return s.Data(ctx)
}

func purposeOf(table, column string) string {
	if purpose, ok := tables[table].columns[column]; ok {
		return purpose
	}
	if strings.HasPrefix(table, "river_") || table == "goose_db_version" {
		return tables[table].columns["*"]
	}
	return ""
}

type about struct {
	purpose, kept string
	columns       map[string]string // "*" for every other column of a library's table
}

const (
	platform = "slack, teams, or web for the page in the browser"
	tenantID = "the platform's id of the workspace or organisation"
	channel  = "the platform's id of the channel"
	tillStop = "until /reflection stop in the channel, or until the platform says that the bot was removed, or a purge"
	bookkeep = "River's own bookkeeping: states, counters and times of jobs"
)

// tables says what everything is for. A test holds it against the schema.
var tables = map[string]about{
	"subscription": {"a channel's wish for a weekly question", tillStop, map[string]string{
		"platform": platform, "tenant": tenantID, "channel": channel,
		"route":     "where to post in Teams: service address, conversation, team and the bot's own id; empty in Slack",
		"every":     "weeks between questions, 1 or 2",
		"weekday":   "day of the week, 0 for Sunday",
		"hour":      "local time, hour",
		"minute":    "local time, minute",
		"zone":      "time zone",
		"starts":    "for every second week: the date of one of the questions",
		"pool":      "which list of questions, empty for every one",
		"briefing":  "which briefing, empty for all",
		"holidays":  "whose bank holidays are left out",
		"neutral":   "1 where notifications show the title alone",
		"paused":    "why nothing is posted, empty where it is",
		"until":     "the day on which a pause ends by itself",
		"next_slot": "local date and time of the next question",
		"next_at":   "the same as an instant",
		"round":     "how often every question has been asked",
		"last":      "which question came last, as a hash of its words",
	}},
	"asked": {"which questions a channel was asked in this round, so that none comes twice", tillStop + ", or the next round", map[string]string{
		"platform": platform, "tenant": tenantID, "channel": channel, "question": "the question, as a hash of its words",
	}},
	"post": {"each question that was posted, or should have been, and how that stands", tillStop + "; at most BRIEFINGBOT_KEEP (400 days) after it was due, where it is settled", map[string]string{
		"platform": platform, "tenant": tenantID, "channel": channel,
		"slot":       "local date and time that it was planned for",
		"due_at":     "the same as an instant",
		"state":      "due, sending, sent, unconfirmed, failed or skipped",
		"cause":      "why it was not sent, as a word from a fixed list",
		"question":   "which question, as a hash of its words",
		"tries":      "how often the platform asked to come back later",
		"resent":     "1 where it is sent a second time, since the first may not have arrived",
		"try_at":     "when to try next",
		"claim":      "random mark of the attempt that is under way",
		"claimed_at": "when that attempt began",
		"sent_at":    "when the platform took it",
		"message":    "the platform's id of the message",
	}},
	"tenant": {"which process posts for a workspace or organisation, so that its rate is kept", "as long as one of its channels has a weekly question", map[string]string{
		"platform": platform, "tenant": tenantID,
		"holder":      "random mark of the process",
		"lease_until": "when another process may take over",
		"held_until":  "until when the platform asked to wait",
	}},
	"goose_db_version": {"which version the schema has", "always", map[string]string{"*": "versions of the schema and when they were applied"}},
	"river_job": {"what the bot has to do now: a tick, delivering for a tenant, or removing old posts", "an hour after it is done; a day where it failed, and at most a week", map[string]string{
		"args":         "of a delivery: platform and " + tenantID,
		"errors":       "why a job failed, in the words of the program or the database",
		"attempted_by": "random marks of processes",
		"*":            bookkeep,
	}},
	"river_leader":       {"which process tidies up", "until another takes over", map[string]string{"leader_id": "random mark of the process", "*": bookkeep}},
	"river_queue":        {"which queues of jobs there are", "a day after they were last used", map[string]string{"*": bookkeep}},
	"river_notification": {"messages between River's processes", "a minute", map[string]string{"*": bookkeep}},
	"river_migration":    {"which version River's tables have", "always", map[string]string{"*": "versions of River's tables and when they were applied"}},
}
