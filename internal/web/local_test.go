package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOnlyThisMachineIsLocal(t *testing.T) {
	for _, tt := range []struct {
		remote, host string
		want         bool
	}{
		{"127.0.0.1:5", "127.0.0.1:8080", true},
		{"127.3.2.1:5", "localhost:8080", true},
		{"127.0.0.1:5", "LocalHost", true},
		{"127.0.0.1:5", "notes.localhost:8080", true},
		{"[::1]:5", "[::1]:8080", true},
		{"[::ffff:127.0.0.1]:5", "[::1]", true},
		{"127.0.0.1:5", "[::ffff:127.0.0.1]:8080", true},
		{"192.0.2.1:5", "127.0.0.1:8080", false},
		{"10.0.0.1:5", "localhost", false},
		{"@", "localhost", false}, // a Unix socket: whatever listens there is a proxy
		{"", "localhost", false},
		{"127.0.0.1:5", "", false},
		{"127.0.0.1:5", "0.0.0.0:8080", false},
		{"127.0.0.1:5", "evil.example", false},
		{"127.0.0.1:5", "localhost.evil.example:8080", false},
		{"127.0.0.1:5", "127.0.0.1.evil.example", false},
		{"127.0.0.1:5", "evillocalhost", false},
		{"127.0.0.1:5", "localhost.:8080", false},
		{"127.0.0.1:5", "2130706433", false},
		{"127.0.0.1:5", "192.0.2.1:8080", false},
		{"127.0.0.1:5", "localhost@evil.example", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/", nil)
		r.RemoteAddr, r.Host = tt.remote, tt.host
		if got := IsLocal(r); got != tt.want {
			t.Errorf("IsLocal from %q to %q = %v, want %v", tt.remote, tt.host, got, tt.want)
		}
	}
}

// A proxy that speaks the PROXY protocol may leave its client unnamed, so the address can be its own.
func TestNothingBehindThePROXYProtocolIsLocal(t *testing.T) {
	for _, relayed := range []bool{false, true} {
		receiver, err := NewReceiver(Config{Relayed: relayed})
		if err != nil {
			t.Fatal(err)
		}
		local := relayed
		handler := receiver.Handler(NewMux(Route{Pattern: "GET /x", Handler: func(_ http.ResponseWriter, r *http.Request) error {
			local = IsLocal(r)
			return nil
		}}))
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/x", nil)
		r.RemoteAddr = "127.0.0.1:5"
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if local == relayed {
			t.Errorf("relayed %v: local is %v", relayed, local)
		}
	}
}

func TestProxyOnThisMachineIsNotLocal(t *testing.T) {
	for _, name := range []string{
		"X-Forwarded-For", "Forwarded", "CF-Connecting-IP", "X-Real-IP", "True-Client-IP", "Via",
		"x-forwarded-for", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Forwarded", "CF-Connecting-IPv6", "CDN-Loop",
		"Fastly-Client-IP", "Fly-Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "X-Original-Forwarded-For", "X-Envoy-External-Address",
		"X-Azure-ClientIP",
	} {
		for _, value := range []string{"127.0.0.1", "::1", "localhost", "unknown", ""} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:8080/", nil)
			r.RemoteAddr = "127.0.0.1:5"
			r.Header.Set(name, value)
			if IsLocal(r) {
				t.Errorf("IsLocal with %s: %q = true", name, value)
			}
		}
	}
}
