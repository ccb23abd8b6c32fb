package account_test

import (
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// signIn signs in by password and returns the session.
func (n *node) signIn(t *testing.T, email string, from account.Client) *account.Grant {
	t.Helper()
	step, err := n.SignIn(t.Context(), email, secret, from)
	if err != nil || step.Grant == nil {
		t.Fatalf("SignIn = %v, %v", step, err)
	}
	return step.Grant
}

// A session that is not used ends, and every session ends in the end (ASVS 7.3.1, 7.3.2). That holds for sessions with tokens
// and in cookies.
func TestSessionsEndUnusedAndInTheEnd(t *testing.T) {
	short := func(a *model.Accounts) { a.Sessions.Idle, a.Sessions.Longest = time.Hour, 4*time.Hour }
	eachWith(t, short, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		browser := home
		browser.Cookie = true
		for name, open := range map[string]func() func() error{
			"tokens": func() func() error {
				last := n.signIn(t, "ada@example.com", home)
				return func() error {
					next, err := n.Refresh(t.Context(), last.Refresh, home)
					if err == nil {
						last = next
					}
					return err
				}
			},
			"cookie": func() func() error {
				cookie := n.signIn(t, "ada@example.com", browser).Cookie
				return func() error { _, err := n.ByCookie(t.Context(), cookie); return err }
			},
		} {
			use := open()
			n.Clock.Pass(61 * time.Minute)
			if err := use(); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("%s: after an hour without use: %v", name, err)
			}
			use = open()
			for i := range 4 {
				n.Clock.Pass(50 * time.Minute)
				if err := use(); err != nil {
					t.Fatalf("%s: use %d: %v", name, i, err)
				}
			}
			n.Clock.Pass(41 * time.Minute)
			if err := use(); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("%s: after four hours: %v", name, err)
			}
		}
	})
}

// Beyond the bound of the model the oldest session makes room (ASVS 7.1.2).
func TestTheOldestSessionMakesRoom(t *testing.T) {
	eachWith(t, func(a *model.Accounts) { a.Sessions.EachUser = 3 }, func(t *testing.T, n *node) {
		sessions := []caller.Caller{n.Caller(t, n.NewUser(t, "ada@example.com").Access)}
		for range 3 {
			n.Clock.Pass(time.Second)
			sessions = append(sessions, n.Caller(t, n.signIn(t, "ada@example.com", home).Access))
		}
		for i, who := range sessions {
			if got, want := n.admits(t, who), i > 0; got != want {
				t.Errorf("session %d is admitted: %v, want %v", i, got, want)
			}
		}
	})
}

// Who proves again gets a new session in place of the one that he came with (ASVS 7.2.4). Sessions of others stay.
func TestReplay_SigningInAgainEndsTheFormerSession(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		first := n.NewUser(t, "ada@example.com")
		bob := n.Caller(t, n.NewUser(t, "bob@example.com").Access)
		again := home
		again.Who = n.Caller(t, first.Access)
		second := n.signIn(t, "ada@example.com", again)
		if n.admits(t, again.Who) {
			t.Error("the former session is admitted")
		}
		if _, err := n.Refresh(t.Context(), first.Refresh, home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("the former refresh token: %v", err)
		}
		if second.Session == first.Session || !n.admits(t, n.Caller(t, second.Access)) {
			t.Error("there is no new session")
		}
		again.Who = bob
		n.signIn(t, "ada@example.com", again)
		if !n.admits(t, bob) {
			t.Error("the session of another account has ended")
		}
	})
}

// Ending other sessions needs a recent proof (ASVS 7.5.2), signing out does not.
func TestEndingOtherSessionsNeedsARecentProof(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		other := n.NewUser(t, "ada@example.com")
		step := n.signIn(t, "ada@example.com", home)
		n.Clock.Pass(11 * time.Minute)
		grant, err := n.Refresh(t.Context(), step.Refresh, home)
		if err != nil {
			t.Fatal(err)
		}
		who := n.Caller(t, grant.Access)
		for name, end := range map[string]func() error{
			"one":        func() error { return n.EndSession(t.Context(), who, other.Session, home) },
			"all others": func() error { return n.EndOthers(t.Context(), who, home) },
			"all":        func() error { return n.SignOut(t.Context(), who, true, home) },
		} {
			if err := end(); !asksAgain(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if all, err := n.Sessions(t.Context(), who); err != nil || len(all) != 2 {
			t.Errorf("Sessions = %v, %v", all, err)
		}
		if err := n.EndSession(t.Context(), who, step.Session, home); err != nil {
			t.Errorf("his own session: %v", err)
		}
	})
}

// asksAgain reports whether an error asks for a recent proof.
func asksAgain(err error) bool {
	for err != nil {
		if failure, ok := err.(*errs.Error); ok && failure.StepUp != nil {
			return failure.StepUp.MaxAge == 10*time.Minute
		}
		wrapped, ok := err.(interface{ Unwrap() error })
		if !ok {
			return false
		}
		err = wrapped.Unwrap()
	}
	return false
}

// Mailed codes end ten minutes after they were made, and invitations after a week (ASVS 6.4.1, 6.5.5).
func TestReplay_CodesEndAfterTheirTime(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		for name, tt := range map[string]struct {
			lives time.Duration
			email string
			ask   func(email string) error
			use   func(email, code string) error
		}{
			"sign-up": {10 * time.Minute, "new@example.com", func(email string) error {
				_, err := n.SignUp(t.Context(), account.Newcomer{Email: email, Password: secret}, home)
				return err
			}, func(email, code string) error { _, err := n.Verify(t.Context(), email, code, secret, home); return err }},
			"sign-in": {10 * time.Minute, "ada@example.com", func(email string) error { return n.AskCode(t.Context(), email, home) },
				func(email, code string) error { _, err := n.Verify(t.Context(), email, code, "", home); return err }},
			"reset": {10 * time.Minute, "ada@example.com", func(email string) error { return n.AskReset(t.Context(), email, home) },
				func(email, code string) error { _, err := n.Reset(t.Context(), email, code, secret, home); return err }},
			"invitation": {7 * 24 * time.Hour, "guest@example.com", func(email string) error {
				return n.Invite(t.Context(), caller.System("test"), email, nil, home)
			}, func(email, code string) error {
				_, err := n.SignUp(t.Context(), account.Newcomer{Email: email, Password: secret, Invitation: code}, home)
				return err
			}},
		} {
			for _, late := range []bool{true, false} {
				n.Clock.Pass(2 * time.Hour) // so that no counter is closed
				if err := tt.ask(tt.email); err != nil {
					t.Fatal(err)
				}
				code := n.Codes(t)[tt.email]
				n.Clock.Pass(tt.lives - time.Second)
				if late {
					n.Clock.Pass(time.Second)
				}
				if err := tt.use(tt.email, code); (errs.KindOf(err) == errs.Invalid) != late || (!late && err != nil) {
					t.Errorf("%s, late %v: %v", name, late, err)
				}
			}
		}
	})
}

// A code is worth nothing after five wrong attempts, from wherever they come (ASVS 6.6.3).
func TestGuessing_CodesEndAfterFiveTries(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		for _, wrong := range []int{4, 5} {
			n.Clock.Pass(2 * time.Hour)
			if err := n.AskCode(t.Context(), "ada@example.com", home); err != nil {
				t.Fatal(err)
			}
			code := n.Codes(t)["ada@example.com"]
			for range wrong {
				if _, err := n.Verify(t.Context(), "ada@example.com", "x", "", home); errs.KindOf(err) != errs.Invalid {
					t.Fatal(err)
				}
			}
			if _, err := n.Verify(t.Context(), "ada@example.com", code, "", home); (err == nil) != (wrong < 5) {
				t.Errorf("after %d wrong codes: %v", wrong, err)
			}
		}
	})
}

// Passwords do not expire (ASVS 6.2.10).
func TestPasswordsStayValid(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		n.Clock.Pass(10 * 365 * 24 * time.Hour)
		n.signIn(t, "ada@example.com", home)
	})
}

// A new database has no account, of no kind (ASVS 6.3.2).
func TestExposure_NoAccountIsThereByDefault(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		for _, kind := range []account.Kind{account.KindUser, account.KindOperator, account.KindService} {
			page, err := n.Accounts(t.Context(), account.Search{Kind: kind, Limit: 10})
			if err != nil || len(page.Accounts) > 0 {
				t.Errorf("%s: %v, %v", kind, page.Accounts, err)
			}
		}
		for _, email := range []string{"admin@localhost", "root@localhost", "admin@example.com"} {
			if _, err := n.SignIn(t.Context(), email, "admin", home); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("%s: %v", email, err)
			}
		}
	})
}

// The name of the app is no password (ASVS 6.2.11).
func TestGuessing_TheNameOfTheAppIsNoPassword(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		for password, want := range map[string]string{"Notes2027!": "/password common", "correct horse notes": ""} {
			_, err := n.SignUp(t.Context(), account.Newcomer{Email: "ada@example.com", Password: password}, home)
			if got := faultsOf(err); got != want {
				t.Errorf("%s: %q, want %q", password, got, want)
			}
		}
	})
}

// Keys survive a new password. The mail about it names the living ones, and one request ends them all.
func TestKeysAfterANewPassword(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		who := n.Caller(t, n.NewUser(t, "ada@example.com").Access)
		bob := n.Caller(t, n.NewUser(t, "bob@example.com").Access)
		soon := n.Clock.Now().Add(time.Minute)
		mint := func(who caller.Caller, expires *time.Time) account.Key {
			key, err := n.MakeKey(t.Context(), who, account.NewKey{Name: "ci", Scopes: []string{"reader"}, Expires: expires}, home)
			if err != nil {
				t.Fatal(err)
			}
			return key
		}
		key, _, other := mint(who, nil), mint(who, &soon), mint(bob, nil)
		n.Clock.Pass(2 * time.Minute)
		if err := n.ChangePassword(t.Context(), who, secret, "another long secret", home); err != nil {
			t.Fatal(err)
		}
		told := ""
		for _, m := range n.Messages(t) {
			told += m.Data.Keys
		}
		if told != key.Prefix {
			t.Errorf("the mail names %q, want %q", told, key.Prefix)
		}
		if _, err := n.ByKey(t.Context(), key.Text); err != nil {
			t.Errorf("the key after a new password: %v", err)
		}
		if err := n.EndKeys(t.Context(), who, home); err != nil {
			t.Fatal(err)
		}
		if robot, err := n.ByKey(t.Context(), key.Text); err == nil && n.admits(t, robot) {
			t.Error("the key works after its end")
		}
		if robot, err := n.ByKey(t.Context(), other.Text); err != nil || !n.admits(t, robot) {
			t.Errorf("the key of somebody else: %v", err)
		}
	})
}

// A node remembers the owner of a key. A key with the same id and another secret is refused nevertheless.
func TestForgery_ARememberedKeyNeedsItsSecret(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		who := n.Caller(t, n.NewUser(t, "ada@example.com").Access)
		var texts []string
		for range 2 {
			key, err := n.MakeKey(t.Context(), who, account.NewKey{Name: "ci", Scopes: []string{"reader"}}, home)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, key.Text)
		}
		first, second := strings.Split(texts[0], "_"), strings.Split(texts[1], "_")
		forged := strings.Join([]string{first[0], first[1], second[2]}, "_")
		checksum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(forged)))
		forged += "_" + base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding).EncodeToString(checksum)
		for range 2 { // before and after the node has seen the key
			if robot, err := n.ByKey(t.Context(), forged); errs.KindOf(err) != errs.Unauthenticated || !strings.HasSuffix(err.Error(), "the API key is not valid") {
				t.Errorf("the forged key: %v, %v", robot, err)
			}
			if _, err := n.ByKey(t.Context(), texts[0]); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSessionsAreCounted(t *testing.T) {
	eachWith(t, nil, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		before := n.LiveSessions()
		for range 3 {
			n.signIn(t, "ada@example.com", home)
		}
		if err := n.CountSessions(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := n.LiveSessions(); before != 0 || got < 3 {
			t.Errorf("%d sessions before the count, %d after it; want 0, and 3 or more", before, got)
		}
	})
}
