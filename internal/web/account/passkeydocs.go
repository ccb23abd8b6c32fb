package account

import (
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
)

func challengeAnswer(flow bool) []web.Answer {
	options := web.Member{Name: "options", Type: web.AnyMember, About: "For PublicKeyCredential.parseCreationOptionsFromJSON or parseRequestOptionsFromJSON."}
	members := []web.Member{options}
	if flow {
		members = []web.Member{text("flow", "Goes back with the answer. It works once."), options}
	}
	return []web.Answer{{Status: http.StatusOK, About: "What the browser needs.", Members: members}}
}

func passkeyMembers() []web.Member {
	return []web.Member{
		text("id", ""), text("name", ""), {Name: "backed_up", Type: web.BoolMember, About: "Other devices of the owner have it too."},
		{Name: "created_at", Type: web.TimeMember}, {Name: "used_at", Type: web.TimeMember, Optional: true},
	}
}

func beginPasskeyDoc() *web.Doc {
	return &web.Doc{
		ID: "beginPasskey", Tag: tag, Summary: "Begin to register a passkey", About: "Needs a proof from the last ten minutes, and the second factor if there is one.",
		Answers: challengeAnswer(true), Problems: []errs.Kind{errs.Forbidden, errs.Conflict},
	}
}

func finishPasskeyDoc() *web.Doc {
	codes := web.Member{Name: "recovery_codes", Type: web.TextsMember, Optional: true, About: "Only with the first second factor. They are shown this once."}
	return &web.Doc{
		ID: "registerPasskey", Tag: tag, Summary: "Register a passkey",
		About: "A passkey is a second factor too. With the first one, the other sessions end, and the access token must be refreshed.",
		Body:  object(text("flow", "From the beginning."), optional(text("name", "For the list.")), credential),
		Answers: []web.Answer{
			{Status: http.StatusCreated, About: "The passkey.", Members: append(passkeyMembers(), codes)},
		},
		Problems: []errs.Kind{errs.Malformed, errs.Invalid, errs.Forbidden, errs.Conflict},
	}
}

func listPasskeysDoc() *web.Doc {
	return &web.Doc{
		ID: "listPasskeys", Tag: tag, Summary: "The caller's passkeys", Answers: []web.Answer{{Status: http.StatusOK, About: "All passkeys, the oldest first.", Members: []web.Member{
			{Name: "items", Type: web.ObjectsMember, Members: passkeyMembers()},
		}}},
	}
}

func renamePasskeyDoc() *web.Doc {
	return &web.Doc{
		ID: "renamePasskey", Tag: tag, Summary: "Rename a passkey", Body: object(text("name", "At most 100 characters.")),
		Answers:  []web.Answer{{Status: http.StatusOK, About: "The passkey.", Members: passkeyMembers()}},
		Problems: []errs.Kind{errs.Malformed, errs.Invalid, errs.NotFound},
	}
}

func removePasskeyDoc() *web.Doc {
	return &web.Doc{
		ID: "deletePasskey", Tag: tag, Summary: "Delete a passkey", Answers: done(), Problems: []errs.Kind{errs.NotFound},
		About: "Needs a recent proof and the second factor. After the last factor, no session has one.",
	}
}

func beginPasskeySignInDoc() *web.Doc {
	return &web.Doc{
		ID: "beginPasskeySignIn", Tag: tag, Access: web.Public, Summary: "Begin a sign-in by passkey", About: "Needs no name: the passkey says who it is.",
		Answers: challengeAnswer(true), Problems: []errs.Kind{errs.Forbidden},
	}
}

func finishPasskeySignInDoc() *web.Doc {
	return &web.Doc{
		ID: "signInByPasskey", Tag: tag, Access: web.Public, Summary: "Sign in by passkey", Params: []string{"cookie"},
		About: "A passkey that was unlocked by a PIN or a finger counts as two factors.",
		Body:  object(text("flow", "From the beginning."), credential), Answers: []web.Answer{sessionAnswer()},
		Problems: []errs.Kind{errs.Malformed, errs.Invalid, errs.Unauthenticated, errs.Forbidden},
	}
}

func beginFactorDoc() *web.Doc {
	return &web.Doc{
		ID: "beginPasskeyFactor", Tag: tag, Access: web.Public, Summary: "Begin to prove a passkey as second factor",
		Body: object(text("flow", "From the answer of the first step.")), Answers: challengeAnswer(false), Problems: []errs.Kind{errs.Malformed, errs.Invalid, errs.Forbidden},
	}
}

func relatedOriginsDoc() *web.Doc {
	return &web.Doc{
		ID: "getRelatedOrigins", Tag: tag, Access: web.Public, Summary: "The pages that may ask for passkeys",
		Answers:  []web.Answer{{Status: http.StatusOK, About: "Related origins of WebAuthn.", Members: []web.Member{{Name: "origins", Type: web.TextsMember}}}},
		Problems: []errs.Kind{errs.NotFound},
	}
}
