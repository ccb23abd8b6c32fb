package pages

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/identity/token"
)

// FuzzNext checks that a browser that follows the path stays on this host, below the prefixes.
func FuzzNext(f *testing.F) {
	for _, text := range []string{"/account/keys", "/app/start?tab=1", "//evil.example/account/", `/\\evil.example`, "/account/../x", "/account/%2e%2e/x", "https:/account/", "/account/\t/x"} {
		f.Add(text)
	}
	p := &Pages{next: []string{"/app/"}}
	base, err := url.Parse("https://notes.example/account/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := p.nextOf(text)
		target, err := base.Parse(got) // removes the dots as browsers do
		if err != nil || target.Host != base.Host || target.Scheme != base.Scheme || target.User != nil {
			t.Fatalf("nextOf(%q) = %q leads to %v, %v", text, got, target, err)
		}
		if !strings.HasPrefix(target.Path, "/account/") && !strings.HasPrefix(target.Path, "/app/") {
			t.Errorf("nextOf(%q) = %q leads to the path %s", text, got, target.Path)
		}
		if strings.ContainsAny(got, "\\\r\n\t") || p.nextOf(got) != got {
			t.Errorf("nextOf(%q) = %q", text, got)
		}
	})
}

// FuzzFlow checks that no text but a sealed one is a flow.
func FuzzFlow(f *testing.F) {
	keys, err := token.Open(filepath.Join(f.TempDir(), "key.pem"))
	if err != nil {
		f.Fatal(err)
	}
	p := &Pages{keys: keys}
	for _, text := range []string{"", "v1.", "v1.AAAA", `{"f":"x"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/account/", nil)
		r.Header.Set("Cookie", flowCookie+"="+text)
		if got := p.openFlow(r, ""); got.Factor != "" || got.Until != 0 {
			t.Errorf("the cookie %q is a flow", text)
		}
	})
}
