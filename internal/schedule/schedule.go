// Package schedule delivers weekly questions when their time has come. Start with
// Scheduler; plan.go says which slots become posts, deliver.go how a tenant's posts
// are sent, pace.go how fast, result.go what follows from a platform's answer, and
// prune.go when old ones go.
//
// The posts in the store are the truth. River's jobs only say who does what now: a
// tick, which one replica runs every 15 s, and a delivery for each tenant with posts
// that are due. A job that is lost costs time, and no post: the next tick makes
// another. Nothing here knows what a post says, or any SQL.
package schedule

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"

	"briefingbot/internal/briefing"
)

// Planner is the part of the store that plans posts, and removes them when they are
// old; internal/store explains its methods.
type Planner interface {
	Plan(ctx context.Context, now time.Time, limit int, plan func(*briefing.Subscription) []briefing.Post) (int, error)
	Sweep(ctx context.Context, before, now time.Time, resend bool) (int, error)
	Waiting(ctx context.Context, by time.Time) ([]briefing.Tenant, error)
	Prune(ctx context.Context, before time.Time, limit int) (int, error)
}

// Posts is the part of the store that hands posts out.
type Posts interface {
	Claim(ctx context.Context, t briefing.Tenant, holder, claim string, n int, now time.Time, decide func(*briefing.Subscription, *briefing.Post)) (briefing.Claimed, error)
	Finish(ctx context.Context, results []briefing.Result) error
	Release(ctx context.Context, t briefing.Tenant, holder string) error
}

// Bot knows what a post says, and sends it.
type Bot interface {
	// Choose chooses a subscription's next question and sets its rotation; one that
	// was chosen before stays where it can. It returns the question's id, or nothing
	// where there is no question.
	Choose(sub *briefing.Subscription, chosen string) string
	// Deliver sends a post, and returns the platform's id of it. Its error is a
	// *briefing.DeliveryError; any other counts as Unknown.
	Deliver(context.Context, briefing.Post) (string, error)
}

// Pace is how fast a platform takes the posts of a tenant.
type Pace struct {
	PerSecond float64
	Burst     int // how many may go at once; at least 1
}

// Config is what a scheduler needs to know. One of SQLite and Postgres is set.
type Config struct {
	SQLite   *sql.DB
	Postgres *pgxpool.Pool
	Resend   bool          // send once more what may not have arrived
	Keep     time.Duration // how long after its time a settled post is kept; 0 for ever
	Paces    map[briefing.Platform]Pace
}

const (
	tickEvery  = 15 * time.Second
	planAtOnce = 1000 // subscriptions in one transaction: more take more memory, and hold the database longer
	maxTenants = 1000 // delivered for at a time
	// jobTime ends a job, and with it what it is sending, of which nobody then knows.
	// So it is well above what a delivery takes: longTurn, sendTime until there is a
	// place for the last post, sendTime for that, and what the database takes.
	jobTime    = 2 * time.Minute
	rescueTime = 3 * time.Minute // above jobTime, or River takes a job for lost that is still running
	graceTime  = time.Second     // for what was cut off to be kept

	// The priorities of jobs. With more tenants than can be delivered for at a time, a
	// tick or somebody who asked for a question would wait behind all of them.
	atTheFront, inTurn = 1, 2
)

// Scheduler is safe for concurrent use.
type Scheduler struct {
	cfg     Config
	planner Planner
	posts   Posts
	bot     Bot
	log     *zap.Logger
	now     func() time.Time
	id      string // of this process, as a holder of leases
	jobs    jobs
	results *results

	shared   chan struct{} // places for posts on their way
	claims   chan struct{} // turns to claim
	stopping chan struct{}
	loop     sync.WaitGroup

	mu      sync.Mutex // guards what follows
	tenants map[briefing.Tenant]*tenant
	busy    int                      // of them
	asked   map[briefing.Tenant]bool // by the last tick here, and not begun with here since
}

// jobs is a River client, whatever its database.
type jobs interface {
	Start(context.Context) error
	Stop(context.Context) error
	StopAndCancel(context.Context) error
	Insert(context.Context, river.JobArgs, *river.InsertOpts) (*rivertype.JobInsertResult, error)
	InsertMany(context.Context, []river.InsertManyParams) ([]*rivertype.JobInsertResult, error)
}

// New makes a scheduler. now tells the time.
func New(cfg Config, planner Planner, posts Posts, bot Bot, log *zap.Logger, now func() time.Time) (*Scheduler, error) {
	s := &Scheduler{
		cfg: cfg, planner: planner, posts: posts, bot: bot, log: log, now: now, id: rand.Text(),
		shared: make(chan struct{}, allAtOnce), claims: make(chan struct{}, claimsAtOnce), stopping: make(chan struct{}), tenants: map[briefing.Tenant]*tenant{},
	}
	s.results = newResults(posts, log)
	workers := river.NewWorkers()
	river.AddWorker(workers, &tickWorker{s: s})
	river.AddWorker(workers, &deliverWorker{s: s})
	river.AddWorker(workers, &pruneWorker{s: s})
	config := &river.Config{
		ID:      s.id, // River's own would hold the machine's name
		Workers: workers,
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxTenants + 1}},
		// A job that fails is not tried again: the next tick makes another.
		MaxAttempts:                 1,
		JobTimeout:                  jobTime,
		RescueStuckJobsAfter:        rescueTime,
		CompletedJobRetentionPeriod: time.Hour,
		Logger:                      slog.New(newRiverLog(log)),
	}
	if cfg.SQLite != nil {
		// SQLite tells nobody of anything: River would ask it for news ten times a second,
		// of which none is for us, and that was most of what an idle bot did. Instead it
		// looks for jobs a little more often: from a slot to its posts there are two.
		config.PollOnly, config.FetchPollInterval = true, 500*time.Millisecond
	}
	if cfg.Keep > 0 {
		config.PeriodicJobs = []*river.PeriodicJob{pruning()}
	}
	var err error
	if cfg.Postgres != nil {
		s.jobs, err = newJobs(riverpgxv5.New(cfg.Postgres), config)
	} else {
		s.jobs, err = newJobs(riversqlite.New(cfg.SQLite), config)
	}
	if err != nil {
		return nil, fmt.Errorf("setting up the jobs: %w", err)
	}
	return s, nil
}

func newJobs[TTx any](driver riverdriver.Driver[TTx], config *river.Config) (jobs, error) {
	return river.NewClient(driver, config)
}

// Start begins to work, and returns. Call Stop to end it.
func (s *Scheduler) Start(ctx context.Context) error {
	// The end of ctx must not cut off posts under way: Stop waits for them.
	ctx = context.WithoutCancel(ctx)
	if err := s.jobs.Start(ctx); err != nil {
		return fmt.Errorf("starting the jobs: %w", err)
	}
	s.results.start()
	s.loop.Go(func() { s.ticks(ctx) })
	return nil
}

// Stop takes on nothing new, waits for posts under way until ctx ends, and gives up
// on the rest: those are unconfirmed later. Its error says if there were any. It is
// called once, after Start.
func (s *Scheduler) Stop(ctx context.Context) error {
	close(s.stopping)
	s.loop.Wait()
	err := s.jobs.Stop(ctx)
	// What was cut off a moment ago is still kept, if the database takes it at once.
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(graceTime, cancel) })()
	if err != nil {
		err = errors.Join(errors.New("posts were still on their way"), s.jobs.StopAndCancel(hard))
	}
	return errors.Join(err, s.results.stop(hard))
}

// Wake has the posts of a tenant delivered that are due now, without waiting for
// the next tick. Where that fails, the tick does it.
func (s *Scheduler) Wake(ctx context.Context, t briefing.Tenant) { s.insert(ctx, t, atTheFront) }

func (s *Scheduler) insert(ctx context.Context, t briefing.Tenant, priority int) {
	if _, err := s.jobs.Insert(ctx, deliverArgs{t.Platform, t.ID}, &river.InsertOpts{Priority: priority}); err != nil {
		s.log.Warn("delivery waits for the next tick", zap.String("cause", err.Error()))
	}
}

// ticks asks for a tick at once, for what whoever ran before has left, and then every
// 15 s. Every replica asks, and River takes the first: no replica has to be the
// leader, and none has to be missed before another goes on.
func (s *Scheduler) ticks(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.loop.Go(func() {
		select {
		case <-s.stopping:
			cancel()
		case <-ctx.Done():
		}
	})
	options := &river.InsertOpts{Priority: atTheFront}
	for !s.stopped() {
		insert, cancel := context.WithTimeout(ctx, tickEvery)
		_, err := s.jobs.Insert(insert, tickArgs{}, options)
		cancel()
		if err != nil && !s.stopped() {
			s.log.Warn("no tick", zap.String("cause", err.Error()))
		}
		// A tick that was killed while it ran must not keep the next from coming, so
		// its key holds the time.
		options.UniqueOpts = river.UniqueOpts{ByPeriod: tickEvery}
		now := time.Now()
		// River's periods begin with the clock's: just behind each the next is due.
		select {
		case <-time.After(now.Truncate(tickEvery).Add(tickEvery + 50*time.Millisecond).Sub(now)):
		case <-s.stopping:
		}
	}
}

type tickArgs struct{}

// Kind implements river.JobArgs.
func (tickArgs) Kind() string { return "tick" }

type tickWorker struct {
	river.WorkerDefaults[tickArgs]
	s *Scheduler
}

// Work implements river.Worker.
func (w *tickWorker) Work(ctx context.Context, _ *river.Job[tickArgs]) error {
	if err := w.s.tick(ctx); err != nil {
		w.s.log.Warn("tick failed", zap.String("cause", err.Error()))
		return err
	}
	return nil
}

// tick turns what has become due into posts, and has them delivered. While there are
// more to plan, the tenants whose posts take the longest to send are begun with: after
// the first batch, the second, the fourth and so on, since each look costs the same.
func (s *Scheduler) tick(ctx context.Context) error {
	s.mu.Lock()
	s.asked = map[briefing.Tenant]bool{}
	s.mu.Unlock()
	batches := 0
	if err := s.planAll(ctx, func() error {
		if batches++; batches&(batches-1) != 0 {
			return nil
		}
		return s.ask(ctx, true)
	}); err != nil {
		return err
	}
	return s.ask(ctx, false)
}

// ask has the posts that are due delivered: first those of the platform that takes the
// fewest in a while, which will be the last to be done, or only those.
func (s *Scheduler) ask(ctx context.Context, slowest bool) error {
	tenants, err := s.planner.Waiting(ctx, s.now().Add(tickEvery))
	if err != nil {
		return err
	}
	pace := func(t briefing.Tenant) float64 {
		if pace, ok := s.cfg.Paces[t.Platform]; ok {
			return pace.PerSecond
		}
		return math.Inf(1)
	}
	slices.SortStableFunc(tenants, func(a, b briefing.Tenant) int { return cmp.Compare(pace(a), pace(b)) })
	if i := slices.IndexFunc(tenants, func(t briefing.Tenant) bool { return pace(t) > pace(tenants[0]) }); slowest && i > 0 {
		tenants = tenants[:i]
	}
	tenants = slices.DeleteFunc(tenants, s.expects)
	for len(tenants) > 0 {
		n := min(len(tenants), planAtOnce)
		params := make([]river.InsertManyParams, n)
		for i, t := range tenants[:n] {
			params[i].Args = deliverArgs{t.Platform, t.ID}
			params[i].InsertOpts = &river.InsertOpts{Priority: inTurn}
		}
		if _, err := s.jobs.InsertMany(ctx, params); err != nil {
			return fmt.Errorf("asking for deliveries: %w", err)
		}
		tenants = tenants[n:]
	}
	return nil
}

// Plan turns every slot that has come into a post, and settles posts of which
// nothing was heard any more.
func (s *Scheduler) Plan(ctx context.Context) error {
	return s.planAll(ctx, func() error { return nil })
}

// planAll is Plan, which calls more whenever some are planned and others are not.
func (s *Scheduler) planAll(ctx context.Context, more func() error) error {
	now := s.now()
	// While results wait for the database, what became of posts is known.
	if !s.results.behind.Load() {
		since := silence
		if s.cfg.Resend {
			since += apart
		}
		swept, err := s.planner.Sweep(ctx, now.Add(-since), now, s.cfg.Resend)
		if err != nil {
			return err
		}
		if swept > 0 {
			s.log.Warn("posts are unconfirmed", zap.Int("posts", swept), zap.String("cause", string(briefing.CauseStopped)))
		}
	}
	for !s.stopped() {
		begun := time.Now()
		n, err := s.planner.Plan(ctx, now, planAtOnce, func(sub *briefing.Subscription) []briefing.Post { return plan(sub, now) })
		if err != nil || n < planAtOnce {
			return err
		}
		took := time.Since(begun)
		if err := more(); err != nil {
			return err
		}
		// SQLite has one writer. Those who send what is planned, or answer somebody, get
		// it for as long as the planning had it.
		if s.cfg.SQLite != nil {
			s.pause(ctx, took, tickEvery, nil)
		}
	}
	return nil
}
