package app

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/ashlar-dev/ashlar/internal/identity/passkey/passkeytest"
)

// exchange sends a body and decodes the answer into into, if there is one.
func (b *browser) exchange(t *testing.T, method, path, body, token string, into any) int {
	t.Helper()
	header := []string{"content-type", "application/json"}
	if token != "" {
		header = append(header, "authorization", "Bearer "+token)
	}
	got := b.send(t, method, path, body, header...)
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s %s = %s %s", method, path, got.Status, text)
		}
	}
	return got.StatusCode
}

// ceremony is what begins a ceremony of WebAuthn.
type ceremony struct {
	Flow    string
	Options json.RawMessage
}

// finish returns the body that ends a ceremony.
func finish(t *testing.T, flow, passkey string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"flow": flow, "passkey": json.RawMessage(passkey)})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestPasskeysOverHTTP(t *testing.T) {
	const model = `-- ashlar.yaml --
ashlar: 1
name: notes
accounts:
  signup: open
  verify: later
  passkeys: {domain: example.com, origins: ["https://app.example.com", "https://example.org"]}
tables:
  notes:
    fields:
      title: {type: text, max: 100}
    access: {read: true}
`
	run := start(t, opened(t, app(t, model), Config{Logger: (&log{}).logger()}))
	ada := &browser{run.base, map[string]*http.Cookie{}}
	party := virtualwebauthn.RelyingParty{Name: "notes", ID: "example.com", Origin: "https://example.org"}
	credential := passkeytest.NewCredential(virtualwebauthn.KeyTypeEC2)
	if got := get(t, run.base+"/.well-known/webauthn"); got.status != http.StatusOK || got.body != `{"origins":["https://app.example.com","https://example.org"]}` {
		t.Errorf("related origins = %d %s", got.status, got.body)
	}

	var session struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Status  string
		Flow    string
		Factors []string
	}
	const who = `{"email": "ada@example.com", "password": "correct horse battery staple"}`
	ada.exchange(t, "POST", "/auth/sign-up", who, "", &session)
	if got := ada.exchange(t, "POST", "/auth/passkeys/begin", "", "", nil); got != http.StatusUnauthorized {
		t.Errorf("anonymous registration = %d", got)
	}
	var begun ceremony
	ada.exchange(t, "POST", "/auth/passkeys/begin", "", session.Access, &begun)
	asked, err := virtualwebauthn.ParseAttestationOptions(string(begun.Options))
	if err != nil {
		t.Fatal(err)
	}
	device := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(asked.UserID)})
	var made struct {
		ID    string
		Codes []string `json:"recovery_codes"`
	}
	answer := finish(t, begun.Flow, virtualwebauthn.CreateAttestationResponse(party, device, credential, *asked))
	if got := ada.exchange(t, "POST", "/auth/passkeys/finish", answer, session.Access, &made); got != http.StatusCreated || len(made.Codes) != 10 {
		t.Fatalf("registration = %d %+v", got, made)
	}

	sign := func(options json.RawMessage) string {
		asked, err := virtualwebauthn.ParseAssertionOptions(string(options))
		if err != nil {
			t.Fatal(err)
		}
		return virtualwebauthn.CreateAssertionResponse(party, device, credential, *asked)
	}
	ada.exchange(t, "POST", "/auth/passkey/begin", "", "", &begun)
	answer = finish(t, begun.Flow, sign(begun.Options))
	if got := ada.exchange(t, "POST", "/auth/passkey/finish", answer, "", &session); got != http.StatusOK {
		t.Fatalf("sign-in = %d", got)
	}
	if got := ada.exchange(t, "POST", "/auth/passkey/finish", answer, "", nil); got != http.StatusUnauthorized {
		t.Errorf("replay = %d", got)
	}
	access := session.Access

	ada.exchange(t, "POST", "/auth/sign-in", who, "", &session)
	if session.Status != "factor" || strings.Join(session.Factors, " ") != "passkey recovery" {
		t.Fatalf("sign-in by password = %+v", session)
	}
	ada.exchange(t, "POST", "/auth/sign-in/factor/passkey", `{"flow": "`+session.Flow+`"}`, "", &begun)
	if got := ada.exchange(t, "POST", "/auth/sign-in/factor", finish(t, session.Flow, sign(begun.Options)), "", &session); got != http.StatusOK {
		t.Errorf("factor = %d", got)
	}

	for _, passkey := range []string{`null`, `"x"`, `[]`, `{}`, `{"response":null}`, `{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30"}}`} {
		ada.exchange(t, "POST", "/auth/passkey/begin", "", "", &begun)
		for _, path := range []string{"/auth/passkey/finish", "/auth/passkeys/finish", "/auth/sign-in/factor"} {
			if got := ada.exchange(t, "POST", path, finish(t, begun.Flow, passkey), access, nil); got < 400 || got >= 500 {
				t.Errorf("POST %s with %s = %d", path, passkey, got)
			}
		}
	}

	var list struct{ Items []struct{ ID, Name string } }
	if got := ada.exchange(t, "GET", "/auth/passkeys", "", access, &list); got != http.StatusOK || len(list.Items) != 1 || list.Items[0].ID != made.ID {
		t.Errorf("list = %d %+v", got, list)
	}
	if got := ada.exchange(t, "DELETE", "/auth/passkeys/"+made.ID, "", access, nil); got != http.StatusNoContent {
		t.Errorf("deletion = %d", got)
	}
	if got := ada.exchange(t, "GET", "/auth/me", "", access, nil); got != http.StatusUnauthorized {
		t.Errorf("the token with the factor = %d", got)
	}
}
