package value

import (
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ashlar-dev/ashlar/internal/schema"
)

func ptr[T any](v T) *T { return &v }

func textField() *schema.Field {
	return &schema.Field{Name: "title", Type: schema.Text}
}

func enumField() *schema.Field {
	return &schema.Field{Name: "status", Type: schema.Enum, Values: []schema.EnumValue{{Name: "draft"}, {Name: "it's \"on\""}}}
}

func decimalField(precision, scale int) *schema.Field {
	return &schema.Field{Name: "wage", Type: schema.Decimal, Precision: precision, Scale: scale}
}

func fieldOf(t schema.Type) *schema.Field {
	switch t {
	case schema.Enum:
		return enumField()
	case schema.Decimal:
		return decimalField(18, 4)
	default:
		return &schema.Field{Name: "f", Type: t}
	}
}

var allTypes = []schema.Type{
	schema.Text, schema.Int, schema.Float, schema.Decimal, schema.Bool, schema.Timestamp, schema.Date, schema.UUID, schema.Enum, schema.JSON,
}

func patternField(pattern string) *schema.Field {
	f := textField()
	f.Pattern = regexp.MustCompile(pattern)
	return f
}

func schemaField(t testing.TB, text string) *schema.Field {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:s", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:s")
	if err != nil {
		t.Fatal(err)
	}
	return &schema.Field{Name: "meta", Type: schema.JSON, JSONSchema: s, JSONSchemaText: text}
}

// fakeRow is a row of one column, which holds a value as an engine would.
type fakeRow struct {
	v     Value
	bytes []byte
}

func rowOf(v Value) *fakeRow { return &fakeRow{v, []byte(v.Text)} }

func (r *fakeRow) Null(int) bool                { return r.v.IsNull() }
func (r *fakeRow) Int(int) int64                { return r.v.Int }
func (r *fakeRow) Float(int) float64            { return r.v.Float }
func (r *fakeRow) Bytes(int) []byte             { return r.bytes }
func (r *fakeRow) Decimal(int, int) int64       { return r.v.Int }
func (r *fakeRow) Fits(int, *schema.Field) bool { return true }
