package account

import (
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
)

func providersDoc() *web.Doc {
	return &web.Doc{
		ID: "listProviders", Tag: tag, Access: web.Public, Summary: "The providers at which users may sign in",
		Answers: []web.Answer{{Status: http.StatusOK, About: "All providers, in the order of the model.", Members: []web.Member{
			{Name: "items", Type: web.ObjectsMember, Members: []web.Member{text("name", "Part of the addresses."), text("title", "For people.")}},
		}}},
	}
}

func departDoc() *web.Doc {
	return &web.Doc{
		ID: "beginProviderSignIn", Tag: tag, Access: web.Public, Summary: "Send a browser to a provider", Params: []string{"cookie", "link"},
		About: "A link of a page, not a call of a script. The parameter redirect says where the browser goes in the end: a path, or an address " +
			"of an origin that the app trusts. The session is then in a cookie. With link=true a caller with a session in a cookie adds the account there: the flow that waits goes to POST /auth/oidc/link.",
		Answers:  []web.Answer{{Status: http.StatusSeeOther, About: "The address at the provider."}},
		Problems: []errs.Kind{errs.Malformed, errs.NotFound, errs.Unavailable},
	}
}

// arriveAnswers describes where a browser comes to from a provider.
func arriveAnswers() []web.Answer {
	session := sessionAnswer()
	session.About = "A session, if no redirect was given. Or status is factor or link, with a flow to send on."
	return []web.Answer{session, {Status: http.StatusSeeOther, About: "The redirect. A flow that waits is in the fragment, and so is an error."}}
}

func arriveProblems() []errs.Kind {
	return []errs.Kind{errs.Unauthenticated, errs.Forbidden, errs.NotFound, errs.Conflict, errs.Unavailable}
}

func arriveDoc() *web.Doc {
	return &web.Doc{
		ID: "endProviderSignIn", Tag: tag, Access: web.Public, Summary: "Take a browser back from a provider",
		About: "The provider sends the browser here, with state, code and iss or error.", Answers: arriveAnswers(), Problems: arriveProblems(),
	}
}

func arriveByFormDoc() *web.Doc {
	form := &web.Body{Types: []string{"application/x-www-form-urlencoded"}, Members: []web.Member{
		text("state", ""), optional(text("code", "")), optional(text("iss", "")), optional(text("error", "")),
	}}
	return &web.Doc{
		ID: "endProviderSignInByForm", Tag: tag, Access: web.Public, Summary: "Take a browser back from a provider that posts a form",
		About: "Apple does.", Body: form, Answers: arriveAnswers(), Problems: append(arriveProblems(), errs.Malformed),
	}
}

func linkDoc() *web.Doc {
	return &web.Doc{
		ID: "linkProvider", Tag: tag, Summary: "Link a user of a provider with the account", About: "Needs a proof from the last ten minutes.",
		Body: object(text("flow", "From the callback.")), Answers: done(), Problems: []errs.Kind{errs.Malformed, errs.Invalid, errs.Conflict},
	}
}

func linkMembers() []web.Member {
	return []web.Member{
		text("id", ""), optional(text("provider", "Name in the model. Not there for an issuer of tokens alone.")), text("issuer", ""),
		text("title", "For people."), optional(text("email", "What the provider said last.")),
		{Name: "created_at", Type: web.TimeMember}, {Name: "used_at", Type: web.TimeMember},
	}
}

func listLinksDoc() *web.Doc {
	return &web.Doc{
		ID: "listLinks", Tag: tag, Summary: "The accounts elsewhere that open the caller's account",
		Answers: []web.Answer{{Status: http.StatusOK, About: "All links, the oldest first.", Members: []web.Member{
			{Name: "items", Type: web.ObjectsMember, Members: linkMembers()},
		}}},
	}
}

func linkTokenDoc() *web.Doc {
	return &web.Doc{
		ID: "linkToken", Tag: tag, Summary: "Link the subject of an access token with the account",
		About:    "The token is of an issuer that the model names. From then on its tokens act for the account. Needs a proof from the last ten minutes.",
		Body:     object(text("token", "An access token of the issuer.")),
		Answers:  []web.Answer{{Status: http.StatusCreated, About: "The link.", Members: linkMembers()}},
		Problems: []errs.Kind{errs.Malformed, errs.Invalid, errs.Forbidden, errs.Conflict, errs.Unavailable},
	}
}

func removeLinkDoc() *web.Doc {
	return &web.Doc{
		ID: "deleteLink", Tag: tag, Summary: "Remove a link with an account elsewhere", Answers: done(), Problems: []errs.Kind{errs.NotFound, errs.Conflict},
		About: "Needs a recent proof and the second factor. Sessions that began at a provider end. The last way to sign in stays: 409.",
	}
}
