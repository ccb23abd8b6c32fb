package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// A door is an operation that takes a secret. It reports whether the secret opened it.
type door struct {
	name string
	try  func(t *testing.T, n *node, email, secret string) error
}

func doors() []door {
	return []door{
		{"verify", func(t *testing.T, n *node, email, secret string) error {
			_, err := n.Verify(t.Context(), email, secret, "yet another long secret", home)
			return err
		}},
		{"reset", func(t *testing.T, n *node, email, secret string) error {
			_, err := n.Reset(t.Context(), email, secret, "yet another long secret", home)
			return err
		}},
		{"invitation", func(t *testing.T, n *node, email, secret string) error {
			_, err := n.SignUp(t.Context(), account.Newcomer{Email: email, Password: "yet another long secret", Invitation: secret}, home)
			return err
		}},
		{"flow", func(t *testing.T, n *node, _, secret string) error {
			_, err := n.Confirm(t.Context(), secret, account.Factor{Recovery: "0000-0000-0000"}, home)
			return err
		}},
		{"refresh", func(t *testing.T, n *node, _, secret string) error {
			_, err := n.Refresh(t.Context(), secret, home)
			return err
		}},
		{"cookie", func(t *testing.T, n *node, _, secret string) error {
			_, err := n.ByCookie(t.Context(), secret)
			return err
		}},
		{"console cookie", func(t *testing.T, n *node, _, secret string) error {
			_, err := n.OperatorByCookie(t.Context(), secret)
			return err
		}},
		{"key", func(t *testing.T, n *node, _, secret string) error {
			_, err := n.ByKey(t.Context(), secret)
			return err
		}},
		{"operator link", func(t *testing.T, n *node, email, secret string) error {
			_, err := n.BeginOperator(t.Context(), secret, account.Newcomer{Email: email, Password: "an operator's long secret"}, home)
			return err
		}},
		{"access token", func(_ *testing.T, n *node, _, secret string) error {
			_, err := n.Verifier.Verify(secret)
			return err
		}},
		{"sign-in", func(t *testing.T, n *node, email, secret string) error {
			_, err := n.SignIn(t.Context(), email, secret, home)
			return err
		}},
	}
}

// opens says which door each secret opens. A flow opens none by itself: it needs a factor.
var opens = map[string]string{
	"sign-up code": "verify", "sign-in code": "verify", "reset code": "reset", "invitation code": "invitation", "flow": "",
	"refresh token": "refresh", "cookie": "cookie", "console cookie": "console cookie", "key": "key", "operator link": "operator link",
	"access token": "access token", "recovery code": "", "device cookie": "",
}

// mint makes one secret of each purpose, on accounts of their own. It returns the secrets and the address of each.
func mint(t *testing.T, n *node) (secrets, emails map[string]string) {
	t.Helper()
	secrets, emails = map[string]string{}, map[string]string{}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keep := func(name, email, secret string) { secrets[name], emails[name] = secret, email }

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
	return secrets, emails
}

// A2: a secret opens the door of its purpose and no other. The wrong doors are tried first, so a secret that they used up
// shows too. Waiting between the attempts keeps the bounds on guesses out of this.
func TestForgery_SecretsWorkForTheirPurposeOnly(t *testing.T) {
	withAll := func(a *model.Accounts) {
		a.TOTP, a.Codes.Tries, a.Codes.Valid = true, 1000, 1000*time.Hour
	}
	eachWith(t, withAll, func(t *testing.T, n *node) {
		secrets, emails := mint(t, n)
		for name, text := range secrets {
			if text == "" {
				t.Fatalf("no %s was made", name)
			}
			for _, d := range doors() {
				if d.name == opens[name] {
					continue
				}
				if err := d.try(t, n, emails[name], text); err == nil {
					t.Errorf("a %s opens %s", name, d.name)
				} else if kind := errs.KindOf(err); kind == errs.Internal {
					t.Errorf("a %s at %s: %v", name, d.name, err)
				}
			}
		}
		n.Clock.Pass(20 * time.Minute)
		for name, text := range secrets {
			for _, d := range doors() {
				if d.name != opens[name] || name == "access token" {
					continue
				}
				if err := d.try(t, n, emails[name], text); err != nil {
					t.Errorf("a %s does not open %s: %v", name, d.name, err)
				}
			}
		}
	})
}

// A6: a secret that was cut, extended, or changed in one place opens nothing.
func TestForgery_AlteredSecretsAreRefused(t *testing.T) {
	eachWith(t, withTOTP, func(t *testing.T, n *node) {
		secrets, emails := mint(t, n)
		for _, name := range []string{"refresh token", "cookie", "console cookie", "key", "operator link", "access token"} {
			text := secrets[name]
			for _, d := range doors() {
				if d.name != opens[name] {
					continue
				}
				for i := 0; i < len(text); i += 1 + len(text)/20 {
					for what, altered := range map[string]string{
						"cut": text[:i], "cut in front": text[i+1:], "with a letter changed": text[:i] + string(text[i]^1) + text[i+1:],
						"with the case changed": text[:i] + flipCase(text[i:i+1]) + text[i+1:], "extended": text + "A",
					} {
						if altered == text {
							continue
						}
						if err := d.try(t, n, emails[name], altered); err == nil {
							t.Errorf("a %s %s at %d opens %s", name, what, i, d.name)
						}
					}
				}
			}
		}
	})
}

func flipCase(letter string) string {
	if upper := strings.ToUpper(letter); upper != letter {
		return upper
	}
	return strings.ToLower(letter)
}
