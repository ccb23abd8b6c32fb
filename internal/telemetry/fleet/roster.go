package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Live is what a node says of itself at a moment.
type Live struct {
	Address string   `json:"address"`
	State   string   `json:"state"`             // Ready, NotReady or Stopping
	Problem string   `json:"problem,omitempty"` // why it is not ready
	Work    []string `json:"work,omitempty"`    // what it alone does now, such as a backup
}

// The states of a node.
const (
	Ready    = "ready"
	NotReady = "not ready"
	Stopping = "stopping"
)

// A Member is a node as the roster lists it.
type Member struct {
	Node
	Live
	First time.Time // when it entered the roster
}

// A RosterConfig says what a Roster needs. Process and Live are required.
type RosterConfig struct {
	Process telemetry.Process
	Store   store.DB                   // has the table of Tables; nil: the database has one server
	Live    func(context.Context) Live // its context ends after some seconds
	Points  func() []telemetry.Point   // present values of the metrics; nil: none
	Logger  *slog.Logger               // default: no log
	Now     func() time.Time           // default: time.Now
}

// A Roster lists the servers of a database. Each writes a row every fifteen seconds, and when it begins to stop, and removes it
// at its end. It is a background.Service.
type Roster struct {
	cfg     RosterConfig
	process string
	poke    chan struct{} // has room for one

	mu       sync.Mutex
	first    time.Time
	counters map[string]float64 // at the last beat
	counted  time.Time
	rates    Node // of the last beat
}

// NewRoster returns the roster of a node that starts.
func NewRoster(cfg RosterConfig) *Roster {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Points == nil {
		cfg.Points = func() []telemetry.Point { return nil }
	}
	return &Roster{cfg: cfg, process: newProcess(), poke: make(chan struct{}, 1), first: cfg.Now()}
}

const (
	beatPause   = 15 * time.Second
	beatAlive   = 3 * beatPause // after its last row
	maxMembers  = 1000
	memberTier  = "n" // of the ids of these rows
	afterMember = "o"
)

// Run writes the row of this node until ctx ends, and then removes it. A node that cannot reach the database looks lost to the
// others, and the page of this one says why.
func (r *Roster) Run(ctx context.Context) error {
	ticks := time.NewTicker(beatPause)
	defer ticks.Stop()
	failing := false
	for {
		err := r.beat(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			r.cfg.Logger.Warn("the other nodes do not see the state of this one: it waits for the database", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			r.leave(ctx)
			return ctx.Err()
		case <-ticks.C:
		case <-r.poke:
		}
	}
}

// Tell writes the row soon, because the state of this node has changed. It never blocks.
func (r *Roster) Tell() {
	select {
	case r.poke <- struct{}{}:
	default:
	}
}

// body is what the column sums holds in a row of a member.
type body struct {
	Live
	First    time.Time `json:"first"`
	Requests float64   `json:"requests"`
	Failed   float64   `json:"failed"`
	CPU      float64   `json:"cpu"`
	Memory   float64   `json:"memory"`
}

// own returns this node at this moment.
func (r *Roster) own(ctx context.Context) Member {
	live := r.cfg.Live(ctx)
	now := r.cfg.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	m := Member{Node: r.rates, Live: live, First: r.first}
	p := r.cfg.Process
	m.Name, m.Build, m.Revision, m.Started, m.Seen, m.Own, m.Alive = p.Node, p.Build, p.Revision, p.Started, now, true, true
	return m
}

// count computes the rates since the last beat. Rates over less than a second are noise.
func (r *Roster) count() {
	counters, gauges := totals(r.cfg.Points())
	now := r.cfg.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	length := now.Sub(r.counted).Seconds()
	if !r.counted.IsZero() && length < 1 {
		return
	}
	if !r.counted.IsZero() {
		rose := increases(r.counters, counters)
		r.rates.Requests, r.rates.Failed, r.rates.CPU = rose["n"]/length, rose["a:5xx"]/length, rose["cpu"]/length
	}
	r.rates.Memory = gauges["rss"]
	r.counters, r.counted = counters, now
}

const (
	upsertMember = `INSERT INTO "ashlar_telemetry" ("id", "node", "build", "revision", "started_at", "sums", "created_at", "updated_at", "_rev")
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)
ON CONFLICT ("id") DO UPDATE SET "sums" = excluded."sums", "updated_at" = excluded."updated_at", "_rev" = excluded."_rev"`
	deleteMember  = `DELETE FROM "ashlar_telemetry" WHERE "id" = $1`
	deleteLost    = `DELETE FROM "ashlar_telemetry" WHERE "id" >= 'n' AND "id" < 'o' AND "updated_at" < $1`
	selectMembers = `SELECT "id", "node", "build", "revision", "started_at", "sums", "updated_at" FROM "ashlar_telemetry"
WHERE "id" >= $1 AND "id" < $2 ORDER BY "id" LIMIT $3`
)

// beat writes the row of this node, and removes the rows of nodes that were lost long ago.
func (r *Roster) beat(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "fleet.beat")
	r.count()
	if r.cfg.Store == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	m := r.own(ctx)
	text, err := json.Marshal(body{m.Live, m.First, m.Requests, m.Failed, m.CPU, m.Memory})
	if err != nil {
		return err
	}
	return r.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := system.ReadCommitted(tx); err != nil {
			return err
		}
		tx.MarkChanged(tableName)
		now, err := readClock(tx)
		if err != nil {
			return err
		}
		revision, err := system.Revision(tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(upsertMember, []value.Value{
			value.OfText(memberTier + r.process), value.OfText(m.Name), value.OfText(m.Build), value.OfText(m.Revision),
			value.OfTimestamp(m.Started.UnixMicro()), value.OfText(string(text)), value.OfTimestamp(now.UnixMicro()), value.OfInt(revision),
		})
		if err == nil {
			_, err = tx.Exec(deleteLost, []value.Value{value.OfTimestamp(now.Add(-lostFor).UnixMicro())})
		}
		return err
	})
}

// leave removes the row of this node.
func (r *Roster) leave(ctx context.Context) {
	if r.cfg.Store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	err := r.cfg.Store.Write(ctx, func(tx store.Tx) error {
		tx.MarkChanged(tableName)
		_, err := tx.Exec(deleteMember, []value.Value{value.OfText(memberTier + r.process)})
		return err
	})
	if err != nil {
		r.cfg.Logger.Warn("the other nodes list this one as lost for a day, because its row cannot be removed", "error", err)
	}
}

// Members returns the servers of the database by name. A lost one was seen within a day, but not lately. If the
// database does not answer, it returns this server and the error.
func (r *Roster) Members(ctx context.Context) ([]Member, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	all := []Member{r.own(ctx)}
	if r.cfg.Store == nil {
		return all, nil
	}
	var others []Member
	err := r.cfg.Store.Read(ctx, func(reader store.Reader) (err error) {
		others, err = r.readOthers(reader)
		return err
	})
	all = append(all, others...)
	slices.SortFunc(all, func(x, y Member) int { return cmp.Or(cmp.Compare(x.Name, y.Name), x.Started.Compare(y.Started)) })
	return all, err
}

func (r *Roster) readOthers(reader store.Reader) (others []Member, err error) {
	now, err := readClock(reader)
	if err != nil {
		return nil, err
	}
	args := []value.Value{value.OfText(memberTier), value.OfText(afterMember), value.OfInt(maxMembers)}
	err = reader.Query(selectMembers, args, func(row value.Row) error {
		if string(row.Bytes(0)) == memberTier+r.process {
			return nil
		}
		var b body
		if err := json.Unmarshal(row.Bytes(5), &b); err != nil {
			return err
		}
		m := Member{Live: b.Live, First: b.First, Node: Node{
			Name: string(row.Bytes(1)), Build: string(row.Bytes(2)), Revision: string(row.Bytes(3)), Started: time.UnixMicro(row.Int(4)),
			Seen: time.UnixMicro(row.Int(6)), Requests: b.Requests, Failed: b.Failed, CPU: b.CPU, Memory: b.Memory,
		}}
		if m.Alive = now.Sub(m.Seen) < beatAlive; now.Sub(m.Seen) < lostFor {
			others = append(others, m)
		}
		return nil
	})
	return others, err
}
