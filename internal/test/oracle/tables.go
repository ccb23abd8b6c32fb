package oracle

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

var scalarTypes = []string{"text", "int", "float", "{type: decimal, precision: 18, scale: 0}", "{type: decimal, precision: 18, scale: 2}",
	"{type: decimal, precision: 18, scale: 4}", "bool", "timestamp", "date", "uuid", "{type: enum, values: [x, y, z]}", "json"}

// fieldNames are words with a meaning in CEL, SQL or Go, and plain names.
var fieldNames = []string{"type", "list", "map", "string", "size", "timestamp", "duration", "has", "int", "double", "bool", "bytes",
	"null_type", "all", "exists", "contains", "select", "order", "group", "rowid", "oid", "value", "key", "row", "f0", "f1", "f2", "f3", "f4", "f5"}

// A table is a random table of the model, as text.
type table struct {
	name, key string
	fields    []string // declarations: "name: {type: …}"
	index     []string // names of the fields of an index, or none
}

// randomTables makes three tables with references among them.
func randomTables(random *rand.Rand) []table {
	names := []string{"alpha", "beta", "gamma"}
	tables := make([]table, len(names))
	for i, name := range names {
		made := table{name: name, key: []string{"text", "int", "uuid"}[random.IntN(3)]}
		for _, field := range random.Perm(len(fieldNames))[:4+random.IntN(6)] {
			made.fields = append(made.fields, scalarField(random, fieldNames[field]))
		}
		for k := range 1 + random.IntN(2) {
			optional := ""
			if random.IntN(3) > 0 {
				optional = ", optional: true"
			}
			made.fields = append(made.fields, fmt.Sprintf("r%d: {ref: %s, reverse: %s_r%d%s}", k, names[random.IntN(3)], name, k, optional))
		}
		first, second := random.IntN(len(made.fields)), random.IntN(len(made.fields))
		if first != second && !strings.Contains(made.fields[first]+made.fields[second], "json") {
			made.index = []string{nameOf(made.fields[first]), nameOf(made.fields[second])}
		}
		tables[i] = made
	}
	return tables
}

func scalarField(random *rand.Rand, name string) string {
	typ := scalarTypes[random.IntN(len(scalarTypes))]
	indexed := typ != "json" && random.IntN(3) == 0
	if !strings.HasPrefix(typ, "{") {
		typ = "{type: " + typ + "}"
	}
	if random.IntN(2) == 0 {
		typ = strings.TrimSuffix(typ, "}") + ", optional: true}"
	}
	if indexed {
		typ = strings.TrimSuffix(typ, "}") + ", index: true}"
	}
	return name + ": " + typ
}

// nameOf returns the name of a declared field.
func nameOf(declaration string) string {
	name, _, _ := strings.Cut(declaration, ":")
	return name
}

// roles returns the roles that the model declares.
func roles() []string { return []string{"editor", "reader"} }

// Writes are the rules for writes to a table. To and Check may use old.
type Writes struct {
	Create, From, To, Delete Expr
	Check                    Expr
}

// access returns the rules as the model file has them behind the read rule.
func (w Writes) access() string {
	if w.Create.Ash == "" {
		return ""
	}
	return fmt.Sprintf(", create: %q, update: {from: %q, to: %q}, delete: %q", w.Create.Ash, w.From.Ash, w.To.Ash, w.Delete.Ash)
}

// ruleTexts are the rules of a model: read rules by table, masks by table.field, rules of writing by table.
type ruleTexts struct {
	read, masks map[string]Expr
	writes      map[string]Writes
}

// source returns the model file of the tables with their rules.
func source(tables []table, rules ruleTexts) string {
	var text strings.Builder
	text.WriteString("ashlar: 1\nname: oracle\nroles: [" + strings.Join(roles(), ", ") + "]\ntables:\n")
	for _, table := range tables {
		fmt.Fprintf(&text, "  %s:\n    key: %s\n    fields:\n", table.name, table.key)
		for _, field := range table.fields {
			if mask, ok := rules.masks[table.name+"."+nameOf(field)]; ok {
				field = strings.TrimSuffix(field, "}") + ", read: " + strconv.Quote(mask.Ash) + "}"
			}
			text.WriteString("      " + field + "\n")
		}
		if len(table.index) > 0 {
			fmt.Fprintf(&text, "    indexes: [[%s]]\n", strings.Join(table.index, ", "))
		}
		read := "true"
		if rule, ok := rules.read[table.name]; ok {
			read = strconv.Quote(rule.Ash)
		}
		writes := rules.writes[table.name]
		fmt.Fprintf(&text, "    access: {read: %s%s}\n", read, writes.access())
		if writes.Check.Ash != "" {
			fmt.Fprintf(&text, "    checks: [{expr: %q, message: no}]\n", writes.Check.Ash)
		}
	}
	return text.String()
}
