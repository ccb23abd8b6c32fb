package watch

import (
	"context"
	"regexp"
	"strings"
	"time"
)

// planTime bounds the question for a plan.
const planTime = 2 * time.Second

// scan matches the line of a plan that reads all rows of a table.
var scan = regexp.MustCompile(`^[\s>-]*(SCAN \w+|Seq Scan on .*|Parallel Seq Scan on .*)$`)

// scans returns a remark about a statement whose plan reads all rows of a table, or "".
func (w *Watch) scans(ctx context.Context, sql string) string {
	if sql == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	plan, err := w.cfg.Store.Plan(ctx, sql)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(plan) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "  (cost=")
		if scan.MatchString(line) {
			return "no index helps: its plan has " + oneLine(strings.TrimLeft(line, "-> "))
		}
	}
	return ""
}
