package pages

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
)

func (p *Pages) signUpPage(v *visit, invited bool, next string) formPage {
	page := formPage{
		frame: v.frame("Sign up"),
		Form:  form{Action: signUpPath, Submit: "Sign up", Hidden: []hidden{{"next", next}}},
		Ways:  ways{Providers: p.providerLinks("Continue with ", next, false)},
		Links: []link{{"Have an account?", "Sign in", withNext(signInPath, next)}},
	}
	page.Form.Fields = append(page.Form.Fields,
		field{Name: "name", Label: "Name", Type: "text", Complete: "name", Optional: true, Max: 200},
		emailField(""),
	)
	if p.rules.Password != nil {
		page.Form.Fields = append(page.Form.Fields, newPasswordField("password", "Password", p.passwordHint()))
	}
	if invited {
		page.Mailbox = v.mailbox()
		code := codeField("Invitation code", "It is in the mail with your invitation.")
		code.Name = "invitation"
		page.Form.Fields = append(page.Form.Fields, code)
	} else {
		page.Links = append(page.Links, link{"Were you invited?", "Use an invitation code", signUpPath + "?invited"})
	}
	return page
}

func (p *Pages) passwordHint() string {
	return fmt.Sprintf("At least %d characters. Several words in a row are easy to remember.", p.rules.Password.Min)
}

func (p *Pages) signUp(v *visit) error {
	query := v.r.URL.Query()
	if p.rules.Signup == model.SignupClosed {
		return errs.New(errs.Forbidden, "sign-up is closed: ask whoever runs %s for an account", p.app)
	}
	if v.session != "" {
		return v.redirect(homePath)
	}
	return v.show(p.signUpPage(v, query.Has("invited") || p.rules.Signup == model.SignupInvite, p.nextOf(query.Get("next"))))
}

func (p *Pages) postSignUp(v *visit) error {
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	next := p.nextOf(values.Get("next"))
	page := p.signUpPage(v, values.Has("invitation") || p.rules.Signup == model.SignupInvite, next)
	page.Form.fill(values)
	if page.Form.Count > 0 {
		return v.incomplete(page)
	}
	v.flow.Browser = rand.Text()
	step, err := p.service.SignUp(v.r.Context(), account.Newcomer{
		Email: values.Get("email"), Password: values.Get("password"), Name: values.Get("name"), Invitation: values.Get("invitation"),
	}, v.client())
	if err != nil {
		rename(err, "/code", "/invitation")
		return v.refuse(page, err)
	}
	if step.Grant != nil || step.Flow != "" {
		return v.enter(step, next)
	}
	v.flow.Email, v.flow.Next = values.Get("email"), next
	v.flow.Notice = "Almost done: a mail with a code is on its way."
	return v.redirect(verifyPath)
}

// rename changes the pointer of faults, so that they appear at a field of another name.
func rename(err error, from, to string) {
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return
	}
	for i := range failure.Faults {
		if failure.Faults[i].Pointer == from {
			failure.Faults[i].Pointer = to
		}
	}
}

func (p *Pages) verifyPage(v *visit, withPassword bool) formPage {
	page := formPage{
		frame: v.frame("Type your code"),
		Lead:  fmt.Sprintf("The mail comes from %s. Its code is valid for %s.", p.app, span(p.rules.Codes.Valid)),
		Form: form{Action: verifyPath, Submit: "Continue", Fields: []field{
			emailField(v.flow.Email), codeField("Code", fmt.Sprintf("%d digits", p.rules.Codes.Length)),
		}},
		Links: []link{{"No mail?", "Look into the folder for spam, or ask again", codePath}},
	}
	if v.flow.Browser != "" { // signed up a moment ago
		page.Links[0].Path = signUpPath
	}
	page.Mailbox = v.mailbox()
	page.Form.Fields[1].Focus = v.flow.Email != ""
	if withPassword {
		page.Form.Fields = append(page.Form.Fields, passwordField("Password that you chose at sign-up"))
		page.Links = []link{{"Was that not you?", "Sign up with a password of your own", signUpPath}}
	}
	return page
}

// verify shows a form. The script fills it from the fragment of the link in the mail. Only the button uses up the code.
func (p *Pages) verify(v *visit) error { return v.show(p.verifyPage(v, false)) }

func (p *Pages) postVerify(v *visit) error {
	page := p.verifyPage(v, false)
	values, err := page.Form.read(v)
	if err != nil {
		return err
	}
	if values.Has("password") {
		page = p.verifyPage(v, true)
		page.Form.fill(values)
	}
	if page.Form.Count > 0 {
		return v.incomplete(page)
	}
	step, err := p.service.VerifyPage(v.r.Context(), values.Get("email"), values.Get("code"), values.Get("password"), v.client())
	if err != nil {
		if asksPassword(err) && !values.Has("password") {
			page = p.verifyPage(v, true)
			page.Form.fill(values)
			page.Form.Fields[2].Error, page.Form.Count = "", 0
		}
		return v.refuse(page, err)
	}
	return v.enter(step, v.flow.Next)
}

// asksPassword reports whether a code is right and only the password of the sign-up is missing.
func asksPassword(err error) bool {
	failure, ok := errors.AsType[*errs.Error](err)
	return ok && len(failure.Faults) == 1 && failure.Faults[0].Pointer == "/password"
}
