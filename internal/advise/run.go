package advise

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Run tries indexes for the queries of an app.
func Run(ctx context.Context, cfg Config) (report *Report, err error) {
	defer errs.Wrap(&err, "advise.Run")
	cfg = cfg.withDefaults()
	report = &Report{Since: cfg.Usage.Since, Until: cfg.Usage.Until, Refused: cfg.Usage.Refusals()}
	for _, shape := range cfg.Usage.Shapes {
		report.Calls += shape.Calls
	}
	t, err := newTrial(ctx, cfg, report)
	if err != nil {
		return nil, err
	}
	if err := t.tryAll(ctx); err != nil {
		return nil, err
	}
	if err := t.findUnused(ctx); err != nil {
		return nil, err
	}
	return report, nil
}
