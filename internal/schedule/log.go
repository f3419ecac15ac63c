package schedule

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
)

// riverLog passes River's warnings on to our log: the message and the error alone,
// since other attributes may hold a job's arguments.
type riverLog struct{ log *zap.Logger }

// Enabled implements slog.Handler.
func (*riverLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle implements slog.Handler.
func (h *riverLog) Handle(_ context.Context, r slog.Record) error {
	cause := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "err" || a.Key == "error" {
			cause += ": " + a.Value.String()
		}
		return true
	})
	h.log.Warn("jobs", zap.String("cause", cause))
	return nil
}

// WithAttrs implements slog.Handler.
func (h *riverLog) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler.
func (h *riverLog) WithGroup(string) slog.Handler { return h }
