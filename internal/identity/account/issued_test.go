package account_test

import (
	"fmt"
	"maps"
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
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// issued is a cluster that accepts tokens of a test issuer. A provider of the model is at the same issuer.
type issued struct {
	*accounttest.Cluster
	op *oidctest.Provider
}

// eachIssued runs a test on both engines.
func eachIssued(t *testing.T, users model.IssuerUsers, test func(t *testing.T, c *issued)) {
	t.Helper()
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			op := oidctest.New(t)
			test(t, &issued{accounttest.NewCluster(t, e, source, issuedConfig(t, op, users)), op})
		})
	}
}

func issuedConfig(t *testing.T, op *oidctest.Provider, users model.IssuerUsers) accounttest.Config {
	t.Helper()
	hr := &model.ClaimRoles{From: "groups", Roles: map[string][]string{"hr": {"editor"}}}
	return accounttest.Config{
		Change: func(a *model.Accounts) {
			a.Providers = []model.Provider{{Name: "corp", Roles: hr}}
			a.Issuers = []model.Issuer{{Issuer: op.Issuer, Audience: []string{oidctest.Audience}, Users: users, Roles: hr}}
		},
		Providers: func(clock *accounttest.Clock) []*oidc.Provider {
			op.Now = clock.Now
			p, err := oidc.New(oidc.Config{
				Name: "corp", Issuer: op.Issuer, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, Redirect: oidctest.Redirect, Now: clock.Now,
			})
			if err != nil {
				t.Fatal(err)
			}
			return []*oidc.Provider{p}
		},
		Issuers: func(clock *accounttest.Clock) []oidc.IssuerConfig {
			return []oidc.IssuerConfig{{Issuer: op.Issuer, Audience: []string{oidctest.Audience}, Claims: []string{"groups"}, Now: clock.Now}}
		},
	}
}

func (c *issued) node(t *testing.T) *node {
	t.Helper()
	return &node{c.Node(t)}
}

// token returns an access token with further claims.
func (c *issued) token(sub string, claims map[string]any) string {
	return c.op.AccessToken(sub, func(all map[string]any) { maps.Copy(all, claims) })
}

// bearer returns the caller with an access token that must be accepted.
func (n *node) bearer(t *testing.T, text string) caller.Caller {
	t.Helper()
	who, ok, err := n.ByToken(t.Context(), text, home)
	if !ok || err != nil {
		t.Fatalf("ByToken = %v, %v", ok, err)
	}
	return who
}

// turnsAway reports whether a token is refused with a kind of error.
func (n *node) turnsAway(t *testing.T, text string, kind errs.Kind) bool {
	t.Helper()
	_, ok, err := n.ByToken(t.Context(), text, home)
	return ok && errs.KindOf(err) == kind
}

// linkedTo signs up and links a subject. It returns the session and the link.
func (c *issued) linkedTo(t *testing.T, n *node, email, sub string) (*account.Grant, account.Link) {
	t.Helper()
	grant := n.NewUser(t, email)
	linked, err := n.LinkToken(t.Context(), n.Caller(t, grant.Access), c.token(sub, nil), home)
	if err != nil {
		t.Fatal(err)
	}
	return grant, linked
}

func userOf(grant *account.Grant) string { return strings.Trim(string(grant.User.ID), `"`) }

func TestTokenActsForTheLinkedAccount(t *testing.T) {
	eachIssued(t, model.UsersKnown, func(t *testing.T, c *issued) {
		n := c.node(t)
		if !n.turnsAway(t, c.token("ada", nil), errs.Forbidden) {
			t.Error("a token without a link is not refused")
		}
		grant, linked := c.linkedTo(t, n, "ada@example.com", "ada")
		want := account.Link{ID: linked.ID, Issuer: c.op.Issuer, Title: c.op.Issuer, Created: linked.Created, Used: linked.Used}
		if diff := cmp.Diff(want, linked); diff != "" || linked.ID == "" {
			t.Errorf("LinkToken (-want +got):\n%s", diff)
		}
		if err := n.SetRoles(t.Context(), caller.System("test"), userOf(grant), []string{"reader"}, home); err != nil {
			t.Fatal(err)
		}
		at := c.Clock.Now().Add(-time.Hour)
		who := n.bearer(t, c.token("ada", map[string]any{"groups": "hr", "amr": []string{"pwd", "mfa"}, "auth_time": at.Unix(), "email": "other@example.com"}))
		id, _ := who.ID()
		email, _ := who.Email()
		since, _ := who.Since()
		_, isSession := who.Session()
		if who.Kind() != caller.KindUser || id != userOf(grant) || email != "ada@example.com" || !who.Verified() || !who.MFA() || !since.Equal(at) || isSession ||
			!slices.Equal(who.Methods(), []string{"oidc", "password"}) || !slices.Equal(who.Roles(), []string{"editor", "reader"}) {
			t.Errorf("the caller is %+v", who)
		}
		if !n.admits(t, who) {
			t.Error("the caller is refused")
		}
		owner := value.Member{Name: "owner_id", Raw: []byte(`"` + userOf(grant) + `"`)}
		if _, err := n.Rows.Create(t.Context(), who, n.Rows.Table("notes"), []value.Member{{Name: "title", Raw: []byte(`"a"`)}, owner}); err != nil {
			t.Errorf("a write: %v", err)
		}
		if who := n.bearer(t, c.token("ada", nil)); !slices.Equal(who.Roles(), []string{"reader"}) || who.MFA() {
			t.Errorf("without claims: roles %v, MFA %v", who.Roles(), who.MFA())
		}
		// What a token says stays with the token.
		if step, err := n.SignIn(t.Context(), "ada@example.com", secret, home); err != nil || !slices.Equal(step.Grant.User.Roles, []string{"reader"}) {
			t.Errorf("a session has %+v, %v", step.Grant, err)
		}
		if got := n.audited(t, "issuer.first_used"); got != 1 {
			t.Errorf("the audit log has %d first uses", got)
		}
	})
}

// audited returns the number of rows with an action.
func (n *node) audited(t *testing.T, action string) int {
	t.Helper()
	page, err := n.Rows.List(t.Context(), caller.System("test"), n.Rows.Table("ashlar_audit"), record.Query{Filter: "action == arg.action", Args: map[string]string{"action": action}, Limit: 500}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(page), `"`+action+`"`)
}

// A sign-in at a provider links its issuer too. The claims of a token stand in for the claims of the last sign-in.
func TestProviderLinksTheIssuer(t *testing.T) {
	eachIssued(t, model.UsersKnown, func(t *testing.T, c *issued) {
		n := &abroad{c.node(t), c.op}
		claims := person("ada", "ada@example.com")
		claims["groups"] = "hr"
		grant := n.enter(t, claims)
		if !slices.Equal(grant.User.Roles, []string{"editor"}) {
			t.Errorf("the session has roles %v", grant.User.Roles)
		}
		for groups, want := range map[string][]string{"hr": {"editor"}, "it": {}} {
			if who := n.bearer(t, c.token("ada", map[string]any{"groups": groups})); !slices.Equal(who.Roles(), want) {
				t.Errorf("with groups %s: roles %v, want %v", groups, who.Roles(), want)
			}
		}
		if !n.admits(t, n.Caller(t, grant.Access)) {
			t.Error("a token changed the session")
		}
	})
}

// After the answer to an ending no node admits the token, although each has seen it before.
func TestNoNodeAdmitsATokenAfterItsEnd(t *testing.T) {
	operator := caller.System("test")
	rounds := effort.Cases(10, 1_000)
	eachIssued(t, model.UsersKnown, func(t *testing.T, c *issued) {
		nodes := []*node{c.node(t), c.node(t)}
		random := effort.Seeds(t)(0)
		for round := range rounds {
			sub := fmt.Sprint("sub", round)
			grant, linked := c.linkedTo(t, nodes[0], sub+"@example.com", sub)
			text := c.token(sub, nil)
			var seen []caller.Caller
			for _, n := range nodes {
				who := n.bearer(t, text)
				if seen = append(seen, who); !n.admits(t, who) {
					t.Fatal("a good token is refused")
				}
			}
			n, id := nodes[random.IntN(2)], userOf(grant)
			key, _ := value.ParseID(n.users(), id)
			var err error
			back := false // the token may come back
			switch way := round % 6; way {
			case 0:
				err = n.Suspend(t.Context(), operator, id, home)
			case 1:
				err = n.Delete(t.Context(), operator, id, home)
			case 2:
				err = n.Rows.Delete(t.Context(), operator, n.users(), key, nil)
			case 3:
				err = n.Unlink(t.Context(), n.Caller(t, grant.Access), linked.ID, home)
			case 4:
				err = n.UnlinkOf(t.Context(), id, linked.ID, home)
			default:
				back, err = true, n.SetRoles(t.Context(), operator, id, []string{"reader"}, home)
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range nodes {
				if n.admits(t, seen[i]) {
					t.Fatalf("round %d: node %d admits the token", round, i)
				}
				who, _, err := n.ByToken(t.Context(), text, home)
				if admitted := err == nil && n.admits(t, who); admitted != back {
					t.Fatalf("round %d: node %d: a further request is admitted: %v, %v", round, i, admitted, err)
				}
			}
			c.Clock.Pass(3 * time.Hour) // the bounds on mails are not the subject here
		}
	})
}

// A subject whose link was removed is linked with another account. Each node sends its tokens there, at once.
func TestSubjectMovesToAnotherAccount(t *testing.T) {
	eachIssued(t, model.UsersKnown, func(t *testing.T, c *issued) {
		nodes := []*node{c.node(t), c.node(t)}
		first, linked := c.linkedTo(t, nodes[0], "ada@example.com", "ada")
		text := c.token("ada", nil)
		for _, n := range nodes {
			n.admits(t, n.bearer(t, text))
		}
		if err := nodes[1].Unlink(t.Context(), nodes[1].Caller(t, first.Access), linked.ID, home); err != nil {
			t.Fatal(err)
		}
		for i, n := range nodes {
			if n.admits(t, n.bearer(t, text)) {
				t.Errorf("node %d admits a token without a link", i)
			}
			if !n.turnsAway(t, text, errs.Forbidden) {
				t.Errorf("node %d still knows the link", i)
			}
		}
		second, _ := c.linkedTo(t, nodes[0], "grace@example.com", "ada")
		for i, n := range nodes {
			who := n.bearer(t, text)
			if id, _ := who.ID(); id != userOf(second) || !n.admits(t, who) {
				t.Errorf("node %d: the token acts for %s", i, id)
			}
		}
	})
}

func TestSuspendedAccountComesBack(t *testing.T) {
	eachIssued(t, model.UsersKnown, func(t *testing.T, c *issued) {
		n := c.node(t)
		grant, _ := c.linkedTo(t, n, "ada@example.com", "ada")
		n.bearer(t, c.token("ada", nil))
		if err := n.Suspend(t.Context(), caller.System("test"), userOf(grant), home); err != nil {
			t.Fatal(err)
		}
		n.admits(t, n.bearer(t, c.token("ada", nil))) // the node learns of it
		if !n.turnsAway(t, c.token("ada", nil), errs.Unauthenticated) {
			t.Error("a suspended account came in")
		}
		if err := n.Resume(t.Context(), caller.System("test"), userOf(grant), home); err != nil {
			t.Fatal(err)
		}
		if !n.admits(t, n.bearer(t, c.token("ada", nil))) {
			t.Error("the account is still shut out")
		}
	})
}

// A token does what the rules allow, and nothing about the account: whoever has it for some minutes must not make keys.
func TestAttack_TokensOfIssuersDoNotManageAccounts(t *testing.T) {
	eachIssued(t, model.UsersKnown, func(t *testing.T, c *issued) {
		n := c.node(t)
		_, linked := c.linkedTo(t, n, "ada@example.com", "ada")
		who := n.bearer(t, c.token("ada", nil))
		_, keyErr := n.MakeKey(t.Context(), who, account.NewKey{Name: "k", Scopes: []string{"reader"}}, home)
		_, linkErr := n.LinkToken(t.Context(), who, c.token("eve", nil), home)
		_, listErr := n.Sessions(t.Context(), who)
		for name, err := range map[string]error{
			"key": keyErr, "link": linkErr, "sessions": listErr,
			"password": n.ChangePassword(t.Context(), who, secret, "another long secret", home),
			"unlink":   n.Unlink(t.Context(), who, linked.ID, home),
			"deletion": n.DeleteMe(t.Context(), who, home),
		} {
			if errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := n.Invite(t.Context(), who, "eve@example.com", nil, home); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("invitation: %v", err)
		}
		me, err := n.Me(t.Context(), who)
		if err != nil || me.Session != "" || me.Key != "" || me.Kind != "user" {
			t.Errorf("Me = %+v, %v", me, err)
		}
	})
}

// Only the owner of an account links it, with a good token, lately signed in, and each subject once.
func TestAttack_LinkingOfTokens(t *testing.T) {
	eachIssued(t, model.UsersKnown, func(t *testing.T, c *issued) {
		n := c.node(t)
		_, linked := c.linkedTo(t, n, "ada@example.com", "ada")
		eve := n.Caller(t, n.NewUser(t, "eve@example.com").Access)
		other := oidctest.New(t)
		other.Now = c.Clock.Now
		for _, tt := range []struct {
			name, token string
			want        errs.Kind
		}{
			{"linked already", c.token("ada", nil), errs.Conflict},
			{"for another audience", c.token("eve", map[string]any{"aud": "payroll-api"}), errs.Invalid},
			{"expired", c.token("eve", map[string]any{"exp": c.Clock.Now().Add(-time.Hour).Unix()}), errs.Invalid},
			{"of an unknown issuer", other.AccessToken("eve", nil), errs.Invalid},
			{"cut", c.token("eve", nil)[:100], errs.Invalid},
			{"her own access token", n.NewUser(t, "mallory@example.com").Access, errs.Invalid},
		} {
			if _, err := n.LinkToken(t.Context(), eve, tt.token, home); errs.KindOf(err) != tt.want {
				t.Errorf("%s: LinkToken = %v, want %s", tt.name, err, tt.want)
			}
		}
		if err := n.Unlink(t.Context(), eve, linked.ID, home); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Unlink of another account = %v", err)
		}
		c.Clock.Pass(11 * time.Minute) // an access token is no longer valid, the caller made of it is
		if _, err := n.LinkToken(t.Context(), eve, c.token("eve", nil), home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("with an old proof: LinkToken = %v", err)
		}
	})
}

// With users: new the first token makes an account, but never opens one that has the address already.
func TestFirstTokenMakesAnAccount(t *testing.T) {
	eachIssued(t, model.UsersNew, func(t *testing.T, c *issued) {
		n, other := c.node(t), c.node(t)
		known := n.NewUser(t, "ada@example.com")
		verified := func(email string) map[string]any {
			return map[string]any{"email": email, "email_verified": true, "name": "Eve"}
		}
		unverified := verified("eve@example.com")
		unverified["email_verified"] = false
		for name, claims := range map[string]map[string]any{
			"no address": nil, "an unverified address": unverified, "a known address": verified("ADA@example.com"), "an odd address": verified("eve"),
		} {
			if !n.turnsAway(t, c.token("eve", claims), errs.Forbidden) {
				t.Errorf("%s: the token is not refused", name)
			}
		}
		text := c.token("eve", verified("eve@example.com"))
		ids := make([]string, 8)
		var done sync.WaitGroup
		for i := range ids {
			done.Go(func() {
				who, ok, err := []*node{n, other}[i%2].ByToken(t.Context(), text, home)
				if !ok || err != nil {
					t.Errorf("ByToken = %v, %v", ok, err)
				}
				ids[i], _ = who.ID()
			})
		}
		done.Wait()
		if slices.Sort(ids); ids[0] == "" || ids[0] != ids[len(ids)-1] || ids[0] == userOf(known) {
			t.Errorf("the tokens act for %v", ids)
		}
		if got := n.audited(t, "issuer.first_used"); got != 1 {
			t.Errorf("the audit log has %d first uses", got)
		}
	})
}
