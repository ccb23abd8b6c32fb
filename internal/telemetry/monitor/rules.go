package monitor

import (
	"fmt"
	"strconv"
	"strings"
)

// A burn is a pair of windows of the SRE workbook: an alert needs the budget to be used faster than factor in both. The
// long one shows the damage. The short one shows that it goes on.
type burn struct {
	Long, Short string
	Factor      float64
	Severity    string
}

// burns returns the pairs for a budget of 30 days.
func burns() []burn {
	return []burn{
		{"1h", "5m", 14.4, "page"}, // 2 % of the budget in an hour
		{"6h", "30m", 6, "page"},   // 5 % in 6 hours
		{"1d", "2h", 3, "ticket"},  // 10 % in a day
		{"3d", "6h", 1, "ticket"},  // 10 % in 3 days
	}
}

// windows returns each window of the burns once.
func windows() []string { return []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d"} }

// fewest is the least number of bad requests for an alert. One failure at night is no alert.
const fewest = 5

// A rule is a recording rule or an alert.
type rule struct {
	Name, Expr, SLO, Kind string
	For, Severity         string // of an alert
	Summary, Description  string
}

// labels returns the labels of the recorded series of an indicator.
func (i *indicator) labels() string { return fmt.Sprintf("slo=%q,objective=%q", i.slo, i.kind) }

// recordings returns the recording rules of an indicator.
func (i *indicator) recordings() (all []rule) {
	for _, window := range windows() {
		all = append(all, rule{Name: "ashlar:slo_error:ratio_rate" + window, Expr: i.ratio(window), SLO: i.slo, Kind: i.kind})
	}
	for _, b := range burns() {
		all = append(all, rule{Name: "ashlar:slo_bad:increase" + b.Long, Expr: i.bad("increase", b.Long), SLO: i.slo, Kind: i.kind})
	}
	return all
}

// alerts returns the alerts of an indicator: one to page somebody, and one for a ticket.
func (i *indicator) alerts() (all []rule) {
	for _, severity := range []string{"page", "ticket"} {
		var terms []string
		for _, b := range burns() {
			if b.Severity != severity {
				continue
			}
			limit := strconv.FormatFloat(b.Factor*i.budget, 'g', 6, 64)
			terms = append(terms, fmt.Sprintf("(ashlar:slo_error:ratio_rate%s{%s} > %s and ashlar:slo_error:ratio_rate%s{%s} > %s and ashlar:slo_bad:increase%s{%s} >= %d)",
				b.Long, i.labels(), limit, b.Short, i.labels(), limit, b.Long, i.labels(), fewest))
		}
		name := "AshlarErrors"
		what := "requests fail"
		if i.kind == "fast" {
			name, what = "AshlarSlow", "requests take longer than "+i.below.String()
		}
		all = append(all, rule{
			Name: name, Expr: strings.Join(terms, "\n  or "), SLO: i.slo, Kind: i.kind, Severity: severity,
			Summary:     fmt.Sprintf("The objective %s uses its budget too fast: %s.", i.slo, what),
			Description: fmt.Sprintf("At most %s of the requests may be bad over 30 days.", percent(i.budget)),
		})
	}
	return all
}

func percent(share float64) string { return strconv.FormatFloat(share*100, 'g', 6, 64) + " %" }

// partAlerts returns the alerts about parts of a server, with any objectives.
func partAlerts() []rule {
	return []rule{
		{Name: "AshlarDown", Expr: `up{job="ashlar"} == 0`, For: "1m", Severity: "page",
			Summary: "A server does not answer Prometheus.", Description: "Look whether its process runs, and at its log."},
		{Name: "AshlarReadOnly", Expr: `ashlar_database_writable == 0`, For: "1m", Severity: "page",
			Summary: "The database takes no writes.", Description: "Its disk is full or broken. Reads go on. The log says which folder."},
		{Name: "AshlarDiskFills", Expr: `ashlar_database_free_bytes < 1e9 or predict_linear(ashlar_database_free_bytes[6h], 86400) < 0`, For: "15m", Severity: "ticket",
			Summary: "The disk of the database is nearly full.", Description: "Less than 1 GB is free, or the disk will be full within a day."},
		{Name: "AshlarBusy", Expr: `sum by (instance) (rate(ashlar_pool_refused_total[5m])) + sum by (instance) (rate(ashlar_writer_refused_total[5m])) > 0`, For: "10m", Severity: "ticket",
			Summary: "Requests are refused because the database is busy.", Description: "Look at the busiest tables and the slowest statements."},
		{Name: "AshlarReplicaBehind", Expr: `ashlar_database_replica_lag_seconds > 30`, For: "5m", Severity: "ticket",
			Summary: "A standby of the database is behind.", Description: "A failover to it would lose or delay what it does not have yet."},
		{Name: "AshlarMailsFail", Expr: `increase(ashlar_mails_failed_total[1h]) > 0`, Severity: "ticket",
			Summary: "Mails were given up.", Description: "The log says which, and what the mail server answered."},
	}
}
