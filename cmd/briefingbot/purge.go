package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
)

type purgeCommand struct {
	tenantFlags
	Yes bool `help:"Do not ask."`
}

// Run removes everything about a tenant, once somebody has seen what that is.
func (c purgeCommand) Run(ctx context.Context, s streams) (err error) {
	t, err := c.tenant()
	if err != nil {
		return err
	}
	if !c.Yes && !isTerminal(s.in) {
		return hinted{errors.New("nobody is at a terminal to be asked"), "add --yes to remove everything about this tenant without being asked"}
	}
	db, err := openKept(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return c.purge(ctx, db, t, s)
}

func (c purgeCommand) purge(ctx context.Context, db *store.Store, t briefing.Tenant, s streams) error {
	held, err := db.Held(ctx, t)
	if err != nil {
		return err
	}
	if held.Nothing() {
		return errNothing
	}
	fmt.Fprintf(s.out, "Held about %s %s: %s.\n", t.Platform, t.ID, amounts(held))
	if !c.Yes {
		fmt.Fprint(s.out, "All of it will be gone, and its channels get no more questions. Type yes to go on: ")
		answer, err := bufio.NewReader(io.LimitReader(interrupted{ctx, s.in}, 100)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
			return err
		}
		if strings.TrimSpace(answer) != "yes" {
			return hinted{errors.New("nothing was removed"), "type yes in full to remove it"}
		}
	}
	gone, err := db.Purge(ctx, t)
	if err != nil {
		return hinted{fmt.Errorf("nothing was removed: %w", err), "try again in a moment"}
	}
	left, err := db.Held(ctx, t)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Removed: %s.\nHeld now: %s.\n", amounts(gone), amounts(left))
	return nil
}

// amounts says how much there is of a tenant.
func amounts(h store.Held) string {
	if h.Nothing() {
		return "nothing"
	}
	return fmt.Sprintf("%s with a weekly question, %s, %s that %s asked in this round, %s", count(h.Channels, "channel"),
		count(h.Posts, "post"), count(h.Asked, "question"), map[bool]string{true: "was", false: "were"}[h.Asked == 1], count(h.Jobs, "job"))
}
