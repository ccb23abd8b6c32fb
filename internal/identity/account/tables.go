package account

import (
	"encoding/json"
	"time"

	"github.com/ashlar-dev/ashlar/internal/identity/passkey"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// The names of the system tables of this package, beside guessesTable.
const (
	accountsTable   = "ashlar_accounts"
	sessionsTable   = "ashlar_sessions"
	secretsTable    = "ashlar_secrets"
	recoveryTable   = "ashlar_recovery"
	keysTable       = "ashlar_keys"
	identitiesTable = "ashlar_identities"
	passkeysTable   = "ashlar_passkeys"
)

// Tables is the fragment of system tables of this package. Everything refers to ashlar_accounts, and that to the users of the
// app. So deleting a user deletes all credentials in the same statement, on whatever way the user is deleted.
func Tables(app *model.Model) []*model.Table {
	accounts := system.NewTable(accountsTable, model.UUID,
		system.Enum("kind", string(KindUser), string(KindOperator), string(KindService)),
		system.Optional(system.Unique(system.User("user", app, model.Cascade))),
		system.Optional(system.Indexed(system.Text("email"))),
		system.Optional(system.Text("name")),
		system.Optional(system.Text("role")),
		system.JSON("roles"),
		system.Optional(system.Text("password")),
		system.Optional(system.Timestamp("password_at")),
		system.Bool("verified"),
		system.Optional(system.Timestamp("suspended_at")),
		system.Optional(system.Text("totp")),
		system.Optional(system.Int("totp_step")),
		system.Optional(system.Timestamp("last_at")),
	)
	accounts.Unique = [][]*model.Field{{accounts.Field("kind"), accounts.Field("email")}}
	owner := func() *model.Field { return system.Ref("account", accounts, model.Cascade) }
	return []*model.Table{
		accounts,
		identities(owner()),
		system.NewTable(passkeysTable, model.UUID, owner(),
			system.Unique(system.Text("credential")),
			system.Text("public_key"),
			system.Int("sign_count"),
			system.JSON("data"),
			system.Text("name"),
			system.Optional(system.Timestamp("used_at")),
		),
		system.NewTable(sessionsTable, model.UUID, owner(),
			system.Int("stamp"),
			system.Int("counter"),
			system.Int("used"),
			system.JSON("methods"),
			system.Bool("mfa"),
			system.Timestamp("since"),
			system.Text("address"),
			system.Text("agent"),
			system.Bool("cookie"),
			system.Timestamp("seen_at"),
			system.Indexed(system.Timestamp("idle_at")),
			system.Indexed(system.Timestamp("ends_at")),
		),
		system.NewTable(secretsTable, model.UUID,
			system.Optional(owner()),
			system.Text("purpose"),
			system.Optional(system.Indexed(system.Text("email"))),
			system.Text("hash"),
			system.Optional(system.JSON("data")),
			system.Int("tries"),
			system.Indexed(system.Timestamp("expires_at")),
		),
		system.NewTable(recoveryTable, model.UUID, owner(), system.Text("hash")),
		system.NewTable(keysTable, model.Text, owner(),
			system.Int("stamp"),
			system.Text("name"),
			system.Text("prefix"),
			system.Text("hash"),
			system.JSON("scopes"),
			system.Optional(system.Timestamp("expires_at")),
			system.Optional(system.Timestamp("used_at")),
		),
		system.NewTable(guessesTable, model.Text,
			system.Int("count"),
			system.Int("until"), // microseconds since 1970
			system.Indexed(system.Int("at")),
		),
	}
}

// identities returns the table of accounts elsewhere, at providers and issuers. One account there opens one account here.
func identities(owner *model.Field) *model.Table {
	table := system.NewTable(identitiesTable, model.UUID, owner,
		system.Text("provider"),
		system.Text("issuer"),
		system.Text("subject"),
		system.Optional(system.Text("email")),
		system.Timestamp("last_at"),
		system.Optional(system.JSON("roles")),
		system.Optional(system.Int("stamp")),
		system.Optional(system.Timestamp("token_at")),
	)
	table.Unique = [][]*model.Field{{table.Field("issuer"), table.Field("subject")}}
	return table
}

// A Kind is a sort of account.
type Kind string

const (
	KindUser     Kind = "user"     // has a row in users
	KindOperator Kind = "operator" // signs in to the console only
	KindService  Kind = "service"  // a program: it has keys and never signs in
)

// accountRow is a row of ashlar_accounts.
type accountRow struct {
	ID          string          `json:"id,omitempty"`
	Kind        Kind            `json:"kind"`
	User        json.RawMessage `json:"user_id,omitempty"` // id of the row in users, as JSON
	Email       string          `json:"email,omitempty"`   // canonical
	Name        string          `json:"name,omitempty"`
	Role        string          `json:"role,omitempty"` // of an operator
	Roles       []string        `json:"roles"`
	Password    string          `json:"password,omitempty"` // PHC string
	PasswordAt  *time.Time      `json:"password_at,omitempty"`
	Verified    bool            `json:"verified"`
	SuspendedAt *time.Time      `json:"suspended_at,omitempty"`
	TOTP        string          `json:"totp,omitempty"` // sealed secret
	TOTPStep    int64           `json:"totp_step,omitempty"`
	LastAt      *time.Time      `json:"last_at,omitempty"` // last sign-in
	CreatedAt   *time.Time      `json:"created_at,omitempty"`
}

// userID returns the id of the row in users as text.
func (a *accountRow) userID() string {
	var text string
	if json.Unmarshal(a.User, &text) == nil {
		return text
	}
	return string(a.User)
}

// sessionRow is a row of ashlar_sessions. The session is alive as long as the row exists.
type sessionRow struct {
	ID        string     `json:"id,omitempty"`
	Account   string     `json:"account_id"`
	Stamp     int64      `json:"stamp"`   // raised by changes of the account: older access tokens end
	Counter   int64      `json:"counter"` // of the newest refresh token
	Used      int64      `json:"used"`    // largest counter that was presented
	Methods   []string   `json:"methods"`
	MFA       bool       `json:"mfa"`
	Since     time.Time  `json:"since"` // last proof
	Address   string     `json:"address"`
	Agent     string     `json:"agent"`
	Cookie    bool       `json:"cookie"` // the session lives in a cookie and has no refresh token
	SeenAt    time.Time  `json:"seen_at"`
	IdleAt    time.Time  `json:"idle_at"` // it ends then unless it is used
	EndsAt    time.Time  `json:"ends_at"`
	CreatedAt *time.Time `json:"created_at,omitempty"`
}

// over reports whether the session has ended by itself.
func (r *sessionRow) over(now time.Time) bool { return !now.Before(r.IdleAt) || !now.Before(r.EndsAt) }

// secretRow is a row of ashlar_secrets: a one-time secret for one purpose.
type secretRow struct {
	ID        string          `json:"id,omitempty"`
	Account   string          `json:"account_id,omitempty"`
	Purpose   purpose         `json:"purpose"`
	Email     string          `json:"email,omitempty"`
	Hash      string          `json:"hash"`
	Data      json.RawMessage `json:"data,omitempty"`
	Tries     int             `json:"tries"`
	ExpiresAt time.Time       `json:"expires_at"`
}

// recoveryRow is a row of ashlar_recovery: one unused recovery code.
type recoveryRow struct {
	ID      string `json:"id,omitempty"`
	Account string `json:"account_id"`
	Hash    string `json:"hash"`
}

// keyRow is a row of ashlar_keys.
type keyRow struct {
	ID        string     `json:"id,omitempty"`
	Account   string     `json:"account_id"`
	Stamp     int64      `json:"stamp"`
	Name      string     `json:"name"`
	Prefix    string     `json:"prefix"`
	Hash      string     `json:"hash"`
	Scopes    []string   `json:"scopes"` // names of accounts.keys.scopes; empty: no bound but the rules
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	UsedAt    *time.Time `json:"used_at,omitempty"`
	CreatedAt *time.Time `json:"created_at,omitempty"`
}

// identityRow is a row of ashlar_identities: an account at a provider that signs in to an account here.
type identityRow struct {
	ID       string    `json:"id,omitempty"`
	Account  string    `json:"account_id"`
	Provider string    `json:"provider"` // name in the model
	Issuer   string    `json:"issuer"`
	Subject  string    `json:"subject"`
	Email    string    `json:"email,omitempty"` // what the provider said last
	LastAt   time.Time `json:"last_at"`

	// Roles has what the claims gave at the last sign-in, by the name of the provider: two providers of the model may be
	// clients of one issuer.
	Roles map[string][]string `json:"roles,omitempty"`

	Stamp     int64      `json:"stamp,omitempty"`    // raised by changes of the account: nodes read the row again
	TokenAt   *time.Time `json:"token_at,omitempty"` // last use of an access token
	CreatedAt *time.Time `json:"created_at,omitempty"`
}

// passkeyRow is a row of ashlar_passkeys.
type passkeyRow struct {
	ID         string         `json:"id,omitempty"`
	Account    string         `json:"account_id"`
	Credential string         `json:"credential"` // id of WebAuthn
	Key        string         `json:"public_key"`
	Count      uint32         `json:"sign_count"`
	Traits     passkey.Traits `json:"data"`
	Name       string         `json:"name"`
	UsedAt     *time.Time     `json:"used_at,omitempty"`
	CreatedAt  *time.Time     `json:"created_at,omitempty"`
}
