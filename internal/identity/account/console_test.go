package account_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// An operator ends what a user has, and the user's next request is refused.
func TestOperatorsEndSessionsKeysAndFactors(t *testing.T) {
	eachWith(t, withTOTP, func(t *testing.T, n *node) {
		_, by := account.Operator{Account: "0190aaaa-0000-7000-8000-000000000001", Session: "s"}.As(home)
		first := n.NewUser(t, "ada@example.com")
		who := n.Caller(t, first.Access)
		key, err := n.MakeKey(t.Context(), who, account.NewKey{Name: "laptop", Scopes: []string{"reader"}}, home)
		if err != nil {
			t.Fatal(err)
		}
		second, err := n.SignIn(t.Context(), "ada@example.com", secret, home)
		if err != nil || second.Grant == nil {
			t.Fatal(second, err)
		}
		id := n.find(t, account.KindUser, "ada@example.com").ID
		if all, err := n.SessionsOf(t.Context(), id); err != nil || len(all) != 2 {
			t.Fatalf("SessionsOf = %+v, %v", all, err)
		}
		if err := n.EndSessionOf(t.Context(), id, first.Session, by); err != nil {
			t.Fatal(err)
		}
		if n.admits(t, who) {
			t.Error("an ended session is admitted")
		}
		other := n.NewUser(t, "bob@example.com")
		if err := n.EndSessionOf(t.Context(), id, other.Session, by); errs.KindOf(err) != errs.NotFound {
			t.Errorf("a session of another account ends: %v", err)
		}
		if err := n.EndKeyOf(t.Context(), n.find(t, account.KindUser, "bob@example.com").ID, key.ID, by); errs.KindOf(err) != errs.NotFound {
			t.Errorf("a key of another account ends: %v", err)
		}
		if err := n.EndKeyOf(t.Context(), id, key.ID, by); err != nil {
			t.Fatal(err)
		}
		if err := n.EndSessionsOf(t.Context(), id, by); err != nil {
			t.Fatal(err)
		}
		if n.admits(t, n.Caller(t, second.Grant.Access)) || !n.admits(t, n.Caller(t, other.Access)) {
			t.Error("ending all sessions of an account ends others, or not all")
		}
		if err := n.RemoveFactorOf(t.Context(), id, by); errs.KindOf(err) != errs.Conflict {
			t.Errorf("RemoveFactorOf without a factor = %v", err)
		}
		page, err := audit.New(n.Rows, audit.Config{}).List(t.Context(), audit.Filter{Account: id, Actor: "0190aaaa-0000-7000-8000-000000000001"}, "", 50)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, entry := range page.Entries {
			got = append(got, entry.ActorKind+" "+entry.Action)
		}
		want := []string{"operator session.all_ended", "operator key.ended", "operator session.ended"}
		if !slices.Equal(got, want) {
			t.Errorf("audit log = %q, want %q", got, want)
		}
	})
}

// find returns the account of an address.
func (n *node) find(t *testing.T, kind account.Kind, email string) account.Account {
	t.Helper()
	page, err := n.Accounts(t.Context(), account.Search{Kind: kind, Email: email, Limit: 1})
	if err != nil || len(page.Accounts) != 1 {
		t.Fatalf("Accounts(%s) = %+v, %v", email, page, err)
	}
	return page.Accounts[0]
}

// Owners who remove each other at the same moment leave one.
func TestOneOwnerAlwaysRemains(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		var ids []string
		for _, email := range []string{"a@example.com", "b@example.com", "c@example.com"} {
			link, err := n.OperatorLink(t.Context(), "owner")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := n.BeginOperator(t.Context(), link, account.Newcomer{Email: email, Password: "a stone set upon another"}, home); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, n.find(t, account.KindOperator, email).ID)
		}
		got := parallel(len(ids), func(i int) error {
			if i == 0 {
				return n.SetOperatorRole(t.Context(), ids[i], "viewer", home)
			}
			return n.RemoveOperator(t.Context(), ids[i], home)
		})
		page, err := n.Accounts(t.Context(), account.Search{Kind: account.KindOperator, Limit: 9})
		owners := 0
		for _, a := range page.Accounts {
			if a.Role == "owner" {
				owners++
			}
		}
		if err != nil || owners != 1 || got != 2 {
			t.Errorf("%d owners are left, %d of 3 changes done, %v", owners, got, err)
		}
	})
}

func TestKindsOfAccountsAreApart(t *testing.T) {
	eachWith(t, func(a *model.Accounts) { a.TOTP = false }, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		id := n.find(t, account.KindUser, "ada@example.com").ID
		for _, tt := range []struct {
			kind account.Kind
			id   string
			want errs.Kind
		}{
			{account.KindUser, id, ""}, {account.KindOperator, id, errs.NotFound}, {account.KindService, id, errs.NotFound},
			{account.KindUser, "no id", errs.NotFound}, {account.KindUser, "0190aaaa-0000-7000-8000-000000000001", errs.NotFound},
		} {
			if _, err := n.Account(t.Context(), tt.kind, tt.id); (err == nil) != (tt.want == "") || (err != nil && errs.KindOf(err) != tt.want) {
				t.Errorf("Account(%s, %s) = %v, want %q", tt.kind, tt.id, err, tt.want)
			}
		}
		if _, err := n.MakeServiceKey(t.Context(), id, account.NewKey{Name: "x", Scopes: []string{"reader"}}, home); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("an operator makes a key of a user: %v", err)
		}
	})
}

func TestAccountsAreSearched(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com") // all are called Ada
		n.NewUser(t, "adam@example.com")
		n.NewUser(t, "bob@example.com")
		if _, err := n.NewService(t.Context(), "Nightly ADA", nil, home); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			search account.Search
			want   string
		}{
			{account.Search{Kind: account.KindUser}, "bob@example.com adam@example.com ada@example.com"},
			{account.Search{Kind: account.KindUser, Email: "ADA"}, "ada@example.com adam@example.com"},
			{account.Search{Kind: account.KindUser, Email: "ada@"}, "ada@example.com"},
			{account.Search{Kind: account.KindUser, Email: "%"}, ""},
			{account.Search{Kind: account.KindUser, Name: "DA"}, "bob@example.com adam@example.com ada@example.com"},
			{account.Search{Kind: account.KindUser, Name: "nightly"}, ""},
			{account.Search{Kind: account.KindService, Name: "ada"}, "Nightly ADA"},
			{account.Search{Kind: account.KindOperator}, ""},
		} {
			tt.search.Limit = 9
			page, err := n.Accounts(t.Context(), tt.search)
			var got []string
			for _, a := range page.Accounts {
				if got = append(got, a.Email); a.Email == "" {
					got[len(got)-1] = a.Name
				}
			}
			if strings.Join(got, " ") != tt.want || err != nil || page.Next != "" {
				t.Errorf("Accounts(%+v) = %q, %v, want %q", tt.search, got, err, tt.want)
			}
		}
		first, err := n.Accounts(t.Context(), account.Search{Kind: account.KindUser, Email: "a", Limit: 1})
		if err != nil || first.Next == "" {
			t.Fatalf("a first page of one = %+v, %v", first, err)
		}
		second, err := n.Accounts(t.Context(), account.Search{Kind: account.KindUser, Email: "a", Limit: 1, Cursor: first.Next})
		if err != nil || len(second.Accounts) != 1 || second.Accounts[0].Email != "adam@example.com" {
			t.Errorf("the second page = %+v, %v", second, err)
		}
		if _, err := n.Accounts(t.Context(), account.Search{Kind: account.KindUser, Name: "a", Limit: 1, Cursor: first.Next}); errs.KindOf(err) != errs.Malformed {
			t.Errorf("a cursor of another search = %v", err)
		}
	})
}
