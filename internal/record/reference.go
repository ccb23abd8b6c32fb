package record

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// exists asks for a row: whether the caller may read it or, for the system, whether it is there.
func (r *request) exists(q store.Reader, t *table, id value.Value, system bool) (found bool, err error) {
	if system && !r.who().IsSystem() {
		r = r.db.request(caller.System("look up a row"))
		defer r.done()
	}
	stmt, err := t.existsStatement(r)
	if err != nil {
		return false, err
	}
	err = r.query(q, stmt, []value.Value{id}, func(value.Row) error {
		found = true
		return nil
	})
	return found, err
}

// hiddenReferences are the references that the client sets or changes and whose row it may not read, be it that there
// is none. Where everybody may read every row, and where the model lets the reference lead to any row (link), it is not
// asked: the foreign key says whether there is one.
func (r *request) hiddenReferences(q store.Reader, t *table, given []*model.Field, values, was row, masked []*model.Field) ([]*model.Field, error) {
	var hidden []*model.Field
	for _, f := range r.referencesToCheck(t, given, values, was, masked) {
		found, err := r.exists(q, r.db.tables[f.Ref], values[t.index[f]], false)
		if err != nil {
			return nil, err
		}
		if !found {
			hidden = append(hidden, f)
		}
	}
	return hidden, nil
}

// referencesToCheck are the references whose row has to be looked for. One that stays what it was is not, unless the caller may not
// read it: otherwise a caller could find out what is stored by guessing.
func (r *request) referencesToCheck(t *table, given []*model.Field, values, was row, masked []*model.Field) (look []*model.Field) {
	for _, f := range given {
		v := values[t.index[f]]
		if f.Ref == nil || v.IsNull() || f.Link || rule.AlwaysTrue(r.db.rules.Table(f.Ref).Read) {
			continue
		}
		if was != nil && sees(f, masked) && was[t.index[f]].Equal(v) {
			continue
		}
		if f.Ref == t.Table && v.Equal(values[0]) && was == nil {
			continue // a new row may refer to itself
		}
		look = append(look, f)
	}
	return look
}

// sees says whether the caller may read a field, of which masked are those that are hidden from it.
func sees(f *model.Field, masked []*model.Field) bool {
	return !f.Secret && !slices.Contains(masked, f)
}

func referenceConflict(t *table, fields []*model.Field) *errs.Error {
	e := errs.New(errs.Conflict, "a referenced row does not exist")
	for _, f := range fields {
		e.Faults = append(e.Faults, errs.Fault{Pointer: pointer(f.Name), Code: "reference", Detail: "there is no such row in " + f.Ref.Name})
	}
	return e
}
