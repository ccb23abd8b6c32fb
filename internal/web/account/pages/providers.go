package pages

import (
	"net/http"
)

// A linksPage lists accounts at providers that sign in to an account, and adds one.
type linksPage struct {
	frame
	Links []linkRow
	Add   []link
}

type linkRow struct {
	ID, Title, Email   string
	Created, CreatedAt string
	Used, UsedAt       string
}

func (p *Pages) links(v *visit) error {
	all, err := p.service.Links(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	page := linksPage{frame: v.frame("Other accounts"), Add: p.providerLinks("Link ", linksPath, true)}
	page.Wide = true
	for _, each := range all {
		page.Links = append(page.Links, linkRow{
			ID: each.ID, Title: each.Title, Email: each.Email,
			Created: moment(each.Created), CreatedAt: stamp(each.Created), Used: moment(each.Used), UsedAt: stamp(each.Used),
		})
	}
	return v.render(http.StatusOK, "links", page)
}

func (p *Pages) removeLink(v *visit) error {
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	if err := p.service.Unlink(v.r.Context(), v.who, values.Get("id"), v.client()); err != nil {
		return v.again(err, linksPath)
	}
	v.flow.Notice = "The account is no longer linked."
	return v.redirect(linksPath)
}
