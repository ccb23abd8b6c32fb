package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func proxiesOf(header string, trusted ...netip.Prefix) *proxies {
	return &proxies{trusted: trusted, header: header, log: slog.New(slog.DiscardHandler)}
}

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
			if got, _ := proxiesOf(forwardedFor, trusted...).client(r); got != tt.want {
				t.Errorf("client = %s, want %s", got, tt.want)
			}
			if got, _ := proxiesOf(forwardedFor).client(r); got != tt.peer {
				t.Errorf("without trusted proxies = %s", got)
			}
			if got, _ := proxiesOf(forwarded, trusted...).client(r); got != tt.peer {
				t.Errorf("where proxies send Forwarded = %s", got)
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

func TestForgery_ForwardedIsReadFromTheProxysEnd(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	const none = "10.0.0.1:4000" // the proxy itself
	for _, tt := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"IPv4", []string{"for=203.0.113.9"}, "203.0.113.9:0"},
		{"IPv4 with a port", []string{`for="203.0.113.9:4711"`}, "203.0.113.9:0"},
		{"IPv4 with an obfuscated port", []string{`for="203.0.113.9:_p"`}, "203.0.113.9:0"},
		{"IPv6", []string{`for="[2001:db8::7]"`}, "[2001:db8::7]:0"},
		{"IPv6 with a port", []string{`for="[2001:db8::7]:4711"`}, "[2001:db8::7]:0"},
		{"IPv6 with an obfuscated port", []string{`for="[2001:db8::7]:_p.1"`}, "[2001:db8::7]:0"},
		{"IPv6 without quotes", []string{`for=[2001:db8::7]`}, "[2001:db8::7]:0"},
		{"IPv6 without brackets", []string{`for=2001:db8::7`}, "[2001:db8::7]:0"},
		{"mapped IPv4", []string{`for="[::ffff:203.0.113.9]"`}, "203.0.113.9:0"},
		{"the name in capitals", []string{"FOR=203.0.113.9"}, "203.0.113.9:0"},
		{"other parameters", []string{`proto=https;host="a,b;for=192.0.2.1";for=203.0.113.9 ; by="[fd00::1]"`}, "203.0.113.9:0"},
		{"an escaped quote", []string{`for=203.0.113.9;host="x\", for=192.0.2.1;z=\"y"`}, "203.0.113.9:0"},
		{"an escaped backslash", []string{`for=192.0.2.1, for=203.0.113.9;host="x\\"`}, "203.0.113.9:0"},
		{"two proxies", []string{`for=192.0.2.1, for=203.0.113.9, for="[fd00::2]:80"`}, "203.0.113.9:0"},
		{"lines", []string{"for=192.0.2.1", "for=203.0.113.9", "for=10.0.0.2"}, "203.0.113.9:0"},
		{"only proxies", []string{"for=10.0.0.3, for=10.0.0.2"}, "10.0.0.3:0"},
		{"a client that leaves a quote open", []string{`for="192.0.2.1, for=203.0.113.9`}, "203.0.113.9:0"},
		{"in a line of its own", []string{`for="192.0.2.1`, "for=203.0.113.9"}, "203.0.113.9:0"},
		{"before a quoted address", []string{`for=192.0.2.1;x=", for="[2001:db8::7]"`}, "[2001:db8::7]:0"},
		{"a client that ends in a backslash", []string{`for=192.0.2.1;x="\, for="[2001:db8::7]"`}, "[2001:db8::7]:0"},

		{"none", nil, none},
		{"empty", []string{""}, none},
		{"unknown", []string{"for=192.0.2.1, for=unknown"}, none},
		{"obfuscated", []string{"for=192.0.2.1, for=_hidden"}, none},
		{"obfuscated with a port", []string{`for=192.0.2.1, for="_hidden:_p"`}, none},
		{"unknown behind a proxy", []string{"for=192.0.2.1, for=unknown, for=10.0.0.2"}, "10.0.0.2:0"},
		{"no for", []string{"for=192.0.2.1, proto=https"}, none},
		{"two for", []string{"for=192.0.2.1;for=203.0.113.9"}, none},
		{"an empty element", []string{"for=192.0.2.1,"}, none},
		{"an open quote", []string{`for=192.0.2.1, for="203.0.113.9`}, none},
		{"no name", []string{"for=192.0.2.1, 203.0.113.9"}, none},
		{"as in X-Forwarded-For", []string{"203.0.113.9"}, none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: none, Header: http.Header{forwarded: tt.lines}}
			if got, _ := proxiesOf(forwarded, trusted...).client(r); got != tt.want {
				t.Errorf("client = %s, want %s", got, tt.want)
			}
			if got, _ := proxiesOf(forwardedFor, trusted...).client(r); got != none {
				t.Errorf("where proxies send X-Forwarded-For = %s", got)
			}
			r.RemoteAddr = "203.0.113.200:5"
			if got, _ := proxiesOf(forwarded, trusted...).client(r); got != r.RemoteAddr {
				t.Errorf("from elsewhere = %s", got)
			}
		})
	}
}

// A server that nobody told of its proxy says so, once.
func TestProxyThatNobodyNamedIsLogged(t *testing.T) {
	for _, tt := range []struct {
		name, peer, sent, reads, want string
	}{
		{"on this machine", "127.0.0.1:5", forwardedFor, forwardedFor, "--trusted-proxies"},
		{"in a private network", "10.1.0.1:5", forwarded, forwardedFor, "--trusted-proxies"},
		{"over IPv6", "[fd12::1]:5", forwardedFor, forwardedFor, "--trusted-proxies"},
		{"a client that plays", "203.0.113.9:5", forwardedFor, forwardedFor, ""},
		{"no proxy", "127.0.0.1:5", "X-Other", forwardedFor, ""},
		{"a trusted proxy", "10.0.0.1:5", forwardedFor, forwardedFor, ""},
		{"a trusted proxy that sends nothing", "10.0.0.1:5", "X-Other", forwardedFor, ""},
		{"a trusted proxy with the other header", "10.0.0.1:5", forwarded, forwardedFor, "--forwarded-header"},
		{"a trusted proxy with the old header", "10.0.0.1:5", forwardedFor, forwarded, "--forwarded-header"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var lines strings.Builder
			p := proxiesOf(tt.reads, netip.MustParsePrefix("10.0.0.0/24"))
			p.log = slog.New(slog.NewTextHandler(&lines, nil))
			for range 3 {
				p.client(&http.Request{RemoteAddr: tt.peer, Header: http.Header{tt.sent: {"for=203.0.113.1"}}})
			}
			if got := lines.String(); (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) || strings.Count(got, "\n") > 1 {
				t.Errorf("the log has %q, want one line with %q", got, tt.want)
			}
		})
	}
}

// Whatever the header says, the client is the peer or an address in the header.
func FuzzForwarded(f *testing.F) {
	f.Add("203.0.113.9, 10.0.0.2", "10.0.0.1:1")
	f.Add(", ,[::1%eth0]:7,", "[fe80::1%1]:2")
	f.Add(`for="[2001:db8::7]:_p";by=x, for=10.0.0.2`, "10.0.0.1:1")
	f.Fuzz(func(t *testing.T, header, peer string) {
		for _, name := range []string{forwardedFor, forwarded} {
			p := proxiesOf(name, netip.MustParsePrefix("10.0.0.0/8"))
			r := &http.Request{RemoteAddr: peer, Header: http.Header{name: {header}}}
			if got, _ := p.client(r); got != peer {
				if from, ok := ipOf(peer); !ok || !p.trusts(from) {
					t.Errorf("%q is trusted", peer)
				}
				if _, err := netip.ParseAddrPort(got); err != nil {
					t.Errorf("client = %q", got)
				}
			}
			r.RemoteAddr = "10.0.0.1:5"
			appended := map[string]string{forwardedFor: header + ", 203.0.113.9", forwarded: header + `, for="203.0.113.9:7";by="[::1]"`}[name]
			for _, lines := range [][]string{{appended}, {header, strings.TrimPrefix(appended, header+", ")}} {
				r.Header[name] = lines
				if got, _ := p.client(r); got != "203.0.113.9:0" {
					t.Errorf("%s: %q names %s, not the client of the proxy", name, lines, got)
				}
			}
		}
	})
}
