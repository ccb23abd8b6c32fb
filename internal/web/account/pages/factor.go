package pages

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// factorPage asks for a second factor: for a recovery code, or for what the account has of an authenticator app and passkeys.
func (p *Pages) factorPage(v *visit, recovery bool) formPage {
	page := formPage{
		frame: v.frame("Confirm that it is you"),
		Links: []link{{"", "Start again", signInAgain(v.flow.Next)}},
	}
	hasPasskey := slices.Contains(v.flow.Factors, "passkey") && p.rules.Passkeys != nil
	hasTOTP := slices.Contains(v.flow.Factors, "totp")
	if hasPasskey && !recovery {
		page.Passkeys = true
		page.Ways.Passkey = &passkeyForm{Action: proofPath, Use: "get", Submit: "Use a passkey"}
	}
	switch {
	case recovery:
		page.Lead = "Type one of the recovery codes that you kept when you set up your second factor. Each works once."
		page.Form.Fields = []field{{Name: "recovery", Label: "Recovery code", Type: "text", Complete: "off", Max: 40, Focus: true}}
		page.Links = slices.Insert(page.Links, 0, link{"", "Use your second factor", factorPath})
	case hasTOTP:
		page.Lead = "Open your authenticator app and type the code that it shows for " + p.app + "."
		page.Form.Fields = []field{codeField("Code from the app", "")}
		page.Form.Fields[0].Name, page.Form.Fields[0].Focus = "totp", true
	default:
		page.Lead = "Your account asks for a passkey after the first step."
		page.Ways.Passkey.Alone = "Passkeys need JavaScript, and a browser that knows them. Without, use a recovery code."
	}
	if len(page.Form.Fields) > 0 {
		page.Form.Action, page.Form.Submit = factorPath, "Continue"
	}
	if !recovery && slices.Contains(v.flow.Factors, "recovery") {
		lost := "Lost your phone?"
		if !hasTOTP {
			lost = "Lost your passkey?"
		}
		page.Links = slices.Insert(page.Links, 0, link{lost, "Use a recovery code", factorPath + "?with=recovery"})
	}
	return page
}

func (p *Pages) factor(v *visit) error {
	if v.flow.Factor == "" {
		return v.redirect(signInPath)
	}
	return v.show(p.factorPage(v, p.mustRecover(v) || v.r.URL.Query().Get("with") == "recovery"))
}

// mustRecover reports whether nothing but a recovery code can end a sign-in: the model has no passkeys any more.
func (p *Pages) mustRecover(v *visit) bool {
	return !slices.Contains(v.flow.Factors, "totp") && (!slices.Contains(v.flow.Factors, "passkey") || p.rules.Passkeys == nil)
}

// tookTooLong leads to the sign-in when its flow is over.
func (v *visit) tookTooLong() error {
	v.flow.Problem = "That took too long. Sign in again."
	return v.redirect(signInPath)
}

func (p *Pages) postFactor(v *visit) error {
	if v.flow.Factor == "" {
		return v.tookTooLong()
	}
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	page := p.factorPage(v, p.mustRecover(v) || values.Has("recovery"))
	if len(page.Form.Fields) == 0 {
		return v.redirect(factorPath)
	}
	name := page.Form.Fields[0].Name
	given := account.Factor{TOTP: values.Get("totp"), Recovery: values.Get("recovery")}
	if values.Get(name) == "" {
		page.Form.Fields[0].Error, page.Form.Count = "Fill this in.", 1
		return v.incomplete(page)
	}
	step, err := p.service.Confirm(v.r.Context(), v.flow.Factor, given, v.client())
	if errs.KindOf(err) == errs.Invalid {
		fault := errs.Fault{Pointer: "/" + name, Code: "code_invalid", Detail: "this code is not valid, or no longer: try the next one, or start again"}
		err = &errs.Error{Kind: errs.Invalid, Faults: []errs.Fault{fault}, Cause: err}
	}
	if err != nil {
		return v.refuse(page, err)
	}
	return v.enter(step, v.flow.Next)
}

// beginProof begins the proof of a passkey as second factor.
func (p *Pages) beginProof(v *visit) error {
	c, err := p.service.BeginFactor(v.r.Context(), v.flow.Factor, v.client())
	if errs.KindOf(err) == errs.Invalid {
		v.flow.Problem = "That took too long. Sign in again."
		err = errs.Wrapf(err, errs.Unauthenticated, "the flow is over")
	}
	return v.challenge(c, err, v.flow.Next)
}

func (p *Pages) postProof(v *visit) error {
	if v.flow.Factor == "" {
		return v.tookTooLong()
	}
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	if values.Get("passkey") == "" {
		return v.redirect(factorPath)
	}
	step, err := p.service.Confirm(v.r.Context(), v.flow.Factor, account.Factor{Passkey: []byte(values.Get("passkey"))}, v.client())
	if err != nil {
		return v.refuse(p.factorPage(v, false), notThisPasskey(err))
	}
	return v.enter(step, v.flow.Next)
}

// notThisPasskey puts into words for people that a passkey did not sign in.
func notThisPasskey(err error) error {
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.Unauthenticated {
		return errs.Wrapf(err, kind, "this passkey did not sign you in: it was removed from its account, or this took too long. Try again, or choose another way")
	}
	return err
}

// beginPasskeySignIn begins a sign-in by passkey, which needs no name.
func (p *Pages) beginPasskeySignIn(v *visit) error {
	c, err := p.service.BeginPasskeySignIn(v.r.Context(), v.client())
	return v.challenge(c, err, homePath)
}

func (p *Pages) postPasskeySignIn(v *visit) error {
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	next := p.nextOf(values.Get("next"))
	if values.Get("passkey") == "" {
		return v.redirect(signInAgain(next))
	}
	step, err := p.service.FinishPasskeySignIn(v.r.Context(), values.Get("flow"), []byte(values.Get("passkey")), v.client())
	if err != nil {
		return v.refuse(p.entrance(v, next), notThisPasskey(err))
	}
	return v.enter(step, next)
}

// entrance returns the page where people sign in: with passwords, or without.
func (p *Pages) entrance(v *visit, next string) formPage {
	if p.rules.Password == nil {
		return p.codePage(v, next)
	}
	return p.signInPage(v, next)
}
