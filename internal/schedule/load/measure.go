package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"briefingbot/internal/store"
)

// measure waits for the slot and for every question, and prints how that went.
func (l *load) measure(ctx context.Context, b *bot) (err error) {
	driver := "sqlite"
	if store.IsPostgres(l.database) {
		driver = "pgx"
	}
	db, err := sql.Open(driver, l.database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	before, err := b.cpu()
	if err != nil {
		return err
	}
	if late := time.Since(l.slot); late > 0 {
		return fmt.Errorf("the slot was %s ago: this machine takes longer to write the subscriptions than was planned for", late)
	}
	if err := sleep(ctx, time.Until(l.slot)); err != nil {
		return err
	}
	var enqueued time.Duration
	for l.total() < l.channels || enqueued == 0 {
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
		if enqueued == 0 {
			var left bool
			if err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM subscription WHERE next_at > 0 AND next_at <= $1)", l.slot.UnixMilli()).Scan(&left); err == nil && !left {
				enqueued = time.Since(l.slot)
			}
		}
		if time.Since(l.slot) > l.most {
			fmt.Printf("given up after         %s, with %d of %d taken\n", l.most, l.total(), l.channels)
			break
		}
	}
	after, err := b.cpu()
	if err != nil {
		return err
	}
	if err := sleep(ctx, 2*time.Second); err != nil { // for what should not come
		return err
	}
	memory, err := b.memory()
	if err != nil {
		return err
	}
	times := slices.Concat(l.slack.Times(""), l.teams.Times(""))
	slices.SortFunc(times, time.Time.Compare)
	if len(times) == 0 {
		return errors.New("nothing was posted")
	}
	first, last := times[0].Sub(l.slot), times[len(times)-1].Sub(l.slot)
	early, late := times[len(times)/10], times[len(times)*9/10]
	fmt.Printf("last enqueued          %.1f s after the slot\n", enqueued.Seconds())
	fmt.Printf("first, last taken      %.1f s, %.1f s after the slot\n", first.Seconds(), last.Seconds())
	fmt.Printf("a second, on average   %.0f from the slot on; %.0f for the middle four fifths\n",
		float64(len(times))/last.Seconds(), float64(len(times))*0.8/max(late.Sub(early).Seconds(), 0.001))
	l.printTenths("Slack", l.slack.Times(""))
	l.printTenths("Teams", l.teams.Times(""))
	fmt.Printf("peak memory            %.1f MiB\n", memory)
	fmt.Printf("CPU                    %.1f s, %.0f µs a post\n", (after - before).Seconds(), float64((after-before).Microseconds())/float64(len(times)))
	twice := 0
	for _, taken := range []map[string]int{l.slack.Channels(), l.teams.Channels()} {
		for _, n := range taken {
			twice += max(n-1, 0)
		}
	}
	fmt.Printf("missing, twice         %d, %d\n", l.channels-len(times)+twice, twice)
	fmt.Printf("refused with 429       %d by Slack, %d by Teams\n", l.slack.Refused(), l.teams.Refused())
	fmt.Printf("warnings of the bot    %d\n", b.warnings.Load())
	if l.limits {
		l.printIdeal(last)
	}
	return states(ctx, db)
}

// printIdeal says how long it would take at the platforms' limits alone. Every tenant
// has as many channels, give or take one.
func (l *load) printIdeal(took time.Duration) {
	perTenant := float64((l.channels + l.tenants - 1) / l.tenants)
	ideal := perTenant / slackPerSecond // there is always a tenant of Slack's, and they are the slower ones
	fmt.Printf("at an even rate        Slack %.1f s, Teams %.1f s; it took %.2f times the longer\n",
		perTenant/slackPerSecond, perTenant/teamsPerSecond, took.Seconds()/ideal)
}

// printTenths says by when each tenth of a platform's posts was taken.
func (l *load) printTenths(name string, times []time.Time) {
	if len(times) == 0 {
		return
	}
	fmt.Printf("tenths of %s's posts ", name)
	for i := 1; i <= 10; i++ {
		fmt.Printf(" %.1f", times[(len(times)-1)*i/10].Sub(l.slot).Seconds())
	}
	fmt.Println(" s")
}

const (
	slackPerSecond = 300.0 / 60
	teamsPerSecond = 50.0
)

// states prints how the posts stand. The last results are written soon after the
// last post.
func states(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, "SELECT state, COUNT(*) FROM post GROUP BY state ORDER BY state")
	if err != nil {
		return err
	}
	defer rows.Close() // read to its end
	fmt.Print("posts                 ")
	for rows.Next() {
		var (
			state string
			n     int
		)
		if err := rows.Scan(&state, &n); err != nil {
			return err
		}
		fmt.Printf(" %d %s", n, state)
	}
	fmt.Println()
	return rows.Err()
}

// measureIdle prints what the bot takes when there is nothing to do.
func (l *load) measureIdle(ctx context.Context, b *bot) error {
	if l.idle <= 0 {
		return nil
	}
	if err := sleep(ctx, 15*time.Second); err != nil { // until it is idle
		return err
	}
	before, err := b.cpu()
	if err != nil {
		return err
	}
	if err := sleep(ctx, l.idle); err != nil {
		return err
	}
	after, err := b.cpu()
	if err != nil {
		return err
	}
	fmt.Printf("idle                   %.2f %% of a core over %s\n", 100*(after-before).Seconds()/l.idle.Seconds(), l.idle)
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
