// Package accounttest opens the accounts of a model for tests, on each engine.
package accounttest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/passkey"
	"github.com/ashlar-dev/ashlar/internal/identity/password"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/mail/outbox"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// SQLite returns the embedded engine as a server uses it.
func SQLite() modeltest.Engine { return modeltest.SQLite(sqlite.Config{}) }

// Engines returns both engines as a server uses them.
func Engines() []modeltest.Engine {
	return []modeltest.Engine{SQLite(), modeltest.Postgres(postgres.Config{})}
}

// A Config says how the nodes of a cluster differ from the usual ones.
type Config struct {
	Change    func(*model.Accounts)                                     // of the settings in the model, if not nil
	Start     time.Time                                                 // of the clock; zero for a fixed one
	Providers func(*Clock) []*oidc.Provider                             // none if nil
	Hasher    *password.Hasher                                          // nil for CheapHasher
	Issuers   func(*Clock) []oidc.IssuerConfig                          // none if nil; each node has caches of its own
	Mails     func(db store.DB, compose outbox.Composer) account.Outbox // nil for the Outbox of the cluster
	Fragments []system.Fragment                                         // further system tables
}

// A Cluster is a database with the keys, the clock and the outbox that all its nodes share.
type Cluster struct {
	Clock     *Clock
	Outbox    *Outbox
	TokenKeys *token.Keys
	Model     *model.Model

	cfg       Config
	open      func() store.DB
	first     store.DB // nil after the first node
	rules     *rule.Rules
	own       *model.Model
	providers []*oidc.Provider
}

// NewCluster makes a database with the tables of a model and of accounts.
func NewCluster(t testing.TB, e modeltest.Engine, source string, cfg Config) *Cluster {
	t.Helper()
	rules := modeltest.Rules(t, source)
	c := &Cluster{Clock: newClock(cfg.Start), Outbox: &Outbox{}, Model: rules.Model, cfg: cfg, open: e.Processes(t), rules: rules}
	if cfg.Change != nil {
		cfg.Change(rules.Model.Accounts)
	}
	db := c.open()
	c.first = db
	options := migrate.Options{System: append([]system.Fragment{account.Tables, audit.Tables}, cfg.Fragments...)}
	if _, err := migrate.Apply(t.Context(), db, rules, options); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.own, err = migrate.SystemModel(t.Context(), db, rules.Model, options); err != nil {
		t.Fatal(err)
	}
	if c.TokenKeys, err = token.Open(filepath.Join(t.TempDir(), "key.pem")); err != nil {
		t.Fatal(err)
	}
	if cfg.Providers != nil {
		c.providers = cfg.Providers(c.Clock)
	}
	return c
}

// Node starts a process on the database.
func (c *Cluster) Node(t testing.TB) *Node {
	t.Helper()
	db, now := c.connect(), c.Clock.Now
	n := &Node{Cluster: c, Store: db, Verifier: token.NewVerifier(c.TokenKeys, token.Config{Now: now, Roles: c.Model.Roles})}
	guard := func(who caller.Caller) (store.Step, bool) { return n.Guard(who) }
	n.Rows = record.New(db, c.rules, record.Config{Now: now, System: c.own, Guard: guard})
	n.Audit = audit.New(n.Rows, audit.Config{Now: now})
	var letters account.Outbox = c.Outbox
	if c.cfg.Mails != nil {
		compose := func(ctx context.Context, l mail.Letter) (mail.Message, bool, error) { return n.Compose(ctx, l) }
		letters = c.cfg.Mails(db, compose)
	}
	hasher := c.cfg.Hasher
	if hasher == nil {
		hasher = CheapHasher()
	}
	n.Service = account.New(account.Config{
		Store: db, Rows: n.Rows, Model: c.Model, Keys: c.TokenKeys, Hasher: hasher, Outbox: letters, Audit: n.Audit, Now: now,
		Providers: c.providers, Issuers: c.issuers(), Redirects: []string{"https://pages.example.com"}, Passkeys: c.ceremonies(t),
	})
	return n
}

// issuers returns the issuers for a node.
func (c *Cluster) issuers() *oidc.Issuers {
	if c.cfg.Issuers == nil {
		return nil
	}
	var all []*oidc.Issuer
	for _, cfg := range c.cfg.Issuers(c.Clock) {
		all = append(all, oidc.NewIssuer(cfg))
	}
	return oidc.NewIssuers(all...)
}

// connect returns the connections of another process. The first process keeps the connections that made the tables: opening takes
// as long as a short test.
func (c *Cluster) connect() store.DB {
	db := c.first
	if c.first = nil; db == nil {
		db = c.open()
	}
	return db
}

// ceremonies returns the ceremonies of passkeys, nil if the model has none.
func (c *Cluster) ceremonies(t testing.TB) *passkey.Ceremonies {
	t.Helper()
	own := c.Model.Accounts
	if own == nil || own.Passkeys == nil {
		return nil
	}
	all, err := passkey.New(passkey.Config{App: c.Model.Name, Domain: own.Passkeys.Domain, Origins: own.Passkeys.Origins, Lives: own.Codes.Valid})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// CheapHasher makes hashes at a cost that is too low for a server.
func CheapHasher() *password.Hasher {
	return password.NewHasher(password.Config{Memory: 64, Passes: 1})
}
