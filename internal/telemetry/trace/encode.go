package trace

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// An encoder makes OTLP's messages from traces. It names attributes by OpenTelemetry's semantic conventions
// 1.44. Attributes that have no such name begin with "ashlar.".
type encoder struct {
	resource *resourcepb.Resource
	version  string
	database string
}

func newEncoder(cfg ExportConfig) encoder {
	own := []attribute.KeyValue{
		attribute.String("service.name", cfg.Service), attribute.String("service.version", cfg.Version), attribute.String("service.instance.id", cfg.Instance),
	}
	// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come later and win. What cannot be read of them is left out.
	all, _ := resource.New(context.Background(), resource.WithAttributes(own...), resource.WithFromEnv())
	if all == nil {
		all = resource.NewSchemaless(own...)
	}
	e := encoder{resource: &resourcepb.Resource{}, version: cfg.Version, database: cfg.Database}
	for _, pair := range all.Attributes() {
		e.resource.Attributes = append(e.resource.Attributes, textOf(string(pair.Key), pair.Value.String()))
	}
	return e
}

func (e encoder) spans(batch []Trace) []*tracepb.ResourceSpans {
	var spans []*tracepb.Span
	for i := range batch {
		spans = e.add(spans, &batch[i])
	}
	scope := &commonpb.InstrumentationScope{Name: "ashlar", Version: e.version}
	return []*tracepb.ResourceSpans{{Resource: e.resource, ScopeSpans: []*tracepb.ScopeSpans{{Scope: scope, Spans: spans}}}}
}

// Flags of a span: it is sampled, and whether it is known if the parent is of another service, and if so.
const (
	flagSampled     = 0x001
	flagKnowsRemote = 0x100
	flagIsRemote    = 0x200
)

func (e encoder) add(spans []*tracepb.Span, t *Trace) []*tracepb.Span {
	whole := &tracepb.Span{
		TraceId: slices.Clone(t.Trace[:]), SpanId: slices.Clone(t.Span[:]), Flags: flagSampled | flagKnowsRemote,
		Name: valid(e.name(t)), Kind: tracepb.Span_SPAN_KIND_INTERNAL,
		StartTimeUnixNano: nanos(t.Start), EndTimeUnixNano: nanos(t.Start.Add(t.Duration)),
		Attributes: e.attributes(t),
	}
	if t.Parent != (telemetry.SpanID{}) {
		whole.ParentSpanId = slices.Clone(t.Parent[:])
		whole.Flags |= flagIsRemote
	}
	if t.Work == telemetry.WorkRequest {
		whole.Kind = tracepb.Span_SPAN_KIND_SERVER
	}
	if t.Failed {
		whole.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR} // without a message, which may repeat a value
	}
	spans = append(spans, whole)
	for i := range t.Spans {
		spans = append(spans, e.part(t, whole, &t.Spans[i]))
	}
	return spans
}

// part returns the span of a statement or of a wait.
func (e encoder) part(t *Trace, whole *tracepb.Span, span *Span) *tracepb.Span {
	start := t.Start.Add(span.Start)
	made := &tracepb.Span{
		TraceId: whole.TraceId, SpanId: slices.Clone(span.ID[:]), ParentSpanId: whole.SpanId, Flags: flagSampled | flagKnowsRemote,
		Name: valid(span.Name), Kind: tracepb.Span_SPAN_KIND_INTERNAL,
		StartTimeUnixNano: nanos(start), EndTimeUnixNano: nanos(start.Add(span.Duration)),
	}
	if !span.Statement {
		return made
	}
	made.Kind = tracepb.Span_SPAN_KIND_CLIENT
	operation, collection, _ := cutLast(span.Name)
	list := attributes{}
	list.text("db.system.name", e.database)
	list.text("db.operation.name", operation)
	list.text("db.collection.name", collection)
	list.text("db.query.summary", span.Name)
	list.text("db.query.text", span.SQL)
	list.number("db.response.returned_rows", int64(span.Rows))
	made.Attributes = list
	return made
}

// cutLast splits "CREATE TABLE posts" before its last word. A single word is an operation.
func cutLast(summary string) (operation, collection string, ok bool) {
	if at := strings.LastIndexByte(summary, ' '); at > 0 {
		return summary[:at], summary[at+1:], true
	}
	return summary, "", false
}

func (e encoder) name(t *Trace) string {
	if t.Route == "" && t.Work == telemetry.WorkRequest && !isKnownMethod(t.Method) {
		return "HTTP"
	}
	return t.Name()
}

func (e encoder) attributes(t *Trace) []*commonpb.KeyValue {
	var list attributes
	if t.Work == telemetry.WorkRequest {
		list.text("http.request.method", method(t.Method))
		list.text("url.path", t.Path)
		_, path, hasMethod := strings.Cut(t.Route, " ")
		if !hasMethod {
			path = t.Route
		}
		list.text("http.route", path)
		list.number("http.response.status_code", int64(t.Status))
		list.number("http.request.body.size", t.Received)
		list.number("http.response.body.size", t.Bytes)
	}
	if t.Failed {
		kind := string(t.Problem)
		if kind == "" {
			kind = strconv.Itoa(t.Status)
		}
		list.text("error.type", kind)
	}
	list.text("ashlar.request_id", t.ID)
	list.text("ashlar.caller_kind", t.CallerKind)
	list.text("ashlar.table", t.Table)
	list.text("ashlar.operation", t.Operation)
	list.text("ashlar.shape", t.Shape)
	list.text("ashlar.cache", t.Cache)
	list.text("ashlar.limit", t.Limit)
	list.text("ashlar.job", t.Job)
	list.number("ashlar.rows", int64(t.Rows))
	list.number("ashlar.statements", int64(t.Statements))
	return list
}

// isKnownMethod reports whether the conventions name a method. Any other one is a word of the client.
func isKnownMethod(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return true
	}
	return false
}

func method(text string) string {
	if isKnownMethod(text) {
		return text
	}
	return "_OTHER"
}

type attributes []*commonpb.KeyValue

// text adds a text that is not empty. OTLP refuses a message with invalid UTF-8, and a path may hold some.
func (a *attributes) text(key, text string) {
	if text != "" {
		*a = append(*a, textOf(key, valid(text)))
	}
}

func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// number adds a number that is not 0.
func (a *attributes) number(key string, n int64) {
	if n != 0 {
		*a = append(*a, &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: n}}})
	}
}

func textOf(key, text string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: text}}}
}

func nanos(at time.Time) uint64 { return uint64(max(0, at.UnixNano())) }
