package watch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// A Shape is a query without its values, and what it has cost since some time.
type Shape struct {
	Name  string // no two are the same
	Calls float64
	Took  time.Duration // in the database, of all calls
	SQL   string        // the statement that took most; read only for a shape that became slow
}

const (
	slowShape  = 50 * time.Millisecond  // least mean time of a call that is told
	newlySlow  = 200 * time.Millisecond // the same for a query whose usual time is not known
	slower     = 5                      // times the usual time
	leastCalls = 5                      // between two looks, from which a mean says something
	usualCalls = 20                     // before, from which the usual time is known
	maxTold    = 3                      // queries in one event
)

// shapes finds queries that became slow.
type shapes struct {
	known map[string]*shape
}

// shape is a query between two looks.
type shape struct {
	calls float64
	took  time.Duration
	slow  bool
}

// slowed is a query that became slow.
type slowed struct {
	Shape
	mean, usual time.Duration // usual is 0 for a new query
}

// look judges the sums of all shapes.
func (s *shapes) look(list []Shape) (found []slowed) {
	first, known := s.known == nil, make(map[string]*shape, len(list))
	for _, one := range list {
		own := s.known[one.Name]
		if own == nil {
			own = &shape{}
		}
		known[one.Name] = own
		mean, usual := own.add(one)
		if first || mean == 0 {
			continue
		}
		slow := (usual > 0 && mean >= slowShape && mean >= slower*usual) || (usual == 0 && mean >= newlySlow)
		if slow && !own.slow {
			found = append(found, slowed{one, mean, usual})
		}
		own.slow = slow || (own.slow && mean >= slowShape)
	}
	s.known = known
	slices.SortFunc(found, func(a, b slowed) int { return cmp.Compare(b.mean, a.mean) })
	return found
}

// add takes in new sums. It returns the mean time of a call since the last ones, 0 if there were too few, and the usual time
// before that, 0 if it is not known. The sums fall when they fade.
func (s *shape) add(one Shape) (mean, usual time.Duration) {
	calls, took, before := one.Calls-s.calls, one.Took-s.took, *s
	s.calls, s.took = one.Calls, one.Took
	if calls < leastCalls || took < 0 {
		return 0, 0
	}
	if before.calls >= usualCalls {
		usual = time.Duration(float64(before.took) / before.calls)
	}
	return time.Duration(float64(took) / calls), usual
}

// shapesEvent tells of the queries that became slow, the worst by name. scans says of a query that its plan reads all rows.
func shapesEvent(found []slowed, scans func(sql string) string) archive.Event {
	var parts []string
	for _, one := range found[:min(len(found), maxTold)] {
		text := fmt.Sprintf("%s takes %s", oneLine(one.Name), span(one.mean))
		if one.usual > 0 {
			text += ", before " + span(one.usual)
		}
		if scan := scans(one.SQL); scan != "" {
			text += " (" + scan + ")"
		}
		parts = append(parts, text)
	}
	what := "A query became slow"
	if n := len(found); n > 1 {
		what = fmt.Sprintf("%d queries became slow", n)
	}
	return event(archive.EventIndex, "%s: %s.", what, strings.Join(parts, "; "))
}
