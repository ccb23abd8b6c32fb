package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestPagesAnswerUnderTheirNamesOnly(t *testing.T) {
	receiver, err := NewReceiver(Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	page := Route{Pattern: "GET /console", Handler: func(w http.ResponseWriter, _ *http.Request) error { return Empty(w, http.StatusNoContent) }}
	handler := receiver.Handler(NewMux(OnlyNames([]string{"app.example.com"}, []Route{page})...))
	for _, tt := range []struct {
		host, peer string
		want       int
	}{
		{"app.example.com", "192.0.2.9:1", 204},
		{"APP.example.com:8443", "192.0.2.9:1", 204},
		{"localhost:8080", "127.0.0.1:1", 204},
		{"[::1]:8080", "[::1]:1", 204},
		{"192.0.2.1:8080", "192.0.2.9:1", 204}, // no name, so nobody can point it here
		{"evil.example", "127.0.0.1:1", 403},
		{"app.example.com.evil.example", "127.0.0.1:1", 403},
		{"127.0.0.1.evil.example", "127.0.0.1:1", 403},
		{"", "127.0.0.1:1", 403},
		{"backend", "10.0.0.7:1", 204}, // a trusted proxy
		{"backend", "192.0.2.9:1", 403},
	} {
		r := httptest.NewRequest(http.MethodGet, "/console", http.NoBody)
		r.Host, r.RemoteAddr = tt.host, tt.peer
		r.Header.Set("X-Forwarded-For", "198.51.100.1")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("Host %q from %s = %d, want %d", tt.host, tt.peer, w.Code, tt.want)
		}
	}
}
