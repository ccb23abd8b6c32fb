package operation

import (
	"context"
	"math"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// The size of the heat map.
const (
	heatColumns = 96
	heatRow     = 11 // height of a row in pixels
	heatLevels  = 6  // of brightness
	heatTicks   = 4  // spans between two times below it
)

// A heat is the latency heat map: an SVG picture that html/template makes.
type heat struct {
	From    string // of the first column
	Step    int64  // of a column, in microseconds
	Columns int
	Bounds  []int64 // upper bounds of the rows in microseconds, from below
	Height  int
	Row     int
	Cells   []heatCell
	Labels  []heatLabel
	Ticks   []time.Time
	Pick    *rectangle
	Total   float64
	Failed  float64
	Partial bool
}

// A heatCell is one cell with records.
type heatCell struct {
	X, Width      string // in percent
	Y             int
	Level         int // 1 to heatLevels
	Count, Failed string
}

// A heatLabel names the lower bound of a row.
type heatLabel struct {
	Text string
	Y    int
}

// A rectangle is the selected region in the picture.
type rectangle struct {
	X, Width  string
	Y, Height int
}

func (p *pages) addMap(q *console.Request, page *logsPage) error {
	var found archive.Heatmap
	f := page.baseline()
	f.Failed, f.Kept = page.filter.Failed, page.filter.Kept
	err := within(q, func(ctx context.Context) (err error) {
		found, err = p.Records.Heatmap(ctx, f, heatColumns, archive.HeatBounds())
		return err
	})
	if page.HeatTrouble, err = troubleOf(err); err != nil || page.HeatTrouble != "" {
		return err
	}
	page.Heat = newHeat(&found, page.Pick)
	return nil
}

func newHeat(m *archive.Heatmap, pick *region) *heat {
	rows := len(m.Bounds) + 1
	h := &heat{
		From: m.From.UTC().Format(time.RFC3339Nano), Step: m.Step.Microseconds(), Columns: len(m.Cells),
		Height: rows * heatRow, Row: heatRow, Partial: m.Partial,
	}
	most := 0.0
	for _, column := range m.Cells {
		for _, count := range column {
			most = max(most, count)
		}
	}
	width := 100 / float64(max(1, h.Columns))
	for c, column := range m.Cells {
		for r, count := range column {
			if count == 0 {
				continue
			}
			failed := m.Failed[c][r]
			h.Total += count
			h.Failed += failed
			made := heatCell{X: percent(float64(c) * width), Width: percent(width), Y: (rows - 1 - r) * heatRow, Level: levelOf(count, most), Count: digits(count)}
			if failed > 0 {
				made.Failed = digits(failed)
			}
			h.Cells = append(h.Cells, made)
		}
	}
	for i, bound := range m.Bounds {
		h.Bounds = append(h.Bounds, bound.Microseconds())
		if i%3 == 0 {
			h.Labels = append(h.Labels, heatLabel{took(bound), (rows - 1 - i) * heatRow})
		}
	}
	for i := range heatTicks + 1 {
		h.Ticks = append(h.Ticks, m.From.Add(m.Step*time.Duration(i*h.Columns/heatTicks)))
	}
	if pick != nil {
		h.Pick = h.rectangle(m, pick)
	}
	return h
}

// levelOf returns the brightness of a cell, on a logarithmic scale.
func levelOf(count, most float64) int {
	if most <= 1 {
		return heatLevels
	}
	return min(heatLevels, 1+int(float64(heatLevels)*math.Log(max(1, count))/math.Log(most+1)))
}

func (h *heat) rectangle(m *archive.Heatmap, pick *region) *rectangle {
	whole := float64(m.Step) * float64(h.Columns)
	left := min(100, max(0, 100*float64(pick.From.Sub(m.From))/whole))
	right := min(100, max(0, 100*float64(pick.To.Sub(m.From))/whole))
	low, high := 0, len(m.Bounds) // rows
	for low < len(m.Bounds) && m.Bounds[low] <= pick.Min {
		low++
	}
	for high > 0 && pick.Max > 0 && m.Bounds[high-1] >= pick.Max {
		high--
	}
	high = max(low, high)
	return &rectangle{X: percent(left), Width: percent(right - left), Y: (len(m.Bounds) - high) * heatRow, Height: (high - low + 1) * heatRow}
}
