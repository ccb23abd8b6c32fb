// Package pebbletest runs Pebble, the ACME server of Let's Encrypt for tests.
package pebbletest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/test/programs"
)

const advice = "there is no Pebble to test ACME with: install it (apt-get install -y pebble)"

// find skips the test with a loud message if there is no Pebble, or fails it if CI is set.
func find(t testing.TB) {
	t.Helper()
	installed := func() bool {
		_, err := exec.LookPath("pebble")
		_, other := exec.LookPath("pebble-challtestsrv")
		return err == nil && other == nil
	}
	if installed() {
		return
	}
	if err := programs.Install("pebble", installed); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s\n%v", advice, err)
		}
		fmt.Fprintf(os.Stderr, "\n*** NOT TESTED WITH AN ACME SERVER: %s\n*** %s\n*** %v\n\n", t.Name(), advice, err)
		t.Skip(advice)
	}
}

// A Pebble is a running ACME server. It refuses one nonce in five, and finds every name on this machine.
type Pebble struct {
	Directory string         // URL
	Roots     *x509.CertPool // of the server's own certificate
	RootsFile string         // the same in PEM
	Issued    *x509.CertPool // of the certificates that it issues
	log       output
}

// Start starts a Pebble that looks at these ports of this machine: for TLS-ALPN-01, and for HTTP-01. It ends with the test.
func Start(t testing.TB, tlsPort, httpPort int) *Pebble {
	t.Helper()
	find(t)
	dir := t.TempDir()
	p := &Pebble{RootsFile: filepath.Join(dir, "c.pem")}
	p.Roots = WritePair(t, p.RootsFile, filepath.Join(dir, "k.pem"), time.Now(), time.Now().Add(time.Hour), "localhost")
	port, manage, dns, challenges := FreePort(t), FreePort(t), FreePort(t), FreePort(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": local(port), "managementListenAddress": local(manage),
		"certificate": p.RootsFile, "privateKey": filepath.Join(dir, "k.pem"), "httpPort": httpPort, "tlsPort": tlsPort,
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	p.run(t, "pebble-challtestsrv", "-defaultIPv6", "", "-defaultIPv4", "127.0.0.1", "-dns01", local(dns), "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", local(challenges))
	p.run(t, "pebble", "-config", file, "-dnsserver", local(dns))
	p.Directory = "https://" + local(port) + "/dir"
	p.Issued = x509.NewCertPool()
	p.Issued.AppendCertsFromPEM(p.get(t, "https://"+local(manage)+"/roots/0"))
	p.get(t, p.Directory)
	return p
}

func (p *Pebble) run(t testing.TB, program string, args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20", "PEBBLE_AUTHZREUSE=0")
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s says\n%s", program, p.Log())
		}
	})
}

// get waits until Pebble answers.
func (p *Pebble) get(t testing.TB, url string) []byte {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.Roots}, DisableKeepAlives: true}}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		res, err := client.Get(url)
		if err == nil {
			body, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if err == nil && res.StatusCode == http.StatusOK {
				return body
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("Pebble does not answer at %s: %v\n%s", url, err, p.Log())
		}
	}
}

// Log returns what Pebble has logged.
func (p *Pebble) Log() string { return p.log.String() }

// Issues returns how many certificates it has issued.
func (p *Pebble) Issues() int { return strings.Count(p.Log(), "Issued certificate serial") }

// Refusals returns how many nonces it has refused on purpose.
func (p *Pebble) Refusals() int { return strings.Count(p.Log(), "nonce") }

type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// FreePort returns a port of this machine that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().(*net.TCPAddr).Port
}

// WritePair writes a certificate that signs itself, and its key. It returns a pool with the certificate. An address of this
// machine is always among its names.
func WritePair(t testing.TB, certFile, keyFile string, from, to time.Time, names ...string) *x509.CertPool {
	t.Helper()
	cert, key := NewPair(t, from, to, names...)
	for path, text := range map[string][]byte{certFile: cert, keyFile: key} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

// NewPair returns a certificate that signs itself, and its key, in PEM.
func NewPair(t testing.TB, from, to time.Time, names ...string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "a test"}, NotBefore: from, NotAfter: to,
		DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}
