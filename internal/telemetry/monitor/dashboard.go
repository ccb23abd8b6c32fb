package monitor

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
)

// The parts of a dashboard of Grafana that we use. Grafana fills in the rest.
type (
	dashboard struct {
		Title         string   `json:"title"`
		UID           string   `json:"uid"`
		Tags          []string `json:"tags"`
		Editable      bool     `json:"editable"`
		Refresh       string   `json:"refresh"`
		SchemaVersion int      `json:"schemaVersion"`
		Time          span     `json:"time"`
		Templating    struct {
			List []variable `json:"list"`
		} `json:"templating"`
		Panels []panel `json:"panels"`
	}
	span struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	variable struct {
		Name       string      `json:"name"`
		Label      string      `json:"label"`
		Type       string      `json:"type"`
		Query      string      `json:"query"`
		Multi      bool        `json:"multi,omitempty"`
		IncludeAll bool        `json:"includeAll,omitempty"`
		AllValue   string      `json:"allValue,omitempty"`
		Datasource *datasource `json:"datasource,omitempty"`
	}
	datasource struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	panel struct {
		ID          int          `json:"id"`
		Type        string       `json:"type"`
		Title       string       `json:"title"`
		Description string       `json:"description,omitempty"`
		GridPos     grid         `json:"gridPos"`
		Datasource  *datasource  `json:"datasource,omitempty"`
		Targets     []target     `json:"targets,omitempty"`
		FieldConfig *fieldConfig `json:"fieldConfig,omitempty"`
	}
	grid struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}
	target struct {
		RefID  string `json:"refId"`
		Expr   string `json:"expr"`
		Legend string `json:"legendFormat,omitempty"`
	}
	fieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
	}
)

// A chart is a panel before it has its place.
type chart struct {
	kind, title, unit string
	targets           []target
}

// A section is a row of the dashboard with its charts.
type section struct {
	title  string
	charts []chart
}

// schemaVersion is the version of Grafana 9. Later ones migrate it.
const schemaVersion = 37

// Dashboard returns a dashboard of Grafana for the server of a model.
func Dashboard(m *model.Model) (File, error) {
	d := dashboard{
		Title: "Ashlar: " + m.Name, UID: "ashlar-" + m.Name, Tags: []string{"ashlar"}, Editable: true, Refresh: "30s",
		SchemaVersion: schemaVersion, Time: span{"now-6h", "now"},
	}
	d.Templating.List = variables(m)
	y := 0
	for _, s := range sections(m) {
		y = d.add(s, y)
	}
	text, err := json.MarshalIndent(d, "", "  ")
	return File{"ashlar-" + m.Name + ".dashboard.json", append(text, '\n')}, err
}

// variables returns the choices of the viewer.
func variables(m *model.Model) []variable {
	var tables []string
	for _, table := range m.All() {
		tables = append(tables, table.Name)
	}
	return []variable{
		{Name: "datasource", Label: "Prometheus", Type: "datasource", Query: "prometheus"},
		{Name: "instance", Label: "Server", Type: "query", Query: "label_values(" + metric.BuildInfo + ", instance)", Multi: true, IncludeAll: true, AllValue: ".*", Datasource: prometheusSource()},
		{Name: "table", Label: "Table", Type: "custom", Query: strings.Join(tables, ","), Multi: true, IncludeAll: true, AllValue: ".*"},
	}
}

func prometheusSource() *datasource { return &datasource{"prometheus", "${datasource}"} }

const (
	chartsInRow = 3
	chartWidth  = 24 / chartsInRow
	chartHeight = 8
)

// add adds a section at a height, and returns the height below it.
func (d *dashboard) add(s section, y int) int {
	next := func(p panel) {
		p.ID = len(d.Panels) + 1
		d.Panels = append(d.Panels, p)
	}
	next(panel{Type: "row", Title: s.title, GridPos: grid{1, 24, 0, y}})
	y++
	for i, c := range s.charts {
		config := &fieldConfig{}
		config.Defaults.Unit = c.unit
		for n := range c.targets {
			c.targets[n].RefID = string(rune('A' + n))
		}
		next(panel{
			Type: c.kind, Title: c.title, Datasource: prometheusSource(), Targets: c.targets, FieldConfig: config,
			GridPos: grid{chartHeight, chartWidth, i % chartsInRow * chartWidth, y + i/chartsInRow*chartHeight},
		})
	}
	return y + (len(s.charts)+chartsInRow-1)/chartsInRow*chartHeight
}

// expr returns an expression. In its format, $i stands for the chosen servers and $t for the chosen tables.
func expr(text string) string {
	return strings.NewReplacer("$i", `instance=~"$instance"`, "$t", `table=~"$table"`).Replace(text)
}

func line(title, unit string, lines ...string) chart {
	c := chart{kind: "timeseries", title: title, unit: unit}
	for i := 0; i < len(lines); i += 2 {
		c.targets = append(c.targets, target{Legend: lines[i], Expr: expr(lines[i+1])})
	}
	return c
}

func sections(m *model.Model) []section {
	return []section{
		{"Objectives", objectiveCharts(m)},
		{"Requests", []chart{
			line("Requests by route", "reqps", "{{http_request_method}} {{http_route}}", `topk(10, sum by (http_request_method, http_route) (rate(http_server_requests_total{$i}[$__rate_interval])))`),
			line("Failed requests by route", "percentunit", "{{http_request_method}} {{http_route}}", `sum by (http_request_method, http_route) (rate(http_server_requests_total{$i,http_response_status_code="5xx"}[$__rate_interval])) / (sum by (http_request_method, http_route) (rate(http_server_requests_total{$i}[$__rate_interval])) > 0)`),
			line("Time of a request", "s",
				"p50", `histogram_quantile(0.5, sum by (le) (rate(http_server_request_duration_seconds_bucket{$i}[$__rate_interval])))`,
				"p99", `histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket{$i}[$__rate_interval])))`),
			line("Slowest percent by route", "s", "{{http_request_method}} {{http_route}}", `topk(10, histogram_quantile(0.99, sum by (http_request_method, http_route, le) (rate(http_server_request_duration_seconds_bucket{$i}[$__rate_interval]))))`),
			line("Answers by class", "reqps", "{{http_response_status_code}} {{error_type}}", `sum by (http_response_status_code, error_type) (rate(http_server_requests_total{$i}[$__rate_interval]))`),
		}},
		{"Tables", []chart{
			line("Requests by table", "reqps", "{{table}} {{operation}}", `sum by (table, operation) (rate(ashlar_table_operation_duration_seconds_count{$i,$t}[$__rate_interval])) > 0`),
			line("Mean time by table", "s", "{{table}} {{operation}}", `sum by (table, operation) (rate(ashlar_table_operation_duration_seconds_sum{$i,$t}[$__rate_interval])) / (sum by (table, operation) (rate(ashlar_table_operation_duration_seconds_count{$i,$t}[$__rate_interval])) > 0)`),
			line("Refused and failed by table", "reqps", "{{table}} {{operation}} {{http_response_status_code}}", `sum by (table, operation, http_response_status_code) (rate(ashlar_table_operation_errors_total{$i,$t}[$__rate_interval])) > 0`),
			line("Rows by table", "rowsps", "{{table}} {{operation}}", `sum by (table, operation) (rate(ashlar_table_rows_total{$i,$t}[$__rate_interval])) > 0`),
			line("Bytes sent by table", "Bps", "{{table}} {{operation}}", `sum by (table, operation) (rate(ashlar_table_sent_bytes_total{$i,$t}[$__rate_interval])) > 0`),
			line("Time in the database by table", "percentunit", "{{db_collection_name}} {{db_operation_name}}", `topk(10, sum by (db_collection_name, db_operation_name) (rate(db_client_operation_duration_seconds_sum{$i}[$__rate_interval])))`),
		}},
		{"Database", []chart{
			line("Connections in use", "short", "{{pool}}", `ashlar_pool_connections{$i,state="used"}`),
			line("Waiting for the database", "percentunit", "pool {{pool}}", `rate(ashlar_pool_wait_seconds_total{$i}[$__rate_interval])`, "writer", `rate(ashlar_writer_wait_seconds_total{$i}[$__rate_interval])`),
			line("Writes and commits", "wps", "writes", `rate(ashlar_writer_writes_total{$i}[$__rate_interval])`, "commits", `rate(ashlar_writer_commits_total{$i}[$__rate_interval])`),
			line("Refused", "reqps", "pool {{pool}}", `rate(ashlar_pool_refused_total{$i}[$__rate_interval])`, "writer", `rate(ashlar_writer_refused_total{$i}[$__rate_interval])`, "gate {{gate}}", `rate(ashlar_gate_refusals_total{$i}[$__rate_interval])`, "limit {{limit}}", `rate(ashlar_limit_refusals_total{$i}[$__rate_interval])`),
			line("Size", "bytes", "database", `ashlar_database_bytes{$i}`, "write-ahead log", `ashlar_wal_bytes{$i}`, "free on the disk", `ashlar_database_free_bytes{$i}`),
			line("Behind", "s", "{{replica}}", `ashlar_database_replica_lag_seconds{$i}`),
		}},
		{"Process", []chart{
			line("CPU", "percentunit", "{{instance}}", `rate(process_cpu_seconds_total{$i}[$__rate_interval])`),
			line("Memory", "bytes", "{{instance}}", `process_resident_memory_bytes{$i}`),
			line("Goroutines", "short", "{{instance}}", `go_goroutines{$i}`),
			line("Mails", "short", "sent", `increase(ashlar_mails_sent_total{$i}[1h])`, "failed", `increase(ashlar_mails_failed_total{$i}[1h])`, "due", `ashlar_mails_due{$i}`),
			line("Builds and models", "short", "{{version}} {{model}}", `count by (version, model) (`+metric.BuildInfo+`{$i})`),
		}},
	}
}

// objectiveCharts returns a chart of all budgets, and two of each objective: its budget and its burn rate. Only the first one
// does without the rules.
func objectiveCharts(m *model.Model) (all []chart) {
	all = append(all, line("Budget left of 30 days, as each server counts", "percentunit", "{{slo}} {{objective}}", `min by (slo, objective) (`+metric.BudgetLeft+`{$i})`))
	for _, i := range indicators(m) {
		budget := fmt.Sprint(i.budget)
		all = append(all, chart{kind: "stat", title: i.slo + ", " + i.kind + ": budget left of 3 days", unit: "percentunit", targets: []target{
			{Expr: "1 - ashlar:slo_error:ratio_rate3d{" + i.labels() + "} / " + budget},
		}}, line(i.slo+", "+i.kind+": budget used, times too fast", "short",
			"1 h", "ashlar:slo_error:ratio_rate1h{"+i.labels()+"} / "+budget,
			"6 h", "ashlar:slo_error:ratio_rate6h{"+i.labels()+"} / "+budget))
	}
	return all
}
