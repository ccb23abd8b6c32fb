package input

import (
	"slices"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Stored is the old row of a write, with what the caller may do to it.
type Stored struct {
	Values   []value.Value
	Revision int64
	Masked   []*model.Field // compared fields, hidden from the caller
	Refused  []*model.Field // fields with a write rule that says no
}

// MayRead reports whether the caller may read a field of the old row.
func (s *Stored) MayRead(field *model.Field) bool {
	return !field.Secret && !slices.Contains(s.Masked, field)
}

// Compared returns the fields whose stored value may decide on the answer. A hidden value must not decide, so a write asks
// the read rules of these fields.
func (b *Body) Compared(rules *rule.Rules) (fields []*model.Field) {
	for _, field := range b.Given {
		if field.Ref != nil || rules.Field(field).Write != nil || slices.Contains(b.Patches, field) {
			fields = append(fields, field)
		}
	}
	for _, fixed := range b.Fixed {
		fields = append(fields, fixed.Field)
	}
	return fields
}

// Against returns the body without members that change nothing. It drops a member with a write rule, or a fixed member, if
// the caller can read its value in the old row. Other fixed members are faults. refused are the remaining fields with a
// write rule that says no.
func (b *Body) Against(rules *rule.Rules, old *Stored) (rest *Body, refused []*model.Field, err error) {
	same := func(field *model.Field, v value.Value) bool {
		return old.MayRead(field) && v.Equal(old.Values[b.index(field)])
	}
	unchanged := func(field *model.Field) bool {
		return rules.Field(field).Write != nil && same(field, b.Values[b.index(field)])
	}
	drop := func(fields []*model.Field) []*model.Field {
		return slices.DeleteFunc(slices.Clone(fields), unchanged)
	}
	if refused = drop(old.Refused); len(refused) > 0 {
		return nil, refused, nil
	}
	rest = &Body{table: b.table, Values: b.Values, Given: drop(b.Given), Patches: drop(b.Patches)}
	for _, fixed := range b.Fixed {
		if !same(fixed.Field, fixed.Value) {
			rest.refuseFixed(fixed.Field)
		}
	}
	return rest, nil, rest.Err()
}

// maxJSON bounds a merged json field, in bytes. A body cannot hold more either.
const maxJSON = 1 << 20

// Merge applies the patches of the body to json fields of the old row. It sets the results in values and checks them. A
// field that the caller may not read counts as missing.
func (b *Body) Merge(values []value.Value, old *Stored) error {
	merged := newBody(b.table)
	for _, field := range b.Patches {
		i := b.index(field)
		text := ""
		if !slices.Contains(old.Masked, field) {
			text = old.Values[i].Text
		}
		text = value.MergeJSON(text, b.Values[i].Text)
		if len(text) > maxJSON {
			merged.fault(field.Name, "too_long", "merged with what is stored it has more than "+strconv.Itoa(maxJSON)+" bytes")
			continue
		}
		v, faults := value.ParseJSON(field, []byte(text), Pointer(field.Name))
		values[i] = v
		merged.addFaults(faults...)
	}
	return merged.Err()
}

// MergeSize returns how many bytes Merge would read: the patches and the old values.
func (b *Body) MergeSize(old *Stored) (bytes int) {
	for _, field := range b.Patches {
		i := b.index(field)
		bytes += len(old.Values[i].Text) + len(b.Values[i].Text)
	}
	return bytes
}
