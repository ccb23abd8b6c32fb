package account

import (
	"net/http"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
)

func (h *Handler) password(w http.ResponseWriter, r *http.Request) error {
	who, err := mustSignIn(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, "old", "new")
	if err != nil {
		return err
	}
	old, secret := b.optional("old"), b.text("new")
	if err := b.err(); err != nil {
		return err
	}
	if err := h.service.ChangePassword(r.Context(), who, old, secret, clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}

func (h *Handler) reset(w http.ResponseWriter, r *http.Request) error {
	email, err := readText(w, r, "email")
	if err != nil {
		return err
	}
	if err := h.service.AskReset(r.Context(), email, clientOf(r)); err != nil {
		return err
	}
	return answer(w, http.StatusAccepted, status{Status: "verify"})
}

func (h *Handler) confirmReset(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, "email", "code", "password")
	if err != nil {
		return err
	}
	email, code, secret := b.text("email"), b.text("code"), b.text("password")
	if err := b.err(); err != nil {
		return err
	}
	return h.step(w)(h.service.Reset(r.Context(), email, code, secret, clientOf(r)))
}

// enrolment is the answer to a new TOTP secret.
type enrolment struct {
	Secret string `json:"secret"`
	URI    string `json:"uri"`
	QR     string `json:"qr"`
}

func (h *Handler) beginTOTP(w http.ResponseWriter, r *http.Request) error {
	e, err := h.service.BeginTOTP(r.Context(), web.Caller(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, enrolment{e.Secret, e.URI, e.QR})
}

func (h *Handler) confirmTOTP(w http.ResponseWriter, r *http.Request) error {
	who, err := mustSignIn(r)
	if err != nil {
		return err
	}
	code, err := readText(w, r, "code")
	if err != nil {
		return err
	}
	codes, err := h.service.ConfirmTOTP(r.Context(), who, code, clientOf(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, struct {
		Codes []string `json:"recovery_codes"`
	}{codes})
}

func (h *Handler) removeTOTP(w http.ResponseWriter, r *http.Request) error {
	if err := h.service.RemoveTOTP(r.Context(), web.Caller(r), clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}

func (h *Handler) makeKey(w http.ResponseWriter, r *http.Request) error {
	who, err := mustSignIn(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, "name", "scopes", "expires_at")
	if err != nil {
		return err
	}
	want := account.NewKey{Name: b.text("name"), Scopes: b.texts("scopes"), Expires: b.time("expires_at")}
	if err := b.err(); err != nil {
		return err
	}
	key, err := h.service.MakeKey(r.Context(), who, want, clientOf(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, key)
}

func (h *Handler) listKeys(w http.ResponseWriter, r *http.Request) error {
	all, err := h.service.Keys(r.Context(), web.Caller(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, items[account.Key]{all})
}

func (h *Handler) endKeys(w http.ResponseWriter, r *http.Request) error {
	if err := h.service.EndKeys(r.Context(), web.Caller(r), clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}

func (h *Handler) endKey(w http.ResponseWriter, r *http.Request) error {
	if err := h.service.EndKey(r.Context(), web.Caller(r), r.PathValue("id"), clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}

// rotateKey serves POST /auth/keys/{id}:rotate. A pattern of http.ServeMux has no part of a segment.
func (h *Handler) rotateKey(w http.ResponseWriter, r *http.Request) error {
	id, ok := strings.CutSuffix(r.PathValue("idAndVerb"), ":rotate")
	if !ok {
		return errs.New(errs.NotFound, "no such path")
	}
	key, err := h.service.RotateKey(r.Context(), web.Caller(r), id, clientOf(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, key)
}

func (h *Handler) invite(w http.ResponseWriter, r *http.Request) error {
	who, err := mustSignIn(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, "email", "roles")
	if err != nil {
		return err
	}
	email, roles := b.text("email"), b.texts("roles")
	if err := b.err(); err != nil {
		return err
	}
	if err := h.service.Invite(r.Context(), who, email, roles, clientOf(r)); err != nil {
		return err
	}
	return answer(w, http.StatusAccepted, status{Status: "sent"})
}
