package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"briefingbot/internal/briefing"
)

// How many rows one statement writes. To PostgreSQL each statement is a way there and
// back. SQLite parses more of them for longer than it saves: with a few, there are few
// statements, and all of them are kept.
const maxRows, maxRowsSQLite = 100, 8

// rows are values for a statement that writes many rows at once.
type rows struct {
	types []string // TEXT or BIGINT, of each column
	args  []any
}

func (r *rows) add(values ...any) { r.args = append(r.args, values...) }

// write is rows, and the statement that writes them. In it, %s is the list of rows,
// whose columns are called column1, column2 and so on.
type write struct {
	what      string // for an error
	rows      *rows
	statement string
}

// writeAll executes the statements, each for all of its rows, so many at a time.
func (s *Store) writeAll(ctx context.Context, tx *tx, writes ...write) error {
	for _, w := range writes {
		if err := s.writeRows(ctx, tx, w.rows, w.statement); err != nil {
			return fmt.Errorf("writing %s: %w", w.what, err)
		}
	}
	return nil
}

func (s *Store) writeRows(ctx context.Context, tx *tx, r *rows, statement string) error {
	width, most := len(r.types), maxRows
	if s.pool == nil {
		most = maxRowsSQLite
	}
	for args := r.args; len(args) > 0; {
		n := min(len(args), most*width)
		var list strings.Builder
		for i := range n {
			switch {
			case i == 0:
				list.WriteString("VALUES (")
			case i%width == 0:
				list.WriteString("), (")
			default:
				list.WriteString(", ")
			}
			// PostgreSQL takes what stands in VALUES for text.
			list.WriteString("CAST(")
			list.WriteString(s.parameter(i + 1))
			list.WriteString(" AS ")
			list.WriteString(r.types[i%width])
			list.WriteByte(')')
		}
		list.WriteString(")")
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(statement, list.String()), args[:n]...); err != nil {
			return err
		}
		args = args[n:]
	}
	return nil
}

// parameter is the n-th of very many in a statement. $1 is a name to SQLite, which
// looks at every other name for each: that took nine tenths of the time.
func (s *Store) parameter(n int) string {
	if s.pool == nil {
		return "?"
	}
	return "$" + strconv.Itoa(n)
}

// millis is an instant as it is stored: 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// instant is the other way round.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// subscriptionColumns is every column, in the order of subscriptionRow.fields.
const subscriptionColumns = `s.platform, s.tenant, s.channel, s.route, s.every, s.weekday, s.hour, s.minute, s.zone, s.starts,
	s.pool, s.briefing, s.holidays, s.neutral, s.paused, s.until, s.next_slot, s.next_at, s.round, s.last`

// subscriptionRow is a subscription as it is read; its round goes with the rest.
type subscriptionRow struct {
	sub     briefing.Subscription
	neutral int64
	nextAt  int64
}

func (r *subscriptionRow) fields() []any {
	s := &r.sub
	return []any{
		&s.Channel.Platform, &s.Channel.Tenant, &s.Channel.ID, &s.Channel.Route,
		&s.Rule.Every, &s.Rule.Day, &s.Rule.Hour, &s.Rule.Minute, &s.Rule.Zone, &s.Rule.From,
		&s.Pool, &s.Briefing, &s.Holidays, &r.neutral, &s.Paused, &s.Until, &s.NextSlot.Key, &r.nextAt,
		&s.Rotation.Round, &s.Rotation.Last,
	}
}

func (r *subscriptionRow) subscription() briefing.Subscription {
	r.sub.Neutral, r.sub.NextSlot.At = r.neutral != 0, instant(r.nextAt)
	return r.sub
}

// postColumns is every column of a post that is read, in the order of postRow.
const postColumns = `p.platform, p.tenant, p.channel, p.slot, p.due_at, p.state, p.cause, p.question, p.tries, p.resent, p.try_at, p.claim, p.sent_at, p.message`

type postRow struct {
	post                         briefing.Post
	dueAt, resent, tryAt, sentAt int64
}

func (r *postRow) fields() []any {
	p := &r.post
	return []any{
		&p.Channel.Platform, &p.Channel.Tenant, &p.Channel.ID, &p.Slot.Key, &r.dueAt, &p.State, &p.Cause,
		&p.Question, &p.Tries, &r.resent, &r.tryAt, &p.Claim, &r.sentAt, &p.Message,
	}
}

func (r *postRow) read() briefing.Post {
	r.post.Slot.At, r.post.Resent, r.post.SentAt = instant(r.dueAt), r.resent != 0, instant(r.sentAt)
	return r.post
}

// each reads every row of a query.
func each(rows *sql.Rows, err error, fields func() []any, read func()) error {
	if err != nil {
		return err
	}
	defer rows.Close() // it is read to its end, or fails
	for rows.Next() {
		if err := rows.Scan(fields()...); err != nil {
			return err
		}
		read()
	}
	return rows.Err()
}

// affected is how many rows a statement wrote or removed.
func affected(done sql.Result, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, err := done.RowsAffected()
	return int(n), err
}
