package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// An announcer reports the start and the stop of a server at every log level: as lines for people or as records for
// machines, never both in one stream.
type announcer struct {
	people io.Writer // nil if machines read the stream
	log    *slog.Logger
}

func newAnnouncer(stderr io.Writer, format string) announcer {
	if format == "json" {
		return announcer{log: telemetry.NewLogger(stderr, format, slog.LevelInfo)}
	}
	return announcer{people: stderr}
}

func (v announcer) serving(m *model.Model, cfg app.Config) {
	if v.people == nil {
		v.log.Info("serving", "app", m.Name, "url", cfg.LocalURL, "operate", cmp.Or(operateURL(cfg), "off"), "data", cfg.Data, "tables", len(m.Tables), "views", len(m.Views), "version", cfg.Version, "pid", os.Getpid())
		return
	}
	fmt.Fprintf(v.people, "Serving %s (%s) at %s\n", m.Name, countTables(m), cfg.LocalURL)
	if own := operateURL(cfg); own != "" {
		fmt.Fprintf(v.people, "Metrics, health and profiles are at %s\n", own)
	}
	fmt.Fprintf(v.people, "%s. Stop with Ctrl-C.\n", placeOf(cfg))
}

// operateURL returns the URL of the operate listener, "" if it is off.
func operateURL(cfg app.Config) string {
	if cfg.Operate.Listener == nil {
		return ""
	}
	return urlOf(cfg.Operate.Listener.Addr())
}

// console prints a link that makes the first owner, if the server has no operators. Machines read no link: it would be a
// secret in their logs.
func (v announcer) console(ctx context.Context, a *app.App, base string) error {
	if v.people == nil {
		return nil
	}
	path, err := a.FirstOperatorLink(ctx)
	if err != nil || path == "" {
		return err
	}
	_, err = fmt.Fprintf(v.people, "The console has no operators yet. For 30 minutes this link makes the first owner, once:\n%s%s\n", base, path)
	return err
}

// placeOf names the place of the data. It does not show the address of a database, which may hold a password.
func placeOf(cfg app.Config) string {
	if cfg.Database != "" {
		return "Rows in PostgreSQL, the key in " + cfg.Data
	}
	return "Data in " + cfg.Data
}

// stopping reports a stop. If it is a hand-over, successor is the process that follows, else 0.
func (v announcer) stopping(grace time.Duration, successor int) {
	if v.people == nil {
		args := []any{"timeout_seconds", grace.Seconds()}
		if successor != 0 {
			args = append(args, "successor", successor)
		}
		v.log.Info("stopping", args...)
		return
	}
	if successor != 0 {
		fmt.Fprintf(v.people, "Process %d takes over: requests in flight have %v. Ctrl-C stops at once.\n", successor, grace)
		return
	}
	fmt.Fprintf(v.people, "Stopping: requests in flight have %v. Ctrl-C again stops at once.\n", grace)
}

func (v announcer) stopped() {
	if v.people == nil {
		v.log.Info("stopped")
		return
	}
	fmt.Fprintln(v.people, "Stopped.")
}

// urlOf returns the URL of the server for a browser on this machine.
func urlOf(address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", tcp.Port)
	}
	return "http://" + address.String()
}
