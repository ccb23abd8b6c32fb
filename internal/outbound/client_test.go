package outbound

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// given returns the hosts of addresses as an operator names them.
func given(t testing.TB, addresses ...string) (all []string) {
	t.Helper()
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, GivenHost(u))
	}
	return all
}

func TestGivenHostsMayBeAnywhere(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("called") }))
	defer other.Close()
	client := New(Config{}).Client(Use{Given: given(t, server.URL)})
	answer, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if _, err := client.Get(other.URL); !isRefused(err) { // another port of the same machine
		t.Errorf("a host that nobody gave: %v", err)
	}
}

func TestGivenHost(t *testing.T) {
	for _, tt := range []struct{ address, want string }{
		{"https://ID.corp.example/realms/x", "id.corp.example:443"}, {"http://127.0.0.1/", "127.0.0.1:80"}, {"https://[::1]:8443", "[::1]:8443"},
	} {
		if got := given(t, tt.address)[0]; got != tt.want {
			t.Errorf("GivenHost(%s) = %q, want %q", tt.address, got, tt.want)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		lure := httptest.NewServer(http.RedirectHandler(target.URL, status))
		client := New(Config{Allow: loopback()}).Client(Use{Given: given(t, lure.URL, target.URL)})
		answer, err := client.Post(lure.URL, "application/json", strings.NewReader("{}"))
		if err != nil || answer.StatusCode != status {
			t.Errorf("%d: %v, %v", status, answer, err)
		}
		lure.Close()
	}
}

func TestWhatARequestCarries(t *testing.T) {
	var got []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r)
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
	}))
	defer server.Close()
	client := New(Config{Allow: loopback()}).Client(Use{})
	var work telemetry.Record
	work.Join(telemetry.TraceContext{Trace: telemetry.TraceID{1}, Span: telemetry.SpanID{2}, Sampled: true})
	for range 2 {
		request, err := http.NewRequestWithContext(telemetry.WithRecord(t.Context(), &work), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if len(request.Header) != 0 {
			t.Errorf("the caller's request was changed: %v", request.Header)
		}
	}
	for _, r := range got {
		if r.UserAgent() != "Ashlar" || !strings.Contains(r.Header.Get("Traceparent"), work.Trace.String()) || r.Header.Get("Cookie") != "" || r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("headers = %v", r.Header)
		}
	}
	withUser, _ := url.Parse(server.URL)
	withUser.User = url.UserPassword("user", "geheim")
	if _, err := client.Get(withUser.String()); !isRefused(err) || len(got) != 2 {
		t.Errorf("a user in the URL: %v", err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	body := strings.Repeat("x", 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/header" {
			w.Header().Set("X", strings.Repeat("x", 2*maxHeader))
		}
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	for _, tt := range []struct {
		bound int64
		fits  bool
	}{{1, false}, {99, false}, {100, true}, {101, true}} {
		client := New(Config{Allow: loopback()}).Client(Use{MaxAnswer: tt.bound})
		answer, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		read, err := io.ReadAll(answer.Body)
		_, isLarge := errors.AsType[*TooLarge](err)
		if isLarge == tt.fits || int64(len(read)) != min(tt.bound, 100) || (tt.fits && err != nil) {
			t.Errorf("bound %d: %d bytes, %v", tt.bound, len(read), err)
		}
		if _, again := answer.Body.Read(make([]byte, 10)); again == nil || (isLarge && FailureOf(again) != Oversized) {
			t.Errorf("bound %d: a further read says %v", tt.bound, again)
		}
		_ = answer.Body.Close()
	}
	client := New(Config{Allow: loopback()}).Client(Use{})
	if _, err := client.Get(server.URL + "/header"); err == nil || FailureOf(err) != Broken {
		t.Errorf("a header of %d bytes: %v", 2*maxHeader, err)
	}
}

// A server that stalls ends with the deadline of the call, at whatever point it stalls.
func TestStallsEnd(t *testing.T) {
	for _, tt := range []struct {
		name, scheme string
		serve        func(net.Conn)
	}{
		{"before the TLS handshake", "https", func(net.Conn) {}},
		{"before the header", "http", func(conn net.Conn) { readRequest(conn) }},
		{"within the header", "http", func(conn net.Conn) {
			readRequest(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
		}},
		{"within the body", "http", func(conn net.Conn) {
			readRequest(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var conns sync.WaitGroup
			release := make(chan struct{})
			conns.Go(func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				tt.serve(conn)
				<-release
				_ = conn.Close()
			})
			client := New(Config{Allow: loopback()}).Client(Use{Timeout: 100 * time.Millisecond})
			answer, err := client.Get(tt.scheme + "://" + listener.Addr().String() + "/")
			if err == nil {
				_, err = io.ReadAll(answer.Body)
				_ = answer.Body.Close()
			}
			if FailureOf(err) != TimedOut {
				t.Errorf("%q: %v", FailureOf(err), err)
			}
			close(release)
			_ = listener.Close()
			conns.Wait()
		})
	}
}

func readRequest(conn net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(conn)) }

// secure starts a server with TLS, and returns the authorities that its certificate needs.
func secure(t *testing.T, configure func(*httptest.Server)) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	configure(server)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server, roots
}

func TestTLS(t *testing.T) {
	old, roots := secure(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	})
	if _, err := New(Config{Allow: loopback(), Roots: roots}).Client(Use{}).Get(old.URL); err == nil || FailureOf(err) != Insecure {
		t.Errorf("TLS 1.1: %q, %v", FailureOf(err), err)
	}
	current, roots := secure(t, func(s *httptest.Server) { s.EnableHTTP2 = true })
	if _, err := New(Config{Allow: loopback()}).Client(Use{}).Get(current.URL); FailureOf(err) != Insecure {
		t.Errorf("an unknown authority: %q, %v", FailureOf(err), err)
	}
	answer, err := New(Config{Allow: loopback(), Roots: roots}).Client(Use{}).Get(current.URL)
	if err != nil || answer.ProtoMajor != 2 {
		t.Fatalf("HTTP/2: %v, %v", answer, err)
	}
	_ = answer.Body.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	if _, err := New(Config{Allow: loopback()}).Client(Use{}).Get("https" + strings.TrimPrefix(plain.URL, "http")); err == nil {
		t.Error("a server without TLS is taken for one with it")
	}
}

func TestConnectionsToAHostAreBounded(t *testing.T) {
	var open, most atomic.Int32
	entered, release := make(chan struct{}, 10), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if n := open.Add(1); n > most.Load() {
				most.Store(n)
			}
		case http.StateClosed:
			open.Add(-1)
		}
	}
	server.Start()
	defer server.Close()
	client := New(Config{Allow: loopback()}).Client(Use{MaxConns: 2})
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() {
			answer, err := client.Get(server.URL)
			if err != nil {
				t.Error(err)
				return
			}
			_ = answer.Body.Close()
		})
	}
	<-entered
	<-entered
	close(release)
	calls.Wait()
	if most.Load() > 2 {
		t.Errorf("%d connections", most.Load())
	}
	client.CloseIdleConnections()
}

func TestNoProxyUnlessAsked(t *testing.T) {
	called := false
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	zone := &names{answer: func(string, int) []netip.Addr { return parseAll(t, "93.184.215.14") }}
	e := watch(t, Config{resolver: zone.resolver()})
	if _, err := e.Client(Use{}).Get("https://hooks.example.com/"); !errors.Is(err, errReached) || called {
		t.Errorf("%v; the proxy was called: %v", err, called)
	}
}

func TestProxy(t *testing.T) {
	var got []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.RequestURI)
		if r.Method == http.MethodConnect {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer proxy.Close()
	direct := httptest.NewServer(http.NotFoundHandler())
	defer direct.Close()
	choose, err := ParseProxy(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := New(Config{Proxy: choose}).Client(Use{Given: given(t, "http://collector.internal:4318", direct.URL)})
	call := func(address string) error {
		answer, err := client.Get(address)
		if err == nil {
			_ = answer.Body.Close()
		}
		return err
	}
	if err := call("http://collector.internal:4318/v1"); err != nil { // the operator gave it
		t.Error(err)
	}
	if err := call("https://hooks.example.com/"); err == nil || isRefused(err) {
		t.Errorf("the answer of the proxy is lost: %v", err)
	}
	if err := call(direct.URL); err != nil { // this machine
		t.Error(err)
	}
	for _, bad := range []string{"https://10.0.0.1/", "https://localhost/", "http://hooks.example.com/", proxy.URL} {
		if err := call(bad); !isRefused(err) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if want := "GET http://collector.internal:4318/v1, CONNECT hooks.example.com:443"; strings.Join(got, ", ") != want {
		t.Errorf("the proxy got %v", got)
	}
}

// The address of the proxy is no way around the check: a request past the proxy to the same address is checked.
func TestAttack_TheAddressOfTheProxyIsNotFree(t *testing.T) {
	called := false
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer proxy.Close()
	to, _ := url.Parse(proxy.URL)
	zone := &names{answer: func(string, int) []netip.Addr { return parseAll(t, "127.0.0.1") }}
	e := watch(t, Config{resolver: zone.resolver(), Proxy: func(r *http.Request) (*url.URL, error) {
		if r.URL.Hostname() == "direct.example.com" {
			return nil, nil // as NO_PROXY says
		}
		return to, nil
	}})
	if _, err := e.Client(Use{}).Get("https://direct.example.com:" + to.Port() + "/"); !isRefused(err) || called {
		t.Errorf("%v; the proxy was called: %v", err, called)
	}
}

func TestParseProxy(t *testing.T) {
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{"http://proxy.internal:3128", true}, {"https://user:geheim@proxy.internal/", true}, {FromEnvironment, true},
		{"", false}, {"proxy.internal:3128", false}, {"socks5://geheim.internal", false}, {"http://", false}, {"http://geheim/x", false}, {"http://geheim?x", false},
		{"http://:3128", false}, {"http://geheim#x", false}, {"environ", false},
	} {
		proxy, err := ParseProxy(tt.text)
		if (err == nil) != tt.ok || (proxy != nil) != tt.ok || (err != nil && strings.Contains(err.Error(), "geheim")) {
			t.Errorf("ParseProxy(%q) = %v", tt.text, err)
		}
	}
}

func TestFailures(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	cuts := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer cuts.Close()
	e := New(Config{Allow: loopback()})
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for _, tt := range []struct {
		ctx     context.Context
		address string
		want    Failure
	}{
		{t.Context(), closed.URL, Unreachable}, {t.Context(), cuts.URL, Broken}, {ctx, cuts.URL, TimedOut}, {t.Context(), "https://10.0.0.1/geheim", Unreachable},
	} {
		request, err := http.NewRequestWithContext(tt.ctx, http.MethodGet, tt.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Client(Use{}).Do(request)
		if FailureOf(err) != tt.want {
			t.Errorf("%s: %q, want %q (%v)", tt.address, FailureOf(err), tt.want, err)
		}
		if err != nil && strings.Contains(Cause(err).Error(), "geheim") {
			t.Errorf("the cause has the URL: %v", Cause(err))
		}
	}
	if FailureOf(nil) != "" || Cause(nil) != nil {
		t.Error("nil is a failure")
	}
}

func TestStats(t *testing.T) {
	status := 200
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer server.Close()
	e := New(Config{Allow: loopback()})
	client := e.Client(Use{})
	for _, status = range []int{200, 204, 301, 500} {
		answer, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	for _, bad := range []string{"https://10.0.0.1/", "http://127.0.0.1:1/"} {
		if _, err := client.Get(bad); err == nil {
			t.Errorf("%s answers", bad)
		}
	}
	if got, want := e.Stats(), (Stats{Calls: 6, Failed: 4, Refused: 1}); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
}
