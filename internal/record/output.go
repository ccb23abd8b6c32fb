package record

import (
	"strings"
	"sync/atomic"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// maxLevels is how deep expansions may nest.
const maxLevels = apilimit.Levels

// output is what of a row is written, and what of the rows that it relates to.
type output struct {
	table   *model.Table
	members []member       // in model order
	fields  []*model.Field // the columns that are read: those of the members, then those that only lead on
	expand  []*expansion   // in the order in which they stand among the members
	path    string         // from the row that was asked for, "" for that row itself
}

// member is one member of the JSON object of a row.
type member struct {
	prefix []byte // `,"title":` with the comma that all but the first have
	col    int    // of fields; -1 for an expansion
	exp    int    // of expand
}

// expansion is a relation that is followed.
type expansion struct {
	rel  *model.Relation
	out  *output
	col  int // to-one: the column of the reference; to-many: the column of the id
	path string

	statements variants
}

// tree is what a request names: fields and relations, before they are resolved.
type tree struct {
	fields map[string]bool
	rels   map[string]*tree
	order  []string // of rels, as named
	all    bool     // every field: nothing at this level was named by `fields`

	expanded bool // it was named by `expand`, as the end of a path
	whole    bool // it was named by `fields`, as the end of a path
}

func newTree() *tree { return &tree{fields: map[string]bool{}, rels: map[string]*tree{}, all: true} }

// relation returns the subtree of a relation.
func (n *tree) relation(name string) *tree {
	sub := n.rels[name]
	if sub == nil {
		sub = newTree()
		n.rels[name] = sub
		n.order = append(n.order, name)
	}
	return sub
}

// newOutput resolves the parameters fields and expand, "" where they were not given.
func newOutput(t *model.Table, fields, expand string) (*output, error) {
	root := newTree()
	if fields != "" {
		for path := range strings.SplitSeq(fields, ",") {
			if err := root.field(t, path); err != nil {
				return nil, err
			}
		}
	}
	if expand != "" {
		for path := range strings.SplitSeq(expand, ",") {
			if err := root.follow(t, path); err != nil {
				return nil, err
			}
		}
	}
	return root.output(t, "")
}

// field adds a path of the parameter fields. Its last name is a field, or a relation, which stands for the whole row.
func (n *tree) field(t *model.Table, path string) error {
	names := strings.Split(path, ".")
	for i, name := range names {
		n.all = false
		last := i == len(names)-1
		if f := t.Field(name); last && f != nil && !f.Secret {
			if n.fields[name] {
				return errs.New(errs.Malformed, "fields names %s twice", path)
			}
			n.fields[name] = true
			return nil
		}
		rel := t.Relation(name)
		if rel == nil {
			return unknownPath("fields", path, name, t, last)
		}
		if i == maxLevels {
			return errs.New(errs.Malformed, "fields: %s follows more than %d relations", path, maxLevels)
		}
		n, t = n.relation(name), rel.To
	}
	if n.whole {
		return errs.New(errs.Malformed, "fields names %s twice", path)
	}
	n.whole = true
	return nil
}

// follow adds a path of the parameter expand.
func (n *tree) follow(t *model.Table, path string) error {
	names := strings.Split(path, ".")
	if len(names) > maxLevels {
		return errs.New(errs.Malformed, "expand: %s follows more than %d relations", path, maxLevels)
	}
	for _, name := range names {
		rel := t.Relation(name)
		if rel == nil {
			return unknownPath("expand", path, name, t, false)
		}
		n, t = n.relation(name), rel.To
	}
	if n.expanded {
		return errs.New(errs.Malformed, "expand names %s twice", path)
	}
	n.expanded = true
	return nil
}

// emptyName refuses a list with a name missing: an extra comma or dot.
func emptyName(param string) error {
	return errs.New(errs.Malformed, "%s has an empty name: remove the extra comma or dot", param)
}

func unknownPath(param, path, name string, t *model.Table, field bool) error {
	if name == "" {
		return emptyName(param)
	}
	var names []string
	for _, r := range t.Relations {
		names = append(names, r.Name)
	}
	what := "relation"
	if field {
		what = "field or relation"
		names = append(names, readableNames(t)...)
	}
	at := ""
	if path != name {
		at = " (in " + path + ")"
	}
	return errs.New(errs.Malformed, "%s: %s has no %s %q%s%s", param, t.Name, what, errs.Clip(name, 60), at, suggest.DidYouMean(name, names))
}

// readableNames are the fields that a client may name.
func readableNames(t *model.Table) []string {
	var names []string
	for _, f := range t.Fields {
		if !f.Secret {
			names = append(names, f.Name)
		}
	}
	return names
}

// output resolves a level: members stand in model order, an expanded reference behind its field, the ways back at the end.
func (n *tree) output(t *model.Table, path string) (*output, error) {
	if n.whole && !n.all {
		return nil, errs.New(errs.Malformed, "fields names %s as a whole and in parts: name one of them", path)
	}
	o := &output{table: t, path: path}
	for _, f := range t.Fields {
		if !f.Secret && (n.all || n.fields[f.Name]) {
			o.addField(f)
		}
		if f.RefName != "" && n.rels[f.RefName] != nil {
			if err := o.addExpansion(t.Relation(f.RefName), n.rels[f.RefName]); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range n.order {
		if rel := t.Relation(name); rel.Many {
			if err := o.addExpansion(rel, n.rels[name]); err != nil {
				return nil, err
			}
		}
	}
	for i := range o.expand { // columns that only lead on stand behind those that are written
		e := o.expand[i]
		lead := t.ID()
		if !e.rel.Many {
			lead = e.rel.Field
		}
		e.col = o.column(lead)
	}
	return o, nil
}

func (o *output) prefix(name string) []byte {
	p := []byte(`,"` + name + `":`)
	if len(o.members) == 0 {
		p[0] = '{'
	}
	return p
}

func (o *output) addField(f *model.Field) {
	o.members = append(o.members, member{prefix: o.prefix(f.Name), col: len(o.fields)})
	o.fields = append(o.fields, f)
}

func (o *output) addExpansion(rel *model.Relation, sub *tree) error {
	path := strings.TrimPrefix(o.path+"."+rel.Name, ".")
	out, err := sub.output(rel.To, path)
	if err != nil {
		return err
	}
	o.members = append(o.members, member{prefix: o.prefix(rel.Name), col: -1, exp: len(o.expand)})
	o.expand = append(o.expand, &expansion{rel: rel, out: out, path: path})
	return nil
}

// measure counts the statements of its expansions into the size of a shape.
func (o *output) measure(size *atomic.Int64) {
	for _, e := range o.expand {
		e.statements.size = size
		e.out.measure(size)
	}
}

// column is the column of a field, which is read but not written where no member is it.
func (o *output) column(f *model.Field) int {
	for i, have := range o.fields {
		if have == f {
			return i
		}
	}
	o.fields = append(o.fields, f)
	return len(o.fields) - 1
}
