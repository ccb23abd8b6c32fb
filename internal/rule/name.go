package rule

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

var attrs = []struct {
	name string
	attr Attr
}{
	{"kind", AuthKind}, {"id", AuthID}, {"email", AuthEmail}, {"roles", AuthRoles}, {"verified", AuthVerified}, {"mfa", AuthMFA},
}

// name compiles a name that must lead to a value: a field, an attribute of the caller, an argument, now.
func (c *compiler) name(e ast.Expr) Node {
	if e.Kind() == ast.SelectKind {
		operand := e.AsSelect().Operand()
		if root, ok := c.reserved(operand); ok {
			switch root {
			case "auth":
				return c.attr(e, e.AsSelect().FieldName())
			case "arg":
				return c.arg(e, e.AsSelect().FieldName())
			}
		}
		from, ok := c.row(operand)
		if !ok {
			return nil
		}
		return c.field(e, from, e.AsSelect().FieldName())
	}
	switch name, _ := c.reserved(e); name {
	case "auth":
		c.failf(e, "auth is the caller: name one of its attributes, such as auth.id")
		return nil
	case "arg":
		c.failf(e, "arg holds the request's arguments: name one, such as arg.status")
		return nil
	case "now":
		return &Now{}
	}
	before := len(c.problems)
	if at, ok := c.place(e); ok {
		return c.rowAsValue(e, at)
	}
	if len(c.problems) > before {
		return nil
	}
	return c.field(e, place{path: Path{Root: c.Row}}, e.AsIdent())
}

// reserved returns the name of an identifier that no field can have.
func (c *compiler) reserved(e ast.Expr) (string, bool) {
	if e.Kind() != ast.IdentKind {
		return "", false
	}
	switch name := e.AsIdent(); name {
	case "auth", "arg", "now", "old":
		return name, true
	}
	return "", false
}

func (c *compiler) attr(e ast.Expr, name string) Node {
	names := make([]string, len(attrs))
	for i, a := range attrs {
		if a.name == name {
			return &Auth{a.attr}
		}
		names[i] = a.name
	}
	if name == "role" {
		c.failf(e, "auth has no role: a caller may have several, so write 'editor' in auth.roles")
		return nil
	}
	c.failf(e, "auth has no %s%s", name, suggest.DidYouMean(name, names))
	return nil
}

// field compiles a field of a row.
func (c *compiler) field(e ast.Expr, at place, name string) Node {
	if at.many != nil {
		c.failf(e, "%s is many rows: ask with exists, all, exists_one or size", at.many.Name)
		return nil
	}
	if at.path.Root == nil {
		c.noRow(e)
		return nil
	}
	t := at.path.Table()
	if f := t.Field(name); f != nil && !(c.Client && f.Secret) {
		if f.Type == model.Invalid {
			c.problems = append(c.problems, Problem{Offset: Elsewhere})
			return nil
		}
		return &Column{Path: at.path, Field: f}
	}
	if rel := t.Relation(name); rel != nil {
		if at, ok := c.step(e, at, rel); ok {
			return c.rowAsValue(e, at)
		}
		return nil
	}
	c.unknown(e, t, name)
	return nil
}

// unknown reports a name that a table does not have.
func (c *compiler) unknown(e ast.Expr, t *model.Table, name string) {
	if word := yamlBool(name); word != "" && e.Kind() == ast.IdentKind {
		c.failf(e, "%s has no field %s; write %s", t.Name, name, word)
		return
	}
	c.failf(e, "%s has no field %s%s", t.Name, name, suggest.DidYouMean(name, c.names(t)))
}

// yamlBool is true or false for what other YAML readers take for it, "" for any other word.
func yamlBool(word string) string {
	switch strings.ToLower(word) {
	case "yes", "on":
		return "true"
	case "no", "off":
		return "false"
	}
	return ""
}

// rowAsValue makes of a row the value that can be compared with null: its id.
func (c *compiler) rowAsValue(e ast.Expr, at place) Node {
	if at.many != nil {
		c.failf(e, "%s is many rows: ask with exists, all, exists_one or size", at.many.Name)
		return nil
	}
	return &rowValue{&Column{Path: at.path, Field: at.path.Table().ID()}}
}

// rowValue stands for a whole row while the tree is built; comparing it with null is all that can be done with it.
type rowValue struct{ id *Column }

func (*rowValue) Kind() value.Kind { return value.JSON } // like json, only null is comparable with it

// isRowValue reports a row where a value must stand, and says how to name one of its fields.
func (c *compiler) isRowValue(e ast.Expr, n Node) bool {
	row, ok := n.(*rowValue)
	if !ok {
		return false
	}
	t := row.id.Path.Table()
	name := strings.TrimSuffix(string(c.text[c.from(e):c.end(e)]), ".")
	advice := "name one of its fields, such as " + name + "." + c.example(t)
	if steps := row.id.Path.Steps; len(steps) > 0 {
		advice += ", or " + strings.TrimSuffix(name, steps[len(steps)-1].Name) + steps[len(steps)-1].Field.Name
	}
	c.failf(e, "%s is a row of %s: %s", name, t.Name, advice)
	return true
}

// example is a field of a table that can stand for any in a message.
func (c *compiler) example(t *model.Table) string {
	if t.Field("name") != nil {
		return "name"
	}
	for _, f := range t.Fields[1:] {
		if f.Ref == nil && !f.System && f.Type != model.JSON && !f.Secret {
			return f.Name
		}
	}
	return "id"
}

// row compiles an expression that must be one row.
func (c *compiler) row(e ast.Expr) (place, bool) {
	before := len(c.problems)
	at, ok := c.place(e)
	if !ok {
		if len(c.problems) == before {
			c.noRow(e)
		}
		return place{}, false
	}
	if at.many != nil {
		c.failf(e, "%s is many rows: ask with exists, all, exists_one or size", at.many.Name)
		return place{}, false
	}
	return at, true
}

func (c *compiler) noRow(e ast.Expr) {
	switch e.Kind() {
	case ast.IdentKind:
		name := e.AsIdent()
		if c.Row != nil && c.Row.Table.Field(name) != nil {
			c.noMembers(e, c.Row.Table.Field(name))
			return
		}
		if c.Row == nil {
			c.noRowInDefault(e, name)
			return
		}
		c.unknown(e, c.Row.Table, name)
	case ast.SelectKind:
		c.noRowSelected(e)
	default:
		before := len(c.problems)
		if c.node(e); len(c.problems) == before { // else e itself is wrong
			c.failf(e, "this is a value: it has no members")
		}
	}
}

// noRowSelected reports the first step of a path, such as a.b, that leads to no row.
func (c *compiler) noRowSelected(e ast.Expr) {
	operand, name := e.AsSelect().Operand(), e.AsSelect().FieldName()
	if root, ok := c.reserved(operand); ok && root != "old" {
		c.failf(e, "%s is a value: it has no members", string(c.text[c.from(e):c.end(e)]))
		return
	}
	from, ok := c.row(operand) // reports what is wrong with the steps before
	switch {
	case !ok:
	case from.path.Table().Field(name) != nil:
		c.noMembers(e, from.path.Table().Field(name))
	default:
		c.unknown(e, from.path.Table(), name)
	}
}

// noMembers reports a step from a field. The fault of a field whose declaration is wrong is told there.
func (c *compiler) noMembers(e ast.Expr, f *model.Field) {
	switch f.Type {
	case model.Invalid:
		c.problems = append(c.problems, Problem{Offset: Elsewhere})
	case model.JSON:
		c.failf(e, "%s is json: expressions cannot look into it, and ask only whether it is there", f.Name)
	default:
		advice, end := "", c.end(e)
		if strings.HasPrefix(string(c.text[end:]), ".len") && f.Type == model.Text {
			advice = fmt.Sprintf("; write size(%s)", string(c.text[c.from(e):end]))
		}
		c.failf(e, "%s is a value: it has no members%s", f.Name, advice)
	}
}

// noRowInDefault reports a name in a default, which is often a text that lacks its quotes.
func (c *compiler) noRowInDefault(e ast.Expr, name string) {
	if c.Default != nil {
		if advice := unquoted(c.Default, string(c.text)); advice != "" {
			c.failf(e, "%s", advice)
			return
		}
	}
	c.failf(e, "no row can be named here, so %s means nothing: a default knows auth and now alone", name)
}

// unquoted says what to write where the text of a default is no expression but plain words, "" where it may be one.
func unquoted(f *model.Field, text string) string {
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, `'"()[]{}+*/%?:<>=!&|\`) || strings.HasPrefix(text, "auth.") {
		return ""
	}
	switch f.Type {
	case model.Text, model.UUID:
		return fmt.Sprintf(`a text constant has quotes within quotes: write "'%s'"`, text)
	case model.Enum:
		name, values := valuesOf(&Column{Field: f})
		if slices.Contains(values, text) {
			return fmt.Sprintf(`a value of more than one word has quotes within quotes: write "'%s'"`, text)
		}
		return fmt.Sprintf("%q is no value of %s%s", text, name, meantOrAll(text, values))
	case model.Bool:
		if word := yamlBool(text); word != "" {
			return "write " + word
		}
		return "write true or false"
	}
	return ""
}

// place resolves a name that may lead to a row or to rows; ok is false where it does not (no problem is recorded then,
// unless a limit was exceeded).
func (c *compiler) place(e ast.Expr) (place, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return c.root(e)
	case ast.SelectKind:
		c.nodes++
		from, ok := c.place(e.AsSelect().Operand())
		if !ok || from.many != nil {
			return place{}, false
		}
		rel := from.path.Table().Relation(e.AsSelect().FieldName())
		if rel == nil {
			return place{}, false
		}
		return c.step(e, from, rel)
	default:
		return place{}, false
	}
}

func (c *compiler) root(e ast.Expr) (place, bool) {
	name := e.AsIdent()
	for i := len(c.items) - 1; i >= 0; i-- {
		if c.items[i].name == name {
			return place{path: Path{Root: c.items[i].row}, steps: c.items[i].from}, true
		}
	}
	if name == "old" {
		if c.Old == nil {
			c.failf(e, "old exists only in checks and in the rule update: {to: …}")
			return place{}, false
		}
		return place{path: Path{Root: c.Old}}, true
	}
	if c.Row == nil {
		return place{}, false
	}
	rel := c.Row.Table.Relation(name)
	if rel == nil {
		return place{}, false
	}
	return c.step(e, place{path: Path{Root: c.Row}}, rel)
}

// step follows a relation.
func (c *compiler) step(e ast.Expr, from place, rel *model.Relation) (place, bool) {
	if from.steps++; from.steps > c.Limits.Relations {
		c.failf(e, "the expression follows more than %d relations in a row", c.Limits.Relations)
		return place{}, false
	}
	if rel.Many {
		from.many = rel
		return from, true
	}
	steps := append(append([]*model.Relation(nil), from.path.Steps...), rel)
	from.path = Path{Root: from.path.Root, Steps: steps}
	return from, true
}

// names are the names that an expression could have meant.
func (c *compiler) names(t *model.Table) []string {
	var names []string
	for _, f := range t.Fields {
		if !(c.Client && f.Secret) {
			names = append(names, f.Name)
		}
	}
	for _, r := range t.Relations {
		names = append(names, r.Name)
	}
	return names
}
