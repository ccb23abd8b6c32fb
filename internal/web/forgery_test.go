package web

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// addressHeaders are the headers by which proxies, CDNs and clients name an address or a host.
var addressHeaders = []string{
	"X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "CF-Connecting-IPv6", "Fastly-Client-IP",
	"Fly-Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "X-Original-Forwarded-For", "X-Envoy-External-Address",
	"X-Azure-ClientIP", "X-Azure-SocketIP", "X-Appengine-User-IP", "X-Remote-IP", "X-Remote-Addr", "Remote-Addr", "Client-IP",
	"X-Originating-IP", "X-ProxyUser-IP", "WL-Proxy-Client-IP", "Proxy-Client-IP", "X-Forwarded", "Forwarded-For", "X_Forwarded_For",
	"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Forwarded-Port", "X-Forwarded-By", "Via", "CDN-Loop",
	"X-Host", "X-Original-Host", "Proxy-Authorization", "PROXY", "From", "Origin", "Referer",
}

// forger writes requests with random headers.
type forger struct{ *rand.Rand }

func (f forger) pick(from ...string) string { return from[f.IntN(len(from))] }

func (f forger) address() string {
	switch f.IntN(4) {
	case 0:
		return netip.AddrFrom4([4]byte{byte(f.IntN(256)), byte(f.IntN(256)), 0, 1}).String()
	case 1:
		return fmt.Sprintf("2001:db8:%x::%x", f.IntN(1<<16), f.IntN(1<<16))
	}
	return f.pick("10.0.0.7", "127.0.0.1", "::1", "[::1]:80", "::ffff:10.0.0.1", "192.0.2.1:80", "fe80::1%eth0", "unknown", "_x", "localhost", "", "0", "2130706433", "1.2.3.4.5")
}

func (f forger) value() string {
	parts := make([]string, f.IntN(5))
	for i := range parts {
		address := f.address()
		parts[i] = f.pick(address, "for="+address, `for="`+address+`"`, `FOR="[`+address+`]:_p";by=10.0.0.1`, `for="`, `"`, `x="\`, `\"`, `;`, `for=a;for=b`, "proto=https", "host=evil.example")
	}
	return strings.Join(parts, f.pick(",", ", ", ";", " ", "\t,", "\r\n\t", "\r\n "))
}

// name returns a header's name in a random mix of cases.
func (f forger) name() string {
	name := []byte(f.pick(addressHeaders...))
	if f.IntN(3) == 0 {
		name = []byte(f.pick("X-Forwarded-For", "Forwarded"))
	}
	for i := range name {
		if f.IntN(2) == 0 {
			name[i] = strings.ToUpper(string(name[i : i+1]))[0]
		} else {
			name[i] = strings.ToLower(string(name[i : i+1]))[0]
		}
	}
	return string(name)
}

// head returns the header of a request, without the empty line at its end.
func (f forger) head() string {
	var text strings.Builder
	fmt.Fprintf(&text, "GET %s HTTP/1.1\r\nHost: %s\r\n", f.pick("/who", "http://10.0.0.7/who", "/who?ip=10.0.0.7"),
		f.pick("app.example.com", "127.0.0.1", "localhost:8080", "10.0.0.1", "[::1]:8080", "LOCALHOST.", ""))
	for range f.IntN(8) {
		fmt.Fprintf(&text, "%s:%s%s\r\n", f.name(), f.pick(" ", "", "\t"), f.value())
	}
	return text.String()
}

// A sight is the client of a request, as limits, handlers, the log and ClientAddress name it.
type sight struct {
	client                  caller.Client
	key                     netip.Addr // of limits
	handler, record, pretty string
}

func newSight(address string) sight {
	pretty, _, _ := net.SplitHostPort(address)
	return sight{caller.Caller{}.From(address).Client(), caller.Network(address), address, address, pretty}
}

// No header changes who a client is, unless a trusted proxy sends it. And whatever the client of a trusted proxy sends, it is the
// client that the proxy saw.
func TestForgery_NoHeaderChangesTheClient(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	forge := forger{rand.New(rand.NewPCG(seed, 0))}
	refused := 0
	for _, kind := range []string{forwardedFor, forwarded} {
		receiver, err := NewReceiver(Config{
			Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("fd00::/8")}, Forwarded: kind == forwarded,
			Limits: limiter(hourly("address", model.PerAddress, 1_000_000_000)),
		})
		if err != nil {
			t.Fatal(err)
		}
		var saw sight
		handler := receiver.Handler(NewMux(Route{Pattern: "GET /who", Handler: func(_ http.ResponseWriter, r *http.Request) error {
			saw = sight{Caller(r).Client(), exchangeOf(r).limits.Address, r.RemoteAddr, Record(r).Remote, ClientAddress(r)}
			return nil
		}}))
		ask := func(peer, head string) (sight, bool) {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\r\n")))
			if err != nil {
				refused++ // as by a server
				return sight{}, false
			}
			r.RemoteAddr, saw = peer, sight{}
			handler.ServeHTTP(httptest.NewRecorder(), r)
			return saw, true
		}
		for range 5_000 {
			head := forge.head()
			for _, peer := range []string{"203.0.113.9:4000", "127.0.0.1:4000", "10.0.0.2:4000", "[2001:db8::7]:4000"} {
				if got, ok := ask(peer, head); ok && got != newSight(peer) {
					t.Fatalf("from %s the client is %v, want %v, by\n%s", peer, got, newSight(peer), head)
				}
			}
			client := forge.pick("203.0.113.9", "2001:db8::7")
			through := forge.proxied(kind, head, client)
			want := newSight(net.JoinHostPort(client, "0"))
			if got, ok := ask(forge.pick("10.0.0.1:4000", "[fd00::5]:4000"), through); ok && got != want {
				t.Fatalf("through a proxy the client is %v, want %v, by\n%s", got, want, through)
			}
		}
	}
	if refused > 25_000 {
		t.Errorf("%d of 50,000 requests could not be read: the rest proves little", refused)
	}
}

// proxied returns the header of a request as a proxy sends it on. Proxies do it in one of three ways. nginx and Caddy join the
// lines and append. HAProxy adds a line. Others replace what there was.
func (f forger) proxied(kind, head, client string) string {
	if kind == forwarded {
		if strings.Contains(client, ":") {
			client = `"[` + client + `]"`
		}
		client = f.pick("for="+client, "by=10.0.0.1;for="+client+";proto=https", `host="a\"b,c";For=`+client)
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\r\n")))
	if err != nil {
		return head + kind + ": " + client + "\r\n"
	}
	way := f.IntN(3)
	if way == 0 {
		return head + kind + ": " + client + "\r\n"
	}
	values := append(slices.Clone(r.Header[kind]), client)
	if way == 1 {
		values = []string{client}
	}
	r.Header.Del(kind)
	var text strings.Builder
	fmt.Fprintf(&text, "GET /who HTTP/1.1\r\nHost: %s\r\n%s: %s\r\n", r.Host, kind, strings.Join(values, ", "))
	_ = r.Header.Write(&text)
	return text.String()
}
