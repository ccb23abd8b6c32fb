package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

const app = `
ashlar: 1
name: app
tables:
  notes: {key: int, fields: {title: {type: text}}}
`

// A post is a sender for tests. send is called for each mail.
type post struct {
	sendMail func(m *outgoing) error

	mu    sync.Mutex
	mails []outgoing
}

func (p *post) send(ctx context.Context, m *outgoing) error {
	if p.sendMail != nil {
		if err := p.sendMail(m); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = append(p.mails, *m)
	return ctx.Err()
}

func (p *post) all() []outgoing {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.mails)
}

// A clock of tests goes on by leaps.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time         { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) leap(far time.Duration) { c.ahead.Add(int64(far)) }

// A node is one process on a database, with its worker.
type node struct {
	store.DB
	rows   *record.DB
	outbox *Outbox
}

// each runs a test on each engine, with two nodes of one database. On SQLite both use the same connections.
func each(t *testing.T, cfg Config, test func(t *testing.T, a, b *node)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Readers: 2})
		if err != nil {
			t.Fatal(err)
		}
		test(t, newNode(t, db, cfg), newNode(t, db, cfg))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		url := pgtest.URL(t)
		open := func() *node {
			db, err := postgres.Open(t.Context(), url, postgres.Config{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			return newNode(t, db, cfg)
		}
		test(t, open(), open())
	})
}

func newNode(t *testing.T, db store.DB, cfg Config) *node {
	t.Helper()
	t.Cleanup(func() { _ = db.Close() })
	rules := modeltest.Rules(t, app)
	if _, err := migrate.Apply(t.Context(), db, rules, migrate.Options{System: []system.Fragment{Tables}}); err != nil {
		t.Fatal(err)
	}
	rows := record.New(db, rules, record.Config{System: system.Model(rules.Model, migrate.Tables, Tables)})
	return &node{db, rows, New(rows, cfg)}
}

// run runs the worker until stop, which waits for its end.
func (n *node) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.outbox.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (n *node) queue(t *testing.T, letters ...Letter) {
	t.Helper()
	err := n.rows.Transact(t.Context(), own(), func(tx *record.Tx) error {
		for _, letter := range letters {
			if err := n.outbox.Queue(tx, letter); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	n.outbox.Wake()
}

// A stored row as a test reads it.
type stored struct {
	Kind, State, Address string
	Attempts             int
	Data                 map[string]string
	Error                string
	SentAt               *time.Time `json:"sent_at"`
	DueAt                time.Time  `json:"due_at"`
}

func (n *node) stored(t *testing.T) []stored {
	t.Helper()
	body, err := n.rows.List(t.Context(), own(), n.outbox.table, record.Query{Sort: "id", Limit: 500}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var page struct{ Items []stored }
	if err := json.Unmarshal(body, &page); err != nil {
		t.Fatal(err)
	}
	return page.Items
}

// until waits for a condition. It wakes the workers, because a leap of the clock does not.
func until(t *testing.T, what string, nodes []*node, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to this: %s; the rows are %+v", what, nodes[0].stored(t))
		}
		for _, n := range nodes {
			n.outbox.Wake()
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func states(rows []stored) string {
	var all []string
	for _, r := range rows {
		all = append(all, fmt.Sprint(r.State, " ", r.Attempts))
	}
	return strings.Join(all, ", ")
}

// echo composes what a letter's data says.
func echo(_ context.Context, letter Letter) (Message, bool, error) {
	return Message{Template: letter.Kind, Data: Data{Name: letter.Data["name"], Code: "12345678", Path: "/verify#secret-token", Minutes: 10}}, letter.Data["nothing"] == "", nil
}

func config(t *testing.T, sender Sender, c *clock) Config {
	return Config{Compose: echo, Templates: templates(t, nil), Sender: sender, Now: c.now}
}

func ada(n int) Letter {
	return Letter{Kind: "verify", To: fmt.Sprintf("ada%d@example.com", n), Lang: "de, en;q=0.5", Data: map[string]string{"name": "Ada"}}
}
