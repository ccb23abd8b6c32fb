package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestForgery_OnlyTrustedProxiesNameTheClient(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("127.0.0.1/32")}
	for _, tt := range []struct {
		name, peer string
		header     []string
		want       string
	}{
		{"no proxy", "203.0.113.9:4000", nil, "203.0.113.9:4000"},
		{"a client that names another", "203.0.113.9:4000", []string{"192.0.2.1"}, "203.0.113.9:4000"},
		{"a proxy", "10.0.0.1:4000", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"a proxy on this machine", "127.0.0.1:4000", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"a proxy over IPv6", "[fd00::1]:4000", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"a proxy as mapped IPv4", "[::ffff:10.0.0.1]:4000", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"a client that names another behind a proxy", "10.0.0.1:4000", []string{"192.0.2.1, 203.0.113.9"}, "203.0.113.9:0"},
		{"in a line of its own", "10.0.0.1:4000", []string{"192.0.2.1", "203.0.113.9"}, "203.0.113.9:0"},
		{"two proxies", "10.0.0.1:4000", []string{"192.0.2.1, 203.0.113.9, 10.0.0.2"}, "203.0.113.9:0"},
		{"a client that names a proxy", "10.0.0.1:4000", []string{"10.0.0.7, 203.0.113.9"}, "203.0.113.9:0"},
		{"with ports", "10.0.0.1:4000", []string{"203.0.113.9:5000"}, "203.0.113.9:0"},
		{"IPv6 with a port", "10.0.0.1:4000", []string{"[2001:db8::7]:5000"}, "[2001:db8::7]:0"},
		{"IPv6 in brackets", "10.0.0.1:4000", []string{"[2001:db8::7]"}, "[2001:db8::7]:0"},
		{"only proxies", "10.0.0.1:4000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"},
		{"no header", "10.0.0.1:4000", nil, "10.0.0.1:4000"},
		{"an empty header", "10.0.0.1:4000", []string{""}, "10.0.0.1:4000"},
		{"text at the end", "10.0.0.1:4000", []string{"203.0.113.9, unknown"}, "10.0.0.1:4000"},
		{"text behind a proxy", "10.0.0.1:4000", []string{"203.0.113.9, x, 10.0.0.2"}, "10.0.0.2:0"},
		{"a peer without a port", "@", []string{"203.0.113.9"}, "@"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = tt.peer
			for _, line := range tt.header {
				r.Header.Add("X-Forwarded-For", line)
			}
			if got, _ := clientAddress(r, trusted); got != tt.want {
				t.Errorf("clientAddress = %s, want %s", got, tt.want)
			}
			if got, _ := clientAddress(r, nil); got != tt.peer {
				t.Errorf("without trusted proxies = %s", got)
			}
		})
	}
}

// The rest of the server sees the client's address in place of the proxy's.
func TestTrustedProxyReachesTheHandler(t *testing.T) {
	receiver, err := NewReceiver(Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	seen := ""
	handler := receiver.Handler(NewMux(Route{Pattern: "GET /x", Handler: func(w http.ResponseWriter, r *http.Request) error {
		seen = r.RemoteAddr + " " + Record(r).Remote
		return Empty(w, http.StatusNoContent)
	}}))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil)
	r.RemoteAddr = "10.0.0.1:4000"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	if seen != "203.0.113.9:0 203.0.113.9:0" {
		t.Errorf("the handler sees %s", seen)
	}
}

// Whatever the header says, the client is the peer or an address in the header.
func FuzzForwardedFor(f *testing.F) {
	f.Add("203.0.113.9, 10.0.0.2", "10.0.0.1:1")
	f.Add(", ,[::1%eth0]:7,", "[fe80::1%1]:2")
	f.Fuzz(func(t *testing.T, header, peer string) {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {header}}}
		got, _ := clientAddress(r, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
		if got == peer {
			return
		}
		from, ok := ipOf(peer)
		if !ok || !strings.HasPrefix(from.String(), "10.") {
			t.Errorf("%q is trusted", peer)
		}
		if _, err := netip.ParseAddrPort(got); err != nil {
			t.Errorf("clientAddress = %q", got)
		}
	})
}
