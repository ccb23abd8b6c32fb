package console

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/passkey/passkeytest"
	"github.com/ashlar-dev/ashlar/internal/web/passkey"
)

// A device is an authenticator with one passkey.
type device struct {
	party      virtualwebauthn.RelyingParty
	options    virtualwebauthn.AuthenticatorOptions
	credential virtualwebauthn.Credential
}

func newDevice(domain, origin string) *device {
	return &device{
		party:      virtualwebauthn.RelyingParty{Name: "notes", ID: domain, Origin: origin},
		options:    virtualwebauthn.AuthenticatorOptions{BackupEligible: true},
		credential: passkeytest.NewCredential(virtualwebauthn.KeyTypeEC2),
	}
}

// ask asks for a challenge as the script of passkeys does.
func (v *visitor) ask(path string, pairs ...string) (c passkey.Challenge, refused passkey.Refusal, status int) {
	v.w.t.Helper()
	v.header = http.Header{"Accept": {"application/json"}}
	a := v.post(path, pairs...)
	v.header = http.Header{}
	into := any(&c)
	if a.Code != http.StatusOK {
		into = &refused
	}
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		v.w.t.Fatalf("%s answered %d %s", path, a.Code, a.body)
	}
	return c, refused, a.Code
}

// make registers a passkey of a device.
func (v *visitor) make(d *device, name string) answer {
	v.w.t.Helper()
	c, refused, status := v.ask("/console/account/passkeys/begin")
	options, err := virtualwebauthn.ParseAttestationOptions(string(c.Options))
	if err != nil {
		v.w.t.Fatalf("%v: %d %+v", err, status, refused)
	}
	d.options.UserHandle = []byte(options.UserID)
	made := virtualwebauthn.CreateAttestationResponse(d.party, virtualwebauthn.NewAuthenticatorWithOptions(d.options), d.credential, *options)
	return v.post("/console/account/passkeys", "flow", c.Flow, "name", name, "passkey", made)
}

func (v *visitor) sign(d *device, c passkey.Challenge) string {
	v.w.t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(string(c.Options))
	if err != nil {
		v.w.t.Fatal(err)
	}
	return virtualwebauthn.CreateAssertionResponse(d.party, virtualwebauthn.NewAuthenticatorWithOptions(d.options), d.credential, *options)
}

func TestOperatorsHaveAnAccountOfTheirOwn(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("viewer")
	v.shows(v.get("/console/account"), 200, "Your account", "viewer@example.com", "Set up an authenticator app", "an IP address", "this one")
	const next = "another stone set upon a stone"
	v.shows(v.post("/console/account/password", "old", "wrong", "new", next), 422, "not the password of the account", `id="old" name="old" type="password" required autocomplete="current-password" aria-invalid="true"`)
	v.shows(v.post("/console/account/password", "old", passphrase, "new", "short"), 422, "fewer than 15")
	other := w.visitor()
	other.leads(other.post("/console/sign-in", "email", "viewer@example.com", "password", passphrase), "/console")
	v.leads(v.post("/console/account/password", "old", passphrase, "new", next), "/console/account?done=own-password")
	v.shows(v.get("/console/account?done=own-password"), 200, "The password is changed")
	if a := other.get("/console/users"); a.Code != http.StatusSeeOther {
		t.Errorf("the other session is answered %d", a.Code)
	}

	other.leads(other.post("/console/sign-in", "email", "viewer@example.com", "password", next), "/console")
	ended := regexp.MustCompile(`/console/account/sessions/([0-9a-f-]{36})`).FindStringSubmatch(v.get("/console/account").body)
	v.leads(v.post(ended[0]), "/console/account?done=own-session")
	v.shows(v.post(ended[0]), 404)
	if a := other.get("/console/users"); a.Code != http.StatusSeeOther {
		t.Errorf("the ended session is answered %d", a.Code)
	}
	own := w.idOf(account.KindOperator, "viewer@example.com")
	for _, session := range w.sessionsOf(own) {
		v.shows(v.post("/console/account/sessions/"+session), 409, "sign out instead")
	}
	secret, _ := v.enroll()
	v.shows(v.get("/console/account"), 200, "10 left")
	v.shows(v.post("/console/account/recovery"), 200, "Recovery codes", "I have kept them")
	v.shows(v.post("/console/account/totp/remove"), 422, "confirm that the authenticator app")

	// A change of factors needs a recent proof.
	w.Clock.Pass(11 * time.Minute)
	again := "/console/sign-in?again=1&next=%2Fconsole%2Faccount"
	v.shows(v.get("/console/account"), 200, "need a recent sign-in")
	v.leads(v.post("/console/account/totp/remove", "sure", "yes"), again)
	v.leads(v.post("/console/account/recovery"), again)
	a := v.get(again)
	v.shows(a, 200, "To continue, sign in again", `value="viewer@example.com"`, `name="next" value="/console/account"`)
	a = v.post("/console/sign-in", "email", "viewer@example.com", "password", next, "next", "/console/account")
	flow := regexp.MustCompile(`name="flow" value="([^"]+)"`).FindStringSubmatch(a.body)[1]
	v.leads(v.post("/console/sign-in/factor", "flow", flow, "code", w.code(secret), "next", "/console/account"), "/console/account")
	if n := len(w.sessionsOf(own)); n != 1 {
		t.Errorf("%d sessions after a sign-in in the same browser", n)
	}
	v.leads(v.post("/console/account/totp/remove", "sure", "yes"), "/console/account?done=own-factor")

	var got []string
	for _, entry := range w.entries() {
		if entry.ActorKind == "operator" && entry.ActorID == own && !strings.HasPrefix(entry.Action, "session.") {
			got = append(got, entry.Action)
		}
	}
	slices.Reverse(got)
	want := []string{"operator.created", "password.changed", "totp.added", "recovery.renewed", "totp.removed"}
	if !slices.Equal(got, want) {
		t.Errorf("audit log %q, want %q", got, want)
	}
}

// sessionsOf returns the ids of the sessions of an account.
func (w *world) sessionsOf(id string) (all []string) {
	w.t.Helper()
	found, err := w.Service.SessionsOf(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, each := range found {
		all = append(all, each.ID)
	}
	return all
}

// Elsewhere a passkey is the second factor that the console asks for, and then signs in alone.
func TestAPasskeyOpensTheConsoleFromElsewhere(t *testing.T) {
	w := newWorld(t, source)
	v := w.join(w.remote(), "owner")
	d := newDevice("app.example.com", "https://app.example.com")
	v.shows(v.get("/console/factor"), 200, "Or a passkey", `data-passkey="create"`)
	v.shows(v.make(d, "blue key"), 200, "Recovery codes", `href="/console"`)
	v.leads(v.get("/console"), "/console/users")
	v.shows(v.get("/console/account"), 200, "blue key", "10 left")

	for _, unverified := range []bool{false, true} {
		d.options.UserNotVerified = unverified
		other := w.remote()
		c, refused, status := other.ask("/console/sign-in/passkey/begin", "next", "/console/audit")
		if status != http.StatusOK {
			t.Fatal(refused)
		}
		other.leads(other.post("/console/sign-in/passkey", "flow", c.Flow, "next", "/console/audit", "passkey", other.sign(d, c)), "/console/audit")
		if a := other.get("/console/audit"); (a.Code == http.StatusOK) == unverified {
			t.Errorf("with a verified user %v the audit log is answered %d to %q", !unverified, a.Code, a.path())
		}
		other.shows(other.post("/console/sign-in/passkey", "flow", c.Flow, "passkey", other.sign(d, c)), 401, "not known or the flow is over")
	}

	other := w.remote()
	a := other.post("/console/sign-in", "email", "owner@example.com", "password", passphrase)
	other.shows(a, 200, "Second factor", "Use a passkey", "Recovery code", `name="factor" value="passkey"`)
	flow := regexp.MustCompile(`name="flow" value="([^"]+)"`).FindStringSubmatch(a.body)[1]
	c, refused, status := other.ask("/console/sign-in/factor/passkey", "flow", flow)
	if status != http.StatusOK {
		t.Fatal(refused)
	}
	other.leads(other.post("/console/sign-in/factor", "flow", flow, "passkey", other.sign(d, c)), "/console")
	other.leads(other.get("/console"), "/console/users")

	id := regexp.MustCompile(`/console/account/passkeys/([0-9a-f-]{36})/remove`).FindString(other.get("/console/account").body)
	other.leads(other.post(id), "/console/account?done=own-passkey")
	other.leads(other.get("/console/users"), "/console/factor") // no session keeps the factor
}

func TestTheScriptOfPasskeysGetsWords(t *testing.T) {
	w := newWorld(t, source)
	stranger := w.remote()
	if _, refused, status := stranger.ask("/console/account/passkeys/begin"); status != 401 || refused.Location != "/console/sign-in?next=%2Fconsole%2Faccount" {
		t.Errorf("without a session: %d %+v", status, refused)
	}
	if _, refused, status := stranger.ask("/console/sign-in/factor/passkey", "flow", "x"); status != 422 || !strings.Contains(refused.Detail, "sign in again") {
		t.Errorf("a wrong flow: %d %+v", status, refused)
	}
	here := w.operator("owner")
	if _, refused, status := here.ask("/console/account/passkeys/begin"); status != 403 || !strings.Contains(refused.Detail, "localhost") {
		t.Errorf("at an IP address: %d %+v", status, refused)
	}
	here.host = "localhost:8080"
	w.Clock.Pass(11 * time.Minute)
	if _, refused, status := here.ask("/console/account/passkeys/begin"); status != 401 || refused.Location != "/console/sign-in?again=1&next=%2Fconsole%2Faccount" {
		t.Errorf("without a recent proof: %d %+v", status, refused)
	}
	here.header = http.Header{"Accept": {"application/json"}, "Sec-Fetch-Site": {"cross-site"}}
	if a := here.post("/console/account/passkeys/begin"); a.Code != http.StatusForbidden {
		t.Errorf("from a page of another site: %d %s", a.Code, a.body)
	}
}
