package cli

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// operateFlags holds the flags of the operate listener.
type operateFlags struct {
	listen, token string
	hosts         []string
	given         bool // somebody chose the address
}

// shortestToken bounds the token of the operate listener, in bytes. Nothing counts the guesses.
const shortestToken = 16

func (f *operateFlags) declare(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "operate-listen", "127.0.0.1:9464", "`address` for metrics, health and profiles, or off; other machines need --operate-token")
	flags.StringSliceVar(&f.hosts, "operate-host", nil, "further `name` of that address, such as the one that Prometheus asks for; may be repeated (default none)")
	flags.StringVar(&f.token, "operate-token", "", "bearer `token` for metrics and profiles; use ASHLAR_OPERATE_TOKEN, since other users see flags (default none: this machine alone)")
}

// check refuses a listener that would be open to everybody.
func (f *operateFlags) check(cmd *cobra.Command) error {
	f.given = cmd.Flags().Changed("operate-listen") || os.Getenv(variable("operate-listen")) != ""
	if err := checkHosts(cmd, "operate-host", f.hosts); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(f.listen)
	remote := f.listen != "off" && err == nil && !web.IsLoopback(host)
	switch {
	case f.token != "" && len(f.token) < shortestToken:
		return usage(cmd, "--operate-token (%s) must have at least %d characters: anybody may try some", variable("operate-token"), shortestToken)
	case f.token == "" && remote:
		return usage(cmd, "--operate-listen %s can be reached from other machines: set a token in %s, or listen on 127.0.0.1", f.listen, variable("operate-token"))
	case f.token == "" && len(f.hosts) > 0:
		return usage(cmd, "--operate-host is of no use without a token, because only this machine is answered: set one in %s", variable("operate-token"))
	}
	return nil
}

// bind binds the address, or returns nil. If nobody chose the address and another program has it, mostly a second app on this machine, the server
// goes on without.
func (f *operateFlags) bind(listen binder, log *slog.Logger) (net.Listener, error) {
	if f.listen == "off" {
		return nil, nil
	}
	ln, err := listen("operate-listen", f.listen)
	if errors.Is(err, syscall.EADDRINUSE) && !f.given {
		log.Warn("no metrics and profiles: another program listens on their usual address, perhaps a second app; choose another one with --operate-listen, or off", "address", f.listen)
		return nil, nil
	}
	return ln, err
}

func (f *operateFlags) config(ln net.Listener) app.Operate {
	return app.Operate{Listener: ln, Token: telemetry.Secret(f.token), Hosts: f.hosts}
}

// checkHosts refuses what cannot be the name of a host, and makes the names lower-case.
func checkHosts(cmd *cobra.Command, flag string, hosts []string) error {
	for i, host := range hosts {
		if host == "" || strings.ContainsAny(host, "/ *@") || web.HostName(host) != strings.ToLower(host) {
			return usage(cmd, "--%s (%s) must be a name without a port, such as app.internal, not %q", flag, variable(flag), host)
		}
		hosts[i] = strings.ToLower(host)
	}
	return nil
}
