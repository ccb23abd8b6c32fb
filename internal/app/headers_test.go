package app

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

const openSignUp = `-- ashlar.yaml --
ashlar: 1
name: notes
accounts: {signup: open}
tables:
  notes:
    fields: {title: {type: text, max: 100}}
    access: {read: true}
`

// Links in mails begin with the configured address, whatever host a request names.
func TestForgery_NoHeaderChoosesTheLinkOfAMail(t *testing.T) {
	dir := app(t, openSignUp)
	data := filepath.Join(dir, "data")
	base := start(t, opened(t, dir, Config{Data: data, URL: "https://notes.example.com", Logger: (&log{}).logger()})).base
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/auth/sign-up", strings.NewReader(`{"email": "ada@example.com", "password": "a horse that nobody sees"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example"
	r.Header.Set("Content-Type", "application/json")
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "X-Original-Host", "X-Http-Host-Override", "Forwarded"} {
		r.Header.Set(name, map[bool]string{true: "host=evil.example", false: "evil.example"}[name == "Forwarded"])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		t.Fatal(answer.Status)
	}
	var mail []byte
	for range 5000 {
		if files, _ := filepath.Glob(filepath.Join(data, "mail", "*.eml")); len(files) > 0 {
			var err error
			if mail, err = os.ReadFile(files[0]); err != nil {
				t.Fatal(err)
			}
			break
		}
		time.Sleep(time.Millisecond)
	}
	if !strings.Contains(string(mail), "https://notes.example.com/account/verify#ada@example.com/") || strings.Contains(string(mail), "evil") || strings.Contains(string(mail), "127.0.0.1") {
		t.Errorf("the mail is\n%s", mail)
	}
}

// A key is made for its caller. Nobody names another owner, and nobody without a session gets as far as the body.
func TestEscalation_KeysAreMadeForTheirCallerAlone(t *testing.T) {
	dir := app(t, strings.Replace(openSignUp, "signup: open", "signup: open, verify: later", 1))
	b := &browser{start(t, opened(t, dir, Config{Logger: (&log{}).logger()})).base, map[string]*http.Cookie{}}
	var session struct {
		Access string `json:"access_token"`
	}
	if got := b.exchange(t, "POST", "/auth/sign-up", `{"email": "ada@example.com", "password": "a horse that nobody sees"}`, "", &session); got != http.StatusOK {
		t.Fatal(got)
	}
	for _, owner := range []string{"owner", "user", "user_id", "userId", "account", "account_id", "email", "roles", "kind", "id"} {
		if got := b.exchange(t, "POST", "/auth/keys", `{"name": "ci", "`+owner+`": "018f0000-0000-7000-8000-000000000001"}`, session.Access, nil); got != http.StatusUnprocessableEntity {
			t.Errorf("with %s = %d", owner, got)
		}
	}
	for _, body := range []string{`{"name": "ci"}`, `{"name": `, ``} {
		if got := b.exchange(t, "POST", "/auth/keys", body, "", nil); got != http.StatusUnauthorized {
			t.Errorf("anonymous with %q = %d", body, got)
		}
	}
	if got := b.exchange(t, "POST", "/auth/keys", `{"name": "ci"}`, session.Access, nil); got != http.StatusCreated {
		t.Errorf("his own key = %d", got)
	}
}

// Behind a trusted proxy each client has a count of its own. Without one, no client gets another count by a header.
func TestGuessing_OnlyATrustedProxyChoosesTheCounter(t *testing.T) {
	const free = 60 // mails that one network may ask for
	for name, proxies := range map[string][]netip.Prefix{"trusted": {netip.MustParsePrefix("127.0.0.1/32")}, "untrusted": nil} {
		t.Run(name, func(t *testing.T) {
			b := &browser{start(t, opened(t, app(t, openSignUp), Config{Logger: (&log{}).logger(), Proxies: proxies})).base, map[string]*http.Cookie{}}
			ask := func(i int, client string) int {
				body := fmt.Sprintf(`{"email": "nobody%d@example.com"}`, i)
				return b.send(t, "POST", "/auth/code", body, "content-type", "application/json", "X-Forwarded-For", client).StatusCode
			}
			one := func(int) string { return "192.0.2.9, 203.0.113.1" }
			if proxies == nil {
				one = func(i int) string { return fmt.Sprintf("203.0.113.%d", i) }
			}
			for i := range free + 1 {
				if got := ask(i, one(i)); got != http.StatusAccepted {
					t.Fatalf("mail %d = %d", i, got)
				}
			}
			if got := ask(free+1, one(free+1)); got != http.StatusTooManyRequests {
				t.Errorf("one mail too many = %d", got)
			}
			want := map[bool]int{true: http.StatusAccepted, false: http.StatusTooManyRequests}[proxies != nil]
			if got := ask(free+2, "203.0.113.200"); got != want {
				t.Errorf("another client = %d, want %d", got, want)
			}
		})
	}
}

// The log, the kept record, the audit log, the account's sessions and the counters all name the same client.
func TestForgery_AllNameTheSameClient(t *testing.T) {
	lines := &log{}
	server := opened(t, app(t, strings.Replace(openSignUp, "signup: open", "signup: open, verify: later", 1)), Config{
		Logger: lines.logger(), Telemetry: AutoTelemetry, Forwarded: true, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	})
	b := &browser{start(t, server).base, map[string]*http.Cookie{}}
	const body = `{"email": "ada@example.com", "password": "a horse that nobody sees"}`
	answer := b.send(t, "POST", "/auth/sign-up", body, "content-type", "application/json", "X-Forwarded-For", "192.0.2.66",
		"Forwarded", `for=192.0.2.1;by=", for="[2001:db8::7]:4711"`)
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	server.flushRecords()
	if got := lines.line(t, "/auth/sign-up")["remote"]; got != "[2001:db8::7]:0" {
		t.Errorf("the log names %v", got)
	}
	waitFor(t, "the record", func() bool {
		kept, err := server.Archive.Records(t.Context(), archive.Filter{}, 0, 10)
		return err == nil && slices.ContainsFunc(kept.Records, func(r archive.Record) bool {
			return r.Route == "POST /auth/sign-up" && r.Remote == "2001:db8::7"
		})
	})
	for _, name := range []string{"ashlar_audit", "ashlar_sessions"} {
		page, err := server.Rows.List(t.Context(), caller.System("test"), server.Rows.Table(name), record.Query{Limit: 100}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(page); !strings.Contains(text, `"address":"2001:db8::7"`) || strings.Contains(text, "192.0.2.") || strings.Contains(text, "127.0.0.1") {
			t.Errorf("%s holds %s", name, text)
		}
	}
}
