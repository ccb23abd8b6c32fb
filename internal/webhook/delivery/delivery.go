// Package delivery sends the messages of webhooks to their endpoints.
//
// A write adds one job for each message, in its own transaction. That job stores the message, and one delivery for each
// endpoint that wants the event. Each delivery has a job of its own, which only says that there is work for the endpoint: it
// sends whatever is due there, the oldest first. So a job that is lost or done twice neither loses a message nor repeats one.
//
// The files form layers. From the top down:
//   - delivery.go makes the Service. list.go, replay.go and secret.go serve people, sweep.go keeps the tables.
//   - message.go stores messages and deliveries, payload.go reads the row of a message.
//   - pump.go does the job of a delivery: it takes a delivery, sends it and records the outcome (record.go).
//   - send.go sends one message. endpoint.go reads endpoints and keeps their breakers.
//   - table.go declares the tables, statements.go has the statements.
package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// Config holds what a Service needs. Logger and Now may be missing.
type Config struct {
	Model   *model.Model
	Targets map[string]*model.Target // of webhooks with one URL, by name: see model.ResolveTargets
	Store   store.DB
	Rows    *record.DB
	Queue   *job.Queue
	Egress  *outbound.Egress
	Key     webhook.SigningKey // of the server, an ed25519 key

	// User returns a user as whom a webhook acts, or an error of the kind errs.Forbidden for one who may do nothing now. nil:
	// users have no roles.
	User func(tx store.Tx, id string) (caller.Caller, error)

	// Disabled tells somebody that an endpoint gets nothing any more, in the transaction that disables it. After runs after
	// the commit, if Disabled returned it.
	Disabled func(ctx context.Context, tx *record.Tx, notice Notice) (after func(), err error)

	Logger *slog.Logger     // nil: no log
	Now    func() time.Time // nil: time.Now

	timeout time.Duration // of a request; tests shorten it
	slice   time.Duration // for which one job goes on; tests shorten it
	random  func() float64
}

// A Notice says which endpoint was disabled.
type Notice struct {
	Webhook, Table, ID, Host string
	Owner                    string // address of the mail of the user to whom the row refers; "" if it is not known
	Gone                     bool   // the receiver answered 410
	Since                    time.Time
}

const (
	// requestTime is how long a receiver may take for its answer. The specification names 15 to 30 seconds.
	requestTime = 20 * time.Second

	// sliceTime is how long one job sends what is due. Then another job goes on, so that all endpoints take turns.
	sliceTime = 10 * time.Second

	// AtOnce is how many messages are on their way to an endpoint at once.
	AtOnce = 4

	// hostConns bounds the connections to one host. Many endpoints may be at one host.
	hostConns = 64

	jobName = "webhook delivery"
)

// A Service sends webhooks. It is safe for concurrent use.
type Service struct {
	cfg     Config
	sql     *statements
	clients struct{ given, public *http.Client }
	tally   tally
}

type tally struct{ delivered, failed, givenUp, disabled atomic.Int64 }

// Stats count what this process did.
type Stats struct {
	Delivered int64
	Failed    int64 // attempts
	GivenUp   int64 // deliveries
	Disabled  int64 // endpoints
}

// New returns a Service, and makes the queue do its jobs.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.timeout == 0 {
		cfg.timeout = requestTime
	}
	if cfg.slice == 0 {
		cfg.slice = sliceTime
	}
	if cfg.random == nil {
		cfg.random = rand.Float64
	}
	s := &Service{cfg: cfg, sql: statementsOf(cfg.Store.Dialect())}
	var given []string
	for _, target := range cfg.Targets {
		if to, err := url.Parse(string(target.URL.Value)); err == nil {
			given = append(given, outbound.GivenHost(to))
		}
	}
	slices.Sort(given)
	s.clients.given = cfg.Egress.Client(outbound.Use{Given: slices.Compact(given), Timeout: cfg.timeout, MaxConns: hostConns})
	s.clients.public = cfg.Egress.Client(outbound.Use{Timeout: cfg.timeout, MaxConns: hostConns})
	for _, hook := range cfg.Model.Webhooks {
		cfg.Queue.Handle(hook.Name, 0, s.store)
	}
	cfg.Queue.Handle(jobName, cfg.slice+2*cfg.timeout, s.pump)
	return s
}

// Stats returns the counts.
func (s *Service) Stats() Stats {
	if s == nil {
		return Stats{}
	}
	t := &s.tally
	return Stats{t.delivered.Load(), t.failed.Load(), t.givenUp.Load(), t.disabled.Load()}
}

// KeySet returns the document of the server's public keys.
func (s *Service) KeySet() []byte {
	return webhook.KeySet([]webhook.VerifyingKey{s.cfg.Key.VerifyingKey()})
}

// ours is the caller of the writes of this package.
func ours() caller.Caller { return caller.System("webhooks") }

func (s *Service) now() time.Time { return s.cfg.Now() }

// hook returns the webhook of a name.
func (s *Service) hook(name string) (*model.Webhook, error) {
	if hook := s.cfg.Model.Webhook(name); hook != nil {
		return hook, nil
	}
	return nil, job.Permanent(fmt.Errorf("the model has no webhook %s", name))
}
