package account

import (
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// linkRoutes returns the routes of accounts elsewhere that open the caller's account.
func (h *Handler) linkRoutes() []web.Route {
	return []web.Route{
		{Pattern: "POST /auth/oidc/link", Handler: h.link, Doc: linkDoc()},
		{Pattern: "GET /auth/links", Handler: h.listLinks, Doc: listLinksDoc()},
		{Pattern: "POST /auth/links", Handler: h.linkToken, Doc: linkTokenDoc()},
		{Pattern: "DELETE /auth/links/{id}", Handler: h.removeLink, Doc: removeLinkDoc()},
	}
}

func (h *Handler) listLinks(w http.ResponseWriter, r *http.Request) error {
	all, err := h.service.Links(r.Context(), web.Caller(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, items[account.Link]{all})
}

func (h *Handler) linkToken(w http.ResponseWriter, r *http.Request) error {
	who, err := mustSignIn(r)
	if err != nil {
		return err
	}
	token, err := readText(w, r, "token")
	if err != nil {
		return err
	}
	made, err := h.service.LinkToken(r.Context(), who, token, clientOf(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, made)
}

func (h *Handler) removeLink(w http.ResponseWriter, r *http.Request) error {
	if err := h.service.Unlink(r.Context(), web.Caller(r), r.PathValue("id"), clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}

func (h *Handler) link(w http.ResponseWriter, r *http.Request) error {
	who, err := mustSignIn(r)
	if err != nil {
		return err
	}
	flow, err := readText(w, r, "flow")
	if err != nil {
		return err
	}
	if err := h.service.Link(r.Context(), who, flow, clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}
