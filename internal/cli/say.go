package cli

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/ashlar-dev/ashlar/internal/server"
)

// voice tells whoever started the server what it does: lines for people, or records for machines, never both in one
// stream.
type voice struct {
	people io.Writer // nil: machines
	log    *slog.Logger
}

func announcer(stderr io.Writer, log *slog.Logger, format string) voice {
	if format == "json" {
		return voice{log: log}
	}
	return voice{people: stderr, log: log}
}

func (v voice) serving(s *server.Server, address net.Addr, cfg server.Config) {
	m := s.Model()
	if v.people == nil {
		v.log.Info("serving", "app", m.Name, "url", url(address), "data", cfg.Data, "tables", len(m.Tables), "version", cfg.Version, "pid", os.Getpid())
		return
	}
	fmt.Fprintf(v.people, "Serving %s (%d tables) at %s\nData in %s. Stop with Ctrl-C.\n", m.Name, len(m.Tables), url(address), cfg.Data)
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

// url is where a browser on this machine finds the server.
func url(address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", tcp.Port)
	}
	return "http://" + address.String()
}
