package app

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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

// freePort returns a port below the ones of outgoing connections: a client that waits for a proxy there could connect to itself.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if ln, err := net.Listen("tcp", address); err == nil {
			_ = ln.Close()
			return strings.TrimPrefix(address, "127.0.0.1:")
		}
	}
	t.Fatal("no port is free")
	return ""
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
			runNginx(t, replaced(t, documented(t, "nginx", "proxy_pass"), "listen 443", "listen 127.0.0.1:"+port, "127.0.0.1:8080", app, "/etc/ssl/app.pem", leaf, "/etc/ssl/app.key", key))
		}},
		{"Caddy", "https", Config{}, func(t *testing.T, port, app string) {
			runCaddy(t, replaced(t, documented(t, "caddyfile", "app.example.com"), "app.example.com {", "https://127.0.0.1:"+port+" {\n\ttls "+leaf+" "+key, "127.0.0.1:8080", app))
		}},
		{"HAProxy", "https", Config{}, func(t *testing.T, port, app string) {
			runHAProxy(t, replaced(t, documented(t, "haproxy", "forwardfor"), ":443", "127.0.0.1:"+port, "127.0.0.1:8080", app, "/etc/haproxy/app.pem", both))
		}},
		{"HAProxy with Forwarded", "https", Config{Forwarded: true}, func(t *testing.T, port, app string) {
			runHAProxy(t, replaced(t, documented(t, "haproxy", "forwardfor"), ":443", "127.0.0.1:"+port, "127.0.0.1:8080", app, "/etc/haproxy/app.pem", both,
				"option forwardfor", "http-request add-header Forwarded for=%[src];proto=https"))
		}},
		{"HAProxy with the PROXY protocol", "https", Config{ProxyProtocol: true}, func(t *testing.T, port, app string) {
			runHAProxy(t, replaced(t, documented(t, "haproxy", "send-proxy-v2"), ":443", "127.0.0.1:"+port, "127.0.0.1:8080", app, "/etc/haproxy/app.pem", both))
		}},
		{"HAProxy with version 1", "https", Config{ProxyProtocol: true}, func(t *testing.T, port, app string) {
			runHAProxy(t, replaced(t, documented(t, "haproxy", "send-proxy-v2"), ":443", "127.0.0.1:"+port, "127.0.0.1:8080", app, "/etc/haproxy/app.pem", both,
				"send-proxy-v2", "send-proxy"))
		}},
		{"HAProxy with a checksum, by TCP", "http", Config{ProxyProtocol: true}, func(t *testing.T, port, app string) {
			runHAProxy(t, replaced(t, documented(t, "haproxy", "send-proxy-v2"), ":443 ssl crt /etc/haproxy/app.pem", "127.0.0.1:"+port, "127.0.0.1:8080", app,
				"mode http", "mode tcp", "    http-request set-header X-Forwarded-Proto https\n", "", "option httpchk GET /readyz", "",
				"send-proxy-v2", "send-proxy-v2 proxy-v2-options ssl,unique-id,crc32c"))
		}},
		{"nginx with the PROXY protocol", "http", Config{ProxyProtocol: true}, func(t *testing.T, port, app string) {
			if !exists(stream) {
				t.Skip("*** NOT TESTED WITH THE PROXY PROTOCOL OF NGINX: install libnginx-mod-stream")
			}
			runProxy(t, "nginx", fmt.Sprintf("daemon off; pid %s; error_log stderr; load_module %s; events {}\nstream { server { listen 127.0.0.1:%s; proxy_pass %s; proxy_protocol on; } }\n",
				filepath.Join(t.TempDir(), "pid"), stream, port, app), func(file string) []string { return []string{"-c", file, "-e", "stderr"} })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := &log{}
			tt.cfg.Logger, tt.cfg.Proxies = lines.logger(), thisMachine
			server := opened(t, app(t, openSignUp), tt.cfg)
			base := start(t, server).base
			port := freePort(t)
			tt.run(t, port, strings.TrimPrefix(base, "http://"))
			front := tt.scheme + "://127.0.0.1:" + port
			awaitProxy(t, visitor("127.0.0.9"), front+"/healthz")
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
