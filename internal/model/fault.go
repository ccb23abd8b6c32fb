package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one fault of a model.
type Fault struct {
	Pos     Pos
	Message string
	Source  string // the line of the file, or ""
}

// Faults are all faults of a model, in the order of the files.
type Faults []Fault

// Fault returns a fault at a position of the model's files, with its source line.
func (m *Model) Fault(at Pos, format string, args ...any) Fault {
	fault := Fault{Pos: at, Message: fmt.Sprintf(format, args...)}
	if lines := m.Lines[at.File]; at.Line >= 1 && at.Line <= len(lines) {
		fault.Source = lines[at.Line-1]
	}
	return fault
}

// maxShown is the largest number of characters of a source line in String.
const maxShown = 160

// String returns `file:line:column: message`, the source line, and a caret below the column. It cuts a long line around
// the column.
func (f Fault) String() string {
	head := f.Pos.String() + ": " + f.Message
	if f.Source == "" {
		return head
	}
	line, before := []rune(f.Source), max(f.Pos.Col-1, 0)
	if len(line) > maxShown {
		start := min(max(before-maxShown/2, 0), len(line))
		line, before = line[start:min(start+maxShown, len(line))], before-start
	}
	indent := strings.Map(blank, string(line[:min(before, len(line))]))
	return head + "\n  " + string(line) + "\n  " + indent + "^"
}

// blank returns a blank of the width of r.
func blank(r rune) rune {
	if r == '\t' {
		return r
	}
	return ' '
}

// Sort puts the faults in the order of the files and drops repeated ones.
func (fs Faults) Sort() Faults {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(strings.Compare(a.Pos.File, b.Pos.File), a.Pos.Line-b.Pos.Line, a.Pos.Col-b.Pos.Col)
	})
	return slices.Compact(fs)
}

func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, fault := range fs {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}
