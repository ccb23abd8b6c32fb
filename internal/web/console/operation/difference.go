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
	Findings []finding
	Trouble  string
}

// A finding is one value that is over-represented.
type finding struct {
	archive.Finding
	Text         string // of the value
	Path         string // of the selected records with the value
	Here, Others string // widths of the bars
}

func (p *pages) difference(q *console.Request, v *view) (*difference, error) {
	d := &difference{}
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
		text := f.Value
		if text == "" {
			text = "none"
		}
		d.Findings = append(d.Findings, finding{f, text, v.Picked(string(f.Dimension), f.Value), percent(100 * f.Share), percent(100 * f.Usual)})
	}
	return d, nil
}
