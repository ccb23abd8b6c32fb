package audit

import (
	"bufio"
	"context"
	"io"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// walkPage is how many entries are in memory at once.
const walkPage = 200

// Export writes the entries that a filter picks, the oldest first, each as a line of canonical JSON. It needs memory for
// one page only. Entries that are appended in the meantime follow at the end.
func (l *Log) Export(ctx context.Context, w io.Writer, filter Filter) (n int64, err error) {
	defer errs.Wrap(&err, "audit.Export")
	out := bufio.NewWriter(w) // Flush returns the first error
	for cursor := ""; ; {
		page, err := l.page(ctx, filter, "id", cursor, walkPage)
		if err != nil {
			return n, err
		}
		for _, entry := range page.Entries {
			line, err := entry.MarshalJSON()
			if err != nil {
				return n, err
			}
			_, _ = out.Write(append(line, '\n'))
			n++
		}
		if err := out.Flush(); err != nil {
			return n, err
		}
		if cursor = page.Next; cursor == "" {
			return n, nil
		}
	}
}
