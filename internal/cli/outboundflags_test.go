package cli

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

func TestOutboundFlagsReachTheApp(t *testing.T) {
	flags, cmd := newServeFlags(), &cobra.Command{}
	flags.declare(cmd)
	if err := cmd.ParseFlags([]string{"--allow-private", "127.0.0.1,10.1.2.3/16", "--allow-private", "fd00::/8", "--outbound-proxy", "http://proxy.internal:3128"}); err != nil {
		t.Fatal(err)
	}
	if err := flags.check(cmd); err != nil {
		t.Fatal(err)
	}
	cfg := flags.config(t.TempDir(), slog.New(slog.DiscardHandler))
	want := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}
	if !slices.Equal(cfg.AllowPrivate, want) {
		t.Errorf("AllowPrivate = %v, want %v", cfg.AllowPrivate, want)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://hooks.example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if proxy, err := cfg.OutboundProxy(request); err != nil || proxy.Host != "proxy.internal:3128" {
		t.Errorf("the proxy is %v, %v", proxy, err)
	}
}
