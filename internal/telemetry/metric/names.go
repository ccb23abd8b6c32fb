package metric

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Names of metrics that rules and dashboards read.
const (
	RequestSeconds   = "http_server_request_duration_seconds"
	RequestsTotal    = "http_server_requests_total"
	OperationSeconds = "ashlar_table_operation_duration_seconds"
	OperationErrors  = "ashlar_table_operation_errors_total"
	AnswersTotal     = "ashlar_answers_total"
	OperationRows    = "ashlar_table_rows_total"
	OperationBytes   = "ashlar_table_sent_bytes_total"
	StatementSeconds = "db_client_operation_duration_seconds"
	JobSeconds       = "ashlar_job_duration_seconds"
	JobErrors        = "ashlar_job_errors_total"
	BuildInfo        = "ashlar_build_info"
	BudgetLeft       = "ashlar_objective_budget_left_ratio"
)

// Other is the value of a label for what has no value of its own.
const Other = "_other"

// A Description is the help text of a metric, with the names of its labels.
type Description struct {
	Name, Help string
	Labels     []string
}

func (d Description) desc(constant prometheus.Labels) *prometheus.Desc {
	return prometheus.NewDesc(d.Name, d.Help, d.Labels, constant)
}

// Descriptions returns the metrics of a server, without the metrics of the Go runtime and the process.
func (m *Metrics) Descriptions() []Description {
	return slices.Concat(requestDescriptions(), operationDescriptions(), statementDescriptions(), jobDescriptions(), m.parts.all)
}

func requestDescriptions() []Description {
	labels := []string{"http_request_method", "http_route"}
	return []Description{
		{RequestSeconds, "Time from the header of a request to the end of its answer.", labels},
		{RequestsTotal, "Requests that were answered, by class of the answer. Those with an error_type failed by the server's fault.",
			append(labels, "http_response_status_code", "error_type")},
	}
}

func operationDescriptions() []Description {
	labels := []string{"table", "operation"}
	return []Description{
		{OperationSeconds, "Time of a request about a table. The classic buckets are the limits of the objectives; the native ones are fine.", labels},
		{OperationErrors, "Requests about a table that were refused (4xx) or failed by the server's fault (5xx).", append(labels, "http_response_status_code")},
		{OperationRows, "Rows of answers, or rows that were changed.", labels},
		{OperationBytes, "Bytes of answers as they were sent.", labels},
		{AnswersTotal, "Lists of a table, by whether the answer was kept in memory (hit) or had to be read (miss).", []string{"table", "cache"}},
	}
}

func statementDescriptions() []Description {
	return []Description{{StatementSeconds, "Time of a statement in the database, by the table that it is mostly about. Ashlar's own tables are together.",
		[]string{"db_collection_name", "db_operation_name"}}}
}

func jobDescriptions() []Description {
	labels := []string{"job"}
	return []Description{
		{JobSeconds, "Time of background work, such as an attempt to send a mail.", labels},
		{JobErrors, "Background work that failed. Some of it is repeated.", labels},
	}
}
