package operation

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// Bounds of one answer of the live tail.
const (
	tailSize = 50
	tailSpan = time.Minute // an older cursor misses what lies between
)

// tailAnswer has the records since a cursor, the oldest first.
type tailAnswer struct {
	Rows   []row `json:"rows"`
	Missed bool  `json:"missed"`        // there were more
	Cursor int64 `json:"cursor,string"` // a script has no such numbers
}

// tail answers a page that shows new records as they come. The page asks again and again, so one answer costs little: it reads
// at most a minute, and at most 50 records.
func (p *pages) tail(q *console.Request) error {
	values := q.HTTP().URL.Query()
	cursor, err := strconv.ParseInt(values.Get("cursor"), 10, 64)
	if err != nil {
		return errs.New(errs.Malformed, "cursor: write a number")
	}
	values.Del("cursor")
	v := parseView(values, p.Now())
	if len(v.Faults) > 0 {
		return errs.New(errs.Malformed, "%s", v.Faults[0].Detail)
	}
	filter := v.filter
	filter.From, filter.To = p.Now().Add(-tailSpan), time.Time{}
	var found archive.Page
	err = within(q, func(ctx context.Context) (err error) {
		found, err = p.Records.Records(ctx, filter, 0, tailSize)
		return err
	})
	if err != nil {
		return err
	}
	answer := tailAnswer{Rows: []row{}, Cursor: cursor}
	for i := range found.Records {
		if r := &found.Records[i]; r.Cursor > cursor {
			answer.Rows = append(answer.Rows, v.row(r))
			answer.Cursor = max(answer.Cursor, r.Cursor)
		}
	}
	answer.Missed = cursor != 0 && len(answer.Rows) == tailSize
	slices.Reverse(answer.Rows)
	return q.JSON(http.StatusOK, answer)
}
