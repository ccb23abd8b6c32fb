package alert

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const tableName = "ashlar_alerts"

// The bounds of texts in characters.
const (
	maxKey  = 120
	maxNode = 120
	maxText = 500
)

// Tables is the fragment of system tables of this package. A row says that an alert fires on a node.
func Tables(*model.Model) []*model.Table {
	text := func(name string, most int64) *model.Field {
		return &model.Field{Name: name, Type: model.Text, Max: new(most)}
	}
	return []*model.Table{system.NewTable(tableName, model.Text,
		system.Indexed(text("alert", maxKey)),
		text("node", maxNode),
		text("severity", maxKey),
		text("summary", maxText),
		system.Timestamp("since"),
		system.Timestamp("seen_at"),
	)}
}

// A row counts for the time of freshFor after its last change. A running node changes it each minute.
const freshFor = 3*beatPause + beatPause/2

// claims choose the node that tells about an alert. The first node tells about its beginning, and the last one about its
// end.
type claims struct {
	rows  *record.DB
	table *model.Table
	node  string
	now   func() time.Time
}

func newClaims(cfg Config) *claims {
	return &claims{rows: cfg.Rows, table: cfg.Rows.Table(tableName), node: errs.Clip(cfg.Node, maxNode), now: cfg.Now}
}

// A claim is one row.
type claim struct {
	ID       string    `json:"id"`
	Alert    string    `json:"alert"`
	Node     string    `json:"node"`
	Severity string    `json:"severity"`
	Summary  string    `json:"summary"`
	Since    time.Time `json:"since"`
	SeenAt   time.Time `json:"seen_at"`
}

func (c *claims) own() caller.Caller { return caller.System("alert") }

func (c *claims) id(key string) string { return key + "@" + c.node }

// begin notes that an alert fires on this node. first is true if it fires on no other one.
func (c *claims) begin(ctx context.Context, a Alert) (first bool, err error) {
	defer errs.Wrap(&err, "alert.begin(%s)", a.Key)
	err = c.rows.Transact(ctx, c.own(), func(tx *record.Tx) error {
		all, err := c.list(tx)
		if err != nil {
			return err
		}
		first = !slices.ContainsFunc(all, func(row claim) bool { return row.Alert == a.Key && c.fresh(row) })
		return c.note(tx, all, a)
	})
	return first, err
}

// end notes that an alert is over on this node. last is true if it fires on no other one.
func (c *claims) end(ctx context.Context, a Alert) (last bool, err error) {
	defer errs.Wrap(&err, "alert.end(%s)", a.Key)
	err = c.rows.Transact(ctx, c.own(), func(tx *record.Tx) error {
		all, err := c.list(tx)
		if err != nil {
			return err
		}
		last = true
		for _, row := range all {
			if row.ID == c.id(a.Key) {
				err = c.remove(tx, row)
			} else if row.Alert == a.Key && c.fresh(row) {
				last = false
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return last, err
}

// beat keeps the rows of this node's alerts fresh. It removes the rows of nodes that are gone. It returns the alerts that
// ended with them.
func (c *claims) beat(ctx context.Context, keys []string, firing map[string]Alert) (ended []Alert, err error) {
	defer errs.Wrap(&err, "alert.beat")
	err = c.rows.Transact(ctx, c.own(), func(tx *record.Tx) error {
		ended = nil
		all, err := c.list(tx)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := c.note(tx, all, firing[key]); err != nil {
				return err
			}
		}
		var gone []claim
		for _, row := range all {
			_, mine := firing[row.Alert]
			if c.fresh(row) || (mine && row.ID == c.id(row.Alert)) {
				continue
			}
			if err := c.remove(tx, row); err != nil {
				return err
			}
			if !mine {
				gone = append(gone, row)
			}
		}
		ended = c.over(gone, all)
		return nil
	})
	return ended, err
}

// over returns the alerts of removed rows without another row, each once.
func (c *claims) over(gone, all []claim) (ended []Alert) {
	for _, row := range gone {
		alive := slices.ContainsFunc(all, func(other claim) bool { return other.Alert == row.Alert && c.fresh(other) })
		told := slices.ContainsFunc(ended, func(a Alert) bool { return a.Key == row.Alert })
		if !alive && !told {
			ended = append(ended, Alert{
				Key: row.Alert, Severity: row.Severity, Summary: row.Alert + ": the node " + row.Node + " that told about it is gone",
				Since: row.Since, At: c.now(),
			})
		}
	}
	return ended
}

// fresh reports whether another node, or an earlier process of this one, has changed a row lately.
func (c *claims) fresh(row claim) bool { return c.now().Sub(row.SeenAt) < freshFor }

// maxClaims bounds the rows of a list. Ten alerts on each of 50 nodes make 500 rows.
const maxClaims = 500

func (c *claims) list(tx *record.Tx) ([]claim, error) {
	body, err := tx.List(c.table, record.Query{Sort: "id", Limit: maxClaims})
	if err != nil {
		return nil, err
	}
	var page struct{ Items []claim }
	err = json.Unmarshal(body, &page)
	return page.Items, err
}

// note writes the row of an alert on this node.
func (c *claims) note(tx *record.Tx, all []claim, a Alert) error {
	row := claim{
		ID: c.id(a.Key), Alert: a.Key, Node: c.node, Severity: a.Severity, Summary: errs.Clip(a.Summary, maxText-1),
		Since: c.stamp(a.Since), SeenAt: c.stamp(c.now()),
	}
	known := slices.ContainsFunc(all, func(other claim) bool { return other.ID == row.ID })
	if known {
		members, err := membersOf(map[string]any{"seen_at": row.SeenAt})
		if err != nil {
			return err
		}
		_, err = tx.Update(c.table, value.OfText(row.ID), members, nil)
		return err
	}
	members, err := membersOf(row)
	if err != nil {
		return err
	}
	_, err = tx.Create(c.table, members)
	return err
}

func (c *claims) remove(tx *record.Tx, row claim) error {
	err := tx.Delete(c.table, value.OfText(row.ID), nil)
	if errs.KindOf(err) == errs.NotFound {
		return nil
	}
	return err
}

// stamp rounds a time to the precision of the database.
func (c *claims) stamp(at time.Time) time.Time { return time.UnixMicro(at.UnixMicro()).UTC() }

func membersOf(row any) ([]value.Member, error) {
	text, err := json.Marshal(row)
	if err != nil {
		return nil, err
	}
	return value.DecodeObjectOf("an alert", text)
}
