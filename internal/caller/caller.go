// Package caller says who asks.
package caller

import (
	"net/netip"
	"slices"
)

// Kind is what sort of caller asks.
type Kind uint8

const (
	KindAnonymous Kind = iota // nobody said who; the zero value
	KindUser                  // a row of the users table
	KindKey                   // an API key
	KindSystem                // our own code, named
)

func (k Kind) String() string {
	return [...]string{"anonymous", "user", "key", "system"}[k]
}

// Kinds are the names of all kinds.
func Kinds() []string {
	names := make([]string, KindSystem+1)
	for k := range names {
		names[k] = Kind(k).String()
	}
	return names
}

// Caller is who asks. The zero value is anonymous: forgetting to set a caller can only lose rights. It is a value,
// never a pointer, so it is never missing.
type Caller struct {
	kind     Kind
	id       string
	email    string
	roles    []string
	verified bool
	mfa      bool
	address  string // that the request came from
}

// Identity is what is known about a user or a key that has proven who it is.
type Identity struct {
	ID       string // required
	Email    string // "" when unknown
	Roles    []string
	Verified bool // the address was confirmed
	MFA      bool // a second factor was used
}

// User returns the caller for a proven user. It panics without an id, since such a user would be nobody in particular.
func User(id Identity) Caller { return named(KindUser, id) }

// Key returns the caller for a proven API key.
func Key(id Identity) Caller { return named(KindKey, id) }

func named(kind Kind, id Identity) Caller {
	if id.ID == "" {
		panic("caller: " + kind.String() + " without an id")
	}
	return Caller{kind: kind, id: id.ID, email: id.Email, roles: slices.Clone(id.Roles), verified: id.Verified, mfa: id.MFA}
}

// System returns the caller that no rule binds. Only our own code constructs it, and says for what, as its id.
func System(purpose string) Caller {
	if purpose == "" {
		panic("caller: system without a purpose")
	}
	return Caller{kind: KindSystem, id: purpose}
}

func (c Caller) Kind() Kind        { return c.kind }
func (c Caller) IsAnonymous() bool { return c.kind == KindAnonymous }
func (c Caller) IsSystem() bool    { return c.kind == KindSystem }

// ID returns the caller's id; anonymous has none.
func (c Caller) ID() (string, bool) { return c.id, c.id != "" }

// Email returns the caller's address; anonymous and whoever has no address have none.
func (c Caller) Email() (string, bool) { return c.email, c.email != "" }

// Roles returns the names of the roles that the caller holds; the caller of this method must not change it.
func (c Caller) Roles() []string { return c.roles }

func (c Caller) Verified() bool { return c.verified }
func (c Caller) MFA() bool      { return c.mfa }

// From returns the caller with the address that the request came from, as host:port. No rule sees it.
func (c Caller) From(address string) Caller {
	c.address = address
	return c
}

// Client tells callers apart where they share something. It can be the key of a map.
type Client struct {
	kind    Kind
	name    string
	address netip.Addr
}

// Client returns who shares as one: a user or a key by its id, anonymous callers by their address. A network of IPv6
// (/64) is one address, since one machine has all of it.
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

// String names the caller for a log line.
func (c Caller) String() string {
	if c.kind == KindAnonymous {
		return "anonymous"
	}
	return c.kind.String() + ":" + c.id
}
