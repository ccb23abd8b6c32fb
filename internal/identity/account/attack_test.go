package account_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
)

// A8: a stranger signs up with another's address, adds a second factor and begins a sign-in. When the owner resets the
// password, nothing of it is left.
func TestPreHijack_FactorsOfAStrangerEndWithTheReset(t *testing.T) {
	later := func(a *model.Accounts) { a.TOTP, a.Verify = true, model.VerifyLater }
	eachWith(t, later, func(t *testing.T, n *node) {
		stranger := client("198.51.100.7")
		step, err := n.SignUp(t.Context(), account.Newcomer{Email: "ada@example.com", Password: secret}, stranger)
		if err != nil {
			t.Fatal(err)
		}
		who := n.Caller(t, step.Grant.Access)
		e, err := n.BeginTOTP(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		recovery, err := n.ConfirmTOTP(t.Context(), who, accounttest.TOTP(t, e.Secret, n.Clock.Now()), stranger)
		if err != nil {
			t.Fatal(err)
		}
		waits, err := n.SignIn(t.Context(), "ada@example.com", secret, stranger)
		if err != nil || waits.Flow == "" {
			t.Fatalf("SignIn = %+v, %v", waits, err)
		}
		n.Outbox.Take()
		if err := n.AskReset(t.Context(), "ada@example.com", home); err != nil {
			t.Fatal(err)
		}
		step, err = n.Reset(t.Context(), "ada@example.com", n.Codes(t)["ada@example.com"], "the owner's own secret", home)
		if err != nil || step.Grant == nil {
			t.Fatalf("Reset = %+v, %v", step, err)
		}
		for name, factor := range map[string]account.Factor{"recovery": {Recovery: recovery[0]}, "totp": {TOTP: accounttest.TOTP(t, e.Secret, n.Clock.Now())}} {
			if _, err := n.Confirm(t.Context(), waits.Flow, factor, stranger); errs.KindOf(err) != errs.Invalid {
				t.Errorf("the stranger's flow with %s: %v", name, err)
			}
		}
	})
}

// A sign-in that waits for its factor ends with the password that began it.
func TestReplay_FlowsEndWithThePassword(t *testing.T) {
	eachWith(t, withTOTP, func(t *testing.T, n *node) {
		_, recovery := n.enrol(t, "ada@example.com")
		waits, err := n.SignIn(t.Context(), "ada@example.com", secret, home)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.AskReset(t.Context(), "ada@example.com", home); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Reset(t.Context(), "ada@example.com", n.Codes(t)["ada@example.com"], "another long secret", home); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Confirm(t.Context(), waits.Flow, account.Factor{Recovery: recovery[0]}, home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("the flow of the old password: %v", err)
		}
	})
}

// A key never does more than its scopes, and no scope lets it invite.
func TestEscalation_KeysDoNotInvite(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		who := n.Caller(t, n.NewUser(t, "ada@example.com").Access)
		key, err := n.MakeKey(t.Context(), who, account.NewKey{Name: "ci", Scopes: []string{"reader"}}, home)
		if err != nil {
			t.Fatal(err)
		}
		robot, err := n.ByKey(t.Context(), key.Text)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Invite(t.Context(), robot, "bob@example.com", []string{"editor"}, home); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("a key invites: %v", err)
		}
		if err := n.Invite(t.Context(), caller.System("test"), "bob@example.com", []string{"editor", "editor"}, home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a role given twice: %v", err)
		}
	})
}

// Signing in to an account of one's own does not buy more guesses for others.
func TestGuessing_OwnSuccessKeepsTheCountOfTheAddress(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.NewUser(t, "eve@example.com")
		from := client("198.51.100.7")
		limited := false
		for i := range 150 {
			_, err := n.SignIn(t.Context(), fmt.Sprintf("victim%d@example.com", i), "a wild guess", from)
			limited = limited || errs.KindOf(err) == errs.Limited
			if i%10 == 9 {
				_, _ = n.SignIn(t.Context(), "eve@example.com", secret, from)
			}
		}
		if !limited {
			t.Error("150 guesses from one address were never limited")
		}
	})
}

// Everybody in a building may come from one address. Right passwords are no guesses, not even many at a time.
func TestManySignInFromOneAddress(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		var emails []string
		for i := range 4 {
			emails = append(emails, fmt.Sprintf("user%d@example.com", i))
			n.NewUser(t, emails[i])
		}
		for i := range 140 {
			if _, err := n.SignIn(t.Context(), emails[i%4], secret, home); err != nil {
				t.Fatalf("sign-in %d: %v", i, err)
			}
		}
		if got := parallel(24, func(i int) error {
			_, err := n.SignIn(t.Context(), emails[i%4], secret, home)
			return err
		}); got != 24 {
			t.Errorf("%d of 24 signed in at a time", got)
		}
	})
}

// A sign-in that fails before the password is compared is no guess. Here the stored hash cannot be read.
func TestUncomparedPasswordsAreNotCountedAsGuesses(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		if err := n.Store.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(`UPDATE "ashlar_accounts" SET "password" = 'unreadable'`, nil)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for i := range 15 {
			if _, err := n.SignIn(t.Context(), "ada@example.com", secret, home); errs.KindOf(err) != errs.Internal {
				t.Fatalf("sign-in %d: %v", i, err)
			}
		}
	})
}

// The owner of a second factor may sign in as often as anybody.
func TestRightPasswordsAreNotCountedAsGuesses(t *testing.T) {
	eachWith(t, withTOTP, func(t *testing.T, n *node) {
		n.enrol(t, "ada@example.com")
		for i := range 15 {
			if _, err := n.SignIn(t.Context(), "ada@example.com", secret, home); err != nil {
				t.Fatalf("sign-in %d: %v", i, err)
			}
		}
	})
}

// The device cookie of a user opens no counter for an operator, and many devices share one bound.
func TestGuessing_DeviceCookiesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		var devices []string
		for range 8 {
			n.Clock.Pass(time.Hour)
			step, err := n.SignIn(t.Context(), "ada@example.com", secret, home)
			if err != nil {
				t.Fatal(err)
			}
			devices = append(devices, step.Grant.Device)
		}
		compared := 0
		for _, device := range devices {
			for range 10 {
				from := client("198.51.100.7")
				from.Device = device
				if _, err := n.SignIn(t.Context(), "ada@example.com", "a wild guess", from); errs.KindOf(err) == errs.Unauthenticated {
					compared++
				}
			}
		}
		if compared > 31 {
			t.Errorf("%d guesses with eight device cookies, want at most 31", compared)
		}
	})
}

// A wrong code costs the same for known and unknown addresses: both have as many codes that it is compared with.
func TestOracle_UnknownAddressesHaveCodesToo(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		n.NewUser(t, "bob@example.com")
		if err := n.Suspend(t.Context(), caller.System("test"), n.find(t, account.KindUser, "bob@example.com").ID, home); err != nil {
			t.Fatal(err)
		}
		for name, ask := range map[string]func(email string) error{
			"code":  func(email string) error { return n.AskCode(t.Context(), email, home) },
			"reset": func(email string) error { return n.AskReset(t.Context(), email, home) },
			"sign-up": func(email string) error {
				_, err := n.SignUp(t.Context(), account.Newcomer{Email: email, Password: secret}, home)
				return err
			},
		} {
			held := map[string]int64{}
			for _, email := range []string{"ada@example.com", "bob@example.com", "eve@example.com"} {
				n.Clock.Pass(25 * time.Hour)
				if err := ask(email); err != nil {
					t.Fatal(err)
				}
				n.Codes(t)
				now := n.Clock.Now().Format(time.RFC3339)
				count := record.Query{
					Filter: "email == arg.email && size(hash) > 0 && expires_at > timestamp('" + now + "')",
					Args:   map[string]string{"email": email}, Limit: 1, Total: true,
				}
				page, err := n.Rows.List(t.Context(), caller.System("test"), n.Rows.Table("ashlar_secrets"), count, nil)
				if err != nil {
					t.Fatal(err)
				}
				var answer struct{ Total int64 }
				if err := json.Unmarshal(page, &answer); err != nil {
					t.Fatal(err)
				}
				held[email] = answer.Total
			}
			if held["ada@example.com"] != 1 || held["bob@example.com"] != 1 || held["eve@example.com"] != 1 {
				t.Errorf("after a request for %s: codes %v, want one each", name, held)
			}
		}
	})
}
