package load

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

func eventOperations() []string { return wordsOf(model.EventOperations()) }

// readEvents reads one event, such as orders.update, or a list of them.
func (l *loader) readEvents(value *node) (events []model.JobEvent) {
	items := []*node{value}
	if value.kind == list {
		items = l.readSome(value, "on", maxTraced)
		if len(items) == 0 {
			l.fault(value.pos, "on is empty: name a write, such as %s", l.anEvent())
		}
	}
	for _, item := range items {
		event, ok := l.readEvent(item)
		same := func(other model.JobEvent) bool { return other.Table == event.Table && other.Op == event.Op }
		switch {
		case !ok:
		case slices.ContainsFunc(events, same):
			l.fault(item.pos, "the event %s is repeated", event)
		default:
			events = append(events, event)
		}
	}
	return events
}

func (l *loader) readEvent(value *node) (model.JobEvent, bool) {
	source, ok := l.readText(value, "an event")
	if !ok {
		return model.JobEvent{}, false
	}
	name, word, hasWord := strings.Cut(source, ".")
	table := l.model.Table(name)
	switch {
	case !hasWord && table != nil:
		l.fault(value.pos, "an event is a table and what happens to its rows: write %s.create, %s.update or %s.delete", name, name, name)
	case !hasWord:
		l.fault(value.pos, "an event cannot be %s: write a table and what happens to its rows, such as %s", quote(source), l.anEvent())
	case table == nil:
		if !l.missing {
			l.noTableOrView(member{name: name, pos: value.pos})
		}
	case table.View != nil:
		l.fault(value.pos, "%s is a view, and nobody writes it: name a table that it reads", name)
	case !slices.Contains(eventOperations(), word):
		l.fault(value.pos, "there is no event %s%s", quote(source), cmp.Or(eventHint(name, word), suggest.DidYouMean(word, eventOperations()),
			"; it is one of "+sentence([]string{name + ".create", name + ".update", name + ".delete"})))
	default:
		return model.JobEvent{Table: table, Op: model.Operation(word), Pos: value.pos}, true
	}
	return model.JobEvent{}, false
}

// eventHint returns a hint for a word from elsewhere, or "".
func eventHint(table, word string) string {
	switch strings.ToLower(word) {
	case "created", "insert", "inserted", "post", "new":
		return "; did you mean " + table + ".create?"
	case "updated", "change", "changed", "patch", "put":
		return "; did you mean " + table + ".update?"
	case "deleted", "remove", "removed":
		return "; did you mean " + table + ".delete?"
	case "write", "save", "*", "all":
		return "; write [" + table + ".create, " + table + ".update, " + table + ".delete]"
	case "read", "list", "get":
		return ": only writes start a job"
	}
	return ""
}

// anEvent returns an event of the model for a message.
func (l *loader) anEvent() string {
	last := len(l.model.Tables) - 1
	return l.model.Tables[last].Name + ".create"
}

// onlyDeletes reports whether all events are deletions.
func onlyDeletes(events []model.JobEvent) bool {
	isOther := func(event model.JobEvent) bool { return event.Op != model.DeleteOperation }
	return len(events) > 0 && !slices.ContainsFunc(events, isOther)
}

// deletion returns the first event that is a deletion, or nil.
func deletion(events []model.JobEvent) *model.JobEvent {
	i := slices.IndexFunc(events, func(event model.JobEvent) bool { return event.Op == model.DeleteOperation })
	if i < 0 {
		return nil
	}
	return &events[i]
}

// maxSend is the largest number of fields that a job or a webhook sends.
const maxSend = 100

// maxPath is how many relations a path may follow, as in a request.
const maxPath = apilimit.Levels

// readSend reads paths to fields, as the parameter fields of a read names them. Each must exist in all tables.
func (l *loader) readSend(value *node, tables []*model.Table) (send []string) {
	for _, item := range l.readSome(value, "send", maxSend) {
		path, ok := l.readText(item, "a field")
		if !ok {
			continue
		}
		if problem := sendProblem(tables, path); problem != "" {
			l.fault(item.pos, "%s", problem)
			continue
		}
		send = l.appendOnce(send, path, item, "the field")
	}
	if value.kind == list && len(value.items) == 0 {
		l.fault(value.pos, "send is empty: name a field, or remove the key to send only the id")
	}
	return send
}

func sendProblem(tables []*model.Table, path string) string {
	for _, table := range tables {
		if problem := pathProblem(table, path); problem != "" {
			return problem
		}
	}
	return ""
}

// pathProblem returns what is wrong with a path of fields about rows of a table, or "".
func pathProblem(table *model.Table, path string) string {
	names := strings.Split(path, ".")
	for i, name := range names {
		field, relation := table.Field(name), table.Relation(name)
		isLast := i == len(names)-1
		switch {
		case isLast && field != nil && field.Secret:
			return table.Name + "." + name + " is secret, and nobody reads it"
		case isLast && (field != nil || relation != nil):
			return ""
		case relation == nil && field != nil && field.Type == model.Invalid:
			return "" // its declaration has a fault
		case relation == nil && field != nil:
			return name + " is a value of " + table.Name + ": it has no members"
		case relation == nil:
			return table.Name + " has no field " + quote(name) + suggest.DidYouMean(name, pathNames(table))
		case i == maxPath:
			return "the path " + quote(path) + " follows too many relations"
		}
		table = relation.To
	}
	return ""
}

// pathNames returns the names that a path can continue with.
func pathNames(table *model.Table) []string {
	names := readableNames(table)
	for _, relation := range table.Relations {
		names = append(names, relation.Name)
	}
	return names
}
