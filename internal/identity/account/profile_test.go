package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// TestPreHijack_PagesAskForThePasswordOfTheSignUp confirms sign-ups in browsers that did and did not begin them.
func TestPreHijack_PagesAskForThePasswordOfTheSignUp(t *testing.T) {
	for _, tt := range []struct{ name, began, confirmed, password, want string }{
		{"the same browser", "one", "one", "", ""},
		{"another browser", "one", "two", "", "/password required"},
		{"another browser, wrong password", "one", "two", "guess", "/password wrong"},
		{"another browser, right password", "one", "two", secret, ""},
		{"no browser", "one", "", "", "/password required"},
		{"begun without a page", "", "one", "", "/password required"},
		{"begun and confirmed without a page", "", "", "", "/password required"},
		{"begun without a page, right password", "", "one", secret, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, n *node) {
				began, confirmed := home, home
				began.Browser, confirmed.Browser = tt.began, tt.confirmed
				if _, err := n.SignUp(t.Context(), account.Newcomer{Email: "ann@example.com", Password: secret}, began); err != nil {
					t.Fatal(err)
				}
				code := n.Codes(t)["ann@example.com"]
				step, err := n.VerifyPage(t.Context(), "ann@example.com", code, tt.password, confirmed)
				if got := faultsOf(err); got != tt.want || (step.Grant != nil) != (tt.want == "") {
					t.Fatalf("VerifyPage = %v, %q, want %q", step, got, tt.want)
				}
				if tt.want == "" {
					return
				}
				if step, err = n.VerifyPage(t.Context(), "ann@example.com", code, secret, confirmed); err != nil || step.Grant == nil {
					t.Errorf("the code is used up: VerifyPage = %v, %v", step, err)
				}
			})
		})
	}
}

// faultsOf returns the pointers and codes of the faults of an error.
func faultsOf(err error) string {
	var parts []string
	if failure, ok := errors.AsType[*errs.Error](err); ok {
		for _, fault := range failure.Faults {
			parts = append(parts, fault.Pointer+" "+fault.Code)
		}
	}
	return strings.Join(parts, ", ")
}

func TestProfile(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		who := n.Caller(t, n.NewUser(t, "ann@example.com").Access)
		p, err := n.Profile(t.Context(), who)
		if err != nil || p.Email != "ann@example.com" || p.Name != "Ada" || !p.Password || p.TOTP || p.MFA || p.Recovery != 0 {
			t.Errorf("Profile = %+v, %v", p, err)
		}
	})
}

func TestEndOthersKeepsTheCurrentSession(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		first := n.Caller(t, n.NewUser(t, "ann@example.com").Access)
		step, err := n.SignIn(t.Context(), "ann@example.com", secret, home)
		if err != nil {
			t.Fatal(err)
		}
		second := n.Caller(t, step.Grant.Access)
		if err := n.EndOthers(t.Context(), second, home); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Sessions(t.Context(), first); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("the other session: %v", err)
		}
		if all, err := n.Sessions(t.Context(), second); err != nil || len(all) != 1 || !all[0].Current {
			t.Errorf("Sessions = %v, %v", all, err)
		}
	})
}

func TestFreshAsksForARecentProof(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		who := n.Caller(t, n.NewUser(t, "ann@example.com").Access)
		if err := n.Fresh(who); err != nil {
			t.Error(err)
		}
		n.Clock.Pass(11 * time.Minute)
		if err := n.Fresh(who); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("Fresh = %v", err)
		}
	})
}
