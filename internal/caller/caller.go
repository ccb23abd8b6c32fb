// Package caller describes the callers of operations: anonymous clients, users, API keys and the system itself.
package caller

import (
	"net/netip"
	"slices"
)

// A Kind is a sort of caller.
type Kind uint8

const (
	KindAnonymous Kind = iota // a client without credentials; the zero value
	KindUser                  // a row of the table users
	KindKey                   // an API key
	KindSystem                // code of the server itself
)

func (k Kind) String() string {
	return [...]string{"anonymous", "user", "key", "system"}[k]
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
	address  string // host and port of the client
	name     string // result of String; made once, since every log line has it
}

// An Identity is what is known about an authenticated user or key.
type Identity struct {
	ID       string // required
	Email    string // "" when unknown
	Roles    []string
	Verified bool // the email address was confirmed
	MFA      bool // a second factor was used
}

// User returns the caller for an authenticated user. It panics if the id is empty.
func User(id Identity) Caller { return named(KindUser, id) }

// Key returns the caller for an authenticated API key. It panics if the id is empty.
func Key(id Identity) Caller { return named(KindKey, id) }

func named(kind Kind, id Identity) Caller {
	if id.ID == "" {
		panic("caller: " + kind.String() + " without an id")
	}
	return Caller{
		kind: kind, id: id.ID, email: id.Email, roles: slices.Clone(id.Roles), verified: id.Verified, mfa: id.MFA,
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

// From returns the caller with the address of its client, as host:port. No rule sees the address.
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

// Client returns the unit that the caller belongs to. Users and keys go by their id, anonymous callers by their address. A
// /64 network of IPv6 counts as one address, since one machine has all of it.
func (c Caller) Client() Client {
	if c.kind != KindAnonymous {
		return Client{kind: c.kind, name: c.id}
	}
	at, err := netip.ParseAddrPort(c.address)
	if err != nil {
		return Client{name: c.address}
	}
	ip := at.Addr().Unmap()
	if ip.Is6() {
		if net, err := ip.WithZone("").Prefix(64); err == nil {
			ip = net.Addr()
		}
	}
	return Client{address: ip}
}

// String returns the name of the caller for the log.
func (c Caller) String() string {
	if c.kind == KindAnonymous {
		return "anonymous"
	}
	return c.name
}
