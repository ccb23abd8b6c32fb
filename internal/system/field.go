package system

import "github.com/ashlar-dev/ashlar/internal/model"

// usersTable is the table of an app that system tables may refer to. Every app has it.
const usersTable = "users"

// Text returns a required field of text. The other types have a function alike, and Optional, Unique and Indexed change
// the field that they are given: Optional(Text("note")).
func Text(name string) *model.Field { return &model.Field{Name: name, Type: model.Text} }

// Int returns a required field of a whole number.
func Int(name string) *model.Field { return &model.Field{Name: name, Type: model.Int} }

// Bool returns a required field of true or false.
func Bool(name string) *model.Field { return &model.Field{Name: name, Type: model.Bool} }

// Timestamp returns a required field of an instant.
func Timestamp(name string) *model.Field { return &model.Field{Name: name, Type: model.Timestamp} }

// JSON returns a required field of any JSON but null.
func JSON(name string) *model.Field { return &model.Field{Name: name, Type: model.JSON} }

// Enum returns a required field of one of some values.
func Enum(name string, values ...string) *model.Field {
	field := &model.Field{Name: name, Type: model.Enum}
	for _, v := range values {
		field.Values = append(field.Values, model.EnumValue{Name: v})
	}
	return field
}

// Ref returns a required reference to another system table. Its column is called name_id, and has an index.
func Ref(name string, to *model.Table, onDelete model.OnDelete) *model.Field {
	return &model.Field{Name: name + "_id", RefName: name, Type: to.Key, Ref: to, OnDelete: onDelete}
}

// User returns a required reference to the users of an app, as Ref does to a system table. The users get no relation
// back: expressions and the API know nothing of system tables.
func User(name string, app *model.Model, onDelete model.OnDelete) *model.Field {
	return Ref(name, app.Table(usersTable), onDelete)
}

// Optional lets the value of a field be missing.
func Optional(field *model.Field) *model.Field {
	field.Optional = true
	return field
}

// Unique makes the values of a field differ from row to row.
func Unique(field *model.Field) *model.Field {
	field.Unique = true
	return field
}

// Sparse keeps rows without a value of a field out of the indexes that it is in. A statement finds such an index if its condition
// excludes them.
func Sparse(field *model.Field) *model.Field {
	field.Sparse = true
	return field
}

// Indexed gives a field an index.
func Indexed(field *model.Field) *model.Field {
	field.Index = true
	return field
}
