package render

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// maxLevels is how deep expansions may nest.
const maxLevels = apilimit.Levels

// tree holds the fields and relations that a request names, before they are resolved.
type tree struct {
	path   string // from the row that the request asks for
	fields map[string]bool
	rels   map[string]*tree
	order  []string // names in rels, in the order of the request
	all    bool     // every field, because the parameter fields names none at this level

	expanded bool // a path of the parameter expand ends here
	whole    bool // a path of the parameter fields ends here
}

func newTree(path string) *tree {
	return &tree{path: path, fields: map[string]bool{}, rels: map[string]*tree{}, all: true}
}

// relation returns the subtree of a relation.
func (n *tree) relation(name string) *tree {
	sub := n.rels[name]
	if sub == nil {
		sub = newTree(strings.TrimPrefix(n.path+"."+name, "."))
		n.rels[name] = sub
		n.order = append(n.order, name)
	}
	return sub
}

// NewOutput resolves the parameters fields and expand of a request. "" means that a parameter is missing.
func NewOutput(table *model.Table, fields, expand string) (*Output, error) {
	root := newTree("")
	if fields != "" {
		for path := range strings.SplitSeq(fields, ",") {
			if err := root.field(table, path); err != nil {
				return nil, err
			}
		}
	}
	if expand != "" {
		for path := range strings.SplitSeq(expand, ",") {
			if err := root.follow(table, path); err != nil {
				return nil, err
			}
		}
	}
	out, err := root.output(table)
	if err != nil {
		return nil, err
	}
	out.number(0)
	return out, nil
}

// field adds a path of the parameter fields. Its last name is a field, or a relation if the whole row is wanted.
func (n *tree) field(table *model.Table, path string) error {
	names := strings.Split(path, ".")
	for i, name := range names {
		n.all = false
		last := i == len(names)-1
		if field := table.Field(name); last && field != nil && !field.Secret {
			if n.fields[name] {
				return errs.New(errs.Malformed, "fields names %s twice", path)
			}
			n.fields[name] = true
			return nil
		}
		rel := table.Relation(name)
		if rel == nil {
			return unknownPath("fields", path, name, table, last)
		}
		if i == maxLevels {
			return errs.New(errs.Malformed, "fields: %s follows more than %d relations", path, maxLevels)
		}
		n, table = n.relation(name), rel.To
	}
	if n.whole {
		return errs.New(errs.Malformed, "fields names %s twice", path)
	}
	n.whole = true
	return nil
}

// follow adds a path of the parameter expand.
func (n *tree) follow(table *model.Table, path string) error {
	names := strings.Split(path, ".")
	if len(names) > maxLevels {
		return errs.New(errs.Malformed, "expand: %s follows more than %d relations", path, maxLevels)
	}
	for _, name := range names {
		rel := table.Relation(name)
		if rel == nil {
			return unknownPath("expand", path, name, table, false)
		}
		n, table = n.relation(name), rel.To
	}
	if n.expanded {
		return errs.New(errs.Malformed, "expand names %s twice", path)
	}
	n.expanded = true
	return nil
}

// EmptyName is the error for a list with an extra comma or dot.
func EmptyName(param string) error {
	return errs.New(errs.Malformed, "%s has an empty name: remove the extra comma or dot", param)
}

func unknownPath(param, path, name string, table *model.Table, field bool) error {
	if name == "" {
		return EmptyName(param)
	}
	var names []string
	for _, rel := range table.Relations {
		names = append(names, rel.Name)
	}
	what := "relation"
	if field {
		what = "field or relation"
		names = append(names, ReadableNames(table)...)
	}
	at := ""
	if path != name {
		at = " (in " + path + ")"
	}
	return errs.New(errs.Malformed, "%s: %s has no %s %q%s%s", param, table.Name, what, errs.Clip(name, 60), at, suggest.DidYouMean(name, names))
}

// ReadableNames returns the names of the fields that a client may name.
func ReadableNames(table *model.Table) []string {
	var names []string
	for _, field := range table.Fields {
		if !field.Secret {
			names = append(names, field.Name)
		}
	}
	return names
}

// output resolves one level. Members stand in model order, an expanded reference after its field, lists at the end.
func (n *tree) output(table *model.Table) (*Output, error) {
	if n.whole && !n.all {
		return nil, errs.New(errs.Malformed, "fields names %s as a whole and in parts: name one of them", n.path)
	}
	out := &Output{Table: table}
	for _, field := range table.Fields {
		if !field.Secret && (n.all || n.fields[field.Name]) {
			out.addField(field)
		}
		if field.RefName == "" || n.rels[field.RefName] == nil {
			continue
		}
		if err := n.expandInto(out, table.Relation(field.RefName)); err != nil {
			return nil, err
		}
	}
	for _, name := range n.order {
		rel := table.Relation(name)
		if !rel.Many {
			continue
		}
		if err := n.expandInto(out, rel); err != nil {
			return nil, err
		}
	}
	out.addColumns()
	return out, nil
}

func (n *tree) expandInto(parent *Output, rel *model.Relation) error {
	out, err := n.rels[rel.Name].output(rel.To)
	if err != nil {
		return err
	}
	parent.addExpansion(rel, out)
	return nil
}
