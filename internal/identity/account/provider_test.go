package account_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// abroad is a node with two providers, corp and shop, which are one test provider.
type abroad struct {
	*node
	op *oidctest.Provider
}

// eachAbroad runs a test on both engines with a node that has providers.
func eachAbroad(t *testing.T, change func(*model.Accounts), test func(t *testing.T, n *abroad)) {
	t.Helper()
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, newAbroad(t, e, change))
		})
	}
}

func newAbroad(t *testing.T, e modeltest.Engine, change func(*model.Accounts)) *abroad {
	t.Helper()
	op := oidctest.New(t)
	cfg := accounttest.Config{
		Change: func(a *model.Accounts) {
			a.Providers = []model.Provider{
				{Name: "corp", Roles: &model.ClaimRoles{From: "groups", Roles: map[string][]string{"hr": {"editor"}}}},
				{Name: "shop", Roles: &model.ClaimRoles{From: "teams", Roles: map[string][]string{"desk": {"editor", "reader"}}}},
			}
			change(a)
		},
		Providers: func(clock *accounttest.Clock) (all []*oidc.Provider) {
			op.Now = clock.Now
			for _, name := range []string{"corp", "shop"} {
				p, err := oidc.New(oidc.Config{
					Name: name, Issuer: op.Issuer, ClientID: oidctest.ClientID, ClientSecret: telemetry.Secret(oidctest.ClientSecret),
					Redirect: oidctest.Redirect, Now: clock.Now,
				})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, p)
			}
			return all
		},
	}
	return &abroad{&node{accounttest.New(t, e, source, cfg)}, op}
}

func unchanged(*model.Accounts) {}

// person returns the claims of somebody with a verified address.
func person(sub, email string) map[string]any {
	return map[string]any{"sub": sub, "email": email, "email_verified": true, "name": "Ada"}
}

// depart begins a sign-in and lets a person agree at the provider.
func (n *abroad) depart(t *testing.T, claims map[string]any) account.ProviderAnswer {
	t.Helper()
	return n.departFor(t, "corp", claims)
}

func (n *abroad) departFor(t *testing.T, provider string, claims map[string]any) account.ProviderAnswer {
	t.Helper()
	d, err := n.BeginProvider(t.Context(), provider, "/welcome", "", home)
	if err != nil {
		t.Fatal(err)
	}
	back := n.op.Approve(t, d.URL, claims)
	return account.ProviderAnswer{State: back.Get("state"), Code: back.Get("code"), Issuer: back.Get("iss"), Browser: d.Browser}
}

// arrive goes through a sign-in.
func (n *abroad) arrive(t *testing.T, claims map[string]any) (account.Arrival, error) {
	t.Helper()
	return n.FinishProvider(t.Context(), "corp", n.depart(t, claims), home)
}

// enter is arrive for a sign-in that must end with a session.
func (n *abroad) enter(t *testing.T, claims map[string]any) *account.Grant {
	t.Helper()
	a, err := n.arrive(t, claims)
	if err != nil || a.Grant == nil {
		t.Fatalf("FinishProvider = %+v, %v", a, err)
	}
	return a.Grant
}

func TestProviderSignsUpAndIn(t *testing.T) {
	eachAbroad(t, unchanged, func(t *testing.T, n *abroad) {
		a, err := n.arrive(t, person("ada", "Ada@Example.com"))
		if err != nil || a.Grant == nil || a.Next != "/welcome" {
			t.Fatalf("FinishProvider = %+v, %v", a, err)
		}
		who := n.Caller(t, a.Grant.Access)
		if email, _ := who.Email(); email != "ada@example.com" || !a.Grant.User.Verified || a.Grant.User.Name != "Ada" || !slices.Equal(who.Methods(), []string{"oidc"}) {
			t.Errorf("the caller is %v, %+v", who, a.Grant.User)
		}
		// The address may change there: the subject counts.
		again := n.enter(t, person("ada", "other@example.com"))
		if diff := cmp.Diff(string(a.Grant.User.ID), string(again.User.ID)); diff != "" || again.User.Email != "ada@example.com" {
			t.Errorf("the second sign-in is of another user (-first +second):\n%s", diff)
		}
		// Deleting the user deletes the link.
		if err := n.DeleteMe(t.Context(), n.Caller(t, again.Access), home); err != nil {
			t.Fatal(err)
		}
		if fresh := n.enter(t, person("ada", "ada@example.com")); string(fresh.User.ID) == string(a.Grant.User.ID) {
			t.Error("a deleted user came back")
		}
	})
}

// A state works once, for its provider and in its browser. No other secret is one.
func TestAttack_ForeignStates(t *testing.T) {
	eachAbroad(t, unchanged, func(t *testing.T, n *abroad) {
		for _, tt := range []struct {
			name, provider string
			change         func(*account.ProviderAnswer)
		}{
			{"other browser", "corp", func(a *account.ProviderAnswer) { a.Browser = strings.Repeat("A", len(a.Browser)) }},
			{"no browser", "corp", func(a *account.ProviderAnswer) { a.Browser = "" }},
			{"other provider", "shop", func(*account.ProviderAnswer) {}},
			{"no state", "corp", func(a *account.ProviderAnswer) { a.State = "" }},
			{"cut state", "corp", func(a *account.ProviderAnswer) { a.State = a.State[:len(a.State)-1] }},
			{"longer state", "corp", func(a *account.ProviderAnswer) { a.State += "A" }},
			{"state without a secret", "corp", func(a *account.ProviderAnswer) { a.State, _, _ = strings.Cut(a.State, ".") }},
			{"blank moved into the browser", "corp", func(a *account.ProviderAnswer) { a.Browser = " " + a.Browser }},
		} {
			answer := n.depart(t, person("ada", "ada@example.com"))
			good := answer
			tt.change(&answer)
			calls := n.op.TokenCalls()
			if a, err := n.FinishProvider(t.Context(), tt.provider, answer, home); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("%s: FinishProvider = %+v, %v", tt.name, a, err)
			}
			if n.op.TokenCalls() != calls {
				t.Errorf("%s: the code was sent to the provider", tt.name)
			}
			if a, err := n.FinishProvider(t.Context(), "corp", good, home); err != nil || a.Grant == nil {
				t.Errorf("%s consumed the state: %v", tt.name, err)
			}
			if a, err := n.FinishProvider(t.Context(), "corp", good, home); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("%s: a second use = %+v, %v", tt.name, a, err)
			}
		}
		late := n.depart(t, person("ada", "ada@example.com"))
		n.Clock.Pass(time.Hour)
		if a, err := n.FinishProvider(t.Context(), "corp", late, home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("an expired state = %+v, %v", a, err)
		}
		if _, err := n.FinishProvider(t.Context(), "none", late, home); errs.KindOf(err) != errs.NotFound {
			t.Errorf("an unknown provider = %v", err)
		}
	})
}

// A state is good for nothing but its callback, and the flow of a link for nothing but linking.
func TestAttack_SecretsOfProvidersElsewhere(t *testing.T) {
	eachAbroad(t, unchanged, func(t *testing.T, n *abroad) {
		grant := n.NewUser(t, "ada@example.com")
		who := n.Caller(t, grant.Access)
		state := n.depart(t, person("ada", "ada@example.com"))
		linking, err := n.arrive(t, person("ada", "ada@example.com"))
		if err != nil || linking.Link == "" {
			t.Fatalf("FinishProvider = %+v, %v", linking, err)
		}
		for name, secret := range map[string]string{"state": state.State, "link": linking.Link} {
			if step, err := n.Confirm(t.Context(), secret, account.Factor{TOTP: "123456"}, home); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s as a flow of a factor = %+v, %v", name, step, err)
			}
			if step, err := n.Verify(t.Context(), "ada@example.com", secret, "", home); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s as a code = %+v, %v", name, step, err)
			}
		}
		if err := n.Link(t.Context(), who, state.State, home); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a state as the flow of a link = %v", err)
		}
		asState := state
		asState.State = linking.Link
		if a, err := n.FinishProvider(t.Context(), "corp", asState, home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("the flow of a link as a state = %+v, %v", a, err)
		}
		for _, flow := range []string{"", ".", linking.Link[:len(linking.Link)-1], linking.Link + "A"} {
			if err := n.Link(t.Context(), who, flow, home); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Link with %q = %v", flow, err)
			}
		}
	})
}

// Of many callbacks with one state one gets a session.
func TestAttack_ParallelCallbacks(t *testing.T) {
	eachAbroad(t, unchanged, func(t *testing.T, n *abroad) {
		answer := n.depart(t, person("ada", "ada@example.com"))
		var wg sync.WaitGroup
		var mu sync.Mutex
		sessions := 0
		for range 64 {
			wg.Go(func() {
				a, err := n.FinishProvider(t.Context(), "corp", answer, home)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && a.Grant != nil:
					sessions++
				case errs.KindOf(err) != errs.Unauthenticated && errs.KindOf(err) != errs.Unavailable:
					t.Errorf("FinishProvider = %+v, %v", a, err)
				}
			})
		}
		wg.Wait()
		if sessions != 1 || n.op.TokenCalls() != 1 {
			t.Errorf("%d sessions and %d calls for a token, want 1 and 1", sessions, n.op.TokenCalls())
		}
	})
}

// One person who arrives twice at once gets one account.
func TestParallelFirstArrivals(t *testing.T) {
	eachAbroad(t, unchanged, func(t *testing.T, n *abroad) {
		var answers []account.ProviderAnswer
		for range 4 {
			answers = append(answers, n.depart(t, person("ada", "ada@example.com")))
		}
		var wg sync.WaitGroup
		ids := make([]string, len(answers))
		for i, answer := range answers {
			wg.Go(func() {
				a, err := n.FinishProvider(t.Context(), "corp", answer, home)
				if err != nil || a.Grant == nil {
					t.Errorf("FinishProvider = %+v, %v", a, err)
					return
				}
				ids[i] = string(a.Grant.User.ID)
			})
		}
		wg.Wait()
		if len(slices.Compact(ids)) != 1 {
			t.Errorf("users %v, want one", ids)
		}
	})
}

// The matrix of linking: an account is linked only if both sides verified one address and its owner proves the account.
func TestAttack_LinkingMatrix(t *testing.T) {
	eachAbroad(t, func(a *model.Accounts) { a.Verify, a.Codes.Valid = model.VerifyLater, time.Hour }, func(t *testing.T, n *abroad) {
		i := 0
		for _, local := range []bool{false, true} {
			for _, remote := range []bool{false, true} {
				for _, same := range []bool{false, true} {
					for _, proof := range []string{"none", "stranger", "stale", "owner"} {
						name := fmt.Sprintf("local verified %v, provider verified %v, same mail %v, proof %s", local, remote, same, proof)
						i++
						n.checkCell(t, name, i, local, remote, same, proof)
					}
				}
			}
		}
	})
}

func (n *abroad) checkCell(t *testing.T, name string, i int, local, remote, same bool, proof string) {
	t.Helper()
	client := client(fmt.Sprintf("198.51.100.%d", i))
	email, sub := fmt.Sprintf("user%d@example.com", i), fmt.Sprintf("sub%d", i)
	step, err := n.SignUp(t.Context(), account.Newcomer{Email: email, Password: secret}, client)
	if err != nil {
		t.Fatal(err)
	}
	owner := step.Grant
	code := n.Codes(t)[email]
	if local {
		if step, err = n.Verify(t.Context(), email, code, "", client); err != nil {
			t.Fatal(err)
		}
		owner = step.Grant
	}
	claims := person(sub, email)
	if !same {
		claims["email"] = "other-" + email
	}
	claims["email_verified"] = remote
	claims["user_id"], claims["roles"] = string(owner.User.ID), []string{"editor"} // what only a caller could mean
	a, err := n.FinishProvider(t.Context(), "corp", n.departFrom(t, client, claims), client)
	mayLink := local && remote && same
	switch {
	case !same && remote: // an account of its own
		if err != nil || a.Grant == nil || string(a.Grant.User.ID) == string(owner.User.ID) || len(a.Grant.User.Roles) > 0 {
			t.Errorf("%s: FinishProvider = %+v, %v", name, a, err)
		}
		return
	case !mayLink:
		if err == nil || a.Grant != nil || a.Link != "" {
			t.Errorf("%s: FinishProvider = %+v, %v", name, a, err)
		}
		return
	case err != nil || a.Grant != nil || a.Link == "":
		t.Errorf("%s: FinishProvider = %+v, %v, want a flow", name, a, err)
		return
	}
	var who caller.Caller
	switch proof {
	case "none":
	case "stranger":
		step, err := n.SignUp(t.Context(), account.Newcomer{Email: "stranger-" + email, Password: secret}, client)
		if err != nil {
			t.Fatal(err)
		}
		who = n.Caller(t, step.Grant.Access)
	case "stale":
		n.Clock.Pass(11 * time.Minute)
		who = caller.User(n.staleIdentity(t, owner))
	case "owner":
		if err := n.AskCode(t.Context(), email, client); err != nil {
			t.Fatal(err)
		}
		step, err := n.Verify(t.Context(), email, n.Codes(t)[email], "", client)
		if err != nil {
			t.Fatal(err)
		}
		who = n.Caller(t, step.Grant.Access)
	}
	n.Outbox.Take()
	err = n.Link(t.Context(), who, a.Link, client)
	if (err == nil) != (proof == "owner") {
		t.Errorf("%s: Link = %v", name, err)
	}
	if letters := n.Outbox.Take(); (len(letters) == 1 && letters[0].To == email) != (proof == "owner") {
		t.Errorf("%s: Link queued %d letters", name, len(letters))
	}
	if err == nil && n.Link(t.Context(), who, a.Link, client) == nil {
		t.Errorf("%s: a flow linked twice", name)
	}
	a, err = n.FinishProvider(t.Context(), "corp", n.departFrom(t, client, claims), client)
	isLinked := err == nil && a.Grant != nil && string(a.Grant.User.ID) == string(owner.User.ID)
	if isLinked != (proof == "owner") {
		t.Errorf("%s: afterwards FinishProvider = %+v, %v", name, a, err)
	}
}

// staleIdentity returns the holder of a session whose access token would have expired.
func (n *abroad) staleIdentity(t *testing.T, grant *account.Grant) caller.Identity {
	t.Helper()
	fresh, err := n.Refresh(t.Context(), grant.Refresh, home)
	if err != nil {
		t.Fatal(err)
	}
	who := n.Caller(t, fresh.Access)
	id, _ := who.ID()
	return caller.Identity{ID: id, Proof: who.Proof()}
}

func (n *abroad) departFrom(t *testing.T, from account.Client, claims map[string]any) account.ProviderAnswer {
	t.Helper()
	d, err := n.BeginProvider(t.Context(), "corp", "", "", from)
	if err != nil {
		t.Fatal(err)
	}
	back := n.op.Approve(t, d.URL, claims)
	return account.ProviderAnswer{State: back.Get("state"), Code: back.Get("code"), Issuer: back.Get("iss"), Browser: d.Browser}
}

// Roles by claims come and go with each sign-in. Roles that no claim gives stay.
func TestRolesByClaims(t *testing.T) {
	eachAbroad(t, unchanged, func(t *testing.T, n *abroad) {
		claims := person("ada", "ada@example.com")
		id := strings.Trim(string(n.enter(t, claims).User.ID), `"`)
		if err := n.SetRoles(t.Context(), caller.System("test"), id, []string{"reader"}, home); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			groups any
			want   []string
		}{
			{[]string{"hr", "it"}, []string{"editor", "reader"}},
			{"hr", []string{"editor", "reader"}},
			{[]string{"editor", "admin"}, []string{"reader"}},
			{7, []string{"reader"}},
			{nil, []string{"reader"}},
		} {
			claims["groups"] = tt.groups
			if grant := n.enter(t, claims); !slices.Equal(grant.User.Roles, tt.want) {
				t.Errorf("with groups %v: roles %v, want %v", tt.groups, grant.User.Roles, tt.want)
			}
		}
		// A lost role ends the access tokens that have it.
		claims["groups"] = "hr"
		who := n.Caller(t, n.enter(t, claims).Access)
		claims["groups"] = nil
		n.enter(t, claims)
		if n.admits(t, who) {
			t.Error("a token with a role that the provider took back was answered")
		}
	})
}

// Two providers give one role. The account holds it as long as one of them gives it, and each takes back only its own.
func TestRolesAreKeptByIdentity(t *testing.T) {
	eachAbroad(t, unchanged, func(t *testing.T, n *abroad) {
		corp, shop := person("ada", "ada@example.com"), person("ada-at-shop", "ada@example.com")
		corp["groups"], shop["teams"] = "hr", "desk"
		first := n.enter(t, corp)
		a, err := n.FinishProvider(t.Context(), "shop", n.departFor(t, "shop", shop), home)
		if err != nil || a.Link == "" {
			t.Fatalf("FinishProvider = %+v, %v, want a link", a, err)
		}
		if err := n.Link(t.Context(), n.Caller(t, first.Access), a.Link, home); err != nil {
			t.Fatal(err)
		}
		for i, tt := range []struct {
			provider, claim string
			value           any
			ends            bool // the access tokens
			want            []string
		}{
			{"corp", "groups", "hr", false, []string{"editor", "reader"}},
			{"corp", "groups", nil, false, []string{"editor", "reader"}},
			{"shop", "teams", "other", true, []string{}},
			{"corp", "groups", "hr", true, []string{"editor"}},
			{"shop", "teams", "desk", true, []string{"editor", "reader"}},
			{"shop", "teams", nil, true, []string{"editor"}},
		} {
			before := n.Caller(t, n.enterAt(t, "corp", corp).Access)
			claims := map[string]map[string]any{"corp": corp, "shop": shop}[tt.provider]
			claims[tt.claim] = tt.value
			grant := n.enterAt(t, tt.provider, claims)
			if !slices.Equal(grant.User.Roles, tt.want) {
				t.Errorf("%d: roles %v, want %v", i, grant.User.Roles, tt.want)
			}
			if n.admits(t, before) == tt.ends {
				t.Errorf("%d: the earlier token ended: %v, want %v", i, !tt.ends, tt.ends)
			}
		}
	})
}

// enterAt is enter at one of the providers.
func (n *abroad) enterAt(t *testing.T, provider string, claims map[string]any) *account.Grant {
	t.Helper()
	a, err := n.FinishProvider(t.Context(), provider, n.departFor(t, provider, claims), home)
	if err != nil || a.Grant == nil {
		t.Fatalf("FinishProvider = %+v, %v", a, err)
	}
	return a.Grant
}

func TestProviderDoesNotReplaceTheSecondFactor(t *testing.T) {
	eachAbroad(t, func(a *model.Accounts) { a.TOTP = true }, func(t *testing.T, n *abroad) {
		claims := person("ada", "ada@example.com")
		who := n.Caller(t, n.enter(t, claims).Access)
		e, err := n.BeginTOTP(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.ConfirmTOTP(t.Context(), who, accounttest.TOTP(t, e.Secret, n.Clock.Now()), home); err != nil {
			t.Fatal(err)
		}
		a, err := n.arrive(t, claims)
		if err != nil || a.Grant != nil || a.Flow == "" {
			t.Fatalf("FinishProvider = %+v, %v, want a flow", a, err)
		}
		n.Clock.Pass(time.Minute)
		step, err := n.Confirm(t.Context(), a.Flow, account.Factor{TOTP: accounttest.TOTP(t, e.Secret, n.Clock.Now())}, home)
		if err != nil || step.Grant == nil {
			t.Fatalf("Confirm = %+v, %v", step, err)
		}
		if got := n.Caller(t, step.Grant.Access); !got.MFA() || !slices.Equal(got.Methods(), []string{"oidc", "totp"}) {
			t.Errorf("the session has methods %v", got.Methods())
		}
	})
}

func TestSuspendedAccountsStayOut(t *testing.T) {
	eachAbroad(t, unchanged, func(t *testing.T, n *abroad) {
		claims := person("ada", "ada@example.com")
		id := strings.Trim(string(n.enter(t, claims).User.ID), `"`)
		if err := n.Suspend(t.Context(), caller.System("test"), id, home); err != nil {
			t.Fatal(err)
		}
		for _, sub := range []string{"ada", "other"} { // linked, and with the address alone
			claims["sub"] = sub
			if a, err := n.arrive(t, claims); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("as %s: FinishProvider = %+v, %v", sub, a, err)
			}
		}
	})
}

// With sign-up closed only invited addresses get an account, each once.
func TestProviderNeedsAnInvitation(t *testing.T) {
	eachAbroad(t, func(a *model.Accounts) { a.Signup = model.SignupInvite }, func(t *testing.T, n *abroad) {
		if err := n.Invite(t.Context(), caller.System("test"), "ada@example.com", []string{"reader"}, home); err != nil {
			t.Fatal(err)
		}
		if a, err := n.arrive(t, person("eve", "eve@example.com")); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("without an invitation: FinishProvider = %+v, %v", a, err)
		}
		unverified := person("eve", "ada@example.com")
		unverified["email_verified"] = false
		if a, err := n.arrive(t, unverified); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("with an unverified address: FinishProvider = %+v, %v", a, err)
		}
		grant := n.enter(t, person("ada", "ada@example.com"))
		if !slices.Equal(grant.User.Roles, []string{"reader"}) {
			t.Errorf("roles %v", grant.User.Roles)
		}
		if err := n.DeleteMe(t.Context(), n.Caller(t, grant.Access), home); err != nil {
			t.Fatal(err)
		}
		if a, err := n.arrive(t, person("ada", "ada@example.com")); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("an invitation worked twice: FinishProvider = %+v, %v", a, err)
		}
	})
}

func TestAttack_RedirectTargets(t *testing.T) {
	n := newAbroad(t, accounttest.SQLite(), unchanged)
	for _, tt := range []struct {
		next string
		ok   bool
	}{
		{"/welcome", true},
		{"/welcome?from=corp&x=1", true},
		{"/", true},
		{"https://pages.example.com/welcome", true},
		{"https://pages.example.com", true},
		{"welcome", false},
		{"//evil.example", false},
		{"///evil.example", false},
		{"/\\evil.example", false},
		{"\\\\evil.example", false},
		{"/\t/evil.example", false},
		{" //evil.example", false},
		{"/\n/evil.example", false},
		{"https://evil.example", false},
		{"https:evil.example", false},
		{"https:/evil.example", false},
		{"https://pages.example.com.evil.example/", false},
		{"https://pages.example.com@evil.example/", false},
		{"https://x@pages.example.com/", false},
		{"https://pages.example.com:444/", false},
		{"http://pages.example.com/", false},
		{"javascript:alert(1)", false},
		{"data:text/html,x", false},
		{"/welcome#flow=x", false},
		{"/\uff0fevil.example", false},
		{"/" + strings.Repeat("a", 2000), false},
	} {
		_, err := n.BeginProvider(t.Context(), "corp", tt.next, "", home)
		if (err == nil) != tt.ok || (!tt.ok && errs.KindOf(err) != errs.Malformed) {
			t.Errorf("BeginProvider(%q) = %v, want ok %v", tt.next, err, tt.ok)
		}
	}
}

// A refusal at the provider ends the sign-in.
func TestProviderRefuses(t *testing.T) {
	n := newAbroad(t, accounttest.SQLite(), unchanged)
	answer := n.depart(t, person("ada", "ada@example.com"))
	answer.Failure = "access_denied"
	if a, err := n.FinishProvider(t.Context(), "corp", answer, home); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("FinishProvider = %+v, %v", a, err)
	}
	answer.Failure = ""
	if a, err := n.FinishProvider(t.Context(), "corp", answer, home); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("the state of a refused sign-in = %+v, %v", a, err)
	}
}
