// Package webhooks serves the deliveries of webhooks over HTTP: owners of endpoints list them, and replay some.
package webhooks

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/webhook/delivery"
)

// A Handler serves the routes of webhooks.
type Handler struct{ service *delivery.Service }

// New returns the handlers for a service.
func New(service *delivery.Service) *Handler { return &Handler{service} }

// The verbs at the end of a path.
const (
	replayVerb = ":replay"
	secretVerb = ":secret"
)

// keySetPath is where receivers find the keys of the server.
const keySetPath = "/.well-known/webhook-keys.json"

// Routes returns the routes. Paths with a verb are described apart, because no pattern of http.ServeMux can say them.
func (h *Handler) Routes() []web.Route {
	routes := []web.Route{{Pattern: "GET " + keySetPath, Handler: h.keys, Doc: keysDoc()}}
	hasTable := false
	for _, hook := range h.service.Webhooks() {
		hasTable = hasTable || hook.To != nil
	}
	if !hasTable {
		return routes
	}
	return append(routes,
		web.Route{Pattern: "GET /webhooks/{name}/deliveries", Handler: h.list, Doc: listDoc()},
		web.Route{Pattern: "GET /webhooks/{name}/deliveries/{id}", Handler: h.get, Doc: getDoc()},
		web.Route{Pattern: "POST /webhooks/{name}/deliveries/{idAndVerb}", Handler: h.replay},
		web.Route{Pattern: "POST " + replayPath, Doc: replayDoc()},
		web.Route{Pattern: "POST /webhooks/{name}/endpoints/{idAndVerb}", Handler: h.change},
		web.Route{Pattern: "POST " + replayEndpointPath, Doc: replayEndpointDoc()},
		web.Route{Pattern: "POST " + secretPath, Doc: secretDoc()},
	)
}

// keysAge is for how long receivers may keep the keys. A new key is published for longer than that before it signs.
const keysAge = 5 * time.Minute

// keys serves the public keys.
func (h *Handler) keys(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(int(keysAge.Seconds())))
	return web.Bytes(w, http.StatusOK, "application/jwk-set+json", h.service.KeySet())
}

// usualLimit is how many deliveries a list has without limit.
const usualLimit = 50

// list serves GET /webhooks/{name}/deliveries.
func (h *Handler) list(w http.ResponseWriter, r *http.Request) error {
	q := delivery.Query{Webhook: r.PathValue("name"), Limit: usualLimit}
	params, err := web.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for _, p := range params {
		switch p.Name {
		case "endpoint":
			q.Endpoint = p.Value
		case "state":
			q.State = p.Value
		case "before":
			q.Before = p.Value
		case "limit":
			if q.Limit, err = strconv.Atoi(p.Value); err != nil {
				return errs.New(errs.Malformed, "limit must be from 1 to %d", delivery.MostListed)
			}
		default:
			return errs.New(errs.Malformed, "there is no parameter %s: endpoint, state, before and limit are the ones", errs.Clip(p.Name, 60))
		}
	}
	found, more, err := h.service.List(r.Context(), web.Caller(r), q)
	if err != nil {
		return err
	}
	out := struct {
		Items []item  `json:"items"`
		Next  *string `json:"next"` // the path of the next page
	}{Items: []item{}}
	for i := range found {
		out.Items = append(out.Items, itemOf(&found[i]))
	}
	if more {
		next := url.Values{"before": {found[len(found)-1].ID}, "limit": {strconv.Itoa(q.Limit)}}
		if q.Endpoint != "" {
			next.Set("endpoint", q.Endpoint)
		}
		if q.State != "" {
			next.Set("state", q.State)
		}
		path := "/webhooks/" + q.Webhook + "/deliveries?" + next.Encode()
		out.Next = &path
	}
	return answer(w, http.StatusOK, out)
}

// item is a delivery as its owner sees it.
type item struct {
	ID       string          `json:"id"`
	Message  string          `json:"message_id"`
	Webhook  string          `json:"webhook"`
	Event    string          `json:"event"`
	Endpoint string          `json:"endpoint"`
	Row      string          `json:"row"`
	State    string          `json:"state"`
	Attempts int             `json:"attempts"`
	Created  time.Time       `json:"created_at"`
	NextAt   *time.Time      `json:"next_at"`
	Tries    []delivery.Try  `json:"tries"`
	Body     json.RawMessage `json:"body,omitempty"`
}

func itemOf(d *delivery.Delivery) item {
	out := item{
		ID: d.ID, Message: d.Message, Webhook: d.Webhook, Event: d.Event, Endpoint: d.Endpoint, Row: d.Row, State: d.State, Attempts: d.Attempts,
		Created: d.Created, Tries: d.Tries, Body: d.Body,
	}
	if out.Tries == nil {
		out.Tries = []delivery.Try{}
	}
	if !d.NextAt.IsZero() {
		out.NextAt = &d.NextAt
	}
	return out
}

// get serves GET /webhooks/{name}/deliveries/{id}.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) error {
	d, err := h.service.Get(r.Context(), web.Caller(r), r.PathValue("name"), r.PathValue("id"))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, itemOf(&d))
}

// replay serves POST /webhooks/{name}/deliveries/{id}:replay.
func (h *Handler) replay(w http.ResponseWriter, r *http.Request) error {
	id, ok := strings.CutSuffix(r.PathValue("idAndVerb"), replayVerb)
	if !ok {
		return errs.New(errs.NotFound, "there is nothing at this path: a delivery is replayed at %s", replayPath)
	}
	if err := h.service.Replay(r.Context(), web.Caller(r), r.PathValue("name"), id); err != nil {
		return err
	}
	return answer(w, http.StatusAccepted, replays{Replayed: 1})
}

// change serves POST /webhooks/{name}/endpoints/{id} with a verb.
func (h *Handler) change(w http.ResponseWriter, r *http.Request) error {
	name, last := r.PathValue("name"), r.PathValue("idAndVerb")
	if id, ok := strings.CutSuffix(last, secretVerb); ok {
		secret, err := h.service.NewSecret(r.Context(), web.Caller(r), name, id)
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "no-store")
		return answer(w, http.StatusOK, struct {
			Secret string `json:"secret"`
		}{secret})
	}
	id, ok := strings.CutSuffix(last, replayVerb)
	if !ok {
		return errs.New(errs.NotFound, "there is nothing at this path: an endpoint has %s and %s", replayVerb, secretVerb)
	}
	which, err := readWhich(w, r)
	if err != nil {
		return err
	}
	replayed, more, err := h.service.ReplayEndpoint(r.Context(), web.Caller(r), name, id, which)
	if err != nil {
		return err
	}
	return answer(w, http.StatusAccepted, replays{replayed, more})
}

type replays struct {
	Replayed int  `json:"replayed"`
	More     bool `json:"more"`
}

// maxBody bounds the body of a replay in bytes.
const maxBody = 4096

// readWhich reads what to replay.
func readWhich(w http.ResponseWriter, r *http.Request) (which delivery.Which, err error) {
	text, err := web.ReadBody(w, r, maxBody, "application/json")
	if err != nil {
		return which, err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	var body struct {
		Since  *time.Time `json:"since"`
		Failed bool       `json:"failed"`
	}
	if err := decoder.Decode(&body); err != nil {
		if _, ok := errors.AsType[*json.SyntaxError](err); ok {
			return which, errs.New(errs.Malformed, "the body is no JSON")
		}
		return which, errs.New(errs.Invalid, `the body must be like {"since": "2026-01-31T08:00:00Z"} or {"failed": true}`)
	}
	if body.Since != nil {
		which.Since = *body.Since
	}
	which.Failed = body.Failed
	return which, nil
}

func answer(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return web.JSON(w, status, text)
}
