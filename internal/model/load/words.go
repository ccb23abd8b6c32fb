package load

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// sentence joins words: text, int and float.
func sentence(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// maxQuoted is the largest number of quoted characters in a message.
const maxQuoted = 40

// quote returns a text in quotes for a message, shortened and without control characters.
func quote(source string) string {
	return `"` + strings.Map(printable, errs.Clip(source, maxQuoted)) + `"`
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '\ufffd'
	}
	return r
}

// kindOf returns the word for a table or a view.
func kindOf(table *model.Table) string {
	if table.View != nil {
		return "view"
	}
	return "table"
}

// describe names the kind of a field in a message.
func describe(field *model.Field) string {
	switch {
	case field.RefName != "":
		return "a reference"
	case field.Type == model.Int || field.Type == model.Enum:
		return "an " + field.Type.String() + " field"
	}
	return "a " + field.Type.String() + " field"
}

// yamlName returns the name of a field in a model file.
func yamlName(field *model.Field) string {
	if field.RefName != "" {
		return field.RefName
	}
	return field.Name
}

func yamlNames(fields []*model.Field) string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = yamlName(field)
	}
	return strings.Join(names, ", ")
}
