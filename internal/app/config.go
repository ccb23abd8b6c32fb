package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/job/action"
	"github.com/ashlar-dev/ashlar/internal/limit/redisledger"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/systemd"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Config says where the rows of an app are and how to serve them. The zero value works.
type Config struct {
	Functions map[string]action.Function // of jobs with work: go, by the name of the job; nil: this is the command ashlar itself

	Data           string              // data folder; default: .ashlar in the app's folder
	Keys           string              // folder from which keys that the data folder lacks are copied; default: none
	Database       string              // address of a PostgreSQL database; default: SQLite in the data folder
	Direct         string              // address of the same database itself, if Database is the address of a pooler
	KeepTables     bool                // refuse to change tables at the start
	NoCopy         bool                // make no copy of the database before a change that rewrites or loses data
	Durability     sqlite.Durability   // failures that an acknowledged write to SQLite survives
	Readers        int                 // connections for reads; default: chosen by the engine
	MaxConcurrent  int                 // requests at work at once; default: 1024
	MaxConnections int                 // open connections of clients; default: netconn.DefaultTotal
	Answers        int64               // bytes of answers that are kept in memory; 0: none
	CORS           []string            // origins with pages that may read answers
	Proxies        []netip.Prefix      // networks of proxies that say which client they speak for
	ProxyProtocol  bool                // they begin each connection with a PROXY header
	Forwarded      bool                // they say it in Forwarded (RFC 7239); default: in X-Forwarded-For
	HeaderTimeout  time.Duration       // bounds the header of a request; default: 10 s
	ReadTimeout    time.Duration       // bounds a whole request; default: 60 s
	WriteTimeout   time.Duration       // bounds the time from the end of the header to the end of the answer; default: 60 s
	IdleTimeout    time.Duration       // bounds the time between two requests; default: 120 s
	Grace          time.Duration       // bounds the requests in flight at a stop, then the services; default: 30 s each
	LameDuck       time.Duration       // at a stop all is served on for so long while the readiness fails; default: none
	SharedListener bool                // another process keeps the listener open, such as systemd
	URL            string              // public address, which links in mails begin with; default: the model's, then LocalURL
	LocalURL       string              // address of the server on this machine; default: http://localhost:8080
	SMTP           mail.Server         // sends the mails; default: they are written to files in the data folder
	AllowPrivate   []netip.Prefix      // networks in which hosts that no operator named may be called though they are not public
	OutboundProxy  outbound.Proxy      // the proxy of calls to other services; default: none
	Limits         redisledger.Address // Redis that keeps shared limits; default: PostgreSQL, or with SQLite nobody
	Telemetry      int64               // bound of the telemetry database in bytes, AutoTelemetry or NoTelemetry; default: there is none
	Profile        bool                // record CPU profiles, and label what requests and jobs do in them
	Version        string              // of this program, for its page
	Names          []string            // further names of the server, in lower case, for its pages; the host of URL is always one
	Loopback       bool                // the server can be reached from this machine alone
	TLS            TLS                 // certificates of the listener; default: it speaks no TLS
	Operate        Operate             // the operate listener
	Traces         Export              // where traces go; default: they stay in memory
	Notifier       *systemd.Notifier   // the service manager; nil: none
	Logger         *slog.Logger        // default: no log
	Now            func() time.Time    // default: time.Now

	// Claim is called after the settings were checked, before the data folder is locked. It makes the server stop that has the folder.
	// Default: none.
	Claim func(context.Context) error
	// HandedOver is asked at a stop. It returns true if another process has all listeners and follows this one. Default: none does.
	HandedOver func() bool

	spaceOf       func(folder string) (disk.Space, error) // default: disk.SpaceOf
	limitPatience time.Duration                           // how long a request waits for shared limits; default: the patience of package limit
}

// DefaultAnswers is the usual bound of the answers that a server keeps, in bytes.
const DefaultAnswers = 64_000_000

// Operate configures the operate listener.
type Operate struct {
	Listener net.Listener     // nil: off. App.Serve closes it
	Token    telemetry.Secret // needed to read metrics and profiles; "": only this machine may read them
	Hosts    []string         // further names of the listener, in lower case; the names of this machine are always among them
}

// Format prints no address, which may hold a password.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "app.Config{REDACTED}") }

// MarshalText is Format for logs in JSON.
func (c Config) MarshalText() ([]byte, error) { return []byte("app.Config{REDACTED}"), nil }

func (c Config) withDefaults(dir string) Config {
	if c.Data == "" {
		c.Data = DefaultData(dir)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Grace == 0 {
		c.Grace = 30 * time.Second
	}
	if c.LocalURL == "" {
		c.LocalURL = "http://localhost:8080"
	}
	if c.spaceOf == nil {
		c.spaceOf = disk.SpaceOf
	}
	if c.HandedOver == nil {
		c.HandedOver = func() bool { return false }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// DefaultData returns the data folder of the app in dir if no other is configured.
func DefaultData(dir string) string { return filepath.Join(dir, ".ashlar") }
