package schedule

import "context"

// StartAlone starts a scheduler without its jobs: the test calls Plan and Deliver as
// they would.
func (s *Scheduler) StartAlone() { s.results.start() }

// StopAlone is the Stop of StartAlone.
func (s *Scheduler) StopAlone(ctx context.Context) error {
	close(s.stopping)
	return s.results.stop(ctx)
}
