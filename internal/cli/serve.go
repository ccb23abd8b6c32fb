package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/systemd"
	"github.com/ashlar-dev/ashlar/internal/takeover"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/web"
)

const serveHelp = `Serve checks the model in DIR, creates or extends the tables of its database, and answers
requests until SIGTERM or SIGINT (Ctrl-C). Then it finishes the requests in flight. A second
signal stops it at once.

The data folder holds the rows, and the keys of the server. Only one server at a time can use
it. A new database is filled from DIR/seed/<table>.json or .ndjson. With --database the rows are
in PostgreSQL, and any number of servers that share the key can serve them.

A socket that systemd passes (LISTEN_FDS) is served instead of --listen. It stays open while the
server restarts, so no connection is refused.

With --take-over the server asks the one that runs on the data folder for its sockets, makes it
stop, and serves in its place: an upgrade refuses no connection. If it fails, the former server
serves again. Without a former server it starts as usual.

` + settingsHelp

const serveExample = `  ashlar serve examples/careers
  ashlar serve examples/careers --listen :8080 --data /var/lib/careers
  ashlar serve examples/careers --listen :8080 --data /var/lib/careers --take-over
  ASHLAR_CORS=https://app.example.com,https://example.com ashlar serve examples/careers`

func (p Program) newServe() *cobra.Command {
	f := newServeFlags()
	f.functions = p.Functions
	cmd := &cobra.Command{
		Use:     "serve DIR",
		Short:   "Serve the app in a folder",
		Long:    serveHelp,
		Example: serveExample,
		Args:    exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, allFlags(cmd)...); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			return relativeTo(args[0], f.serve(cmd, args[0]))
		},
	}
	f.declare(cmd)
	return cmd
}

func (f *serveFlags) serve(cmd *cobra.Command, dir string) error {
	stderr := cmd.ErrOrStderr()
	if f.database == "" {
		background.AddProcessor() // SQLite computes in this process
	}
	lines := telemetry.NewAsyncWriter(stderr)
	defer lines.Close() // an error has nowhere to go
	log := f.logger(lines, f.format(stderr))
	limitMemory(os.DirFS("/"), f.database == "", log)
	ctx, stop := untilSignal(cmd)
	defer stop()
	tuneGC(ctx)
	cfg := f.config(dir, log)
	cfg.Notifier = systemd.Open(os.Getenv, os.Getpid())
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	if err := loaded.CheckFunctions(f.functions); err != nil {
		return err
	}
	passed, err := systemd.Sockets(os.Getenv, os.Getpid())
	if err != nil {
		return err
	}
	cfg.SharedListener = len(passed) > 0
	former, err := f.askFormer(ctx, cfg)
	if err != nil {
		return interrupted(ctx, err)
	}
	if former != nil {
		defer former.Close() // later than the data folder: the former server may need that
		cfg.Claim = func(ctx context.Context) error { return claim(ctx, former, loaded, cfg) }
	}
	open, err := f.openSockets(passed, former, log)
	if err != nil {
		return err
	}
	s := &server{flags: f, loaded: loaded, cfg: cfg, lines: lines, announce: newAnnouncer(lines, f.format(stderr))}
	s.cfg.LameDuck = f.lameDuckOf(web.IsLoopback(open[listenFlag].Addr().String()), isTerminal(stderr))
	for former := former; open != nil; former = nil {
		if open, err = s.serve(ctx, open, former); err != nil {
			return err
		}
	}
	return nil
}

// A server serves an app, perhaps several times: it serves again if the process that took over from it failed.
type server struct {
	flags    *serveFlags
	loaded   *app.Loaded
	cfg      app.Config
	lines    *telemetry.AsyncWriter
	announce announcer
}

// serve serves until ctx ends or a process has taken over. It returns the sockets if that process failed, to serve again.
func (s *server) serve(ctx context.Context, open sockets, former *takeover.Former) (again sockets, err error) {
	ln, cfg, hand := open[listenFlag], s.cfg, &handOver{}
	cfg.LocalURL, cfg.Loopback = s.flags.tls.urlOf(ln.Addr()), web.IsLoopback(ln.Addr().String())
	cfg.Operate = s.flags.operate.config(open[operateFlag])
	cfg.TLS.Redirect = open[redirectFlag]
	cfg.HandedOver = hand.decided
	if former == nil {
		cfg.Claim = nil
	}
	a, err := app.Open(ctx, s.loaded, cfg)
	if err != nil {
		open.close()
		if former != nil && former.Stopped {
			cfg.Logger.Error("this server cannot start, so the former one serves again: mend what is wrong, then try again", "former", former.PID)
		}
		return nil, interrupted(ctx, err)
	}
	offer := listenForSuccessor(cfg, open) // before the server says that it serves: a process may ask at once
	s.announce.serving(a.Rules.Model, cfg)
	if err := s.announce.console(ctx, a, cfg.LocalURL); err != nil && ctx.Err() == nil { // a full disk: the server goes on without
		cfg.Logger.Warn("no link for the first operator could be made: run `ashlar operator link` later", "error", err)
	}
	if former != nil {
		if err := former.Serving(); err != nil {
			cfg.Logger.Warn("the former server did not hear that this one serves", "error", err)
		}
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	announced := make(chan struct{})
	keepQuiet := context.AfterFunc(serving, func() {
		s.announce.stopping(s.flags.grace, hand.pid())
		close(announced)
	})
	offered := hand.await(serving, offer, stop)
	err = a.Serve(serving, ln)
	if !keepQuiet() {
		<-announced // a quick stop may end before its announcement
	}
	stop()
	<-offered
	if hand.to != nil {
		if again = hand.finish(ctx, cfg.Logger); again != nil {
			if err != nil {
				cfg.Logger.Error("not all requests were answered before the hand-over", "error", err)
			}
			return again, nil
		}
	}
	_ = s.lines.Close() // later output is written directly
	if err == nil {
		s.announce.stopped()
	}
	return nil, err
}

// openSockets opens the sockets of the server, or takes them from the former one.
func (f *serveFlags) openSockets(passed map[string]net.Listener, former *takeover.Former, log *slog.Logger) (open sockets, err error) {
	bind := listen
	if former != nil {
		bind = inherit(former)
		defer func() { closeRest(former, err, log) }()
	}
	open = sockets{}
	if open[listenFlag], err = f.listener(passed, bind); err != nil {
		return nil, err
	}
	if open[operateFlag], err = f.operate.bind(bind, log); err != nil {
		open.close()
		return nil, err
	}
	if open[redirectFlag], err = f.tls.bind(bind); err != nil {
		open.close()
		return nil, err
	}
	return open, nil
}

// listener returns the socket that the service manager passed, whatever its name is. Without one it binds the address of --listen.
func (f *serveFlags) listener(passed map[string]net.Listener, bind binder) (net.Listener, error) {
	if len(passed) == 0 {
		return bind(listenFlag, f.listen)
	}
	var all []net.Listener
	for _, ln := range passed {
		all = append(all, ln)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	for _, ln := range all {
		_ = ln.Close()
	}
	return nil, fmt.Errorf("the service manager passes %d sockets, and ashlar serves one: leave one ListenStream in the socket unit", len(all))
}

// listen binds the address of a flag. Serve calls it first, so that a busy address changes nothing.
func listen(flag, address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err == nil {
		return ln, nil
	}
	_, port, bad := net.SplitHostPort(address)
	if _, noPort := net.LookupPort("tcp", port); bad != nil || noPort != nil {
		return nil, fmt.Errorf("--%s %q is not an address: write 127.0.0.1:8080, or :8080 for every address of this machine", flag, address)
	}
	_, noHost := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &listenError{fmt.Sprintf("%s is in use by another program: stop it, or choose another address with --%s", address, flag), err}
	case errors.Is(err, syscall.EADDRNOTAVAIL), noHost:
		return nil, fmt.Errorf("%s is not an address of this machine: choose one with --%s; :%s is every address", address, flag, port)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s: choose a port from 1024 on with --%s", address, flag)
	}
	return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
}

// A listenError says in our words why an address cannot be used.
type listenError struct {
	text  string
	cause error
}

func (e *listenError) Error() string { return e.text }

func (e *listenError) Unwrap() error { return e.cause }

// interrupted returns the error of a start. It explains a start that a signal ended.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return errors.New("stopped before it served a request; changes that it had begun were undone")
	}
	return err
}
