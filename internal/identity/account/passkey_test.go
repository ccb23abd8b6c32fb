package account_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/passkey/passkeytest"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
)

func withPasskeys(a *model.Accounts) {
	a.Passkeys = &model.Passkeys{Domain: "example.com", Origins: []string{"https://app.example.com", "https://example.org"}}
}

// A device is an authenticator with one passkey.
type device struct {
	party      virtualwebauthn.RelyingParty
	options    virtualwebauthn.AuthenticatorOptions
	credential virtualwebauthn.Credential
}

func newDevice() *device {
	return &device{
		party:      virtualwebauthn.RelyingParty{Name: "notes", ID: "example.com", Origin: "https://app.example.com"},
		options:    virtualwebauthn.AuthenticatorOptions{BackupEligible: true},
		credential: passkeytest.NewCredential(virtualwebauthn.KeyTypeEC2),
	}
}

func (d *device) make(t *testing.T, c account.Challenge) []byte {
	t.Helper()
	options, err := virtualwebauthn.ParseAttestationOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	d.options.UserHandle = []byte(options.UserID)
	return []byte(virtualwebauthn.CreateAttestationResponse(d.party, virtualwebauthn.NewAuthenticatorWithOptions(d.options), d.credential, *options))
}

func (d *device) sign(t *testing.T, c account.Challenge) []byte {
	t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(virtualwebauthn.CreateAssertionResponse(d.party, virtualwebauthn.NewAuthenticatorWithOptions(d.options), d.credential, *options))
}

// register gives an account a passkey and returns the session's caller afterwards.
func (n *node) register(t *testing.T, grant *account.Grant, d *device) (caller.Caller, account.NewPasskey) {
	t.Helper()
	who := n.Caller(t, grant.Access)
	c, err := n.BeginPasskey(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	made, err := n.FinishPasskey(t.Context(), who, c.Flow, "", d.make(t, c), home)
	if err != nil {
		t.Fatal(err)
	}
	next, err := n.Refresh(t.Context(), grant.Refresh, home)
	if err != nil {
		t.Fatal(err)
	}
	*grant = *next
	return n.Caller(t, next.Access), made
}

// begin begins a sign-in by passkey.
func (n *node) begin(t *testing.T) account.Challenge {
	t.Helper()
	c, err := n.BeginPasskeySignIn(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAPasskeySignsIn(t *testing.T) {
	eachWith(t, withPasskeys, func(t *testing.T, n *node) {
		d := newDevice()
		who, made := n.register(t, n.NewUser(t, "ada@example.com"), d)
		if len(made.Recovery) != 10 || made.Name != "Firefox on Linux" || !who.MFA() || !slices.Contains(who.Methods(), "passkey") {
			t.Errorf("registered %+v, methods %v", made, who.Methods())
		}
		if l := n.Outbox.Take(); len(l) != 1 || l[0].Data["change"] != "new factor" {
			t.Errorf("letters after the registration: %+v", l)
		}
		for _, unverified := range []bool{false, true} {
			d.options.UserNotVerified = unverified
			c := n.begin(t)
			step, err := n.FinishPasskeySignIn(t.Context(), c.Flow, d.sign(t, c), home)
			if err != nil || step.Grant == nil {
				t.Fatalf("FinishPasskeySignIn = %+v, %v", step, err)
			}
			got := n.Caller(t, step.Grant.Access)
			if got.MFA() == unverified || !slices.Equal(got.Methods(), []string{"passkey"}) {
				t.Errorf("user verified %v: mfa %v, methods %v", !unverified, got.MFA(), got.Methods())
			}
		}
		all, err := n.Passkeys(t.Context(), who)
		if err != nil || len(all) != 1 || all[0].ID != made.ID || all[0].Used == nil {
			t.Errorf("Passkeys = %+v, %v", all, err)
		}
		if _, err := n.FinishPasskey(t.Context(), who, "", "", nil, home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("without a flow: %v", err)
		}
	})
}

func TestAPasskeyIsASecondFactor(t *testing.T) {
	eachWith(t, withPasskeys, func(t *testing.T, n *node) {
		d := newDevice()
		d.options.UserNotVerified = true
		_, made := n.register(t, n.NewUser(t, "ada@example.com"), d)
		waits := func() string {
			step, err := n.SignIn(t.Context(), "ada@example.com", secret, home)
			if err != nil || step.Grant != nil || !slices.Equal(step.Factors, []string{"passkey", "recovery"}) {
				t.Fatalf("SignIn = %+v, %v", step, err)
			}
			return step.Flow
		}
		flow := waits()
		c, err := n.BeginFactor(t.Context(), flow, home)
		if err != nil {
			t.Fatal(err)
		}
		answer := d.sign(t, c)
		other := waits()
		if _, err := n.Confirm(t.Context(), other, account.Factor{Passkey: answer}, home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("the challenge of another flow: %v", err)
		}
		done, err := n.Confirm(t.Context(), flow, account.Factor{Passkey: answer}, home)
		if err != nil || done.Grant == nil {
			t.Fatalf("Confirm = %+v, %v", done, err)
		}
		if who := n.Caller(t, done.Grant.Access); !who.MFA() || !slices.Equal(who.Methods(), []string{"password", "passkey"}) {
			t.Errorf("mfa %v, methods %v", who.MFA(), who.Methods())
		}
		for name, f := range map[string]account.Factor{"replay": {Passkey: answer}, "nonsense": {Passkey: []byte("{}")}} {
			flow := waits()
			if _, err := n.BeginFactor(t.Context(), flow, home); err != nil {
				t.Fatal(err)
			}
			if _, err := n.Confirm(t.Context(), flow, f, home); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if done, err := n.Confirm(t.Context(), waits(), account.Factor{Recovery: made.Recovery[0]}, home); err != nil || done.Grant == nil {
			t.Errorf("a recovery code: %+v, %v", done, err)
		}
	})
}

// A passkey that nobody unlocked is one factor. With an authenticator app beside it, the app is the second; itself never is.
func TestAPasskeyIsNotItsOwnSecondFactor(t *testing.T) {
	both := func(a *model.Accounts) { withPasskeys(a); a.TOTP = true }
	eachWith(t, both, func(t *testing.T, n *node) {
		d, grant := newDevice(), n.NewUser(t, "ada@example.com")
		d.options.UserNotVerified = true
		who, _ := n.register(t, grant, d)
		e, err := n.BeginTOTP(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.ConfirmTOTP(t.Context(), who, accounttest.TOTP(t, e.Secret, n.Clock.Now()), home); err != nil {
			t.Fatal(err)
		}
		n.Clock.Pass(time.Minute)
		c := n.begin(t)
		step, err := n.FinishPasskeySignIn(t.Context(), c.Flow, d.sign(t, c), home)
		if err != nil || !slices.Equal(step.Factors, []string{"totp", "recovery"}) {
			t.Fatalf("FinishPasskeySignIn = %+v, %v", step, err)
		}
		if c, err := n.BeginFactor(t.Context(), step.Flow, home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("BeginFactor = %+v, %v", c, err)
		}
		if _, err := n.Confirm(t.Context(), step.Flow, account.Factor{Passkey: d.sign(t, c)}, home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("the same passkey again: %v", err)
		}
		done, err := n.Confirm(t.Context(), step.Flow, account.Factor{TOTP: accounttest.TOTP(t, e.Secret, n.Clock.Now())}, home)
		if err != nil || !n.Caller(t, done.Grant.Access).MFA() {
			t.Errorf("Confirm = %+v, %v", done, err)
		}
	})
}

func TestForeignPasskeyAnswersAreRefused(t *testing.T) {
	eachWith(t, withPasskeys, func(t *testing.T, n *node) {
		ada, bob := newDevice(), newDevice()
		grant := n.NewUser(t, "ada@example.com")
		n.register(t, grant, ada)
		bobs := n.NewUser(t, "bob@example.com")
		n.register(t, bobs, bob)
		who := n.Caller(t, grant.Access)
		signs := func(change func(d *device)) error {
			d := *ada
			change(&d)
			c := n.begin(t)
			_, err := n.FinishPasskeySignIn(t.Context(), c.Flow, d.sign(t, c), home)
			return err
		}
		registration, err := n.BeginPasskey(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		used := n.begin(t)
		if _, err := n.FinishPasskeySignIn(t.Context(), used.Flow, ada.sign(t, used), home); err != nil {
			t.Fatal(err)
		}
		late := n.begin(t)
		for name, try := range map[string]func() error{
			"origin":           func() error { return signs(func(d *device) { d.party.Origin = "https://evil.example" }) },
			"relying party id": func() error { return signs(func(d *device) { d.party.ID = "evil.example" }) },
			"another's handle": func() error { return signs(func(d *device) { d.options.UserHandle = bob.options.UserHandle }) },
			"no handle":        func() error { return signs(func(d *device) { d.options.UserHandle = nil }) },
			"another's key":    func() error { return signs(func(d *device) { d.credential.Key = bob.credential.Key }) },
			"replay": func() error {
				_, err := n.FinishPasskeySignIn(t.Context(), used.Flow, ada.sign(t, used), home)
				return err
			},
			"answer to another challenge": func() error {
				_, err := n.FinishPasskeySignIn(t.Context(), n.begin(t).Flow, ada.sign(t, used), home)
				return err
			},
			"flow of a registration": func() error {
				_, err := n.FinishPasskeySignIn(t.Context(), registration.Flow, ada.sign(t, used), home)
				return err
			},
			"flow of a sign-in": func() error {
				_, err := n.FinishPasskey(t.Context(), who, n.begin(t).Flow, "", newDevice().make(t, registration), home)
				return err
			},
			"registration of another account": func() error {
				_, err := n.FinishPasskey(t.Context(), n.Caller(t, bobs.Access), registration.Flow, "", newDevice().make(t, registration), home)
				return err
			},
			"registration at a foreign page": func() error {
				c, err := n.BeginPasskey(t.Context(), n.Caller(t, bobs.Access))
				if err != nil {
					return nil
				}
				d := newDevice()
				d.party.Origin = "https://evil.example"
				_, err = n.FinishPasskey(t.Context(), n.Caller(t, bobs.Access), c.Flow, "", d.make(t, c), home)
				return err
			},
		} {
			if kind := errs.KindOf(try()); kind != errs.Unauthenticated && kind != errs.Invalid {
				t.Errorf("%s: %v", name, kind)
			}
		}
		c, err := n.BeginPasskey(t.Context(), n.Caller(t, bobs.Access))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.FinishPasskey(t.Context(), n.Caller(t, bobs.Access), c.Flow, "", ada.make(t, c), home); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a passkey that another account has: %v", err)
		}
		n.Clock.Pass(time.Hour)
		if _, err := n.FinishPasskeySignIn(t.Context(), late.Flow, ada.sign(t, late), home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("after an hour: %v", err)
		}
	})
}

// A4: of parallel answers to one challenge, one succeeds.
func TestPasskeyChallengesWorkOnce(t *testing.T) {
	eachWith(t, withPasskeys, func(t *testing.T, n *node) {
		d, grant := newDevice(), n.NewUser(t, "ada@example.com")
		who := n.Caller(t, grant.Access)
		made, err := n.BeginPasskey(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		fresh := d.make(t, made)
		check := func(what string, f func(i int) error) {
			t.Helper()
			if got := parallel(16, f); got != 1 {
				t.Errorf("%s: %d of 16 parallel answers succeeded, want 1", what, got)
			}
		}
		check("registration", func(int) error {
			_, err := n.FinishPasskey(t.Context(), who, made.Flow, "", fresh, home)
			return err
		})
		c := n.begin(t)
		answer := d.sign(t, c)
		check("sign-in", func(int) error {
			_, err := n.FinishPasskeySignIn(t.Context(), c.Flow, answer, home)
			return err
		})
		step, err := n.SignIn(t.Context(), "ada@example.com", secret, home)
		if err != nil {
			t.Fatal(err)
		}
		if c, err = n.BeginFactor(t.Context(), step.Flow, home); err != nil {
			t.Fatal(err)
		}
		answer = d.sign(t, c)
		check("factor", func(i int) error {
			_, err := n.Confirm(t.Context(), step.Flow, account.Factor{Passkey: answer}, client(fmt.Sprintf("203.0.113.%d", i)))
			return err
		})
	})
}

func TestRemovingTheLastPasskeyLowersSessions(t *testing.T) {
	eachWith(t, withPasskeys, func(t *testing.T, n *node) {
		first, second, grant := newDevice(), newDevice(), n.NewUser(t, "ada@example.com")
		_, one := n.register(t, grant, first)
		who, two := n.register(t, grant, second)
		if len(two.Recovery) != 0 {
			t.Error("the second passkey replaced the recovery codes")
		}
		other := n.Caller(t, n.NewUser(t, "bob@example.com").Access)
		if err := n.RemovePasskey(t.Context(), other, one.ID, home); errs.KindOf(err) != errs.NotFound {
			t.Errorf("another's passkey: %v", err)
		}
		second.options.UserNotVerified = true
		c := n.begin(t)
		low, err := n.FinishPasskeySignIn(t.Context(), c.Flow, second.sign(t, c), home)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.RemovePasskey(t.Context(), n.Caller(t, low.Grant.Access), one.ID, home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("without a second factor: %v", err)
		}
		if err := n.RemovePasskey(t.Context(), who, one.ID, home); err != nil {
			t.Fatal(err)
		}
		if !n.admits(t, who) {
			t.Error("the session ended with a passkey that was not the last")
		}
		c = n.begin(t)
		if _, err := n.FinishPasskeySignIn(t.Context(), c.Flow, first.sign(t, c), home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("a deleted passkey: %v", err)
		}
		if err := n.RemovePasskey(t.Context(), who, two.ID, home); err != nil {
			t.Fatal(err)
		}
		if n.admits(t, who) {
			t.Error("a token with the factor is admitted after its removal")
		}
		next, err := n.Refresh(t.Context(), grant.Refresh, home)
		if err != nil || n.Caller(t, next.Access).MFA() {
			t.Errorf("after the removal: %+v, %v", next, err)
		}
		if step, err := n.SignIn(t.Context(), "ada@example.com", secret, home); err != nil || step.Grant == nil {
			t.Errorf("SignIn = %+v, %v", step, err)
		}
	})
}

func TestPasskeysOfEndedAccountsAreRefused(t *testing.T) {
	for name, end := range map[string]func(n *node, t *testing.T, id string) error{
		"suspended": func(n *node, t *testing.T, id string) error {
			return n.Suspend(t.Context(), caller.System("test"), id, home)
		},
		"deleted": func(n *node, t *testing.T, id string) error {
			return n.Delete(t.Context(), caller.System("test"), id, home)
		},
		"without factors": func(n *node, t *testing.T, id string) error { return n.RemoveFactorOf(t.Context(), id, home) },
	} {
		t.Run(name, func(t *testing.T) {
			eachWith(t, withPasskeys, func(t *testing.T, n *node) {
				d := newDevice()
				who, _ := n.register(t, n.NewUser(t, "ada@example.com"), d)
				id, _ := who.ID()
				if err := end(n, t, id); err != nil {
					t.Fatal(err)
				}
				c := n.begin(t)
				if step, err := n.FinishPasskeySignIn(t.Context(), c.Flow, d.sign(t, c), home); errs.KindOf(err) != errs.Unauthenticated {
					t.Errorf("FinishPasskeySignIn = %+v, %v", step, err)
				}
				if n.admits(t, who) {
					t.Error("the session goes on as it was")
				}
			})
		})
	}
}

// Registration needs a recent proof, and a session with the second factor if the account has one.
func TestRegistrationNeedsAProof(t *testing.T) {
	both := func(a *model.Accounts) { withPasskeys(a); a.TOTP = true }
	eachWith(t, both, func(t *testing.T, n *node) {
		d, grant := newDevice(), n.NewUser(t, "ada@example.com")
		d.options.UserNotVerified = true
		n.register(t, grant, d)
		c := n.begin(t)
		step, err := n.FinishPasskeySignIn(t.Context(), c.Flow, d.sign(t, c), home)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.BeginPasskey(t.Context(), n.Caller(t, step.Grant.Access)); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("with one factor: %v", err)
		}
		if _, err := n.BeginTOTP(t.Context(), n.Caller(t, step.Grant.Access)); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("a TOTP with one factor: %v", err)
		}
		who := n.Caller(t, grant.Access)
		n.Clock.Pass(11 * time.Minute)
		if _, err := n.BeginPasskey(t.Context(), who); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("with an old proof: %v", err)
		}
	})
}

// A8: a stranger registers a passkey with an account whose address he never confirmed. It ends when the owner proves the address.
func TestPreHijackByPasskey(t *testing.T) {
	later := func(a *model.Accounts) { withPasskeys(a); a.Verify = model.VerifyLater }
	eachWith(t, later, func(t *testing.T, n *node) {
		step, err := n.SignUp(t.Context(), account.Newcomer{Email: "ada@example.com", Password: secret}, client("198.51.100.7"))
		if err != nil || step.Grant == nil {
			t.Fatalf("SignUp = %+v, %v", step, err)
		}
		d := newDevice()
		n.register(t, step.Grant, d)
		n.Outbox.Take()
		if err := n.AskCode(t.Context(), "ada@example.com", home); err != nil {
			t.Fatal(err)
		}
		got, err := n.Verify(t.Context(), "ada@example.com", n.Codes(t)["ada@example.com"], "", home)
		if err != nil || got.Grant == nil {
			t.Fatalf("Verify = %+v, %v", got, err)
		}
		c := n.begin(t)
		if step, err := n.FinishPasskeySignIn(t.Context(), c.Flow, d.sign(t, c), home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("the passkey of the stranger: %+v, %v", step, err)
		}
	})
}
