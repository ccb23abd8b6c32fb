package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

func (c *Console) serviceRoutes() []Route {
	return append(c.commonRoutes(groupServices()),
		Route{"POST /console/services", Operator, c.newService},
		Route{"POST /console/services/{id}/keys", Operator, c.newKey},
	)
}

func (c *Console) newService(q *Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	_, client := q.By()
	id, err := c.accounts.NewService(q.r.Context(), form.Get("name"), form["role"], client)
	if err == nil {
		return q.Redirect("/console/services/" + id + "?done=service")
	}
	wrong, status := mistake(err)
	if wrong == nil {
		return err
	}
	return c.showList(q, groupServices(), wrong, status)
}

// newKey makes a key and shows it. The page is not a redirect: the key is nowhere else.
func (c *Console) newKey(q *Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	g := groupServices()
	a, err := c.accounts.Account(q.r.Context(), g.kind, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	want := account.NewKey{Name: strings.TrimSpace(form.Get("name")), Scopes: form["scope"]}
	if text := form.Get("expires"); text != "" {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			wrong, status := mistake(invalid("expires_at", "write a date such as 2027-01-31"))
			return c.showAccount(q, g, wrong, status)
		}
		want.Expires = &at
	}
	_, client := q.By()
	key, err := c.accounts.MakeServiceKey(q.r.Context(), a.ID, want, client)
	if err != nil {
		wrong, status := mistake(err)
		if wrong == nil {
			return err
		}
		return c.showAccount(q, g, wrong, status)
	}
	p, err := c.accountPage(q, g)
	if err != nil {
		return err
	}
	p.Made = &key
	return q.page(http.StatusOK, titleOf(p.Account), g.item, p)
}
