package openapi

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// access is which operations of a table some caller may pass, the system aside.
type access struct {
	read, create, update, delete bool
}

func (a access) any() bool { return a.read || a.create }

// accessTo looks at rules alone, as the server does before it asks the database: what can be true for nobody is closed.
func accessTo(r *rule.Table) access {
	read := !rule.NeverTrue(r.Read)
	return access{
		read:   read,
		create: !rule.NeverTrue(r.Create),
		update: read && !rule.NeverTrue(r.UpdateFrom) && !rule.NeverTrue(r.UpdateTo),
		delete: read && !rule.NeverTrue(r.Delete),
	}
}

// operation is one of the five things that can be done to a table.
type operation struct {
	table *model.Table
	rules []rule.Node // that must hold
}

// open says whether the operation is open to everyone, whatever the row.
func (o operation) open() bool {
	for _, n := range o.rules {
		if !rule.AlwaysTrue(n) {
			return false
		}
	}
	return true
}

// security is the requirement of an operation, and a sentence about it: a token where the rules cannot be true for a
// caller without one, else a token or none, since it decides what rows and members the caller is shown.
func (d *document) security(o operation) (required []any, about string) {
	token := object{{"bearer", []any{}}}
	for _, n := range o.rules {
		if rule.NeverTrue(d.stranger.Fold(n)) {
			return []any{token}, "Needs a token."
		}
	}
	if o.open() {
		return []any{object{}, token}, "Open to everyone."
	}
	return []any{object{}, token}, "A token is not needed for every row."
}

// stranger folds rules for a caller without a token. What depends on the time is left as it is: it may come to hold.
func stranger(rules *rule.Rules) rule.Folder {
	slots := rules.Slots.List
	states, values := make([]rule.State, len(slots)), make([]value.Value, len(slots))
	rules.Slots.Bind(&rule.Env{}, states, values)
	for i, s := range slots {
		if rule.UsesNow(s.Node) {
			states[i] = rule.IsValue
		}
	}
	return rule.Folder{States: states}
}
