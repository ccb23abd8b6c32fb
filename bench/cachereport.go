package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func reportCache(opts settings, cases []cacheCase, rounds map[string][]cacheRound, took time.Duration) error {
	var text strings.Builder
	text.WriteString("# Kept answers\n\nWritten by `make bench`; what a server keeps is in [docs/caching.md](../docs/caching.md).\n\n")
	fmt.Fprintf(&text, "%s wrk sends one request again and again over %d connections, with one thread on the same machine. Medians of %d rounds of %s; both sides of a line in turn. "+
		"The rows are examples/careers with %d more occupations, and for totals and the view %d posts of the benchmark's model. CPU counts the server, and the connections of PostgreSQL. The run took %v; load average at its end %s.\n\n",
		host(), cacheConnections, opts.rounds, seconds(opts.duration), careerOccupations, opts.rows, took.Round(time.Second), systemLoad())
	text.WriteString("A ratio is taken within each round. wrk needs CPU for each request, too, so no ratio of the rates can be larger than the rate of wrk allows. The ratio of CPU is what a request costs.\n\n")
	text.WriteString("| request | requests/s | against | requests/s | ratio | rounds | bar | CPU a request | against | ratio of CPU | rounds |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range cases {
		all := rounds[c.key]
		if len(all) == 0 {
			continue
		}
		rates, costs := make([]float64, len(all)), make([]float64, len(all))
		var kept, fresh []result
		for i, r := range all {
			kept, fresh = append(kept, r.kept), append(fresh, r.fresh)
			rates[i] = r.kept.rate / max(1, r.fresh.rate)
			costs[i] = float64(r.fresh.cpu) / max(1, float64(r.kept.cpu))
		}
		bar := "–"
		if c.bar > 0 {
			bar = fmt.Sprintf("%s ≥ %.0f ×", verdict(median(rates), c.bar), c.bar)
			if median(rates) < c.bar && median(costs) >= c.bar {
				bar += ", reached in CPU"
			}
		}
		fmt.Fprintf(&text, "| %s | %.0f | %s | %.0f | %.1f × | %.1f to %.1f | %s | %.0f µs | %.0f µs | %.1f × | %.1f to %.1f |\n", c.name, rate(kept), c.against, rate(fresh),
			median(rates), slices.Min(rates), slices.Max(rates), bar, cpu(kept)/1000, cpu(fresh)/1000, median(costs), slices.Min(costs), slices.Max(costs))
	}
	return publish(opts, text.String())
}
