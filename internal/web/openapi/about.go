package openapi

import (
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// about returns a description of a field for people: its documentation, then everything that JSON Schema has no
// keyword for.
func (d *document) about(field *model.Field, shown bool) string {
	var notes []string
	if field.Doc != "" {
		notes = append(notes, sentence(field.Doc))
	}
	if field.Ref != nil {
		notes = append(notes, "The id of a row of "+field.Ref.Name+".")
	}
	if field.Link && !shown {
		notes = append(notes, "The caller need not be allowed to read that row.")
	}
	if field.Type == model.Decimal {
		notes = append(notes, decimalNote(field))
	}
	if field.AsString {
		notes = append(notes, intStringNote(field))
	}
	if field.Type == model.JSON && !shown && field.JSONSchemaText == "" {
		notes = append(notes, "Any JSON but null.")
	}
	if shown {
		if d.rules.Field(field).Read != nil {
			notes = append(notes, "A rule decides who is shown it; to others it is null.")
		}
		return strings.Join(notes, " ")
	}
	if field.Type == model.Timestamp {
		notes = append(notes, "At most six digits of a second: round what has more.")
	}
	if field.Pattern != nil {
		if p, ok := portable(field.Pattern.String()); !ok || p != field.Pattern.String() {
			notes = append(notes, "Must match `"+field.Pattern.String()+"` (RE2).")
		}
	}
	if field.JSONSchemaText != "" {
		if _, ok := embedded(field.JSONSchemaText); !ok {
			notes = append(notes, "Must be valid against the JSON Schema `"+field.JSONSchemaText+"`.")
		}
	}
	if field.Default != nil && !field.Default.Constant {
		if _, constant := d.rules.Field(field).Default.(*rule.Const); !constant {
			notes = append(notes, "Where it is not given: `"+field.Default.Text+"`.")
		}
	}
	if field.Immutable && !field.System {
		notes = append(notes, "Set once, when the row is created.")
	}
	if d.rules.Field(field).Write != nil {
		notes = append(notes, "A rule decides who may write it.")
	}
	if field.System {
		notes = append(notes, idNote(field))
	}
	return strings.Join(notes, " ")
}

func idNote(field *model.Field) string {
	if field.Type == model.Text {
		return "The name of the row in paths and references."
	}
	return "Assigned where it is not given."
}

func decimalNote(field *model.Field) string {
	note := fmt.Sprintf("A decimal in a string, with up to %d digits before the point and %d after it", field.Precision-field.Scale, field.Scale)
	switch {
	case field.Min != nil && field.Max != nil:
		note += ", from " + decimalText(field, *field.Min) + " to " + decimalText(field, *field.Max)
	case field.Min != nil:
		note += ", at least " + decimalText(field, *field.Min)
	case field.Max != nil:
		note += ", at most " + decimalText(field, *field.Max)
	}
	return note + "."
}

func intStringNote(field *model.Field) string {
	note := "An int of 64 bits in a string, so that JavaScript keeps all of its digits"
	if field.Min != nil {
		note += fmt.Sprintf(", from %d", *field.Min)
	}
	if field.Max != nil {
		note += fmt.Sprintf(", up to %d", *field.Max)
	}
	return note + "."
}

// sentence makes a sentence of s: it begins with a capital and ends with a mark.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text != "" && 'a' <= text[0] && text[0] <= 'z' {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "!") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

func mergeNote(field *model.Field) string {
	if field.JSONSchemaText == "" {
		return "An object is merged into what the field holds."
	}
	return "An object is merged into what the field holds, which must then be valid against its JSON Schema."
}
