package console

import (
	"html/template"
	"net/http"
	"strings"
)

// factorPage is the page of the operator's own second factor.
type factorPage struct {
	HasTOTP  bool
	Proved   bool // in this session
	Required bool
	Begun    bool
	Secret   string
	QR       template.HTML
	Codes    []string
	Problem  *problem
}

func (q *Request) factorPage() factorPage {
	return factorPage{HasTOTP: q.operator.HasTOTP, Proved: q.operator.MFA, Required: q.waits()}
}

const factorTitle = "Your second factor"

func (c *Console) showFactor(q *Request) error {
	return q.page(http.StatusOK, factorTitle, "factor.html", q.factorPage())
}

func (c *Console) beginFactor(q *Request) error {
	made, err := c.accounts.BeginTOTP(q.r.Context(), q.operator.Caller)
	if err != nil {
		return err
	}
	p := q.factorPage()
	p.Begun, p.Secret = true, made.Secret
	p.QR = template.HTML(made.QR) //nolint:gosec // an SVG of numbers that package totp makes
	return q.page(http.StatusOK, factorTitle, "factor.html", p)
}

func (c *Console) confirmFactor(q *Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	p := q.factorPage()
	code := strings.ReplaceAll(form.Get("code"), " ", "")
	p.Codes, err = c.accounts.ConfirmTOTP(q.r.Context(), q.operator.Caller, code, q.client())
	if err == nil {
		q.operator.MFA = true
		p.HasTOTP, p.Proved, p.Required = true, true, false
		return q.page(http.StatusOK, factorTitle, "factor.html", p)
	}
	wrong, status := mistake(err)
	if wrong == nil {
		return err
	}
	p.Begun, p.Problem = true, wrong
	return q.page(status, factorTitle, "factor.html", p)
}
