package schema

// usersTable is the table that every model has: who may sign in.
const usersTable = "users"

// The lengths of the fields of users: an address has at most 254 characters (RFC 5321).
const (
	maxEmail    = 254
	maxUserName = 200
)

// addUsers declares users first where the model does not.
func (l *loader) addUsers() {
	if l.m.byName[usersTable] != nil {
		return
	}
	l.addTable(&tableDecl{t: newTable(usersTable, Pos{mainFile, 1, 1}), obj: &node{kind: object}})
	last := len(l.decls) - 1
	l.decls = append([]*tableDecl{l.decls[last]}, l.decls[:last]...)
	l.m.Tables = append([]*Table{l.m.Tables[last]}, l.m.Tables[:last]...)
}

func addUserFields(t *Table) {
	email, name := int64(maxEmail), int64(maxUserName)
	t.addField(&Field{Name: "email", Type: Text, Optional: true, Unique: true, Format: "email", Max: &email, Pos: t.Pos})
	t.addField(&Field{Name: "name", Type: Text, Optional: true, Max: &name, Pos: t.Pos})
}

// ownRow is the rule for reading users where the model gives none.
func ownRow(t *Table) *Expr { return &Expr{Text: "id == auth.id", Pos: t.Pos} }
