package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"briefingbot/internal/briefing"
	"briefingbot/internal/metrics"
	"briefingbot/internal/schedule"
)

type serveCommand struct {
	contentFlags
	weeklyFlags
	webFlags
	Listen      string `placeholder:"127.0.0.1:8080" env:"BRIEFINGBOT_LISTEN" help:"Address for the chat platforms, and for the page."`
	AdminListen string `placeholder:"127.0.0.1:9090" env:"BRIEFINGBOT_ADMIN_LISTEN" help:"Address for health checks and metrics from inside."`
	LogLevel    string `enum:",debug,info,warn,error" default:"" placeholder:"info" env:"BRIEFINGBOT_LOG_LEVEL" help:"debug, info, warn or error. Without it, info, or warn with the page of this machine alone."`
	LogFormat   string `default:"json" enum:"json,console" env:"BRIEFINGBOT_LOG_FORMAT" help:"json or console."`

	preview string // the folder that briefingbot preview shows, or empty
}

// followEvery is how often the folder's files are looked at.
func (c serveCommand) followEvery() time.Duration {
	if c.preview != "" {
		return previewEvery
	}
	return followEvery
}

// shutdownTime is how long a stop waits for what is under way.
const shutdownTime = 20 * time.Second

func (c serveCommand) Run(ctx context.Context, s streams) error {
	platforms, err := platformsFromEnvironment()
	if err != nil {
		return err
	}
	mode, token, err := c.mode(len(platforms.names()))
	if err != nil {
		return err
	}
	database, err := databaseSetting()
	if err != nil {
		return err
	}
	return c.serve(ctx, s, platforms, mode, token, database)
}

// serve answers on the platforms, and in browsers as mode says, until ctx ends.
func (c serveCommand) serve(ctx context.Context, s streams, platforms platforms, mode webMode, token briefing.Private, database string) (err error) {
	// Before anything else: without it, the signal ends the process.
	hangups, inTerminal := make(chan os.Signal, 1), isTerminal(s.err)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	if mode == webLocal {
		c.LogLevel = cmp.Or(c.LogLevel, "warn") // somebody looks on, and reads one line
	}
	if err := aloneHere(c.Listen, mode, platforms); err != nil {
		return err
	}
	log := c.logger(s.err)
	defer func() { _ = log.Sync() }() // a terminal or a pipe has nothing to sync
	if err := c.validate(); err != nil {
		return err
	}
	// What can fail for want of a port or a sound briefing fails before the database
	// is brought up to date: the program before this one could not start any more.
	if _, err := loadSound(c.Content); err != nil {
		return err
	}
	public, err := c.listen(ctx, c.Listen, defaultListen, "BRIEFINGBOT_LISTEN", mode)
	if err != nil {
		return err
	}
	defer public.Close() // closed already where it was served
	inside, err := c.listen(ctx, c.AdminListen, defaultAdminListen, "BRIEFINGBOT_ADMIN_LISTEN", mode)
	switch twice := cmp.Or(c.Listen, defaultListen) == cmp.Or(c.AdminListen, defaultAdminListen); {
	case twice && errors.Is(err, syscall.EADDRINUSE):
		return hinted{fmt.Errorf("BRIEFINGBOT_LISTEN and BRIEFINGBOT_ADMIN_LISTEN are both %s", cmp.Or(c.Listen, defaultListen)),
			"give BRIEFINGBOT_ADMIN_LISTEN another port, like 127.0.0.1:9090: what it shows is not for everybody who reaches the bot"}
	case err != nil:
		return err
	}
	defer inside.Close() // as above
	db, kind, err := openStore(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	counted := metrics.New(metrics.Config{Version: version(), Platforms: platforms.list(), Expires: platforms.expires, Stand: db.Counts, Now: time.Now})
	c.Replied = counted.Replied
	var jobs *schedule.Scheduler
	b, lib, closeBot, err := c.openBot(c.weekly(db, func(ctx context.Context, t briefing.Tenant) { jobs.Wake(ctx, t) }), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeBot()) }()
	counted.SetContent(lib)
	adapters, err := platforms.adapters(b, db, counted, log)
	if err != nil {
		return err
	}
	if jobs, err = c.scheduler(db, b, log); err != nil {
		return err
	}

	live := newContent(c.Content, b, lib, platforms.names(), log)
	site, err := c.newWebsite(mode, token, b, live, counted, log)
	if err != nil {
		return err
	}
	live.onChange(func(lib briefing.Library, err error) {
		site.changed(lib, err)
		if err != nil {
			counted.SetFaults(len(eachFault(err)))
		} else {
			counted.SetContent(lib)
		}
		for _, a := range adapters {
			if err == nil {
				a.Prepare(b.Fixed())
			}
		}
	})
	ready := &readiness{ping: db.Ping, content: live.state, log: log}
	mux, admin := http.NewServeMux(), http.NewServeMux()
	health(mux, ready)
	health(admin, ready)
	for _, a := range adapters {
		routes := http.NewServeMux()
		a.Routes(routes)
		mux.Handle(prefixes[a.platform], counted.Requests(a.platform, routes))
	}
	admin.Handle("GET /metrics", counted.Handler())

	site.routes(mux)

	if err := site.rest(ctx, db); err != nil {
		return err
	}
	if err := jobs.Start(ctx); err != nil {
		return err
	}
	servers := []*http.Server{newServer(mux, log), newServer(admin, log)}
	failed := make(chan error, len(servers))
	for i, l := range []net.Listener{public, inside} {
		go func() { failed <- servers[i].Serve(l) }()
	}
	ready.serving.Store(true)
	if mode == webLocal {
		if err := greet(s.out, public.Addr()); err != nil {
			log.Warn("nobody was told where the page is", zap.String("cause", err.Error()))
		}
	}
	log.Info("ready", zap.String("version", version()), zap.Stringer("listen", public.Addr()),
		zap.Stringer("admin_listen", inside.Addr()), zap.Int("briefings", len(lib)), zap.Strings("platforms", platforms.names()),
		zap.String("database", kind))

	followed, leave := context.WithCancel(ctx)
	var following sync.WaitGroup
	following.Go(func() { live.follow(followed, c.followEvery()) })
	defer func() { leave(); following.Wait() }()

	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case err = <-failed:
			ended = true
		case <-hangups:
			// A terminal that is closed says so with the same signal, and ends what was
			// started in it.
			if ended = inTerminal && !isTerminal(s.err); !ended {
				live.reload()
			}
		}
	}
	// No new requests and no new posts; then those under way, then replies that go
	// out by themselves. All within shutdownTime.
	ready.serving.Store(false)
	log.Info("stopping")
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	posts := make(chan error, 1)
	go func() { posts <- jobs.Stop(stop) }()
	err = errors.Join(err, site.close(stop))
	for _, server := range servers {
		if stopErr := server.Shutdown(stop); stopErr != nil {
			err = errors.Join(err, fmt.Errorf("stopping: %w", stopErr), server.Close())
		}
	}
	err = errors.Join(err, <-posts)
	for _, a := range adapters {
		err = errors.Join(err, a.Close(stop))
	}
	return err
}

// newServer is a server on which a slow or idle client holds nothing for more
// than 15 s: 5 s for the whole request, 10 s from its header to the end of the
// answer, 10 s of silence between requests.
func newServer(h http.Handler, log *zap.Logger) *http.Server {
	return &http.Server{
		Handler:           recovering(tidy(h), log),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       10 * time.Second,
		MaxHeaderBytes:    16 << 10,
		// net/http's own lines repeat addresses and broken requests.
		ErrorLog: zap.NewStdLog(zap.New(zapcore.NewNopCore())),
	}
}

// tidy has no page at an address like /a//b/../c, for which a http.ServeMux would
// send the browser on to another that repeats what was typed.
func tidy(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if clean := path.Clean(r.URL.Path); r.URL.Path != clean && r.URL.Path != clean+"/" {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// recovering answers a request whose handler panicked, and logs where, but not
// with what: the value of a panic may hold what was typed.
func recovering(h http.Handler, log *zap.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if cause := recover(); cause != nil {
				log.Error("request failed", zap.String("cause", fmt.Sprintf("panic of %T", cause)), zap.ByteString("stack", debug.Stack()))
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			}
		}()
		h.ServeHTTP(w, r)
	})
}

const defaultListen, defaultAdminListen = "127.0.0.1:8080", "127.0.0.1:9090"

// listen is on the address that was set, or on the usual one. Where that is taken,
// the page of this machine alone takes any other: it says where it is.
func (c serveCommand) listen(ctx context.Context, set, usual, setting string, mode webMode) (net.Listener, error) {
	l, err := listen(ctx, cmp.Or(set, usual), setting)
	if err != nil && set == "" && mode == webLocal && errors.Is(err, syscall.EADDRINUSE) {
		return listen(ctx, "127.0.0.1:0", setting)
	}
	return l, err
}

func listen(ctx context.Context, address, setting string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err == nil {
		return l, nil
	}
	hint := "name one of this machine's addresses and a port in " + setting + ", like 127.0.0.1:8081"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "name a free address in " + setting + ", like 127.0.0.1:8081"
	case errors.Is(err, syscall.EACCES):
		hint = "name a port above 1023 in " + setting + ", like 127.0.0.1:8081: those below are for the system's administrator"
	}
	return nil, hinted{fmt.Errorf("cannot listen on %s: %w", address, err), hint}
}

// readiness is whether the process answers, its database included.
type readiness struct {
	serving atomic.Bool
	ping    func(context.Context) error
	content func() string // what is wrong with the briefings, while others answer
	log     *zap.Logger
	mu      sync.Mutex // guards what follows
	asked   time.Time
	err     error
}

const pingEvery = time.Second

// check is nil where it is ready. The database is asked once a second at most,
// however many ask here.
func (r *readiness) check(ctx context.Context) error {
	if !r.serving.Load() {
		return errors.New("stopping")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.asked) > pingEvery {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*pingEvery)
		defer cancel()
		err := r.ping(ctx)
		switch {
		case err != nil && r.err == nil:
			r.log.Error("the database does not answer", zap.String("cause", err.Error()))
		case err == nil && r.err != nil:
			r.log.Info("the database answers again")
		}
		r.err, r.asked = err, time.Now()
	}
	if r.err != nil {
		return errors.New("the database does not answer")
	}
	return nil
}

// health adds /healthz, which says that the process lives, and /readyz, which
// says that it answers and, on a second line, what is wrong all the same.
func health(mux *http.ServeMux, ready *readiness) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := ready.check(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
		if fault := ready.content(); fault != "" {
			_, _ = io.WriteString(w, fault+"\n")
		}
	})
}

// logger writes to w: JSON for machines, or lines for a person. Lines that repeat
// are thinned out, so that an attacker cannot fill a disk with refusals.
func (c serveCommand) logger(w io.Writer) *zap.Logger {
	level, err := zapcore.ParseLevel(cmp.Or(c.LogLevel, "info"))
	if err != nil {
		level = zapcore.InfoLevel // kong has checked it
	}
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.ISO8601TimeEncoder
	encoder := zapcore.NewJSONEncoder(config)
	if c.LogFormat == "console" {
		encoder = zapcore.NewConsoleEncoder(config)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)
	return zap.New(zapcore.NewSamplerWithOptions(core, time.Second, 100, 100))
}
