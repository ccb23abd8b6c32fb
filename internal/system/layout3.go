package system

import (
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// The table and the fields whose indexes layout 3 makes sparse.
const jobsOf3 = "ashlar_jobs"

var sparseIn3 = []string{"turn_at", "once"}

// sparsen makes the fields of layout 2 what they are in layout 3.
func sparsen(own *model.Model) {
	jobs := own.Table(jobsOf3)
	if jobs == nil {
		return
	}
	for _, name := range sparseIn3 {
		if field := jobs.Field(name); field != nil {
			field.Sparse = true
		}
	}
}

// stepTo3 makes two indexes of the jobs again, without the rows that have no value there. A release that knows only layout 2 cannot
// add jobs with a text of once then: its statements expect an index of all rows.
func stepTo3(querier Querier, now time.Time) (all []string, err error) {
	found, err := HasTable(querier, jobsOf3)
	if err != nil || !found {
		return nil, err
	}
	text, found, err := Get(querier, ModelKey)
	if err != nil || !found {
		return nil, err
	}
	app, err := snapshot.Decode([]byte(text))
	if err != nil {
		return nil, err
	}
	own, err := StoredModel(querier, app)
	if err != nil || own.Table(jobsOf3) == nil {
		return nil, err
	}
	for _, index := range sqlgen.Indexes(own.Table(jobsOf3)) {
		if slices.ContainsFunc(sparseIn3, func(name string) bool { return slices.Contains(index.Columns, name) }) {
			all = append(all, index.Drop(), index.Create())
		}
	}
	literal := func(kind model.Type, val value.Value) string {
		return querier.Dialect().Literal(&model.Field{Type: kind}, val)
	}
	return append(all, `UPDATE ashlar_meta SET "value" = `+literal(model.Text, value.OfText(string(snapshot.Encode(own))))+
		`, updated_at = `+literal(model.Timestamp, value.OfTimestamp(now.UnixMicro()))+` WHERE "id" = `+literal(model.Text, value.OfText(systemKey))), nil
}
