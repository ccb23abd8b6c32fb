package account

import (
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// tag is the group of the operations in the OpenAPI document.
var tag = web.Tag{Name: "auth", About: "Sign up, sign in, end sessions, prove factors, make keys."}

func text(name, about string) web.Member {
	return web.Member{Name: name, Type: web.TextMember, About: about}
}

func optional(m web.Member) web.Member {
	m.Optional = true
	return m
}

// object describes a body with members.
func object(members ...web.Member) *web.Body {
	return &web.Body{Types: []string{"application/json"}, Members: members}
}

var (
	email    = text("email", "The address. Its case does not count.")
	mailCode = text("code", "The code from the mail. Blanks do not count.")
)

// person describes a user as the user may see himself.
func person() []web.Member {
	return []web.Member{
		{Name: "id", Type: web.IDMember}, optional(text("email", "")), optional(text("name", "")),
		{Name: "roles", Type: web.TextsMember}, {Name: "verified", Type: web.BoolMember, About: "Whether the address was confirmed."},
	}
}

// sessionAnswer describes the answer with a session, and the one that asks for a second factor.
func sessionAnswer() web.Answer {
	return web.Answer{Status: http.StatusOK, About: "A session. Or, where the account has a second factor: status is factor, with a flow to send it with.", Members: []web.Member{
		optional(text("access_token", "Send it as bearer token. Not there with cookie=true.")),
		optional(text("token_type", "Bearer")),
		{Name: "expires_in", Type: web.IntMember, About: "Seconds until the access token ends; with cookie=true, the session.", Optional: true},
		optional(text("refresh_token", "Gives the next pair of tokens. Not there with cookie=true.")),
		{Name: "user", Type: web.ObjectMember, Members: person(), Optional: true},
		optional(text("status", "factor: the sign-in waits for a second factor.")),
		optional(text("flow", "Names the sign-in that waits.")),
		{Name: "factors", Type: web.TextsMember, Optional: true},
	}}
}

// mailed describes the answer of an operation that sends a mail. It is the same for known and unknown addresses.
func mailed() web.Answer {
	return web.Answer{Status: http.StatusAccepted, About: "A mail is on its way, if the address is known.", Members: []web.Member{text("status", "")}}
}

func done() []web.Answer { return []web.Answer{{Status: http.StatusNoContent, About: "Done."}} }

func signUpDoc() *web.Doc {
	about := mailed()
	about.About = "A mail is on its way. The answer is the same for an address that has an account."
	about.Members = append(about.Members, optional(text("flow", "A secret. Send it with the code, and the password of the sign-up counts.")))
	return &web.Doc{
		ID: "signUp", Tag: tag, Access: web.Public, Summary: "Sign up", Params: []string{"cookie"},
		Body:    object(email, optional(text("password", "")), optional(text("name", "")), optional(text("invitation", "The code of an invitation, if sign-up needs one."))),
		Answers: []web.Answer{sessionAnswer(), about}, Problems: []errs.Kind{errs.Malformed, errs.Invalid, errs.Forbidden},
	}
}

func verifyDoc() *web.Doc {
	return &web.Doc{
		ID: "verifyCode", Tag: tag, Access: web.Public, Summary: "Use a mailed code", Params: []string{"cookie"},
		About: "Makes the account of a sign-up, signs in, or confirms an address. A code works once.",
		Body: object(email, mailCode, optional(text("flow", "From the answer of the sign-up. Without it the password of the sign-up does not count.")),
			optional(text("password", "Of a sign-up, chosen again. Needed without the flow."))), Answers: []web.Answer{sessionAnswer()}, Problems: []errs.Kind{errs.Malformed, errs.Invalid},
	}
}

func signInDoc() *web.Doc {
	return &web.Doc{
		ID: "signIn", Tag: tag, Access: web.Public, Summary: "Sign in by password", Params: []string{"cookie"},
		About: "A wrong password, an unknown address and a suspended account get the same 401.",
		Body:  object(email, text("password", "")), Answers: []web.Answer{sessionAnswer()}, Problems: []errs.Kind{errs.Malformed, errs.Invalid, errs.Forbidden},
	}
}

func factorDoc() *web.Doc {
	return &web.Doc{
		ID: "proveFactor", Tag: tag, Access: web.Public, Summary: "Prove a second factor", Params: []string{"cookie"},
		Body:    object(text("flow", "From the answer of the first step."), optional(text("totp", "A code of the authenticator app.")), optional(text("recovery", "A recovery code.")), optional(credential)),
		Answers: []web.Answer{sessionAnswer()}, Problems: []errs.Kind{errs.Malformed, errs.Invalid},
	}
}

func codeDoc() *web.Doc {
	return &web.Doc{
		ID: "mailSignInCode", Tag: tag, Access: web.Public, Summary: "Mail a code to sign in", Body: object(email),
		Answers: []web.Answer{mailed()}, Problems: []errs.Kind{errs.Malformed, errs.Invalid},
	}
}

func refreshDoc() *web.Doc {
	return &web.Doc{
		ID: "refreshSession", Tag: tag, Access: web.Public, Summary: "Exchange a refresh token",
		About: "The token before the newest works until the newest was used. An older one ends the session.",
		Body:  object(text("refresh_token", "")), Answers: []web.Answer{sessionAnswer()}, Problems: []errs.Kind{errs.Malformed, errs.Invalid},
	}
}

func signOutDoc() *web.Doc {
	return &web.Doc{
		ID: "signOut", Tag: tag, Summary: "End the session", Params: []string{"all"}, About: "With all=true every session of the account ends.",
		Answers: done(), Problems: []errs.Kind{errs.Malformed},
	}
}

func meDoc() *web.Doc {
	return &web.Doc{
		ID: "getMe", Tag: tag, Summary: "The caller", Answers: []web.Answer{{Status: http.StatusOK, About: "Who asks.", Members: []web.Member{
			text("kind", "user, key or service"), text("id", ""), optional(text("email", "")), {Name: "roles", Type: web.TextsMember},
			{Name: "methods", Type: web.TextsMember}, {Name: "mfa", Type: web.BoolMember}, {Name: "since", Type: web.TimeMember, Optional: true, About: "The last proof."},
			optional(text("session", "")), optional(text("key", "")),
		}}},
	}
}

func deleteMeDoc() *web.Doc {
	return &web.Doc{
		ID: "deleteMe", Tag: tag, Summary: "Delete the account", About: "Deletes the row in users too, with all that the model deletes with it. Needs a recent proof.",
		Answers: done(), Problems: []errs.Kind{errs.Conflict},
	}
}

func sessionsDoc() *web.Doc {
	return &web.Doc{
		ID: "listSessions", Tag: tag, Summary: "The caller's sessions", Answers: []web.Answer{{Status: http.StatusOK, About: "All living sessions, the oldest first.", Members: []web.Member{
			{Name: "items", Type: web.ObjectsMember, Members: []web.Member{
				text("id", ""), {Name: "current", Type: web.BoolMember}, text("agent", ""), text("address", ""), {Name: "methods", Type: web.TextsMember},
				{Name: "mfa", Type: web.BoolMember}, {Name: "created_at", Type: web.TimeMember}, {Name: "seen_at", Type: web.TimeMember}, {Name: "ends_at", Type: web.TimeMember},
			}},
		}}},
	}
}

func endSessionDoc() *web.Doc {
	return &web.Doc{ID: "endSession", Tag: tag, Summary: "End one session", Answers: done(), Problems: []errs.Kind{errs.NotFound}}
}

func passwordDoc() *web.Doc {
	return &web.Doc{
		ID: "changePassword", Tag: tag, Summary: "Change the password", About: "Every other session ends.",
		Body: object(optional(text("old", "Required if the account has a password.")), text("new", "")), Answers: done(),
		Problems: []errs.Kind{errs.Malformed, errs.Invalid, errs.Conflict},
	}
}

func resetDoc() *web.Doc {
	return &web.Doc{
		ID: "mailResetCode", Tag: tag, Access: web.Public, Summary: "Mail a code to set a new password", Body: object(email),
		Answers: []web.Answer{mailed()}, Problems: []errs.Kind{errs.Malformed, errs.Invalid},
	}
}

func confirmResetDoc() *web.Doc {
	return &web.Doc{
		ID: "resetPassword", Tag: tag, Access: web.Public, Summary: "Set a new password with a mailed code", Params: []string{"cookie"}, About: "Every session ends.",
		Body: object(email, mailCode, text("password", "The new one.")), Answers: []web.Answer{sessionAnswer()}, Problems: []errs.Kind{errs.Malformed, errs.Invalid},
	}
}

func beginTOTPDoc() *web.Doc {
	return &web.Doc{
		ID: "beginTotp", Tag: tag, Summary: "Make a secret for an authenticator app", About: "It counts after it was confirmed. Needs a recent proof.",
		Answers: []web.Answer{{Status: http.StatusOK, About: "The secret.", Members: []web.Member{
			text("secret", "In base32."), text("uri", "For the app."), text("qr", "The URI as a QR code, an SVG."),
		}}}, Problems: []errs.Kind{errs.Forbidden, errs.Conflict},
	}
}

func confirmTOTPDoc() *web.Doc {
	return &web.Doc{
		ID: "confirmTotp", Tag: tag, Summary: "Confirm the authenticator app", About: "Every other session ends.",
		Body: object(text("code", "From the app.")), Answers: []web.Answer{{Status: http.StatusOK, About: "Codes for the day when the app is lost, shown this once.", Members: []web.Member{
			{Name: "recovery_codes", Type: web.TextsMember},
		}}}, Problems: []errs.Kind{errs.Malformed, errs.Invalid},
	}
}

func removeTOTPDoc() *web.Doc {
	return &web.Doc{ID: "removeTotp", Tag: tag, Summary: "Remove the authenticator app", Answers: done(), Problems: []errs.Kind{errs.NotFound}}
}

// keyMembers describes a key. shown adds the key itself.
func keyMembers(shown bool) []web.Member {
	members := []web.Member{
		text("id", ""), text("name", ""), text("prefix", "How the key begins."), {Name: "scopes", Type: web.TextsMember},
		{Name: "created_at", Type: web.TimeMember}, {Name: "expires_at", Type: web.AnyMember, About: "A time."}, {Name: "used_at", Type: web.AnyMember, About: "A time, or null."},
	}
	if shown {
		members = append(members, text("key", "The key itself, this once."))
	}
	return members
}

func makeKeyDoc() *web.Doc {
	return &web.Doc{
		ID: "createKey", Tag: tag, Summary: "Make an API key", About: "It acts for its owner, within its scopes. Needs a recent proof.",
		Body: object(text("name", ""), web.Member{Name: "scopes", Type: web.TextsMember, About: "Names of accounts.keys.scopes.", Optional: true},
			web.Member{Name: "expires_at", Type: web.TimeMember, Optional: true}),
		Answers: []web.Answer{{Status: http.StatusCreated, About: "The key.", Members: keyMembers(true)}}, Problems: []errs.Kind{errs.Malformed, errs.Invalid, errs.Conflict},
	}
}

func listKeysDoc() *web.Doc {
	return &web.Doc{ID: "listKeys", Tag: tag, Summary: "The caller's keys", Answers: []web.Answer{{Status: http.StatusOK, About: "All keys, the oldest first.", Members: []web.Member{
		{Name: "items", Type: web.ObjectsMember, Members: keyMembers(false)},
	}}}}
}

func endKeysDoc() *web.Doc {
	return &web.Doc{ID: "deleteKeys", Tag: tag, Summary: "Delete all keys", About: "Keys survive a new password. This ends them.", Answers: done()}
}

func endKeyDoc() *web.Doc {
	return &web.Doc{ID: "deleteKey", Tag: tag, Summary: "Delete a key", Answers: done(), Problems: []errs.Kind{errs.NotFound}}
}

func rotateKeyDoc() *web.Doc {
	return &web.Doc{
		ID: "rotateKey", Tag: tag, Path: "/auth/keys/{id}:rotate", Summary: "Replace a key", About: "The old key works for another day. Needs a recent proof.",
		Answers: []web.Answer{{Status: http.StatusCreated, About: "The new key.", Members: keyMembers(true)}}, Problems: []errs.Kind{errs.NotFound, errs.Conflict},
	}
}

func inviteDoc() *web.Doc {
	return &web.Doc{
		ID: "invite", Tag: tag, Summary: "Invite somebody", Body: object(email, web.Member{Name: "roles", Type: web.TextsMember, Optional: true}),
		Answers: []web.Answer{mailed()}, Problems: []errs.Kind{errs.Malformed, errs.Invalid, errs.Forbidden},
	}
}

func jwksDoc() *web.Doc {
	return &web.Doc{
		ID: "getKeySet", Tag: tag, Access: web.Public, Summary: "The keys that verify access tokens",
		Answers: []web.Answer{{Status: http.StatusOK, About: "A JWK Set (RFC 7517).", Type: "application/jwk-set+json", Members: []web.Member{
			{Name: "keys", Type: web.ObjectsMember, Members: []web.Member{text("kty", ""), text("crv", ""), text("kid", ""), text("x", ""), text("alg", ""), text("use", "")}},
		}}},
	}
}

// credential is what a browser makes of options.
var credential = web.Member{Name: "passkey", Type: web.AnyMember, About: "What the browser answered, as PublicKeyCredential.toJSON gives it."}
