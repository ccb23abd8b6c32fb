package load

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const maxWebhooks = 100

func webhookKeys() []string {
	return []string{"on", "when", "send", "as", "to", "secret", "order"}
}

// readWebhooks reads the key webhooks. Webhooks and jobs share their names, because a delivery is a job.
func (l *loader) readWebhooks(value *node) {
	if value.kind == null || !l.isObject(value, "webhooks") {
		return
	}
	if len(value.members) > maxWebhooks {
		l.fault(value.members[maxWebhooks].pos, "there are %d webhooks, but at most %d are allowed", len(value.members), maxWebhooks)
		return
	}
	for _, declared := range value.members {
		if !l.checkName(declared.pos, "webhook", declared.name) {
			continue
		}
		if job := l.model.Job(declared.name); job != nil {
			l.fault(declared.pos, "the job in %s, line %d, has the name %s already: jobs and webhooks share their names", job.Pos.File, job.Pos.Line, job.Name)
			continue
		}
		if kind := declared.value.kind; kind != object {
			if kind != invalid {
				l.fault(declared.value.pos, "the webhook %s must be a group of keys such as {on: %s, to: endpoints}, not %s", declared.name, l.anEvent(), kind)
			}
			continue
		}
		l.readWebhook(declared)
	}
	if len(l.model.Webhooks) > 0 && l.model.Queue(model.WebhookQueue) == nil {
		l.model.Queues = append(l.model.Queues, model.UsualQueue(model.WebhookQueue))
	}
}

func (l *loader) readWebhook(declared member) {
	webhook := &model.Webhook{Name: declared.name, Pos: declared.pos}
	value := declared.value
	keys := l.known(value, "the webhook "+webhook.Name, webhookKeys())
	faults := len(l.faults)
	if on := value.get("on"); on != nil {
		webhook.On = l.readEvents(on)
	}
	tables := model.EventTables(webhook.On)
	unreadable := len(l.faults) > faults || len(tables) == 0 || slices.ContainsFunc(tables, l.isUnreadable)
	for _, key := range keys {
		switch key.name {
		case "when":
			webhook.When = l.readExpr(key.value, "when")
		case "send":
			webhook.Send = l.readWebhookSend(webhook, key, unreadable)
		case "as":
			webhook.As = l.readCaller(key, tables, unreadable)
		case "to":
			l.readWebhookTo(webhook, key)
		case "secret":
			webhook.Secret = l.readSecret(key)
		case "order":
			webhook.Order = l.readOrder(key.value, tables, unreadable)
		}
	}
	l.checkWebhook(webhook, declared)
	if l.require(value, declared.pos, "the webhook "+webhook.Name, "on", "to") && len(webhook.On) > 0 && (webhook.To != nil || webhook.URL.Given()) {
		l.model.Webhooks = append(l.model.Webhooks, webhook)
	}
}

func (l *loader) readWebhookSend(webhook *model.Webhook, send member, unreadable bool) []string {
	switch {
	case unreadable:
		return nil
	case onlyDeletes(webhook.On):
		l.fault(send.pos, "a deleted row cannot be read, so only its id is sent: remove send")
		return nil
	}
	return l.readSend(send.value, model.EventTables(webhook.On))
}

func (l *loader) readOrder(value *node, tables []*model.Table, unreadable bool) string {
	name, ok := l.readText(value, "order")
	if !ok || unreadable {
		return ""
	}
	if problem := keyProblem(tables, name); problem != "" {
		l.fault(value.pos, "messages cannot be ordered by %s: %s", quote(name), problem)
		return ""
	}
	return name
}

// checkWebhook reports keys that do not go together.
func (l *loader) checkWebhook(webhook *model.Webhook, declared member) {
	send, as, secret := declared.value.get("send"), declared.value.get("as"), declared.value.get("secret")
	switch {
	case send != nil && as == nil && !declared.value.incomplete:
		l.fault(keyOf(declared.value, send).pos, "the webhook %s sends fields of rows, so its rights must be said: add as: system, or the roles that it has, such as as: {roles: [%s]}",
			webhook.Name, l.aRole(""))
	case send == nil && as != nil:
		l.fault(keyOf(declared.value, as).pos, "only the id is sent, which needs no rights: remove as, or add send")
	}
	if secret != nil && webhook.To != nil {
		l.fault(keyOf(declared.value, secret).pos, "each row of %s has a secret of its own: remove secret", webhook.To.Name)
	}
}

// readWebhookTo reads a table of endpoints, or the URL of one.
func (l *loader) readWebhookTo(webhook *model.Webhook, to member) {
	source, ok := l.readText(to.value, "to")
	if !ok {
		return
	}
	if strings.Contains(source, ":") || strings.HasPrefix(source, "$") || strings.Contains(source, "/") {
		webhook.URL = l.readTargetURL(to, model.CheckWebhook)
		return
	}
	table := l.model.Table(source)
	switch {
	case table == nil && l.missing:
	case table == nil:
		l.noTable(to.value.pos, source)
	case table.View != nil:
		l.fault(to.value.pos, "%s is a view: endpoints are rows of a table, whose state the server writes", source)
	case l.isUnreadable(table):
	default:
		if problem := endpointProblem(table); problem != "" {
			l.fault(to.value.pos, "the rows of %s are no endpoints: %s", source, problem)
			return
		}
		webhook.To = table
	}
}

// endpointStates are the values that the state of an endpoint must have.
func endpointStates() []string { return []string{"active", "failing", "disabled"} }

// endpointProblem returns what a table lacks whose rows are endpoints, or "".
func endpointProblem(table *model.Table) string {
	var missing []string
	for _, needed := range []struct{ name, declaration string }{
		{"url", "url: {type: text, format: url, max: 2000}"},
		{"events", "events: {type: json, optional: true}"},
		{"secret", "secret: {type: text, secret: true, optional: true}"},
		{"state", "state: {type: enum, values: [active, failing, disabled], default: active}"},
	} {
		if table.Field(needed.name) == nil {
			missing = append(missing, needed.declaration)
		}
	}
	if len(missing) > 0 {
		return "add " + sentence(missing)
	}
	url, events, secret, state := table.Field("url"), table.Field("events"), table.Field("secret"), table.Field("state")
	isMissing := func(value string) bool { return !state.HasValue(value) }
	switch {
	case slices.ContainsFunc([]*model.Field{url, events, secret, state}, func(field *model.Field) bool { return field.Type == model.Invalid }):
		return ""
	case url.Type != model.Text || url.Format != "url" || url.Optional || url.Secret:
		return "url must be a required text of the format url"
	case events.Type != model.JSON && events.Type != model.Enum:
		return "events must be json, for a list such as [orders.create], or an enum"
	case secret.Type != model.Text || !secret.Secret || !secret.Optional:
		return "secret must be a text with secret: true and optional: true, because the server makes it"
	case state.Type != model.Enum || slices.ContainsFunc(endpointStates(), isMissing):
		return "state must be an enum with the values " + sentence(endpointStates())
	}
	return ""
}
