package metric

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

func TestPointsAreWhatChartsNeed(t *testing.T) {
	m := New(testConfig())
	m.Take(request("GET /api/{table}", "posts", "list", func(r *telemetry.Record) { r.Duration = 400 * time.Millisecond }))
	m.Take(request("GET /api/{table}", "posts", "get", func(r *telemetry.Record) { r.Status = 503 }))
	m.Take(request("", "", "", func(r *telemetry.Record) { r.Status = 404 }))
	got := map[string]float64{}
	for _, p := range m.Points() {
		if _, twice := got[p.Series]; twice {
			t.Errorf("%s comes twice", p.Series)
		}
		got[p.Series] = p.Value
	}
	for series, want := range map[string]float64{
		`http_server_request_duration_seconds_count{http_request_method="GET",http_route="/api/{table}"}`:                 2,
		`http_server_requests_total{http_request_method="GET",http_route="/api/{table}",http_response_status_code="5xx"}`: 1,
		`http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/api/{table}",le="0.3"}`:       1,
		`http_server_request_duration_seconds_bucket{le="0.5"}`:                                                           3,
		`http_server_request_duration_seconds_bucket{le="+Inf"}`:                                                          3,
		`http_server_requests_total{http_response_status_code="4xx"}`:                                                     1,
		`http_server_request_duration_seconds_sum`:                                                                        0.414,
		`ashlar_table_operation_duration_seconds_count{table="posts"}`:                                                    2,
		`ashlar_table_operation_errors_total{table="posts",http_response_status_code="5xx"}`:                              1,
		`ashlar_pool_connections{pool="read",state="used"}`:                                                               1,
		`ashlar_mails_sent_total`: 3,
	} {
		if value, ok := got[series]; !ok || value != want {
			t.Errorf("%s is %v, want %v", series, value, want)
		}
	}
	for _, series := range []string{"process_resident_memory_bytes", "process_cpu_seconds_total", "go_goroutines"} {
		if value, ok := got[series]; !ok || value < 0 { // a quick test has used no CPU that the system would count
			t.Errorf("%s is %v", series, got[series])
		}
	}
	if len(got) > 80 {
		t.Errorf("%d points", len(got))
	}
}

func TestSeriesNameEscapes(t *testing.T) {
	got := seriesName("m", "a", "x\\y\"z\n", "b", "<b>")
	if diff := cmp.Diff(`m{a="x\\y\"z\n",b="<b>"}`, got); diff != "" {
		t.Error(diff)
	}
}
