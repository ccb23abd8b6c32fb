package work

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// A spark is a small line of how many jobs waited in the last minutes.
type spark struct {
	Points string // of a polyline
	Label  string
	Width  int
	Height int
}

const (
	sparkWidth  = 120
	sparkHeight = 24
)

// sparkOf draws the samples of a queue. The right end is now, the left one five minutes ago.
func sparkOf(queue string, samples []job.Sample, now job.Sample) *spark {
	s := &spark{Width: sparkWidth, Height: sparkHeight}
	all := slices.DeleteFunc(append(slices.Clone(samples), now), func(sample job.Sample) bool { return sample.Waiting == nil })
	most, least := int64(0), now.Waiting[queue]
	for _, sample := range all {
		most, least = max(most, sample.Waiting[queue]), min(least, sample.Waiting[queue])
	}
	var points []string
	for _, sample := range all {
		age := min(job.HistorySpan, max(0, now.At.Sub(sample.At)))
		x := float64(sparkWidth) * (1 - float64(age)/float64(job.HistorySpan))
		y := float64(sparkHeight-2) * (1 - float64(sample.Waiting[queue])/float64(max(1, most)))
		points = append(points, coordinate(x)+","+coordinate(y+1))
	}
	s.Points = strings.Join(points, " ")
	span := min(job.HistorySpan, now.At.Sub(all[0].At)).Round(time.Second)
	s.Label = "Waiting in the last " + console.Took(max(time.Second, span)) + ": from " + console.Grouped(least) + " to " + console.Grouped(most)
	return s
}

func coordinate(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
