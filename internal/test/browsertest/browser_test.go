package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
)

// TestMain ends the browser after all tests.
func TestMain(m *testing.M) { browsertest.Main(m) }

func TestViolationsNameAButtonWithoutAName(t *testing.T) {
	b := browsertest.Open(t, serve(t, `<h1>Stones</h1><button></button>`), 800, 600)
	b.Run(chromedp.Navigate(b.Base))
	if found := b.Violations(); len(found) != 1 || !strings.Contains(found[0], "button-name") {
		t.Errorf("axe finds %q", found)
	}
}

func TestAuthenticatorKeepsPasskeys(t *testing.T) {
	b := browsertest.Open(t, serve(t, `<h1>Stones</h1>`), 800, 600)
	b.AddAuthenticator()
	b.Run(chromedp.Navigate(b.Base))
	const register = `navigator.credentials.create({publicKey: {
		rp: {name: 'Stones'}, user: {id: new Uint8Array(8), name: 'ada', displayName: 'Ada'}, challenge: new Uint8Array(16),
		pubKeyCredParams: [{type: 'public-key', alg: -7}, {type: 'public-key', alg: -257}], authenticatorSelection: {residentKey: 'required'}}}).then(c => c.id)`
	const signIn = `navigator.credentials.get({publicKey: {challenge: new Uint8Array(16)}}).then(c => c.id)`
	if made, used := b.Await(register), b.Await(signIn); made == "" || made != used {
		t.Errorf("made the passkey %q and signed in with %q", made, used)
	}
}

// A recorder is a test that keeps its failures.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func TestTroubleFailsTheTest(t *testing.T) {
	r := &recorder{TB: t}
	t.Cleanup(func() {
		if t.Skipped() {
			return
		}
		all := strings.Join(r.failures, "\n")
		for _, want := range []string{"console.error \"cracked\"", "Error: fallen", "/stone.png"} {
			if !strings.Contains(all, want) {
				t.Errorf("the failures do not name %q:\n%s", want, all)
			}
		}
	})
	base := serve(t, `<script>console.error('cracked'); addEventListener('load', () => { throw new Error('fallen') })</script>`+
		`<script>new Image().src = location.href.replace('localhost', '127.0.0.1') + 'stone.png'</script>`)
	browsertest.Open(r, base, 800, 600).Run(chromedp.Navigate(base))
}

// serve serves one page at localhost, where browsers allow passkeys.
func serve(t *testing.T, body string) (base string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/" {
			fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Stones</title><link rel="icon" href="data:,"><main>%s</main></html>`, body)
		}
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}
