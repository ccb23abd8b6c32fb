package model

import (
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// Accounts says how people and programs sign in. The loader has filled in every default.
type Accounts struct {
	URL       string // public address of the app such as https://app.example.com, without a final slash; "" if not given
	Signup    Signup
	Verify    Verify
	Password  *Password // nil: no passwords
	Passkeys  *Passkeys // nil: no passkeys
	TOTP      bool      // one-time passwords of an authenticator app are a second factor
	Codes     Codes
	Sessions  Sessions
	Require   []Require
	Providers []Provider // in the order of the file
	Issuers   []Issuer   // in the order of the file
	Keys      Keys
	Invite    *Invite // nil: only operators invite
	Mail      Mail
	Audit     Audit

	// Positions has the position of each value of the file by its path: "mail.from", "providers.corp.client_id",
	// "issuers.0.audience". Use At.
	Positions map[string]Pos
}

// A Signup says who may make an account.
type Signup uint8

const (
	SignupClosed Signup = iota // operators make accounts; the default
	SignupInvite               // people with an invitation
	SignupOpen                 // everybody
)

// Signups returns the words of the model for all values of Signup.
func Signups() []string { return []string{"closed", "invite", "open"} }

func (s Signup) String() string { return Signups()[s] }

// A Verify says when a new account must confirm its address.
type Verify uint8

const (
	VerifyBefore Verify = iota // before the first session; the default
	VerifyLater                // at any time: auth.verified is false until then
)

// Verifies returns the words of the model for all values of Verify.
func Verifies() []string { return []string{"before", "later"} }

func (v Verify) String() string { return Verifies()[v] }

// Password is the policy for new passwords.
type Password struct {
	Min   int      // code points
	Words []string // a password that consists of them is too easy to guess
}

// Passkeys are the addresses at which passkeys work.
type Passkeys struct {
	Domain  string   // relying party id of WebAuthn
	Origins []string // such as https://app.example.com; those outside of Domain are related origins
}

// Codes bound the one-time codes in mails.
type Codes struct {
	Length int // digits
	Valid  time.Duration
	Tries  int // wrong attempts that a code survives
}

// Sessions bound how long a user stays signed in.
type Sessions struct {
	Access   time.Duration // life of an access token
	Idle     time.Duration // a session ends when unused for so long
	Longest  time.Duration // a session ends at this age
	EachUser int           // sessions of one user; the next one ends the oldest
}

// Require makes some callers prove more. A session that lacks it holds no roles.
type Require struct {
	When *Expr // about auth alone
	MFA  bool
}

// A Provider lets users sign in with an account elsewhere, by OpenID Connect or, for github, by OAuth 2.
type Provider struct {
	Name         string
	Preset       bool   // Name is one of Presets
	Issuer       string // URL; "" for a preset
	ClientID     Setting
	ClientSecret Setting  // empty for apple
	Scopes       []string // to ask for instead of the usual ones; nil: the usual ones
	Roles        *ClaimRoles

	Tenant string  // of microsoft: common, organizations, consumers, or the id or domain of one
	Team   Setting // of apple
	KeyID  Setting // of apple
	Key    Setting // of apple: private key in PEM
}

// Presets returns the names of the providers that Ashlar knows.
func Presets() []string { return []string{"apple", "github", "gitlab", "google", "microsoft"} }

// ClaimRoles gives roles by a claim of an ID token or access token.
type ClaimRoles struct {
	From  string              // name of the claim: text or a list of texts
	Roles map[string][]string // roles of the model by value of the claim
}

// An Issuer makes access tokens that the server accepts like its own.
type Issuer struct {
	Issuer     string   // URL
	Audience   []string // a token must be for one of them
	Algorithms []string // of signatures; by default all of Algorithms
	Users      IssuerUsers
	MFA        []string // values of acr that stand for a second factor, beside the usual ones
	Roles      *ClaimRoles
}

// IssuerUsers says for whom the tokens of an issuer are accepted.
type IssuerUsers uint8

const (
	UsersKnown IssuerUsers = iota // for accounts that are linked with the issuer's subject; the default
	UsersNew                      // for others too: the first token of somebody makes an account, as a sign-up at a provider does
)

// AllIssuerUsers returns the words of the model for all values of IssuerUsers.
func AllIssuerUsers() []string { return []string{"known", "new"} }

func (u IssuerUsers) String() string { return AllIssuerUsers()[u] }

// Algorithms returns the signature algorithms that an issuer may use.
func Algorithms() []string {
	return []string{"EdDSA", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}
}

// Keys bound API keys.
type Keys struct {
	Scopes  []KeyScope // in the order of the file
	Longest time.Duration
}

// A KeyScope is a named bound of API keys. A key may have several; it may then do what any of them allows.
type KeyScope struct {
	Name   string
	Scopes caller.Scopes
}

// Scope returns the scope of that name.
func (k *Keys) Scope(name string) (caller.Scopes, bool) {
	for _, scope := range k.Scopes {
		if scope.Name == name {
			return scope.Scopes, true
		}
	}
	return caller.Scopes{}, false
}

// Invite says who may invite, and to which roles.
type Invite struct {
	By    *Expr // about auth alone
	Roles []string
}

// Mail is how mails look.
type Mail struct {
	From   string // address as in RFC 5322, such as Careers <no-reply@example.com>; "" if not given
	Folder string // of templates, relative to the app's folder; "" if not given
}

// Audit says how long the audit log keeps its rows.
type Audit struct {
	Keep time.Duration // 0: for ever
}

// At returns the position of a value by the keys that lead to it, or of the nearest group around it.
func (a *Accounts) At(keys ...string) Pos {
	for n := len(keys); n > 0; n-- {
		if at, ok := a.Positions[PathOf(keys[:n]...)]; ok {
			return at
		}
	}
	return a.Positions[""]
}

// PathOf returns the key of Positions for the keys that lead to a value.
func PathOf(keys ...string) string { return strings.Join(keys, ".") }
