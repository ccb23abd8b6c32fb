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
func NewOutput(t *model.Table, fields, expand string) (*Output, error) {
	root := newTree("")
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
	out, err := root.output(t)
	if err != nil {
		return nil, err
	}
	out.number(0)
	return out, nil
}

// field adds a path of the parameter fields. Its last name is a field, or a relation if the whole row is wanted.
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

// EmptyName is the error for a list with an extra comma or dot.
func EmptyName(param string) error {
	return errs.New(errs.Malformed, "%s has an empty name: remove the extra comma or dot", param)
}

func unknownPath(param, path, name string, t *model.Table, field bool) error {
	if name == "" {
		return EmptyName(param)
	}
	var names []string
	for _, r := range t.Relations {
		names = append(names, r.Name)
	}
	what := "relation"
	if field {
		what = "field or relation"
		names = append(names, ReadableNames(t)...)
	}
	at := ""
	if path != name {
		at = " (in " + path + ")"
	}
	return errs.New(errs.Malformed, "%s: %s has no %s %q%s%s", param, t.Name, what, errs.Clip(name, 60), at, suggest.DidYouMean(name, names))
}

// ReadableNames returns the names of the fields that a client may name.
func ReadableNames(t *model.Table) []string {
	var names []string
	for _, f := range t.Fields {
		if !f.Secret {
			names = append(names, f.Name)
		}
	}
	return names
}

// output resolves one level. Members stand in model order, an expanded reference after its field, lists at the end.
func (n *tree) output(t *model.Table) (*Output, error) {
	if n.whole && !n.all {
		return nil, errs.New(errs.Malformed, "fields names %s as a whole and in parts: name one of them", n.path)
	}
	o := &Output{Table: t}
	for _, f := range t.Fields {
		if !f.Secret && (n.all || n.fields[f.Name]) {
			o.addField(f)
		}
		if f.RefName == "" || n.rels[f.RefName] == nil {
			continue
		}
		if err := n.expandInto(o, t.Relation(f.RefName)); err != nil {
			return nil, err
		}
	}
	for _, name := range n.order {
		rel := t.Relation(name)
		if !rel.Many {
			continue
		}
		if err := n.expandInto(o, rel); err != nil {
			return nil, err
		}
	}
	o.addColumns()
	return o, nil
}

func (n *tree) expandInto(o *Output, rel *model.Relation) error {
	out, err := n.rels[rel.Name].output(rel.To)
	if err != nil {
		return err
	}
	o.addExpansion(rel, out)
	return nil
}
