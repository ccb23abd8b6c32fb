// Package monitor writes files for Prometheus to watch the server of a model.
package monitor

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
)

// An indicator is one objective of an SLO as expressions of Prometheus.
type indicator struct {
	slo, kind string  // kind is "available" or "fast"
	budget    float64 // share of the requests that may be bad
	sources   []source
	below     time.Duration // of kind "fast"
}

// A source is a part of the requests of an SLO: selectors of their series.
type source struct {
	total    string // counter of the requests
	failed   string // counter of the failed ones
	seconds  string // name of the histogram
	selector string // of its labels, without braces

	// example holds labels of one series, for tests.
	example string
}

// indicators returns the objectives of a model.
func indicators(m *model.Model) (all []indicator) {
	for _, slo := range m.Operate.SLOs {
		sources := sourcesOf(slo)
		if slo.Available > 0 {
			all = append(all, indicator{slo: slo.Name, kind: "available", budget: budgetOf(slo.Available), sources: sources})
		}
		if slo.FastShare > 0 && slo.FastBelow > 0 {
			all = append(all, indicator{slo: slo.Name, kind: "fast", budget: budgetOf(slo.FastShare), sources: sources, below: slo.FastBelow})
		}
	}
	return all
}

// budgetOf returns the share that may be bad, without the noise of a difference of floats: 99.9 gives 0.001.
func budgetOf(percent float64) float64 {
	budget, _ := strconv.ParseFloat(strconv.FormatFloat(1-percent/100, 'g', 9, 64), 64)
	return budget
}

// sourcesOf returns the requests of an SLO. A request that was refused before it had a route counts among all.
func sourcesOf(slo model.SLO) []source {
	if len(slo.Routes)+len(slo.Tables) == 0 {
		return []source{routeSource(`http_route=~"/api/.*|/auth/.*|_other"`, `http_request_method="GET",http_route="/api/{table}"`)}
	}
	var fixed, tables []string
	operations := map[string][]string{}
	for _, text := range slo.Routes {
		method, path, _ := strings.Cut(text, " ")
		rest, isData := strings.CutPrefix(path, "/api/")
		if !isData {
			fixed = append(fixed, text)
			continue
		}
		table, _, isRow := strings.Cut(rest, "/")
		if operation := operationOf(method, isRow); !slices.Contains(slo.Tables, table) {
			operations[operation] = append(operations[operation], table)
		}
	}
	var all []source
	if tables = slo.Tables; len(tables) > 0 {
		all = append(all, tableSource("table=~"+oneOf(tables), fmt.Sprintf(`table=%q,operation="list"`, tables[0])))
	}
	for _, operation := range []string{"list", "get", "create", "update", "delete"} {
		if tables := operations[operation]; len(tables) > 0 {
			all = append(all, tableSource(fmt.Sprintf("operation=%q,table=~%s", operation, oneOf(tables)), fmt.Sprintf(`table=%q,operation=%q`, tables[0], operation)))
		}
	}
	for _, route := range fixed {
		method, path, _ := strings.Cut(route, " ")
		labels := fmt.Sprintf("http_request_method=%q,http_route=%q", method, path)
		all = append(all, routeSource(labels, labels))
	}
	return all
}

// oneOf returns a regular expression that matches each of the names, in quotes.
func oneOf(names []string) string {
	var quoted []string
	for _, name := range names {
		quoted = append(quoted, regexp.QuoteMeta(name))
	}
	return strconv.Quote(strings.Join(quoted, "|"))
}

// operationOf returns the operation of a route of rows.
func operationOf(method string, isRow bool) string {
	switch {
	case method == "POST":
		return "create"
	case method == "PATCH":
		return "update"
	case method == "DELETE":
		return "delete"
	case isRow:
		return "get"
	}
	return "list"
}

func routeSource(selector, example string) source {
	return source{
		total:    metric.RequestsTotal + "{" + selector + "}",
		failed:   metric.RequestsTotal + "{" + selector + `,http_response_status_code="5xx"}`,
		seconds:  metric.RequestSeconds,
		selector: selector,
		example:  example,
	}
}

func tableSource(selector, example string) source {
	return source{
		total:    metric.OperationSeconds + "_count{" + selector + "}",
		failed:   metric.OperationErrors + "{" + selector + `,http_response_status_code="5xx"}`,
		seconds:  metric.OperationSeconds,
		selector: selector,
		example:  example,
	}
}

// all returns the expression for the requests of a window, by some function such as rate.
func (i *indicator) all(function, window string) string {
	return i.sum(func(s source) string {
		if i.kind == "fast" {
			return fmt.Sprintf("%s(%s_count{%s}[%s])", function, s.seconds, s.selector, window)
		}
		return fmt.Sprintf("%s(%s[%s])", function, s.total, window)
	})
}

// bad returns the expression for the bad requests of a window. Failed requests that were quick count as fast: the other
// objective counts them.
func (i *indicator) bad(function, window string) string {
	if i.kind == "fast" {
		return i.all(function, window) + " - " + i.sum(func(s source) string {
			return fmt.Sprintf("%s(%s_bucket{%s,le=%q}[%s])", function, s.seconds, s.selector, formatSeconds(i.below), window)
		})
	}
	return i.sum(func(s source) string { return fmt.Sprintf("%s(%s[%s])", function, s.failed, window) })
}

func (i *indicator) sum(each func(source) string) string {
	if len(i.sources) == 1 {
		return "sum(" + each(i.sources[0]) + ")"
	}
	var parts []string
	for _, s := range i.sources {
		parts = append(parts, "(sum("+each(s)+") or vector(0))")
	}
	return "(" + strings.Join(parts, " + ") + ")"
}

// ratio returns the expression for the share of bad requests in a window. Without requests it has no value.
func (i *indicator) ratio(window string) string {
	return "(" + i.bad("rate", window) + ") / (" + i.all("rate", window) + " > 0)"
}

func formatSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) }
