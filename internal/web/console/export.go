package console

import (
	"net/http"
	"time"

	"github.com/ashlar-dev/ashlar/internal/web"
)

// exportSlack is how far the clocks of nodes may differ.
const exportSlack = time.Minute

// exportAudit streams what the filter picks. An error under way breaks the connection, so nobody takes a part for the whole.
// Rows of later times are left out. So the export ends, and an operator who reads slowly does not watch the log after a removal.
func (c *Console) exportAudit(q *Request) error {
	values := q.r.URL.Query()
	filter, err := filterOf(values)
	if err != nil {
		return err
	}
	if latest := c.now().Add(exportSlack); filter.Until.IsZero() || filter.Until.After(latest) {
		filter.Until = latest
	}
	header := q.w.Header()
	header.Set("Content-Type", "application/x-ndjson")
	header.Set("Content-Disposition", `attachment; filename="audit-`+c.now().UTC().Format("20060102-150405")+`.ndjson"`)
	if q.r.Method == http.MethodHead {
		q.answered = true
		q.w.WriteHeader(http.StatusOK)
		return nil
	}
	detail := map[string]any{}
	for name := range values {
		detail[name] = values.Get(name)
	}
	_, client := q.By()
	err = c.accounts.Note(q.r.Context(), "audit.exported", detail, client)
	stream := web.NewStream(q.w, q.r)
	defer stream.End()
	if err == nil {
		_, err = c.audit.Export(stream.Context(), stream, filter)
	}
	q.answered = err == nil || stream.Begun()
	if !q.answered {
		header.Del("Content-Disposition") // a page says what is wrong
	}
	return stream.Err(err)
}
