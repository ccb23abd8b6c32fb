package oidc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// nodeProvider is the program of a certified provider with one client. It demands PKCE.
const nodeProvider = `
import {Provider} from 'oidc-provider'
const port = Number(process.argv[2])
const op = new Provider('http://127.0.0.1:' + port, {
  clients: [{client_id: 'ashlar', client_secret: 's3cret', redirect_uris: [process.argv[3]], grant_types: ['authorization_code'], response_types: ['code']}],
  pkce: {required: () => true},
  claims: {openid: ['sub'], email: ['email', 'email_verified'], profile: ['name']},
  async findAccount(ctx, id) {
    return {accountId: id, async claims() { return {sub: id, email: id + '@example.com', email_verified: true, name: 'Ada'} }}
  },
})
op.listen(port, '127.0.0.1')
`

// startNode starts the provider and returns its issuer. It skips the test where that is not possible.
func startNode(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED in short mode: the test installs a package of npm")
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED, so no foreign provider was tried: %v", err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "op.mjs"), []byte(nodeProvider), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "oidc-provider@9.13.3")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, so no foreign provider was tried: npm install: %v\n%s", err, out)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	_ = ln.Close()
	var out bytes.Buffer
	node := exec.Command("node", "op.mjs", port, oidctest.Redirect)
	node.Dir, node.Stdout, node.Stderr = dir, &out, &out
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = node.Process.Kill()
		_ = node.Wait()
	})
	issuer := "http://127.0.0.1:" + port
	for range 300 {
		if answer, err := http.Get(issuer + "/.well-known/openid-configuration"); err == nil {
			_ = answer.Body.Close()
			return issuer
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the provider does not start:\n%s", out.String())
	return ""
}

// login goes through the pages of the provider as ada, and returns what the browser brings back.
func login(t *testing.T, address string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	for range 12 {
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		next := request.URL
		if answer.StatusCode >= 300 && answer.StatusCode < 400 {
			if next, err = answer.Location(); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(next.String(), oidctest.Redirect) {
				return next.Query()
			}
			request, err = http.NewRequestWithContext(t.Context(), http.MethodGet, next.String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		form := url.Values{"prompt": {"consent"}}
		if bytes.Contains(page, []byte(`name="login"`)) {
			form = url.Values{"prompt": {"login"}, "login": {"ada"}, "password": {"any"}}
		}
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s answers %s: %s", next, answer.Status, page)
		}
		request, err = http.NewRequestWithContext(t.Context(), http.MethodPost, next.String(), strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	t.Fatal("the pages of the provider have no end")
	return nil
}

func TestForeignProvider(t *testing.T) {
	issuer := startNode(t)
	p := open(t, oidc.Config{
		Name: "corp", Issuer: issuer, ClientID: oidctest.ClientID, ClientSecret: telemetry.Secret(oidctest.ClientSecret), Redirect: oidctest.Redirect,
	})
	back := func() oidc.Answer {
		address, err := p.Begin(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		given := login(t, address)
		if given.Get("state") != request.State {
			t.Fatalf("the provider answers %v", given)
		}
		return oidc.Answer{Code: given.Get("code"), Issuer: given.Get("iss"), Nonce: request.Nonce, Verifier: request.Verifier}
	}
	answer := back()
	who, err := p.Finish(t.Context(), answer)
	if got := fmt.Sprint(who.Issuer, who.Subject, who.Email, who.EmailVerified, who.Name); err != nil || got != fmt.Sprint(issuer, "ada", "ada@example.com", true, "Ada") {
		t.Fatalf("Finish = %s, %v", got, err)
	}
	if _, err := p.Finish(t.Context(), answer); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("the second use of a code = %v", err)
	}
	for name, change := range map[string]func(*oidc.Answer){
		"other verifier": func(a *oidc.Answer) { a.Verifier = strings.Repeat("w", 50) },
		"other nonce":    func(a *oidc.Answer) { a.Nonce = "other" },
		"no iss":         func(a *oidc.Answer) { a.Issuer = "" },
	} {
		answer := back()
		change(&answer)
		if _, err := p.Finish(t.Context(), answer); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("%s: Finish = %v", name, err)
		}
	}
}
