package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

const serveHelp = `Serve checks the model in DIR, makes or extends the tables of its database, and answers
requests until it is told to stop (SIGINT, which is Ctrl-C, or SIGTERM). Requests in flight
are then finished; a second signal ends it at once.

The rows are in the data folder, together with the key that signs tokens. A new database is
filled from DIR/seed/<table>.json or .ndjson. One server at a time serves a data folder.
With --database the rows are in PostgreSQL, and any number of servers with one key serve them.

` + settingsHelp

const serveExample = `  ashlar serve examples/careers
  ashlar serve examples/careers --listen :8080 --data /var/lib/careers
  ASHLAR_CORS=https://app.example.com,https://example.com ashlar serve examples/careers`

func newServe() *cobra.Command {
	f := &serveFlags{
		migrate:    oneOf("safe", "off"),
		durability: oneOf("full", "normal"),
		logFormat:  oneOf("auto", "text", "json"),
		logLevel:   oneOf("info", "debug", "warn", "error"),
	}
	cmd := &cobra.Command{
		Use:     "serve DIR",
		Short:   "Serve the app in a folder",
		Long:    serveHelp,
		Example: serveExample,
		Args:    oneApp,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, allFlags(cmd)...); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			return inApp(args[0], f.serve(cmd, args[0]))
		},
	}
	f.declare(cmd)
	return cmd
}

func (f *serveFlags) serve(cmd *cobra.Command, dir string) error {
	stderr := cmd.ErrOrStderr()
	collectLater()
	lines := telemetry.NewAsyncWriter(stderr)
	defer lines.Close() // its error has nowhere to be told
	log := f.logger(lines, f.format(stderr))
	ctx, stop := untilSignal(cmd)
	defer stop()
	cfg := f.config(dir, log)
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	ln, err := listen(f.listen)
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, loaded, cfg)
	if err != nil {
		return interrupted(ctx, errors.Join(err, ln.Close()))
	}
	say := announcer(lines, f.format(stderr))
	say.serving(a.Rules.Model, ln.Addr(), cfg)
	told := make(chan struct{})
	context.AfterFunc(ctx, func() {
		say.stopping(f.grace)
		close(told)
	})
	err = a.Serve(ctx, ln)
	_ = lines.Close() // before the last word
	if ctx.Err() != nil {
		<-told // the stop may be over before it was announced
	}
	if err == nil {
		say.stopped()
	}
	return err
}

// listen takes the address before anything else is touched.
func listen(address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err == nil {
		return ln, nil
	}
	_, port, bad := net.SplitHostPort(address)
	if _, noPort := net.LookupPort("tcp", port); bad != nil || noPort != nil {
		return nil, fmt.Errorf("%q is no address: write it as 127.0.0.1:8080, or :8080 for every address of this machine", address)
	}
	_, noHost := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program: stop it, or choose another address with --listen", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL), noHost:
		return nil, fmt.Errorf("%s is not an address of this machine: choose one with --listen, as :%s for all that it has", address, port)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s: choose a port from 1024 on with --listen", address)
	}
	return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
}

// interrupted is the error of a start that a signal ended.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return errors.New("stopped before it served; what it had begun is undone")
	}
	return err
}
