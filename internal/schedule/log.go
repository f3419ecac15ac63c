package schedule

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// riverLog passes River's warnings on to our log: the message and the error alone,
// since other attributes may hold a job's arguments. While the database is away River
// says so every second, so each message is passed on once a minute.
type riverLog struct {
	log *zap.Logger

	mu   sync.Mutex // guards what follows
	said map[string]time.Time
}

func newRiverLog(log *zap.Logger) *riverLog { return &riverLog{log: log, said: map[string]time.Time{}} }

// Enabled implements slog.Handler.
func (*riverLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle implements slog.Handler.
func (h *riverLog) Handle(_ context.Context, r slog.Record) error {
	cause, stopped := r.Message, false
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "err" || a.Key == "error" {
			cause += ": " + a.Value.String()
			stopped = strings.Contains(a.Value.String(), context.Canceled.Error()) // River logs words, not errors
		}
		return true
	})
	// A stop breaks off what River was about to ask the database.
	if stopped || h.again(r.Message) {
		return nil
	}
	h.log.Warn("jobs", zap.String("cause", cause))
	return nil
}

// again reports whether a message was passed on lately. River has so many messages
// and no more: they hold no values.
func (h *riverLog) again(message string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if said, ok := h.said[message]; ok && time.Since(said) < sayAgain {
		return true
	}
	h.said[message] = time.Now()
	return false
}

// WithAttrs implements slog.Handler.
func (h *riverLog) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler.
func (h *riverLog) WithGroup(string) slog.Handler { return h }
