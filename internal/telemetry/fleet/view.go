package fleet

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// A Node is a server, as its last row describes it.
type Node struct {
	Name     string
	Build    string
	Revision string
	Started  time.Time
	Seen     time.Time // end of its last step
	Own      bool      // it is the node that answers
	Alive    bool      // it was seen lately
	Requests float64   // per second, in its last step
	Failed   float64   // requests per second that failed by the server's fault
	CPU      float64   // cores
	Memory   float64   // bytes
}

const (
	aliveFor = 2*step + time.Minute // after its last step
	lostFor  = 24 * time.Hour       // for how long a node is listed that did not say that it stops
	overlap  = 10 * time.Minute     // of two reads, for rows that come late
	fullRead = time.Hour            // between two reads of all steps, for rows that come later than that
	settle   = step + 40*time.Second
	month    = 30 * 24 * time.Hour
)

// horizon returns the time up to which all nodes have written their rows.
func horizon(now time.Time) time.Time { return now.Add(-settle) }

// A view is what a node knows of all nodes.
type view struct {
	own, process string
	evaluator    *objective.Evaluator
	objectives   []objective.Objective
	index        map[string]int       // of the objectives, by their names in rows
	seen         map[string]time.Time // begins of the steps, by the ids of rows that were read
	members      map[string]member    // by process
	others       time.Time            // newest step of another node
	read         time.Time            // when new rows were read last; zero before the first time
	full         time.Time            // when all steps were read last
	failing      bool
}

// member is a process with its last row.
type member struct {
	Node
	stopped bool
}

func newView(own, process string, objectives []objective.Objective) view {
	v := view{own: own, process: process, objectives: objectives, index: map[string]int{}, seen: map[string]time.Time{}, members: map[string]member{}}
	for i, o := range objectives {
		v.index[objectiveName(o)] = i
	}
	return v
}

// poll reads the new rows of all nodes, and judges the objectives.
func (f *Fleet) poll(ctx context.Context) {
	f.mu.Lock()
	from, first := f.view.since(), f.view.read.IsZero()
	f.mu.Unlock()
	bound := callTime
	if first {
		bound = loadTime
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	news, err := f.readNews(ctx, from, first)
	f.noteRead(err)
	if err == nil {
		f.take(news)
	}
}

// news is what one read found.
type news struct {
	offset       time.Duration // from the clock of this machine to the clock of the database
	hours, steps []row
}

// readNews reads the steps since a time. The first time, it reads all that there are, and the hours of a month.
func (f *Fleet) readNews(ctx context.Context, from time.Time, first bool) (n news, err error) {
	defer errs.Wrap(&err, "fleet.readNews")
	err = f.cfg.Store.Read(ctx, func(r store.Reader) (err error) {
		n = news{}
		asked := f.cfg.Now()
		clock, err := f.clock(r)
		if err != nil {
			return err
		}
		n.offset = clock.Sub(asked.Add(f.cfg.Now().Sub(asked) / 2))
		since := from
		if first {
			since = clock.Add(-keepStep - time.Hour)
			err = readRows(r, hourTier, clock.Add(-month), clock, func(found row) { n.hours = append(n.hours, found) })
		}
		if err != nil {
			return err
		}
		return readRows(r, stepTier, since, clock.Add(step), func(found row) { n.steps = append(n.steps, found) })
	})
	return n, err
}

// noteRead logs the first of several failures.
func (f *Fleet) noteRead(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && !f.view.failing {
		f.cfg.Logger.Warn("the numbers of the other nodes cannot be read now", "error", err)
	}
	f.view.failing = err != nil
}

// take adds rows to what this node knows, and tells of the alerts about all nodes.
func (f *Fleet) take(found news) {
	f.mu.Lock()
	f.offset = found.offset
	now := f.cfg.Now().Add(found.offset)
	f.view.add(now, found.hours, found.steps)
	events := f.view.evaluator.Evaluate(horizon(now))
	several := f.view.several(now)
	f.mu.Unlock()
	for _, event := range events {
		if several || !event.Firing {
			f.cfg.Alerts(event)
		}
	}
}

// since returns the time from which on the next read looks for rows.
func (v *view) since() time.Time {
	if v.read.Sub(v.full) >= fullRead {
		return v.read.Add(-keepStep - overlap)
	}
	return v.read.Add(-overlap)
}

// add takes rows that were read. The first time, they are all that there are.
func (v *view) add(now time.Time, hours, steps []row) {
	if v.evaluator == nil {
		begin := now
		for _, rows := range [][]row{steps, hours} {
			if len(rows) > 0 {
				begin = rows[0].at
			}
		}
		v.evaluator = objective.NewEvaluator(v.objectives, begin)
	}
	for i := range hours {
		v.judge(&hours[i], time.Hour)
	}
	for i := range steps {
		r := &steps[i]
		if _, known := v.seen[r.id]; !known {
			v.seen[r.id] = r.at
			v.judge(r, step)
			v.meet(r)
		}
	}
	if v.since().Before(now.Add(-keepStep)) {
		v.full = now
	}
	v.read = now
	maps.DeleteFunc(v.seen, func(_ string, at time.Time) bool { return now.Sub(at) > keepStep+2*time.Hour })
	maps.DeleteFunc(v.members, func(_ string, m member) bool { return now.Sub(m.Seen) > lostFor })
}

// judge counts the objectives of a row in the middle of its time.
func (v *view) judge(r *row, length time.Duration) {
	for name, t := range r.sum.Objectives {
		if i, known := v.index[name]; known {
			v.evaluator.AddPast(i, r.at.Add(length/2), t.counts())
		}
	}
}

// meet notes which process wrote a row.
func (v *view) meet(r *row) {
	process := processOf(r.id)
	own := process == v.process
	if m := v.members[process]; m.Seen.After(r.at.Add(step)) {
		return
	}
	perSecond := func(name string) float64 { return r.sum.Counters[name] / step.Seconds() }
	v.members[process] = member{Node{
		Name: r.node, Build: r.build, Revision: r.revision, Started: r.started, Seen: r.at.Add(step), Own: own,
		Requests: perSecond("n"), Failed: perSecond("a:5xx"), CPU: perSecond("cpu"), Memory: r.sum.Gauges["rss"],
	}, r.sum.Stopped}
	if !own && (r.node != v.own || v.overlaps(process)) && r.at.After(v.others) {
		v.others = r.at
	}
}

// overlaps reports whether another process of the same name wrote rows after this one had begun to. Two containers may have
// one name. Most often it is this server before its restart.
func (v *view) overlaps(process string) bool {
	for _, m := range v.members {
		if m.Own {
			return v.members[process].Seen.After(m.Started.Add(2 * step))
		}
	}
	return false
}

// several reports whether another node wrote a row in the time of the charts.
func (v *view) several(now time.Time) bool { return now.Sub(v.others) < keepStep }

// Several reports whether there are several nodes, or were within a day. Otherwise what this node knows of itself is finer and
// newer.
func (f *Fleet) Several() bool {
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.view.evaluator != nil && f.view.several(now)
}

// Nodes returns the nodes that are alive or were lost within a day, in the order of their names.
func (f *Fleet) Nodes() []Node {
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	own := Node{
		Name: f.cfg.Process.Node, Build: f.cfg.Process.Build, Revision: f.cfg.Process.Revision, Started: f.cfg.Process.Started,
		Seen: now, Own: true, Alive: true,
	}
	list, alive := []Node{}, map[string]bool{own.Name: true}
	for process, m := range f.view.members {
		if process == f.process {
			own.Requests, own.Failed, own.CPU, own.Memory = m.Requests, m.Failed, m.CPU, m.Memory
			continue
		}
		m.Alive = !m.stopped && now.Sub(m.Seen) < aliveFor
		if m.Alive && m.Name == own.Name && !f.view.overlaps(process) { // this server before its restart
			continue
		}
		if alive[m.Name] = alive[m.Name] || m.Alive; m.Alive || !m.stopped {
			list = append(list, m.Node)
		}
	}
	list = slices.DeleteFunc(list, func(n Node) bool { return !n.Alive && alive[n.Name] })
	list = append(list, own)
	slices.SortFunc(list, func(x, y Node) int { return cmp.Or(cmp.Compare(x.Name, y.Name), x.Started.Compare(y.Started)) })
	return list
}

// Statuses returns how the objectives are doing on all nodes together, up to some minutes ago.
func (f *Fleet) Statuses() []objective.Status {
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.view.evaluator == nil {
		return nil
	}
	return f.view.evaluator.Statuses(horizon(now))
}

// Firing returns the alerts about all nodes together that fire.
func (f *Fleet) Firing() []objective.Alert {
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.view.evaluator == nil || !f.view.several(now) {
		return nil
	}
	return f.view.evaluator.Firing(horizon(now))
}

// Losses returns what a span of time took of the budgets of all nodes together.
func (f *Fleet) Losses(from, to time.Time) []objective.Loss {
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.view.evaluator == nil {
		return nil
	}
	return f.view.evaluator.Losses(from, to, now)
}
