package load

import "github.com/ashlar-dev/ashlar/internal/model"

// loader collects the model and its faults.
type loader struct {
	model  *model.Model
	faults model.Faults
	tables []*tableDecl
	views  []*tableDecl

	accounts      *member // nil without the key
	operate       *member // nil without the key
	backups       *member // nil without the key
	restorePoints []restorePoint
	limits        *member // nil without the key
	queues        *member // nil without the key
	jobs          *member // nil without the key
	webhooks      *member // nil without the key

	jobDecls  []*jobDecl
	scopeJobs []*node // names of jobs in the scopes of keys

	missing    bool                  // a file could not be read, so its declarations are missing
	impliedMax map[*model.Field]bool // fields with a Max chosen by the loader
}

// tableDecl is the declaration of a table or a view.
type tableDecl struct {
	table      *model.Table
	value      *node
	fields     []*fieldDecl
	unreadable bool // its fields are unknown, so every expression about it would get a fault
}

// fieldDecl is the declaration of a field.
type fieldDecl struct {
	field *model.Field
	value *node
	pos   model.Pos // of its name
}

func newLoader() *loader {
	return &loader{
		model:      &model.Model{Lines: make(map[string][]string), Operate: model.DefaultOperate(), Limits: model.DefaultLimits()},
		impliedMax: make(map[*model.Field]bool),
	}
}

// maxFaults bounds the reported faults: a file of garbage could have a million.
const maxFaults = 1000

func (l *loader) fault(at model.Pos, format string, args ...any) {
	switch n := len(l.faults); {
	case n < maxFaults:
		l.faults = append(l.faults, l.model.Fault(at, format, args...))
	case n == maxFaults:
		l.faults = append(l.faults, l.model.Fault(at, "there are more faults: these are the first %d", maxFaults))
	}
}

// unreadable reports a file or folder that cannot be read.
func (l *loader) unreadable(file, format string, args ...any) {
	l.fault(startOf(file), format, args...)
	l.missing = true
}

func startOf(file string) model.Pos { return posAt(file, 1, 1) }

func posAt(file string, line, col int) model.Pos { return model.Pos{File: file, Line: line, Col: col} }

// declOf returns the declaration of a field, or nil if the table has the field without declaring it.
func (d *tableDecl) declOf(field *model.Field) *fieldDecl {
	for _, decl := range d.fields {
		if decl.field == field {
			return decl
		}
	}
	return nil
}
