package load

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// maxCombined is the largest number of fields in an index. PostgreSQL allows 32 columns.
const maxCombined = 16

// readCombinations reads the unique, indexed or searched combinations of fields.
func (l *loader) readCombinations(decl *tableDecl) {
	table := decl.table
	if value := decl.value.given("unique"); value != nil {
		table.Unique = l.readLists(table, value, "unique", func(field *model.Field) bool { return field.Unique })
	}
	if value := decl.value.given("indexes"); value != nil {
		table.Indexes = l.readLists(table, value, "indexes", func(field *model.Field) bool { return field.Index })
	}
	if value := decl.value.given("search"); value != nil {
		table.Search = l.readSearch(table, value)
	}
}

// readLists reads a list of combinations. declares reports whether a field declares the same for itself.
func (l *loader) readLists(table *model.Table, value *node, what string, declares func(*model.Field) bool) [][]*model.Field {
	items := l.readList(value, what)
	if names := flatList(items); len(names) > 1 {
		l.fault(value.pos, "%s must be a list of lists: write [[%s]] for one combination of all fields, or [[%s]] for each field by itself",
			what, strings.Join(names, ", "), strings.Join(names, "], ["))
		return nil
	}
	var all [][]*model.Field
	for _, item := range items {
		if item.kind == text {
			l.fault(item.pos, "%s must be a list of lists: write [[%s]]", what, item.text)
			continue
		}
		fields := l.readFields(table, item, what)
		repeated := slices.ContainsFunc(all, func(other []*model.Field) bool { return slices.Equal(other, fields) })
		switch {
		case fields == nil:
		case repeated || (len(fields) == 1 && declares(fields[0])):
			l.fault(item.pos, "[%s] is repeated: remove one of the two", yamlNames(fields))
		default:
			all = append(all, fields)
		}
	}
	return all
}

// flatList returns the texts of a list of nothing else, or nil.
func flatList(items []*node) []string {
	texts := make([]string, len(items))
	for i, item := range items {
		if item.kind != text {
			return nil
		}
		texts[i] = item.text
	}
	return texts
}

// readFields reads one combination. It returns nil for one with a fault.
func (l *loader) readFields(table *model.Table, value *node, what string) []*model.Field {
	items := l.readList(value, "a combination of "+what)
	if value.kind == list && (len(items) == 0 || len(items) > maxCombined) {
		l.fault(value.pos, "a combination of %s must name 1 to %d fields", what, maxCombined)
		return nil
	}
	var fields []*model.Field
	for _, item := range items {
		field := l.readField(table, item, what)
		switch {
		case field == nil:
		case slices.Contains(fields, field):
			l.fault(item.pos, "%s is repeated", yamlName(field))
		case l.checkCombined(item.pos, field, what):
			fields = append(fields, field)
		}
	}
	if len(fields) < len(items) {
		return nil
	}
	return fields
}

func (l *loader) readField(table *model.Table, value *node, what string) *model.Field {
	name, ok := l.readText(value, "a field of "+what)
	if !ok {
		return nil
	}
	for _, field := range table.Fields {
		if name != "" && (name == field.Name || name == field.RefName) {
			return field
		}
	}
	l.fault(value.pos, "%s has no field %s%s", table.Name, quote(name), suggest.DidYouMean(name, fieldNames(table)))
	return nil
}

// fieldNames returns the names of fields for a model file. A reference has two.
func fieldNames(table *model.Table) []string {
	var names []string
	for _, field := range table.Fields {
		if field.RefName != "" {
			names = append(names, field.RefName)
		}
		names = append(names, field.Name)
	}
	return names
}

func (l *loader) checkCombined(at model.Pos, field *model.Field, what string) bool {
	switch {
	case field.Type == model.JSON:
		l.fault(at, "a json field cannot be in %s", what)
	case field.Secret:
		l.fault(at, "a secret cannot be in %s, which would reveal its value", what)
	case what == "unique" && field.Name == "id":
		l.fault(at, "id is unique by itself, and so is every combination with it: remove this one")
	default:
		return true
	}
	return false
}

func (l *loader) readSearch(table *model.Table, value *node) []*model.Field {
	var fields []*model.Field
	for _, item := range l.readList(value, "search") {
		field := l.readField(table, item, "search")
		switch {
		case field == nil || field.Type == model.Invalid:
		case field.Type != model.Text || field.RefName != "" || field.System:
			l.fault(item.pos, "search takes declared text fields, and %s is none", yamlName(field))
		case field.Secret:
			l.fault(item.pos, "a secret cannot be searched")
		case slices.Contains(fields, field):
			l.fault(item.pos, "%s is repeated", yamlName(field))
		default:
			fields = append(fields, field)
		}
	}
	return fields
}
