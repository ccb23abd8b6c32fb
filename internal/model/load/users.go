package load

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// usersTable is the table of accounts. Every model has it.
const usersTable = "users"

const (
	maxEmail    = 254 // characters of an address (RFC 5321)
	maxUserName = 200
)

// addUserFields adds email and name. An address belongs to the account: rules compare auth.email with other rows, so
// a user with a chosen address would become their owner. By default only the account itself reads its address.
// Opening users to readers therefore does not publish addresses.
func addUserFields(users *model.Table) {
	emailLength, nameLength := int64(maxEmail), int64(maxUserName)
	users.AddField(&model.Field{Name: "email", Type: model.Text, Optional: true, Unique: true, Caseless: true, ReadOnly: true,
		Read: ownRow(users), Format: "email", Max: &emailLength, Pos: users.Pos})
	users.AddField(&model.Field{Name: "name", Type: model.Text, Optional: true, Max: &nameLength, Pos: users.Pos})
}

// ownRow is the default rule for reading users and addresses.
func ownRow(users *model.Table) *model.Expr {
	return &model.Expr{Text: "id == auth.id", Pos: users.Pos}
}

func userFieldKeys() []string { return []string{"read", "doc"} }

// refineUserField reads a model's keys for email or name. users has them without declaring them.
func (l *loader) refineUserField(field *model.Field, declared member) {
	field.Pos = declared.pos
	if !l.isObject(declared.value, "a field") {
		return
	}
	for _, key := range declared.value.members {
		switch {
		case key.name == "read":
			field.Read = l.readExpr(key.value, "read")
			if field.Read != nil && field.Read.Text == "true" {
				field.Read = nil
			}
		case key.name == "doc":
			field.Doc, _ = l.readText(key.value, "doc")
		case slices.Contains(fieldKeyNames(), key.name):
			l.fault(key.pos, "users already has a field %s, which takes only %s: remove %s", field.Name, sentence(userFieldKeys()), key.name)
		default:
			l.known(&node{members: []member{key}}, "the field "+field.Name+" of users", userFieldKeys())
		}
	}
}
