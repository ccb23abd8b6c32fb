package mail

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A row is one row of ashlar_mails.
type row struct {
	ID       string            `json:"id,omitempty"`
	Kind     string            `json:"kind"`
	Address  string            `json:"address"`
	Lang     string            `json:"lang,omitempty"`
	Data     map[string]string `json:"data,omitempty"`
	State    string            `json:"state"`
	Attempts int               `json:"attempts"`
	DueAt    time.Time         `json:"due_at"`

	revision int64 // that this process read or wrote last
}

const rowFields = "id,kind,address,lang,data,state,attempts,due_at"

func (r row) members() ([]value.Member, error) {
	r.DueAt = time.UnixMicro(r.DueAt.UnixMicro()).UTC()
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return value.DecodeObjectOf("a letter", text)
}

func (r row) letter() Letter { return Letter{Kind: r.Kind, To: r.Address, Lang: r.Lang, Data: r.Data} }

func (r row) key() value.Value { return value.OfUUID(r.ID) }

// duePage is how many due letters are looked up at once.
const duePage = 20

// due returns the ids of letters whose turn has come, the most overdue first.
func (o *Outbox) due(ctx context.Context) ([]string, error) {
	now := strings.Trim(string(stampOf(o.cfg.Now())), `"`)
	body, err := o.rows.List(ctx, own(), o.table, record.Query{
		Selection: record.Selection{Fields: "id"}, Filter: "state == arg.state && due_at <= arg.now", Sort: "due_at", Limit: duePage,
		Args: map[string]string{"state": waiting, "now": now},
	}, nil)
	if err != nil {
		return nil, err
	}
	var page struct {
		Items []struct{ ID string }
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, err
	}
	ids := make([]string, len(page.Items))
	for i, item := range page.Items {
		ids[i] = item.ID
	}
	return ids, nil
}

// claim takes a due letter for one attempt. It returns false if another worker was faster. The letter becomes due again
// when the lease ends, in case this process dies.
func (o *Outbox) claim(ctx context.Context, id string) (r row, ok bool, err error) {
	found, err := o.rows.Get(ctx, own(), o.table, value.OfUUID(id), record.Selection{Fields: rowFields}, nil)
	if errs.KindOf(err) == errs.NotFound {
		return row{}, false, nil
	}
	if err != nil {
		return row{}, false, err
	}
	if err := json.Unmarshal(found.JSON, &r); err != nil {
		return row{}, false, err
	}
	now := o.cfg.Now()
	if r.State != waiting || r.DueAt.After(now) {
		return row{}, false, nil
	}
	r.revision = found.Revision
	r.Attempts++
	ok, err = o.update(ctx, &r, change{"attempts": r.Attempts, "due_at": jsontext.Value(stampOf(now.Add(lease)))})
	return r, ok, err
}

// A change is a merge patch of a row.
type change map[string]any

// update changes a row unless somebody else has changed it since this process read it.
func (o *Outbox) update(ctx context.Context, r *row, to change) (ok bool, err error) {
	text, err := json.Marshal(to)
	if err != nil {
		return false, err
	}
	members, err := value.DecodeObjectOf("a change of a letter", text)
	if err != nil {
		return false, err
	}
	changed, err := o.rows.Update(ctx, own(), o.table, r.key(), members, func(revision int64) bool { return revision == r.revision })
	switch errs.KindOf(err) {
	case errs.Stale, errs.NotFound:
		return false, nil
	}
	r.revision = changed.Revision
	return err == nil, err
}

const deleteFinished = `DELETE FROM "ashlar_mails" WHERE "state" <> 'waiting' AND "updated_at" < $1`

// sweep deletes letters that were finished long ago.
func (o *Outbox) sweep(ctx context.Context) error {
	before := o.cfg.Now().Add(-keepFinished)
	changed := int64(0)
	err := o.rows.Transact(ctx, own(), func(tx *record.Tx) (err error) {
		changed, err = tx.Store().Exec(deleteFinished, []value.Value{value.OfTimestamp(before.UnixMicro())})
		if changed > 0 {
			tx.Store().MarkChanged(tableName)
		}
		return err
	})
	telemetry.RecordOf(ctx).Found(int(changed))
	return err
}
