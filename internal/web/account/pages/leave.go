package pages

import (
	"strings"
)

func (p *Pages) leavePage(v *visit) formPage {
	email, _ := v.who.Email()
	return formPage{
		frame: v.frame("Delete your account"),
		Lead:  "This deletes your account, your keys and what belongs to you alone in " + p.app + ". Nobody can undo it.",
		Form: form{Action: deletePath, Submit: "Delete my account for ever", Danger: true, Fields: []field{
			{Name: "confirm", Label: "Your email address", Type: "text", Complete: "off", Mode: "email", Max: 254, Hint: "Type " + email + " to confirm."},
		}},
		Links: []link{{"", "Keep my account", homePath}},
	}
}

func (p *Pages) leave(v *visit) error {
	if err := p.service.Fresh(v.who); err != nil {
		return err
	}
	return v.show(p.leavePage(v))
}

func (p *Pages) postLeave(v *visit) error {
	page := p.leavePage(v)
	values, err := page.Form.read(v)
	if err != nil {
		return err
	}
	if email, _ := v.who.Email(); page.Form.Count == 0 && !strings.EqualFold(values.Get("confirm"), email) {
		page.Form.Fields[0].Error, page.Form.Count = "This is not the address of your account.", 1
	}
	if page.Form.Count > 0 {
		return v.incomplete(page)
	}
	if err := p.service.DeleteMe(v.r.Context(), v.who, v.client()); err != nil {
		return v.refuse(page, err)
	}
	return v.leave("Your account is deleted.")
}
