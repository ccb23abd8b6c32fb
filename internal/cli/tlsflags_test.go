package cli

import (
	"net"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestTLSFlagsGoTogether(t *testing.T) {
	for _, tt := range []struct{ flags, want string }{
		{"", ""},
		{"--tls-cert a --tls-key b --redirect-listen :80", ""},
		{"--acme app.example.com --acme www.example.com --acme-email ops@example.com --redirect-listen :80", ""},
		{"--tls-cert a", "need each other"},
		{"--tls-key a", "need each other"},
		{"--tls-cert a --tls-key b --acme app.example.com", "exclude each other"},
		{"--redirect-listen :80", "needs --tls-cert or --acme"},
		{"--acme-email ops@example.com", "of no use without --acme"},
		{"--acme app.example.com --acme-email ops", "must be an address"},
		{"--acme https://app.example.com", "must be a name"},
		{"--acme localhost", "must be a public name"},
		{"--acme 192.0.2.1", "must be a public name"},
		{"--acme *.example.com", "must be a name"},
		{"--acme app.example.com --acme-directory http://authority.example/dir", "--acme-directory"},
		{"--acme app.example.com --acme-roots /none/roots.pem", "--acme-roots: "},
	} {
		flags, cmd := newServeFlags(), &cobra.Command{}
		flags.declare(cmd)
		if err := cmd.ParseFlags(strings.Fields(tt.flags)); err != nil {
			t.Fatal(err)
		}
		err := flags.check(cmd)
		if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want it to say %q", tt.flags, err, tt.want)
		}
	}
}

func TestTheAddressOfATLSServer(t *testing.T) {
	for _, tt := range []struct {
		flags, address, want string
	}{
		{"", "0.0.0.0:8080", "http://localhost:8080"},
		{"--tls-cert a --tls-key b", "0.0.0.0:8443", "https://localhost:8443"},
		{"--tls-cert a --tls-key b", "127.0.0.1:8443", "https://127.0.0.1:8443"},
		{"--acme app.example.com", "0.0.0.0:443", "https://app.example.com"},
		{"--acme app.example.com", "0.0.0.0:8443", "https://app.example.com:8443"},
	} {
		flags, cmd := newServeFlags(), &cobra.Command{}
		flags.declare(cmd)
		if err := cmd.ParseFlags(strings.Fields(tt.flags)); err != nil {
			t.Fatal(err)
		}
		if err := flags.check(cmd); err != nil {
			t.Fatal(err)
		}
		address, err := net.ResolveTCPAddr("tcp", tt.address)
		if err != nil {
			t.Fatal(err)
		}
		if got := flags.tls.urlOf(address); got != tt.want {
			t.Errorf("%s at %s: %s, want %s", tt.flags, tt.address, got, tt.want)
		}
	}
}
