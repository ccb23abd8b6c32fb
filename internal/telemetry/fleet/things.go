package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// An Archive is the telemetry database of this node. *archive.Archive is one.
type Archive interface {
	Events(ctx context.Context, from, to time.Time, limit int, kinds ...string) ([]archive.Event, error)
	Errors(ctx context.Context, from time.Time) ([]archive.ErrorGroup, error)
	Incidents(ctx context.Context, from, to time.Time, limit int) ([]archive.Incident, error)
}

// The kinds of things, with which their ids begin.
const (
	eventThing    = "e"
	errorThing    = "f"
	incidentThing = "i"
)

// A thing is something single that all nodes know of: an event, a group of errors, an incident.
type thing struct {
	id   string // the same after a restart
	node string
	at   time.Time // of an event, of the last error, of the begin of an incident
	body string
}

// The bounds of what a node tells the others.
const (
	lookBack    = time.Hour        // for what it has not told yet
	rareUpdate  = 10 * time.Minute // between two writes of the count of a group of errors
	thingsAStep = 10               // written in two minutes at most
	keepThings  = 40 * 24 * time.Hour
	maxThings   = 2000 // of one read
	maxTold     = 5000 // things that this node remembers to have told
	maxText     = 500
)

// A teller tells the other nodes what is single. Only Run uses it.
type teller struct {
	told map[string]telling // by id
	step time.Time
	left int // things that may still be written in this step
}

// telling is what a node told last of a thing.
type telling struct {
	body string
	at   time.Time
}

// tell writes what is new of the things of this node.
func (f *Fleet) tell(ctx context.Context) {
	if f.cfg.Archive == nil {
		return
	}
	now, t := f.now(), &f.teller
	if current := now.Truncate(step); !current.Equal(t.step) {
		t.step, t.left = current, thingsAStep
	}
	if t.told == nil || len(t.told) > maxTold {
		t.told = map[string]telling{}
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	things, err := f.untold(ctx, now)
	if things = things[:min(len(things), t.left)]; err == nil && len(things) > 0 {
		err = f.writeThings(ctx, things)
	}
	if err != nil {
		f.cfg.Logger.Debug("the other nodes are not told what is new here", "error", err)
		return
	}
	t.left -= len(things)
	for _, each := range things {
		t.told[each.id] = telling{each.body, now}
	}
}

// untold returns the things that the other nodes do not know, the most important first.
func (f *Fleet) untold(ctx context.Context, now time.Time) (list []thing, err error) {
	defer errs.Wrap(&err, "fleet.untold")
	from, to := now.Add(-lookBack), now.Add(time.Minute)
	add := func(id string, at time.Time, body any, pause time.Duration) error {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		last, known := f.teller.told[id]
		if !known || (last.body != string(text) && now.Sub(last.at) >= pause) {
			list = append(list, thing{id: id, node: f.cfg.Process.Node, at: at, body: string(text)})
		}
		return nil
	}
	incidents, err := f.cfg.Archive.Incidents(ctx, from, to, thingsAStep)
	if err != nil {
		return nil, err
	}
	for _, in := range incidents {
		in.Details, in.Notes, in.Title = "", nil, errs.Clip(in.Title, maxText)
		if err := add(incidentThing+f.hash(fmt.Sprint(in.ID)), in.Opened, in, 0); err != nil {
			return nil, err
		}
	}
	events, err := f.cfg.Archive.Events(ctx, from, to, maxTold/10)
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(events) {
		if e.Kind == archive.EventError { // its group tells more
			continue
		}
		e.Details, e.Node = "", f.cfg.Process.Node
		if err := add(eventThing+f.hash(fmt.Sprint(e.At.UnixMicro(), e.Kind, e.Text)), e.At, e, 0); err != nil {
			return nil, err
		}
	}
	groups, err := f.cfg.Archive.Errors(ctx, from)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if err := add(errorThing+f.hash(fmt.Sprint(g.ID)), g.Last, g, rareUpdate); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// hash names a thing of this node.
func (f *Fleet) hash(text string) string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(f.cfg.Process.Node + "\x00" + text))
	return fmt.Sprintf("%016x", sum.Sum64())
}

const (
	upsertThing = `INSERT INTO "ashlar_happenings" ("id", "node", "at", "body", "created_at", "updated_at", "_rev")
VALUES ($1, $2, $3, $4, $5, $5, $6) ON CONFLICT ("id") DO UPDATE SET "at" = excluded."at", "body" = excluded."body",
"updated_at" = excluded."updated_at", "_rev" = excluded."_rev"`
	selectThings = `SELECT "node", "body" FROM "ashlar_happenings"
WHERE "id" >= $1 AND "id" < $2 AND "at" >= $3 AND "at" < $4 AND "node" <> $5 ORDER BY "at" DESC LIMIT $6`
	deleteThings = `DELETE FROM "ashlar_happenings" WHERE "at" < $1`
)

func (f *Fleet) writeThings(ctx context.Context, things []thing) (err error) {
	defer errs.Wrap(&err, "fleet.writeThings")
	slices.SortFunc(things, func(x, y thing) int { return cmp.Compare(x.id, y.id) })
	return f.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := system.ReadCommitted(tx); err != nil {
			return err
		}
		tx.MarkChanged(thingsTable)
		now := value.OfTimestamp(f.now().UnixMicro())
		for _, each := range things {
			revision, err := system.Revision(tx)
			if err != nil {
				return err
			}
			args := []value.Value{
				value.OfText(each.id), value.OfText(each.node), value.OfTimestamp(each.at.UnixMicro()), value.OfText(each.body), now, value.OfInt(revision),
			}
			if _, err := tx.Exec(upsertThing, args); err != nil {
				return err
			}
		}
		return nil
	})
}

// readThings calls f with the things of other nodes between two times, the newest first.
func readThings[T any](ctx context.Context, f *Fleet, kind string, from, to time.Time, each func(node string, found T)) (err error) {
	defer errs.Wrap(&err, "fleet.readThings(%s)", kind)
	args := []value.Value{
		value.OfText(kind), value.OfText(kind + "~"), value.OfTimestamp(from.UnixMicro()), value.OfTimestamp(to.UnixMicro()),
		value.OfText(f.cfg.Process.Node), value.OfInt(maxThings),
	}
	type line struct {
		node  string
		found T
	}
	var lines []line
	err = f.cfg.Store.Read(ctx, func(r store.Reader) error {
		lines = nil
		return r.Query(selectThings, args, func(row value.Row) error {
			next := line{node: string(row.Bytes(0))}
			if json.Unmarshal(row.Bytes(1), &next.found) == nil { // one of a later release may have another form
				lines = append(lines, next)
			}
			return nil
		})
	})
	for _, next := range lines {
		each(next.node, next.found)
	}
	return err
}
