package load

import (
	"cmp"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

func keyKeys() []string { return []string{"scopes", "longest"} }

// jobsKey names the jobs of a scope, unless a table has the name.
const jobsKey = "jobs"

// operations returns the operations that a scope may allow.
func operations() []string { return []string{"read", "create", "update", "delete"} }

func (l *loader) readKeys(keys *model.Keys, value *node) {
	if !l.isObject(value, "keys") {
		return
	}
	for _, key := range l.known(value, "keys", keyKeys()) {
		if key.name == "longest" {
			l.setDuration(&keys.Longest, key, day, 3650*day)
			continue
		}
		if key.value.kind == null || !l.isObject(key.value, "scopes") {
			continue
		}
		if len(key.value.members) > maxAccounts {
			l.fault(key.pos, "there are %d scopes, but at most %d are allowed", len(key.value.members), maxAccounts)
			continue
		}
		for _, declared := range key.value.members {
			if l.checkName(declared.pos, "scope", declared.name) && l.isObject(declared.value, "a scope") {
				keys.Scopes = append(keys.Scopes, model.KeyScope{Name: declared.name, Scopes: l.readScope(declared)})
			}
		}
	}
}

// readScope reads the operations of a scope by table.
func (l *loader) readScope(declared member) caller.Scopes {
	scopes := caller.Scopes{Tables: make(map[string]caller.Operations)}
	for _, key := range declared.value.members {
		table := l.model.Table(key.name)
		switch {
		case table != nil:
			scopes.Tables[key.name] = l.readOperations(table, key.value)
		case key.name == jobsKey:
			scopes.Jobs = l.readScopeJobs(key.value)
		default:
			l.noTableOrView(key)
		}
	}
	if len(declared.value.members) == 0 {
		l.fault(declared.pos, "the scope %s allows nothing: name a table, such as {%s: read}", declared.name, l.model.Tables[0].Name)
	}
	return scopes
}

// noTableOrView reports the name of neither.
func (l *loader) noTableOrView(key member) {
	var names []string
	for _, table := range l.model.All() {
		names = append(names, table.Name)
	}
	l.fault(key.pos, "there is no table or view %s%s", quote(key.name), suggest.DidYouMean(key.name, names))
}

// readOperations reads one operation or a list of them.
func (l *loader) readOperations(table *model.Table, value *node) caller.Operations {
	items := []*node{value}
	if value.kind == list {
		items = value.items
		if len(items) == 0 {
			l.fault(value.pos, "this scope allows nothing on %s: write an operation, such as read", table.Name)
		}
	}
	var allowed caller.Operations
	for _, item := range items {
		word, ok := l.readText(item, "an operation")
		if !ok {
			continue
		}
		i := slices.Index(operations(), word)
		switch bit := caller.MayRead << max(i, 0); {
		case i < 0:
			l.fault(item.pos, "an operation cannot be %s%s", quote(word), cmp.Or(operationHint(word),
				suggest.DidYouMean(word, operations()), "; it is one of "+sentence(operations())))
		case i > 0 && table.View != nil:
			l.fault(item.pos, "%s is a view: a scope can allow read alone", table.Name)
		case allowed&bit != 0:
			l.fault(item.pos, "%s is repeated", word)
		default:
			allowed |= bit
		}
	}
	return allowed
}

// operationHint returns a hint for a word that stands for several operations, or "".
func operationHint(word string) string {
	switch word {
	case "write":
		return "; write [create, update, delete]"
	case "all", "*", "admin":
		return "; write [read, create, update, delete]"
	}
	return ""
}

func (l *loader) readScopeJobs(value *node) []string {
	var jobs []string
	for _, item := range l.readSome(value, jobsKey, maxAccounts) {
		if job, ok := l.readText(item, "a job"); ok && l.checkName(item.pos, "job", job) {
			jobs = l.appendOnce(jobs, job, item, "the job")
			l.scopeJobs = append(l.scopeJobs, item)
		}
	}
	return jobs
}
