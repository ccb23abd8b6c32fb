package delivery

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

const (
	messagesTable   = "ashlar_messages"
	deliveriesTable = "ashlar_deliveries"
	endpointsTable  = "ashlar_endpoints"
)

// The states of a delivery.
const (
	Waiting   = "waiting" // for its time, or for its endpoint
	Held      = "held"    // until an older one with the same value of order has ended
	Sending   = "sending"
	Delivered = "delivered"
	Failed    = "failed" // for good
)

func states() []string { return []string{Waiting, Held, Sending, Delivered, Failed} }

// The bounds of texts in characters.
const (
	maxName     = 100
	maxEndpoint = 200
	maxEvent    = 200
	maxRow      = 300
	maxOrder    = 200
	maxOnce     = 300
	maxSecret   = 200
)

// Tables is the fragment of system tables of this package.
//
// The id of a message is the id of the job that the write added. At next_at a delivery is sent, or it is taken from a sender
// that is gone. The row of an endpoint holds its breaker.
func Tables(*model.Model) []*model.Table {
	hook := text("webhook", maxName)
	messages := system.NewTable(messagesTable, model.UUID,
		hook, text("event", maxEvent), system.Optional(text("row_id", maxRow)), system.Timestamp("happened_at"), system.Text("body"),
	)
	of, endpoint := text("webhook", maxName), text("endpoint", maxEndpoint)
	state, nextAt := system.Enum("state", states()...), system.Timestamp("next_at")
	order := system.Optional(text("order_key", maxOrder))
	deliveries := system.NewTable(deliveriesTable, model.UUID,
		system.Ref("message", messages, model.Cascade), of, endpoint, state, nextAt, order,
		system.Timestamp("happened_at"), system.Int("attempts"), system.Optional(text("sender", maxName)),
		system.Optional(system.JSON("tries")), system.Unique(text("once", maxOnce)),
	)
	id := deliveries.ID()
	deliveries.Indexes = [][]*model.Field{{endpoint, state, nextAt}, {endpoint, order, state}, {endpoint, id}, {of, id}, {state, nextAt}}
	endpoints := system.NewTable(endpointsTable, model.Text, // the id is the key of the endpoint
		system.Enum("state", string(webhook.Active), string(webhook.Failing), string(webhook.Disabled)),
		system.Enum("shown", string(webhook.Active), string(webhook.Failing), string(webhook.Disabled)), // in the row of the model
		system.Int("failures"), system.Optional(system.Timestamp("since")), system.Int("trials"), system.Optional(system.Timestamp("not_before")),
		system.Optional(system.Timestamp("last_at")), system.Optional(system.Int("last_status")),
		system.Optional(text("former_secret", maxSecret)), system.Optional(system.Timestamp("former_until")),
		system.Optional(system.Timestamp("replay_at")),
	)
	return []*model.Table{messages, deliveries, endpoints}
}

func text(name string, most int64) *model.Field {
	return &model.Field{Name: name, Type: model.Text, Max: &most}
}
