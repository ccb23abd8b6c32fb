// Package input checks what a client sends for a row.
package input

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Body is a request body, checked as far as possible without the database.
type Body struct {
	Values  []value.Value  // by field of the table; Null if the body does not set the field; with room for one more
	Given   []*model.Field // fields in the body
	Patches []*model.Field // json fields with a merge patch as their value
	Fixed   []FixedMember

	table  *model.Table
	faults []errs.Fault // the first maxFaults
	count  int          // number of all faults
}

// A FixedMember is a member that no update may change. It is allowed with the stored value, because clients send rows back
// as they read them.
type FixedMember struct {
	Field *model.Field
	Value value.Value
}

// maxFaults bounds the faults of an answer. Without it, 100,000 unknown members in a body of 1 MB would make an answer of
// 7 MB.
const maxFaults = 100

// ForCreate checks the members for a new row. Only the system may set read-only fields.
func ForCreate(table *model.Table, members []value.Member, system bool) *Body {
	b := newBody(table)
	for _, member := range members {
		switch field := b.field(member); {
		case field == nil:
			b.unknownMember(member.Name)
		case isTime(field):
			b.fault(member.Name, "read_only", "the server sets it")
		case field.ReadOnly && !system:
			b.fault(member.Name, "read_only", "it belongs to the account: no request of the data API changes it")
		default:
			b.parse(field, field, member)
		}
	}
	return b
}

// ForUpdate checks the members of a merge patch for the row with an id. Only the system may set read-only fields.
func ForUpdate(table *model.Table, id value.Value, members []value.Member, system bool) *Body {
	b := newBody(table)
	for _, member := range members {
		switch field := b.field(member); {
		case field == nil:
			b.unknownMember(member.Name)
		case field.Immutable || isTime(field) || (field.ReadOnly && !system):
			b.parseFixed(field, member, id)
		case field.Type == model.JSON && member.Raw.Kind() == '{':
			patch := *field
			patch.JSONSchema = nil // the schema is about the merged value
			b.parse(field, &patch, member)
			b.Patches = append(b.Patches, field)
		default:
			b.parse(field, field, member)
		}
	}
	return b
}

func newBody(table *model.Table) *Body {
	fields := len(table.Fields)
	return &Body{table: table, Values: make([]value.Value, fields, fields+1), Given: make([]*model.Field, 0, fields)}
}

// field returns the field of a member, or nil if there is none.
func (b *Body) field(member value.Member) *model.Field {
	field := b.table.Field(member.Name)
	if field == nil || field.Type == model.Invalid {
		return nil
	}
	return field
}

// index returns the index of a field in Values.
func (b *Body) index(field *model.Field) int { return slices.Index(b.table.Fields, field) }

// isTime reports whether the server sets a field.
func isTime(field *model.Field) bool { return field.Name == "created_at" || field.Name == "updated_at" }

// parse parses a member as the value of a field, within the limits of another field.
func (b *Body) parse(field, limits *model.Field, member value.Member) {
	v, faults := value.ParseJSON(limits, member.Raw, "")
	for i := range faults {
		faults[i].Pointer = Pointer(member.Name) + faults[i].Pointer
	}
	b.addFaults(faults...)
	if v.IsNull() && len(faults) == 0 && !field.Optional {
		b.fault(member.Name, "required", "it cannot be missing")
	}
	if field == b.table.ID() && (v.Text == "." || v.Text == "..") {
		b.fault(member.Name, "format", "it cannot be . or .., which no URL can end with")
	}
	b.Values[b.index(field)] = v
	b.Given = append(b.Given, field)
}

// parseFixed parses a fixed member. It refuses an invalid value, which is never the stored one.
func (b *Body) parseFixed(field *model.Field, member value.Member, id value.Value) {
	isID := field == b.table.ID()
	v, faults := value.ParseJSON(field, member.Raw, Pointer(member.Name))
	switch {
	case len(faults) > 0, v.IsNull() && !field.Optional, isID && !v.Equal(id):
		b.refuseFixed(field)
	case !isID:
		b.Fixed = append(b.Fixed, FixedMember{field, v})
	}
}

// Check asks about each value that the body gives and that has no fault yet. A nil function is no check.
func (b *Body) Check(ask func(field *model.Field, v value.Value) error) {
	if ask == nil {
		return
	}
	for _, field := range b.Given {
		v := b.Values[b.index(field)]
		if v.IsNull() || b.hasFaultFor(field) {
			continue
		}
		if err := ask(field, v); err != nil {
			b.fault(field.Name, "format", err.Error())
		}
	}
}

func (b *Body) refuseFixed(field *model.Field) {
	const advice = ": leave it out, or send what the row has"
	switch {
	case isTime(field):
		b.fault(field.Name, "read_only", "the server sets it"+advice)
	case field.ReadOnly:
		b.fault(field.Name, "read_only", "it belongs to the account, so no request of the data API changes it"+advice)
	default:
		b.fault(field.Name, "immutable", "it can only be set when the row is created"+advice)
	}
}

func (b *Body) unknownMember(name string) {
	if len(b.faults) == maxFaults {
		b.count++ // a hint costs more than counting
		return
	}
	b.fault(name, "unknown", hintFor(b.table, name))
}

// hintFor explains an unknown member: what the client probably meant.
func hintFor(table *model.Table, name string) string {
	if rel := table.Relation(name); rel != nil {
		if rel.To.View != nil {
			return "leave it out: it is the view " + rel.To.Name + ", which cannot be written"
		}
		if rel.Many {
			return "it is the reverse of a reference: leave it out, and write the rows of " + rel.To.Name + " instead"
		}
		return "leave it out: to refer to a row, give its id as " + rel.Field.Name
	}
	names := make([]string, len(table.Fields))
	for i, field := range table.Fields {
		names[i] = field.Name
	}
	return table.Name + " has no such field" + suggest.DidYouMean(name, names)
}

func (b *Body) fault(name, code, detail string) {
	b.addFaults(errs.Fault{Pointer: Pointer(name), Code: code, Detail: detail})
}

func (b *Body) addFaults(faults ...errs.Fault) {
	b.count += len(faults)
	b.faults = append(b.faults, faults[:min(len(faults), maxFaults-len(b.faults))]...)
}

// Err returns an error of kind errs.Invalid with the faults of the body, or nil if it has none.
func (b *Body) Err() error {
	if len(b.faults) == 0 {
		return nil
	}
	e := errs.New(errs.Invalid, "the body has %s", Count(b.count, "fault"))
	if b.count > len(b.faults) {
		e.Message += ", of which these are the first " + strconv.Itoa(len(b.faults))
	}
	e.Faults = b.faults
	return e
}

// Pointer returns the JSON pointer (RFC 6901) to a member.
func Pointer(name string) string {
	if !strings.ContainsAny(name, "~/") { // no field's name does
		return "/" + name
	}
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// Count returns a number with its noun, such as "2 faults".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
