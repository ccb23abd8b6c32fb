package trace

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

const collectorVersion = "v0.165.0"

// findCollector returns the path of an OpenTelemetry collector: the one in ASHLAR_TEST_OTELCOL, an installed one, or one that an
// earlier run has built. With ASHLAR_NIGHTLY it builds one, which takes two minutes. Otherwise it skips the test.
func findCollector(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath(cmp.Or(os.Getenv("ASHLAR_TEST_OTELCOL"), "otelcol")); err == nil {
		return path
	}
	base, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	folder := filepath.Join(base, "ashlar-test", "otelcol-"+collectorVersion)
	program := filepath.Join(folder, "otelcol")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	if os.Getenv("ASHLAR_NIGHTLY") == "" {
		fmt.Fprintf(os.Stderr, "\n*** NOT TESTED WITH A REAL COLLECTOR: %s\n*** set ASHLAR_TEST_OTELCOL to an otelcol with debugexporter, or ASHLAR_NIGHTLY=1 to build one\n\n", t.Name())
		t.Skip("there is no OpenTelemetry collector")
	}
	config, err := filepath.Abs(filepath.Join("testdata", "builder.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{
		{"go", "install", "go.opentelemetry.io/collector/cmd/builder@" + collectorVersion},
		{filepath.Join(folder, "builder"), "--config", config, "--ldflags", "-s -w"},
	} {
		cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
		cmd.Dir, cmd.Env = folder, append(os.Environ(), "GOBIN="+folder, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
		}
	}
	return program
}

const collectorConfig = `
receivers: {otlp: {protocols: {http: {endpoint: %s}}}}
exporters: {debug: {verbosity: detailed}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
`

func TestRealCollectorReadsTheTrace(t *testing.T) {
	program := findCollector(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	config, printed := filepath.Join(t.TempDir(), "otel.yaml"), filepath.Join(t.TempDir(), "printed")
	if err := os.WriteFile(config, fmt.Appendf(nil, collectorConfig, address), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(printed)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(program, "--config", "file:"+config)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	r := newRecord(1)
	r.Join(telemetry.TraceContext{Trace: telemetry.TraceID{0xab, 15: 1}, Span: telemetry.SpanID{0xcd, 7: 1}, Sampled: true})
	e, err := NewExporter(ExportConfig{URL: "http://" + address + "/v1/traces", Ratio: 1, Service: "careers", Database: "sqlite"})
	if err != nil {
		t.Fatal(err)
	}
	New(Config{Exporter: e}).Take(r) // the collector may still be starting: the exporter tries again
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error)
	go func() { stopped <- e.Run(ctx) }()
	defer func() {
		cancel()
		<-stopped
	}()
	wants := []string{
		"service.name: Str(careers)", "Trace ID       : ab000000000000000000000000000001", "Parent ID      : cd00000000000001", "ID             : " + r.Span.String(),
		"Name           : GET /api/{table}", "Kind           : Server", "http.response.status_code: Int(200)", "Name           : queue",
		"Name           : SELECT posts", "Kind           : Client", "db.query.summary: Str(SELECT posts)", "db.system.name: Str(sqlite)",
	}
	var text []byte
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if text, err = os.ReadFile(printed); err == nil && strings.Contains(string(text), "db.query.summary") && e.Stats().Exported == 1 {
			break
		}
	}
	for _, want := range wants {
		if !strings.Contains(string(text), want) {
			t.Errorf("the collector does not say %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%+v: %s", e.Stats(), text)
	}
}
