package record

import (
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// A decision is the rules that decide on a write.
type decision struct {
	key    string         // tells apart the decisions on one table
	rules  []rule.Node    // the table's rule, then the write rules of fields
	fields []*model.Field // fields of the write rules
	masks  []mask         // of fields whose old value may decide on the answer
}

// mask is the read rule of a field.
type mask struct {
	field *model.Field
	rule  rule.Node
}

// decision returns the decision on a write that sets fields: by a rule of the table, and by the write rules of the fields.
func (t *table) decision(op Op, tableRule rule.Node, given []*model.Field) decision {
	d := decision{rules: []rule.Node{tableRule}}
	for _, f := range given {
		if write := t.rules.Field(f).Write; write != nil {
			d.rules, d.fields = append(d.rules, write), append(d.fields, f)
		}
	}
	d.key = strconv.Itoa(int(op)) + ":" + t.fieldSet(d.fields)
	return d
}

// addMasks adds the read rules of fields.
func (d *decision) addMasks(t *table, fields []*model.Field) {
	for _, f := range fields {
		if read := t.rules.Field(f).Read; read != nil {
			d.masks = append(d.masks, mask{f, read})
			d.key += ":" + t.fieldSet([]*model.Field{f})
		}
	}
}
