package load

import "github.com/ashlar-dev/ashlar/internal/model"

// usersTable is the table that every model has: who may sign in.
const usersTable = "users"

// The lengths of the fields of users: an address has at most 254 characters (RFC 5321).
const (
	maxEmail    = 254
	maxUserName = 200
)

// addUsers declares users first where the model does not.
func (l *loader) addUsers() {
	if l.m.Table(usersTable) != nil {
		return
	}
	l.addTable(&tableDecl{t: newTable(usersTable, startOf(model.MainFile)), obj: &node{kind: object}})
	last := len(l.decls) - 1
	l.decls = append([]*tableDecl{l.decls[last]}, l.decls[:last]...)
	l.m.Tables = append([]*model.Table{l.m.Tables[last]}, l.m.Tables[:last]...)
}

// addUserFields adds email and name. An address belongs to the account: rules compare auth.email with other rows, so
// a user who could type in an address would become its owner. Opening users must not publish addresses either.
func addUserFields(t *model.Table) {
	email, name := int64(maxEmail), int64(maxUserName)
	t.AddField(&model.Field{Name: "email", Type: model.Text, Optional: true, Unique: true, Caseless: true, ReadOnly: true,
		Read: ownRow(t), Format: "email", Max: &email, Pos: t.Pos})
	t.AddField(&model.Field{Name: "name", Type: model.Text, Optional: true, Max: &name, Pos: t.Pos})
}

func userFieldKeys() []string { return []string{"read", "doc"} }

// refineUserField reads what a model says of email or name, which are there without being declared.
func (l *loader) refineUserField(f *model.Field, m member) {
	f.Pos = m.pos
	if !l.isObject(m.value, "a field") {
		return
	}
	for _, key := range m.value.members {
		switch {
		case key.name == "read":
			if f.Read = l.readExpr(key.value, "read"); f.Read != nil && f.Read.Text == "true" {
				f.Read = nil
			}
		case key.name == "doc":
			f.Doc, _ = l.readText(key.value, "doc")
		case isFieldKey(key.name):
			l.fault(key.pos, "users has a field %s already: it can be given %s, and nothing else; remove %s", f.Name, sentence(userFieldKeys()), key.name)
		default:
			l.known(&node{members: []member{key}}, "the field "+f.Name+" of users", userFieldKeys())
		}
	}
}

// ownRow is the rule for reading users, and addresses, where the model gives none.
func ownRow(t *model.Table) *model.Expr { return &model.Expr{Text: "id == auth.id", Pos: t.Pos} }
