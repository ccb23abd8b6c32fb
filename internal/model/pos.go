package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a model file.
type Pos struct {
	File string // as given to Load, relative to the app's folder
	Line int    // from 1
	Col  int    // from 1, in code points
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Expr is the text of an expression and where it stands.
type Expr struct {
	Text     string
	Pos      Pos
	Constant bool // a default that is a plain YAML scalar of another type than text, or a word: a constant, not CEL

	// spans says where the text stands, in the order of offsets.
	spans []span
}

// span is a run of code points that stand side by side on one line of the file.
type span struct {
	offset    int // of its first code point in Expr.Text
	line, col int // of the same in the file
}

// At returns the place in the model file of the code point at offset (from 0) of e.Text. Where the YAML style hides
// it (some escapes, folding), it is the nearest place known.
func (e *Expr) At(offset int) Pos {
	i, _ := slices.BinarySearchFunc(e.spans, offset+1, func(s span, o int) int { return s.offset - o })
	if i == 0 {
		return e.Pos
	}
	s := e.spans[i-1]
	return Pos{File: e.Pos.File, Line: s.line, Col: s.col + max(offset, 0) - s.offset}
}

// Fault is one thing wrong with a model.
type Fault struct {
	Pos     Pos
	Message string
	Source  string // the line of the file, "" where there is none
}

// maxShown is how many characters of a source line are shown.
const maxShown = 160

// String returns `file:line:column: message`, the source line and a caret below the column. Of a long line it shows
// what is around the column.
func (f Fault) String() string {
	s := f.Pos.String() + ": " + f.Message
	if f.Source == "" {
		return s
	}
	line, before := []rune(f.Source), max(f.Pos.Col-1, 0)
	if len(line) > maxShown {
		start := min(max(before-maxShown/2, 0), len(line))
		line, before = line[start:min(start+maxShown, len(line))], before-start
	}
	var pad strings.Builder
	for _, r := range line[:min(before, len(line))] {
		if r == '\t' {
			pad.WriteByte('\t')
		} else {
			pad.WriteByte(' ')
		}
	}
	return s + "\n  " + string(line) + "\n  " + pad.String() + "^"
}

// Faults is everything wrong with a model, in the order of the files.
type Faults []Fault

// Sort puts the faults in the order of the files and says each only once.
func (fs Faults) Sort() Faults {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(strings.Compare(a.Pos.File, b.Pos.File), a.Pos.Line-b.Pos.Line, a.Pos.Col-b.Pos.Col)
	})
	return slices.Compact(fs)
}

func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// source keeps the lines of the model's files, to show them beside a fault.
type source struct {
	lines map[string][]string
}

// Fault returns a fault at a place of the model's files, with its source line.
func (m *Model) Fault(at Pos, format string, args ...any) Fault {
	f := Fault{Pos: at, Message: fmt.Sprintf(format, args...)}
	if m.source != nil {
		if lines := m.source.lines[at.File]; at.Line >= 1 && at.Line <= len(lines) {
			f.Source = lines[at.Line-1]
		}
	}
	return f
}
