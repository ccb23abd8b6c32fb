package load

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	maxArgs = 50

	// runAtName is a member of a request that starts a job, beside its arguments.
	runAtName = "run_at"
)

// argKeys are the keys of an argument. They are keys of a field.
func argKeys() []string {
	return []string{"type", "ref", "doc", "optional", "precision", "scale", "values", "as", "min", "max", "pattern", "format", "schema"}
}

// readArgs reads the arguments of a job as fields of a table that is in no model.
func (l *loader) readArgs(decl *jobDecl, args member) {
	if args.value.kind == null || (args.value.kind == object && len(args.value.members) == 0) {
		l.fault(args.pos, "args names no argument: add one, such as args: {report: {ref: reports}}, or remove the key")
		return
	}
	if !l.isObject(args.value, "args") {
		return
	}
	if len(args.value.members) > maxArgs {
		l.fault(args.value.members[maxArgs].pos, "the job %s has %d arguments, but may have at most %d", decl.job.Name, len(args.value.members), maxArgs)
		return
	}
	table := &tableDecl{table: &model.Table{Name: "args", Pos: args.pos}}
	for _, declared := range args.value.members {
		l.declareArg(table, declared)
	}
	decl.args, decl.job.Args = table.table, table.table.Fields
}

// declareArg adds an argument. One without a valid type becomes Invalid.
func (l *loader) declareArg(table *tableDecl, declared member) {
	if !l.checkMemberName(declared.pos, "job argument", declared.name) {
		return
	}
	if declared.name == runAtName {
		l.fault(declared.pos, "%s cannot be a job argument name: a request says with it when the job starts", runAtName)
		return
	}
	kept := declared
	kept.value = l.argValue(declared)
	field := &fieldDecl{field: &model.Field{Name: declared.name, Pos: declared.pos}, value: l.fieldValue(kept), pos: declared.pos}
	l.readType(field)
	if table.table.Field(field.field.Name) != nil {
		l.fault(declared.pos, "there are two arguments %s: rename one of them", field.field.Name)
		return
	}
	table.table.AddField(field.field)
	l.readFieldKeys(field)
}

// argValue returns an argument without the keys that only fields of tables have. It reports these.
func (l *loader) argValue(declared member) *node {
	value := declared.value
	if value.kind != object {
		return value
	}
	kept := *value
	kept.members = nil
	for _, key := range value.members {
		if slices.Contains(fieldKeyNames(), key.name) && !slices.Contains(argKeys(), key.name) {
			l.fault(key.pos, "an argument cannot have %s: it is for fields of tables", key.name)
			kept.incomplete = true
			continue
		}
		kept.members = append(kept.members, key)
	}
	return &kept
}
