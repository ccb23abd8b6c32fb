package fleet

import (
	"context"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// Events returns the newest events of all nodes between two times, as archive.Archive.Events does for one.
func (f *Fleet) Events(ctx context.Context, from, to time.Time, limit int, kinds ...string) ([]archive.Event, error) {
	list, err := f.cfg.Archive.Events(ctx, from, to, limit, kinds...)
	if err != nil || !f.Several() {
		return list, err
	}
	for i := range list {
		list[i].Node = f.cfg.Process.Node
	}
	err = readThings(ctx, f, eventThing, from, to, func(node string, e archive.Event) {
		if e.Node = node; len(kinds) == 0 || slices.Contains(kinds, e.Kind) {
			list = append(list, e)
		}
	})
	slices.SortStableFunc(list, func(x, y archive.Event) int { return y.At.Compare(x.At) })
	return list[:min(len(list), limit)], err
}

// Errors returns the groups of errors of all nodes seen since from, the newest first. The same group on two nodes is one.
func (f *Fleet) Errors(ctx context.Context, from time.Time) ([]archive.ErrorGroup, error) {
	list, err := f.cfg.Archive.Errors(ctx, from)
	if err != nil || !f.Several() {
		return list, err
	}
	err = readThings(ctx, f, errorThing, from, f.now().Add(time.Hour), func(_ string, g archive.ErrorGroup) {
		at := slices.IndexFunc(list, func(known archive.ErrorGroup) bool { return known.ID == g.ID })
		if at < 0 {
			list = append(list, g)
			return
		}
		known := &list[at]
		known.Count += g.Count
		if g.First.Before(known.First) {
			known.First, known.Build, known.Revision = g.First, g.Build, g.Revision
		}
		if g.Last.After(known.Last) {
			known.Last = g.Last
		}
	})
	slices.SortStableFunc(list, func(x, y archive.ErrorGroup) int { return y.Last.Compare(x.Last) })
	return list, err
}

// An Incident is an incident of another node.
type Incident struct {
	Node string
	archive.Incident
}

// Incidents returns the incidents of other nodes that began after from, the newest first, without their notes.
func (f *Fleet) Incidents(ctx context.Context, from time.Time) (list []Incident, err error) {
	err = readThings(ctx, f, incidentThing, from, f.now().Add(time.Hour), func(node string, in archive.Incident) {
		list = append(list, Incident{node, in})
	})
	return list, err
}
