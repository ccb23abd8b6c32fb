package account_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// redeemers is the number of attempts that use one secret at once.
const redeemers = 64

// A redemption is one kind of secret that works once. prepare runs once for all rounds. What it returns makes the secret of a
// round and returns one of the attempts to use it; the attempts run at once.
type redemption struct {
	name    string
	prepare func(t *testing.T, n *abroad) func(round int) (attempt func(i int) error)
}

// A4: of 64 parallel uses of one secret, one succeeds.
func TestReplay_SecretsAreRedeemedOnce(t *testing.T) {
	all := func(a *model.Accounts) {
		withPasskeys(a)
		a.TOTP = true
		a.Codes.Tries, a.Codes.Valid = 1_000_000, 100_000*time.Hour // the losers of a round use the flows of the next
		a.Sessions.EachUser, a.Sessions.Idle, a.Sessions.Longest = 3, 100_000*time.Hour, 100_000*time.Hour
	}
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			rounds := effort.Cases(50, 1_000) // of each kind
			if effort.Raced {
				rounds = 1
			}
			n := newAbroad(t, e, all)
			for _, kind := range redemptions() {
				t.Run(kind.name, func(t *testing.T) {
					next := kind.prepare(t, n)
					for round := range rounds {
						attempt := next(round)
						if got := parallel(redeemers, attempt); got != 1 {
							t.Errorf("round %d: %d of %d parallel uses succeeded, want 1", round, got, redeemers)
						}
						n.Clock.Pass(2 * time.Hour) // the bounds on mails and guesses are not the subject here
						n.Outbox.Take()
					}
				})
			}
		})
	}
}

// at is the client of an attempt. Each comes from an address of its own, so that no bound on one address refuses it.
func at(i int) account.Client { return client(fmt.Sprintf("203.0.113.%d", i)) }

// done returns an error for a step that is not one.
func done(step account.Step, err error) error {
	if err == nil && step.Grant == nil && step.Flow == "" {
		err = fmt.Errorf("an empty step")
	}
	return err
}

func redemptions() []redemption {
	return []redemption{
		{"sign-in code", redeemSignInCode},
		{"sign-up link", redeemSignUpLink},
		{"reset code", redeemReset},
		{"invitation", redeemInvitation},
		{"recovery code", redeemRecovery},
		{"TOTP step", redeemTOTP},
		{"flow of a sign-in", redeemFlow},
		{"challenge for a passkey", redeemRegistration},
		{"challenge of a passkey", redeemPasskey},
		{"challenge of a second factor", redeemPasskeyFactor},
		{"state of a provider", redeemState},
		{"flow of a link", redeemLink},
		{"operator link", redeemOperatorLink},
	}
}

func redeemSignInCode(t *testing.T, n *abroad) func(int) func(int) error {
	n.NewUser(t, "code@example.com")
	return func(int) func(int) error {
		if err := n.AskCode(t.Context(), "code@example.com", home); err != nil {
			t.Fatal(err)
		}
		code := n.Codes(t)["code@example.com"]
		return func(i int) error { return done(n.Verify(t.Context(), "code@example.com", code, "", at(i))) }
	}
}

// The link in a mail leads to a page, which sends the code of the link.
func redeemSignUpLink(t *testing.T, n *abroad) func(int) func(int) error {
	return func(round int) func(int) error {
		email, browser := fmt.Sprintf("new%d@example.com", round), home
		browser.Browser = "the browser that signs up"
		if _, err := n.SignUp(t.Context(), account.Newcomer{Email: email, Password: secret}, browser); err != nil {
			t.Fatal(err)
		}
		code := n.Codes(t)[email]
		return func(i int) error {
			from := at(i)
			from.Browser = browser.Browser
			return done(n.VerifyPage(t.Context(), email, code, "", from))
		}
	}
}

func redeemReset(t *testing.T, n *abroad) func(int) func(int) error {
	n.NewUser(t, "reset@example.com")
	return func(round int) func(int) error {
		if err := n.AskReset(t.Context(), "reset@example.com", home); err != nil {
			t.Fatal(err)
		}
		code := n.Codes(t)["reset@example.com"]
		return func(i int) error {
			return done(n.Reset(t.Context(), "reset@example.com", code, fmt.Sprintf("new secret %d of %d", i, round), at(i)))
		}
	}
}

func redeemInvitation(t *testing.T, n *abroad) func(int) func(int) error {
	return func(round int) func(int) error {
		email := fmt.Sprintf("guest%d@example.com", round)
		if err := n.Invite(t.Context(), caller.System("test"), email, []string{"reader"}, home); err != nil {
			t.Fatal(err)
		}
		code := n.Codes(t)[email]
		return func(i int) error {
			return done(n.SignUp(t.Context(), account.Newcomer{Email: email, Password: secret, Invitation: code}, at(i)))
		}
	}
}

// waiting begins sign-ins of an account until each place of flows has one. An attempt that succeeds empties its place.
func (n *node) waiting(t *testing.T, email string, flows []string) {
	t.Helper()
	for i := range flows {
		if flows[i] != "" {
			continue
		}
		step, err := n.SignIn(t.Context(), email, secret, at(i))
		if err != nil || step.Flow == "" {
			t.Fatalf("SignIn = %+v, %v", step, err)
		}
		flows[i] = step.Flow
	}
}

// confirm ends a sign-in of flows with a factor.
func (n *node) confirm(t *testing.T, flows []string, i int, factor account.Factor) error {
	err := done(n.Confirm(t.Context(), flows[i], factor, at(i)))
	if err == nil {
		flows[i] = ""
	}
	return err
}

// Many sign-ins wait, and all send one recovery code.
func redeemRecovery(t *testing.T, n *abroad) func(int) func(int) error {
	var email string
	var codes, flows []string
	return func(round int) func(int) error {
		if len(codes) == 0 {
			email, flows = fmt.Sprintf("recovery%d@example.com", round), make([]string, redeemers)
			_, codes = n.enrol(t, email)
		}
		code := codes[0]
		codes = codes[1:]
		n.waiting(t, email, flows)
		return func(i int) error { return n.confirm(t, flows, i, account.Factor{Recovery: code}) }
	}
}

func redeemTOTP(t *testing.T, n *abroad) func(int) func(int) error {
	key, _ := n.enrol(t, "totp@example.com")
	flows := make([]string, redeemers)
	return func(int) func(int) error {
		n.waiting(t, "totp@example.com", flows)
		now := accounttest.TOTP(t, key, n.Clock.Now())
		return func(i int) error { return n.confirm(t, flows, i, account.Factor{TOTP: now}) }
	}
}

// One sign-in waits, and gets all recovery codes of the account at once.
func redeemFlow(t *testing.T, n *abroad) func(int) func(int) error {
	var email string
	var codes []string
	var mu sync.Mutex
	return func(round int) func(int) error {
		if len(codes) < 2 {
			email = fmt.Sprintf("flow%d@example.com", round)
			_, codes = n.enrol(t, email)
		}
		flow, given := []string{""}, codes
		n.waiting(t, email, flow)
		return func(i int) error {
			code := given[i%len(given)]
			err := done(n.Confirm(t.Context(), flow[0], account.Factor{Recovery: code}, at(i)))
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				codes = slices.DeleteFunc(slices.Clone(given), func(c string) bool { return c == code })
			}
			return err
		}
	}
}

// A registration that has succeeded is undone before the next one.
func redeemRegistration(t *testing.T, n *abroad) func(int) func(int) error {
	grant := n.NewUser(t, "passkeys@example.com")
	first := newDevice()
	var last atomic.Value
	last.Store("")
	_, _ = n.register(t, grant, first)
	return func(int) func(int) error {
		n.Clock.Pass(time.Minute)
		c := n.begin(t)
		step, err := n.FinishPasskeySignIn(t.Context(), c.Flow, first.sign(t, c), home)
		if err != nil {
			t.Fatal(err)
		}
		who := n.Caller(t, step.Grant.Access)
		if id := last.Load().(string); id != "" {
			if err := n.RemovePasskey(t.Context(), who, id, home); err != nil {
				t.Fatal(err)
			}
		}
		made, err := n.BeginPasskey(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		answer := newDevice().make(t, made)
		return func(i int) error {
			got, err := n.FinishPasskey(t.Context(), who, made.Flow, "", answer, at(i))
			if err == nil {
				last.Store(got.ID)
			}
			return err
		}
	}
}

func redeemPasskey(t *testing.T, n *abroad) func(int) func(int) error {
	d := newDevice()
	n.register(t, n.NewUser(t, "passkey@example.com"), d)
	return func(int) func(int) error {
		c := n.begin(t)
		answer := d.sign(t, c)
		return func(i int) error { return done(n.FinishPasskeySignIn(t.Context(), c.Flow, answer, at(i))) }
	}
}

func redeemPasskeyFactor(t *testing.T, n *abroad) func(int) func(int) error {
	d := newDevice()
	n.register(t, n.NewUser(t, "factor@example.com"), d)
	return func(int) func(int) error {
		flow := []string{""}
		n.waiting(t, "factor@example.com", flow)
		c, err := n.BeginFactor(t.Context(), flow[0], home)
		if err != nil {
			t.Fatal(err)
		}
		answer := d.sign(t, c)
		return func(i int) error {
			return done(n.Confirm(t.Context(), flow[0], account.Factor{Passkey: answer}, at(i)))
		}
	}
}

func redeemState(t *testing.T, n *abroad) func(int) func(int) error {
	return func(int) func(int) error {
		answer := n.depart(t, person("state", "state@example.com"))
		return func(i int) error {
			a, err := n.FinishProvider(t.Context(), "corp", answer, at(i))
			return done(a.Step, err)
		}
	}
}

func redeemLink(t *testing.T, n *abroad) func(int) func(int) error {
	n.NewUser(t, "link@example.com")
	return func(round int) func(int) error {
		a, err := n.arrive(t, person(fmt.Sprintf("link%d", round), "link@example.com"))
		if err != nil || a.Link == "" {
			t.Fatalf("FinishProvider = %+v, %v", a, err)
		}
		step, err := n.SignIn(t.Context(), "link@example.com", secret, home)
		if err != nil {
			t.Fatal(err)
		}
		who := n.Caller(t, step.Grant.Access)
		return func(i int) error { return n.Link(t.Context(), who, a.Link, at(i)) }
	}
}

func redeemOperatorLink(t *testing.T, n *abroad) func(int) func(int) error {
	return func(round int) func(int) error {
		link, err := n.OperatorLink(t.Context(), "viewer")
		if err != nil {
			t.Fatal(err)
		}
		return func(i int) error {
			email := fmt.Sprintf("op%d-%d@example.com", round, i)
			return done(n.BeginOperator(t.Context(), link, account.Newcomer{Email: email, Password: "a stone set upon another"}, at(i)))
		}
	}
}
