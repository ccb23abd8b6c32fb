package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/takeover"
)

// The flags with addresses to listen on. The sockets of a take-over have these names.
const (
	listenFlag   = "listen"
	operateFlag  = "operate-listen"
	redirectFlag = "redirect-listen"
)

// sockets are the listeners of a server by their flags. A listener that is off is nil.
type sockets map[string]net.Listener

func (s sockets) close() {
	for _, ln := range s {
		if ln != nil {
			_ = ln.Close()
		}
	}
}

// A binder opens the address of a flag.
type binder func(flag, address string) (net.Listener, error)

// askFormer asks the server on the data folder for its sockets. It returns nil without --take-over, or if there is no server.
func (f *serveFlags) askFormer(ctx context.Context, cfg app.Config) (*takeover.Former, error) {
	// Commands such as `ashlar token` have the lock for a moment. A server that starts offers its sockets a moment later.
	const patience, pause = time.Second, 50 * time.Millisecond
	switch {
	case !f.takeOver:
		return nil, nil
	case cfg.SharedListener:
		cfg.Logger.Info("the service manager passes a socket, so there is nothing to take over: starting as usual")
		return nil, nil
	}
	for deadline := time.Now().Add(patience); ; {
		former, err := takeover.Ask(ctx, cfg.Data)
		if !errors.Is(err, takeover.ErrNobody) {
			return former, err
		}
		if cfg.Database != "" {
			break
		}
		by, err := sqlite.Server(cfg.Data)
		if err != nil || by == "" {
			break // a folder that cannot be read is explained when it is opened
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s has the data folder %s and offers no sockets: it starts, it stops, or it is of a release without --take-over; stop it, then start this server", by, cfg.Data)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
	cfg.Logger.Info("there is no server to take over from: starting as usual")
	return nil, nil
}

// claim makes the former server stop, if this one can probably use the database. It waits until the data folder is free.
func claim(ctx context.Context, former *takeover.Former, loaded *app.Loaded, cfg app.Config) error {
	upgrade, err := app.CheckUpgrade(ctx, loaded, cfg)
	if err != nil {
		return err
	}
	upgrade.Attached = false // the former server stops first
	if err := upgrade.Refused(); err != nil {
		return err
	}
	if err := upgrade.Hazards(loaded.Rules.Model); err != nil {
		return err
	}
	cfg.Logger.Info("taking over", "from", former.PID)
	return former.Stop(ctx)
}

// inherit returns a binder that prefers the sockets of the former server. The public address stays: clients wait at it.
func inherit(former *takeover.Former) binder {
	return func(flag, address string) (net.Listener, error) {
		ln := former.Sockets[flag]
		want, err := net.ResolveTCPAddr("tcp", address)
		switch {
		case ln == nil || err != nil:
			return listen(flag, address)
		case hasAddress(ln.Addr(), want):
			delete(former.Sockets, flag)
			return ln, nil
		case flag == listenFlag:
			return nil, fmt.Errorf("process %d serves %s, and --%s is %s: name the same address, or stop that server and start this one without --take-over", former.PID, ln.Addr(), flag, address)
		}
		return listen(flag, address)
	}
}

// hasAddress reports whether a listener has an address that somebody wants. The port 0 is any port.
func hasAddress(listener net.Addr, want *net.TCPAddr) bool {
	have, ok := listener.(*net.TCPAddr)
	if !ok || (want.Port != 0 && want.Port != have.Port) {
		return false
	}
	everywhere := want.IP == nil || want.IP.IsUnspecified()
	return have.IP.Equal(want.IP) || (everywhere && have.IP.IsUnspecified())
}

// closeRest closes the sockets of the former server that this one does not use. If this one starts, it says which they are.
func closeRest(former *takeover.Former, err error, log *slog.Logger) {
	for flag, ln := range former.Sockets {
		if err == nil {
			log.Warn("the former server listens on an address that this one does not serve", "flag", "--"+flag, "address", ln.Addr().String())
		}
		_ = ln.Close()
	}
}

// A handOver is the decision who ends a server: a signal, or a process that takes over. The first one wins.
type handOver struct {
	mu   sync.Mutex
	done bool
	to   *takeover.Successor // nil: none takes over
}

// decide lets a process take over, unless the server stops already.
func (h *handOver) decide(to *takeover.Successor) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.done {
		return false
	}
	h.done, h.to = true, to
	return true
}

// decided reports whether a process takes over. The server stops: later nobody does.
func (h *handOver) decided() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = true
	return h.to != nil
}

// pid returns the process that takes over, or 0.
func (h *handOver) pid() int {
	if !h.decided() {
		return 0
	}
	return h.to.PID
}

// listenForSuccessor opens the socket at which a process can ask to take over. It returns nil if that is impossible.
func listenForSuccessor(cfg app.Config, open sockets) *takeover.Offer {
	offering := takeover.OfferConfig{Folder: cfg.Data, Sockets: sockets{}, Within: 2*cfg.Grace + stopSlack, Logger: cfg.Logger}
	for flag, ln := range open {
		if ln != nil {
			offering.Sockets[flag] = ln
		}
	}
	if cfg.SharedListener || cfg.Notifier != nil {
		offering.Refuse = "a service manager runs it, and would take its end for the end of the service: restart it there, see docs/stopping.md"
	}
	o, err := takeover.Listen(offering)
	if err != nil {
		cfg.Logger.Info("no process can take over from this server with --take-over", "error", err)
		return nil
	}
	return o
}

// await hands the sockets to a process that asks for them, until ctx ends. It calls stop when a process takes over.
func (h *handOver) await(ctx context.Context, o *takeover.Offer, stop func()) (ended <-chan error) {
	return background.Async("the take-over", func() error {
		if o == nil {
			return nil
		}
		to := o.Await(ctx)
		if to == nil {
			return nil
		}
		if !h.decide(to) {
			to.Close()
			return nil
		}
		defer stop()
		return to.Stopping() // if nobody listens, finish notices it
	})
}

// stopSlack is for what follows the requests and the services at a stop: the database is closed.
const stopSlack = 30 * time.Second

// finish waits until the process that takes over serves. If that process failed, finish returns the sockets.
func (h *handOver) finish(ctx context.Context, log *slog.Logger) (again sockets) {
	defer h.to.Close()
	if err := h.to.Released(); err != nil {
		log.Debug("the process that takes over did not hear that the data folder is free", "error", err)
	}
	if !h.to.Failed(ctx) {
		return nil
	}
	again, err := h.to.Sockets()
	if err != nil {
		log.Error("the process that took over ended before it served, and the sockets cannot be opened again: start a server", "process", h.to.PID, "error", err)
		return nil
	}
	log.Error("the process that took over ended before it served: serving again", "process", h.to.PID)
	return again
}
