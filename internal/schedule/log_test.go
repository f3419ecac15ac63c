package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestWarningsOfJobsComeWithoutWhatTheyAreAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, log := observer.New(zapcore.DebugLevel)
		jobs := slog.New(newRiverLog(zap.New(core))).With("args", `{"tenant":"T1"}`).WithGroup("job")
		jobs.Info("Job errored", "error", errors.New("anything"))
		jobs.Error("maintenance.PeriodicJobEnqueuer: Error starting transaction", "error", fmt.Errorf("beginning: %w", context.Canceled).Error()) // by a stop
		for range 90 {                                                                                                                            // once a second, as while the database is away
			jobs.Error("Error fetching jobs", "err", "connection refused", "args", `{"tenant":"T1"}`, "queue", "default")
			jobs.Warn("Job appears to be stuck", slog.Int64("job_id", 7), slog.Any("job", map[string]string{"tenant": "T1"}))
			time.Sleep(time.Second)
		}
		var got []string
		for _, e := range log.All() {
			if e.Message != "jobs" || len(e.Context) != 1 || e.Context[0].Key != "cause" || e.Level != zapcore.WarnLevel {
				t.Errorf("%+v", e)
				continue
			}
			got = append(got, e.Context[0].String)
		}
		wanted := []string{"Error fetching jobs: connection refused", "Job appears to be stuck"}
		if len(got) != 4 || got[0] != wanted[0] || got[1] != wanted[1] || got[2] != wanted[0] || got[3] != wanted[1] {
			t.Errorf("%q", got)
		}
	})
}
