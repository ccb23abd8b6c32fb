package systemd

import (
	"context"
	"log/slog"
	"time"
)

// A Watchdog pings the manager while the server is alive. The manager ends a service that stops pinging, then starts it again.
type Watchdog struct {
	Notifier *Notifier
	Alive    func(context.Context) error // nil: the server is alive. If it does not return, there is no ping either
	Logger   *slog.Logger
}

// Run implements background.Service. It pings twice in the time that the manager waits.
func (w Watchdog) Run(ctx context.Context) error {
	every := w.Notifier.Watchdog() / 2
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		if err := w.ping(ctx, every); err != nil && ctx.Err() == nil {
			w.Logger.Error("no ping to systemd's watchdog, which restarts the server if that goes on", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
		}
	}
}

func (w Watchdog) ping(ctx context.Context, within time.Duration) error {
	asking, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := w.Alive(asking); err != nil {
		return err
	}
	return w.Notifier.send("WATCHDOG=1")
}
