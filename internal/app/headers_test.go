package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
