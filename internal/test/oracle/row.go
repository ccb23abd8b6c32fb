package oracle

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Record is the values of a row by the names of its fields.
type Record map[string]ref.Val

// celRow is a row as the evaluator takes it, or a missing one: every field of which is null.
type celRow struct {
	d      *Data
	t      *model.Table
	rec    Record // nil: missing
	client bool
	writes *writing
}

// writing is the write whose access rule is asked: relations do not lead to the row that it is about.
type writing struct {
	t  *model.Table
	id ref.Val
}

// leavesOut says whether a row of a table is the one that is written.
func (w *writing) leavesOut(t *model.Table, rec Record) bool {
	return w != nil && rec != nil && w.t == t && Same(w.id, rec["id"])
}

var rowType = cel.ObjectType("row", traits.IndexerType|traits.FieldTesterType)

func (r celRow) ConvertToNative(reflect.Type) (any, error) { return nil, fmt.Errorf("no native form") }
func (r celRow) ConvertToType(ref.Type) ref.Val            { return types.NewErr("no conversion") }
func (r celRow) Value() any                                { return r.rec }
func (r celRow) Type() ref.Type {
	if r.rec == nil {
		return types.NullType
	}
	return rowType
}

func (r celRow) Equal(o ref.Val) ref.Val {
	return types.Bool(r.rec == nil && o.Type() == types.NullType)
}

func (r celRow) IsSet(name ref.Val) ref.Val {
	v := r.Get(name)
	return types.Bool(v.Type() != types.NullType)
}

func (r celRow) Get(name ref.Val) ref.Val {
	n := string(name.(types.String))
	if rel := r.t.Relation(n); rel != nil {
		return r.follow(rel)
	}
	if r.rec == nil {
		return types.NullValue
	}
	return r.d.Value(r.t.Field(n), r.rec, r.client)
}

func (r celRow) follow(rel *model.Relation) ref.Val {
	if !rel.Many {
		to := r.d.One(rel, r.rec, r.client)
		if r.writes.leavesOut(rel.To, to) {
			to = nil
		}
		return celRow{r.d, rel.To, to, r.client, r.writes}
	}
	if r.rec == nil {
		return types.NullValue
	}
	var items []ref.Val
	for _, rec := range r.d.Many(rel, r.rec, r.client) {
		if !r.writes.leavesOut(rel.To, rec) {
			items = append(items, celRow{r.d, rel.To, rec, r.client, r.writes})
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, items)
}
