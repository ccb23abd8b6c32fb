package work

import (
	"cmp"
	"context"
	"net/http"
	"net/url"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/web/console"
	"github.com/ashlar-dev/ashlar/internal/webhook/delivery"
)

// Webhooks deliver messages to endpoints. *delivery.Service is one.
type Webhooks interface {
	Endpoints(ctx context.Context, webhook, after string, most int) (all []delivery.Endpoint, next string, err error)
	List(ctx context.Context, who caller.Caller, q delivery.Query) (all []delivery.Delivery, more bool, err error)
	Replay(ctx context.Context, who caller.Caller, webhook, id string, also ...func(tx store.Tx) error) error
	ReplayEndpoint(ctx context.Context, who caller.Caller, webhook, endpoint string, which delivery.Which, also ...func(tx store.Tx) error) (replayed int, more bool, err error)
}

const webhooksPath = "/console/webhooks"

// The bounds of the pages.
const (
	mostEndpoints  = 100
	mostDeliveries = 50
)

// self is as whom the pages read deliveries. Operators see the ones to all endpoints.
func self() caller.Caller { return caller.System("console") }

// webhooksPage lists the endpoints of each webhook.
type webhooksPage struct{ Webhooks []webhookRow }

// A webhookRow is a webhook with its endpoints.
type webhookRow struct {
	Name      string
	Words     string // what the model says of it
	Endpoints []endpointRow
	More      string // address of the next endpoints; "": there are none
}

// An endpointRow is an endpoint. Its address may hold a secret, so the page shows the host alone.
type endpointRow struct {
	delivery.Endpoint
	Host   string
	Failed int64  // attempts since the last success
	Path   string // of its deliveries
}

func (p *pages) webhooks(q *console.Request) error {
	only, after := q.HTTP().URL.Query().Get("webhook"), q.HTTP().URL.Query().Get("after")
	var page webhooksPage
	for _, hook := range p.Model.Webhooks {
		if only != "" && hook.Name != only {
			continue
		}
		row := webhookRow{Name: hook.Name, Words: hook.String()}
		all, next, err := p.Webhooks.Endpoints(q.HTTP().Context(), hook.Name, after, mostEndpoints)
		if err != nil {
			return err
		}
		for _, e := range all {
			row.Endpoints = append(row.Endpoints, endpointRow{
				Endpoint: e, Host: hostOf(e.URL), Failed: int64(e.Failures), Path: addressOf(webhooksPath+"/"+url.PathEscape(hook.Name), url.Values{"endpoint": {e.ID}}),
			})
		}
		if next != "" {
			row.More = addressOf(webhooksPath, url.Values{"webhook": {hook.Name}, "after": {next}})
		}
		page.Webhooks = append(page.Webhooks, row)
	}
	return show(q, http.StatusOK, "Webhooks", "webhooks.html", page)
}

// hostOf returns the host of an address, for people.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// deliveriesPage lists what was sent to an endpoint, the newest first.
type deliveriesPage struct {
	Webhook, Endpoint string
	Host              string
	Tabs              []choice
	Deliveries        []delivery.Delivery
	Older             string // address of the older ones; "": there are none
	Action            string // of the forms
	May               bool
}

func (p *pages) deliveries(q *console.Request) error {
	hook, err := p.webhook(q)
	if err != nil {
		return err
	}
	values := q.HTTP().URL.Query()
	endpoint, state := values.Get("endpoint"), values.Get("state")
	all, more, err := p.Webhooks.List(q.HTTP().Context(), self(), delivery.Query{
		Webhook: hook.Name, Endpoint: endpoint, State: state, Before: values.Get("before"), Limit: mostDeliveries,
	})
	if err != nil {
		return err
	}
	base := webhooksPath + "/" + url.PathEscape(hook.Name)
	page := deliveriesPage{Webhook: hook.Name, Endpoint: endpoint, Deliveries: all, Action: addressOf(base, url.Values{"endpoint": {endpoint}}), May: mayChange(q)}
	for _, one := range []string{"", delivery.Waiting, delivery.Held, delivery.Delivered, delivery.Failed} {
		page.Tabs = append(page.Tabs, choice{
			Title: cmp.Or(one, "all"), Path: addressOf(base, url.Values{"endpoint": {endpoint}, "state": {one}}), Current: one == state,
		})
	}
	if more {
		page.Older = addressOf(base, url.Values{"endpoint": {endpoint}, "state": {state}, "before": {all[len(all)-1].ID}})
	}
	return show(q, http.StatusOK, "Deliveries of "+hook.Name, "deliveries.html", page)
}

// webhook returns the webhook in the path.
func (p *pages) webhook(q *console.Request) (*model.Webhook, error) {
	name := q.HTTP().PathValue("webhook")
	if hook := p.Model.Webhook(name); hook != nil {
		return hook, nil
	}
	return nil, errs.New(errs.NotFound, "there is no webhook %s", errs.Clip(name, 60))
}

// replay sends a delivery again, or all of an endpoint that failed.
func (p *pages) replay(q *console.Request) error {
	hook, err := p.webhook(q)
	if err != nil {
		return err
	}
	form, err := q.Form()
	if err != nil {
		return err
	}
	ctx, endpoint := q.HTTP().Context(), q.HTTP().URL.Query().Get("endpoint")
	noted := func(detail map[string]any) func(tx store.Tx) error {
		return func(tx store.Tx) error { return p.note(q, tx, "webhook.replayed", hook.Name, detail) }
	}
	switch id := form.Get("delivery"); {
	case id != "":
		err = p.Webhooks.Replay(ctx, self(), hook.Name, id, noted(map[string]any{"delivery": id}))
	case form.Get("do") == "failed":
		_, _, err = p.Webhooks.ReplayEndpoint(ctx, self(), hook.Name, endpoint, delivery.Which{Failed: true}, noted(map[string]any{"endpoint": endpoint}))
	default:
		err = errs.New(errs.Malformed, "a delivery is replayed, or all that failed")
	}
	if err != nil {
		return err
	}
	return q.Redirect(addressOf(webhooksPath+"/"+url.PathEscape(hook.Name), url.Values{"endpoint": {endpoint}, "done": {"replayed"}}))
}
