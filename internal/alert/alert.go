// Package alert sends alerts to people and programs: by mail, to a webhook, or to an Alertmanager.
//
// The files form layers. From the top down:
//   - sender.go takes alerts, asks claims.go for the node that tells about them, and hands them to the targets.
//   - target.go holds the queue of one target, and tries again.
//   - webhook.go and alertmanager.go write messages, post.go sends them.
//   - alert.go declares alerts and the configuration.
package alert

import (
	"context"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// An Alert is something that people should know, or its end.
type Alert struct {
	Key      string // names the alert on all nodes, also when it fires again: api/available/page
	Severity string // page or ticket
	Summary  string // one sentence
	Firing   bool
	Since    time.Time // when it began
	At       time.Time // of this event
	Labels   map[string]string
	Details  []Detail
}

// A Detail is one fact about an alert.
type Detail struct{ Name, Value string }

// Config configures a Sender. App, Node and Rows are required.
type Config struct {
	App    string
	Node   string
	Rows   *record.DB                                               // has the table of Tables
	Mail   func(ctx context.Context, address string, a Alert) error // nil: targets with an address get nothing
	Egress *outbound.Egress                                         // default: one without settings
	Jobs   *telemetry.Jobs                                          // get the record of each attempt; nil: none
	Logger *slog.Logger                                             // default: no log
	Now    func() time.Time                                         // default: time.Now
}

const (
	maxWaiting = 100         // alerts before their decision, and at each target
	beatPause  = time.Minute // between two signs of an alert that fires
)
