package account_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func TestSignUpVerifySignInAndSignOut(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		grant := n.NewUser(t, "Ada@Example.com")
		who := n.Caller(t, grant.Access)
		me, err := n.Me(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		want := account.Me{Kind: "user", ID: me.ID, Email: "ada@example.com", Roles: []string{}, Methods: []string{"code"}, Session: grant.Session, Since: me.Since}
		if diff := cmp.Diff(want, me); diff != "" {
			t.Errorf("Me (-want +got):\n%s", diff)
		}
		if !n.admits(t, who) {
			t.Error("a new session is refused")
		}
		step, err := n.SignIn(t.Context(), "ADA@example.COM", secret, home)
		if err != nil || step.Grant == nil {
			t.Fatalf("SignIn = %+v, %v", step, err)
		}
		all, err := n.Sessions(t.Context(), who)
		if err != nil || len(all) != 2 || !all[0].Current || all[0].Agent != "Firefox on Linux" {
			t.Errorf("Sessions = %+v, %v", all, err)
		}
		if err := n.SignOut(t.Context(), who, false, home); err != nil {
			t.Fatal(err)
		}
		if n.admits(t, who) {
			t.Error("a read after sign-out was answered")
		}
		if _, err := n.Refresh(t.Context(), grant.Refresh, home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("Refresh after sign-out = %v", err)
		}
		if !n.admits(t, n.Caller(t, step.Grant.Access)) {
			t.Error("sign-out ended another session")
		}
	})
}

// A refused sign-in says the same of a wrong password, an unknown address and a suspended account.
func TestOracle_RefusedSignInsAnswerAlike(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		grant := n.NewUser(t, "ada@example.com")
		n.NewUser(t, "bob@example.com")
		if err := n.Suspend(t.Context(), caller.System("test"), string(grant.User.ID[1:len(grant.User.ID)-1]), home); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct{ name, email, password string }{
			{"unknown", "eve@example.com", secret},
			{"wrong password", "bob@example.com", secret + "x"},
			{"suspended", "ada@example.com", secret},
			{"cut password", "bob@example.com", secret[:len(secret)-1]},
		} {
			step, err := n.SignIn(t.Context(), tt.email, tt.password, home)
			failure, ok := errors.AsType[*errs.Error](err)
			if !ok || failure.Kind != errs.Unauthenticated || failure.Message != "the address or the password is wrong, or this account may not sign in" || step.Grant != nil {
				t.Errorf("%s: SignIn = %+v, %v", tt.name, step, err)
			}
		}
	})
}

// What ends access ends it with the next request: of each kind of ending, on the node itself.
func TestReplay_EndingsAreImmediate(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		for i, tt := range []struct {
			name string
			end  func(t *testing.T, who caller.Caller, id string) error
		}{
			{"sign-out", func(t *testing.T, who caller.Caller, _ string) error { return n.SignOut(t.Context(), who, false, home) }},
			{"sign-out of all", func(t *testing.T, who caller.Caller, _ string) error { return n.SignOut(t.Context(), who, true, home) }},
			{"suspension", func(t *testing.T, _ caller.Caller, id string) error {
				return n.Suspend(t.Context(), caller.System("test"), id, home)
			}},
			{"roles", func(t *testing.T, _ caller.Caller, id string) error {
				return n.SetRoles(t.Context(), caller.System("test"), id, []string{"editor"}, home)
			}},
			{"deletion by an operator", func(t *testing.T, _ caller.Caller, id string) error {
				return n.Delete(t.Context(), caller.System("test"), id, home)
			}},
			{"deletion of the row", func(t *testing.T, _ caller.Caller, id string) error {
				key, _ := value.ParseID(n.users(), id)
				return n.Rows.Delete(t.Context(), caller.System("test"), n.users(), key, nil)
			}},
			{"deletion by himself", func(t *testing.T, who caller.Caller, _ string) error { return n.DeleteMe(t.Context(), who, home) }},
		} {
			grant := n.NewUser(t, fmt.Sprintf("user%d@example.com", i))
			who := n.Caller(t, grant.Access)
			id, _ := who.ID()
			if !n.admits(t, who) {
				t.Fatalf("%s: refused before", tt.name)
			}
			if err := tt.end(t, who, id); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if n.admits(t, who) {
				t.Errorf("a request after %s was answered", tt.name)
			}
			if _, err := n.Me(t.Context(), who); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("Me after %s = %v", tt.name, err)
			}
		}
	})
}

func TestPasswordChangeEndsTheOtherSessions(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		first := n.Caller(t, n.NewUser(t, "ada@example.com").Access)
		step, err := n.SignIn(t.Context(), "ada@example.com", secret, home)
		if err != nil {
			t.Fatal(err)
		}
		second := n.Caller(t, step.Grant.Access)
		if err := n.ChangePassword(t.Context(), second, "wrong", "another long secret", home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("with a wrong password = %v", err)
		}
		if err := n.ChangePassword(t.Context(), second, secret, "another long secret", home); err != nil {
			t.Fatal(err)
		}
		if n.admits(t, first) || !n.admits(t, second) {
			t.Errorf("other session admitted: %v, own: %v", n.admits(t, first), n.admits(t, second))
		}
		if _, err := n.SignIn(t.Context(), "ada@example.com", secret, home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("the old password: %v", err)
		}
	})
}

func TestResetSetsAPasswordAndEndsAllSessions(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		who := n.Caller(t, n.NewUser(t, "ada@example.com").Access)
		for _, email := range []string{"ada@example.com", "nobody@example.com"} {
			if err := n.AskReset(t.Context(), email, home); err != nil {
				t.Fatal(err)
			}
		}
		codes := n.Codes(t)
		if codes["nobody@example.com"] != "" {
			t.Error("an unknown address got a code")
		}
		code := codes["ada@example.com"]
		if _, err := n.Verify(t.Context(), "ada@example.com", code, "", home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("the code of a reset signs in: %v", err)
		}
		step, err := n.Reset(t.Context(), "ada@example.com", code, "another long secret", home)
		if err != nil || step.Grant == nil {
			t.Fatalf("Reset = %+v, %v", step, err)
		}
		if n.admits(t, who) {
			t.Error("a session survived the reset")
		}
		if _, err := n.Reset(t.Context(), "ada@example.com", code, "a third long secret", home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("the code works twice: %v", err)
		}
	})
}

// Sign-up of a known address answers as sign-up of a new one, and makes nothing.
func TestOracle_SignUpOfAKnownAddress(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		newcomer, err := n.SignUp(t.Context(), account.Newcomer{Email: "bob@example.com", Password: secret}, client("198.51.100.7"))
		if err != nil {
			t.Fatal(err)
		}
		step, err := n.SignUp(t.Context(), account.Newcomer{Email: "ADA@example.com", Password: "a password of a stranger"}, client("198.51.100.7"))
		if err != nil || step.Grant != nil || step.Flow != "" || len(step.Waits) != len(newcomer.Waits) {
			t.Fatalf("SignUp = %+v, %v", step, err)
		}
		letters := n.Outbox.Take()
		message, send, err := n.Compose(t.Context(), letters[len(letters)-1])
		if err != nil || !send || message.Template != "known" {
			t.Errorf("Compose = %+v, %v, %v", message, send, err)
		}
		if _, err := n.SignIn(t.Context(), "ada@example.com", "a password of a stranger", home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("the stranger's password: %v", err)
		}
	})
}

// A8: somebody signs up with another's address and never confirms it. When the owner proves the address, the stranger's
// password, session and key end.
func TestPreHijack(t *testing.T) {
	eachWith(t, func(a *model.Accounts) { a.Verify = model.VerifyLater }, func(t *testing.T, n *node) {
		stranger := client("198.51.100.7")
		step, err := n.SignUp(t.Context(), account.Newcomer{Email: "ada@example.com", Password: secret}, stranger)
		if err != nil || step.Grant == nil || step.Grant.User.Verified {
			t.Fatalf("SignUp = %+v, %v", step, err)
		}
		theirs := n.Caller(t, step.Grant.Access)
		if err := n.AskCode(t.Context(), "ada@example.com", home); err != nil {
			t.Fatal(err)
		}
		got, err := n.Verify(t.Context(), "ada@example.com", n.Codes(t)["ada@example.com"], "", home)
		if err != nil || got.Grant == nil || !got.Grant.User.Verified {
			t.Fatalf("Verify = %+v, %v", got, err)
		}
		if n.admits(t, theirs) {
			t.Error("the session of the stranger goes on")
		}
		if _, err := n.SignIn(t.Context(), "ada@example.com", secret, stranger); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("the password of the stranger: %v", err)
		}
	})
}

// parallel runs f n times at once and returns how often it succeeded.
func parallel(n int, f func(i int) error) int {
	var wg sync.WaitGroup
	var done atomic.Int64
	for i := range n {
		wg.Go(func() {
			if f(i) == nil {
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return int(done.Load())
}

// A9: two spellings that reach one account share one counter.
func TestGuessing_SpellingsShareACounter(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		limited := false
		for i, email := range []string{"ada@example.com", "ADA@example.com", "Ada@Example.Com", "aDa@eXample.com", "ada@EXAMPLE.com", "ada@example.COM", "adA@example.com", "AdA@example.com", "aDA@example.com", "ADa@example.com"} {
			_, err := n.SignIn(t.Context(), email, "a wild guess", client(fmt.Sprintf("203.0.113.%d", i)))
			limited = errs.KindOf(err) == errs.Limited
		}
		if !limited {
			t.Error("ten spellings of one address were never limited")
		}
	})
}

func TestKeysActForTheirOwner(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		who := n.Caller(t, n.NewUser(t, "ada@example.com").Access)
		if _, err := n.MakeKey(t.Context(), who, account.NewKey{Name: "ci"}, home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a key without scopes: %v", err)
		}
		key, err := n.MakeKey(t.Context(), who, account.NewKey{Name: "ci", Scopes: []string{"reader"}}, home)
		if err != nil {
			t.Fatal(err)
		}
		robot, err := n.ByKey(t.Context(), key.Text)
		if err != nil || robot.Kind() != caller.KindKey || !robot.Scopes().Allow("notes", caller.MayRead) || robot.Scopes().Allow("notes", caller.MayCreate) {
			t.Fatalf("ByKey = %v, %v", robot, err)
		}
		if names := robot.Scopes().Names; !slices.Equal(names, []string{"reader"}) { // limits go by them
			t.Errorf("the key has the scopes %q, want reader", names)
		}
		next, err := n.RotateKey(t.Context(), who, key.ID, home)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{key.Text, next.Text} {
			if _, err := n.ByKey(t.Context(), text); err != nil {
				t.Errorf("a key during the overlap: %v", err)
			}
		}
		n.Clock.Pass(25 * time.Hour)
		if _, err := n.ByKey(t.Context(), key.Text); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("the old key after the overlap: %v", err)
		}
		robot, err = n.ByKey(t.Context(), next.Text)
		if err != nil {
			t.Fatal(err)
		}
		id, _ := who.ID()
		if err := n.Suspend(t.Context(), caller.System("test"), id, home); err != nil {
			t.Fatal(err)
		}
		if n.admits(t, robot) {
			t.Error("a key of a suspended owner was admitted")
		}
		if _, err := n.ByKey(t.Context(), next.Text); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("a key of a suspended owner: %v", err)
		}
	})
}

func TestInvitationGivesItsRoles(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		if err := n.Invite(t.Context(), caller.System("test"), "ada@example.com", []string{"editor"}, home); err != nil {
			t.Fatal(err)
		}
		code := n.Codes(t)["ada@example.com"]
		if _, err := n.SignUp(t.Context(), account.Newcomer{Email: "eve@example.com", Password: secret, Invitation: code}, home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("the invitation of another address: %v", err)
		}
		step, err := n.SignUp(t.Context(), account.Newcomer{Email: "ada@example.com", Password: secret, Invitation: code}, home)
		if err != nil || step.Grant == nil || !cmp.Equal(step.Grant.User.Roles, []string{"editor"}) {
			t.Fatalf("SignUp = %+v, %v", step.Grant, err)
		}
	})
}
