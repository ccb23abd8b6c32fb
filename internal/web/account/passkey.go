package account

import (
	"encoding/json"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// passkeyRoutes returns the routes of passkeys.
func (h *Handler) passkeyRoutes() []web.Route {
	return []web.Route{
		{Pattern: "POST /auth/passkeys/begin", Handler: h.beginPasskey, Doc: beginPasskeyDoc()},
		{Pattern: "POST /auth/passkeys/finish", Handler: h.finishPasskey, Doc: finishPasskeyDoc()},
		{Pattern: "GET /auth/passkeys", Handler: h.listPasskeys, Doc: listPasskeysDoc()},
		{Pattern: "PATCH /auth/passkeys/{id}", Handler: h.renamePasskey, Doc: renamePasskeyDoc()},
		{Pattern: "DELETE /auth/passkeys/{id}", Handler: h.removePasskey, Doc: removePasskeyDoc()},
		{Pattern: "POST /auth/passkey/begin", Handler: h.open(h.beginPasskeySignIn), Doc: beginPasskeySignInDoc()},
		{Pattern: "POST /auth/passkey/finish", Handler: h.open(h.finishPasskeySignIn), Doc: finishPasskeySignInDoc()},
		{Pattern: "POST /auth/sign-in/factor/passkey", Handler: h.open(h.beginFactor), Doc: beginFactorDoc()},
		{Pattern: "GET /.well-known/webauthn", Handler: h.relatedOrigins, Doc: relatedOriginsDoc()},
	}
}

// challenge is the answer that begins a ceremony.
type challenge struct {
	Flow    string          `json:"flow,omitempty"`
	Options json.RawMessage `json:"options"`
}

func (h *Handler) beginPasskey(w http.ResponseWriter, r *http.Request) error {
	c, err := h.service.BeginPasskey(r.Context(), web.Caller(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, challenge{c.Flow, c.Options})
}

func (h *Handler) finishPasskey(w http.ResponseWriter, r *http.Request) error {
	who, err := mustSignIn(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, "flow", "name", "passkey")
	if err != nil {
		return err
	}
	flow, name, given := b.text("flow"), b.optional("name"), b.mustObject("passkey")
	if err := b.err(); err != nil {
		return err
	}
	made, err := h.service.FinishPasskey(r.Context(), who, flow, name, given, clientOf(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, struct {
		account.Passkey
		Codes []string `json:"recovery_codes,omitempty"`
	}{made.Passkey, made.Recovery})
}

func (h *Handler) listPasskeys(w http.ResponseWriter, r *http.Request) error {
	all, err := h.service.Passkeys(r.Context(), web.Caller(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, items[account.Passkey]{all})
}

func (h *Handler) renamePasskey(w http.ResponseWriter, r *http.Request) error {
	who, err := mustSignIn(r)
	if err != nil {
		return err
	}
	name, err := readText(w, r, "name")
	if err != nil {
		return err
	}
	renamed, err := h.service.RenamePasskey(r.Context(), who, r.PathValue("id"), name, clientOf(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, renamed)
}

func (h *Handler) removePasskey(w http.ResponseWriter, r *http.Request) error {
	if err := h.service.RemovePasskey(r.Context(), web.Caller(r), r.PathValue("id"), clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}

func (h *Handler) beginPasskeySignIn(w http.ResponseWriter, r *http.Request) error {
	c, err := h.service.BeginPasskeySignIn(r.Context(), clientOf(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, challenge{c.Flow, c.Options})
}

func (h *Handler) finishPasskeySignIn(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, "flow", "passkey")
	if err != nil {
		return err
	}
	flow, given := b.text("flow"), b.mustObject("passkey")
	if err := b.err(); err != nil {
		return err
	}
	return h.step(w)(h.service.FinishPasskeySignIn(r.Context(), flow, given, clientOf(r)))
}

func (h *Handler) beginFactor(w http.ResponseWriter, r *http.Request) error {
	flow, err := readText(w, r, "flow")
	if err != nil {
		return err
	}
	c, err := h.service.BeginFactor(r.Context(), flow, clientOf(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, challenge{Options: c.Options})
}

// relatedOrigins tells browsers which pages outside of the domain may ask for its passkeys (WebAuthn level 3, 5.11).
func (h *Handler) relatedOrigins(w http.ResponseWriter, _ *http.Request) error {
	origins := h.service.Origins()
	if origins == nil {
		return errs.New(errs.NotFound, "this app has no passkeys")
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	return answer(w, http.StatusOK, struct {
		Origins []string `json:"origins"`
	}{origins})
}
