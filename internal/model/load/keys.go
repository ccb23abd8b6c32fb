package load

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// readKeys reads the combinations of fields that are unique, indexed or searched.
func (l *loader) readKeys(d *tableDecl) {
	if n := d.obj.get("unique"); n != nil && n.kind != null {
		d.t.Unique = l.readCombinations(d.t, n, "unique")
	}
	if n := d.obj.get("indexes"); n != nil && n.kind != null {
		d.t.Indexes = l.readCombinations(d.t, n, "indexes")
	}
	if n := d.obj.get("search"); n != nil && n.kind != null {
		d.t.Search = l.readSearch(d.t, n)
	}
}

func (l *loader) readCombinations(t *model.Table, n *node, what string) [][]*model.Field {
	var all [][]*model.Field
	items := l.readList(n, what)
	if len(items) > 1 && !slices.ContainsFunc(items, func(item *node) bool { return item.kind != text }) {
		names := make([]string, len(items))
		for i, item := range items {
			names[i] = item.text
		}
		l.fault(n.pos, "%s is a list of lists: write [[%s]] for all of them together, or [[%s]] for each by itself",
			what, strings.Join(names, ", "), strings.Join(names, "], ["))
		return nil
	}
	for _, item := range items {
		if item.kind == text {
			l.fault(item.pos, "%s is a list of lists: write [[%s]]", what, item.text)
			continue
		}
		fields := l.readFields(t, item, what)
		switch {
		case fields == nil:
		case slices.ContainsFunc(all, func(other []*model.Field) bool { return slices.Equal(other, fields) }),
			what == "unique" && len(fields) == 1 && fields[0].Unique,
			what == "indexes" && len(fields) == 1 && fields[0].Index:
			l.fault(item.pos, "[%s] is given twice", yamlNames(fields))
		default:
			all = append(all, fields)
		}
	}
	return all
}

// maxIndexed is how many fields an index may have; PostgreSQL ends at 32 columns.
const maxIndexed = 16

// readFields reads one combination. It returns nil after a fault.
func (l *loader) readFields(t *model.Table, n *node, what string) []*model.Field {
	items := l.readList(n, "each of "+what)
	if n.kind == list && (len(items) == 0 || len(items) > maxIndexed) {
		l.fault(n.pos, "each of %s names 1 to %d fields", what, maxIndexed)
		return nil
	}
	var fields []*model.Field
	sound := true
	for _, item := range items {
		f := l.readField(t, item, what)
		if f != nil && slices.Contains(fields, f) {
			l.fault(item.pos, "%s is named twice", yamlName(f))
			f = nil
		}
		if f == nil || !l.indexable(item.pos, f, what) {
			sound = false
			continue
		}
		fields = append(fields, f)
	}
	if !sound {
		return nil
	}
	return fields
}

func (l *loader) readField(t *model.Table, n *node, what string) *model.Field {
	name, ok := l.readText(n, "a field of "+what)
	if !ok {
		return nil
	}
	f := byYAMLName(t, name)
	if f == nil {
		l.fault(n.pos, "%s has no field %s%s", t.Name, quoteShort(name), suggest.DidYouMean(name, fieldNames(t)))
	}
	return f
}

func (l *loader) indexable(at model.Pos, f *model.Field, what string) bool {
	switch {
	case f.Type == model.JSON:
		l.fault(at, "a json field cannot be in %s", what)
	case f.Secret:
		l.fault(at, "a secret cannot be in %s: it would tell its value", what)
	case what == "unique" && f.Name == "id":
		l.fault(at, "id is unique already, so a combination with it always is")
	default:
		return true
	}
	return false
}

func (l *loader) readSearch(t *model.Table, n *node) []*model.Field {
	var fields []*model.Field
	for _, item := range l.readList(n, "search") {
		f := l.readField(t, item, "search")
		switch {
		case f == nil || f.Type == model.Invalid:
		case f.Type != model.Text || f.RefName != "" || f.System:
			l.fault(item.pos, "search is for declared text fields; %s is none", yamlName(f))
		case f.Secret:
			l.fault(item.pos, "a secret cannot be searched")
		case slices.Contains(fields, f):
			l.fault(item.pos, "%s is named twice", yamlName(f))
		default:
			fields = append(fields, f)
		}
	}
	return fields
}

// limitIndexedText limits text that is a key, unique or indexed.
func (l *loader) limitIndexedText(d *tableDecl) {
	for _, f := range d.t.Fields {
		if f.Type != model.Text || !f.InIndex() {
			continue
		}
		if f.Name == "id" || f.RefName != "" {
			least := int64(1) // an empty id could not be named in a URL
			f.Min = &least
		}
		switch n := l.maxNode(d, f); {
		case n != nil && f.Max != nil && *f.Max > model.MaxIndexedText:
			l.fault(n.pos, "text that is unique or indexed has at most %d characters: max cannot be %d", model.MaxIndexedText, *f.Max)
		case f.Max == nil:
			most := int64(model.MaxIndexedText)
			f.Max, l.implied[f] = &most, true // boundIndexes may make it less
		}
	}
}

// checkImplied compares min with the max that nobody wrote.
func (l *loader) checkImplied(d *tableDecl, f *model.Field) {
	if f.Min != nil && *f.Min > *f.Max {
		i := slices.IndexFunc(d.fields, func(fd *fieldDecl) bool { return fd.f == f })
		l.fault(d.fields[i].obj.get("min").pos, "text that is unique or indexed has at most %d characters here: min cannot be %d", *f.Max, *f.Min)
	}
}

func (l *loader) maxNode(d *tableDecl, f *model.Field) *node {
	for _, fd := range d.fields {
		if fd.f == f {
			return fd.obj.get("max")
		}
	}
	return nil
}
