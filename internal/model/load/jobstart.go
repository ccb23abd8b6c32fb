package load

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/job/cron"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// startKeys are the keys that start a job without a request. They exclude each other.
func startKeys() []string { return []string{"on", "cron", "every", "at"} }

// readStart reads what starts a job.
func (l *loader) readStart(decl *jobDecl, keys []member) {
	job := decl.job
	faults := len(l.faults)
	for _, key := range keys {
		switch key.name {
		case "on":
			job.On = l.readEvents(key.value)
		case "cron":
			job.Cron, decl.needsZone = l.readCron(key.value)
		case "zone":
			job.Zone = l.readZone(key.value)
		case "missed":
			if i, ok := l.readChoice(key.value, "missed", missedWords()); ok {
				job.Missed = cron.Policies()[i]
			}
		case "every":
			l.setDuration(&job.Every, key, minEvery, maxEvery)
		case "table":
			job.Table = l.readJobTable(key.value)
		case "at":
			job.At = l.readExpr(key.value, "at")
		case "when":
			job.When = l.readExpr(key.value, "when")
		case "args":
			l.readArgs(decl, key)
		case "access":
			job.Enqueue = l.readEnqueue(key)
		}
	}
	l.checkStart(decl, keys)
	decl.unreadable = len(l.faults) > faults || slices.ContainsFunc(job.RowTables(), l.isUnreadable)
}

// readJobTable reads the table whose rows have timers, or whose rows change.
func (l *loader) readJobTable(value *node) *model.Table {
	name, ok := l.readText(value, "table")
	if !ok {
		return nil
	}
	table := l.model.Table(name)
	switch {
	case table == nil && l.missing:
	case table == nil:
		l.noTable(value.pos, name)
	case table.View != nil:
		l.fault(value.pos, "%s is a view: name a table", name)
		return nil
	}
	return table
}

func (l *loader) readEnqueue(access member) (enqueue *model.Expr) {
	if !l.isObject(access.value, "access") {
		return nil
	}
	for _, key := range l.known(access.value, "access", jobAccessKeys()) {
		enqueue = l.readExpr(key.value, "enqueue")
	}
	l.require(access.value, access.pos, "access", jobAccessKeys()...)
	return enqueue
}

// isUnreadable reports whether the fields of a table are unknown.
func (l *loader) isUnreadable(table *model.Table) bool {
	return slices.ContainsFunc(l.tables, func(decl *tableDecl) bool { return decl.table == table && decl.unreadable })
}

// checkStart reports a job that nothing starts, and keys that contradict its start.
func (l *loader) checkStart(decl *jobDecl, keys []member) {
	job, value := decl.job, decl.value
	var starts []member
	for _, key := range keys {
		if slices.Contains(startKeys(), key.name) {
			starts = append(starts, key)
		}
	}
	args, access := value.get("args"), value.get("access")
	switch {
	case len(starts) > 1:
		l.fault(starts[1].pos, "a job has one start, and this one has %s and %s: make two jobs of it", starts[0].name, starts[1].name)
		return
	case len(starts) == 0:
		if args == nil && access == nil && !value.incomplete {
			l.fault(job.Pos, "nothing starts the job %s: add on, cron, every, at or access, such as on: %s", job.Name, l.anEvent())
		}
	case args != nil:
		l.fault(keyOf(value, args).pos, "arguments come with a request, but %s starts this job: remove args, or make another job", starts[0].name)
		return
	case access != nil && (starts[0].name == "on" || starts[0].name == "at"):
		l.fault(keyOf(value, access).pos, "the job is about a row, which a request does not give: remove access, or make another job with the row as an argument")
		return
	}
	start := ""
	if len(starts) == 1 {
		start = starts[0].name
	}
	l.checkAt(decl, start)
	l.checkWhen(decl, start)
	l.checkCron(decl, start)
}

// checkAt reports timers without a table.
func (l *loader) checkAt(decl *jobDecl, start string) {
	table := decl.value.get("table")
	switch {
	case start == "at" && table == nil && !decl.value.incomplete:
		l.fault(keyOf(decl.value, decl.value.get("at")).pos, "at is the time of a row: add the key table, such as table: %s", l.model.Tables[len(l.model.Tables)-1].Name)
	case start == "on" && table != nil:
		l.fault(keyOf(decl.value, table).pos, "on names the table already: remove table")
	}
	if decl.job.Table == nil {
		decl.job.At = nil // a timer always has a table
	}
}

// checkWhen reports a condition about a row that is not there.
func (l *loader) checkWhen(decl *jobDecl, start string) {
	when := decl.value.get("when")
	if when == nil || start == "on" || start == "at" {
		return
	}
	decl.job.When = nil
	l.fault(keyOf(decl.value, when).pos, "when is about the row that starts a job, but no row starts this one: remove when, or add on or at")
}

// keyOf returns the member of a group with a value.
func keyOf(group, value *node) member {
	i := slices.IndexFunc(group.members, func(key member) bool { return key.value == value })
	return group.members[i]
}
