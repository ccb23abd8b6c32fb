package record

import (
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/input"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// mayRead reports whether the caller may read a row.
func (r *request) mayRead(reader store.Reader, t *table, id value.Value) (found bool, err error) {
	stmt, err := t.existsStatement(r.Binding)
	if err != nil {
		return false, err
	}
	err = r.Query(reader, stmt, []value.Value{id}, func(value.Row) error {
		found = true
		return nil
	})
	return found, err
}

// exists reports whether there is a row, whoever may read it.
func (r *request) exists(reader store.Reader, t *table, id value.Value) (found bool, err error) {
	if !r.Caller().IsSystem() {
		r = r.db.requestAt(caller.System("look up a row"), r.Now())
		defer r.end()
	}
	return r.mayRead(reader, t, id)
}

// referencesToCheck returns the references whose target the caller must be allowed to read. old is nil for a new row.
//
// A reference that does not change needs no check, unless the caller may not read it: otherwise a caller could guess the
// stored value. A target that everybody may read needs none either, nor a reference with the option link. The foreign key
// checks that their targets exist.
func (r *request) referencesToCheck(t *table, given []*model.Field, values []value.Value, old *input.Stored) (fields []*model.Field) {
	for _, f := range given {
		target := values[t.index[f]]
		if f.Ref == nil || target.IsNull() || f.Link || rule.AlwaysTrue(r.db.rules.Table(f.Ref).Read) {
			continue
		}
		if old != nil && old.MayRead(f) && old.Values[t.index[f]].Equal(target) {
			continue
		}
		if old == nil && f.Ref == t.Table && target.Equal(values[0]) {
			continue // a new row may refer to itself
		}
		fields = append(fields, f)
	}
	return fields
}

// hiddenReferences returns the references to check whose target the caller may not read, or that does not exist.
func (r *request) hiddenReferences(reader store.Reader, t *table, given []*model.Field, values []value.Value, old *input.Stored) (hidden []*model.Field, err error) {
	for _, f := range r.referencesToCheck(t, given, values, old) {
		found, err := r.mayRead(reader, r.db.tables[f.Ref], values[t.index[f]])
		if err != nil {
			return nil, err
		}
		if !found {
			hidden = append(hidden, f)
		}
	}
	return hidden, nil
}

// danglingReferences returns the references whose target does not exist.
func (r *request) danglingReferences(reader store.Reader, t *table, values []value.Value) (dangling []*model.Field, err error) {
	for i, f := range t.Fields {
		if f.Ref == nil || values[i].IsNull() {
			continue
		}
		found, err := r.exists(reader, r.db.tables[f.Ref], values[i])
		if err != nil {
			return nil, err
		}
		if !found {
			dangling = append(dangling, f)
		}
	}
	return dangling, nil
}

// referenceConflict is the error for references to rows that do not exist in the caller's eyes.
func referenceConflict(fields []*model.Field) *errs.Error {
	e := errs.New(errs.Conflict, "a referenced row does not exist")
	for _, f := range fields {
		e.Faults = append(e.Faults, errs.Fault{Pointer: input.Pointer(f.Name), Code: "reference", Detail: "there is no such row in " + f.Ref.Name})
	}
	return e
}
