package pages

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// A sessionsPage lists sessions, the current one first.
type sessionsPage struct {
	frame
	Sessions []session
	Others   bool // there are others than the current one
}

type session struct {
	ID, Agent, Address, Methods string
	Current                     bool
	Created, CreatedAt          string // for people, and for programs
	Seen, SeenAt                string
}

func (p *Pages) sessions(v *visit) error {
	all, err := p.service.Sessions(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b account.Session) int {
		if a.Current != b.Current {
			if a.Current {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.Seen.UnixMicro(), a.Seen.UnixMicro())
	})
	page := sessionsPage{frame: v.frame("Sessions"), Others: len(all) > 1}
	page.Wide = true
	for _, each := range all {
		page.Sessions = append(page.Sessions, session{
			ID: each.ID, Agent: each.Agent, Address: each.Address, Methods: methods(each.Methods), Current: each.Current,
			Created: moment(each.Created), CreatedAt: stamp(each.Created), Seen: moment(each.Seen), SeenAt: stamp(each.Seen),
		})
	}
	return v.render(http.StatusOK, "sessions", page)
}

func (p *Pages) endSession(v *visit) error {
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	id := values.Get("id")
	if err := p.service.EndSession(v.r.Context(), v.who, id, v.client()); err != nil {
		return err
	}
	if id == v.session {
		return v.leave("You are signed out.")
	}
	v.flow.Notice = "The session has ended."
	return v.redirect(sessionsPath)
}

func (p *Pages) endOthers(v *visit) error {
	if err := p.service.EndOthers(v.r.Context(), v.who, v.client()); err != nil {
		return err
	}
	v.flow.Notice = "All other sessions have ended."
	return v.redirect(sessionsPath)
}
