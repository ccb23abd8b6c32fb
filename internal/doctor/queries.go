package doctor

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/ashlar-dev/ashlar/internal/advise"
)

// queries tells which lists were refused for the rows that they would have read.
func queries(_ context.Context, e *examination) {
	usage, err := advise.ReadUsage(filepath.Join(e.Data, e.Layout.Queries))
	if err != nil {
		e.add(Note, "The recorded queries cannot be read: "+err.Error()+".", "")
		return
	}
	if usage == nil {
		return
	}
	refusals := usage.Refusals()
	if len(refusals) == 0 {
		return
	}
	calls := 0.0
	for _, refusal := range refusals {
		calls += refusal.Calls
	}
	e.add(Warning, fmt.Sprintf("Since %s, about %.0f lists were refused because they would have read more than limits.query.rows. Most often: %s.",
		usage.Since.UTC().Format("2006-01-02"), calls, refusals[0].Shape), "Run ashlar advise, which tries indexes for them, or raise limits.query.rows.")
}
