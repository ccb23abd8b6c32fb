package load

import (
	"cmp"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	maxCharacter = 4  // bytes of a character in UTF-8
	leastShare   = 36 // characters left by every index for a text without a max: a UUID's
)

// limitIndexedText gives a max to every text of a table that is a key, unique or indexed.
func (l *loader) limitIndexedText(decl *tableDecl) {
	for _, field := range decl.table.Fields {
		if field.Type != model.Text || !field.InIndex() {
			continue
		}
		if field.Name == "id" || field.RefName != "" {
			least := int64(1) // a URL cannot name an empty id
			field.Min = &least
		}
		switch written := decl.maxOf(field); {
		case written != nil && field.Max != nil && *field.Max > model.MaxIndexedText:
			l.fault(written.pos, "text that is unique or indexed may have at most %d characters: max cannot be %d", model.MaxIndexedText, *field.Max)
		case field.Max == nil:
			most := int64(model.MaxIndexedText)
			field.Max, l.impliedMax[field] = &most, true // limitIndexRows may lower it
		}
	}
}

// maxOf returns the max of a field in the model, or nil.
func (d *tableDecl) maxOf(field *model.Field) *node {
	if decl := d.declOf(field); decl != nil {
		return decl.value.get("max")
	}
	return nil
}

// limitIndexRows divides the bytes of each index row among its texts without a written max. A reference to a text key has
// the max of that key.
func (l *loader) limitIndexRows() {
	most := map[*model.Field]int64{}
	for _, decl := range l.tables {
		for _, fields := range indexRows(decl.table) {
			share := l.shareOf(decl, fields)
			for _, field := range fields {
				if field.Type == model.Text && !l.hasWrittenMax(field) {
					most[limitedBy(field)] = min(share, cmp.Or(most[limitedBy(field)], model.MaxIndexedText))
				}
			}
		}
	}
	for _, decl := range l.tables {
		for _, field := range decl.table.Fields {
			share, found := most[limitedBy(field)]
			if found && field.Type == model.Text && field.InIndex() && !l.hasWrittenMax(field) {
				field.Max = &share
				l.checkImpliedMax(decl, field)
			}
		}
	}
}

// limitedBy returns the field with the max of a field: the target's key for a reference, or the field itself.
func limitedBy(field *model.Field) *model.Field {
	if field.Ref != nil {
		return field.Ref.ID()
	}
	return field
}

// hasWrittenMax reports whether a text has a max from the model, or from the server for a field of users.
func (l *loader) hasWrittenMax(field *model.Field) bool {
	return field.RefName == "" && field.Name != "id" && field.Max != nil && !l.impliedMax[field]
}

// checkImpliedMax compares a min with a max chosen by the loader.
func (l *loader) checkImpliedMax(decl *tableDecl, field *model.Field) {
	if field.Min != nil && *field.Min > *field.Max {
		l.fault(decl.declOf(field).value.get("min").pos,
			"text that is unique or indexed may have at most %d characters here: min cannot be %d", *field.Max, *field.Min)
	}
}

// indexRows returns the fields of the rows of each index of a table.
func indexRows(table *model.Table) [][]*model.Field {
	all := table.UniqueFields()
	for _, fields := range table.IndexedFields() {
		if !slices.Contains(fields, table.ID()) {
			fields = append(slices.Clone(fields), table.ID())
		}
		all = append(all, fields)
	}
	return append(all, []*model.Field{table.ID()})
}

// shareOf returns the number of characters for each text without a written max in a row of an index. It reports
// written maxima that leave too few.
func (l *loader) shareOf(decl *tableDecl, fields []*model.Field) int64 {
	texts, bytes := model.IndexRoom(fields)
	left, open := int64(bytes), int64(0) // open is the number of texts without a written max
	var limited []*model.Field
	for _, field := range texts {
		switch {
		case field.Type == model.Enum:
			left -= longestValue(field)
		case l.hasWrittenMax(field):
			limited = append(limited, field)
		default:
			open++
		}
	}
	room := left - open*maxCharacter*leastShare // for the limited texts
	for _, field := range limited {
		left -= maxCharacter * min(*field.Max, model.MaxIndexedText) // a greater max was reported before
	}
	share := left / (max(open, 1) * maxCharacter)
	fits := open == 0 && left >= 0
	if fits || share >= leastShare {
		return min(share, model.MaxIndexedText)
	}
	l.reportWideRow(decl, fields, limited, room)
	return leastShare
}

func longestValue(enum *model.Field) (bytes int64) {
	for _, value := range enum.Values {
		bytes = max(bytes, int64(len(value.Name)))
	}
	return bytes
}

// reportWideRow reports an index with rows that could be too long. room is the number of bytes for its limited texts.
func (l *loader) reportWideRow(decl *tableDecl, fields, limited []*model.Field, room int64) {
	const problem = "rows of the index [%s] could have more than %d bytes, which PostgreSQL does not store: "
	if len(limited) == 0 {
		l.fault(decl.table.Pos, problem+"leave a field out", yamlNames(fields), model.MaxIndexRow)
		return
	}
	longest := slices.MaxFunc(limited, func(a, b *model.Field) int { return cmp.Compare(*a.Max, *b.Max) })
	at := longest.Pos
	if written := decl.maxOf(longest); written != nil {
		at = written.pos
	}
	l.fault(at, problem+"give %s a smaller max, together at most %d", yamlNames(fields), model.MaxIndexRow, yamlNames(limited), room/maxCharacter)
}
