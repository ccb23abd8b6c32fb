package load

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
)

const (
	withoutAccounts = `ashlar: 1
name: careers
roles: [editor, hr]
tables:
  occupations: {}
  salaries: {}
`
	wholeAccounts = withoutAccounts + `accounts:
  url: https://app.example.com/
  signup: open
  verify: later
  password: {min: 12, words: [careers]}
  passkeys: {domain: example.com, origins: [https://app.example.com, https://example.org]}
  totp: true
  codes: {length: 6, valid: 5m, tries: 3}
  sessions: {access: 5m, idle: 7d, longest: 30d, each_user: 10}
  require:
    - {when: "'editor' in auth.roles", mfa: true}
  providers:
    google: {client_id: $GOOGLE_ID, client_secret: $GOOGLE_SECRET}
    corp:
      issuer: https://id.corp.example
      client_id: careers
      client_secret: file:/run/secrets/corp
      roles: {from: groups, people: hr, Both of them: [editor, hr]}
  issuers:
    - {issuer: https://id.corp.example, audience: careers-api, users: new, mfa: [gold], roles: {from: groups, people: hr}}
  keys:
    scopes:
      reader: {occupations: read}
      ingest: {salaries: [create, update], jobs: [import]}
    longest: 30d
  invite: {by: "'editor' in auth.roles", roles: [hr]}
  mail: {from: Careers <no-reply@example.com>, folder: mail}
  audit: {keep: 400d}
`
)

func ignorePositions() cmp.Options {
	return cmp.Options{
		cmpopts.IgnoreTypes(model.Pos{}), cmpopts.IgnoreFields(model.Accounts{}, "Positions"), cmpopts.IgnoreFields(model.Expr{}, "Spans"),
	}
}

func TestAccounts(t *testing.T) {
	got := loadText(t, wholeAccounts).Accounts
	editor := &model.Expr{Text: "'editor' in auth.roles"}
	roles := &model.ClaimRoles{From: "groups", Roles: map[string][]string{"people": {"hr"}}}
	want := &model.Accounts{
		URL: "https://app.example.com", Signup: model.SignupOpen, Verify: model.VerifyLater,
		Password: &model.Password{Min: 12, Words: []string{"careers"}},
		Passkeys: &model.Passkeys{Domain: "example.com", Origins: []string{"https://app.example.com", "https://example.org"}},
		TOTP:     true,
		Codes:    model.Codes{Length: 6, Valid: 5 * time.Minute, Tries: 3},
		Sessions: model.Sessions{Access: 5 * time.Minute, Idle: 7 * day, Longest: 30 * day, EachUser: 10},
		Require:  []model.Require{{When: editor, MFA: true}},
		Providers: []model.Provider{
			{Name: "google", Preset: true, ClientID: model.Setting{Source: "$GOOGLE_ID"}, ClientSecret: model.Setting{Source: "$GOOGLE_SECRET"}},
			{Name: "corp", Issuer: "https://id.corp.example", ClientID: model.Setting{Value: "careers"},
				ClientSecret: model.Setting{Source: "file:/run/secrets/corp"},
				Roles:        &model.ClaimRoles{From: "groups", Roles: map[string][]string{"people": {"hr"}, "Both of them": {"editor", "hr"}}}},
		},
		Issuers: []model.Issuer{{Issuer: "https://id.corp.example", Audience: []string{"careers-api"}, Algorithms: model.Algorithms(), Users: model.UsersNew, MFA: []string{"gold"}, Roles: roles}},
		Keys: model.Keys{Longest: 30 * day, Scopes: []model.KeyScope{
			{Name: "reader", Scopes: caller.Scopes{Tables: map[string]caller.Operations{"occupations": caller.MayRead}}},
			{Name: "ingest", Scopes: caller.Scopes{Tables: map[string]caller.Operations{"salaries": caller.MayCreate | caller.MayUpdate}, Jobs: []string{"import"}}},
		}},
		Invite: &model.Invite{By: editor, Roles: []string{"hr"}},
		Mail:   model.Mail{From: "Careers <no-reply@example.com>", Folder: "mail"},
		Audit:  model.Audit{Keep: 400 * day},
	}
	if diff := cmp.Diff(want, got, ignorePositions()); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
}

func TestAccountsHaveDefaults(t *testing.T) {
	if accounts := loadText(t, withoutAccounts).Accounts; accounts != nil {
		t.Errorf("accounts without the key = %+v, want nil", accounts)
	}
	for _, text := range []string{"accounts: {}\n", "accounts:\n"} {
		got := loadText(t, withoutAccounts+text).Accounts
		if diff := cmp.Diff(defaultAccounts(), got, ignorePositions()); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", text, diff)
		}
	}
}

func TestAccountsKnowTheirPositions(t *testing.T) {
	accounts := loadText(t, wholeAccounts).Accounts
	lines := strings.Split(wholeAccounts, "\n")
	for _, tt := range []struct {
		keys []string
		want string // the line from the position on
	}{
		{[]string{"mail", "from"}, "Careers <no-reply@example.com>, folder: mail}"},
		{[]string{"providers", "corp", "issuer"}, "https://id.corp.example"},
		{[]string{"issuers", "0", "audience"}, "careers-api, users: new, mfa: [gold], roles: {from: groups, people: hr}}"},
		{[]string{"passkeys", "origins", "1"}, "https://example.org]}"},
		{[]string{"keys", "longest"}, "30d"},
		{[]string{"mail", "reply_to"}, "{from: Careers <no-reply@example.com>, folder: mail}"},
		{[]string{"nothing"}, "accounts:"},
	} {
		at := accounts.At(tt.keys...)
		if got := lines[at.Line-1][at.Col-1:]; got != tt.want {
			t.Errorf("At(%q) is at %q, want %q", tt.keys, got, tt.want)
		}
	}
}

func TestPasskeysTakeThePublicAddress(t *testing.T) {
	got := loadText(t, withoutAccounts+"accounts:\n  passkeys: {domain: example.com}\n  url: https://app.example.com\n").Accounts.Passkeys
	if want := (&model.Passkeys{Domain: "example.com", Origins: []string{"https://app.example.com"}}); !cmp.Equal(got, want) {
		t.Errorf("passkeys = %+v, want %+v", got, want)
	}
}

// Accounts change no table, so the stored model and the differences of models know nothing about them.
func TestAccountsAreNoChangeOfTheModel(t *testing.T) {
	without, with := loadText(t, withoutAccounts), loadText(t, wholeAccounts)
	if !bytes.Equal(snapshot.Encode(without), snapshot.Encode(with)) {
		t.Errorf("the stored model has accounts: %s", snapshot.Encode(with))
	}
	if changes := diff.Between(without, with); len(changes) > 0 {
		t.Errorf("changes by accounts: %v", changes)
	}
}

func TestResolveFetchesSettings(t *testing.T) {
	m := loadText(t, wholeAccounts)
	if diff := cmp.Diff([]string{"$GOOGLE_ID", "$GOOGLE_SECRET", "file:/run/secrets/corp"}, m.Sources()); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	variables := map[string]string{"GOOGLE_ID": "id", "GOOGLE_SECRET": "open sesame\n"}
	lookup := func(name string) (string, bool) { value, ok := variables[name]; return value, ok }
	readFile := func(path string) ([]byte, error) {
		if path == "/run/secrets/corp" {
			return []byte("from a file\n"), nil
		}
		return nil, errors.New("no such file")
	}
	accounts, faults := m.Resolve(lookup, readFile)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	google, corp := accounts.Providers[0], accounts.Providers[1]
	for got, want := range map[string]string{
		string(google.ClientID.Value): "id", string(google.ClientSecret.Value): "open sesame",
		string(corp.ClientID.Value): "careers", string(corp.ClientSecret.Value): "from a file",
	} {
		if got != want {
			t.Errorf("setting = %q, want %q", got, want)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %x", google, google, google, google.ClientSecret); strings.Contains(text, "sesame") {
		t.Errorf("a printed provider shows its secret: %s", text)
	}
	if m.Accounts.Providers[0].ClientSecret.Value != "" {
		t.Error("Resolve wrote a secret into the model")
	}
}

func TestResolveReportsMissingSettings(t *testing.T) {
	m := loadText(t, wholeAccounts)
	lookup := func(name string) (string, bool) { return " ", name == "GOOGLE_SECRET" }
	readFile := func(string) ([]byte, error) { return nil, errors.New("permission denied") }
	_, faults := m.Resolve(lookup, readFile)
	const want = `ashlar.yaml:19:25: the environment variable GOOGLE_ID is not set: set it where the server starts
      google: {client_id: $GOOGLE_ID, client_secret: $GOOGLE_SECRET}
                          ^
ashlar.yaml:19:52: the environment variable GOOGLE_SECRET is empty
      google: {client_id: $GOOGLE_ID, client_secret: $GOOGLE_SECRET}
                                                     ^
ashlar.yaml:23:22: cannot read the file: permission denied
        client_secret: file:/run/secrets/corp
                       ^`
	if diff := cmp.Diff(want, faults.Error()); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if accounts, faults := loadText(t, withoutAccounts).Resolve(lookup, readFile); accounts != nil || faults != nil {
		t.Errorf("Resolve without accounts = %v, %v", accounts, faults)
	}
}

// No fault shows a secret that stands in the model file, whatever else is wrong in its line.
func TestFaultsHideSecrets(t *testing.T) {
	for _, line := range []string{
		"{client_id: $GOOGLE-ID, client_secret: geheim, colour: red, roles: 5}",
		"{client_secret: 'geheim', client_id: }",
		`{client_secret: "gehei\x6d", client_id: a}`,
		"{client_secret: [geheim], client_id: []}",
	} {
		_, faults := Files(map[string][]byte{model.MainFile: []byte(withoutAccounts + "accounts: {providers: {google: " + line + "}}\n")})
		if len(faults) == 0 || strings.Contains(faults.Error(), "gehei") {
			t.Errorf("faults of %s:\n%v", line, faults)
		}
	}
}

func TestPublicURL(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"https://app.example.com", "https://app.example.com"},
		{"https://app.example.com/", "https://app.example.com"},
		{"https://app.example.com:8443", "https://app.example.com:8443"},
		{"http://localhost:8080", "http://localhost:8080"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"http://[::1]:8080", "http://[::1]:8080"},
		{"https://xn--bcher-kva.example", "https://xn--bcher-kva.example"},
		{"", ""}, {"app.example.com", ""}, {"http://app.example.com", ""}, {"https://app.example.com/app", "https://app.example.com/app"}, {"https://app.example.com/a/../b", ""}, {"https://app.example.com/a//b", ""},
		{"https://app.example.com?a", ""}, {"https://app.example.com#", ""}, {"https://me@app.example.com", ""},
		{"https://app.example.com:", ""}, {"https://app.example.com:443", ""}, {"HTTPS://app.example.com", ""}, {"https://App.example.com", ""},
		{"https://bücher.example", ""}, {"https://a b.example", ""}, {"https://-a.example", ""}, {"https:app.example.com", ""},
		{"javascript:alert(1)", ""}, {"https://localhost.evil.example", "https://localhost.evil.example"}, {"http://localhost.evil.example", ""},
	} {
		got, err := PublicURL(tt.in)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("PublicURL(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestOriginOf(t *testing.T) {
	for in, want := range map[string]string{
		"https://app.example.com":        "https://app.example.com",
		"https://example.com:8443/app/x": "https://example.com:8443",
		"http://[::1]:8080/app":          "http://[::1]:8080",
	} {
		if got := originOf(in); got != want {
			t.Errorf("originOf(%q) = %q, want %q", in, got, want)
		}
	}
}
