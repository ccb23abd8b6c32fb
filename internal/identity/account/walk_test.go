package account_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A walk is a stranger who tries the operations in any order, with the secrets that he has of his own account.
type walk struct {
	t      *testing.T
	n      *node
	victim string
	own    string
	device string // of the victim
	texts  []string
}

// take keeps what the stranger gets from an answer. It fails the test if he is somebody else now.
func (w *walk) take(step account.Step, err error) {
	w.t.Helper()
	if err != nil {
		return
	}
	if step.Flow != "" {
		w.texts = append(w.texts, step.Flow)
	}
	if step.Grant == nil {
		return
	}
	if step.Grant.User.Email != w.own {
		w.t.Fatalf("the stranger got a session of %s", step.Grant.User.Email)
	}
	w.texts = append(w.texts, step.Grant.Access, step.Grant.Refresh)
}

// mail hands the stranger the codes of his own mails, and no others.
func (w *walk) mail() {
	if code := w.n.Codes(w.t)[w.own]; code != "" {
		w.texts = append(w.texts, code)
	}
}

// pick draws one of the stranger's secrets, or a guess.
func (w *walk) pick(draw *rapid.T, label string) string {
	all := append([]string{"12345678", "00000000", "password1234", secret + "!"}, w.texts...)
	return rapid.SampledFrom(all).Draw(draw, label)
}

// A1: no order of operations gives a stranger a session or a password of another account, without its mails and factors.
// And the owner still signs in afterwards.
func TestRandomWalkOfAStranger(t *testing.T) {
	eachWith(t, func(a *model.Accounts) { a.TOTP = true }, func(t *testing.T, n *node) {
		round, rounds := 0, effort.Cases(15, 100)
		rapid.Check(t, func(draw *rapid.T) {
			if round++; round > rounds { // rapid makes a hundred cases by itself
				return
			}
			w := &walk{t: t, n: n, victim: fmt.Sprintf("victim%d@example.com", round), own: fmt.Sprintf("stranger%d@example.com", round)}
			n.Clock.Pass(2 * time.Hour)
			w.device = n.NewUser(t, w.victim).Device
			w.take(account.Step{Grant: n.NewUser(t, w.own)}, nil)
			n.Outbox.Take()
			for range rapid.IntRange(3, 25).Draw(draw, "steps") {
				w.step(draw)
			}
			owner := home
			owner.Device = w.device
			if step, err := n.SignIn(t.Context(), w.victim, secret, owner); err != nil || step.Grant == nil {
				t.Fatalf("the owner is kept out: %+v, %v", step, err)
			}
		})
	})
}

// step is one operation of the stranger.
func (w *walk) step(draw *rapid.T) {
	ctx, n := w.t.Context(), w.n
	from := client(fmt.Sprintf("198.51.100.%d", rapid.IntRange(1, 250).Draw(draw, "address")))
	email := rapid.SampledFrom([]string{w.victim, w.own}).Draw(draw, "email")
	text := w.pick(draw, "secret")
	switch rapid.IntRange(0, 11).Draw(draw, "operation") {
	case 0:
		w.take(n.SignUp(ctx, account.Newcomer{Email: email, Password: "the stranger's password"}, from))
		w.mail()
	case 1:
		w.take(n.Verify(ctx, email, text, "the stranger's password", from))
	case 2:
		w.take(n.SignIn(ctx, email, text, from))
	case 3:
		_ = n.AskCode(ctx, email, from)
		w.mail()
	case 4:
		_ = n.AskReset(ctx, email, from)
		w.mail()
	case 5:
		w.take(n.Reset(ctx, email, text, "the stranger's password", from))
	case 6:
		w.take(n.Confirm(ctx, text, account.Factor{TOTP: "123456"}, from))
	case 7:
		w.take(n.Confirm(ctx, text, account.Factor{Recovery: w.pick(draw, "recovery")}, from))
	case 8:
		if grant, err := n.Refresh(ctx, text, from); err == nil {
			w.take(account.Step{Grant: grant}, nil)
		}
	case 9:
		w.take(n.SignUp(ctx, account.Newcomer{Email: email, Password: "the stranger's password", Invitation: text}, from))
	case 10:
		w.take(n.BeginOperator(ctx, text, account.Newcomer{Email: w.own, Password: "the stranger's password"}, from))
	default:
		if who, err := n.Verifier.Verify(text); err == nil {
			_ = n.ChangePassword(ctx, who, secret, "the stranger's password", from)
			_, _ = n.MakeKey(ctx, who, account.NewKey{Name: "x", Scopes: []string{"reader"}}, from)
			if err := n.Invite(ctx, who, w.victim, []string{"editor"}, from); err == nil {
				w.t.Fatal("the stranger invites")
			}
		}
	}
	if who, err := n.ByCookie(ctx, text); err == nil && who.Kind() != caller.KindUser {
		w.t.Fatalf("a cookie of %v", who)
	}
}
