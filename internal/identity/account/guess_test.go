package account_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A guessing is a way to guess a secret. atMost is how many guesses may be compared before a wait begins. A mailed code or a flow
// answers alike whether it has tries left or not, so purpose names the rows whose tries count the comparisons.
type guessing struct {
	name    string
	purpose string
	atMost  int64
	begin   func(t *testing.T, n *node) func(on *node, i int) error
}

func guessings() []guessing {
	return []guessing{
		{"password", "", 9, func(t *testing.T, n *node) func(*node, int) error {
			n.NewUser(t, "ada@example.com")
			return func(on *node, i int) error {
				return done(on.SignIn(t.Context(), "ada@example.com", fmt.Sprintf("guess number %d", i), at(i)))
			}
		}},
		{"password of an operator", "", 9, func(t *testing.T, n *node) func(*node, int) error {
			link, err := n.OperatorLink(t.Context(), "owner")
			if err == nil {
				_, err = n.BeginOperator(t.Context(), link, account.Newcomer{Email: "op@example.com", Password: "a stone set upon another"}, home)
			}
			if err != nil {
				t.Fatal(err)
			}
			return func(on *node, i int) error {
				return done(on.OperatorSignIn(t.Context(), "op@example.com", fmt.Sprintf("guess number %d", i), at(i)))
			}
		}},
		{"old password", "", 9, func(t *testing.T, n *node) func(*node, int) error {
			who := n.Caller(t, n.NewUser(t, "bob@example.com").Access)
			return func(on *node, i int) error {
				return on.ChangePassword(t.Context(), who, fmt.Sprintf("guess number %d", i), "another long secret", at(i))
			}
		}},
		{"mailed code", "sign-in", 5, func(t *testing.T, n *node) func(*node, int) error {
			n.NewUser(t, "eve@example.com")
			if err := n.AskCode(t.Context(), "eve@example.com", home); err != nil {
				t.Fatal(err)
			}
			n.Codes(t)
			return func(on *node, i int) error {
				return done(on.Verify(t.Context(), "eve@example.com", fmt.Sprintf("%08d", i), "", at(i)))
			}
		}},
		{"code of an app", "factor", 5, func(t *testing.T, n *node) func(*node, int) error {
			n.enrol(t, "tom@example.com")
			flow := []string{""}
			n.waiting(t, "tom@example.com", flow)
			return func(on *node, i int) error {
				return done(on.Confirm(t.Context(), flow[0], account.Factor{TOTP: fmt.Sprintf("%06d", i)}, at(i)))
			}
		}},
		{"recovery code", "factor", 9, func(t *testing.T, n *node) func(*node, int) error {
			n.enrol(t, "sue@example.com")
			flows := make([]string, 8) // five tries each
			n.waiting(t, "sue@example.com", flows)
			return func(on *node, i int) error {
				return done(on.Confirm(t.Context(), flows[i%len(flows)], account.Factor{Recovery: fmt.Sprintf("%04d-0000-0000", i)}, at(i)))
			}
		}},
	}
}

// tries returns the tries that the living secrets of a purpose have used up.
func (n *node) tries(t *testing.T, purpose string) (sum int64) {
	t.Helper()
	query := record.Query{
		Filter: "purpose == arg.purpose && expires_at > timestamp('" + n.Clock.Now().Format(time.RFC3339) + "')",
		Args:   map[string]string{"purpose": purpose}, Limit: 500,
	}
	page, err := n.Rows.List(t.Context(), caller.System("test"), n.Rows.Table("ashlar_secrets"), query, nil)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Items []struct{ Tries int64 } }
	if err := json.Unmarshal(page, &answer); err != nil {
		t.Fatal(err)
	}
	for _, row := range answer.Items {
		sum += row.Tries
	}
	return sum
}

// A3: parallel guesses on two nodes get no more comparisons than the budget.
func TestGuessing_ParallelGuessesAreBounded(t *testing.T) {
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			c := accounttest.NewCluster(t, e, source, accounttest.Config{Change: withTOTP})
			nodes := []*node{{c.Node(t)}, {c.Node(t)}}
			for _, g := range guessings() {
				t.Run(g.name, func(t *testing.T) {
					guess := g.begin(t, nodes[0])
					guesses, size := effort.Cases(1_000, 10_000), 250
					if g.name != "password" {
						guesses = effort.Cases(200, 1_000)
					}
					var compared, limited atomic.Int64
					for from := 0; from < guesses; from += size {
						parallel(min(size, guesses-from), func(i int) error {
							err := guess(nodes[i%2], from+i)
							switch errs.KindOf(err) {
							case errs.Unauthenticated, errs.Invalid:
								compared.Add(1)
							case errs.Limited:
								limited.Add(1)
							default:
								t.Errorf("guess %d: %v", from+i, err)
							}
							return err
						})
					}
					if compared.Load()+limited.Load() != int64(guesses) {
						t.Errorf("%d guesses were compared and %d refused, want %d in all", compared.Load(), limited.Load(), guesses)
					}
					got := compared.Load()
					if g.purpose != "" {
						got = nodes[0].tries(t, g.purpose)
					}
					if got == 0 || got > g.atMost {
						t.Errorf("%d of %d guesses were compared, want at most %d", got, guesses, g.atMost)
					}
					c.Clock.Pass(time.Hour)
				})
			}
		})
	}
}

// A stranger who guesses from many addresses does not lock the owner out of a device that he has used before: during the whole
// attack the owner signs in at each attempt. An unknown device is kept out, and so is the device of another account.
func TestGuessing_OwnerSignsInDuringAnAttack(t *testing.T) {
	fewSessions := func(a *model.Accounts) { a.Sessions.EachUser = 5 }
	eachWith(t, fewSessions, func(t *testing.T, n *node) {
		known, foreign := home, home
		known.Device = n.NewUser(t, "ada@example.com").Device
		foreign.Device = n.NewUser(t, "eve@example.com").Device
		ctx, over := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			defer over()
			const size = 50
			guesses := max(effort.Cases(300, 10_000), 300) // fewer do not close the counter for long
			for from := 0; from < guesses; from += size {
				parallel(size, func(i int) error {
					_, err := n.SignIn(t.Context(), "ada@example.com", "a wild guess", client(fmt.Sprintf("198.51.%d.%d", (from+i)/250%250, (from+i)%250)))
					return err
				})
				n.Clock.Pass(time.Second) // so that some are compared
			}
		})
		signIns := 0
		for ; signIns == 0 || ctx.Err() == nil; signIns++ {
			if step, err := n.SignIn(t.Context(), "ada@example.com", secret, known); err != nil || step.Grant == nil {
				t.Errorf("the known device, attempt %d: %+v, %v", signIns, step, err)
				break
			}
		}
		wg.Wait()
		t.Logf("the owner signed in %d times", signIns)
		for name, from := range map[string]account.Client{"an unknown device": client("192.0.2.9"), "the device of another account": foreign} {
			if _, err := n.SignIn(t.Context(), "ada@example.com", secret, from); errs.KindOf(err) != errs.Limited {
				t.Errorf("%s during the attack: %v", name, err)
			}
		}
	})
}

// Attempts about an address without an account are found together in the audit log. The log does not hold the address.
func TestGuesses_AddressesWithoutAccountsAreToldApart(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		for i, email := range []string{"eve@example.com", "Eve@Example.com", "mal@example.com"} {
			if _, err := n.SignIn(t.Context(), email, "a wild guess", client(fmt.Sprintf("203.0.113.%d", i))); errs.KindOf(err) != errs.Unauthenticated {
				t.Fatalf("SignIn = %v", err)
			}
		}
		page, err := n.Audit.List(t.Context(), audit.Filter{Action: "sign_in.failed"}, "", 9)
		if err != nil || len(page.Entries) != 3 {
			t.Fatalf("%d entries, %v", len(page.Entries), err)
		}
		mal, again, eve := page.Entries[0], page.Entries[1], page.Entries[2]
		if eve.Account != again.Account || eve.Account == mal.Account || !strings.HasPrefix(eve.Account, "none:") {
			t.Errorf("accounts %q and %q of one address, %q of another", eve.Account, again.Account, mal.Account)
		}
		if eve.ActorKind != "anonymous" || strings.Contains(fmt.Sprint(page.Entries), "example.com") {
			t.Errorf("entries %+v", page.Entries)
		}
	})
}
