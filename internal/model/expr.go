package model

import (
	"fmt"
	"slices"
)

// Pos is a position in a model file.
type Pos struct {
	File string // relative to the app's folder
	Line int    // from 1
	Col  int    // from 1, in code points
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Expr is the text of an expression and its position.
type Expr struct {
	Text     string
	Pos      Pos
	Constant bool // a default without CEL: a YAML scalar that is no text, or a word

	// Spans locate the text in its file, ordered by offset. Without them only Pos is known.
	Spans []Span
}

// Span is a run of adjacent code points on one line of the file.
type Span struct {
	Offset    int // of its first code point in Expr.Text, from 0
	Line, Col int // of the same code point in the file
}

// At returns the position in the model file of the code point at an offset of e.Text. It returns the nearest known
// position if the YAML style hides the exact one: folding does, and so do some escapes.
func (e *Expr) At(offset int) Pos {
	i, _ := slices.BinarySearchFunc(e.Spans, offset+1, func(s Span, o int) int { return s.Offset - o })
	if i == 0 {
		return e.Pos
	}
	s := e.Spans[i-1]
	return Pos{File: e.Pos.File, Line: s.Line, Col: s.Col + max(offset, 0) - s.Offset}
}

// String returns the text of an expression, "" for nil.
func (e *Expr) String() string {
	if e == nil {
		return ""
	}
	return e.Text
}
