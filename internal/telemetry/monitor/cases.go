package monitor

import (
	"fmt"
	"math"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// A testCase is a test for promtool.
type testCase struct {
	Name     string
	Interval string // between two samples
	Series   []series
	Expect   []expectation
}

type series struct{ Name, Values string }

// An expectation is the value of an expression at a time.
type expectation struct {
	At, Expr string
	Value    int
}

// fires expects an alert with these labels to fire at a time, or not.
func fires(at string, yes bool, labels string) expectation {
	e := expectation{At: at, Expr: `count(ALERTS{alertstate="firing",` + labels + `}) or vector(0)`}
	if yes {
		e.Value = 1
	}
	return e
}

// evaluation is the time between two evaluations of the rules in the tests, in minutes. A server evaluates them each minute.
// With that, promtool takes five times as long.
const evaluation = 5

// cases returns the tests of all indicators.
func cases(m *model.Model) (all []testCase) {
	for _, i := range indicators(m) {
		all = append(all, i.outage(), i.steady(), i.single())
	}
	return append(all, partCases()...)
}

// traffic returns series of values: all requests, the bad ones and the good ones.
func (i *indicator) traffic(all, bad, good string) []series {
	s := i.sources[0]
	if i.kind == "fast" {
		return []series{
			{s.seconds + "_count{" + s.example + "}", all},
			{s.seconds + "_bucket{" + s.example + `,le="` + formatSeconds(i.below) + `"}`, good},
		}
	}
	if s.seconds+"_count{"+s.selector+"}" == s.total { // a table: the histogram counts all
		return []series{
			{s.seconds + "_count{" + s.example + "}", all},
			{failedOf(s), bad},
		}
	}
	return []series{
		{"http_server_requests_total{" + s.example + `,http_response_status_code="2xx",error_type=""}`, good},
		{"http_server_requests_total{" + s.example + `,http_response_status_code="5xx",error_type="internal"}`, bad},
	}
}

func failedOf(s source) string {
	return "ashlar_table_operation_errors_total{" + s.example + `,http_response_status_code="5xx"}`
}

// expect returns the state of the two alerts of an indicator at a time.
func (i *indicator) expect(at string, pages, tickets bool) []expectation {
	return []expectation{
		fires(at, pages, i.labels()+`,severity="page"`),
		fires(at, tickets, i.labels()+`,severity="ticket"`),
	}
}

// outage: every request is bad from the end of the first hour on. The page comes once the hour has used up its share of the
// budget. With a budget of 0.1 % that takes a minute. With a budget above 6 % the hour alone is no page. promtool
// evaluates groups in no order, so the alert may see the recordings of the evaluation before.
func (i *indicator) outage() testCase {
	b := burns()[0]
	share := b.Factor * i.budget
	minutes := (int(math.Ceil(share*60))/evaluation + 2) * evaluation
	at := fmt.Sprintf("%dm", 60+minutes)
	return testCase{
		Name: fmt.Sprintf("%s, %s: everything is bad", i.slo, i.kind), Interval: "1m",
		Series: i.traffic(fmt.Sprintf("0+600x%d", 60+minutes), fmt.Sprintf("0x60 600+600x%d", minutes), fmt.Sprintf("0+600x60 36000x%d", minutes)),
		Expect: append(i.expect("60m", false, false), i.expect(at, share < 0.9, share < 0.9)...),
	}
}

// steady: half of the budget is used evenly. Nobody is disturbed.
func (i *indicator) steady() testCase {
	const each = 600 // requests a minute
	bad := i.budget / 2 * each
	return testCase{
		Name: fmt.Sprintf("%s, %s: half of the budget is used evenly", i.slo, i.kind), Interval: "1m",
		Series: i.traffic("0+600x120", fmt.Sprintf("0+%gx120", bad), fmt.Sprintf("0+%gx120", each-bad)),
		Expect: append(i.expect("1h", false, false), i.expect("2h", false, false)...),
	}
}

// single: one request of a quiet night is bad. Nobody is disturbed.
func (i *indicator) single() testCase {
	return testCase{
		Name: fmt.Sprintf("%s, %s: one bad request at night", i.slo, i.kind), Interval: "1m",
		Series: i.traffic("0x60 1x10", "0x60 1x10", "0x70"),
		Expect: append(i.expect("65m", false, false), i.expect("70m", false, false)...),
	}
}

// partCases returns the tests of the alerts about parts.
func partCases() (all []testCase) {
	for _, p := range []struct{ alert, series, bad, good string }{
		{"AshlarDown", `up{job="ashlar",instance="a"}`, "1x10 0x10", "1x20"},
		{"AshlarReadOnly", `ashlar_database_writable{instance="a"}`, "1x10 0x10", "1x20"},
		{"AshlarDiskFills", `ashlar_database_free_bytes{instance="a"}`, "5e8x20", "5e10x20"},
		{"AshlarReplicaBehind", `ashlar_database_replica_lag_seconds{instance="a"}`, "60x20", "0.1x20"},
	} {
		for _, values := range []string{p.good, p.bad} {
			bad := values == p.bad
			all = append(all, testCase{
				Name: fmt.Sprintf("%s fires: %t", p.alert, bad), Interval: "1m",
				Series: []series{{p.series, values}},
				Expect: []expectation{fires("20m", bad, fmt.Sprintf("alertname=%q", p.alert))},
			})
		}
	}
	return all
}
