package cli

import (
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

// voice tells whoever started the server what it does, whatever the log level: lines for people, or records for
// machines, never both in one stream.
type voice struct {
	people io.Writer // nil: machines
	log    *slog.Logger
}

func announcer(stderr io.Writer, format string) voice {
	if format == "json" {
		return voice{log: telemetry.NewLogger(stderr, format, slog.LevelInfo)}
	}
	return voice{people: stderr}
}

func (v voice) serving(m *model.Model, address net.Addr, cfg app.Config) {
	if v.people == nil {
		v.log.Info("serving", "app", m.Name, "url", urlOf(address), "data", cfg.Data, "tables", len(m.Tables), "views", len(m.Views), "version", cfg.Version, "pid", os.Getpid())
		return
	}
	fmt.Fprintf(v.people, "Serving %s (%s) at %s\n%s. Stop with Ctrl-C.\n", m.Name, countTables(m), urlOf(address), placeOf(cfg))
}

// placeOf says where the data is. The address of a database is not shown: it may hold a password.
func placeOf(cfg app.Config) string {
	if cfg.Database != "" {
		return "Rows in PostgreSQL, the key in " + cfg.Data
	}
	return "Data in " + cfg.Data
}

func (v voice) stopping(grace time.Duration) {
	if v.people == nil {
		v.log.Info("stopping", "timeout_seconds", grace.Seconds())
		return
	}
	fmt.Fprintf(v.people, "Stopping: requests in flight have %v. Ctrl-C again ends it at once.\n", grace)
}

func (v voice) stopped() {
	if v.people == nil {
		v.log.Info("stopped")
		return
	}
	fmt.Fprintln(v.people, "Stopped.")
}

// urlOf is where a browser on this machine finds the server.
func urlOf(address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", tcp.Port)
	}
	return "http://" + address.String()
}
