package cli

import (
	"cmp"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
)

// traceFlags holds the flags about the export of traces.
type traceFlags struct {
	otlp  string
	ratio float64
	to    app.Export // what the flags and OpenTelemetry's own variables say
}

func (f *traceFlags) declare(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.otlp, "otlp", "", "`address` of an OpenTelemetry collector that gets traces, such as http://127.0.0.1:4318; also OTEL_EXPORTER_OTLP_ENDPOINT (default traces stay in memory)")
	flags.Float64Var(&f.ratio, "otlp-ratio", 1, "`share` of the traces to export, from 0 to 1; a caller's own decision holds, and slow and failed traces are always exported")
}

// check reads the address of the collector. The variables of OpenTelemetry count if the flag is not given.
func (f *traceFlags) check(cmd *cobra.Command) (err error) {
	if !(f.ratio >= 0 && f.ratio <= 1) { // also not a number
		return usage(cmd, "--otlp-ratio (%s) must be from 0 to 1, not %v", variable("otlp-ratio"), f.ratio)
	}
	f.to = app.Export{
		Ratio:   f.ratio,
		Headers: telemetry.Secret(cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS"), os.Getenv("OTEL_EXPORTER_OTLP_HEADERS"))),
	}
	if f.otlp != "" {
		if f.to.URL, err = trace.Endpoint(f.otlp); err != nil {
			return usage(cmd, "--otlp (%s): %v", variable("otlp"), err)
		}
		return nil
	}
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || strings.EqualFold(os.Getenv("OTEL_TRACES_EXPORTER"), "none") {
		return nil
	}
	for _, own := range []struct{ name, path string }{{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""}, {"OTEL_EXPORTER_OTLP_ENDPOINT", "/v1/traces"}} {
		address := os.Getenv(own.name)
		if address == "" {
			continue
		}
		if own.path != "" {
			address = strings.TrimRight(address, "/") + own.path
		}
		if f.to.URL, err = trace.Endpoint(address); err != nil {
			return usage(cmd, "%s: %v", own.name, err)
		}
		return nil
	}
	return nil
}
