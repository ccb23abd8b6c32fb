package pages

func (p *Pages) passwordPage(v *visit, set bool) formPage {
	email, _ := v.who.Email()
	page := formPage{
		frame: v.frame("Change your password"),
		Lead:  "All your other sessions end.",
		Form: form{Action: passwordPath, Submit: "Change the password", Fields: []field{
			{Name: "username", Type: "username", Value: email, Optional: true},
			passwordField("Current password"),
			newPasswordField("new", "New password", p.passwordHint()),
		}},
		Links: []link{{"", "Back to your account", homePath}},
	}
	page.Form.Fields[1].Name = "old"
	if !set {
		page.Title, page.Form.Submit = "Set a password", "Set the password"
		page.Form.Fields[1] = page.Form.Fields[2]
		page.Form.Fields = page.Form.Fields[:2]
	} else {
		page.Links = append(page.Links, link{"", "I forgot it", resetPath})
	}
	return page
}

func (p *Pages) password(v *visit) error {
	if err := p.mustHavePasswords(); err != nil {
		return err
	}
	who, err := p.service.Profile(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	if !who.Password { // the recent proof stands for the old password
		if err := p.service.Fresh(v.who); err != nil {
			return err
		}
	}
	return v.show(p.passwordPage(v, who.Password))
}

func (p *Pages) postPassword(v *visit) error {
	if err := p.mustHavePasswords(); err != nil {
		return err
	}
	who, err := p.service.Profile(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	page := p.passwordPage(v, who.Password)
	values, err := page.Form.read(v)
	if err != nil {
		return err
	}
	if page.Form.Count > 0 {
		return v.incomplete(page)
	}
	if err := p.service.ChangePassword(v.r.Context(), v.who, values.Get("old"), values.Get("new"), v.client()); err != nil {
		return v.refuse(page, err)
	}
	v.flow.Notice = "Your new password is set."
	return v.redirect(homePath)
}
