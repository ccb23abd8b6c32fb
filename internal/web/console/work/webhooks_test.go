package work_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/webhook"
	"github.com/ashlar-dev/ashlar/internal/webhook/delivery"
)

// hooks are webhooks with made-up endpoints.
type hooks struct {
	db       store.DB
	replayed []string
}

func (*hooks) Endpoints(_ context.Context, _, after string, _ int) ([]delivery.Endpoint, string, error) {
	if after != "" {
		return []delivery.Endpoint{{ID: "e-3", URL: "https://third.example/", State: webhook.Active}}, "", nil
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return []delivery.Endpoint{
		{ID: "e-1", URL: "https://one.example/hook?token=hidden", State: webhook.Active, LastAt: at, LastStatus: 204},
		{ID: "<b>", URL: "https://two.example/", State: webhook.Failing, Failures: 7, Since: at, LastAt: at, LastStatus: 500, NotBefore: at, Waiting: 12},
	}, "e-2", nil
}

func (*hooks) List(_ context.Context, who caller.Caller, q delivery.Query) ([]delivery.Delivery, bool, error) {
	if !who.IsSystem() || q.Limit > delivery.MostListed {
		return nil, false, errs.New(errs.Forbidden, "not for %s", who)
	}
	try := delivery.Try{At: time.Now(), Status: 500, Millis: 31, Error: "the receiver <i>answered</i> 500"}
	all := []delivery.Delivery{
		{ID: "d-2", Message: "m-2", Event: "notes.create", Row: "42", State: delivery.Failed, Created: time.Now(), Tries: []delivery.Try{try}},
		{ID: "d-1", Message: "m-1", Event: "notes.create", Row: "41", State: delivery.Sending, Created: time.Now()},
	}
	return all, q.Before == "", nil
}

func (h *hooks) note(what string, also []func(tx store.Tx) error) error {
	h.replayed = append(h.replayed, what)
	return h.db.Write(context.Background(), func(tx store.Tx) error { return also[0](tx) })
}

func (h *hooks) Replay(_ context.Context, _ caller.Caller, webhook, id string, also ...func(tx store.Tx) error) error {
	return h.note(webhook+" "+id, also)
}

func (h *hooks) ReplayEndpoint(_ context.Context, _ caller.Caller, webhook, endpoint string, which delivery.Which, also ...func(tx store.Tx) error) (int, bool, error) {
	if !which.Failed {
		return 0, false, errs.New(errs.Invalid, "not all")
	}
	return 1, false, h.note(webhook+" all of "+endpoint, also)
}

func TestWebhooks(t *testing.T) {
	w := newWorld(t, accounttest.Engines()[0])
	v := w.operator("operator")
	page := v.get("/console/webhooks", 200, "changes", "one.example", "two.example", "failing", "7 failures in a row", "&lt;b&gt;", "More endpoints", "<code>204</code>")
	if strings.Contains(page, "hidden") || strings.Contains(page, "<b></small>") {
		t.Error("the page shows the secret of an address, or markup of an id")
	}
	v.get("/console/webhooks?webhook=changes&after=e-2", 200, "third.example")
	v.get("/console/webhooks/changes?endpoint=e-1", 200, "notes.create", "the receiver &lt;i&gt;answered&lt;/i&gt; 500", "31 ms", "Replay notes.create of 42", "Older deliveries", "Replay all that failed")
	v.get("/console/webhooks/none", 404)
	v.post("/console/webhooks/changes?endpoint=e-1", 303, url.Values{"delivery": {"d-2"}})
	v.post("/console/webhooks/changes?endpoint=e-1", 303, url.Values{"do": {"failed"}})
	v.post("/console/webhooks/changes?endpoint=e-1", 400, url.Values{"do": {"x"}})
	if got := strings.Join(w.hooks.replayed, ", "); got != "changes d-2, changes all of e-1" {
		t.Errorf("replayed: %s", got)
	}
	viewer := w.operator("viewer")
	viewer.get("/console/webhooks", 200, "one.example")
	if page := viewer.get("/console/webhooks/changes?endpoint=e-1", 200); strings.Contains(page, "Replay") {
		t.Error("a viewer is offered a replay")
	}
	viewer.post("/console/webhooks/changes?endpoint=e-1", 403, url.Values{"delivery": {"d-2"}})
}
