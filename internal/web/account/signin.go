package account

import (
	"net/http"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
)

func (h *Handler) signUp(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, "email", "password", "name", "invitation")
	if err != nil {
		return err
	}
	who := account.Newcomer{Email: b.text("email"), Password: b.optional("password"), Name: b.optional("name"), Invitation: b.optional("invitation")}
	if err := b.err(); err != nil {
		return err
	}
	return h.step(w)(h.service.SignUp(r.Context(), who, clientOf(r)))
}

func (h *Handler) verify(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, "email", "code", "flow", "password")
	if err != nil {
		return err
	}
	email, code, password := b.text("email"), b.text("code"), b.optional("password")
	client := clientOf(r)
	client.Browser = b.optional("flow")
	if err := b.err(); err != nil {
		return err
	}
	return h.step(w)(h.service.Verify(r.Context(), email, code, password, client))
}

func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, "email", "password")
	if err != nil {
		return err
	}
	email, password := b.text("email"), b.text("password")
	if err := b.err(); err != nil {
		return err
	}
	return h.step(w)(h.service.SignIn(r.Context(), email, password, clientOf(r)))
}

func (h *Handler) factor(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, "flow", "totp", "recovery", "passkey")
	if err != nil {
		return err
	}
	flow, given := b.text("flow"), account.Factor{TOTP: b.optional("totp"), Recovery: b.optional("recovery"), Passkey: b.object("passkey")}
	if err := b.err(); err != nil {
		return err
	}
	return h.step(w)(h.service.Confirm(r.Context(), flow, given, clientOf(r)))
}

func (h *Handler) code(w http.ResponseWriter, r *http.Request) error {
	email, err := readText(w, r, "email")
	if err != nil {
		return err
	}
	if err := h.service.AskCode(r.Context(), email, clientOf(r)); err != nil {
		return err
	}
	return answer(w, http.StatusAccepted, status{Status: "verify"})
}

func (h *Handler) refresh(w http.ResponseWriter, r *http.Request) error {
	text, err := readText(w, r, "refresh_token")
	if err != nil {
		return err
	}
	grant, err := h.service.Refresh(r.Context(), text, clientOf(r))
	if err != nil {
		return err
	}
	return h.grant(w, grant)
}

func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) error {
	all := false
	if text := r.URL.Query().Get("all"); text != "" {
		var err error
		if all, err = strconv.ParseBool(text); err != nil {
			return errs.New(errs.Malformed, "all must be true or false")
		}
	}
	if err := h.service.SignOut(r.Context(), web.Caller(r), all, clientOf(r)); err != nil {
		return err
	}
	if len(r.CookiesNamed(sessionCookie)) > 0 {
		setCookie(w, sessionCookie, "", 0)
	}
	return web.Empty(w, http.StatusNoContent)
}

func (h *Handler) me(w http.ResponseWriter, r *http.Request) error {
	me, err := h.service.Me(r.Context(), web.Caller(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, me)
}

func (h *Handler) deleteMe(w http.ResponseWriter, r *http.Request) error {
	if err := h.service.DeleteMe(r.Context(), web.Caller(r), clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}

func (h *Handler) sessions(w http.ResponseWriter, r *http.Request) error {
	all, err := h.service.Sessions(r.Context(), web.Caller(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, items[account.Session]{all})
}

func (h *Handler) endSession(w http.ResponseWriter, r *http.Request) error {
	if err := h.service.EndSession(r.Context(), web.Caller(r), r.PathValue("id"), clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}

func (h *Handler) jwks(w http.ResponseWriter, _ *http.Request) error {
	set, err := h.keys.JWKS()
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	return web.Bytes(w, http.StatusOK, "application/jwk-set+json", set)
}
