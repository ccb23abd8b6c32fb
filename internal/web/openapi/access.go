package openapi

import (
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// access holds the operations of a table that at least one caller may use. The system caller does not count.
type access struct {
	read, create, update, delete bool
}

// allows reports whether some caller may send requests of a method.
func (a access) allows(method string) bool {
	switch method {
	case http.MethodGet:
		return a.read
	case http.MethodPost:
		return a.create
	case http.MethodPatch:
		return a.update
	case http.MethodDelete:
		return a.delete
	}
	return false
}

func (a access) any() bool { return a.read || a.create }

// accessTo looks only at the rules, like the server before it asks the database. A rule that is true for nobody
// closes its operation.
func accessTo(rules *rule.Table) access {
	read := !rule.NeverTrue(rules.Read)
	return access{
		read:   read,
		create: !rule.NeverTrue(rules.Create),
		update: read && !rule.NeverTrue(rules.UpdateFrom) && !rule.NeverTrue(rules.UpdateTo),
		delete: read && !rule.NeverTrue(rules.Delete),
	}
}

// operation holds the rules for requests of one method on a table.
type operation struct {
	rules []rule.Node
}

func (d *document) operation(table *model.Table, method string) operation {
	rules := d.rules.Table(table)
	switch method {
	case http.MethodPost:
		return operation{[]rule.Node{rules.Create}}
	case http.MethodPatch:
		return operation{[]rule.Node{rules.Read, rules.UpdateFrom, rules.UpdateTo}}
	case http.MethodDelete:
		return operation{[]rule.Node{rules.Read, rules.Delete}}
	}
	return operation{[]rule.Node{rules.Read}}
}

// open reports whether the operation is open to everyone on every row.
func (o operation) open() bool {
	for _, node := range o.rules {
		if !rule.AlwaysTrue(node) {
			return false
		}
	}
	return true
}

// security returns the requirement of an operation and a sentence about it. An operation needs a token if its rules
// cannot be true without one. Otherwise a token is optional: it affects the rows and members in the answer.
func (d *document) security(o operation) (required []any, about string) {
	token := object{{"bearer", []any{}}}
	for _, node := range o.rules {
		if rule.NeverTrue(d.stranger.Fold(node)) {
			return []any{token}, "Needs a token."
		}
	}
	if o.open() {
		return []any{object{}, token}, "Open to everyone."
	}
	return []any{object{}, token}, "A token is not needed for every row."
}

// stranger folds rules for a caller without a token. It leaves parts that depend on the time: they may become true.
func stranger(rules *rule.Rules) rule.Folder {
	slots := rules.Slots.List
	states, values := make([]rule.State, len(slots)), make([]value.Value, len(slots))
	rules.Slots.Bind(&rule.Env{}, states, values)
	for i, slot := range slots {
		if rule.UsesNow(slot.Node) {
			states[i] = rule.IsValue
		}
	}
	return rule.Folder{States: states}
}
