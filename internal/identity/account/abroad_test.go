package account_test

import (
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// A subject belongs to its issuer: the same one at another provider is somebody else (ASVS 6.8.1).
func TestForgery_TheSameSubjectElsewhereIsSomebodyElse(t *testing.T) {
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			issuers := map[string]*oidctest.Provider{"corp": oidctest.New(t), "rogue": oidctest.New(t)}
			n := &node{accounttest.New(t, e, source, accounttest.Config{
				Change:    func(a *model.Accounts) { a.Providers = []model.Provider{{Name: "corp"}, {Name: "rogue"}} },
				Providers: func(clock *accounttest.Clock) []*oidc.Provider { return providersOf(t, issuers, clock) },
			})}
			users := map[string]string{}
			for name, email := range map[string]string{"corp": "ada@example.com", "rogue": "eve@example.com"} {
				d, err := n.BeginProvider(t.Context(), name, "", "", home)
				if err != nil {
					t.Fatal(err)
				}
				back := issuers[name].Approve(t, d.URL, person("one", email))
				a, err := n.FinishProvider(t.Context(), name, account.ProviderAnswer{State: back.Get("state"), Code: back.Get("code"), Issuer: back.Get("iss"), Browser: d.Browser}, home)
				if err != nil || a.Grant == nil || a.Grant.User.Email != email {
					t.Fatalf("%s: FinishProvider = %v, %v", name, a, err)
				}
				users[name] = string(a.Grant.User.ID)
			}
			if users["corp"] == users["rogue"] {
				t.Error("both subjects are one user")
			}
		})
	}
}

// providersOf returns clients of some issuers, by the name of each.
func providersOf(t *testing.T, issuers map[string]*oidctest.Provider, clock *accounttest.Clock) (all []*oidc.Provider) {
	t.Helper()
	for name, issuer := range issuers {
		issuer.Now = clock.Now
		p, err := oidc.New(oidc.Config{
			Name: name, Issuer: issuer.Issuer, ClientID: oidctest.ClientID, ClientSecret: telemetry.Secret(oidctest.ClientSecret),
			Redirect: oidctest.Redirect, Now: clock.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// No table has a place for a hint or the answer to a question (ASVS 6.4.2).
func TestNoAccountHasAHintOrAQuestion(t *testing.T) {
	for _, table := range account.Tables(modeltest.Rules(t, source).Model) {
		for _, field := range table.Fields {
			for _, word := range []string{"hint", "question", "answer"} {
				if strings.Contains(field.Name, word) {
					t.Errorf("%s has a field %s", table.Name, field.Name)
				}
			}
		}
	}
}
