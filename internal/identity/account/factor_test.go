package account_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
)

// enrol gives the account of a new user a TOTP factor and returns its secret and the recovery codes.
func (n *node) enrol(t *testing.T, email string) (secret string, recovery []string) {
	t.Helper()
	who := n.Caller(t, n.NewUser(t, email).Access)
	e, err := n.BeginTOTP(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.ConfirmTOTP(t.Context(), who, "000000", home); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a wrong first code: %v", err)
	}
	recovery, err = n.ConfirmTOTP(t.Context(), who, accounttest.TOTP(t, e.Secret, n.Clock.Now()), home)
	if err != nil || len(recovery) != 10 {
		t.Fatalf("ConfirmTOTP = %v, %v", recovery, err)
	}
	if n.admits(t, who) {
		t.Error("the token from before the factor is still admitted")
	}
	n.Clock.Pass(time.Minute)
	return e.Secret, recovery
}

func withTOTP(a *model.Accounts) { a.TOTP = true }

// A7: no way in leads around the second factor.
func TestAccess_EveryWayInNeedsTheFactor(t *testing.T) {
	eachWith(t, withTOTP, func(t *testing.T, n *node) {
		secretText, recovery := n.enrol(t, "ada@example.com")
		ways := map[string]func() (account.Step, error){
			"password": func() (account.Step, error) { return n.SignIn(t.Context(), "ada@example.com", secret, home) },
			"code": func() (account.Step, error) {
				if err := n.AskCode(t.Context(), "ada@example.com", home); err != nil {
					return account.Step{}, err
				}
				return n.Verify(t.Context(), "ada@example.com", n.Codes(t)["ada@example.com"], "", home)
			},
			"reset": func() (account.Step, error) {
				if err := n.AskReset(t.Context(), "ada@example.com", home); err != nil {
					return account.Step{}, err
				}
				return n.Reset(t.Context(), "ada@example.com", n.Codes(t)["ada@example.com"], secret, home)
			},
		}
		for name, way := range ways {
			step, err := way()
			if err != nil || step.Grant != nil || step.Flow == "" || !slices.Equal(step.Factors, []string{"totp", "recovery"}) {
				t.Fatalf("%s: step = %+v, %v", name, step, err)
			}
			if _, err := n.Confirm(t.Context(), step.Flow, account.Factor{TOTP: "123456"}, home); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s: a wrong code: %v", name, err)
			}
			now := accounttest.TOTP(t, secretText, n.Clock.Now())
			done, err := n.Confirm(t.Context(), step.Flow, account.Factor{TOTP: now}, home)
			if err != nil || done.Grant == nil || !n.Caller(t, done.Grant.Access).MFA() {
				t.Fatalf("%s: Confirm = %+v, %v", name, done, err)
			}
			if _, err := n.Confirm(t.Context(), step.Flow, account.Factor{Recovery: recovery[0]}, home); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s: the flow works twice: %v", name, err)
			}
			n.Clock.Pass(time.Minute)
		}
	})
}

// A4: a recovery code, and a step of the authenticator app, work once.
func TestFactorsWorkOnce(t *testing.T) {
	eachWith(t, withTOTP, func(t *testing.T, n *node) {
		secretText, recovery := n.enrol(t, "ada@example.com")
		for _, name := range []string{"recovery", "totp"} {
			factor := account.Factor{Recovery: recovery[3]}
			if name == "totp" {
				factor = account.Factor{TOTP: accounttest.TOTP(t, secretText, n.Clock.Now())}
			}
			flows := make([]string, 4)
			for i := range flows {
				step, err := n.SignIn(t.Context(), "ada@example.com", secret, home)
				if err != nil {
					t.Fatal(err)
				}
				flows[i] = step.Flow
			}
			got := parallel(len(flows), func(i int) error {
				_, err := n.Confirm(t.Context(), flows[i], factor, client(fmt.Sprintf("203.0.113.%d", i)))
				return err
			})
			if got != 1 {
				t.Errorf("%s: %d of %d parallel uses succeeded, want 1", name, got, len(flows))
			}
			n.Clock.Pass(time.Hour)
		}
	})
}

// Without the factor, no session keeps what it proved with it.
func TestAccess_RemovingTheFactorLowersSessions(t *testing.T) {
	eachWith(t, withTOTP, func(t *testing.T, n *node) {
		secretText, _ := n.enrol(t, "ada@example.com")
		step, err := n.SignIn(t.Context(), "ada@example.com", secret, home)
		if err != nil {
			t.Fatal(err)
		}
		done, err := n.Confirm(t.Context(), step.Flow, account.Factor{TOTP: accounttest.TOTP(t, secretText, n.Clock.Now())}, home)
		if err != nil {
			t.Fatal(err)
		}
		who := n.Caller(t, done.Grant.Access)
		if err := n.RemoveTOTP(t.Context(), who, home); err != nil {
			t.Fatal(err)
		}
		if n.admits(t, who) {
			t.Error("a token with the factor is admitted after its removal")
		}
		next, err := n.Refresh(t.Context(), done.Grant.Refresh, home)
		if err != nil || n.Caller(t, next.Access).MFA() {
			t.Errorf("after the removal: %+v, %v", next, err)
		}
	})
}

// Changes of credentials need a recent proof (ASVS 7.5.1).
func TestOldSessionsMustProveAgain(t *testing.T) {
	eachWith(t, withTOTP, func(t *testing.T, n *node) {
		who := n.Caller(t, n.NewUser(t, "ada@example.com").Access)
		n.Clock.Pass(11 * time.Minute)
		for name, change := range map[string]func() error{
			"totp": func() error { _, err := n.BeginTOTP(t.Context(), who); return err },
			"key": func() error {
				_, err := n.MakeKey(t.Context(), who, account.NewKey{Name: "ci", Scopes: []string{"reader"}}, home)
				return err
			},
			"deletion": func() error { return n.DeleteMe(t.Context(), who, home) },
		} {
			err := change()
			failure, ok := err.(interface{ Unwrap() error })
			if !ok || errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if public, ok := failure.Unwrap().(*errs.Error); !ok || public.StepUp == nil || public.StepUp.MaxAge != 10*time.Minute {
				t.Errorf("%s: %v asks for no new proof", name, err)
			}
		}
	})
}
