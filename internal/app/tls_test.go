package app

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/test/pebbletest"
)

const tlsApp = `-- ashlar.yaml --
ashlar: 1
name: notes
tables:
  notes:
    key: int
    watch: true
    fields: {text: {type: text, max: 20000}}
    access: {read: true, create: true}
`

// secureClient returns a client that trusts a pool, and finds every name at an address. It speaks HTTP/2.
func secureClient(pool *x509.CertPool, address string) *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DialContext: dial, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func addressOf(run *running) string { return strings.TrimPrefix(run.base, "http://") }

// sendSecure sends a request, and returns the answer with its protocol.
func sendSecure(t *testing.T, client *http.Client, method, url, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

// With certificate files, one listener speaks HTTP/2 and HTTP/1.1 over TLS 1.2 and later, and browsers are told to stay with it.
func TestServesTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "app.pem"), filepath.Join(dir, "app.key")
	pool := pebbletest.WritePair(t, cert, key, time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour), "app.example.com")
	plain := local(t)
	server := opened(t, app(t, tlsApp), Config{TLS: TLS{Cert: cert, Key: key, Redirect: plain}, Names: []string{"app.example.com"}})
	run := start(t, server)
	client := secureClient(pool, addressOf(run))
	text := strings.Repeat("x", 19_000)
	res, body := sendSecure(t, client, "POST", "https://app.example.com/api/notes", `{"text":"`+text+`"}`)
	if res.StatusCode != http.StatusCreated || res.ProtoMajor != 2 || res.TLS.Version != tls.VersionTLS13 {
		t.Errorf("a create: %s %s, TLS %x: %s", res.Proto, res.Status, res.TLS.Version, body)
	}
	if got := res.Header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
		t.Errorf("Strict-Transport-Security = %q", got)
	}
	if res, _ := sendSecure(t, client, "GET", "https://127.0.0.1/api/notes", ""); res.Header.Get("Strict-Transport-Security") != "" {
		t.Error("an address has Strict-Transport-Security")
	}
	old := client.Transport.(*http.Transport).Clone()
	old.TLSNextProto, old.ForceAttemptHTTP2 = map[string]func(string, *tls.Conn) http.RoundTripper{}, false
	old.TLSClientConfig.MaxVersion, old.TLSClientConfig.NextProtos = tls.VersionTLS12, nil
	res, body = sendSecure(t, &http.Client{Transport: old}, "GET", "https://app.example.com/api/notes", "")
	if res.ProtoMajor != 1 || res.TLS.Version != tls.VersionTLS12 || !strings.Contains(body, text) {
		t.Errorf("over HTTP/1.1: %s %s TLS %x, %d bytes", res.Proto, res.Status, res.TLS.Version, len(body))
	}
	if _, err := tls.Dial("tcp", addressOf(run), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if a := get(t, run.base+"/api/notes"); a.status != http.StatusBadRequest {
		t.Errorf("HTTP without TLS = %d", a.status)
	}
	if list := server.Certificates(); len(list) != 1 || list[0].Source != cert || list[0].Names[0] != "app.example.com" {
		t.Errorf("Certificates = %+v", list)
	}

	redirected := secureClient(nil, plain.Addr().String())
	port := fmt.Sprint(":", run.base[strings.LastIndex(run.base, ":")+1:])
	for _, tt := range []struct {
		method, url, header string
		status              int
		location            string
	}{
		{"GET", "http://app.example.com/api/notes?limit=1", "", 308, "https://app.example.com" + port + "/api/notes?limit=1"},
		{"HEAD", "http://APP.example.com//evil.example/x", "", 308, "https://app.example.com" + port + "//evil.example/x"},
		{"GET", "http://app.example.com/api/notes", "Bearer x", 403, ""},
		{"POST", "http://app.example.com/api/notes", "", 403, ""},
		{"GET", "http://evil.example/api/notes", "", 403, ""},
		{"GET", "http://app.example.com.evil.example/", "", 403, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.header != "" {
			req.Header.Set("Authorization", tt.header)
		}
		res, err := redirected.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != tt.status || res.Header.Get("Location") != tt.location {
			t.Errorf("%s %s = %d, Location %q", tt.method, tt.url, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// watchNotes watches the notes over HTTP/2. The function that it returns waits for a line with a text.
func watchNotes(t *testing.T, client *http.Client) (await func(text string)) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example.com/api/notes:watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.ProtoMajor != 2 || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", res.Proto, res.Status)
	}
	lines := bufio.NewScanner(res.Body)
	await = func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the stream ended without %q: %v", text, lines.Err())
	}
	await("ready")
	return await
}

// A stream over HTTP/2 is told of a write at once, and ends when the server stops.
func TestWatchOverHTTP2(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "app.pem"), filepath.Join(dir, "app.key")
	pool := pebbletest.WritePair(t, cert, key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), "app.example.com")
	server := opened(t, app(t, tlsApp), Config{TLS: TLS{Cert: cert, Key: key}})
	run := start(t, server)
	client := secureClient(pool, addressOf(run))
	await := watchNotes(t, client)
	if res, body := sendSecure(t, client, "POST", "https://app.example.com/api/notes", `{"text":"over HTTP/2"}`); res.StatusCode != http.StatusCreated {
		t.Fatal(body)
	}
	await("over HTTP/2")
	run.stop()
	if err := run.wait(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// Behind a proxy of TCP connections the header of the PROXY protocol comes before the handshake. The bounds of connections know
// which of TLS are idle: a client that opens more than there may be closes its own idle ones, and all requests are answered.
func TestTLSBehindAProxyAndWithinBounds(t *testing.T) {
	dir, lines := t.TempDir(), &log{}
	cert, key := filepath.Join(dir, "app.pem"), filepath.Join(dir, "app.key")
	pool := pebbletest.WritePair(t, cert, key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), "app.example.com")
	own := TLS{Cert: cert, Key: key}
	server := opened(t, app(t, tlsApp), Config{TLS: own, Logger: lines.logger(), MaxConnections: 16,
		ProxyProtocol: true, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	run := start(t, server)
	proxied := func(i int) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, network, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addressOf(run))
			if err == nil {
				_, err = fmt.Fprintf(conn, "PROXY TCP4 192.0.2.7 192.0.2.1 %d 443\r\n", 1000+i)
			}
			return conn, err
		}
	}
	watcher := secureClient(pool, "")
	watcher.Transport.(*http.Transport).DialContext = proxied(0)
	await := watchNotes(t, watcher) // its connection is the oldest, and at work
	for _, proto := range []int{2, 1} {
		for i := range 40 {
			client := secureClient(pool, addressOf(run))
			transport := client.Transport.(*http.Transport)
			if proto == 1 {
				transport.TLSNextProto, transport.ForceAttemptHTTP2 = map[string]func(string, *tls.Conn) http.RoundTripper{}, false
			}
			transport.DialContext = proxied(i)
			defer transport.CloseIdleConnections()
			res, body := sendSecure(t, client, "GET", fmt.Sprintf("https://app.example.com/api/notes?limit=%d", 1+i), "")
			if res.StatusCode != http.StatusOK || res.ProtoMajor != proto {
				t.Fatalf("request %d: %s %s %s", i, res.Proto, res.Status, body)
			}
		}
	}
	writer := secureClient(pool, "")
	writer.Transport.(*http.Transport).DialContext = proxied(1)
	if res, body := sendSecure(t, writer, "POST", "https://app.example.com/api/notes", `{"text":"still told"}`); res.StatusCode != http.StatusCreated {
		t.Fatal(body)
	}
	await("still told")
	if server.bounds.Closed() == 0 {
		t.Error("no idle connection was closed for a new one")
	}
	run.stop()
	if err := run.wait(); err != nil {
		t.Error(err)
	}
	if got := lines.line(t, `"path":"/api/notes"`)["remote"]; got != "192.0.2.7:1000" {
		t.Errorf("the first request came from %v", got)
	}
}

// A pair of files changes 20 times under load, once by a symbolic link. No request fails, and the new certificate is served.
func TestReloadsCertificatesUnderLoad(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	pools := x509.NewCertPool()
	add := func(folder string) {
		t.Helper()
		if err := os.Mkdir(path(folder), 0o700); err != nil {
			t.Fatal(err)
		}
		cert, key := pebbletest.NewPair(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), "app.example.com", folder)
		pools.AppendCertsFromPEM(cert)
		for name, text := range map[string][]byte{"tls.crt": cert, "tls.key": key} {
			if err := os.WriteFile(filepath.Join(path(folder), name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	const changes = 20
	for i := range changes + 1 {
		add(fmt.Sprintf("v%d.example.com", i))
	}
	swap := func(i int) { // as Kubernetes changes a volume
		t.Helper()
		if err := os.Symlink(fmt.Sprintf("v%d.example.com", i), path("next")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path("next"), path("..data")); err != nil {
			t.Fatal(err)
		}
	}
	swap(0)
	server := opened(t, app(t, tlsApp), Config{TLS: TLS{Cert: path("..data/tls.crt"), Key: path("..data/tls.key"), every: 10 * time.Millisecond}})
	run := start(t, server)
	var asked, failed atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for i := range 4 {
		client := secureClient(pools, addressOf(run))
		client.Transport.(*http.Transport).DisableKeepAlives = i%2 == 0 // a handshake for each request
		wait.Go(func() {
			for ctx.Err() == nil {
				res, err := client.Get("https://app.example.com/api/notes")
				if err != nil || res.StatusCode != http.StatusOK {
					failed.Add(1)
					t.Errorf("a request failed: %v", err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				asked.Add(1)
			}
		})
	}
	for i := 1; i <= changes; i++ {
		swap(i)
		for deadline, want := time.Now().Add(time.Minute), fmt.Sprintf("v%d.example.com", i); server.Certificates()[0].Names[1] != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the certificate of %s is not served", want)
			}
		}
	}
	stop()
	wait.Wait()
	if failed.Load() > 0 || asked.Load() < changes {
		t.Errorf("%d requests, %d failed", asked.Load(), failed.Load())
	}
	t.Logf("%d requests during %d changes, 0 failed", asked.Load(), changes)
	conn, err := tls.Dial("tcp", addressOf(run), &tls.Config{RootCAs: pools, ServerName: "app.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if names := conn.ConnectionState().PeerCertificates[0].DNSNames; names[1] != fmt.Sprintf("v%d.example.com", changes) {
		t.Errorf("a handshake gets the certificate of %v", names)
	}
}

// awaitCertificate waits until an app has a certificate of its authority.
func awaitCertificate(t *testing.T, server *App) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); server.Certificates()[0].NotAfter.IsZero(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no certificate: %+v", server.Certificates())
		}
	}
}

// startAt is start at a port.
func startAt(t *testing.T, server *App, port int) *running {
	t.Helper()
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	run := &running{base: "http://" + ln.Addr().String(), stop: cancel, served: make(chan error, 1)}
	go func() { run.served <- server.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		<-run.served
	})
	return run
}

// Two servers on one database order one certificate, whichever of them the authority looks at. A third one has it at once.
func TestServersShareACertificateByACME(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	port := pebbletest.FreePort(t)
	pebble := pebbletest.Start(t, port, pebbletest.FreePort(t))
	database, dir, data := pgtest.URL(t), app(t, tlsApp), t.TempDir()
	open := func(node string) *App {
		cfg := onNode(t, database, node)
		cfg.Data, cfg.TLS = data, TLS{Domains: []string{"app.example.com"}, Email: "ops@example.com", Directory: pebble.Directory, Roots: pebble.Roots}
		return opened(t, dir, cfg)
	}
	first, second := open("8081"), open("8082")
	addresses := []string{addressOf(startAt(t, first, port)), addressOf(start(t, second))}
	awaitCertificate(t, first)
	awaitCertificate(t, second)
	third := open("8083")
	if third.Certificates()[0].NotAfter.IsZero() {
		t.Error("the third server does not begin with the certificate")
	}
	addresses = append(addresses, addressOf(start(t, third)))
	serials := map[string]bool{}
	for _, address := range addresses {
		res, body := sendSecure(t, secureClient(pebble.Issued, address), "GET", "https://app.example.com/api/notes", "")
		if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
			t.Errorf("%s %s %s", res.Proto, res.Status, body)
		}
		serials[res.TLS.PeerCertificates[0].SerialNumber.String()] = true
	}
	if len(serials) != 1 || pebble.Issues() != 1 {
		t.Errorf("%d certificates are served, %d were issued", len(serials), pebble.Issues())
	}
}

// When a third of its life is left, one of two servers orders the next certificate. Both serve it, and no handshake fails.
func TestServersRenewACertificate(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	port := pebbletest.FreePort(t)
	pebble := pebbletest.Start(t, port, pebbletest.FreePort(t))
	database, dir, data := pgtest.URL(t), app(t, tlsApp), t.TempDir()
	var stopped atomic.Pointer[time.Time] // nil: the clock runs
	open := func(node string) *App {
		cfg := onNode(t, database, node)
		cfg.Data, cfg.TLS = data, TLS{Domains: []string{"app.example.com"}, Directory: pebble.Directory, Roots: pebble.Roots, every: 20 * time.Millisecond}
		cfg.Now = func() time.Time {
			if at := stopped.Load(); at != nil {
				return *at
			}
			return time.Now()
		}
		return opened(t, dir, cfg)
	}
	first, second := open("8081"), open("8082")
	servers := []*App{first, second}
	addresses := []string{addressOf(startAt(t, first, port)), addressOf(start(t, second))}
	awaitCertificate(t, first)
	awaitCertificate(t, second)
	serial := func(address string) string {
		t.Helper()
		res, body := sendSecure(t, secureClient(pebble.Issued, address), "GET", "https://app.example.com/api/notes", "")
		if res.StatusCode != http.StatusOK {
			t.Fatal(res.Status, body)
		}
		return res.TLS.PeerCertificates[0].SerialNumber.String()
	}
	old := first.Certificates()[0]
	before := serial(addresses[0])

	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var asked atomic.Int64
	for _, address := range addresses {
		client := secureClient(pebble.Issued, address)
		client.Transport.(*http.Transport).DisableKeepAlives = true // a handshake for each request
		clients.Go(func() {
			for ctx.Err() == nil {
				res, err := client.Get("https://app.example.com/api/notes")
				if err != nil {
					t.Errorf("a request during the renewal: %v", err)
					return
				}
				_ = res.Body.Close()
				asked.Add(1)
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	time.Sleep(1100 * time.Millisecond) // times of certificates have seconds, and the next one must end later
	due := old.Next
	stopped.Store(&due)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if servers[0].Certificates()[0].NotAfter.After(old.NotAfter) && servers[1].Certificates()[0].NotAfter.After(old.NotAfter) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not renewed: %+v, %+v", servers[0].Certificates(), servers[1].Certificates())
		}
	}
	time.Sleep(200 * time.Millisecond) // ten looks of each server
	stop()
	clients.Wait()
	after := serial(addresses[0])
	if other := serial(addresses[1]); after == before || other != after || pebble.Issues() != 2 {
		t.Errorf("certificate %s was renewed: the servers have %s and %s, and %d were issued", before, after, other, pebble.Issues())
	}
	for _, server := range servers {
		if status := server.Certificates()[0]; status.Error != "" || !status.Next.After(due) {
			t.Errorf("after the renewal: %+v", status)
		}
	}
	if asked.Load() == 0 {
		t.Error("no request was sent during the renewal")
	}
	t.Logf("%d handshakes during the renewal, 0 failed", asked.Load())
}

// An authority that cannot reach port 443 is answered by the redirect listener.
func TestACMEOverHTTP(t *testing.T) {
	plain := local(t)
	pebble := pebbletest.Start(t, pebbletest.FreePort(t), plain.Addr().(*net.TCPAddr).Port)
	server := opened(t, app(t, tlsApp), Config{TLS: TLS{Domains: []string{"app.example.com"}, Directory: pebble.Directory, Roots: pebble.Roots, Redirect: plain}})
	run := start(t, server)
	awaitCertificate(t, server)
	if res, body := sendSecure(t, secureClient(pebble.Issued, addressOf(run)), "GET", "https://app.example.com/api/notes", ""); res.StatusCode != http.StatusOK {
		t.Errorf("%s %s", res.Status, body)
	}
	if res, _ := sendSecure(t, secureClient(nil, plain.Addr().String()), "GET", "http://app.example.com/.well-known/acme-challenge/unknown", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown token = %s", res.Status)
	}
}
