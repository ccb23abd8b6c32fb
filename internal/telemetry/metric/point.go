package metric

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// points collects the values that charts need.
type points []telemetry.Point

// add adds a value. labels are names and values in turn.
func (p *points) add(isCounter bool, value float64, name string, labels ...string) {
	*p = append(*p, telemetry.Point{Series: seriesName(name, labels...), Value: value, Counter: isCounter})
}

// seriesName returns a series in the text form of Prometheus.
func seriesName(name string, labels ...string) string {
	if len(labels) == 0 {
		return name
	}
	var text strings.Builder
	text.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		if i == 0 {
			text.WriteString("{")
		} else {
			text.WriteString(",")
		}
		text.WriteString(labels[i])
		text.WriteString(`="`)
		text.WriteString(labelEscaper().Replace(labels[i+1]))
		text.WriteString(`"`)
	}
	text.WriteString("}")
	return text.String()
}

func labelEscaper() *strings.Replacer { return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`) }

// Points returns the values that charts need: fewer than the series of a scrape, and coarser. Routes and tables that
// nobody has asked for are left out.
func (m *Metrics) Points() []telemetry.Point {
	var p points
	m.requests.addPoints(&p)
	m.operations.addPoints(&p)
	m.jobs.addPoints(&p)
	for _, n := range m.parts.read() {
		var labels []string
		for i, name := range m.parts.labels[n.name] {
			labels = append(labels, name, n.labels[i])
		}
		p.add(strings.HasSuffix(n.name, "_total"), n.value, n.name, labels...)
	}
	addRuntime(m.runtime, &p)
	return p
}

// addPoints adds the requests, the failed ones and the fast ones of each route. Of all routes together it adds the buckets and
// the refused requests.
func (rs *requests) addPoints(p *points) {
	refused := uint64(0)
	all := counted{layout: rs.other.duration.layout, classic: make([]uint64, len(rs.other.duration.layout.bounds)+1)}
	for _, at := range rs.all {
		now := at.duration.read()
		if now.count == 0 {
			continue
		}
		all.sum += now.sum
		for i, n := range now.classic {
			all.classic[i] += n
		}
		labels := []string{"http_request_method", at.method, "http_route", at.path}
		refused += at.answers[answer4xx].Load()
		failed := at.answers[answerUnavailable].Load() + at.answers[answerInternal].Load()
		p.add(true, float64(now.count), RequestSeconds+"_count", labels...)
		p.add(true, float64(failed), RequestsTotal, append(labels, "http_response_status_code", "5xx")...)
		for i, bound := range all.layout.bounds {
			if rs.fast[bound] {
				p.add(true, float64(now.classic[i]), RequestSeconds+"_bucket", append(labels, "le", formatBound(bound))...)
			}
		}
	}
	for i, n := range all.classic {
		le := "+Inf"
		if i < len(all.layout.bounds) {
			le = formatBound(all.layout.bounds[i])
		}
		p.add(true, float64(n), RequestSeconds+"_bucket", "le", le)
	}
	p.add(true, all.sum, RequestSeconds+"_sum")
	p.add(true, float64(refused), RequestsTotal, "http_response_status_code", "4xx")
}

// addPoints adds the requests, the failed ones and the time of each table.
func (ops *operations) addPoints(p *points) {
	type sum struct {
		count, failed uint64
		seconds       float64
	}
	sums, order := map[string]*sum{}, []string{}
	for _, op := range ops.all {
		now := op.duration.read()
		if now.count == 0 {
			continue
		}
		if sums[op.table] == nil {
			sums[op.table] = &sum{}
			order = append(order, op.table)
		}
		s := sums[op.table]
		s.count, s.failed, s.seconds = s.count+now.count, s.failed+op.failed.Load(), s.seconds+now.sum
	}
	for _, table := range order {
		s := sums[table]
		p.add(true, float64(s.count), OperationSeconds+"_count", "table", table)
		p.add(true, s.seconds, OperationSeconds+"_sum", "table", table)
		p.add(true, float64(s.failed), OperationErrors, "table", table, "http_response_status_code", "5xx")
	}
}

// addRuntime adds some numbers of the process and the Go runtime.
func addRuntime(registry *prometheus.Registry, p *points) {
	families, _ := registry.Gather() // what could be read is there in spite of an error
	for _, family := range families {
		switch name := family.GetName(); name {
		case "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "go_goroutines", "go_memstats_heap_alloc_bytes":
			metric := family.GetMetric()[0]
			if c := metric.GetCounter(); c != nil {
				p.add(true, c.GetValue(), name)
			} else {
				p.add(false, metric.GetGauge().GetValue(), name)
			}
		}
	}
}
