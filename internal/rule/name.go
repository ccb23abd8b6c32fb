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
	{"methods", AuthMethods}, {"since", AuthSince}, {"session", AuthSession}, {"key", AuthKey},
}

// name compiles the name of a value: a field, an attribute of the caller, an argument, now.
func (c *compiler) name(expr ast.Expr) Node {
	if expr.Kind() == ast.SelectKind {
		operand := expr.AsSelect().Operand()
		if root, ok := c.reservedName(operand); ok {
			if c.isMissing(operand, root) {
				return nil
			}
			switch root {
			case "auth":
				return c.attr(expr, expr.AsSelect().FieldName())
			case "arg":
				return c.arg(expr, expr.AsSelect().FieldName())
			}
		}
		from, ok := c.row(operand)
		if !ok {
			return nil
		}
		return c.field(expr, from, expr.AsSelect().FieldName())
	}
	name, isReserved := c.reservedName(expr)
	if isReserved && c.isMissing(expr, name) {
		return nil
	}
	switch name {
	case "auth":
		c.failf(expr, "auth is the caller: name one of its attributes, such as auth.id")
		return nil
	case "arg":
		c.failf(expr, "arg holds the request's arguments: name one, such as arg.status")
		return nil
	case "now":
		return &Now{}
	}
	before := len(c.problems)
	if at, ok := c.target(expr); ok {
		return c.rowAsValue(expr, at)
	}
	if len(c.problems) > before {
		return nil
	}
	return c.field(expr, target{path: Path{Root: c.Row}}, expr.AsIdent())
}

// reservedName returns the name of an identifier that is reserved, so that no field can have it.
func (c *compiler) reservedName(expr ast.Expr) (string, bool) {
	if expr.Kind() != ast.IdentKind {
		return "", false
	}
	switch name := expr.AsIdent(); name {
	case "auth", "arg", "now", "old":
		return name, true
	}
	return "", false
}

// isMissing reports a reserved name that does not exist in the expression.
func (c *compiler) isMissing(expr ast.Expr, name string) bool {
	why := c.Missing[name]
	if why != "" {
		c.failf(expr, "%s", why)
	}
	return why != ""
}

func (c *compiler) attr(expr ast.Expr, name string) Node {
	names := make([]string, len(attrs))
	for i, a := range attrs {
		if a.name == name {
			return &Auth{a.attr}
		}
		names[i] = a.name
	}
	if name == "role" {
		c.failf(expr, "auth has no role: a caller may have several, so write 'editor' in auth.roles")
		return nil
	}
	c.failf(expr, "auth has no %s%s", name, suggest.DidYouMean(name, names))
	return nil
}

// field compiles a field of a row.
func (c *compiler) field(expr ast.Expr, at target, name string) Node {
	if at.many != nil {
		c.failf(expr, "%s is many rows: ask with exists, all, exists_one or size", at.many.Name)
		return nil
	}
	if at.path.Root == nil {
		c.noRow(expr)
		return nil
	}
	table := at.path.Table()
	if field := table.Field(name); field != nil && !(c.Client && field.Secret) {
		if field.Type == model.Invalid {
			c.problems = append(c.problems, Problem{Offset: AlreadyReported})
			return nil
		}
		return &Column{Path: at.path, Field: field}
	}
	if rel := table.Relation(name); rel != nil {
		if at, ok := c.step(expr, at, rel); ok {
			return c.rowAsValue(expr, at)
		}
		return nil
	}
	c.unknown(expr, table, name)
	return nil
}

// unknown reports a name that is not in a table.
func (c *compiler) unknown(expr ast.Expr, table *model.Table, name string) {
	if word := yamlBool(name); word != "" && expr.Kind() == ast.IdentKind {
		c.failf(expr, "%s has no field %s; write %s", table.Name, name, word)
		return
	}
	c.failf(expr, "%s has no field %s%s", table.Name, name, suggest.DidYouMean(name, c.names(table)))
}

// yamlBool returns true or false for a word that other YAML readers take for it, "" for any other word.
func yamlBool(word string) string {
	switch strings.ToLower(word) {
	case "yes", "on":
		return "true"
	case "no", "off":
		return "false"
	}
	return ""
}

// rowAsValue returns the id of a row, for a comparison with null.
func (c *compiler) rowAsValue(expr ast.Expr, at target) Node {
	if at.many != nil {
		c.failf(expr, "%s is many rows: ask with exists, all, exists_one or size", at.many.Name)
		return nil
	}
	return &rowValue{&Column{Path: at.path, Field: at.path.Table().ID()}}
}

// rowValue stands for a whole row while the tree is built. The only operation on it is a comparison with null.
type rowValue struct{ id *Column }

func (*rowValue) Kind() value.Kind { return value.JSON } // like json, only null is comparable with it

// isRowValue reports a row in the place of a value, and proposes one of its fields.
func (c *compiler) isRowValue(expr ast.Expr, node Node) bool {
	row, ok := node.(*rowValue)
	if !ok {
		return false
	}
	table := row.id.Path.Table()
	name := strings.TrimSuffix(string(c.text[c.nameStart(expr):c.nameEnd(expr)]), ".")
	advice := "name one of its fields, such as " + name + "." + c.example(table)
	if steps := row.id.Path.Steps; len(steps) > 0 {
		advice += ", or " + strings.TrimSuffix(name, steps[len(steps)-1].Name) + steps[len(steps)-1].Field.Name
	}
	c.failf(expr, "%s is a row of %s: %s", name, table.Name, advice)
	return true
}

// example returns a field of a table to name in a message.
func (c *compiler) example(table *model.Table) string {
	if table.Field("name") != nil {
		return "name"
	}
	for _, field := range table.Fields[1:] {
		if field.Ref == nil && !field.System && field.Type != model.JSON && !field.Secret {
			return field.Name
		}
	}
	return "id"
}

// row compiles an expression to one row.
func (c *compiler) row(expr ast.Expr) (target, bool) {
	before := len(c.problems)
	at, ok := c.target(expr)
	if !ok {
		if len(c.problems) == before {
			c.noRow(expr)
		}
		return target{}, false
	}
	if at.many != nil {
		c.failf(expr, "%s is many rows: ask with exists, all, exists_one or size", at.many.Name)
		return target{}, false
	}
	return at, true
}

func (c *compiler) noRow(expr ast.Expr) {
	switch expr.Kind() {
	case ast.IdentKind:
		name := expr.AsIdent()
		if c.Row != nil && c.Row.Table.Field(name) != nil {
			c.noMembers(expr, c.Row.Table.Field(name))
			return
		}
		if c.Row == nil {
			c.noRowInDefault(expr, name)
			return
		}
		c.unknown(expr, c.Row.Table, name)
	case ast.SelectKind:
		c.noRowSelected(expr)
	default:
		before := len(c.problems)
		if c.node(expr); len(c.problems) == before { // else e itself is wrong
			c.failf(expr, "this is a value: it has no members")
		}
	}
}

// noRowSelected reports the first step of a path, such as a.b, that is no row.
func (c *compiler) noRowSelected(expr ast.Expr) {
	operand, name := expr.AsSelect().Operand(), expr.AsSelect().FieldName()
	if root, ok := c.reservedName(operand); ok && root != "old" {
		c.failf(expr, "%s is a value: it has no members", string(c.text[c.nameStart(expr):c.nameEnd(expr)]))
		return
	}
	from, ok := c.row(operand) // reports faults in earlier steps
	switch {
	case !ok:
	case from.path.Table().Field(name) != nil:
		c.noMembers(expr, from.path.Table().Field(name))
	default:
		c.unknown(expr, from.path.Table(), name)
	}
}

// noMembers reports a step from a field. A wrong declaration of the field is reported there.
func (c *compiler) noMembers(expr ast.Expr, field *model.Field) {
	switch field.Type {
	case model.Invalid:
		c.problems = append(c.problems, Problem{Offset: AlreadyReported})
	case model.JSON:
		c.failf(expr, "%s is json: expressions cannot look into it, and ask only whether it is there", field.Name)
	default:
		advice, end := "", c.nameEnd(expr)
		if strings.HasPrefix(string(c.text[end:]), ".len") && field.Type == model.Text {
			advice = fmt.Sprintf("; write size(%s)", string(c.text[c.nameStart(expr):end]))
		}
		c.failf(expr, "%s is a value: it has no members%s", field.Name, advice)
	}
}

// noRowInDefault reports a name in a default, or in a condition without a row. Often a default is a text without quotes.
func (c *compiler) noRowInDefault(expr ast.Expr, name string) {
	if c.Default != nil {
		if advice := unquoted(c.Default, string(c.text)); advice != "" {
			c.failf(expr, "%s", advice)
			return
		}
	}
	for _, field := range c.Typed {
		if field.Name == name || field.RefName == name {
			c.failf(expr, "%s is an argument: write arg.%s", name, field.Name)
			return
		}
	}
	what := "this condition knows auth and now alone"
	switch {
	case c.Default != nil && c.Missing["auth"] != "":
		what = "a new value knows now alone"
	case c.Default != nil:
		what = "a default knows auth and now alone"
	case c.Typed != nil:
		what = "this condition knows auth, now and arg alone"
	}
	c.failf(expr, "no row can be named here, so %s means nothing: %s", name, what)
}

// unquoted returns advice if the text of a default is plain words and no expression, "" otherwise.
func unquoted(field *model.Field, text string) string {
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, `'"()[]{}+*/%?:<>=!&|\`) || strings.HasPrefix(text, "auth.") {
		return ""
	}
	switch field.Type {
	case model.Text, model.UUID:
		return fmt.Sprintf(`a text constant has quotes within quotes: write "'%s'"`, text)
	case model.Enum:
		name, values := valuesOf(&Column{Field: field})
		if slices.Contains(values, text) {
			return fmt.Sprintf(`a value of more than one word has quotes within quotes: write "'%s'"`, text)
		}
		return fmt.Sprintf("%q is no value of %s%s", text, name, suggestOrList(text, values))
	case model.Bool:
		if word := yamlBool(text); word != "" {
			return "write " + word
		}
		return "write true or false"
	}
	return ""
}

// target resolves the name of a row or of rows. ok is false for any other name. target records no problem then,
// unless the expression exceeds a limit.
func (c *compiler) target(expr ast.Expr) (target, bool) {
	switch expr.Kind() {
	case ast.IdentKind:
		return c.root(expr)
	case ast.SelectKind:
		c.nodes++
		from, ok := c.target(expr.AsSelect().Operand())
		if !ok || from.many != nil {
			return target{}, false
		}
		rel := from.path.Table().Relation(expr.AsSelect().FieldName())
		if rel == nil {
			return target{}, false
		}
		return c.step(expr, from, rel)
	default:
		return target{}, false
	}
}

func (c *compiler) root(expr ast.Expr) (target, bool) {
	name := expr.AsIdent()
	for i := len(c.items) - 1; i >= 0; i-- {
		if c.items[i].name == name {
			return target{path: Path{Root: c.items[i].row}, steps: c.items[i].from}, true
		}
	}
	if name == "old" {
		if c.isMissing(expr, name) {
			return target{}, false
		}
		if c.Old == nil {
			c.failf(expr, "old exists only in checks and in the rule update: {to: …}")
			return target{}, false
		}
		return target{path: Path{Root: c.Old}}, true
	}
	if c.Row == nil {
		return target{}, false
	}
	rel := c.Row.Table.Relation(name)
	if rel == nil {
		return target{}, false
	}
	return c.step(expr, target{path: Path{Root: c.Row}}, rel)
}

// step follows a relation.
func (c *compiler) step(expr ast.Expr, from target, rel *model.Relation) (target, bool) {
	if from.steps++; from.steps > c.Limits.Relations {
		c.failf(expr, "the expression follows more than %d relations in a row", c.Limits.Relations)
		return target{}, false
	}
	if rel.Many {
		from.many = rel
		return from, true
	}
	steps := append(append([]*model.Relation(nil), from.path.Steps...), rel)
	from.path = Path{Root: from.path.Root, Steps: steps}
	return from, true
}

// names returns the valid names of a table, for suggestions.
func (c *compiler) names(table *model.Table) []string {
	var names []string
	for _, field := range table.Fields {
		if !(c.Client && field.Secret) {
			names = append(names, field.Name)
		}
	}
	for _, relation := range table.Relations {
		names = append(names, relation.Name)
	}
	return names
}
