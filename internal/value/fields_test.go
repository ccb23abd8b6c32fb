package value

import (
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ashlar-dev/ashlar/internal/model"
)

func ptr[T any](v T) *T { return &v }

func textField() *model.Field {
	return &model.Field{Name: "title", Type: model.Text}
}

func enumField() *model.Field {
	return &model.Field{Name: "status", Type: model.Enum, Values: []model.EnumValue{{Name: "draft"}, {Name: "it's \"on\""}}}
}

func decimalField(precision, scale int) *model.Field {
	return &model.Field{Name: "wage", Type: model.Decimal, Precision: precision, Scale: scale}
}

func fieldOf(typ model.Type) *model.Field {
	switch typ {
	case model.Enum:
		return enumField()
	case model.Decimal:
		return decimalField(18, 4)
	default:
		return &model.Field{Name: "f", Type: typ}
	}
}

var allTypes = []model.Type{
	model.Text, model.Int, model.Float, model.Decimal, model.Bool, model.Timestamp, model.Date, model.UUID, model.Enum, model.JSON,
}

func patternField(pattern string) *model.Field {
	field := textField()
	field.Pattern = regexp.MustCompile(pattern)
	return field
}

func schemaField(t testing.TB, text string) *model.Field {
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
	return &model.Field{Name: "meta", Type: model.JSON, JSONSchema: s, JSONSchemaText: text}
}

// fakeRow is a row of one column with a value in the form of an engine.
type fakeRow struct {
	v     Value
	bytes []byte
}

func rowOf(v Value) *fakeRow { return &fakeRow{v, []byte(v.Text)} }

func (r *fakeRow) Null(int) bool               { return r.v.IsNull() }
func (r *fakeRow) Int(int) int64               { return r.v.Int }
func (r *fakeRow) Float(int) float64           { return r.v.Float }
func (r *fakeRow) Bytes(int) []byte            { return r.bytes }
func (r *fakeRow) Decimal(int, int) int64      { return r.v.Int }
func (r *fakeRow) Fits(int, *model.Field) bool { return true }
