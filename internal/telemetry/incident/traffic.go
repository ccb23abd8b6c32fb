package incident

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

const (
	leastRecords  = 50  // before and during the incident, to compare loads
	leastGrowth   = 3   // of the load of one value
	leastExcess   = 0.2 // of the present load
	trafficWeight = 0.9 // more load is often what bad requests lead to: clients try again
	waitWeight    = 0.75
	leastWait     = 0.4
)

// A load is what work asks of the server in a second: requests, or time in the database.
type load struct {
	rule     Rule
	families []family
	of       func(t archive.Tally) float64
	text     func(what string, growth float64) string
	figure   string
}

func loads() []load {
	return []load{
		{Traffic, []family{asked(), callers(), {archive.Status}}, func(t archive.Tally) float64 { return t.Weight }, func(what string, growth float64) string {
			return what + " come " + asMuch(growth, "often", "more often") + " before"
		}, "of all requests"},
		{Time, []family{asked(), callers()}, func(t archive.Tally) float64 { return t.Database.Seconds() }, func(what string, growth float64) string {
			return what + " take " + asMuch(growth, "much of the database's time", "more of the database's time") + " before"
		}, "of the time in the database"},
	}
}

// isRefusal reports whether a status says that the client may not have what it asked for.
func isRefusal(status string) bool {
	return status == "401" || status == "403" || status == "409" || status == "429"
}

// asMuch returns the words between what grew and "before".
func asMuch(growth float64, equal, more string) string {
	if growth > 1000 {
		return "far " + more + " than"
	}
	return strconv.FormatFloat(growth, 'f', 0, 64) + " times as " + equal + " as"
}

// traffic compares the loads of the incident with the loads before it. Each family of dimensions gives its best line.
func (q *inquiry) traffic() (causes []Cause) {
	if q.during.Total.Records < leastRecords || q.before.Total.Records < leastRecords {
		return nil
	}
	for _, l := range loads() {
		for _, f := range l.families {
			if c, ok := q.bestLoad(l, f); ok {
				causes = append(causes, c)
			}
		}
	}
	return causes
}

func (q *inquiry) bestLoad(l load, f family) (best Cause, ok bool) {
	now, past := q.readTo.Sub(q.from).Seconds(), q.from.Sub(q.before.Oldest).Seconds() // a young server has less than an hour
	total, usual := l.of(q.during.Total)/now, l.of(q.before.Total)/past
	if now <= 0 || past <= 0 || total <= 0 {
		return Cause{}, false
	}
	for _, d := range f {
		for value, tally := range q.during.Values[d] {
			present, former := l.of(tally)/now, l.of(q.before.Values[d][value])/past
			excess := (present - former) / total
			if value == "" || value == archive.Other || (d == archive.Status && !isRefusal(value)) || tally.Records < leastRecords/2 || excess < leastExcess || present < leastGrowth*former || present/total-former/max(usual, 1e-9) < leastExcess {
				continue
			}
			score := trafficWeight * reliance(d) * excess
			if score < best.Score || (score == best.Score && value > best.Value) {
				continue
			}
			growth := 2000.0
			if former > 0 {
				growth = present / former
			}
			logs := q.within(archive.Filter{Where: []archive.Condition{{Dimension: d, Values: []string{value}}}})
			best, ok = Cause{
				Rule: l.rule, Text: l.text(requestsWith(d, value), growth), Score: score, Logs: logs, Dimension: d, Value: value,
				Figure: fmt.Sprintf("%s %s, %s before", percent(present/total), l.figure, percent(former/max(usual, 1e-9))),
			}, true
		}
	}
	return best, ok
}

// waits makes a line if slow requests spend much of their time waiting for their turn.
func (q *inquiry) waits() (causes []Cause) {
	for i := range q.aspects {
		a := &q.aspects[i]
		total := a.many.Total
		if a.bad.Failed || total.Time <= 0 {
			continue
		}
		share := min(1, float64(total.Queue)/float64(total.Time))
		if share >= leastWait {
			causes = append(causes, Cause{
				Rule: Wait, Text: "Slow requests wait for their turn: for a connection, or for the writer", Score: waitWeight * share,
				Figure: percent(share) + " of their time", Logs: q.within(a.bad),
			})
		}
	}
	return slices.Clip(causes)
}
