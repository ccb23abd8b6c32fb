package sqlgen

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Create returns the statements that make a model's tables and indexes in a database that has none of them.
func Create(d Dialect, m *model.Model) []string {
	var all []string
	for _, t := range m.Tables {
		all = append(all, CreateTable(d, t)...)
	}
	for _, t := range m.Tables {
		all = append(all, CreateReferences(d, t)...)
	}
	for _, t := range m.Tables {
		all = append(all, CreateIndexes(d, t)...)
	}
	return all
}

// CreateTable returns the statements that make a table and its triggers, without its indexes and references.
func CreateTable(d Dialect, t *model.Table) []string {
	all := []string{d.table(t)}
	for _, f := range t.Fields {
		all = append(all, d.triggers(f)...)
	}
	return append(all, d.tracked(t.Name)...)
}

// Track returns the statements that make the trigger by which the engine learns of rows that others change by SQL; none
// where the engine learns of them in another way.
func Track(d Dialect, table string) []string { return d.tracked(table) }

// CreateReferences returns the statements that make the references of a new table, when all tables are there.
func CreateReferences(d Dialect, t *model.Table) []string {
	var all []string
	for _, f := range t.Fields {
		if f.Ref != nil {
			all = append(all, d.reference(f)...)
		}
	}
	return all
}

// CreateIndexes returns the statements that make all indexes of a table.
func CreateIndexes(d Dialect, t *model.Table) []string {
	var all []string
	for _, i := range Indexes(t) {
		all = append(all, CreateIndex(d, i))
	}
	return all
}

// CreateIndex returns the statement that makes one index; every dialect writes it alike.
func CreateIndex(_ Dialect, i Index) string {
	unique := ""
	if i.Unique {
		unique = "UNIQUE "
	}
	columns := quoteAll(i.Columns)
	if i.Caseless {
		columns = Caseless(columns)
	}
	return "CREATE " + unique + "INDEX " + Quote(i.Name) + " ON " + Quote(i.Table.Name) + " (" + columns + ")"
}

// Index is one index of a table.
type Index struct {
	Name    string
	Table   *model.Table
	Columns []string
	Unique  bool

	Caseless bool // it is on Caseless of its one column
}

// Caseless is the form of a text in which the case of A to Z makes no difference. Both engines lower these letters
// alone: SQLite has no others, and PostgreSQL goes by the column's collation, which is "C". lowerAscii of a filter is
// the same.
func Caseless(column string) string { return "lower(" + column + ")" }

// Indexes lists the indexes of a table, each once: those of its fields, then those of the table.
func Indexes(t *model.Table) []Index {
	var all []Index
	add := func(unique bool, fields ...*model.Field) {
		i := NewIndex(t, unique, fields)
		if !slices.ContainsFunc(all, func(other Index) bool { return other.Name == i.Name }) {
			all = append(all, i)
		}
	}
	for _, f := range t.Fields {
		switch {
		case f.Unique:
			add(true, f)
		case f.Indexed():
			add(false, f)
		}
	}
	for _, fields := range t.Unique {
		add(true, fields...)
	}
	for _, fields := range t.Indexes {
		add(false, fields...)
	}
	return all
}

// NewIndex returns the index of a table on these fields, with its name and columns as all indexes have them.
func NewIndex(t *model.Table, unique bool, fields []*model.Field) Index {
	i := Index{Table: t, Unique: unique, Caseless: unique && len(fields) == 1 && fields[0].Caseless}
	for _, f := range fields {
		i.Columns = append(i.Columns, f.Name)
	}
	i.Name = indexName(t.Name, unique, i.Columns)
	if i.Caseless { // under another name than an index of the column itself, so that the two can be there together
		i.Name = fit("l_" + t.Name + "__" + i.Columns[0])
	}
	if id := t.ID().Name; !unique && !slices.Contains(i.Columns, id) {
		i.Columns = append(i.Columns, id) // ties go by id, so that an index alone gives the order of a page
	}
	return i
}

// indexName joins with two underscores, which no name of a model has: (a_b, c) and (a, b_c) differ.
func indexName(table string, unique bool, columns []string) string {
	prefix := "i_"
	if unique {
		prefix = "u_"
	}
	return fit(prefix + table + "__" + strings.Join(columns, "__"))
}

// maxIdentifier is how many bytes PostgreSQL keeps of an identifier.
const maxIdentifier = 63

// fit shortens a name to what an identifier may be; a hash of the whole keeps it apart from others.
func fit(name string) string {
	if len(name) <= maxIdentifier {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := "__" + hex.EncodeToString(sum[:6])
	return strings.TrimRight(name[:maxIdentifier-len(hash)], "_") + hash
}

// Quote returns a name as an SQL identifier. Names of a model are lower_snake_case and hold no quotes; doubling them is a
// second lock.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = Quote(n)
	}
	return strings.Join(quoted, ", ")
}

// literal returns a text as an SQL literal.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
