package pages

import (
	"net/http"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A passkeysPage lists passkeys, and adds one.
type passkeysPage struct {
	frame
	Passkeys []passkeyRow
	Codes    []string // new recovery codes, shown once
	Add      *passkeyForm
	First    bool // the next one is the first second factor
	Last     bool // the only one is the last second factor
}

type passkeyRow struct {
	ID, Name           string
	Copied             bool
	Created, CreatedAt string
	Used, UsedAt       string // "" if it was never used
}

func (p *Pages) passkeysPage(v *visit) (page passkeysPage, err error) {
	all, err := p.service.Passkeys(v.r.Context(), v.who)
	if err != nil {
		return page, err
	}
	if p.rules.Passkeys == nil && len(all) == 0 {
		return page, errs.New(errs.NotFound, "this app has no passkeys")
	}
	page = passkeysPage{frame: v.frame("Passkeys")}
	page.Wide = true
	for _, each := range all {
		row := passkeyRow{ID: each.ID, Name: each.Name, Copied: each.BackedUp, Created: moment(each.Created), CreatedAt: stamp(each.Created)}
		if each.Used != nil {
			row.Used, row.UsedAt = moment(*each.Used), stamp(*each.Used)
		}
		page.Passkeys = append(page.Passkeys, row)
	}
	return page, nil
}

func (p *Pages) passkeys(v *visit) error {
	page, err := p.passkeysPage(v)
	if err != nil {
		return err
	}
	who, err := p.service.Profile(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	page.Codes, page.First, page.Last = v.flow.Codes, who.Passkeys == 0 && !who.TOTP, who.Passkeys == 1 && !who.TOTP
	v.flow.Codes = nil
	if p.rules.Passkeys != nil {
		page.frame.Passkeys = true
		page.Add = &passkeyForm{
			Action: passkeysPath, Use: "create", Submit: "Add a passkey", Alone: "To add a passkey you need JavaScript, and a browser that knows passkeys.",
			Fields: []field{{Name: "name", Label: "Name", Type: "text", Complete: "off", Max: 100, Optional: true, Hint: "Such as “Phone” or “Blue key”, so that you know it in the list."}},
		}
	}
	return v.render(http.StatusOK, "passkeys", page)
}

// beginPasskey begins to make a passkey.
func (p *Pages) beginPasskey(v *visit) error {
	c, err := p.service.BeginPasskey(v.r.Context(), v.who)
	return v.challenge(c, err, passkeysPath)
}

// again leads back to a page that shows what is wrong. Errors that no person can mend are returned.
func (v *visit) again(err error, back string) error {
	var f form
	if _, ok := f.refuse(v, err); !ok || errs.KindOf(err) == errs.Unauthenticated {
		return err
	}
	v.flow.Problem = f.Problem
	return v.redirect(back)
}

func (p *Pages) postPasskey(v *visit) error {
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	if values.Get("passkey") == "" {
		return v.redirect(passkeysPath)
	}
	name := strings.TrimSpace(values.Get("name"))
	made, err := p.service.FinishPasskey(v.r.Context(), v.who, values.Get("flow"), name, []byte(values.Get("passkey")), v.client())
	if err != nil {
		return v.again(err, passkeysPath)
	}
	v.flow.Notice = "The passkey is added."
	if len(made.Recovery) > 0 {
		v.flow.Session, v.flow.Codes = v.session, made.Recovery
		v.flow.Notice = "The passkey is added. It is your second factor too, so all your other sessions have ended."
	}
	return v.redirect(passkeysPath)
}

func (p *Pages) renamePasskey(v *visit) error {
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	if _, err := p.service.RenamePasskey(v.r.Context(), v.who, values.Get("id"), strings.TrimSpace(values.Get("name")), v.client()); err != nil {
		return v.again(err, passkeysPath)
	}
	v.flow.Notice = "The passkey has a new name."
	return v.redirect(passkeysPath)
}

func (p *Pages) removePasskey(v *visit) error {
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	if err := p.service.RemovePasskey(v.r.Context(), v.who, values.Get("id"), v.client()); err != nil {
		return v.again(err, passkeysPath)
	}
	v.flow.Notice = "The passkey is removed. Delete it on your device as well."
	return v.redirect(passkeysPath)
}
