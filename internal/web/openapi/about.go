package openapi

import (
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// about returns a description of a field for people: its documentation, then what the keywords of JSON Schema cannot say.
func (d *document) about(f *model.Field, shown bool) string {
	var notes []string
	if f.Doc != "" {
		notes = append(notes, sentence(f.Doc))
	}
	if f.Ref != nil {
		notes = append(notes, "The id of a row of "+f.Ref.Name+".")
	}
	if f.Link && !shown {
		notes = append(notes, "The caller need not be allowed to read that row.")
	}
	if f.Type == model.Decimal {
		notes = append(notes, decimalNote(f))
	}
	if f.AsString {
		notes = append(notes, intStringNote(f))
	}
	if f.Type == model.JSON && !shown && f.JSONSchemaText == "" {
		notes = append(notes, "Any JSON but null.")
	}
	if shown {
		if d.rules.Field(f).Read != nil {
			notes = append(notes, "A rule decides who is shown it; to others it is null.")
		}
		return strings.Join(notes, " ")
	}
	if f.Type == model.Timestamp {
		notes = append(notes, "At most six digits of a second: round what has more.")
	}
	if f.Pattern != nil {
		if p, ok := portable(f.Pattern.String()); !ok || p != f.Pattern.String() {
			notes = append(notes, "Must match `"+f.Pattern.String()+"` (RE2).")
		}
	}
	if f.JSONSchemaText != "" {
		if _, ok := embedded(f.JSONSchemaText); !ok {
			notes = append(notes, "Must be valid against the JSON Schema `"+f.JSONSchemaText+"`.")
		}
	}
	if f.Default != nil && !f.Default.Constant {
		if _, constant := d.rules.Field(f).Default.(*rule.Const); !constant {
			notes = append(notes, "Where it is not given: `"+f.Default.Text+"`.")
		}
	}
	if f.Immutable && !f.System {
		notes = append(notes, "Set once, when the row is created.")
	}
	if d.rules.Field(f).Write != nil {
		notes = append(notes, "A rule decides who may write it.")
	}
	if f.System {
		notes = append(notes, idNote(f))
	}
	return strings.Join(notes, " ")
}

func idNote(f *model.Field) string {
	if f.Type == model.Text {
		return "The name of the row in paths and references."
	}
	return "Assigned where it is not given."
}

func decimalNote(f *model.Field) string {
	note := fmt.Sprintf("A decimal in a string, with up to %d digits before the point and %d after it", f.Precision-f.Scale, f.Scale)
	switch {
	case f.Min != nil && f.Max != nil:
		note += ", from " + decimalText(f, *f.Min) + " to " + decimalText(f, *f.Max)
	case f.Min != nil:
		note += ", at least " + decimalText(f, *f.Min)
	case f.Max != nil:
		note += ", at most " + decimalText(f, *f.Max)
	}
	return note + "."
}

func intStringNote(f *model.Field) string {
	note := "An int of 64 bits in a string, so that JavaScript keeps all of its digits"
	if f.Min != nil {
		note += fmt.Sprintf(", from %d", *f.Min)
	}
	if f.Max != nil {
		note += fmt.Sprintf(", up to %d", *f.Max)
	}
	return note + "."
}

// sentence makes a sentence of s: it begins with a capital and ends with a mark.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s != "" && 'a' <= s[0] && s[0] <= 'z' {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

func mergeNote(f *model.Field) string {
	if f.JSONSchemaText == "" {
		return "An object is merged into what the field holds."
	}
	return "An object is merged into what the field holds, which must then be valid against its JSON Schema."
}
