package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"

	"briefingbot/internal/briefing"
	"briefingbot/internal/fakes"
	"briefingbot/internal/store"
)

// seed writes the subscriptions: the first of each tenant as a command does, which
// takes a transaction for each, and the rest many at once.
func (l *load) seed(ctx context.Context) (err error) {
	s, err := store.Open(ctx, l.database)
	if err != nil {
		return err
	}
	defer s.Close() // what matters is committed by then
	db := s.SQLite()
	if pool := s.Postgres(); pool != nil {
		db = stdlib.OpenDBFromPool(pool)
	}
	for n := range l.tenants {
		if err := s.Change(ctx, l.channel(n), func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
			slot := l.slot.UTC()
			sub.Rule = briefing.Rule{Every: 1, Day: slot.Weekday(), Hour: slot.Hour(), Minute: slot.Minute(), Zone: "UTC"}
			sub.Pool, sub.Holidays = briefing.Practice, briefing.NoRegion
			sub.NextSlot = briefing.Slot{Key: slot.Format(slotKey), At: slot}
			return nil, nil
		}); err != nil {
			return err
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// SQLite takes the longer for a parameter the more there are.
	const atOnce = 100
	for from := l.tenants; from < l.channels; from += atOnce {
		if err := l.insert(ctx, tx, from, min(from+atOnce, l.channels)); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

const slotKey = "2006-01-02T15:04"

// insert writes the channels from one number to before another.
func (l *load) insert(ctx context.Context, tx *sql.Tx, from, to int) error {
	var (
		statement strings.Builder
		args      []any
	)
	statement.WriteString(`INSERT INTO subscription (platform, tenant, channel, route, weekday, hour, minute, next_slot, next_at,
		every, zone, starts, pool, briefing, holidays, neutral, paused, until, round, last) VALUES `)
	for n := from; n < to; n++ {
		if n > from {
			statement.WriteString(", ")
		}
		statement.WriteString("(")
		ch := l.channel(n)
		for _, value := range []any{string(ch.Platform), ch.Tenant, ch.ID, ch.Route, int(l.slot.UTC().Weekday()), l.slot.UTC().Hour(), l.slot.UTC().Minute(),
			l.slot.UTC().Format(slotKey), l.slot.UnixMilli()} {
			args = append(args, value)
			fmt.Fprintf(&statement, "$%d, ", len(args))
		}
		statement.WriteString("1, 'UTC', '', 'practice', '', 'none', 0, '', '', 0, '')")
	}
	_, err := tx.ExecContext(ctx, statement.String(), args...)
	return err
}

// channel is the nth channel. Those of a tenant are apart from each other, as they
// are where teams sign up one by one.
func (l *load) channel(n int) briefing.Channel {
	number, platform, newID := n%l.tenants, briefing.Slack, fakes.SlackChannel
	if number%2 == 1 {
		platform, newID = briefing.Teams, fakes.TeamsConversation
	}
	tenant := fmt.Sprintf("T%d", number)
	ch := briefing.Channel{Platform: platform, Tenant: tenant, ID: newID(tenant, n)}
	if platform == briefing.Teams {
		ch.Route = fmt.Sprintf(`{"service":%q,"conversation":%q,"bot":"28:%s"}`, l.teamsURL, ch.ID, teamsApp)
	}
	return ch
}
