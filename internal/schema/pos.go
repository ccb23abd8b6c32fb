package schema

import (
	"fmt"
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
	Text string
	Pos  Pos
	Bare bool // a default that is a plain YAML scalar of another type than text, or a word: a constant, not CEL

	// starts[i] is the place of the first character of the i-th line of Text, where the YAML style keeps lines apart.
	starts []Pos
}

// At returns the place in the model file of the code point at offset (from 0) of e.Text. Where the YAML style hides
// it (escapes, folding), it is the nearest place known.
func (e *Expr) At(offset int) Pos {
	line, col := 0, 0
	for i, r := range []rune(e.Text) {
		if i == offset {
			break
		}
		col++
		if r == '\n' {
			line, col = line+1, 0
		}
	}
	if line >= len(e.starts) {
		return e.Pos
	}
	p := e.starts[line]
	p.Col += col
	return p
}

// Fault is one thing wrong with a model.
type Fault struct {
	Pos     Pos
	Message string
	Source  string // the line of the file, "" where there is none
}

// String returns `file:line:column: message`, the source line and a caret below the column.
func (f Fault) String() string {
	s := f.Pos.String() + ": " + f.Message
	if f.Source == "" {
		return s
	}
	var pad strings.Builder
	for i, r := range []rune(f.Source) {
		if i >= f.Pos.Col-1 {
			break
		}
		if r == '\t' {
			pad.WriteByte('\t')
		} else {
			pad.WriteByte(' ')
		}
	}
	return s + "\n  " + f.Source + "\n  " + pad.String() + "^"
}

// Faults is everything wrong with a model, in the order of the files.
type Faults []Fault

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
