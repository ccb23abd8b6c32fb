package cli

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// lines is an output that two goroutines use.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// listening runs listen with flags, and returns its address.
func listening(t *testing.T, out *lines, flags ...string) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	root := Program{}.newRoot()
	root.SetArgs(append([]string{"webhook", "listen", "--port", "0"}, flags...))
	root.SetOut(out)
	ended := background.Async("listen", func() error { return root.ExecuteContext(ctx) })
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	at := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`)
	for deadline := time.Now().Add(30 * time.Second); address == ""; time.Sleep(5 * time.Millisecond) {
		if address = at.FindString(out.String()); time.Now().After(deadline) {
			t.Fatalf("it does not listen: %s", out)
		}
	}
	return address
}

func TestWebhookListen(t *testing.T) {
	secret, server, other := webhook.NewSecret(), webhook.NewPrivateKey(), webhook.NewSecret()
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(webhook.KeySet([]webhook.VerifyingKey{server.VerifyingKey()}))
	}))
	t.Cleanup(keys.Close)
	post := func(address string, key webhook.SigningKey, body string) (status int) {
		t.Helper()
		header, err := webhook.Header([]webhook.SigningKey{key}, "m1", time.Now(), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest(http.MethodPost, address+"hooks", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	var out lines
	address := listening(t, &out, "--secret", string(secret.Text()), "--keys", keys.URL, "--fail", "503")
	for i, tt := range []struct {
		key  webhook.SigningKey
		want string
	}{{secret, "signature: right"}, {server, "signature: right"}, {other, "signature: WRONG: no signature"}} {
		before := len(out.String())
		body := fmt.Sprintf(`{"n":%d}`, i)
		if status := post(address, tt.key, body); status != 503 {
			t.Errorf("answered %d", status)
		}
		got := out.String()[before:]
		for _, want := range []string{tt.want, "POST /hooks", "webhook-id: m1", body, "answered 503"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
		if strings.Contains(got, string(secret.Text())) {
			t.Errorf("the secret is printed: %s", got)
		}
	}
	var plain lines
	address = listening(t, &plain)
	if status := post(address, other, "\x1b[2J{}"); status != 200 || !strings.Contains(plain.String(), "not verified") || strings.Contains(plain.String(), "\x1b") {
		t.Errorf("answered %d, and printed %q", status, plain.String())
	}
}

func TestWebhookListenRefuses(t *testing.T) {
	for _, tt := range []struct{ flags, want string }{
		{"--port 70000", "--port must be"},
		{"--fail 99", "--fail must be"},
		{"--secret abc", "--secret: write whpk_"},
		{"--keys abc", "--keys: write an address"},
		{"--keys http://127.0.0.1:1/", "--keys: "},
	} {
		root := Program{}.newRoot()
		root.SetArgs(append([]string{"webhook", "listen"}, strings.Fields(tt.flags)...))
		root.SetOut(&bytes.Buffer{})
		root.SetErr(&bytes.Buffer{})
		if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.flags, err, tt.want)
		}
	}
}
