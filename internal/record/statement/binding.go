// Package statement picks the statements of a request.
//
// A rule has parts that depend only on the caller and the time, called slots. The package evaluates the slots once a
// request. Callers with the same states of all slots are a class, and a class shares its statements.
package statement

import (
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Binding is one request as statements see it: the caller, the time and the slots. It is reused by later requests, one
// at a time, and not safe for concurrent use.
type Binding struct {
	rules   *rule.Rules
	dialect sqlgen.Dialect
	env     rule.Env
	states  []rule.State  // of the model's slots, then of the filter's
	values  []value.Value // likewise
	args    []value.Value // arguments of the statement that is about to run
}

// NewBinding returns a Binding that is ready for Begin.
func NewBinding(rules *rule.Rules, dialect sqlgen.Dialect) *Binding {
	n := len(rules.Slots.List)
	return &Binding{rules: rules, dialect: dialect, states: make([]rule.State, n, n+8), values: make([]value.Value, n, n+8)}
}

// Begin evaluates the slots of the rules for a caller. now is in microseconds since 1970.
func (b *Binding) Begin(who caller.Caller, now int64) {
	b.env = rule.Env{Caller: who, Now: now}
	b.UnbindFilter()
	b.rules.Slots.Bind(&b.env, b.states, b.values)
}

// Reset drops all references to the request.
func (b *Binding) Reset() {
	b.env = rule.Env{}
	clear(b.values[:cap(b.values)])
	clear(b.args[:cap(b.args)])
}

// BindFilter evaluates the slots of a filter, in place of an earlier filter's.
func (b *Binding) BindFilter(slots *rule.Slots, args map[string]value.Value) {
	b.UnbindFilter()
	b.env.Args = args
	n := slots.Base + len(slots.List)
	for len(b.states) < n {
		b.states, b.values = append(b.states, 0), append(b.values, value.Value{})
	}
	slots.Bind(&b.env, b.states[slots.Base:n], b.values[slots.Base:n])
}

// UnbindFilter drops the slots of a filter.
func (b *Binding) UnbindFilter() {
	n := len(b.rules.Slots.List)
	b.env.Args = nil
	b.states, b.values = b.states[:n], b.values[:n]
}

// Caller returns the caller.
func (b *Binding) Caller() caller.Caller { return b.env.Caller }

// Now returns the time of the request, in microseconds since 1970.
func (b *Binding) Now() int64 { return b.env.Now }

// Env returns what expressions are evaluated in. The caller must not change it.
func (b *Binding) Env() *rule.Env { return &b.env }

// Values returns the values of the slots: of the model's, then of the filter's.
func (b *Binding) Values() []value.Value { return b.values }

// Folder returns a Folder of conditions for the class of the request.
func (b *Binding) Folder() rule.Folder { return rule.Folder{States: b.states} }

// Generator returns a new generator of statements for the class of the request.
func (b *Binding) Generator() *sqlgen.Generator {
	return &sqlgen.Generator{Dialect: b.dialect, Rules: b.rules, System: b.env.Caller.IsSystem(), Folder: b.Folder()}
}

// Query runs a statement that reads.
func (b *Binding) Query(reader store.Reader, stmt *sqlgen.Statement, inputs []value.Value, row func(value.Row) error) error {
	return reader.Query(stmt.SQL, b.bind(stmt, inputs), row)
}

// Exec runs a statement that writes.
func (b *Binding) Exec(tx store.Tx, stmt *sqlgen.Statement, inputs []value.Value) error {
	_, err := tx.Exec(stmt.SQL, b.bind(stmt, inputs))
	return err
}

// ExecDeferred runs a deletion that other rows go along with.
func (b *Binding) ExecDeferred(tx store.Tx, stmt *sqlgen.Statement, inputs []value.Value) error {
	_, err := tx.ExecDeferred(stmt.SQL, b.bind(stmt, inputs))
	return err
}

// bind returns the arguments of a statement. They are valid until the next statement: none runs inside another.
func (b *Binding) bind(stmt *sqlgen.Statement, inputs []value.Value) []value.Value {
	b.args = stmt.Bind(b.args[:0], b.values, inputs)
	return b.args
}

// Bound returns a statement with arguments of its own.
func (b *Binding) Bound(stmt *sqlgen.Statement, inputs []value.Value) store.Statement {
	return store.Statement{SQL: stmt.SQL, Args: stmt.Bind(make([]value.Value, 0, len(stmt.Args)), b.values, inputs)}
}

// appendClass appends a name of the request's class. States are the slots that count.
func (b *Binding) appendClass(dst []byte, states []rule.State) []byte {
	if b.env.Caller.IsSystem() {
		dst = append(dst, 's')
	}
	for _, state := range states {
		dst = append(dst, byte(state))
	}
	return append(dst, '|')
}
