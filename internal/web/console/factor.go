package console

import (
	"html/template"
	"net/http"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// factorPage is the page that sets up a second factor.
type factorPage struct {
	Required bool // before anything else
	HasTOTP  bool
	ByName   bool // the host has a name, so it can have passkeys
	Begun    bool
	Secret   string
	QR       template.HTML
	Problem  *problem
}

func (q *Request) factorPage() factorPage {
	return factorPage{HasTOTP: q.operator.HasTOTP, Required: q.waits(), ByName: account.HasOperatorPasskeys(q.r.Host)}
}

const factorTitle = "Your second factor"

// showFactor leads operators who may go on to their account.
func (c *Console) showFactor(q *Request) error {
	if !q.waits() {
		return q.Redirect(ownPath)
	}
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
	code, next := strings.ReplaceAll(form.Get("code"), " ", ""), ownPath
	if q.waits() {
		next = "/console"
	}
	_, client := q.By()
	codes, err := c.accounts.ConfirmTOTP(q.r.Context(), q.operator.Caller, code, client)
	if err == nil {
		q.operator.MFA = true // as the next request finds it
		return q.showCodes(codes, next)
	}
	wrong, status := mistake(err)
	if wrong == nil {
		return err
	}
	p := q.factorPage()
	p.Begun, p.Problem = true, wrong
	return q.page(status, factorTitle, "factor.html", p)
}

// factorMistake shows the page with what was wrong, or returns the error if it needs a page of its own.
func (c *Console) factorMistake(q *Request, err error) error {
	wrong, status := mistake(err)
	if wrong == nil {
		return err
	}
	p := q.factorPage()
	p.Problem = wrong
	return q.page(status, factorTitle, "factor.html", p)
}

// codesPage shows recovery codes. They are nowhere else, so it is no redirect.
type codesPage struct {
	Codes []string
	Next  string // page that follows
}

func (q *Request) showCodes(codes []string, next string) error {
	return q.page(http.StatusOK, "Recovery codes", "codes.html", codesPage{codes, next})
}
