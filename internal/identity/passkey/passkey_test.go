package passkey_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/passkey"
	"github.com/ashlar-dev/ashlar/internal/identity/passkey/passkeytest"
)

const (
	own     = "https://app.example.com"
	related = "https://example.org"
)

func ceremonies(t testing.TB) *passkey.Ceremonies {
	t.Helper()
	c, err := passkey.New(passkey.Config{App: "notes", Domain: "example.com", Origins: []string{own, related}, Lives: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A device is an authenticator with one passkey.
type device struct {
	party      virtualwebauthn.RelyingParty
	options    virtualwebauthn.AuthenticatorOptions
	credential virtualwebauthn.Credential
}

func newDevice(options virtualwebauthn.AuthenticatorOptions, kind virtualwebauthn.KeyType) *device {
	return &device{
		party:   virtualwebauthn.RelyingParty{Name: "notes", ID: "example.com", Origin: own},
		options: options, credential: passkeytest.NewCredential(kind),
	}
}

func (d *device) register(t testing.TB, options passkey.Options) []byte {
	t.Helper()
	parsed, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	d.options.UserHandle = []byte(parsed.UserID)
	return []byte(virtualwebauthn.CreateAttestationResponse(d.party, virtualwebauthn.NewAuthenticatorWithOptions(d.options), d.credential, *parsed))
}

func (d *device) sign(t testing.TB, options passkey.Options) passkey.Answer {
	t.Helper()
	parsed, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	text := virtualwebauthn.CreateAssertionResponse(d.party, virtualwebauthn.NewAuthenticatorWithOptions(d.options), d.credential, *parsed)
	answer, err := passkey.ParseAnswer([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// owner returns an account with the passkey of a device.
func owner(t testing.TB, c *passkey.Ceremonies, d *device) passkey.Owner {
	t.Helper()
	o := passkey.Owner{Handle: "0190-ada", Name: "ada@example.com", Title: "Ada"}
	options, state, err := c.BeginRegistration(o)
	if err != nil {
		t.Fatal(err)
	}
	made, err := c.FinishRegistration(o, state, d.register(t, options))
	if err != nil {
		t.Fatal(err)
	}
	o.Passkeys = append(o.Passkeys, made)
	return o
}

func TestRegistrationAsksForADiscoverablePasskey(t *testing.T) {
	c := ceremonies(t)
	o := owner(t, c, newDevice(virtualwebauthn.AuthenticatorOptions{}, virtualwebauthn.KeyTypeEC2))
	options, _, err := c.BeginRegistration(o)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Attestation            string `json:"attestation"`
		AuthenticatorSelection struct {
			ResidentKey      string `json:"residentKey"`
			UserVerification string `json:"userVerification"`
		} `json:"authenticatorSelection"`
		ExcludeCredentials []struct{ ID string } `json:"excludeCredentials"`
		RP                 struct{ ID string }   `json:"rp"`
	}
	if err := json.Unmarshal(options, &got); err != nil {
		t.Fatal(err)
	}
	selection := []string{got.Attestation, got.AuthenticatorSelection.ResidentKey, got.AuthenticatorSelection.UserVerification, got.RP.ID}
	if diff := cmp.Diff([]string{"none", "required", "preferred", "example.com"}, selection); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if len(got.ExcludeCredentials) != 1 || got.ExcludeCredentials[0].ID != o.Passkeys[0].ID {
		t.Errorf("excluded: %+v, want the known passkey", got.ExcludeCredentials)
	}
}

func TestAPasskeySignsInAndProves(t *testing.T) {
	for _, kind := range []virtualwebauthn.KeyType{virtualwebauthn.KeyTypeEC2, virtualwebauthn.KeyTypeRSA} {
		for _, unverified := range []bool{false, true} {
			c, d := ceremonies(t), newDevice(virtualwebauthn.AuthenticatorOptions{UserNotVerified: unverified, BackupEligible: true}, kind)
			o := owner(t, c, d)
			d.party.Origin = related
			options, state, err := c.BeginSignIn()
			if err != nil {
				t.Fatal(err)
			}
			answer := d.sign(t, options)
			if answer.Handle != o.Handle || answer.Passkey != o.Passkeys[0].ID {
				t.Errorf("the answer names %q and %q", answer.Handle, answer.Passkey)
			}
			proof, err := c.FinishSignIn(o, state, answer)
			if err != nil || proof.UserVerified == unverified {
				t.Errorf("%s: FinishSignIn = %+v, %v", kind, proof, err)
			}
			if options, state, err = c.BeginProof(o); err != nil {
				t.Fatal(err)
			}
			if _, err := c.FinishProof(o, state, d.sign(t, options)); err != nil {
				t.Errorf("%s: FinishProof: %v", kind, err)
			}
		}
	}
}

func TestForeignAnswersAreRefused(t *testing.T) {
	for name, change := range map[string]func(d *device, o *passkey.Owner){
		"origin":           func(d *device, _ *passkey.Owner) { d.party.Origin = "https://app.example.com.evil.example" },
		"related port":     func(d *device, _ *passkey.Owner) { d.party.Origin = related + ":8443" },
		"relying party id": func(d *device, _ *passkey.Owner) { d.party.ID = "evil.example" },
		"account":          func(_ *device, o *passkey.Owner) { o.Handle = "0190-bob" },
		"key": func(d *device, _ *passkey.Owner) {
			id := d.credential.ID
			d.credential = passkeytest.NewCredential(virtualwebauthn.KeyTypeEC2)
			d.credential.ID = id
		},
		"passkey":    func(d *device, _ *passkey.Owner) { d.credential.ID = []byte("another passkey") },
		"no user":    func(d *device, _ *passkey.Owner) { d.options.UserNotPresent = true },
		"backup bit": func(d *device, _ *passkey.Owner) { d.options.BackupEligible = true },
	} {
		t.Run(name, func(t *testing.T) {
			c, d := ceremonies(t), newDevice(virtualwebauthn.AuthenticatorOptions{}, virtualwebauthn.KeyTypeEC2)
			o := owner(t, c, d)
			options, state, err := c.BeginSignIn()
			if err != nil {
				t.Fatal(err)
			}
			change(d, &o)
			if proof, err := c.FinishSignIn(o, state, d.sign(t, options)); errs.KindOf(err) != errs.Invalid {
				t.Errorf("FinishSignIn = %+v, %v", proof, err)
			}
		})
	}
}

func TestACeremonyTakesNoAnswerOfAnother(t *testing.T) {
	c, d := ceremonies(t), newDevice(virtualwebauthn.AuthenticatorOptions{}, virtualwebauthn.KeyTypeEC2)
	o := owner(t, c, d)
	options, _, _ := c.BeginSignIn()
	_, otherState, _ := c.BeginSignIn()
	proofOptions, proofState, err := c.BeginProof(o)
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() error{
		"another challenge": func() error { _, err := c.FinishSignIn(o, otherState, d.sign(t, options)); return err },
		"a proof's state":   func() error { _, err := c.FinishSignIn(o, proofState, d.sign(t, proofOptions)); return err },
		"a sign-in's state": func() error { _, err := c.FinishProof(o, otherState, d.sign(t, proofOptions)); return err },
		"no answer":         func() error { _, err := c.FinishProof(o, proofState, passkey.Answer{}); return err },
		"a registration":    func() error { _, err := passkey.ParseAnswer(d.register(t, registration(t, c, o))); return err },
	} {
		if err := try(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func registration(t testing.TB, c *passkey.Ceremonies, o passkey.Owner) passkey.Options {
	t.Helper()
	options, _, err := c.BeginRegistration(o)
	if err != nil {
		t.Fatal(err)
	}
	return options
}

// The count tells of a clone only for passkeys that are not copied between devices.
func TestTheCountMattersWithoutBackup(t *testing.T) {
	for _, eligible := range []bool{false, true} {
		c, d := ceremonies(t), newDevice(virtualwebauthn.AuthenticatorOptions{BackupEligible: eligible}, virtualwebauthn.KeyTypeEC2)
		d.credential.Counter = 7
		o := owner(t, c, d)
		d.credential.Counter = 5
		options, state, err := c.BeginSignIn()
		if err != nil {
			t.Fatal(err)
		}
		proof, err := c.FinishSignIn(o, state, d.sign(t, options))
		if (err == nil) != eligible || (eligible && proof.Passkey.Count != 7) {
			t.Errorf("backup eligible %v: FinishSignIn = %+v, %v", eligible, proof, err)
		}
	}
}

// FuzzAnswers reads any text as an answer. It is accepted or errs.Invalid.
func FuzzAnswers(f *testing.F) {
	c, d := ceremonies(f), newDevice(virtualwebauthn.AuthenticatorOptions{}, virtualwebauthn.KeyTypeEC2)
	o := owner(f, c, d)
	options, state, err := c.BeginRegistration(o)
	if err != nil {
		f.Fatal(err)
	}
	_, signState, _ := c.BeginSignIn()
	good := string(d.register(f, options))
	f.Add(good)
	f.Add(strings.Replace(good, "public-key", "", 1))
	f.Add(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}}`)
	f.Add(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"bnVsbA","attestationObject":"oA"}}`)
	f.Add(`{"response":null}`)
	f.Add("null")
	f.Add("[]")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := c.FinishRegistration(o, state, []byte(text)); err != nil && errs.KindOf(err) != errs.Invalid {
			t.Errorf("FinishRegistration: %v", err)
		}
		answer, err := passkey.ParseAnswer([]byte(text))
		if err == nil {
			_, err = c.FinishSignIn(o, signState, answer)
		}
		if err != nil && errs.KindOf(err) != errs.Invalid {
			t.Errorf("sign-in: %v", err)
		}
	})
}
