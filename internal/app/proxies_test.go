package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// documented returns a configuration of docs/proxies.md: the block of a language that holds a text.
func documented(t *testing.T, language, holds string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/proxies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range strings.Split(string(page), "\n```"+language+"\n")[1:] {
		if block, _, _ := strings.Cut(rest, "\n```\n"); strings.Contains(block, holds) {
			return block + "\n"
		}
	}
	t.Fatalf("docs/proxies.md has no %s with %q", language, holds)
	return ""
}

// replaced replaces parts of a configuration, each of which must be there.
func replaced(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("no %q in\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// certificate writes a certificate and its key, into one file and into two.
func certificate(t *testing.T) (both, leaf, key string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.StartTLS()
	defer server.Close()
	own := server.TLS.Certificates[0]
	secret, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	both, leaf, key = filepath.Join(folder, "both.pem"), filepath.Join(folder, "app.pem"), filepath.Join(folder, "app.key")
	for path, text := range map[string][]byte{both: append(bytes.Clone(certPEM), keyPEM...), leaf: certPEM, key: keyPEM} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return both, leaf, key
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
}

// runProxy runs a proxy until the end of the test.
func runProxy(t *testing.T, name, config string, args func(file string) []string) {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		if program = "/usr/sbin/" + name; !exists(program) {
			t.Skipf("*** NOT TESTED BEHIND %s: install it", strings.ToUpper(name))
		}
	}
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args(file)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s with\n%s\nsays\n%s", name, config, output.String())
		}
	})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// visitor returns a client with an address of its own on this machine, that takes any certificate.
func visitor(address string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
}

// The documented configurations work: each client has its own address, and none of its headers changes it.
func TestDocumentedProxies(t *testing.T) {
	if ln, err := net.Listen("tcp", "127.0.0.2:0"); err != nil {
		t.Skipf("*** NOT TESTED BEHIND PROXIES: this machine has no second address: %v", err)
	} else {
		_ = ln.Close()
	}
	nginx := func(file string) []string { return []string{"-c", file, "-e", "stderr"} }
	haproxy := func(file string) []string { return []string{"-f", file} }
	stream := filepath.Join(os.Getenv("ASHLAR_TEST_NGINX_MODULES"), "ngx_stream_module.so")
	if os.Getenv("ASHLAR_TEST_NGINX_MODULES") == "" {
		stream = "/usr/lib/nginx/modules/ngx_stream_module.so"
	}
	both, leaf, key := certificate(t)
	for _, tt := range []struct {
		name, scheme string
		cfg          Config
		run          func(t *testing.T, port, app string)
	}{
		{"nginx", "https", Config{}, func(t *testing.T, port, app string) {
			block := replaced(t, documented(t, "nginx", "proxy_pass"), "listen 443", "listen 127.0.0.1:"+port, "127.0.0.1:8080", app, "/etc/ssl/app.pem", leaf, "/etc/ssl/app.key", key)
			runProxy(t, "nginx", "daemon off; pid "+filepath.Join(t.TempDir(), "pid")+"; error_log stderr; events {}\nhttp { access_log off;\n"+block+"}\n", nginx)
		}},
		{"HAProxy", "https", Config{}, func(t *testing.T, port, app string) {
			runProxy(t, "haproxy", replaced(t, documented(t, "haproxy", "forwardfor"), ":443", "127.0.0.1:"+port, "127.0.0.1:8080", app, "/etc/haproxy/app.pem", both), haproxy)
		}},
		{"HAProxy with Forwarded", "https", Config{Forwarded: true}, func(t *testing.T, port, app string) {
			runProxy(t, "haproxy", replaced(t, documented(t, "haproxy", "forwardfor"), ":443", "127.0.0.1:"+port, "127.0.0.1:8080", app, "/etc/haproxy/app.pem", both,
				"option forwardfor", "http-request add-header Forwarded for=%[src];proto=https"), haproxy)
		}},
		{"HAProxy with the PROXY protocol", "https", Config{ProxyProtocol: true}, func(t *testing.T, port, app string) {
			runProxy(t, "haproxy", replaced(t, documented(t, "haproxy", "send-proxy-v2"), ":443", "127.0.0.1:"+port, "127.0.0.1:8080", app, "/etc/haproxy/app.pem", both), haproxy)
		}},
		{"HAProxy with version 1", "https", Config{ProxyProtocol: true}, func(t *testing.T, port, app string) {
			runProxy(t, "haproxy", replaced(t, documented(t, "haproxy", "send-proxy-v2"), ":443", "127.0.0.1:"+port, "127.0.0.1:8080", app, "/etc/haproxy/app.pem", both,
				"send-proxy-v2", "send-proxy"), haproxy)
		}},
		{"HAProxy with a checksum, by TCP", "http", Config{ProxyProtocol: true}, func(t *testing.T, port, app string) {
			runProxy(t, "haproxy", replaced(t, documented(t, "haproxy", "send-proxy-v2"), ":443 ssl crt /etc/haproxy/app.pem", "127.0.0.1:"+port, "127.0.0.1:8080", app,
				"mode http", "mode tcp", "    http-request set-header X-Forwarded-Proto https\n", "", "option httpchk GET /readyz", "",
				"send-proxy-v2", "send-proxy-v2 proxy-v2-options ssl,unique-id,crc32c"), haproxy)
		}},
		{"nginx with the PROXY protocol", "http", Config{ProxyProtocol: true}, func(t *testing.T, port, app string) {
			if !exists(stream) {
				t.Skip("*** NOT TESTED WITH THE PROXY PROTOCOL OF NGINX: install libnginx-mod-stream")
			}
			runProxy(t, "nginx", fmt.Sprintf("daemon off; pid %s; error_log stderr; load_module %s; events {}\nstream { server { listen 127.0.0.1:%s; proxy_pass %s; proxy_protocol on; } }\n",
				filepath.Join(t.TempDir(), "pid"), stream, port, app), nginx)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := &log{}
			tt.cfg.Logger, tt.cfg.Proxies = lines.logger(), []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
			server := opened(t, app(t, openSignUp), tt.cfg)
			base := start(t, server).base
			port := freePort(t)
			tt.run(t, port, strings.TrimPrefix(base, "http://"))
			front := tt.scheme + "://127.0.0.1:" + port
			waitFor(t, "the proxy", func() bool {
				answer, err := visitor("127.0.0.9").Get(front + "/healthz")
				if err == nil {
					_ = answer.Body.Close()
				}
				return err == nil && answer.StatusCode == http.StatusOK
			})
			visitors := [...]*http.Client{visitor("127.0.0.2"), visitor("127.0.0.3")}
			for i := range 6 { // by turns, on connections that are kept
				address := fmt.Sprintf("127.0.0.%d", 2+i%2)
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("%s/api/notes?seen=%d", front, i), nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP"} {
					request.Header.Set(name, map[bool]string{true: `for=192.0.2.66;by="`, false: "192.0.2.66"}[name == "Forwarded"])
				}
				request.Header.Set("X-Request-Id", fmt.Sprintf("seen-%d", i))
				answer, err := visitors[i%2].Do(request)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				server.flushRecords()
				if remote, _, _ := strings.Cut(fmt.Sprint(lines.line(t, fmt.Sprintf("seen-%d", i))["remote"]), ":"); remote != address {
					t.Errorf("the log names %s, want %s", remote, address)
				}
			}
		})
	}
}
