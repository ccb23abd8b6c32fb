package webhooks

import (
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// tag is the group of the operations in the OpenAPI document.
var tag = web.Tag{Name: "webhooks", About: "See what was sent to endpoints, and send it again."}

// Paths that no pattern of http.ServeMux can say.
const (
	replayPath         = "/webhooks/{name}/deliveries/{id}" + replayVerb
	replayEndpointPath = "/webhooks/{name}/endpoints/{id}" + replayVerb
	secretPath         = "/webhooks/{name}/endpoints/{id}" + secretVerb
)

func optional(m web.Member) web.Member {
	m.Optional = true
	return m
}

func text(name, about string) web.Member {
	return web.Member{Name: name, Type: web.TextMember, About: about}
}

func deliveryMembers() []web.Member {
	return []web.Member{
		text("id", "Of the delivery."), text("message_id", "The header webhook-id. It stays over attempts and replays."), text("webhook", ""), text("event", "Such as orders.update."),
		text("endpoint", "Id of the endpoint's row."), text("row", "Id of the row that the message is about."),
		text("state", "waiting, held, sending, delivered or failed."), {Name: "attempts", Type: web.IntMember, About: "Since the last replay."},
		{Name: "created_at", Type: web.TimeMember}, optional(web.Member{Name: "next_at", Type: web.AnyMember, About: "Of the next attempt, or null."}),
		{Name: "tries", Type: web.ObjectsMember, About: "The last 20 attempts.", Members: []web.Member{
			{Name: "at", Type: web.TimeMember}, optional(web.Member{Name: "status", Type: web.IntMember, About: "Of the answer. Without it there was none."}),
			{Name: "ms", Type: web.IntMember, About: "How long the attempt took."}, optional(text("error", "")),
			optional(web.Member{Name: "trial", Type: web.BoolMember, About: "The endpoint was failing, and this asked whether it works again."}),
		}},
	}
}

func replayMembers() []web.Member {
	return []web.Member{{Name: "replayed", Type: web.IntMember}, {Name: "more", Type: web.BoolMember, About: "There may be others: ask again."}}
}

func keysDoc() *web.Doc {
	return &web.Doc{
		ID: "getWebhookKeys", Tag: tag, Access: web.Public, Summary: "Get the public keys of webhooks", About: "They verify the signatures with v1a, as a JSON Web Key Set.",
		Answers: []web.Answer{{Status: http.StatusOK, About: "The keys.", Type: "application/jwk-set+json", Members: []web.Member{{Name: "keys", Type: web.ObjectsMember, Members: []web.Member{
			text("kid", ""), text("kty", ""), text("crv", ""), text("x", ""), text("public_key", "The key as Standard Webhooks writes it."),
		}}}}},
	}
}

func listDoc() *web.Doc {
	return &web.Doc{
		ID: "listWebhookDeliveries", Tag: tag, Summary: "List deliveries, the newest first", About: "Of endpoints whose rows the caller may read.",
		Params: []string{"endpoint", "state", "before", "limit"},
		Answers: []web.Answer{{Status: http.StatusOK, About: "A page.", Members: []web.Member{
			{Name: "items", Type: web.ObjectsMember, Members: deliveryMembers()}, optional(web.Member{Name: "next", Type: web.AnyMember, About: "Path of the next page, or null."}),
		}}},
		Problems: []errs.Kind{errs.Malformed, errs.Forbidden, errs.NotFound},
	}
}

func getDoc() *web.Doc {
	return &web.Doc{
		ID: "getWebhookDelivery", Tag: tag, Summary: "Get a delivery", About: "With the body that is sent.",
		Answers:  []web.Answer{{Status: http.StatusOK, About: "The delivery.", Members: append(deliveryMembers(), web.Member{Name: "body", Type: web.AnyMember, About: "Of the message."})}},
		Problems: []errs.Kind{errs.NotFound},
	}
}

func replayDoc() *web.Doc {
	return &web.Doc{
		ID: "replayWebhookDelivery", Path: replayPath, Tag: tag, Summary: "Send a delivery again",
		About:    "With the same id and body. For callers who may change the endpoint's row.",
		Answers:  []web.Answer{{Status: http.StatusAccepted, About: "It is sent soon.", Members: replayMembers()}},
		Problems: []errs.Kind{errs.Forbidden, errs.NotFound, errs.Conflict, errs.Limited},
	}
}

func replayEndpointDoc() *web.Doc {
	return &web.Doc{
		ID: "replayWebhookEndpoint", Path: replayEndpointPath, Tag: tag, Summary: "Send many deliveries again",
		About: "At most 1,000, the oldest first. For callers who may change the endpoint's row.",
		Body: &web.Body{Types: []string{"application/json"}, Members: []web.Member{
			optional(web.Member{Name: "since", Type: web.TimeMember, About: "Deliveries since then."}),
			optional(web.Member{Name: "failed", Type: web.BoolMember, About: "Only the ones that were given up."}),
		}},
		Answers:  []web.Answer{{Status: http.StatusAccepted, About: "They are sent soon.", Members: replayMembers()}},
		Problems: []errs.Kind{errs.Malformed, errs.Forbidden, errs.NotFound, errs.Conflict, errs.TooLarge, errs.Unsupported, errs.Invalid, errs.Limited},
	}
}

func secretDoc() *web.Doc {
	return &web.Doc{
		ID: "newWebhookSecret", Path: secretPath, Tag: tag, Summary: "Give an endpoint a new secret",
		About:    "For a day the former secret signs too. Nobody can read a secret later.",
		Answers:  []web.Answer{{Status: http.StatusOK, About: "The secret.", Members: []web.Member{text("secret", "It begins with whsec_.")}}},
		Problems: []errs.Kind{errs.Forbidden, errs.NotFound},
	}
}
