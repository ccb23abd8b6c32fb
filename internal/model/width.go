package model

import (
	"cmp"
	"slices"
)

// The bytes of a row of an index. PostgreSQL refuses a longer one when the row is written, so a model in which one
// could be longer is refused, on either engine.
const (
	maxIndexRow  = 2704 // of a B-tree on pages of 8 KiB
	rowHeader    = 16   // with the bits of missing values
	textHeader   = 7    // its length, and what aligns it
	plainWidth   = 16   // of a value that is no text, aligned: a uuid, and a decimal of 18 digits
	maxCharacter = 4    // bytes of a character in UTF-8
	leastShare   = 36   // characters that text without a max has in every index: those of a UUID
)

// boundIndexes shares the bytes of each index among the texts in it that have no max of their own. References and the
// key that they hold have one.
func (l *loader) boundIndexes() {
	most := map[*Field]int64{}
	for _, d := range l.decls {
		for _, fields := range d.t.indexRows() {
			share := l.shareOf(d, fields)
			for _, f := range fields {
				if f.Type == Text && !l.hasMax(f) {
					most[holder(f)] = min(share, cmp.Or(most[holder(f)], MaxIndexedText))
				}
			}
		}
	}
	for _, d := range l.decls {
		for _, f := range d.t.Fields {
			if share, found := most[holder(f)]; found && f.Type == Text && f.indexed() && !l.hasMax(f) {
				f.Max = &share
				l.checkImplied(d, f)
			}
		}
	}
}

// holder is the field whose max also binds f: for a reference the key that it holds.
func holder(f *Field) *Field {
	if f.Ref != nil {
		return f.Ref.ID()
	}
	return f
}

// hasMax says whether the length of a text is given: by the model, or because the field is one of users'.
func (l *loader) hasMax(f *Field) bool {
	return f.RefName == "" && f.Name != "id" && f.Max != nil && !l.implied[f]
}

// indexRows lists what the rows of each index of a table hold.
func (t *Table) indexRows() (all [][]*Field) {
	s := t.snapshot()
	for _, columns := range s.uniques() {
		all = append(all, t.fieldsNamed(columns))
	}
	for _, columns := range s.indexes() {
		if !slices.Contains(columns, "id") {
			columns = append(slices.Clone(columns), "id")
		}
		all = append(all, t.fieldsNamed(columns))
	}
	return append(all, []*Field{t.ID()})
}

func (t *Table) fieldsNamed(columns []string) []*Field {
	fields := make([]*Field, len(columns))
	for i, c := range columns {
		fields[i] = t.fields[c]
	}
	return fields
}

// shareOf returns how many characters each text without a max may have in a row of an index. Where those with one leave
// too little, it says a fault.
func (l *loader) shareOf(d *tableDecl, fields []*Field) int64 {
	left, open := int64(maxIndexRow-rowHeader), int64(0)
	var given []*Field
	for _, f := range fields {
		switch {
		case f.Type == Text && !l.hasMax(f):
			open++
		case f.Type == Text:
			given = append(given, f)
			left -= textHeader
		case f.Type == Enum:
			left -= textHeader + longest(f)
		default:
			left -= plainWidth
		}
	}
	room := left // for texts that have a max, where the others have the least
	room -= open * (textHeader + maxCharacter*leastShare)
	for _, f := range given {
		left -= maxCharacter * min(*f.Max, MaxIndexedText) // more is a fault already
	}
	share := left
	if open > 0 {
		share = (left/open - textHeader) / maxCharacter
	}
	if open == 0 && left >= 0 || share >= leastShare {
		return min(share, MaxIndexedText)
	}
	if len(given) > 0 {
		l.fault(l.maxPos(d, given), "the index [%s] could have rows of more than %d bytes, which PostgreSQL does not hold: give %s a smaller max, together at most %d",
			fileNames(fields), maxIndexRow, fileNames(given), room/maxCharacter)
	} else {
		l.fault(d.t.Pos, "the index [%s] could have rows of more than %d bytes, which PostgreSQL does not hold: leave something out of it", fileNames(fields), maxIndexRow)
	}
	return leastShare
}

// longest is the number of bytes of the longest value of an enum.
func longest(f *Field) (bytes int64) {
	for _, v := range f.Values {
		bytes = max(bytes, int64(len(v.Name)))
	}
	return bytes
}

// maxPos is the place of the largest max.
func (l *loader) maxPos(d *tableDecl, fields []*Field) Pos {
	f := slices.MaxFunc(fields, func(a, b *Field) int { return int(*a.Max - *b.Max) })
	if n := l.maxNode(d, f); n != nil {
		return n.pos
	}
	return f.Pos
}

// IndexRoom returns the texts of an index on these fields, and how many bytes they may have in a row of it together.
func IndexRoom(fields []*Field) (texts []*Field, bytes int) {
	bytes = maxIndexRow - rowHeader
	for _, f := range fields {
		if f.Type != Text && f.Type != Enum {
			bytes -= plainWidth
			continue
		}
		texts = append(texts, f)
		bytes -= textHeader
	}
	return texts, bytes
}
