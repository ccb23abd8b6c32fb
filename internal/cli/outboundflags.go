package cli

import (
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/outbound"
)

// outboundFlags holds the flags about calls to other services.
type outboundFlags struct {
	allow   []string
	allowed []netip.Prefix // parsed allow
	proxy   string
	through outbound.Proxy // parsed proxy
}

func (f *outboundFlags) declare(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.allow, "allow-private", nil, "`address` or network, such as 10.1.0.0/16, in which the server may call hosts that a row or another service names; may be repeated (default public addresses alone)")
	flags.StringVar(&f.proxy, "outbound-proxy", "", "`address` of a proxy for calls to other services, such as http://proxy.internal:3128, or environment for HTTP_PROXY, HTTPS_PROXY and NO_PROXY (default none)")
}

// check parses the networks and the proxy.
func (f *outboundFlags) check(cmd *cobra.Command) (err error) {
	for _, text := range f.allow {
		network, err := outbound.ParseNetwork(text)
		if err != nil {
			return usage(cmd, "--allow-private (%s) must not be %q: %v", variable("allow-private"), text, err)
		}
		f.allowed = append(f.allowed, network)
	}
	if f.proxy == "" {
		return nil
	}
	if f.through, err = outbound.ParseProxy(f.proxy); err != nil {
		return usage(cmd, "--outbound-proxy (%s): %v", variable("outbound-proxy"), err)
	}
	return nil
}
