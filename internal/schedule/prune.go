package schedule

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"
)

const (
	pruneEvery  = time.Hour
	pruneTime   = 30 * time.Second // for one job; what is left waits for the next
	pruneAtOnce = 500              // posts in one transaction: a delivery may be waiting for it
	pruneRest   = 20 * time.Millisecond
	atTheEnd    = 4 // the priority of what can wait
)

type pruneArgs struct{}

// Kind implements river.JobArgs.
func (pruneArgs) Kind() string { return "prune" }

type pruneWorker struct {
	river.WorkerDefaults[pruneArgs]
	s *Scheduler
}

// Work implements river.Worker.
func (w *pruneWorker) Work(ctx context.Context, _ *river.Job[pruneArgs]) error {
	if err := w.s.Prune(ctx); err != nil {
		w.s.log.Warn("old posts are not removed", zap.String("cause", err.Error()))
		return err
	}
	return nil
}

// pruning asks for old posts to be removed, once an hour over all replicas: also at the
// start of one, where the hour's was not done yet.
func pruning() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(pruneEvery), func() (river.JobArgs, *river.InsertOpts) {
		return pruneArgs{}, &river.InsertOpts{Priority: atTheEnd, UniqueOpts: river.UniqueOpts{ByPeriod: pruneEvery}}
	}, &river.PeriodicJobOpts{RunOnStart: true})
}

// Prune removes posts that are settled and older than Config.Keep, a few at a time,
// for half a minute at most.
func (s *Scheduler) Prune(ctx context.Context) error {
	before, removed := s.now().Add(-s.cfg.Keep), 0
	defer func() {
		if removed > 0 {
			s.log.Info("removed old posts", zap.Int("posts", removed))
		}
	}()
	for end := time.Now().Add(pruneTime); time.Now().Before(end) && !s.stopped(); {
		n, err := s.planner.Prune(ctx, before, pruneAtOnce)
		removed += n
		if err != nil || n < pruneAtOnce {
			return err
		}
		select {
		case <-time.After(pruneRest): // others have their turn
		case <-s.stopping:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
