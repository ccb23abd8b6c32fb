package cli

import (
	"cmp"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/job/action"
	"github.com/ashlar-dev/ashlar/internal/limit/redisledger"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/web/netconn"
)

// serveFlags holds the flags of serve.
type serveFlags struct {
	databaseFlags
	operate                                  operateFlags
	traces                                   traceFlags
	tls                                      tlsFlags
	listen                                   string
	migrate, durability, logFormat, logLevel *choice
	profile, forwarded                       *choice
	grace, header, read, write, idle         time.Duration
	lameDuck                                 time.Duration
	lameDuckGiven, takeOver                  bool
	cors, proxies, hosts                     []string
	trusted                                  []netip.Prefix // parsed proxies
	proxyProtocol                            bool
	outbound                                 outboundFlags
	public                                   publicFlag
	smtp, keys                               string
	server                                   mail.Server // parsed smtp
	maxConcurrent, maxConnections, readers   int
	limits                                   string
	ledger                                   redisledger.Address // parsed limits
	telemetry                                telemetrySize
	answers                                  answerSize
	functions                                map[string]action.Function // of the program; no flag
}

func newServeFlags() *serveFlags {
	return &serveFlags{
		migrate:    oneOf("safe", "off"),
		durability: oneOf("full", "normal"),
		logFormat:  oneOf("auto", "terminal", "text", "json"),
		logLevel:   oneOf("info", "debug", "warn", "error"),
		profile:    oneOf("on", "off"),
		forwarded:  oneOf("x-forwarded-for", "forwarded"),
		answers:    app.DefaultAnswers,
	}
}

func (f *serveFlags) declare(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` to listen on; :8080 is every address of this machine")
	f.tls.declare(cmd)
	f.databaseFlags.declare(cmd)
	flags.StringVar(&f.keys, "keys", "", "`folder` with keys, such as a mounted secret: those that the data folder lacks are copied into it (default none)")
	flags.Var(f.migrate, "migrate", "changes of the model to make at the start: those that running servers do not notice (safe), or none (off); see ashlar migrate")
	flags.Var(f.durability, "durability", "what an acknowledged write survives: a power cut (full), or a crash of the process (normal)")
	flags.DurationVar(&f.grace, "shutdown-timeout", 30*time.Second, "time for requests in flight when the server stops")
	flags.DurationVar(&f.lameDuck, "lame-duck", 0, "at a stop, time to serve on while /readyz fails, so that balancers turn to other servers first (default 5s; 0s if --listen is an address of this machine alone, or stderr is a terminal)")
	flags.BoolVar(&f.takeOver, "take-over", false, "take the sockets of the server that runs on the data folder, and make it stop: no connection is refused")
	flags.DurationVar(&f.header, "header-timeout", 10*time.Second, "time to receive the header of a request")
	flags.DurationVar(&f.read, "read-timeout", 60*time.Second, "time to receive a whole request")
	flags.DurationVar(&f.write, "write-timeout", 60*time.Second, "time to send an answer, from the end of the request's header")
	flags.DurationVar(&f.idle, "idle-timeout", 120*time.Second, "time between two requests of a connection")
	flags.StringSliceVar(&f.cors, "cors", nil, "`origin` whose pages may read answers, as https://app.example.com; may be repeated (default none)")
	flags.StringSliceVar(&f.proxies, "trusted-proxies", nil, "`address` or network of proxies, such as 10.0.0.0/8, which name the client of a request; may be repeated (default none)")
	flags.Var(f.forwarded, "forwarded-header", "header to which the trusted proxies append their client: X-Forwarded-For, or Forwarded (RFC 7239); the other one is not read")
	flags.BoolVar(&f.proxyProtocol, "proxy-protocol", false, "the trusted proxies begin each connection with a header of the PROXY protocol, version 1 or 2; without one they are refused")
	f.public.declare(cmd, "public `address` of the app, which all links begin with, as https://app.example.com, or https://example.com/app below a prefix of a proxy (default accounts.url of the model, then the address to listen on)")
	flags.StringSliceVar(&f.hosts, "host", nil, "further `name` under which the console and the account pages answer; may be repeated (default that of --public)")
	flags.StringVar(&f.smtp, "smtp", "", "`address` of an SMTP server, such as smtp://user:password@host:587; also ASHLAR_SMTP or SMTP_URL (default mails are written to files in the data folder)")
	f.outbound.declare(cmd)
	flags.StringVar(&f.limits, "limits", "", "`address` of a Redis or Valkey that keeps the limits which servers share, such as redis://:password@host:6379 (default the PostgreSQL database; with SQLite there is one server)")
	f.operate.declare(cmd)
	f.traces.declare(cmd)
	flags.Var(f.logFormat, "log-format", "auto is lines for people on a terminal, else json; text is key=value")
	flags.Var(f.logLevel, "log-level", "requests are logged at info, or at error if the server failed")
	flags.Var(&f.telemetry, "telemetry", "bound of the telemetry database, which keeps records, metrics and incidents: off, a `size` such as 500MB, or auto for 1 GB or 5 % of the disk")
	flags.Var(f.profile, "profile", "record what uses the processor, by route, key and job, in profiles that stay in memory for an hour")
	flags.IntVar(&f.maxConcurrent, "max-concurrent", 1024, "requests handled at once; more get 503")
	flags.Var(&f.answers, "answer-cache", "bound of the answers that are kept in memory until their rows change: off, or a `size` such as 256MB")
	flags.IntVar(&f.maxConnections, "max-connections", 0, "open connections of clients; more close those that are idle the longest (default what the limit of open files leaves, at most 65536)")
	flags.IntVar(&f.readers, "readers", 0, "connections for reads (default two more than there are cores, 4 to 6; with PostgreSQL 12)")
}

// check refuses times and numbers out of range.
func (f *serveFlags) check(cmd *cobra.Command) error {
	for _, limit := range []struct {
		name string
		d    time.Duration
	}{
		{"shutdown-timeout", f.grace}, {"header-timeout", f.header}, {"read-timeout", f.read}, {"write-timeout", f.write}, {"idle-timeout", f.idle},
	} {
		if limit.d <= 0 {
			return usage(cmd, "--%s (%s) must be more than 0, not %v", limit.name, variable(limit.name), limit.d)
		}
	}
	if f.lameDuck < 0 {
		return usage(cmd, "--lame-duck (%s) must be 0 or more, not %v", variable("lame-duck"), f.lameDuck)
	}
	f.lameDuckGiven = cmd.Flags().Changed("lame-duck")
	if err := f.checkMail(cmd); err != nil {
		return err
	}
	if f.limits != "" {
		var err error
		if f.ledger, err = redisledger.ParseAddress(f.limits); err != nil {
			return usage(cmd, "--limits (%s): %v", variable("limits"), err)
		}
	}
	if err := f.checkProxies(cmd); err != nil {
		return err
	}
	if err := f.outbound.check(cmd); err != nil {
		return err
	}
	if err := checkHosts(cmd, "host", f.hosts); err != nil {
		return err
	}
	if err := f.tls.check(cmd); err != nil {
		return err
	}
	if err := f.operate.check(cmd); err != nil {
		return err
	}
	if err := f.traces.check(cmd); err != nil {
		return err
	}
	switch {
	case f.maxConcurrent < 1:
		return usage(cmd, "--max-concurrent (%s) must be 1 or more, not %d", variable("max-concurrent"), f.maxConcurrent)
	case f.maxConnections > netconn.MostTotal:
		return usage(cmd, "--max-connections (%s) must be %d or less, not %d", variable("max-connections"), netconn.MostTotal, f.maxConnections)
	case f.maxConnections < 1 && cmd.Flags().Changed("max-connections"):
		return usage(cmd, "--max-connections (%s) must be 1 or more, not %d", variable("max-connections"), f.maxConnections)
	case f.readers < 0 || f.readers > maxReaders:
		return usage(cmd, "--readers (%s) must be from 1 to %d, not %d", variable("readers"), maxReaders, f.readers)
	}
	return f.databaseFlags.check(cmd)
}

// defaultLameDuck is two checks of a balancer that asks every 2 s, and a little more.
const defaultLameDuck = 5 * time.Second

// lameDuckOf returns the lame duck time of a server. No balancer of another machine asks a server on a loopback address, and
// somebody who presses Ctrl-C in a terminal does not want to wait.
func (f *serveFlags) lameDuckOf(loopback, terminal bool) time.Duration {
	if f.lameDuckGiven || loopback || terminal {
		return f.lameDuck
	}
	return defaultLameDuck
}

// checkMail parses the address of the SMTP server.
func (f *serveFlags) checkMail(cmd *cobra.Command) (err error) {
	if err := f.public.check(cmd); err != nil {
		return err
	}
	address := cmp.Or(f.smtp, os.Getenv("SMTP_URL"))
	if address == "" {
		return nil
	}
	if f.server, err = mail.ParseServer(address); err != nil {
		return usage(cmd, "--smtp (%s, SMTP_URL): %v", variable("smtp"), err)
	}
	return nil
}

// checkProxies parses the networks of trusted proxies. All of the network would trust what every client says.
func (f *serveFlags) checkProxies(cmd *cobra.Command) error {
	for _, text := range f.proxies {
		network, err := netip.ParsePrefix(text)
		if address, bad := netip.ParseAddr(text); bad == nil && address.Zone() == "" { // PrefixFrom drops a zone
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err == nil && network.Bits() == 0 {
			return usage(cmd, "--trusted-proxies (%s) must not be %q: every client would be trusted to name its address", variable("trusted-proxies"), text)
		}
		if err != nil || network.Addr().Is4In6() {
			return usage(cmd, "--trusted-proxies (%s) must be addresses or networks of proxies, such as 10.0.0.0/8, not %q", variable("trusted-proxies"), text)
		}
		f.trusted = append(f.trusted, network.Masked())
	}
	if f.proxyProtocol && len(f.trusted) == 0 {
		return usage(cmd, "--proxy-protocol (%s) is spoken by trusted proxies: name them with --trusted-proxies", variable("proxy-protocol"))
	}
	if f.forwarded.value == "forwarded" && len(f.trusted) == 0 {
		return usage(cmd, "--forwarded-header (%s) says what trusted proxies send: name them with --trusted-proxies", variable("forwarded-header"))
	}
	return nil
}

// maxReaders bounds the connections for reads. Each has a page cache of its own.
const maxReaders = 64

func (f *serveFlags) config(dir string, log *slog.Logger) app.Config {
	cfg := f.databaseFlags.config(dir, log)
	cfg.Readers, cfg.MaxConcurrent, cfg.MaxConnections, cfg.CORS = f.readers, f.maxConcurrent, f.maxConnections, f.cors
	cfg.Proxies, cfg.Forwarded = f.trusted, f.forwarded.value == "forwarded"
	cfg.ProxyProtocol = f.proxyProtocol
	cfg.Answers = int64(f.answers)
	cfg.HeaderTimeout, cfg.ReadTimeout, cfg.WriteTimeout, cfg.IdleTimeout, cfg.Grace = f.header, f.read, f.write, f.idle, f.grace
	cfg.URL, cfg.SMTP, cfg.Names = f.public.address(), f.server, f.hosts
	cfg.AllowPrivate, cfg.OutboundProxy = f.outbound.allowed, f.outbound.through
	cfg.Keys, cfg.Limits, cfg.TLS = f.keys, f.ledger, f.tls.config
	cfg.Telemetry = f.telemetry.bytes()
	cfg.Traces = f.traces.to
	cfg.Profile = f.profile.value == "on"
	cfg.KeepTables = f.migrate.value == "off"
	if f.durability.value == "normal" {
		cfg.Durability = sqlite.Normal
	}
	cfg.Functions = f.functions
	return cfg
}

// logger returns a logger that writes to w in a format.
func (f *serveFlags) logger(w io.Writer, format string) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel.value)); err != nil {
		panic("cli: slog does not know the log level " + f.logLevel.value)
	}
	if format == terminalFormat {
		return telemetry.NewTerminalLogger(w, wantsColour(os.LookupEnv), level)
	}
	return telemetry.NewLogger(w, format, level)
}

// terminalFormat is the format for people who watch.
const terminalFormat = "terminal"

// wantsColour reports whether a terminal may have colours. See no-color.org.
func wantsColour(lookup func(string) (string, bool)) bool {
	off, _ := lookup("NO_COLOR")
	kind, _ := lookup("TERM")
	return off == "" && kind != "dumb"
}

// format returns terminal, text or json.
func (f *serveFlags) format(stderr io.Writer) string {
	if f.logFormat.value != "auto" {
		return f.logFormat.value
	}
	if isTerminal(stderr) {
		return terminalFormat
	}
	return "json"
}
