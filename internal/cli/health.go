package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/outbound"
)

const healthHelp = `Health asks a running server whether requests may come, as /readyz answers it, and prints one line.
It exits with 0 if they may, with 1 if a check fails or no server answers within --timeout.

Without --url it asks the operate listener of this machine. It finds the address as the server does, in
ASHLAR_OPERATE_LISTEN. If that is off, it asks ASHLAR_LISTEN. So in a container it needs no flags.`

// healthFlags holds the flags of health.
type healthFlags struct {
	url     string
	timeout time.Duration
}

func newHealth() *cobra.Command {
	f := &healthFlags{}
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running server whether it is ready",
		Long:  healthHelp,
		Example: `  ashlar health
  ashlar health --url https://careers.example.com --timeout 2s`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkVariables(cmd, os.Environ()); err != nil {
				return err
			}
			return f.run(cmd)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.url, "url", "", "`address` of the server, such as https://careers.example.com (default the operate listener of this machine)")
	flags.DurationVar(&f.timeout, "timeout", 5*time.Second, "time for the answer")
	return cmd
}

func (f *healthFlags) run(cmd *cobra.Command) error {
	if f.timeout <= 0 {
		return usage(cmd, "--timeout must be more than 0, not %v", f.timeout)
	}
	base := f.url
	if base == "" {
		address, err := listenerOf(os.Getenv)
		if err != nil {
			return usage(cmd, "%v", err)
		}
		base = "http://" + address
	} else if !isAddress(base) {
		return usage(cmd, "--url must be like https://careers.example.com, not %q", base)
	}
	ctx, stop := untilSignal(cmd)
	defer stop()
	ready, err := askReadiness(ctx, strings.TrimRight(base, "/"), f.timeout)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), ready)
	return err
}

// listenerOf returns the address at which a server with these settings answers /readyz on this machine.
func listenerOf(getenv func(string) string) (string, error) {
	flags := Program{}.newServe().Flags()
	for _, flag := range []string{"operate-listen", "listen"} {
		address := cmp.Or(getenv(variable(flag)), flags.Lookup(flag).DefValue)
		if address == "off" {
			continue
		}
		if flag == "listen" && (getenv(variable("tls-cert")) != "" || getenv(variable("acme")) != "") {
			return "", errors.New("the server speaks HTTPS and has no operate listener: name the server as its certificate does, with --url https://…")
		}
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return "", fmt.Errorf("%s is %q, which is no address: write 127.0.0.1:8080", variable(flag), address)
		}
		if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.Is4() && ip.IsUnspecified()) {
			host = "127.0.0.1"
		} else if err == nil && ip.IsUnspecified() {
			host = "::1"
		}
		return net.JoinHostPort(host, port), nil
	}
	return "", errors.New("the server has no address")
}

// readiness is what is read of an answer of /readyz, as of a server that is ready and of one that is not.
type readiness struct {
	Status any // "ready", or the number of a problem
	Detail string
	Checks []struct{ Name, Status, Reason string }
}

// askReadiness returns a line about a server that is ready. Otherwise the error says why it is not.
func askReadiness(ctx context.Context, base string, timeout time.Duration) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return "", err
	}
	client := outbound.New(outbound.Config{}).Client(outbound.Use{Given: []string{outbound.GivenHost(r.URL)}, Timeout: timeout})
	answer, err := client.Do(r)
	if err != nil {
		return "", noAnswer(base, timeout, err)
	}
	defer func() { _ = answer.Body.Close() }()
	var said readiness
	err = json.NewDecoder(answer.Body).Decode(&said)
	if isTimeout(err) {
		return "", noAnswer(base, timeout, err)
	}
	switch {
	case answer.StatusCode == http.StatusOK && err == nil && said.Status == "ready":
		return "ready: " + strings.Join(append([]string{base}, said.reasons("warning")...), "; "), nil
	case answer.StatusCode == http.StatusServiceUnavailable && err == nil:
		reasons := said.reasons("failed")
		if len(reasons) == 0 {
			reasons = []string{cmp.Or(printable(said.Detail), "it does not say why")}
		}
		return "", fmt.Errorf("%s is not ready: %s", base, strings.Join(reasons, "; "))
	}
	return "", fmt.Errorf("%s/readyz answers with the status %d, which is no answer of Ashlar: is this the address of the server?", base, answer.StatusCode)
}

// reasons returns the checks with a state, each with its reason.
func (r *readiness) reasons(state string) (lines []string) {
	for _, check := range r.Checks {
		if check.Status == state {
			lines = append(lines, printable(check.Name+": "+check.Reason))
		}
	}
	return lines
}

func noAnswer(base string, timeout time.Duration, err error) error {
	if isTimeout(err) {
		return fmt.Errorf("%s does not answer within %v", base, timeout)
	}
	return fmt.Errorf("no server answers at %s: %w", base, outbound.Cause(err))
}

func isTimeout(err error) bool {
	late, ok := errors.AsType[net.Error](err)
	return ok && late.Timeout()
}

// isAddress reports whether a text is the address of a server.
func isAddress(text string) bool {
	_, err := model.PublicPath(text)
	return err == nil
}
