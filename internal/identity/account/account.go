// Package account holds the use cases of accounts: people sign up, sign in, prove a second factor and end their sessions.
//
// It knows nothing of HTTP. Its tables are system tables, and every use case is one transaction on them, after the slow work
// of hashing passwords. The files form layers. From the top down:
//   - signup.go, signin.go, provider.go, linked.go, passkey.go, password.go, factor.go, totp.go, key.go, sessions.go, people.go and
//     operator.go hold the use cases. link.go decides which account somebody from a provider gets, and
//     given.go which roles come with the claims.
//   - letters.go answers what the mail worker asks: which mail a queued letter becomes.
//   - identify.go turns a cookie or a key into a caller, issued.go a token of an issuer elsewhere.
//   - grant.go opens sessions and refreshes them.
//   - secret.go keeps one-time secrets, guess.go counts attempts. census.go hides by their time which accounts exist.
//   - rows.go and tables.go are the storage.
package account

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/cache"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/passkey"
	"github.com/ashlar-dev/ashlar/internal/identity/password"
	"github.com/ashlar-dev/ashlar/internal/identity/session"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/identity/totp"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Config says what a Service works with. All fields but the functions are required.
type Config struct {
	Store    store.DB
	Rows     *record.DB // rows of the app and of the system tables
	Model    *model.Model
	Keys     *token.Keys
	Hasher   *password.Hasher
	Outbox   Outbox
	Audit    *audit.Log
	NeedsMFA func(who caller.Caller) bool // whether accounts.require asks a caller for a second factor; nil: never
	Invites  func(who caller.Caller) bool // whether accounts.invite lets a caller invite; nil: only the system
	Now      func() time.Time             // nil: time.Now

	Providers []*oidc.Provider // where users sign in too; each is in the model
	Issuers   *oidc.Issuers    // whose access tokens are accepted; each is in the model; nil: none
	Redirects []string         // origins that a sign-in at a provider may lead back to, beside the app's own

	Passkeys *passkey.Ceremonies // nil: no passkeys

	Jobs *telemetry.Jobs // get the records of background work; nil: none
}

// An Outbox queues mails. *outbox.Outbox is one.
type Outbox interface {
	Queue(tx *record.Tx, l mail.Letter) error // in the transaction
}

// A Service holds the use cases. It is safe for concurrent use.
type Service struct {
	db       store.DB
	rows     *record.DB
	model    *model.Model
	rules    *model.Accounts
	users    *model.Table
	keys     *token.Keys
	hasher   *password.Hasher
	outbox   Outbox
	audit    *audit.Log
	needsMFA func(caller.Caller) bool
	invites  func(caller.Caller) bool
	now      func() time.Time

	refreshes      *session.Codec // of refresh tokens
	cookies        *session.Codec // of the cookies of users' sessions
	consoleCookies *session.Codec // of the cookies of operators' sessions
	secrets        [32]byte       // key of the hashes of one-time secrets
	devices        [32]byte       // key of device cookies

	codes *totp.Recovery // recovery codes

	census census       // of the hashes of passwords
	live   atomic.Int64 // sessions at the last count

	known *cache.Recent[string, known] // by id of a key or session

	accounts table[accountRow]
	sessions table[sessionRow]
	oneTime  table[secretRow]
	recovery table[recoveryRow]
	apiKeys  table[keyRow]

	issuers    *oidc.Issuers
	identityOf *cache.Recent[subject, string] // id of the identity
	linked     *cache.Recent[string, linked]  // by id of an identity

	providers  []*oidc.Provider
	redirects  []string
	identities table[identityRow]

	purging, counting *telemetry.Job

	ceremonies *passkey.Ceremonies // nil: no passkeys
	passkeys   table[passkeyRow]
}

// New returns the use cases of the accounts of a model. Rows must have the tables of Tables.
func New(cfg Config) *Service {
	s := &Service{
		db: cfg.Store, rows: cfg.Rows, model: cfg.Model, rules: cfg.Model.Accounts, users: cfg.Model.Table("users"),
		keys: cfg.Keys, hasher: cfg.Hasher, outbox: cfg.Outbox, audit: cfg.Audit, needsMFA: cfg.NeedsMFA, invites: cfg.Invites, now: cfg.Now,
		refreshes:      session.NewCodec(cfg.Keys.Derive(session.Purpose)),
		cookies:        session.NewCodec(cfg.Keys.Derive("session cookies")),
		consoleCookies: session.NewCodec(cfg.Keys.Derive("console cookies")),
		secrets:        cfg.Keys.Derive("one-time secrets"),
		devices:        cfg.Keys.Derive("device cookies"),

		codes: totp.NewRecovery(cfg.Keys.Derive(totp.Purpose)),

		census: census{key: cfg.Keys.Derive("decoys")},

		known: cache.NewRecent[string, known](maxKnown, nil),

		accounts: table[accountRow]{cfg.Rows.Table(accountsTable)},
		sessions: table[sessionRow]{cfg.Rows.Table(sessionsTable)},
		oneTime:  table[secretRow]{cfg.Rows.Table(secretsTable)},
		recovery: table[recoveryRow]{cfg.Rows.Table(recoveryTable)},
		apiKeys:  table[keyRow]{cfg.Rows.Table(keysTable)},

		issuers:    cfg.Issuers,
		identityOf: cache.NewRecent[subject, string](maxKnown, nil),
		linked:     cache.NewRecent[string, linked](maxKnown, nil),

		providers: cfg.Providers, redirects: cfg.Redirects,
		identities: table[identityRow]{cfg.Rows.Table(identitiesTable)},

		purging: cfg.Jobs.Job("account purge"), counting: cfg.Jobs.Job("account census"),

		ceremonies: cfg.Passkeys, passkeys: table[passkeyRow]{cfg.Rows.Table(passkeysTable)},
	}
	if s.rules == nil {
		s.rules = operatorsOnly()
	}
	if s.needsMFA == nil {
		s.needsMFA = func(caller.Caller) bool { return false }
	}
	if s.invites == nil {
		s.invites = func(caller.Caller) bool { return false }
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// operatorsOnly returns the bounds for operators and keys of an app whose model has no accounts.
func operatorsOnly() *model.Accounts {
	const day = 24 * time.Hour
	return &model.Accounts{
		Codes:    model.Codes{Length: 8, Valid: 10 * time.Minute, Tries: 5},
		Sessions: model.Sessions{Access: 10 * time.Minute, Idle: 14 * day, Longest: 90 * day, EachUser: 50},
		Keys:     model.Keys{Longest: 365 * day},
	}
}

// A Client is who sends a request, apart from the caller it is.
type Client struct {
	Address string // IP address without a port
	Agent   string // User-Agent
	Device  string // value of the device cookie, or ""
	Lang    string // Accept-Language
	Request string // id of the request
	Who     caller.Caller
	Cookie  bool   // the session is to live in a cookie
	Host    string // that the browser asked for, perhaps with a port; passkeys of operators belong to it
	Browser string // secret of who signs up, and confirms it, or "": see Verify and VerifyPage

	Operator *Operator // who uses the console, or nil: the actor in the audit log
}

// caller returns the unit in which the client shares the queue of hashes.
func (c Client) caller() caller.Client { return caller.Caller{}.From(c.Address).Client() }

// mac returns the HMAC of some words under a key. Different words never have the same encoding.
func mac(key [32]byte, words ...string) []byte {
	hash := hmac.New(sha256.New, key[:])
	for _, word := range words {
		sum := sha256.Sum256([]byte(word))
		hash.Write(sum[:])
	}
	return hash.Sum(nil)
}
