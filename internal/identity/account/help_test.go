package account_test

import (
	"slices"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// An operator takes one factor after the other from a user. Each change is in the audit log, and the user gets a mail that does
// not say where the operator sits.
func TestOperatorsRemoveFactorsOfUsers(t *testing.T) {
	eachAbroad(t, withSharedPasskeys, func(t *testing.T, n *abroad) {
		ops := &node{n.Node}
		_, client := ops.operator(t, "op@example.com").As(client("203.0.113.77"))
		grant := n.NewUser(t, "ada@example.com")
		d := consoleDevice()
		who, _ := ops.register(t, grant, d)
		n.linkOwn(t, who, person("ada", "ada@corp.example"))
		id := ops.find(t, account.KindUser, "ada@example.com").ID
		other := ops.find(t, account.KindOperator, "op@example.com").ID
		passkeys, err := n.PasskeysOf(t.Context(), id)
		if err != nil || len(passkeys) != 1 {
			t.Fatal(passkeys, err)
		}
		links, err := n.LinksOf(t.Context(), id)
		if err != nil || len(links) != 1 || links[0].Subject != "ada" {
			t.Fatal(links, err)
		}
		n.Outbox.Take()
		for _, tt := range []struct {
			name, change string
			remove       func(id string) error
			again        errs.Kind
		}{
			{"passkey", "factor", func(id string) error { return n.RemovePasskeyOf(t.Context(), id, passkeys[0].ID, client) }, errs.NotFound},
			{"link", "provider removed", func(id string) error { return n.UnlinkOf(t.Context(), id, links[0].ID, client) }, errs.NotFound},
		} {
			if err := tt.remove(other); errs.KindOf(err) != errs.NotFound {
				t.Errorf("the %s of another account: %v", tt.name, err)
			}
			if err := tt.remove(id); err != nil {
				t.Errorf("the %s: %v", tt.name, err)
			}
			letters := n.Outbox.Take()
			if len(letters) != 1 || letters[0].To != "ada@example.com" || letters[0].Data["change"] != tt.change || letters[0].Data["address"] != "" {
				t.Errorf("after the %s the letters are %+v", tt.name, letters)
			}
			if err := tt.remove(id); errs.KindOf(err) != tt.again {
				t.Errorf("the %s again: %v, want %s", tt.name, err, tt.again)
			}
		}
		if err := n.RemoveTOTPOf(t.Context(), id, client); errs.KindOf(err) != errs.Conflict {
			t.Errorf("an authenticator app that is not there: %v", err)
		}
		if step, err := n.SignIn(t.Context(), "ada@example.com", secret, home); err != nil || step.Grant == nil {
			t.Errorf("without a factor the password gives %+v, %v", step, err)
		}
		page, err := n.Audit.List(t.Context(), audit.Filter{Actor: other}, "", 9)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, entry := range page.Entries {
			if entry.ActorKind == "operator" && entry.Account == id {
				got = append(got, entry.Action)
			}
		}
		if want := []string{"provider.unlinked", "passkey.removed"}; !slices.Equal(got, want) {
			t.Errorf("audit log of the operator %q, want %q", got, want)
		}
	})
}

// The second factor of a user is lost with the last of its parts, and not before.
func TestOperatorsRemoveOneOfTwoFactors(t *testing.T) {
	eachWith(t, withSharedPasskeys, func(t *testing.T, n *node) {
		_, client := n.operator(t, "op@example.com").As(home)
		n.enrol(t, "ada@example.com")
		id := n.find(t, account.KindUser, "ada@example.com").ID
		step, err := n.SignIn(t.Context(), "ada@example.com", secret, home)
		if err != nil || step.Flow == "" {
			t.Fatal(step, err)
		}
		if err := n.RemoveTOTPOf(t.Context(), id, client); err != nil {
			t.Fatal(err)
		}
		if step, err := n.SignIn(t.Context(), "ada@example.com", secret, home); err != nil || step.Grant == nil {
			t.Errorf("without the app the password gives %+v, %v", step, err)
		}
		for _, session := range must(n.SessionsOf(t.Context(), id)) {
			if session.MFA {
				t.Errorf("the session %+v keeps the factor", session)
			}
		}
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
