// Package caller describes the callers of operations: anonymous clients, users, API keys and the system itself.
package caller

import (
	"net/netip"
	"slices"
	"time"
)

// A Kind is a sort of caller.
type Kind uint8

const (
	KindAnonymous Kind = iota // a client without credentials; the zero value
	KindUser                  // a row of the table users
	KindKey                   // an API key of a user
	KindService               // an API key of a service account, which is no row of users
	KindSystem                // code of the server itself
)

func (k Kind) String() string {
	return [...]string{"anonymous", "user", "key", "service", "system"}[k]
}

// Kinds returns the names of all kinds.
func Kinds() []string {
	names := make([]string, KindSystem+1)
	for k := range names {
		names[k] = Kind(k).String()
	}
	return names
}

// A Caller is the one on whose behalf an operation runs. Its zero value is anonymous, so code that forgets to set a caller
// can only lose rights. It is a value, not a pointer, so it is never missing.
type Caller struct {
	kind     Kind
	id       string
	email    string
	roles    []string
	verified bool
	mfa      bool
	methods  []string
	since    time.Time
	proof    Proof
	scopes   *Scopes
	address  string // host and port of the client
	name     string // result of String; made once, since every log line has it
}

// An Identity is what is known about an authenticated user, key or service account.
type Identity struct {
	ID       string // required: of the row in users, or of the service account
	Email    string // "" when unknown
	Roles    []string
	Verified bool      // the email address was confirmed
	MFA      bool      // a second factor was used
	Methods  []string  // how the caller signed in, in the words of Methods
	Since    time.Time // time of the last proof; zero when unknown
	Proof    Proof     // zero for tokens that nothing ends before they expire
	Scopes   *Scopes   // bounds of a key; nil: none
}

// Methods returns the words for the ways to sign in.
func Methods() []string {
	return []string{"password", "code", "passkey", "totp", "recovery", "oidc"}
}

// User returns the caller for an authenticated user. It panics if the id is empty.
func User(id Identity) Caller { return named(KindUser, id) }

// Key returns the caller for an authenticated API key of a user. It panics if the id is empty.
func Key(id Identity) Caller { return named(KindKey, id) }

// Service returns the caller for an authenticated API key of a service account. It panics if the id is empty.
func Service(id Identity) Caller { return named(KindService, id) }

func named(kind Kind, id Identity) Caller {
	if id.ID == "" {
		panic("caller: " + kind.String() + " without an id")
	}
	return Caller{
		kind: kind, id: id.ID, email: id.Email, roles: slices.Clone(id.Roles), verified: id.Verified, mfa: id.MFA,
		methods: slices.Clone(id.Methods), since: id.Since, proof: id.Proof, scopes: id.Scopes,
		name: kind.String() + ":" + id.ID,
	}
}

// System returns the caller that no rule binds. Only code of the server makes one, and its purpose becomes the id.
func System(purpose string) Caller {
	if purpose == "" {
		panic("caller: system without a purpose")
	}
	return Caller{kind: KindSystem, id: purpose, name: KindSystem.String() + ":" + purpose}
}

func (c Caller) Kind() Kind        { return c.kind }
func (c Caller) IsAnonymous() bool { return c.kind == KindAnonymous }
func (c Caller) IsSystem() bool    { return c.kind == KindSystem }

// ID returns the id of the caller. An anonymous caller has none.
func (c Caller) ID() (string, bool) { return c.id, c.id != "" }

// Email returns the email address of the caller, if it is known.
func (c Caller) Email() (string, bool) { return c.email, c.email != "" }

// Roles returns the roles of the caller. Nobody may change the slice.
func (c Caller) Roles() []string { return c.roles }

func (c Caller) Verified() bool { return c.verified }
func (c Caller) MFA() bool      { return c.mfa }

// Methods returns how the caller signed in. Nobody may change the slice.
func (c Caller) Methods() []string { return c.methods }

// Since returns the time of the caller's last proof, if it is known.
func (c Caller) Since() (time.Time, bool) { return c.since, !c.since.IsZero() }

// Proven returns the caller as after another proof at a time, with a second factor or not. It says what rules would allow
// then, and authenticates nobody.
func (c Caller) Proven(mfa bool, since time.Time) Caller {
	c.mfa, c.since = mfa, since
	return c
}

// Proof returns what the database must still know of the caller.
func (c Caller) Proof() Proof { return c.proof }

// Session returns the id of the session that the caller came with, or "" if it came with none.
func (c Caller) Session() (string, bool) { return c.provenBy(ProofSession) }

// APIKey returns the id of the key that the caller came with, or "" if it came with none.
func (c Caller) APIKey() (string, bool) { return c.provenBy(ProofKey) }

func (c Caller) provenBy(kind ProofKind) (string, bool) {
	if c.proof.Kind != kind {
		return "", false
	}
	return c.proof.ID, true
}

// Scopes returns the bounds of the caller's key, or nil.
func (c Caller) Scopes() *Scopes { return c.scopes }

// From returns the caller with the address of its client, with a port or without. No rule sees the address.
func (c Caller) From(address string) Caller {
	c.address = address
	return c
}

// A Client is the unit in which callers share something scarce. It can be the key of a map.
type Client struct {
	kind    Kind
	name    string
	address netip.Addr
}

// Newcomers stands for all clients that a server does not know yet, where they count as one.
var Newcomers = Client{kind: KindSystem + 1}

// Client returns the unit that the caller belongs to. Users and services go by their id, the keys of a user together by its
// id, anonymous callers by the Network of their address.
func (c Caller) Client() Client {
	if c.kind != KindAnonymous {
		return Client{kind: c.kind, name: c.id}
	}
	ip := Network(c.address)
	if !ip.IsValid() {
		return Client{name: c.address}
	}
	return Client{address: ip}
}

// Address returns the address of an anonymous client, or the network that counts as one, and else "".
func (c Client) Address() string {
	switch {
	case c.kind != KindAnonymous:
		return ""
	case c.address.IsValid():
		return c.address.String()
	}
	return c.name
}

// AppendTo appends bytes to b that no other client has.
func (c Client) AppendTo(b []byte) []byte {
	b = append(b, byte(c.kind))
	if c.kind == KindAnonymous && c.address.IsValid() {
		address := c.address.As16()
		return append(b, address[:]...)
	}
	if c.kind == KindAnonymous {
		b = append(b, "no address: "...)
	}
	return append(b, c.name...)
}

// Network returns an address, with a port or without, as the unit by which clients are told apart, or an invalid one if there is
// no address. A /64 network of IPv6 counts as one address, since one machine has all of it.
func Network(address string) netip.Addr {
	at, err := netip.ParseAddrPort(address)
	ip := at.Addr()
	if err != nil {
		if ip, err = netip.ParseAddr(address); err != nil {
			return netip.Addr{}
		}
	}
	ip = ip.Unmap()
	if ip.Is6() && !ip.IsLoopback() {
		if net, err := ip.WithZone("").Prefix(64); err == nil {
			ip = net.Addr()
		}
	}
	return ip
}

// String returns the name of the caller for the log.
func (c Caller) String() string {
	if c.kind == KindAnonymous {
		return "anonymous"
	}
	return c.name
}
