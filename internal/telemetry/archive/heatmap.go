package archive

import (
	"context"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Heatmap counts records by time and duration.
type Heatmap struct {
	From    time.Time
	Step    time.Duration   // of a column
	Bounds  []time.Duration // upper bounds of the rows; one more row has what is above
	Cells   [][]float64     // [column][row]: weight of the records
	Failed  [][]float64     // part of Cells that failed
	Partial bool            // the oldest records were not read, since there are too many
}

// HeatBounds returns bounds for the rows of a Heatmap: three for each factor of ten, from 100 µs to 20 s.
func HeatBounds() (bounds []time.Duration) {
	for decade := 100 * time.Microsecond; decade <= 10*time.Second; decade *= 10 {
		bounds = append(bounds, decade, 2*decade, 5*decade)
	}
	return bounds[:len(bounds)-1]
}

const (
	maxColumns = 1000
	maxCounted = 2_000_000 // records that one heat map or one count reads
)

// Heatmap returns the heat map of the records that a filter selects, with so many columns between its From and To.
func (a *Archive) Heatmap(ctx context.Context, f Filter, columns int, bounds []time.Duration) (h Heatmap, err error) {
	defer errs.Wrap(&err, "archive.Heatmap")
	if columns < 1 || columns > maxColumns || !f.From.Before(f.To) {
		return Heatmap{}, errs.New(errs.Malformed, "a heat map needs a time to begin before its end, and from 1 to %d columns", maxColumns)
	}
	h = Heatmap{From: f.From, Step: max(time.Microsecond, f.To.Sub(f.From)/time.Duration(columns)), Bounds: bounds}
	h.Cells, h.Failed = make([][]float64, columns), make([][]float64, columns)
	for c := range columns {
		h.Cells[c], h.Failed[c] = make([]float64, len(bounds)+1), make([]float64, len(bounds)+1)
	}
	h.Partial, err = a.countEach(ctx, f, func(key int64, d *body, _ map[int64]process) {
		column := min(columns-1, max(0, int(timeOf(key).Sub(f.From)/h.Step)))
		row := 0
		for took := d.duration(); row < len(bounds) && took > bounds[row]; {
			row++
		}
		h.Cells[column][row] += d.weight()
		if d.failed() {
			h.Failed[column][row] += d.weight()
		}
	})
	return h, err
}

// countEach calls each for the records that a filter selects. It stops after the newest maxCounted records.
func (a *Archive) countEach(ctx context.Context, f Filter, each func(int64, *body, map[int64]process)) (partial bool, err error) {
	read := 0
	count := func(int64) error {
		if read++; read > maxCounted {
			partial = true
			return errEnough
		}
		return nil
	}
	f.passed = count
	err = a.read(ctx, func(conn *lite.Conn) error {
		return scan(conn, f, 0, func(key int64, d *body, processes map[int64]process) error {
			if err := count(key); err != nil {
				return err
			}
			each(key, d, processes)
			return nil
		})
	})
	return partial, err
}
