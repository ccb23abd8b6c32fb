package account_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// beginLink sends the owner of an account to the provider, and lets a person agree there.
func (n *abroad) beginLink(t *testing.T, who caller.Caller, claims map[string]any) account.ProviderAnswer {
	t.Helper()
	d, err := n.BeginLink(t.Context(), who, "corp", "/account/arrive", "", home)
	if err != nil {
		t.Fatal(err)
	}
	back := n.op.Approve(t, d.URL, claims)
	return account.ProviderAnswer{State: back.Get("state"), Code: back.Get("code"), Issuer: back.Get("iss"), Browser: d.Browser}
}

// linkOwn links an account at the provider with the account of a caller.
func (n *abroad) linkOwn(t *testing.T, who caller.Caller, claims map[string]any) {
	t.Helper()
	a, err := n.FinishProvider(t.Context(), "corp", n.beginLink(t, who, claims), home)
	if err != nil || a.Grant != nil || a.Link == "" {
		t.Fatalf("FinishProvider = %+v, %v, want a flow to link", a, err)
	}
	if err := n.Link(t.Context(), who, a.Link, home); err != nil {
		t.Fatal(err)
	}
}

func (n *abroad) links(t *testing.T, who caller.Caller) []account.Link {
	t.Helper()
	all, err := n.Links(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// An owner links an account with another address, sees it, and removes it again. What came by it goes with it.
func TestLinksAreAddedListedAndRemoved(t *testing.T) {
	eachAbroad(t, unchanged, func(t *testing.T, n *abroad) {
		grant := n.NewUser(t, "ada@example.com")
		who := n.Caller(t, grant.Access)
		if all := n.links(t, who); len(all) != 0 {
			t.Fatalf("a new account has the links %+v", all)
		}
		claims := person("ada", "ada@corp.example")
		claims["groups"] = "hr"
		n.linkOwn(t, who, claims)
		abroad := n.Caller(t, n.enter(t, claims).Access)
		if roles := abroad.Roles(); !slices.Equal(roles, []string{"editor"}) {
			t.Errorf("the provider gave the roles %v", roles)
		}
		next, err := n.Refresh(t.Context(), grant.Refresh, home)
		if err != nil {
			t.Fatal(err)
		}
		who = n.Caller(t, next.Access)
		all := n.links(t, who)
		if len(all) != 1 || all[0].Provider != "corp" || all[0].Title == "" || all[0].Email != "ada@corp.example" {
			t.Fatalf("the account has the links %+v", all)
		}
		n.Outbox.Take()
		if err := n.Unlink(t.Context(), who, all[0].ID, home); err != nil {
			t.Fatal(err)
		}
		if letters := n.Outbox.Take(); len(letters) != 1 || letters[0].To != "ada@example.com" || letters[0].Data["change"] != "provider removed" {
			t.Errorf("Unlink queued %v", letters)
		}
		if n.admits(t, abroad) {
			t.Error("a session that began at the provider is still open")
		}
		if next, err = n.Refresh(t.Context(), next.Refresh, home); err != nil || len(next.User.Roles) != 0 {
			t.Fatalf("after Unlink the owner has %+v, %v, want a session without roles", next, err)
		}
		who = n.Caller(t, next.Access)
		if err := n.Unlink(t.Context(), who, all[0].ID, home); errs.KindOf(err) != errs.NotFound {
			t.Errorf("the second Unlink = %v", err)
		}
		if a, err := n.arrive(t, claims); err == nil && a.Grant != nil && string(a.Grant.User.ID) == string(grant.User.ID) {
			t.Error("a removed link opened the account")
		}
		if !n.wrote(t, "provider.unlinked") {
			t.Error("no audit row tells of the removal")
		}
	})
}

// wrote reports whether the audit log has a row of an action.
func (n *abroad) wrote(t *testing.T, action string) bool {
	t.Helper()
	page, err := n.Audit.List(t.Context(), audit.Filter{Action: action}, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Entries) > 0
}

// Of two requests that remove the last two links at once, one is refused. A password lets the last link go.
func TestTheLastWayToSignInStays(t *testing.T) {
	eachAbroad(t, unchanged, func(t *testing.T, n *abroad) {
		who := n.Caller(t, n.enter(t, person("ada", "ada@example.com")).Access)
		n.linkOwn(t, who, person("ada-2", "ada@elsewhere.example"))
		all := n.links(t, who)
		var group sync.WaitGroup
		results := make([]error, len(all))
		for i, link := range all {
			group.Go(func() { results[i] = n.Unlink(t.Context(), who, link.ID, home) })
		}
		group.Wait()
		slices.SortFunc(results, func(a, b error) int { return len(errs.KindOf(a)) - len(errs.KindOf(b)) })
		if results[0] != nil || errs.KindOf(results[1]) != errs.Conflict {
			t.Fatalf("Unlink of both links = %v, want one refusal", results)
		}
		all = n.links(t, who)
		if len(all) != 1 {
			t.Fatalf("the account has the links %+v", all)
		}
		if err := n.ChangePassword(t.Context(), who, "", secret, home); err != nil {
			t.Fatal(err)
		}
		if err := n.Unlink(t.Context(), who, all[0].ID, home); err != nil {
			t.Error(err)
		}
	})
}

// A link needs a recent proof and the session that began, and takes nothing from other accounts.
func TestAttack_LinksOfOthers(t *testing.T) {
	eachAbroad(t, func(a *model.Accounts) { a.TOTP = true }, func(t *testing.T, n *abroad) {
		ada, eve := n.Caller(t, n.NewUser(t, "ada@example.com").Access), n.Caller(t, n.NewUser(t, "eve@example.com").Access)
		n.linkOwn(t, ada, person("ada", "ada@example.com"))
		link := n.links(t, ada)[0]
		if err := n.Unlink(t.Context(), eve, link.ID, home); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Unlink of somebody else's link = %v", err)
		}
		for name, sub := range map[string]caller.Caller{"linked elsewhere": eve, "linked already": ada} {
			if a, err := n.FinishProvider(t.Context(), "corp", n.beginLink(t, sub, person("ada", "ada@example.com")), home); errs.KindOf(err) != errs.Conflict || a.Next == "" {
				t.Errorf("%s: FinishProvider = %+v, %v", name, a, err)
			}
		}
		a, err := n.FinishProvider(t.Context(), "corp", n.beginLink(t, eve, person("eve", "eve@example.com")), home)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Link(t.Context(), ada, a.Link, home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Link of somebody else's flow = %v", err)
		}
		waits := n.beginLink(t, eve, person("eve", "eve@example.com"))
		if err := n.SignOut(t.Context(), eve, false, home); err != nil {
			t.Fatal(err)
		}
		if a, err := n.FinishProvider(t.Context(), "corp", waits, home); errs.KindOf(err) != errs.Unauthenticated || a.Link != "" {
			t.Errorf("after the end of the session: FinishProvider = %+v, %v", a, err)
		}
		n.Clock.Pass(11 * time.Minute)
		if _, err := n.BeginLink(t.Context(), ada, "corp", "", "", home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("BeginLink with an old proof = %v", err)
		}
		if err := n.Unlink(t.Context(), ada, link.ID, home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("Unlink with an old proof = %v", err)
		}
		if _, err := n.BeginLink(t.Context(), caller.Caller{}, "corp", "", "", home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("BeginLink without a session = %v", err)
		}
	})
}

func TestPasskeysAreRenamed(t *testing.T) {
	eachWith(t, withPasskeys, func(t *testing.T, n *node) {
		grant := n.NewUser(t, "ada@example.com")
		who, made := n.register(t, grant, newDevice())
		renamed, err := n.RenamePasskey(t.Context(), who, made.ID, "Blue key", home)
		if err != nil || renamed.Name != "Blue key" || renamed.ID != made.ID {
			t.Fatalf("RenamePasskey = %+v, %v", renamed, err)
		}
		all, err := n.Passkeys(t.Context(), who)
		if err != nil || len(all) != 1 || all[0].Name != "Blue key" {
			t.Errorf("Passkeys = %+v, %v", all, err)
		}
		for _, name := range []string{"", " Blue", "a\x00b", string(make([]rune, 101))} {
			if _, err := n.RenamePasskey(t.Context(), who, made.ID, name, home); errs.KindOf(err) != errs.Invalid {
				t.Errorf("RenamePasskey to %q = %v", name, err)
			}
		}
		eve := n.Caller(t, n.NewUser(t, "eve@example.com").Access)
		if _, err := n.RenamePasskey(t.Context(), eve, made.ID, "Mine", home); errs.KindOf(err) != errs.NotFound {
			t.Errorf("RenamePasskey of somebody else's = %v", err)
		}
	})
}

// A stranger signs up with an address of somebody else, and links an account of the stranger at a provider. The first proof of
// the address ends the link: otherwise the stranger would come back to the account of its owner.
func TestPreHijackByLink(t *testing.T) {
	later := func(a *model.Accounts) { a.Verify = model.VerifyLater }
	for name, prove := range map[string]func(n *abroad, t *testing.T) (account.Step, error){
		"code": func(n *abroad, t *testing.T) (account.Step, error) {
			if err := n.AskCode(t.Context(), "ada@example.com", home); err != nil {
				t.Fatal(err)
			}
			return n.Verify(t.Context(), "ada@example.com", n.Codes(t)["ada@example.com"], "", home)
		},
		"reset": func(n *abroad, t *testing.T) (account.Step, error) {
			if err := n.AskReset(t.Context(), "ada@example.com", home); err != nil {
				t.Fatal(err)
			}
			return n.Reset(t.Context(), "ada@example.com", n.Codes(t)["ada@example.com"], "the owner's own secret", home)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachAbroad(t, later, func(t *testing.T, n *abroad) {
				step, err := n.SignUp(t.Context(), account.Newcomer{Email: "ada@example.com", Password: secret}, client("198.51.100.7"))
				if err != nil || step.Grant == nil {
					t.Fatalf("SignUp = %+v, %v", step, err)
				}
				n.Outbox.Take()
				eve := person("eve", "eve@evil.example")
				eve["groups"] = "hr"
				n.linkOwn(t, n.Caller(t, step.Grant.Access), eve)
				n.Outbox.Take()
				owner, err := prove(n, t)
				if err != nil || owner.Grant == nil {
					t.Fatalf("the proof of the owner = %+v, %v", owner, err)
				}
				if roles := owner.Grant.User.Roles; len(roles) != 0 {
					t.Errorf("the owner has the roles %v by the claims of the stranger", roles)
				}
				if all := n.links(t, n.Caller(t, owner.Grant.Access)); len(all) != 0 {
					t.Errorf("the links %+v are still there", all)
				}
				a, err := n.arrive(t, eve)
				if err == nil && a.Grant != nil && string(a.Grant.User.ID) == string(owner.Grant.User.ID) {
					t.Error("the stranger signs in to the account of the owner")
				}
			})
		})
	}
}
