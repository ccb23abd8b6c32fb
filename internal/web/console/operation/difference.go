package operation

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// maxFindings bounds the lines of a difference analysis.
const maxFindings = 15

// A difference says which values are more frequent in a selection than elsewhere.
type difference struct {
	Table   findingTable
	Trouble string
}

// A findingTable has the findings of a comparison.
type findingTable struct {
	Usual string // what the selection is compared with
	Rows  []finding
}

// A finding is one value that is over-represented.
type finding struct {
	archive.Finding
	Text         string // of the value
	Path         string // of the selected records with the value
	Here, Others string // widths of the bars
}

// Of returns what the value is, for people.
func (f *finding) Of() string { return wordsOf(string(f.Dimension)) }

// wordsOf returns the words for a dimension.
func wordsOf(dimension string) string {
	if dimension == string(archive.Kind) {
		return "kind of caller"
	}
	return dimension
}

func (p *pages) difference(q *console.Request, v *view) (*difference, error) {
	d := &difference{Table: findingTable{Usual: "In all records"}}
	selection, _ := v.selection()
	var found []archive.Finding
	err := within(q, func(ctx context.Context) (err error) {
		found, err = p.Records.Difference(ctx, selection, v.baseline())
		return err
	})
	if d.Trouble, err = troubleOf(err); err != nil {
		return nil, err
	}
	for _, f := range found[:min(len(found), maxFindings)] {
		d.Table.Rows = append(d.Table.Rows, findingOf(f, v.Picked(string(f.Dimension), f.Value)))
	}
	return d, nil
}

func findingOf(f archive.Finding, path string) finding {
	text := f.Value
	if text == "" {
		text = "none"
	}
	return finding{f, text, path, percent(100 * f.Share), percent(100 * f.Usual)}
}
