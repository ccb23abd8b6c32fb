package model

// Table is one table of a model, or a view.
type Table struct {
	Name      string
	View      *View  // nil for a table
	Was       string // former name, or ""
	Doc       string
	Key       Type        // type of id: UUID, Int or Text
	Fields    []*Field    // id, the declared fields in the order of the file; a table ends with created_at and updated_at
	Relations []*Relation // in the order of their references
	Unique    [][]*Field  // declared combinations; Field.Unique adds more
	Indexes   [][]*Field  // declared combinations; Field.Indexed adds more
	Search    []*Field
	Access    Access
	Checks    []Check
	Cache     Cache
	Watch     bool // clients may watch its rows change
	Pos       Pos

	fields    map[string]*Field
	relations map[string]*Relation
}

// View makes a table a view: a query returns its rows, and nobody writes them.
type View struct {
	Reads    []Read // tables in the query, each once
	SQLite   *Expr  // query for SQLite, or nil
	Postgres *Expr  // query for PostgreSQL, or nil; the same *Expr as SQLite if one query serves both
}

// Read is a declared table of a view's query.
type Read struct {
	Table *Table
	Pos   Pos
}

// Relation leads from a row to one other row or to many.
type Relation struct {
	Name  string
	From  *Table // start of the relation
	To    *Table
	Field *Field // the reference: a field of To if Many, else a field of From
	Many  bool
}

// Access holds a table's rules. A nil rule admits only the system.
type Access struct {
	Read, Create, Delete *Expr
	UpdateFrom, UpdateTo *Expr // rules for the old row and the new row; the same *Expr if the model gives one rule
}

// Check is a condition that every new row must satisfy.
type Check struct {
	Expr    *Expr
	Message string
}

// Field returns the field of that name (author_id for a reference author), or nil.
func (t *Table) Field(name string) *Field { return t.fields[name] }

// Relation returns the relation of that name, to one row or to many, or nil.
func (t *Table) Relation(name string) *Relation { return t.relations[name] }

// ID returns the key field. It is always the first.
func (t *Table) ID() *Field { return t.Fields[0] }

// AddField adds a field. Its name must be free.
func (t *Table) AddField(field *Field) {
	field.Table = t
	t.Fields = append(t.Fields, field)
	t.name(field.Name, field)
}

// AddRelation adds a relation that starts from the table. Its name must be free.
func (t *Table) AddRelation(relation *Relation) {
	if t.relations == nil {
		t.relations = make(map[string]*Relation)
	}
	t.Relations = append(t.Relations, relation)
	t.relations[relation.Name] = relation
}

// Suppress makes Field return an Invalid field for a name that is not in the table. Expressions with the name then
// get no second fault. Use it for a name with a faulty declaration.
func (t *Table) Suppress(name string) {
	if t.fields[name] == nil && t.relations[name] == nil {
		t.name(name, &Field{Name: name, Table: t})
	}
}

func (t *Table) name(name string, field *Field) {
	if t.fields == nil {
		t.fields = make(map[string]*Field)
	}
	t.fields[name] = field
}

// indexFields makes Field find the fields of a table after its Fields were set from outside.
func (t *Table) indexFields() {
	t.fields = make(map[string]*Field)
	for _, field := range t.Fields {
		t.fields[field.Name] = field
	}
}
