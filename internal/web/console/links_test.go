package console

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
)

// An operator sees with whom an account is linked elsewhere, and removes the link. Its tokens open nothing then.
func TestOperatorsRemoveLinks(t *testing.T) {
	op := oidctest.New(t)
	w := openWorld(t, source, accounttest.Config{
		Change: func(a *model.Accounts) {
			a.Issuers = []model.Issuer{{Issuer: op.Issuer, Audience: []string{oidctest.Audience}, Users: model.UsersNew}}
		},
		Issuers: func(clock *accounttest.Clock) []oidc.IssuerConfig {
			op.Now = clock.Now
			return []oidc.IssuerConfig{{Issuer: op.Issuer, Audience: []string{oidctest.Audience}, Now: clock.Now}}
		},
	})
	text := op.AccessToken("u-4711", func(c map[string]any) { c["email"], c["email_verified"] = "ada@example.com", true })
	who, _, err := w.Service.ByToken(t.Context(), text, account.Client{})
	if err != nil {
		t.Fatal(err)
	}
	page := "/console/users/" + w.idOf(account.KindUser, "ada@example.com")
	links, err := w.Service.LinksOf(t.Context(), w.idOf(account.KindUser, "ada@example.com"))
	if err != nil || len(links) != 1 {
		t.Fatalf("links %+v, %v", links, err)
	}
	v := w.operator("operator")
	v.shows(v.get(page), 200, "Accounts elsewhere", "u-4711", op.Issuer)
	v.leads(v.post(page+"/links/"+links[0].ID), page+"?done=unlinked")
	v.shows(v.get(page+"?done=unlinked"), 200, "The link is removed")
	v.shows(v.post(page+"/links/"+links[0].ID), 404)
	if _, err := w.Service.Me(t.Context(), who); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("after the removal: %v", err)
	}
}
