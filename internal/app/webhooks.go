package app

import (
	"cmp"
	"context"

	"github.com/ashlar-dev/ashlar/internal/alert"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
	webwebhooks "github.com/ashlar-dev/ashlar/internal/web/webhooks"
	"github.com/ashlar-dev/ashlar/internal/webhook"
	"github.com/ashlar-dev/ashlar/internal/webhook/delivery"
)

// openWebhooks makes the queue do the messages and deliveries of webhooks. It comes after openActions.
func (a *App) openWebhooks() {
	if len(a.Rules.Model.Webhooks) == 0 {
		return
	}
	targets := map[string]*model.Target{}
	for _, hook := range a.Rules.Model.Webhooks {
		if target := a.targets[hook.Name]; target != nil {
			targets[hook.Name] = target
		}
	}
	a.webhooks = delivery.New(delivery.Config{
		Model: a.Rules.Model, Targets: targets, Store: a.Store, Rows: a.Rows, Queue: a.work, Egress: a.egress,
		Key:      webhook.NewKeyFromSeed(a.Keys.Derive("webhooks")),
		User:     a.accounts.service.ForJobIn,
		Disabled: a.tellDisabled, Logger: a.cfg.Logger, Now: a.cfg.Now,
	})
	a.services = append(a.services, service{"webhooks", a.webhooks})
}

// webhookRoutes returns the routes of webhooks, none for a model without them.
func (a *App) webhookRoutes() []web.Route {
	if a.webhooks == nil {
		return nil
	}
	return webwebhooks.New(a.webhooks).Routes()
}

// checkValue refuses values of bodies that a server could not work with: addresses and secrets of endpoints.
func (a *App) checkValue(field *model.Field, v value.Value) error {
	if field.Name != "url" && field.Name != "secret" {
		return nil
	}
	for _, hook := range a.Rules.Model.Webhooks {
		if hook.To == field.Table {
			return delivery.CheckEndpoint(a.egress, field, v)
		}
	}
	return nil
}

// disabledLetter is the kind of a letter about an endpoint that was disabled.
const disabledLetter = "webhook-disabled"

// endpointTemplate is its template.
const endpointTemplate = "endpoint"

// tellDisabled tells the owner of an endpoint that it was disabled, and the operators if nobody knows the owner.
func (a *App) tellDisabled(_ context.Context, tx *record.Tx, notice delivery.Notice) (after func(), err error) {
	if notice.Owner != "" && mail.CheckAddress(notice.Owner) == nil {
		letter := mail.Letter{Kind: disabledLetter, To: notice.Owner, Data: map[string]string{
			"webhook": notice.Webhook, "host": notice.Host, "table": notice.Table, "id": notice.ID, "why": whyDisabled(notice),
		}}
		return nil, a.accounts.outbox.Queue(tx, letter)
	}
	return func() {
		if a.alerts == nil {
			return
		}
		now := a.cfg.Now()
		a.alerts.Send(alert.Alert{
			Key: "webhook/" + notice.Webhook + "/" + notice.ID, Severity: "ticket", Firing: true, Since: now, At: now,
			Summary: "An endpoint of the webhook " + notice.Webhook + " was disabled: " + whyDisabled(notice) + ".",
			Details: []alert.Detail{{Name: "endpoint", Value: cmp.Or(notice.ID, notice.Webhook)}, {Name: "host", Value: notice.Host}},
		})
	}, nil
}

func whyDisabled(notice delivery.Notice) string {
	if notice.Gone {
		return "it answered 410, which says that it wants no more messages"
	}
	return "no message has arrived there for five days"
}

// composeDisabled says what a letter about a disabled endpoint says.
func composeDisabled(l mail.Letter) (mail.Message, bool, error) {
	details := []string{
		"webhook: " + l.Data["webhook"], "host: " + l.Data["host"], "endpoint: " + l.Data["table"] + " " + l.Data["id"],
		"what to do: mend the receiver, set the state of the endpoint to active, and replay what has failed",
	}
	return mail.Message{Template: endpointTemplate, Data: mail.Data{Alert: mail.Alert{
		Summary: "Your webhook endpoint was disabled: " + l.Data["why"] + ".", Details: details,
	}}}, true, nil
}
