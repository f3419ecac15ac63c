package metrics

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"briefingbot/internal/briefing"
)

// statuses are those that the adapters refuse a request with. Other failures count as
// 500; a wrong address or method is a scanner's, and does not count.
var statuses = []int{400, 401, 403, 408, 413, 500, 503}

// Requests is a platform's endpoints, timed, and with what they refuse counted.
func (m *Metrics) Requests(p briefing.Platform, h http.Handler) http.Handler {
	name := platform(p)
	seconds := m.seconds.WithLabelValues(name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun, seen := time.Now(), &seen{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			cause := recover()
			if cause != nil { // whoever recovers it answers 500
				seen.status = http.StatusInternalServerError
			}
			switch {
			case seen.status < 400:
				seconds.Observe(time.Since(begun).Seconds())
			case slices.Contains(statuses, seen.status):
				m.refused.WithLabelValues(name, strconv.Itoa(seen.status)).Inc()
			case seen.status >= 500:
				m.refused.WithLabelValues(name, "500").Inc()
			}
			if cause != nil {
				panic(cause)
			}
		}()
		h.ServeHTTP(seen, r)
	})
}

// seen is an answer whose status is looked at.
type seen struct {
	http.ResponseWriter
	status int
	wrote  bool
}

// WriteHeader implements http.ResponseWriter.
func (s *seen) WriteHeader(status int) {
	if !s.wrote {
		s.status, s.wrote = status, true
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *seen) Write(b []byte) (int, error) {
	s.wrote = true
	return s.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController, by which answers are flushed.
func (s *seen) Unwrap() http.ResponseWriter { return s.ResponseWriter }
