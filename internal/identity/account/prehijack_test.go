package account_test

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// TestPreHijack_ThePasswordOfASignUpNeedsItsFlow confirms a stranger's sign-up with the address of somebody else. The
// stranger's password never works, and the account has the one that came with the code.
func TestPreHijack_ThePasswordOfASignUpNeedsItsFlow(t *testing.T) {
	const own = "the owner's own secret"
	for _, tt := range []struct {
		name     string
		flow     func(stranger string) string
		password string
		faults   string
		works    string // the password of the account
	}{
		{"nothing", func(string) string { return "" }, "", "/password required", ""},
		{"a foreign flow", func(string) string { return "ABCDEFGHIJKLMNOPQRSTUVWXYZ" }, "", "/password required", ""},
		{"a cut flow", func(flow string) string { return flow[:len(flow)-1] }, "", "/password required", ""},
		{"a new password", func(string) string { return "" }, own, "", own},
		{"a common password", func(string) string { return "" }, "password1", "/password common", ""},
		{"the flow", func(flow string) string { return flow }, "", "", secret},
		{"the flow and a new password", func(flow string) string { return flow }, own, "", own},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, n *node) {
				works := tt.works
				waits, err := n.SignUp(t.Context(), account.Newcomer{Email: "ada@example.com", Password: secret}, client("198.51.100.7"))
				if err != nil {
					t.Fatal(err)
				}
				code, from := n.Codes(t)["ada@example.com"], home
				from.Browser = tt.flow(waits.Waits)
				step, err := n.Verify(t.Context(), "ada@example.com", code, tt.password, from)
				if got := faultsOf(err); got != tt.faults || (step.Grant != nil) != (tt.faults == "") {
					t.Fatalf("Verify = %v, %q, want %q", step, got, tt.faults)
				}
				if tt.faults != "" { // the code is still good
					if step, err := n.Verify(t.Context(), "ada@example.com", code, own, from); err != nil || step.Grant == nil {
						t.Errorf("Verify with a password = %v, %v", step, err)
					}
					works = own
				}
				for _, password := range []string{secret, own} {
					_, err := n.SignIn(t.Context(), "ada@example.com", password, home)
					if want := password == works; (err == nil) != want || (err != nil && errs.KindOf(err) != errs.Unauthenticated) {
						t.Errorf("SignIn with %q = %v, want %v", password, err, want)
					}
				}
			})
		})
	}
}
