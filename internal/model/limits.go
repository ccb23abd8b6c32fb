package model

import (
	"slices"
	"time"
)

// Limits says how much a caller may ask of a server. The loader has filled in every default.
type Limits struct {
	Rules []Limit // address and caller come first, unless the file turns them off
	Query QueryLimit
}

// DefaultLimits returns what holds for a model without the key limits.
func DefaultLimits() *Limits {
	return &Limits{
		Rules: []Limit{
			{Name: "address", Per: PerAddress, Rates: []Rate{{Count: 300, Window: 10 * time.Second}}, SparesLoopback: true},
			{Name: "caller", Per: PerCaller, Rates: []Rate{{Count: 1000, Window: 10 * time.Second}}, InFlight: 16, SparesLoopback: true},
		},
		Query: QueryLimit{Time: 5 * time.Second},
	}
}

// Rule returns the rule of that name, or nil.
func (l *Limits) Rule(name string) *Limit {
	i := slices.IndexFunc(l.Rules, func(rule Limit) bool { return rule.Name == name })
	if i < 0 {
		return nil
	}
	return &l.Rules[i]
}

// A Limit is one rule: it bounds the requests that it is about, for each address, caller or key.
type Limit struct {
	Name string
	Per  LimitUnit

	// A request counts if its route or its table is listed, as in an SLO. Without routes and tables every request counts.
	Tables []string // tables and views
	Routes []string // such as "POST /api/orders"; never together with Operations

	// Operations further restricts the requests to these operations on rows, of the Tables or of all tables. None: all
	// operations, and requests that are about no table.
	Operations []Operation
	Scope      string // the rule is about keys with this scope of accounts.keys.scopes; "": about everybody

	Rates    []Rate // each must have room for a request; none only with InFlight
	InFlight int    // requests at work at once; 0: no bound

	// SparesLoopback leaves out requests from this machine. Only the two rules that the file does not give do so. A load
	// test, a seed script or a proxy that --trusted-proxies does not name yet would otherwise run into a limit that nobody
	// asked for.
	SparesLoopback bool
	Pos            Pos
}

// A LimitUnit is what a limit counts separately.
type LimitUnit string

const (
	PerAddress LimitUnit = "address" // address of the client; a /64 network of IPv6 is one
	PerCaller  LimitUnit = "caller"  // user, key or service; an anonymous caller counts by its address
	PerKey     LimitUnit = "key"     // API key; other callers are not counted
	PerAll     LimitUnit = "all"     // all requests together
)

// An Operation is what a request does with rows of a table.
type Operation string

const (
	ListOperation   Operation = "list"
	GetOperation    Operation = "get"
	CreateOperation Operation = "create"
	UpdateOperation Operation = "update"
	DeleteOperation Operation = "delete"
)

// Operations returns all operations.
func Operations() []Operation {
	return []Operation{ListOperation, GetOperation, CreateOperation, UpdateOperation, DeleteOperation}
}

// LimitUnits returns all units.
func LimitUnits() []LimitUnit { return []LimitUnit{PerAddress, PerCaller, PerKey, PerAll} }

// A Rate is a number of requests in a time. A quota is a Rate with a long window.
type Rate struct {
	Count  int
	Window time.Duration
	Burst  int // requests that may come at once; 0: Count
}

// A QueryLimit bounds one query of a client.
type QueryLimit struct {
	Rows   int           // rows that the plan may touch; 0: no bound
	Time   time.Duration // of one read, whatever its statements
	Except []string      // scopes of keys that it does not bind
}

// A Cache says how long answers with rows of a table may be reused.
type Cache struct {
	Public time.Duration // by proxies and browsers, for everybody; 0: not at all
	Stale  time.Duration // by a node, without asking the database whether the rows changed; 0: not at all
	Pos    Pos           // of public in the file, for faults
}
