package store

import (
	"context"
	"fmt"
	"time"
)

// Prune removes posts that were due before a time and are settled, at most that
// many, the oldest first, and returns how many there were. What is due or on its way
// stays, however old, and so does which questions a channel was asked.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (n int, err error) {
	const settled = `state IN ('sent', 'unconfirmed', 'failed', 'skipped')`
	err = s.inTx(ctx, func(tx *tx) error {
		// A post may have become due again since it was chosen: PostgreSQL asks the
		// outer condition once more. The limit is no parameter: see due.
		n, err = affected(tx.ExecContext(ctx, fmt.Sprintf(`DELETE FROM post WHERE (platform, tenant, channel, slot) IN (
			SELECT platform, tenant, channel, slot FROM post WHERE due_at < $1 AND `+settled+` ORDER BY due_at LIMIT %d`+s.forUpdate("")+`)
			AND `+settled, limit), millis(before)))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("removing old posts: %w", err)
	}
	return n, nil
}
