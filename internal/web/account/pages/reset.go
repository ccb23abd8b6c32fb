package pages

import (
	"github.com/ashlar-dev/ashlar/internal/errs"
)

func (p *Pages) resetPage(v *visit) formPage {
	return formPage{
		frame: v.frame("Reset your password"),
		Lead:  "We mail you a code. With it you choose a new password.",
		Form:  form{Action: resetPath, Submit: "Mail me a code", Fields: []field{emailField("")}},
		Links: []link{{"", "I have a code", newPassPath}, {"", "Back to sign-in", signInPath}},
	}
}

// mustHavePasswords refuses the pages about passwords where the model has none.
func (p *Pages) mustHavePasswords() error {
	if p.rules.Password == nil {
		return errs.New(errs.NotFound, "this app has no passwords")
	}
	return nil
}

func (p *Pages) reset(v *visit) error {
	if err := p.mustHavePasswords(); err != nil {
		return err
	}
	page := p.resetPage(v)
	page.Form.Fields[0].Value, _ = v.who.Email()
	return v.show(page)
}

func (p *Pages) postReset(v *visit) error {
	if err := p.mustHavePasswords(); err != nil {
		return err
	}
	page := p.resetPage(v)
	values, err := page.Form.read(v)
	if err != nil {
		return err
	}
	if page.Form.Count > 0 {
		return v.incomplete(page)
	}
	if err := p.service.AskReset(v.r.Context(), values.Get("email"), v.client()); err != nil {
		return v.refuse(page, err)
	}
	v.flow.Email = values.Get("email")
	v.flow.Notice = "If this address has an account, a code is on its way to it."
	return v.redirect(newPassPath)
}

func (p *Pages) confirmResetPage(v *visit) formPage {
	page := formPage{
		frame: v.frame("Choose a new password"),
		Lead:  "Type the code from the mail. All your sessions end, and you are signed in here.",
		Form: form{Action: newPassPath, Submit: "Set the password", Fields: []field{
			emailField(v.flow.Email), codeField("Code", ""), newPasswordField("password", "New password", p.passwordHint()),
		}},
		Links: []link{{"No mail?", "Ask for another code", resetPath}},
	}
	page.Mailbox = v.mailbox()
	page.Form.Fields[1].Focus = v.flow.Email != ""
	return page
}

func (p *Pages) confirmReset(v *visit) error {
	if err := p.mustHavePasswords(); err != nil {
		return err
	}
	return v.show(p.confirmResetPage(v))
}

func (p *Pages) postConfirmReset(v *visit) error {
	if err := p.mustHavePasswords(); err != nil {
		return err
	}
	page := p.confirmResetPage(v)
	values, err := page.Form.read(v)
	if err != nil {
		return err
	}
	if page.Form.Count > 0 {
		return v.incomplete(page)
	}
	step, err := p.service.Reset(v.r.Context(), values.Get("email"), values.Get("code"), values.Get("password"), v.client())
	if err != nil {
		return v.refuse(page, err)
	}
	v.flow.Notice = "Your new password is set."
	return v.enter(step, homePath)
}
