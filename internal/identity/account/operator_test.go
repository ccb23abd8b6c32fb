package account_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
)

const operatorSecret = "a stone set upon another"

// consoleHost is where operators and, in withSharedPasskeys, users have their passkeys.
const consoleHost = "app.example.com"

// atConsole is home with the host that the browser asked for.
func atConsole() account.Client {
	client := home
	client.Host = consoleHost
	return client
}

// withSharedPasskeys gives users passkeys of the same domain as operators, which is the worst case.
func withSharedPasskeys(a *model.Accounts) {
	a.Passkeys = &model.Passkeys{Domain: consoleHost, Origins: []string{"https://" + consoleHost}}
}

func consoleDevice() *device {
	d := newDevice()
	d.party.ID, d.party.Origin = consoleHost, "https://"+consoleHost
	return d
}

// operator makes an operator and returns its session.
func (n *node) operator(t *testing.T, email string) account.Operator {
	t.Helper()
	link, err := n.OperatorLink(t.Context(), "owner")
	if err != nil {
		t.Fatal(err)
	}
	step, err := n.BeginOperator(t.Context(), link, account.Newcomer{Email: email, Password: operatorSecret}, atConsole())
	if err != nil {
		t.Fatal(err)
	}
	return n.operatorOf(t, step)
}

// operatorOf returns the operator who has signed in.
func (n *node) operatorOf(t *testing.T, step account.Step) account.Operator {
	t.Helper()
	if step.Grant == nil || step.Grant.Access != "" || step.Grant.Refresh != "" {
		t.Fatalf("an operator signs in with %+v", step)
	}
	if who, err := n.ByCookie(t.Context(), step.Grant.Cookie); errs.KindOf(err) != errs.Unauthenticated {
		t.Fatalf("the cookie of an operator is one of the user %v, %v", who, err)
	}
	o, err := n.OperatorByCookie(t.Context(), step.Grant.Cookie)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// registerOperator gives an operator a passkey and returns the session afterwards.
func (n *node) registerOperator(t *testing.T, o account.Operator, d *device) account.NewPasskey {
	t.Helper()
	c, err := n.BeginOperatorPasskey(t.Context(), o.Caller, atConsole())
	if err != nil {
		t.Fatal(err)
	}
	made, err := n.FinishPasskey(t.Context(), o.Caller, c.Flow, "blue", d.make(t, c), atConsole())
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestOperatorsSignInByPasskey(t *testing.T) {
	each(t, func(t *testing.T, n *node) { // the model has no passkeys
		d := consoleDevice()
		if made := n.registerOperator(t, n.operator(t, "op@example.com"), d); len(made.Recovery) != 10 || made.Name != "blue" {
			t.Errorf("registered %+v", made)
		}
		for _, unverified := range []bool{false, true} {
			d.options.UserNotVerified = unverified
			c, err := n.BeginOperatorPasskeySignIn(t.Context(), atConsole())
			if err != nil {
				t.Fatal(err)
			}
			step, err := n.FinishOperatorPasskeySignIn(t.Context(), c.Flow, d.sign(t, c), atConsole())
			if err != nil {
				t.Fatal(err)
			}
			if o := n.operatorOf(t, step); o.MFA == unverified {
				t.Errorf("with verified user %v the session has mfa %v", !unverified, o.MFA)
			}
		}
		if all, err := n.Operators(t.Context()); err != nil || len(all) != 1 || all[0].Passkeys != 1 {
			t.Errorf("Operators = %+v, %v", all, err)
		}
		step, err := n.OperatorSignIn(t.Context(), "op@example.com", operatorSecret, atConsole())
		if err != nil || step.Grant != nil || len(step.Factors) != 2 {
			t.Fatalf("the password signs in with %+v, %v", step, err)
		}
		c, err := n.BeginOperatorFactor(t.Context(), step.Flow, atConsole())
		if err != nil {
			t.Fatal(err)
		}
		done, err := n.OperatorConfirm(t.Context(), step.Flow, account.Factor{Passkey: d.sign(t, c)}, atConsole())
		if err != nil {
			t.Fatal(err)
		}
		o := n.operatorOf(t, done)
		held, err := n.Passkeys(t.Context(), o.Caller)
		if err != nil || len(held) != 1 || !o.MFA {
			t.Fatalf("mfa %v, passkeys %+v, %v", o.MFA, held, err)
		}
		if err := n.RemovePasskey(t.Context(), o.Caller, held[0].ID, atConsole()); err != nil {
			t.Fatal(err)
		}
		if step, err := n.OperatorSignIn(t.Context(), "op@example.com", operatorSecret, atConsole()); err != nil || step.Grant == nil {
			t.Errorf("without the passkey the password signs in with %+v, %v", step, err)
		}
	})
}

// No passkey, flow or proof of operators ends at the routes of users, or the other way round. The domain is the same, so only
// the server keeps them apart.
func TestConfusion_PasskeysOfOperatorsAndUsers(t *testing.T) {
	type way struct {
		name   string
		begin  func(*node) (account.Challenge, error)
		finish func(*node, string, []byte) (account.Step, error)
	}
	eachWith(t, withSharedPasskeys, func(t *testing.T, n *node) {
		ops, users := consoleDevice(), consoleDevice()
		n.registerOperator(t, n.operator(t, "ada@example.com"), ops)
		n.register(t, n.NewUser(t, "ada@example.com"), users)
		asUser := way{"user", func(n *node) (account.Challenge, error) { return n.BeginPasskeySignIn(t.Context(), atConsole()) },
			func(n *node, flow string, answer []byte) (account.Step, error) {
				return n.FinishPasskeySignIn(t.Context(), flow, answer, atConsole())
			}}
		asOperator := way{"operator", func(n *node) (account.Challenge, error) {
			return n.BeginOperatorPasskeySignIn(t.Context(), atConsole())
		}, func(n *node, flow string, answer []byte) (account.Step, error) {
			return n.FinishOperatorPasskeySignIn(t.Context(), flow, answer, atConsole())
		}}
		for _, d := range []struct {
			name   string
			device *device
		}{{"user", users}, {"operator", ops}} {
			for _, begin := range []way{asUser, asOperator} {
				for _, finish := range []way{asUser, asOperator} {
					c, err := begin.begin(n)
					if err != nil {
						t.Fatal(err)
					}
					step, err := finish.finish(n, c.Flow, d.device.sign(t, c))
					want := d.name == begin.name && d.name == finish.name
					if (err == nil) != want || (!want && (errs.KindOf(err) != errs.Unauthenticated || step.Grant != nil || step.Flow != "")) {
						t.Errorf("a passkey of an %s, begun as %s, finished as %s: %+v, %v", d.name, begin.name, finish.name, step, err)
					}
				}
			}
		}

		byUser, err := n.SignIn(t.Context(), "ada@example.com", secret, atConsole())
		if err != nil || byUser.Flow == "" {
			t.Fatal(byUser, err)
		}
		byOperator, err := n.OperatorSignIn(t.Context(), "ada@example.com", operatorSecret, atConsole())
		if err != nil || byOperator.Flow == "" {
			t.Fatal(byOperator, err)
		}
		if _, err := n.BeginFactor(t.Context(), byOperator.Flow, atConsole()); errs.KindOf(err) != errs.Invalid {
			t.Errorf("users begin the factor of an operator: %v", err)
		}
		if _, err := n.BeginOperatorFactor(t.Context(), byUser.Flow, atConsole()); errs.KindOf(err) != errs.Invalid {
			t.Errorf("operators begin the factor of a user: %v", err)
		}
		challenge, err := n.BeginOperatorFactor(t.Context(), byOperator.Flow, atConsole())
		if err != nil {
			t.Fatal(err)
		}
		if step, err := n.Confirm(t.Context(), byOperator.Flow, account.Factor{Passkey: ops.sign(t, challenge)}, atConsole()); errs.KindOf(err) != errs.Invalid {
			t.Errorf("the factor of an operator ends as a user's: %+v, %v", step, err)
		}
		challenge, err = n.BeginFactor(t.Context(), byUser.Flow, atConsole())
		if err != nil {
			t.Fatal(err)
		}
		if step, err := n.OperatorConfirm(t.Context(), byUser.Flow, account.Factor{Passkey: users.sign(t, challenge)}, atConsole()); errs.KindOf(err) != errs.Invalid {
			t.Errorf("the factor of a user ends as an operator's: %+v, %v", step, err)
		}
	})
}

// Passkeys of operators belong to the host at which they were made.
func TestPasskeysOfOperatorsNeedTheHost(t *testing.T) {
	n := &node{accounttest.New(t, accounttest.SQLite(), source, accounttest.Config{})}
	d := consoleDevice()
	n.registerOperator(t, n.operator(t, "op@example.com"), d)
	for _, host := range []string{"", "127.0.0.1:8080", "[::1]", "a b", "app.example.com/x", "me@app.example.com", "app.example.com.", "ä.example"} {
		client := home
		client.Host = host
		if _, err := n.BeginOperatorPasskeySignIn(t.Context(), client); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("passkeys at %q: %v", host, err)
		}
	}
	evil := atConsole()
	evil.Host = "app.example.com.evil.example"
	c, err := n.BeginOperatorPasskeySignIn(t.Context(), evil)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{evil.Host, consoleHost} { // what the page of a stranger would send on
		stranger := consoleDevice()
		stranger.credential, stranger.options = d.credential, d.options
		stranger.party.Origin = "https://" + evil.Host
		evil.Host = host
		if step, err := n.FinishOperatorPasskeySignIn(t.Context(), c.Flow, stranger.sign(t, c), evil); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("signed for the page of a stranger: %+v, %v", step, err)
		}
		if c, err = n.BeginOperatorPasskeySignIn(t.Context(), evil); err != nil {
			t.Fatal(err)
		}
	}
	for i, tt := range []struct{ host, domain, origin string }{
		{"localhost:8080", "localhost", "http://localhost:8080"}, {"localhost:8080", "localhost", "https://localhost:8080"},
		{"console.localhost", "console.localhost", "http://console.localhost"}, {"App.Example.com:443", "app.example.com", "https://app.example.com"},
		{"app.example.com:8443", "app.example.com", "https://app.example.com:8443"},
	} {
		fresh := newDevice()
		at := home
		at.Host = tt.host
		o := n.operator(t, fmt.Sprintf("op%d@example.com", i))
		c, err := n.BeginOperatorPasskey(t.Context(), o.Caller, at)
		if err != nil {
			t.Fatal(err)
		}
		fresh.party.ID, fresh.party.Origin = tt.domain, tt.origin
		if _, err := n.FinishPasskey(t.Context(), o.Caller, c.Flow, "", fresh.make(t, c), at); err != nil {
			t.Errorf("a passkey at %s of a page at %s: %v", tt.host, tt.origin, err)
		}
	}
}

func TestOperatorsChangeTheirPassword(t *testing.T) {
	eachWith(t, func(a *model.Accounts) { a.Password = nil }, func(t *testing.T, n *node) { // of users
		o := n.operator(t, "op@example.com")
		other, err := n.OperatorSignIn(t.Context(), "op@example.com", operatorSecret, atConsole())
		if err != nil {
			t.Fatal(err)
		}
		const next = "another stone set upon a stone"
		for _, tt := range []struct {
			old, new string
			want     errs.Kind
		}{
			{"wrong", next, errs.Invalid}, {"", next, errs.Invalid}, {operatorSecret, "fourteen chars", errs.Invalid},
			{operatorSecret, "op@example.com!", errs.Invalid}, {operatorSecret, next, ""},
		} {
			err := n.ChangePassword(t.Context(), o.Caller, tt.old, tt.new, atConsole())
			if (err == nil) != (tt.want == "") || (err != nil && errs.KindOf(err) != tt.want) {
				t.Errorf("ChangePassword(%q, %q) = %v, want %q", tt.old, tt.new, err, tt.want)
			}
		}
		if _, err := n.OperatorByCookie(t.Context(), other.Grant.Cookie); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("another session lives after the change: %v", err)
		}
		if _, err := n.Sessions(t.Context(), o.Caller); err != nil {
			t.Errorf("the session of the change: %v", err)
		}
		if _, err := n.OperatorSignIn(t.Context(), "op@example.com", next, atConsole()); err != nil {
			t.Errorf("the new password: %v", err)
		}
		if _, err := n.OperatorSignIn(t.Context(), "op@example.com", operatorSecret, atConsole()); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("the former password: %v", err)
		}
	})
}

func TestRecoveryCodesAreRenewed(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		o := n.operator(t, "op@example.com")
		if _, err := n.RenewRecovery(t.Context(), o.Caller, home); errs.KindOf(err) != errs.Conflict {
			t.Errorf("without a factor: %v", err)
		}
		made := n.registerOperator(t, o, consoleDevice())
		signIn := func(code string) error {
			step, err := n.OperatorSignIn(t.Context(), "op@example.com", operatorSecret, home)
			if err != nil {
				t.Fatal(err)
			}
			step, err = n.OperatorConfirm(t.Context(), step.Flow, account.Factor{Recovery: code}, home)
			if err == nil {
				o = n.operatorOf(t, step)
			}
			return err
		}
		if err := signIn(made.Recovery[0]); err != nil {
			t.Fatal(err)
		}
		codes, err := n.RenewRecovery(t.Context(), o.Caller, home)
		if err != nil || len(codes) != 10 {
			t.Fatal(codes, err)
		}
		if err := signIn(made.Recovery[1]); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a former code: %v", err)
		}
		if err := signIn(codes[0]); err != nil {
			t.Errorf("a new code: %v", err)
		}
		n.Clock.Pass(11 * time.Minute)
		if _, err := n.RenewRecovery(t.Context(), o.Caller, home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("without a recent proof: %v", err)
		}
	})
}

// An operator sees pages while a write holds the database's only writer, also when the use of the session is due to be noted.
func TestOperatorsComeInBesideAWrite(t *testing.T) {
	accounttest.Each(t, source, accounttest.Config{}, func(t *testing.T, n *accounttest.Node) {
		secret, err := n.OperatorLink(t.Context(), "viewer")
		if err != nil {
			t.Fatal(err)
		}
		step, err := n.BeginOperator(t.Context(), secret, account.Newcomer{Name: "Grace", Email: "grace@example.com", Password: "a stone set upon another stone"}, accounttest.Client(accounttest.Home))
		if err != nil || step.Grant == nil {
			t.Fatalf("BeginOperator = %+v, %v", step, err)
		}
		n.Clock.Pass(10 * time.Minute)
		held, release, ended := make(chan bool), make(chan bool), make(chan error, 1)
		go func() {
			ended <- n.Store.Write(t.Context(), func(store.Tx) error {
				held <- true
				<-release
				return nil
			})
		}()
		<-held
		o, err := n.OperatorByCookie(t.Context(), step.Grant.Cookie)
		close(release)
		if err != nil || o.Email != "grace@example.com" || o.Role != "viewer" {
			t.Errorf("while a write is under way: %+v, %v", o, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := n.OperatorByCookie(t.Context(), step.Grant.Cookie); err != nil {
			t.Fatal(err)
		}
		all, err := n.SessionsOf(t.Context(), o.Account)
		if err != nil || len(all) != 1 || !all[0].Seen.Equal(n.Clock.Now().Truncate(time.Microsecond)) {
			t.Errorf("the use of the session is not noted: %+v, %v", all, err)
		}
	})
}
