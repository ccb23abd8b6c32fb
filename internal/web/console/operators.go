package console

import (
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
)

func (c *Console) operatorRoutes() []Route {
	return []Route{
		{"GET /console/operators", Viewer, func(q *Request) error { return c.showOperators(q, operatorsPage{}, http.StatusOK) }},
		{"POST /console/operators", Owner, c.inviteOperator},
		{"POST /console/operators/{id}/role", Owner, c.changeOperator(func(q *Request, id string) error {
			_, client := q.By()
			return c.accounts.SetOperatorRole(q.r.Context(), id, q.form.Get("role"), client)
		}, "role")},
		{"POST /console/operators/{id}/remove", Owner, c.changeOperator(c.removeOperator, "removed")},
	}
}

// operatorsPage is the list of operators.
type operatorsPage struct {
	Operators []account.Account
	Me        string
	Roles     []string
	May       bool
	Link      string // shown once
	LinkRole  string
	Problem   *problem
}

func (c *Console) showOperators(q *Request, p operatorsPage, status int) error {
	found, err := c.accounts.Operators(q.r.Context())
	if err != nil {
		return err
	}
	p.Operators, p.Me, p.Roles, p.May = found, q.operator.Account, account.OperatorRoles(), q.operator.May(string(Owner))
	return q.page(status, "Operators", "operators.html", p)
}

// LinkPath returns the path of the page that makes an operator with the secret of a link. A browser sends no fragment.
func LinkPath(secret string) string { return "/console/begin#" + secret }

func (c *Console) inviteOperator(q *Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	_, client := q.By()
	secret, err := c.accounts.InviteOperator(q.r.Context(), form.Get("role"), client)
	if err != nil {
		return c.operatorsMistake(q, err)
	}
	scheme := "https"
	if q.r.TLS == nil && web.IsLocal(q.r) {
		scheme = "http"
	}
	return c.showOperators(q, operatorsPage{Link: scheme + "://" + q.r.Host + web.Below(q.w, LinkPath(secret)), LinkRole: form.Get("role")}, http.StatusOK)
}

func (c *Console) operatorsMistake(q *Request, err error) error {
	wrong, status := mistake(err)
	if wrong == nil {
		return err
	}
	return c.showOperators(q, operatorsPage{Problem: wrong}, status)
}

func (c *Console) changeOperator(change func(q *Request, id string) error, done string) func(*Request) error {
	return func(q *Request) error {
		if _, err := q.Form(); err != nil {
			return err
		}
		a, err := c.accounts.Account(q.r.Context(), account.KindOperator, q.r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := change(q, a.ID); err != nil {
			return c.operatorsMistake(q, err)
		}
		return q.Redirect("/console/operators?done=operator-" + done)
	}
}

func (c *Console) removeOperator(q *Request, id string) error {
	if q.form.Get("sure") != "yes" {
		return errs.New(errs.Invalid, "confirm that the operator is to be removed")
	}
	_, client := q.By()
	return c.accounts.RemoveOperator(q.r.Context(), id, client)
}
