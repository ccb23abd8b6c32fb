package account_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A door is an operation that takes a secret. It reports whether the secret opened it.
type door struct {
	name string
	try  func(t *testing.T, n *abroad, email, secret string) error
}

// minted are secrets by their names, and what some of them need beside.
type minted struct {
	secrets, emails map[string]string
	device          *device       // its passkey is of pass@example.com
	fresh           caller.Caller // who registers
	challenge       account.Challenge
	registration    account.Challenge
	back            account.ProviderAnswer
}

func doors(with *minted) []door {
	return append(doorsOfCeremonies(with), []door{
		{"verify", func(t *testing.T, n *abroad, email, secret string) error {
			_, err := n.Verify(t.Context(), email, secret, "yet another long secret", home)
			return err
		}},
		{"reset", func(t *testing.T, n *abroad, email, secret string) error {
			_, err := n.Reset(t.Context(), email, secret, "yet another long secret", home)
			return err
		}},
		{"invitation", func(t *testing.T, n *abroad, email, secret string) error {
			_, err := n.SignUp(t.Context(), account.Newcomer{Email: email, Password: "yet another long secret", Invitation: secret}, home)
			return err
		}},
		{"flow", func(t *testing.T, n *abroad, _, secret string) error {
			_, err := n.Confirm(t.Context(), secret, account.Factor{Recovery: "0000-0000-0000"}, home)
			return err
		}},
		{"refresh", func(t *testing.T, n *abroad, _, secret string) error {
			_, err := n.Refresh(t.Context(), secret, home)
			return err
		}},
		{"cookie", func(t *testing.T, n *abroad, _, secret string) error {
			_, err := n.ByCookie(t.Context(), secret)
			return err
		}},
		{"console cookie", func(t *testing.T, n *abroad, _, secret string) error {
			_, err := n.OperatorByCookie(t.Context(), secret)
			return err
		}},
		{"key", func(t *testing.T, n *abroad, _, secret string) error {
			_, err := n.ByKey(t.Context(), secret)
			return err
		}},
		{"operator link", func(t *testing.T, n *abroad, email, secret string) error {
			_, err := n.BeginOperator(t.Context(), secret, account.Newcomer{Email: email, Password: "an operator's long secret"}, home)
			return err
		}},
		{"access token", func(_ *testing.T, n *abroad, _, secret string) error {
			_, err := n.Verifier.Verify(secret)
			return err
		}},
		{"sign-in", func(t *testing.T, n *abroad, email, secret string) error {
			_, err := n.SignIn(t.Context(), email, secret, home)
			return err
		}},
	}...)
}

// doorsOfCeremonies are doors that need more than a secret. All else is right, so that only the secret can be refused.
func doorsOfCeremonies(with *minted) []door {
	return []door{
		{"passkey", func(t *testing.T, n *abroad, _, secret string) error {
			_, err := n.FinishPasskeySignIn(t.Context(), secret, with.device.sign(t, with.challenge), home)
			return err
		}},
		{"registration", func(t *testing.T, n *abroad, _, secret string) error {
			_, err := n.FinishPasskey(t.Context(), with.fresh, secret, "", newDevice().make(t, with.registration), home)
			return err
		}},
		{"provider", func(t *testing.T, n *abroad, _, secret string) error {
			answer := with.back
			answer.State = secret
			_, err := n.FinishProvider(t.Context(), "corp", answer, home)
			return err
		}},
		{"link", func(t *testing.T, n *abroad, _, flow string) error {
			step, err := n.SignIn(t.Context(), "link@example.com", secret, client("203.0.113.77")) // a link needs a recent proof
			if err != nil || step.Grant == nil {
				t.Fatalf("SignIn = %+v, %v", step, err)
			}
			return n.Link(t.Context(), n.Caller(t, step.Grant.Access), flow, home)
		}},
	}
}

// opens says which door each secret opens. A flow opens none by itself: it needs a factor.
var opens = map[string]string{
	"sign-up code": "verify", "sign-in code": "verify", "reset code": "reset", "invitation code": "invitation", "flow": "",
	"refresh token": "refresh", "cookie": "cookie", "console cookie": "console cookie", "key": "key", "operator link": "operator link",
	"access token": "access token", "recovery code": "", "device cookie": "",
	"challenge": "passkey", "registration": "registration", "state": "provider", "link flow": "link",
}

// mint makes one secret of each purpose, on accounts of their own.
func mint(t *testing.T, n *abroad) *minted {
	t.Helper()
	with := &minted{secrets: map[string]string{}, emails: map[string]string{}}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keep := func(name, email, secret string) { with.secrets[name], with.emails[name] = secret, email }

	_, err := n.SignUp(t.Context(), account.Newcomer{Email: "new@example.com", Password: secret}, home)
	check(err)
	keep("sign-up code", "new@example.com", n.Codes(t)["new@example.com"])
	n.NewUser(t, "code@example.com")
	check(n.AskCode(t.Context(), "code@example.com", home))
	keep("sign-in code", "code@example.com", n.Codes(t)["code@example.com"])
	n.NewUser(t, "reset@example.com")
	check(n.AskReset(t.Context(), "reset@example.com", home))
	keep("reset code", "reset@example.com", n.Codes(t)["reset@example.com"])
	check(n.Invite(t.Context(), caller.System("test"), "guest@example.com", nil, home))
	keep("invitation code", "guest@example.com", n.Codes(t)["guest@example.com"])

	grant := n.NewUser(t, "ada@example.com")
	keep("refresh token", "ada@example.com", grant.Refresh)
	keep("access token", "ada@example.com", grant.Access)
	keep("device cookie", "ada@example.com", grant.Device)
	key, err := n.MakeKey(t.Context(), n.Caller(t, grant.Access), account.NewKey{Name: "ci", Scopes: []string{"reader"}}, home)
	check(err)
	keep("key", "ada@example.com", key.Text)
	browser := home
	browser.Cookie = true
	step, err := n.SignIn(t.Context(), "ada@example.com", secret, browser)
	check(err)
	keep("cookie", "ada@example.com", step.Grant.Cookie)

	_, recovery := n.enrol(t, "bob@example.com")
	keep("recovery code", "bob@example.com", recovery[0])
	step, err = n.SignIn(t.Context(), "bob@example.com", secret, home)
	check(err)
	keep("flow", "bob@example.com", step.Flow)

	link, err := n.OperatorLink(t.Context(), "owner")
	check(err)
	step, err = n.BeginOperator(t.Context(), link, account.Newcomer{Email: "op@example.com", Password: "an operator's long secret"}, home)
	check(err)
	keep("console cookie", "op@example.com", step.Grant.Cookie)
	link, err = n.OperatorLink(t.Context(), "owner")
	check(err)
	keep("operator link", "op2@example.com", link)
	mintCeremonies(t, n, with)
	for name, text := range with.secrets {
		if text == "" {
			t.Fatalf("no %s was made", name)
		}
	}
	return with
}

func mintCeremonies(t *testing.T, n *abroad, with *minted) {
	t.Helper()
	with.device = newDevice()
	n.register(t, n.NewUser(t, "pass@example.com"), with.device)
	with.challenge = n.begin(t)
	with.fresh = n.Caller(t, n.NewUser(t, "fresh@example.com").Access)
	var err error
	if with.registration, err = n.BeginPasskey(t.Context(), with.fresh); err != nil {
		t.Fatal(err)
	}
	n.NewUser(t, "link@example.com")
	arrival, err := n.arrive(t, person("link", "link@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	with.back = n.depart(t, person("state", "state@example.com"))
	for name, text := range map[string]string{
		"challenge": with.challenge.Flow, "registration": with.registration.Flow, "state": with.back.State, "link flow": arrival.Link,
	} {
		with.secrets[name], with.emails[name] = text, "fresh@example.com"
	}
}

// withAll allows all ways to sign in, and enough attempts for all doors.
func withAll(a *model.Accounts) {
	withPasskeys(a)
	a.TOTP, a.Codes.Tries, a.Codes.Valid = true, 1000, 1000*time.Hour
}

// A2: a secret opens the door of its purpose and no other. The wrong doors are tried first, so a secret that they used up
// shows too. Waiting between the attempts keeps the bounds on guesses out of this.
func TestForgery_SecretsWorkForTheirPurposeOnly(t *testing.T) {
	eachAbroad(t, withAll, func(t *testing.T, n *abroad) {
		with := mint(t, n)
		for name, text := range with.secrets {
			for _, d := range doors(with) {
				if d.name == opens[name] {
					continue
				}
				if err := d.try(t, n, with.emails[name], text); err == nil {
					t.Errorf("a %s opens %s", name, d.name)
				} else if kind := errs.KindOf(err); kind == errs.Internal {
					t.Errorf("a %s at %s: %v", name, d.name, err)
				}
			}
		}
		n.Clock.Pass(20 * time.Minute)
		for name, text := range with.secrets {
			for _, d := range doors(with) {
				if d.name != opens[name] || name == "access token" || name == "registration" { // they have become too old
					continue
				}
				if err := d.try(t, n, with.emails[name], text); err != nil {
					t.Errorf("a %s does not open %s: %v", name, d.name, err)
				}
			}
		}
	})
}

// A6: a secret that was cut, extended, or changed in one place opens nothing. At night every place and every bit is tried.
func TestForgery_AlteredSecretsAreRefused(t *testing.T) {
	eachAbroad(t, withAll, func(t *testing.T, n *abroad) {
		with := mint(t, n)
		for _, name := range []string{
			"refresh token", "cookie", "console cookie", "key", "operator link", "access token", "challenge", "registration", "state", "link flow",
		} {
			text, far := with.secrets[name], 1+len(with.secrets[name])/20
			if effort.Nightly() {
				far = 1
			}
			for _, d := range doors(with) {
				if d.name != opens[name] {
					continue
				}
				for i := 0; i < len(text); i += far {
					for what, altered := range alterations(text, i) {
						if err := d.try(t, n, with.emails[name], altered); err == nil {
							t.Errorf("a %s %s at %d opens %s", name, what, i, d.name)
						}
					}
				}
			}
		}
	})
}

// alterations returns a text that was cut, extended, or changed at a place.
func alterations(text string, at int) map[string]string {
	all := map[string]string{
		"cut": text[:at], "cut in front": text[at+1:], "with the case changed": text[:at] + flipCase(text[at:at+1]) + text[at+1:], "extended": text + "A",
	}
	for bit := range 8 {
		if bit == 0 || effort.Nightly() {
			all["with a bit changed"+strings.Repeat("'", bit)] = text[:at] + string([]byte{text[at] ^ 1<<bit}) + text[at+1:]
		}
	}
	maps.DeleteFunc(all, func(_, altered string) bool { return altered == text })
	return all
}

func flipCase(letter string) string {
	if upper := strings.ToUpper(letter); upper != letter {
		return upper
	}
	return strings.ToLower(letter)
}
