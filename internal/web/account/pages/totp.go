package pages

import (
	"html/template"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/totp"
)

// A totpPage shows the state of the authenticator app, or one that is being set up.
type totpPage struct {
	frame
	On       bool
	Recovery int
	Further  bool     // passkeys are second factors too
	Codes    []string // new recovery codes, shown once
	QR       template.HTML
	Secret   string
	Form     *form // confirms a new secret
}

func (p *Pages) totp(v *visit) error {
	who, err := p.service.Profile(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	if !p.rules.TOTP && !who.TOTP {
		return errs.New(errs.NotFound, "this app has no one-time passwords")
	}
	page := totpPage{frame: v.frame("Authenticator app"), On: who.TOTP, Recovery: who.Recovery, Further: who.Passkeys > 0, Codes: v.flow.Codes}
	v.flow.Codes = nil
	return v.render(http.StatusOK, "totp", page)
}

func (p *Pages) beginTOTP(v *visit) error {
	made, err := p.service.BeginTOTP(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	v.flow.Session, v.flow.TOTP = v.session, made.Secret
	return v.redirect(setUpPath)
}

// setUpPage returns the page with the QR code. The secret comes from the sealed cookie.
func (p *Pages) setUpPage(v *visit) (page totpPage, err error) {
	secret, err := totp.ParseSecret(v.flow.TOTP)
	if err != nil {
		return page, err
	}
	email, _ := v.who.Email()
	picture, err := totp.QR(secret.URI(p.app, email))
	if err != nil {
		return page, err
	}
	code := codeField("Code from the app", "6 digits")
	page = totpPage{
		frame: v.frame("Set up the authenticator app"), Secret: groups(v.flow.TOTP), QR: template.HTML(picture), // numbers alone
		Form: &form{Action: setUpPath, Submit: "Turn it on", Fields: []field{code}},
	}
	return page, nil
}

// groups splits a text into groups of four letters, so that people can type it.
func groups(text string) (out string) {
	for i, char := range text {
		if i > 0 && i%4 == 0 {
			out += " "
		}
		out += string(char)
	}
	return out
}

func (p *Pages) setUp(v *visit) error {
	if v.flow.TOTP == "" {
		return v.redirect(totpPath)
	}
	page, err := p.setUpPage(v)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "totp", page)
}

func (p *Pages) postSetUp(v *visit) error {
	if v.flow.TOTP == "" {
		return v.redirect(totpPath)
	}
	page, err := p.setUpPage(v)
	if err != nil {
		return err
	}
	values, err := page.Form.read(v)
	if err != nil {
		return err
	}
	if page.Form.Count > 0 {
		return v.render(http.StatusUnprocessableEntity, "totp", page)
	}
	codes, err := p.service.ConfirmTOTP(v.r.Context(), v.who, values.Get("code"), v.client())
	if err != nil {
		status, ok := page.Form.refuse(v, err)
		if !ok {
			return err
		}
		return v.render(status, "totp", page)
	}
	v.flow.TOTP, v.flow.Codes = "", codes
	v.flow.Notice = "The authenticator app is on. All your other sessions have ended."
	return v.redirect(totpPath)
}

func (p *Pages) removeTOTP(v *visit) error {
	if err := p.service.RemoveTOTP(v.r.Context(), v.who, v.client()); err != nil {
		return err
	}
	v.flow.Notice = "The authenticator app is off."
	return v.redirect(totpPath)
}
