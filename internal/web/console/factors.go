package console

import (
	"net/url"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// What an operator takes from the account of a user. Each form asks whether the operator knows who asks for it.

func (c *Console) removeFactor(q *Request, a account.Account, form url.Values) error {
	if err := mustBeSure(form); err != nil {
		return err
	}
	_, client := q.By()
	return c.accounts.RemoveFactorOf(q.r.Context(), a.ID, client)
}

func (c *Console) removeTOTP(q *Request, a account.Account, form url.Values) error {
	if err := mustBeSure(form); err != nil {
		return err
	}
	_, client := q.By()
	return c.accounts.RemoveTOTPOf(q.r.Context(), a.ID, client)
}

func (c *Console) removePasskey(q *Request, a account.Account, form url.Values) error {
	if err := mustBeSure(form); err != nil {
		return err
	}
	_, client := q.By()
	return c.accounts.RemovePasskeyOf(q.r.Context(), a.ID, q.r.PathValue("passkey"), client)
}

func mustBeSure(form url.Values) error {
	if form.Get("sure") != "yes" {
		return invalid("sure", "confirm that you know who asks for this")
	}
	return nil
}

// invalid returns an error about a field of a form.
func invalid(name, detail string) error {
	return &errs.Error{Kind: errs.Invalid, Message: "the form is not acceptable", Faults: []errs.Fault{{Pointer: "/" + name, Code: "confirm", Detail: detail}}}
}
