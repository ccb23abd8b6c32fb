package record

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/suggest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// input is a request body, checked as far as it can be alone.
type input struct {
	values row // of all fields; Null where the body has none
	given  []*model.Field
	merged []*model.Field // json fields whose value here is a patch of what is stored
	fixed  []fixed        // members that no update changes
	faults []errs.Fault   // the first maxFaults
	count  int            // of all
}

// fixed is a member that no update changes. A client may send a row back as it read it, so the member is let through where
// its value is the stored one.
type fixed struct {
	field *model.Field
	value value.Value
}

// maxFaults bounds the faults that an answer tells: 100,000 unknown members of a body of a megabyte would come back as
// seven.
const maxFaults = 100

// pointer is the RFC 6901 pointer to a member.
func pointer(name string) string {
	if !strings.ContainsAny(name, "~/") { // no field's name does
		return "/" + name
	}
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func (in *input) fault(name, code, detail string) {
	in.add(errs.Fault{Pointer: pointer(name), Code: code, Detail: detail})
}

func (in *input) add(faults ...errs.Fault) {
	in.count += len(faults)
	in.faults = append(in.faults, faults[:min(len(faults), maxFaults-len(in.faults))]...)
}

// err is the refusal of the body, nil where nothing is wrong with it.
func (in *input) err() error {
	if len(in.faults) == 0 {
		return nil
	}
	e := errs.New(errs.Invalid, "the body has %s", count(in.count, "fault"))
	if in.count > len(in.faults) {
		e.Message += ", of which these are the first " + strconv.Itoa(len(in.faults))
	}
	e.Faults = in.faults
	return e
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// members reads the members that a client gives for a new row, or for the row of an id.
func (t *table) members(who caller.Caller, members []value.Member, id *value.Value) *input {
	creating := id == nil
	in := &input{values: make(row, len(t.Fields))}
	for _, m := range members {
		f := t.Field(m.Name)
		switch {
		case f == nil || f.Type == model.Invalid:
			in.unknown(t, m.Name)
		case !creating && (f.Immutable || isTime(f) || f.ReadOnly && !who.IsSystem()):
			in.fix(t, f, m, *id)
		case isTime(f):
			in.fault(m.Name, "read_only", "the server sets it")
		case f.ReadOnly && !who.IsSystem():
			in.fault(m.Name, "read_only", "it belongs to the account: no request of the data API changes it")
		case f.Type == model.JSON && !creating && m.Raw.Kind() == '{':
			patched := *f
			patched.JSONSchema = nil // holds for the whole, not for its patch
			in.value(t, f, &patched, m)
			in.merged = append(in.merged, f)
		default:
			in.value(t, f, f, m)
		}
	}
	return in
}

// isTime says whether the server sets a field.
func isTime(f *model.Field) bool { return f.Name == "created_at" || f.Name == "updated_at" }

// fix reads a member that no update changes. What cannot be stored is not what is stored.
func (in *input) fix(t *table, f *model.Field, m value.Member, id value.Value) {
	v, faults := value.ParseJSON(f, m.Raw, pointer(m.Name))
	switch {
	case len(faults) > 0, v.IsNull() && !f.Optional, f == t.ID() && !v.Equal(id):
		in.refuseFixed(f)
	case f != t.ID():
		in.fixed = append(in.fixed, fixed{f, v})
	}
}

func (in *input) refuseFixed(f *model.Field) {
	const advice = ": leave it out, or send what the row has"
	switch {
	case isTime(f):
		in.fault(f.Name, "read_only", "the server sets it"+advice)
	case f.ReadOnly:
		in.fault(f.Name, "read_only", "it belongs to the account, so no request of the data API changes it"+advice)
	default:
		in.fault(f.Name, "immutable", "it can only be set when the row is created"+advice)
	}
}

func (in *input) unknown(t *table, name string) {
	if len(in.faults) == maxFaults {
		in.count++ // what it may have meant costs more than to count it
		return
	}
	in.fault(name, "unknown", t.unknown(name))
}

// unknown says what may have been meant by a member that is no field.
func (t *table) unknown(name string) string {
	if rel := t.Relation(name); rel != nil {
		if rel.To.View != nil {
			return "leave it out: it is the view " + rel.To.Name + ", which cannot be written"
		}
		if rel.Many {
			return "it is the reverse of a reference: leave it out, and write the rows of " + rel.To.Name + " instead"
		}
		return "leave it out: to refer to a row, give its id as " + rel.Field.Name
	}
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	return t.Name + " has no such field" + suggest.DidYouMean(name, names)
}

// value reads a member as a value of f, by the limits of bounds.
func (in *input) value(t *table, f, bounds *model.Field, m value.Member) {
	v, faults := value.ParseJSON(bounds, m.Raw, pointer(m.Name))
	in.add(faults...)
	if v.IsNull() && len(faults) == 0 && !f.Optional {
		in.fault(m.Name, "required", "it cannot be missing")
	}
	if f == t.ID() && (v.Text == "." || v.Text == "..") {
		in.fault(m.Name, "format", "it cannot be . or .., which no URL can end with")
	}
	in.values[t.index[f]] = v
	in.given = append(in.given, f)
}

// compared are the fields whose stored value may decide on the answer. What the caller may not read must not.
func (in *input) compared(r *request) (fields []*model.Field) {
	for _, f := range in.given {
		if f.Ref != nil || r.db.rules.Field(f).Write != nil || slices.Contains(in.merged, f) {
			fields = append(fields, f)
		}
	}
	for _, x := range in.fixed {
		fields = append(fields, x.field)
	}
	return fields
}

// against compares the members with the row as it was, and returns those that are to be written. A member that no update
// changes, or whose field has a write rule, is left out where it is what the caller reads there. Others are refused; of
// those with a write rule, refused are the fields whose rule says no.
func (in *input) against(r *request, t *table, was row, masked, refused []*model.Field) (*input, error) {
	same := func(f *model.Field, v value.Value) bool { return sees(f, masked) && v.Equal(was[t.index[f]]) }
	unchanged := func(f *model.Field) bool {
		return r.db.rules.Field(f).Write != nil && same(f, in.values[t.index[f]])
	}
	out := *in
	out.given = slices.DeleteFunc(slices.Clone(in.given), unchanged)
	out.merged = slices.DeleteFunc(slices.Clone(in.merged), unchanged)
	refused = slices.DeleteFunc(refused, unchanged)
	if len(refused) > 0 {
		return nil, r.deniedFields(refused)
	}
	whole := &input{}
	for _, x := range in.fixed {
		if !same(x.field, x.value) {
			whole.refuseFixed(x.field)
		}
	}
	return &out, whole.err()
}

// maxJSON bounds what patches can make of a json field, in bytes: a body cannot hold more either.
const maxJSON = 1 << 20

// merge applies the patches of json fields to the row as it was, and checks the results. Where the caller may not read
// what is stored, the patch is merged into what it sees, which is nothing.
func (in *input) merge(t *table, values, was row, masked []*model.Field) error {
	whole := &input{}
	for _, f := range in.merged {
		i := t.index[f]
		stored := was[i].Text
		if slices.Contains(masked, f) {
			stored = ""
		}
		text := value.MergeJSON(stored, in.values[i].Text)
		if len(text) > maxJSON {
			whole.fault(f.Name, "too_long", "merged with what is stored it has more than "+strconv.Itoa(maxJSON)+" bytes")
			continue
		}
		v, faults := value.ParseJSON(f, []byte(text), pointer(f.Name))
		values[i] = v
		whole.add(faults...)
	}
	return whole.err()
}

// complete gives a new row its defaults, and its times.
func (in *input) complete(r *request, t *table) {
	given := make(map[*model.Field]bool, len(in.given))
	for _, f := range in.given {
		given[f] = true
	}
	for i, f := range t.Fields {
		switch {
		case f.Name == "created_at" || f.Name == "updated_at":
			in.values[i] = value.OfTimestamp(r.env.Now)
		case given[f]:
		case f.System:
			if f.Type == model.Text {
				in.fault(f.Name, "required", "a key of text must be given")
			}
		default:
			in.values[i] = in.standard(r, f)
		}
	}
}

// standard is the default of a field.
func (in *input) standard(r *request, f *model.Field) value.Value {
	var v value.Value
	if n := r.db.rules.Field(f).Default; n != nil {
		v = r.evaluate(in, f, n)
	}
	if v.IsNull() && !f.Optional && !in.blames(f) {
		in.fault(f.Name, "required", "it must be given")
	}
	return v
}

// evaluate computes a default, which must fit the field as if the client had sent it. A default that fails (auth.id of
// an anonymous caller) leaves the field missing.
func (r *request) evaluate(in *input, f *model.Field, n rule.Node) value.Value {
	if c, ok := n.(*rule.Const); ok {
		return c.Value // it was checked when the model was loaded
	}
	v, ok := rule.Eval(n, &r.env)
	if !ok || v.IsNull() {
		return value.Value{}
	}
	fitted, detail := rule.Assign(f, value.AppendMember(nil, f, v))
	if detail != "" {
		in.fault(f.Name, "default", "its default does not fit: "+detail)
	}
	return fitted
}

func (in *input) blames(f *model.Field) bool {
	p := pointer(f.Name)
	for _, fault := range in.faults {
		if fault.Pointer == p {
			return true
		}
	}
	return false
}
