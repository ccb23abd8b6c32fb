package load

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

func callerKeys() []string { return []string{"roles", "user"} }

// systemWord is the caller that no rule binds.
const systemWord = "system"

// readCaller reads as whom a job reads and writes rows. tables are what the job is about.
func (l *loader) readCaller(as member, tables []*model.Table, unreadable bool) *model.JobCaller {
	value := as.value
	switch value.kind {
	case invalid:
		return nil
	case object:
	case text:
		if value.text == systemWord {
			return &model.JobCaller{System: true}
		}
		l.fault(value.pos, "as cannot be %s: write system, or a group of keys such as {roles: [%s]}", quote(value.text), l.aRole(value.text))
		return nil
	default:
		l.fault(value.pos, "as must be system, or a group of keys such as {roles: [%s]}, not %s", l.aRole(""), value.kind)
		return nil
	}
	result := &model.JobCaller{}
	for _, key := range l.known(value, "as", callerKeys()) {
		if key.name == "user" {
			result.User = l.readJobUser(key.value, tables, unreadable)
			continue
		}
		for _, item := range l.readSome(key.value, "roles", maxAccounts) {
			if role, ok := l.readRole(item); ok {
				result.Roles = l.appendOnce(result.Roles, role, item, "the role")
			}
		}
	}
	roles, user := value.get("roles"), value.get("user")
	switch {
	case roles != nil && user != nil:
		l.fault(keyOf(value, roles).pos, "a user has the roles of its account: remove roles, or user")
		return nil
	case roles == nil && user == nil:
		if !value.incomplete {
			l.fault(value.pos, "as names nobody: write system, {roles: [%s]} or {user: author_id}", l.aRole(""))
		}
		return nil
	case roles != nil && roles.kind == list && len(roles.items) == 0:
		l.fault(roles.pos, "roles is empty: name a role, or write as: system")
		return nil
	}
	return result
}

// aRole returns a role for a message: the one that is probably meant, or any.
func (l *loader) aRole(word string) string {
	for _, role := range l.model.Roles {
		if role == word {
			return role
		}
	}
	if len(l.model.Roles) > 0 {
		return l.model.Roles[0]
	}
	return "integrator"
}

// readJobUser reads the reference that leads from what a job is about to its user.
func (l *loader) readJobUser(value *node, tables []*model.Table, unreadable bool) string {
	name, ok := l.readText(value, "user")
	if !ok || unreadable {
		return ""
	}
	if problem := userProblem(tables, name); problem != "" {
		l.fault(value.pos, "user cannot be %s: %s", quote(name), problem)
		return ""
	}
	return name
}

// userProblem returns why a field does not lead to a user, or "".
func userProblem(tables []*model.Table, name string) string {
	if len(tables) == 0 {
		return "there is no row and no argument with a user; write as: system or roles"
	}
	for _, table := range tables {
		field := table.Field(name)
		switch {
		case table.Name == usersTable && name == "id", field != nil && field.Type == model.Invalid:
		case field == nil && table.Field(name+"_id") != nil:
			return "a reference has the name of its column here: write " + name + "_id"
		case field == nil:
			return table.Name + " has no field of that name" + suggest.DidYouMean(name, userReferences(table))
		case field.Ref == nil || field.Ref.Name != usersTable:
			return "it is " + describe(field) + ", and not a reference to users"
		}
	}
	return ""
}

func userReferences(table *model.Table) []string {
	var names []string
	for _, field := range table.Fields {
		if field.Ref != nil && field.Ref.Name == usersTable {
			names = append(names, field.Name)
		}
	}
	return names
}

// checkCaller reports a job that touches rows as nobody, and a caller that no rule sees.
func (l *loader) checkCaller(decl *jobDecl, action member, as *member) {
	job := decl.job
	changes := action.name == "delete" || action.name == "update"
	sends := action.value.get("send") != nil && job.AboutRow()
	needed := changes || sends
	switch {
	case decl.unreadable:
	case needed && as == nil:
		what := "sends fields of rows"
		if changes {
			what = action.name + "s rows"
		}
		l.fault(action.pos, "the job %s %s, so its rights must be said: add as: system, or the roles that it has, such as as: {roles: [%s]}", job.Name, what, l.aRole(""))
	case as != nil && job.Pull:
		l.fault(as.pos, "a worker reads rows with its own key: remove as")
	case as != nil && !needed && !job.Func && (job.Mail != nil || job.Post != nil):
		l.fault(as.pos, "the job reads no rows, so as has no effect: remove it, or add send")
	}
}

// readJobUpdate reads which rows change, and how.
func (l *loader) readJobUpdate(decl *jobDecl, key member) *model.JobUpdate {
	if kind := key.value.kind; kind != object {
		if kind != invalid {
			l.fault(key.value.pos, "update must be a group of keys such as {where: state == 'draft', set: {state: expired}}, not %s", kind)
		}
		return nil
	}
	result := &model.JobUpdate{}
	for _, part := range l.known(key.value, "update", setKeys()) {
		if part.name == "where" {
			result.Where = l.readExpr(part.value, "where")
			continue
		}
		result.Set = l.readSets(decl, part)
	}
	if !l.require(key.value, key.pos, "update", setKeys()...) || result.Where == nil || len(result.Set) == 0 {
		return nil
	}
	return result
}

// readSets reads the new values of fields.
func (l *loader) readSets(decl *jobDecl, sets member) (result []model.JobSet) {
	if !l.isObject(sets.value, "set") {
		return nil
	}
	if len(sets.value.members) == 0 {
		l.fault(sets.value.pos, "set is empty: name a field with its new value")
	}
	tables := decl.job.RowTables()
	if decl.job.Table != nil {
		tables = []*model.Table{decl.job.Table}
	}
	if len(tables) != 1 || l.isUnreadable(tables[0]) {
		return nil
	}
	for _, declared := range sets.value.members {
		field := tables[0].Field(declared.name)
		if problem := setProblem(tables[0], field, declared.name); problem != "" {
			l.fault(declared.pos, "%s", problem)
			continue
		}
		if field.Type == model.Invalid {
			continue
		}
		if expr, ok := l.readSetValue(field, declared.value); ok {
			result = append(result, model.JobSet{Field: field, Value: expr, Pos: declared.pos})
		}
	}
	return result
}

// setProblem returns why a job cannot set a field, or "".
func setProblem(table *model.Table, field *model.Field, name string) string {
	switch {
	case field == nil && table.Field(name+"_id") != nil:
		return "a reference has the name of its column here: write " + name + "_id"
	case field == nil:
		return table.Name + " has no field " + quote(name) + suggest.DidYouMean(name, readableNames(table))
	case field.System || field.ReadOnly:
		return "only the server sets " + name + ": remove it"
	case field.Immutable:
		return name + " is immutable, so an update cannot set it: remove it"
	}
	return ""
}

// readSetValue reads a new value as a default is read. Nothing makes the field missing.
func (l *loader) readSetValue(field *model.Field, value *node) (*model.Expr, bool) {
	switch {
	case value.kind == null && field.Optional:
		return nil, true
	case value.kind == null:
		l.fault(value.pos, "%s is required, so it cannot become missing: write a value", field.Name)
		return nil, false
	case field.Type == model.JSON && value.kind != invalid:
		l.fault(value.pos, "no expression makes json: a job can only empty %s, with null", field.Name)
		return nil, false
	case value.kind == text && timeShape.MatchString(value.text):
		l.fault(value.pos, "%s", timeAdvice)
		return nil, false
	}
	expr := l.readExpr(value, field.Name)
	if expr == nil {
		return nil, false
	}
	return expr, l.setConstant(field, expr, value, field.Name)
}
