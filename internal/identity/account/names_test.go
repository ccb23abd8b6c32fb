package account_test

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// A page about clients knows their ids. It shows the names of what still exists, and never a key itself.
func TestNamesOfKeysAndUsers(t *testing.T) {
	eachWith(t, withTOTP, func(t *testing.T, n *node) {
		who := n.Caller(t, n.NewUser(t, "ada@example.com").Access)
		key, err := n.MakeKey(t.Context(), who, account.NewKey{Name: "laptop", Scopes: []string{"reader"}}, home)
		if err != nil {
			t.Fatal(err)
		}
		user, _ := who.ID()
		for id, want := range map[string]string{key.ID: "laptop", user: "", "x": "", "": ""} {
			if name, err := n.KeyName(t.Context(), id); err != nil || name != want {
				t.Errorf("the name of the key %q is %q (%v), want %q", id, name, err, want)
			}
		}
		own := n.find(t, account.KindUser, "ada@example.com")
		for id, want := range map[string]string{user: own.ID, own.ID: "", key.ID: "", "x": "", "": ""} {
			if a, err := n.AccountOfUser(t.Context(), id); err != nil || a.ID != want {
				t.Errorf("the account of the user %q is %q (%v), want %q", id, a.ID, err, want)
			}
		}
	})
}
