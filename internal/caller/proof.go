package caller

import "slices"

// A Proof is the session, key or linked identity that a caller came with. It holds as long as the database has its row with the same stamp.
// Ending a session deletes the row. A change of the account, such as of its roles, raises the stamp.
type Proof struct {
	Kind  ProofKind
	ID    string
	Stamp int64
}

// A ProofKind is a sort of Proof.
type ProofKind uint8

const (
	ProofNone     ProofKind = iota // nothing to look up; the zero value
	ProofSession                   // a row of ashlar_sessions
	ProofKey                       // a row of ashlar_keys
	ProofIdentity                  // a row of ashlar_identities: the token of an issuer elsewhere
)

// Scopes bound what a key may do, whatever the rules allow its owner.
type Scopes struct {
	Names  []string              // of accounts.keys.scopes
	Tables map[string]Operations // by name of the table; the others are closed
	Jobs   []string              // names of jobs to work on
}

// Operations is a set of operations on the rows of a table.
type Operations uint8

const (
	MayRead Operations = 1 << iota
	MayCreate
	MayUpdate
	MayDelete
)

// Allow reports whether the scopes allow all these operations on a table. nil allows everything.
func (s *Scopes) Allow(table string, want Operations) bool {
	return s == nil || s.Tables[table]&want == want
}

// Named reports whether the key has the scope of a name. A key without scopes has none.
func (s *Scopes) Named(name string) bool { return s != nil && slices.Contains(s.Names, name) }
