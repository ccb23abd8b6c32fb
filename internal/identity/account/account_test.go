package account_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/passkey"
	"github.com/ashlar-dev/ashlar/internal/identity/password"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// source is the model of the tests. It has a row for each user that the user's deletion takes along.
const source = `
ashlar: 1
name: notes
roles: [editor, reader]
accounts:
  signup: open
  keys:
    scopes:
      reader: {notes: read}
tables:
  notes:
    fields:
      title: {type: text, max: 100}
      owner: {ref: users, default: auth.id, on_delete: cascade}
    access: {read: owner_id == auth.id, create: owner_id == auth.id}
`

// A node is the accounts of one process on a database.
type node struct {
	*account.Service
	rows     *record.DB
	users    *model.Table
	db       store.DB
	verifier *token.Verifier
	clock    *clock
	outbox   *outbox
}

// clock is the time of a test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// outbox is a fake of mail.Outbox that keeps letters until the test asks for them.
type outbox struct {
	mu      sync.Mutex
	letters []mail.Letter
}

func (o *outbox) Queue(_ *record.Tx, l mail.Letter) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.letters = append(o.letters, l)
	return nil
}

func (*outbox) Wake() {}

func (o *outbox) take() []mail.Letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.letters
	o.letters = nil
	return all
}

// An engine opens nodes on one database.
type engine struct {
	name string
	open func(t *testing.T) func() (store.DB, error) // makes a database; each call of the result is another process
}

func engines() []engine {
	return []engine{
		{"SQLite", func(t *testing.T) func() (store.DB, error) {
			path := filepath.Join(t.TempDir(), "test.db")
			return func() (store.DB, error) { return sqlite.Open(t.Context(), path, sqlite.Config{}) }
		}},
		{"PostgreSQL", func(t *testing.T) func() (store.DB, error) {
			if !pgtest.Available() {
				t.Skip("no PostgreSQL")
			}
			url := pgtest.URL(t)
			return func() (store.DB, error) {
				return postgres.Open(t.Context(), url, postgres.Config{Logger: slog.New(slog.DiscardHandler)})
			}
		}},
	}
}

// each runs a test on both engines, with a node on a database of its own.
func each(t *testing.T, test func(t *testing.T, n *node)) {
	t.Helper()
	eachWith(t, func(*model.Accounts) {}, test)
}

// eachWith is each with changes of the model's accounts.
func eachWith(t *testing.T, change func(*model.Accounts), test func(t *testing.T, n *node)) {
	t.Helper()
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			test(t, newCluster(t, e, change).node(t))
		})
	}
}

// A cluster is a database with the keys and the clock of all its nodes.
type cluster struct {
	open   func() (store.DB, error)
	rules  *rule.Rules
	own    *model.Model
	keys   *token.Keys
	clock  *clock
	outbox *outbox

	providers []*oidc.Provider
}

// newCluster makes a database. change may change the model's accounts.
func newCluster(t *testing.T, e engine, change func(*model.Accounts)) *cluster {
	t.Helper()
	c := &cluster{
		open: e.open(t), rules: modeltest.Rules(t, source), outbox: &outbox{},
		clock: &clock{at: time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)},
	}
	change(c.rules.Model.Accounts)
	db := c.database(t)
	options := migrate.Options{System: []system.Fragment{account.Tables, audit.Tables}}
	if _, err := migrate.Apply(t.Context(), db, c.rules, options); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.own, err = migrate.SystemModel(t.Context(), db, c.rules.Model, options); err != nil {
		t.Fatal(err)
	}
	if c.keys, err = token.Open(filepath.Join(t.TempDir(), "key.pem")); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cluster) database(t *testing.T) store.DB {
	t.Helper()
	db, err := c.open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// node starts another node.
func (c *cluster) node(t *testing.T) *node {
	t.Helper()
	n := &node{db: c.database(t), users: c.rules.Model.Table("users"), clock: c.clock, outbox: c.outbox}
	n.verifier = token.NewVerifier(c.keys, token.Config{Now: n.clock.now, Roles: c.rules.Model.Roles})
	var service *account.Service
	n.rows = record.New(n.db, c.rules, record.Config{Now: n.clock.now, System: c.own, Guard: func(who caller.Caller) (store.Step, bool) { return service.Guard(who) }})
	service = account.New(account.Config{
		Store: n.db, Rows: n.rows, Model: c.rules.Model, Keys: c.keys, Hasher: cheapHasher(), Outbox: n.outbox,
		Audit: audit.New(n.rows, audit.Config{Now: n.clock.now}), Now: n.clock.now,
		Providers: c.providers, Redirects: []string{"https://pages.example.com"},
		Passkeys: c.ceremonies(t),
	})
	n.Service = service
	return n
}

// ceremonies returns the ceremonies for the model, nil if it has no passkeys.
func (c *cluster) ceremonies(t *testing.T) *passkey.Ceremonies {
	t.Helper()
	own := c.rules.Model.Accounts.Passkeys
	if own == nil {
		return nil
	}
	all, err := passkey.New(passkey.Config{App: "notes", Domain: own.Domain, Origins: own.Origins, Lives: c.rules.Model.Accounts.Codes.Valid})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// cheapHasher makes hashes that no one would use in earnest.
func cheapHasher() *password.Hasher {
	return password.NewHasher(password.Config{Memory: 64, Passes: 1})
}

// client is a client at an address.
func client(address string) account.Client {
	return account.Client{Address: address, Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}
}

// home is the client of the person that a test is about.
var home = client("192.0.2.1")

// codes composes the waiting letters, and returns the code of each by its address.
func (n *node) codes(t *testing.T) map[string]string {
	t.Helper()
	codes := map[string]string{}
	for _, l := range n.outbox.take() {
		message, send, err := n.Compose(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		if !send {
			continue
		}
		codes[l.To] = message.Data.Code
	}
	return codes
}

const secret = "correct horse battery staple"

// signUp makes an account and returns its first session.
func (n *node) signUp(t *testing.T, email string) *account.Grant {
	t.Helper()
	step, err := n.SignUp(t.Context(), account.Newcomer{Email: email, Password: secret, Name: "Ada"}, home)
	if err != nil {
		t.Fatal(err)
	}
	own := home
	own.Browser = step.Waits
	step, err = n.Verify(t.Context(), email, n.codes(t)[strings.ToLower(email)], "", own)
	if err != nil || step.Grant == nil {
		t.Fatalf("Verify = %+v, %v", step, err)
	}
	return step.Grant
}

// caller returns the caller with an access token.
func (n *node) caller(t *testing.T, access string) caller.Caller {
	t.Helper()
	who, err := n.verifier.Verify(access)
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// admits reports whether a read of rows that anybody may make is answered to the caller.
func (n *node) admits(t *testing.T, who caller.Caller) bool {
	t.Helper()
	_, err := n.rows.List(context.WithoutCancel(t.Context()), who, n.rows.Table("notes"), record.Query{Limit: 1}, nil)
	if err != nil && errs.KindOf(err) != errs.Unauthenticated {
		t.Fatal(err)
	}
	return err == nil
}
