package load

import (
	"cmp"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	maxCharacter = 4  // bytes of a character in UTF-8
	leastShare   = 36 // characters that text without a max has in every index: those of a UUID
)

// boundIndexes shares the bytes of each index among the texts in it that have no max of their own. References and the
// key that they hold have one.
func (l *loader) boundIndexes() {
	most := map[*model.Field]int64{}
	for _, d := range l.decls {
		for _, fields := range indexRows(d.t) {
			share := l.shareOf(d, fields)
			for _, f := range fields {
				if f.Type == model.Text && !l.hasMax(f) {
					most[holder(f)] = min(share, cmp.Or(most[holder(f)], model.MaxIndexedText))
				}
			}
		}
	}
	for _, d := range l.decls {
		for _, f := range d.t.Fields {
			if share, found := most[holder(f)]; found && f.Type == model.Text && f.InIndex() && !l.hasMax(f) {
				f.Max = &share
				l.checkImplied(d, f)
			}
		}
	}
}

// holder is the field whose max also binds f: for a reference the key that it holds.
func holder(f *model.Field) *model.Field {
	if f.Ref != nil {
		return f.Ref.ID()
	}
	return f
}

// hasMax says whether the length of a text is given: by the model, or because the field is one of users'.
func (l *loader) hasMax(f *model.Field) bool {
	return f.RefName == "" && f.Name != "id" && f.Max != nil && !l.implied[f]
}

// indexRows lists what the rows of each index of a table hold.
func indexRows(t *model.Table) [][]*model.Field {
	all := t.UniqueFields()
	for _, fields := range t.IndexedFields() {
		if !slices.Contains(fields, t.ID()) {
			fields = append(slices.Clone(fields), t.ID())
		}
		all = append(all, fields)
	}
	return append(all, []*model.Field{t.ID()})
}

// shareOf returns how many characters each text without a max may have in a row of an index. Where those with one leave
// too little, it says a fault.
func (l *loader) shareOf(d *tableDecl, fields []*model.Field) int64 {
	texts, bytes := model.IndexRoom(fields)
	left, open := int64(bytes), int64(0)
	var given []*model.Field
	for _, f := range texts {
		switch {
		case f.Type == model.Enum:
			left -= longest(f)
		case l.hasMax(f):
			given = append(given, f)
		default:
			open++
		}
	}
	room := left - open*maxCharacter*leastShare // for texts that have a max, where the others have the least
	for _, f := range given {
		left -= maxCharacter * min(*f.Max, model.MaxIndexedText) // more is a fault already
	}
	share := left / (max(open, 1) * maxCharacter)
	if open == 0 && left >= 0 || share >= leastShare {
		return min(share, model.MaxIndexedText)
	}
	if len(given) > 0 {
		l.fault(l.maxPos(d, given), "the index [%s] could have rows of more than %d bytes, which PostgreSQL does not hold: give %s a smaller max, together at most %d",
			yamlNames(fields), model.MaxIndexRow, yamlNames(given), room/maxCharacter)
	} else {
		l.fault(d.t.Pos, "the index [%s] could have rows of more than %d bytes, which PostgreSQL does not hold: leave something out of it", yamlNames(fields), model.MaxIndexRow)
	}
	return leastShare
}

// longest is the number of bytes of the longest value of an enum.
func longest(f *model.Field) (bytes int64) {
	for _, v := range f.Values {
		bytes = max(bytes, int64(len(v.Name)))
	}
	return bytes
}

// maxPos is the place of the largest max.
func (l *loader) maxPos(d *tableDecl, fields []*model.Field) model.Pos {
	f := slices.MaxFunc(fields, func(a, b *model.Field) int { return int(*a.Max - *b.Max) })
	if n := l.maxNode(d, f); n != nil {
		return n.pos
	}
	return f.Pos
}
