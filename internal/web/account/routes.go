package account

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/web"
)

// Routes returns the routes of accounts.
func (h *Handler) Routes() []web.Route {
	return slices.Concat(h.providerRoutes(), h.linkRoutes(), h.passkeyRoutes(), []web.Route{
		{Pattern: "POST /auth/sign-up", Handler: h.open(h.signUp), Doc: signUpDoc()},
		{Pattern: "POST /auth/verify", Handler: h.open(h.verify), Doc: verifyDoc()},
		{Pattern: "POST /auth/sign-in", Handler: h.open(h.signIn), Doc: signInDoc()},
		{Pattern: "POST /auth/sign-in/factor", Handler: h.open(h.factor), Doc: factorDoc()},
		{Pattern: "POST /auth/code", Handler: h.open(h.code), Doc: codeDoc()},
		{Pattern: "POST /auth/refresh", Handler: h.open(h.refresh), Doc: refreshDoc()},
		{Pattern: "POST /auth/sign-out", Handler: h.signOut, Doc: signOutDoc()},
		{Pattern: "GET /auth/me", Handler: h.me, Doc: meDoc()},
		{Pattern: "DELETE /auth/me", Handler: h.deleteMe, Doc: deleteMeDoc()},
		{Pattern: "GET /auth/sessions", Handler: h.sessions, Doc: sessionsDoc()},
		{Pattern: "DELETE /auth/sessions/{id}", Handler: h.endSession, Doc: endSessionDoc()},
		{Pattern: "POST /auth/password", Handler: h.password, Doc: passwordDoc()},
		{Pattern: "POST /auth/password/reset", Handler: h.open(h.reset), Doc: resetDoc()},
		{Pattern: "POST /auth/password/reset/confirm", Handler: h.open(h.confirmReset), Doc: confirmResetDoc()},
		{Pattern: "POST /auth/totp", Handler: h.beginTOTP, Doc: beginTOTPDoc()},
		{Pattern: "POST /auth/totp/confirm", Handler: h.confirmTOTP, Doc: confirmTOTPDoc()},
		{Pattern: "DELETE /auth/totp", Handler: h.removeTOTP, Doc: removeTOTPDoc()},
		{Pattern: "POST /auth/keys", Handler: h.makeKey, Doc: makeKeyDoc()},
		{Pattern: "GET /auth/keys", Handler: h.listKeys, Doc: listKeysDoc()},
		{Pattern: "DELETE /auth/keys", Handler: h.endKeys, Doc: endKeysDoc()},
		{Pattern: "DELETE /auth/keys/{id}", Handler: h.endKey, Doc: endKeyDoc()},
		{Pattern: "POST /auth/keys/{idAndVerb}", Handler: h.rotateKey, Doc: rotateKeyDoc()},
		{Pattern: "POST /auth/invitations", Handler: h.invite, Doc: inviteDoc()},
		{Pattern: "GET /.well-known/jwks.json", Handler: h.jwks, Doc: jwksDoc()},
	})
}
