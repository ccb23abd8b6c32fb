package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/systemd"
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

` + settingsHelp

const serveExample = `  ashlar serve examples/careers
  ashlar serve examples/careers --listen :8080 --data /var/lib/careers
  ASHLAR_CORS=https://app.example.com,https://example.com ashlar serve examples/careers`

func newServe() *cobra.Command {
	f := newServeFlags()
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
	passed, err := systemd.Sockets(os.Getenv, os.Getpid())
	if err != nil {
		return err
	}
	ln, err := f.listener(passed)
	if err != nil {
		return err
	}
	cfg.SharedListener = len(passed) > 0
	cfg.LocalURL, cfg.Loopback = f.tls.urlOf(ln.Addr()), web.IsLoopback(ln.Addr().String())
	cfg.LameDuck = f.lameDuckOf(cfg.Loopback, isTerminal(stderr))
	if cfg.Operate, err = f.operate.open(log); err != nil {
		return errors.Join(err, ln.Close())
	}
	closeOthers := func() {
		for _, other := range []net.Listener{cfg.Operate.Listener, cfg.TLS.Redirect} {
			if other != nil {
				_ = other.Close()
			}
		}
	}
	if cfg.TLS, err = f.tls.open(); err != nil {
		closeOthers()
		return errors.Join(err, ln.Close())
	}
	a, err := app.Open(ctx, loaded, cfg)
	if err != nil {
		closeOthers()
		return interrupted(ctx, errors.Join(err, ln.Close()))
	}
	announce := newAnnouncer(lines, f.format(stderr))
	announce.serving(a.Rules.Model, cfg)
	if err := announce.console(ctx, a, cfg.LocalURL); err != nil && ctx.Err() == nil { // a full disk: the server goes on without
		log.Warn("no link for the first operator could be made: run `ashlar operator link` later", "error", err)
	}
	announced := make(chan struct{})
	context.AfterFunc(ctx, func() {
		announce.stopping(f.grace)
		close(announced)
	})
	err = a.Serve(ctx, ln)
	_ = lines.Close() // later output is written directly
	if ctx.Err() != nil {
		<-announced // a quick stop may end before its announcement
	}
	if err == nil {
		announce.stopped()
	}
	return err
}

// listener returns the socket that the service manager passed, whatever its name is. Without one it binds the address of --listen.
func (f *serveFlags) listener(passed map[string]net.Listener) (net.Listener, error) {
	if len(passed) == 0 {
		return listen("listen", f.listen)
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
