package value

import (
	"math"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
)

func TestConvert(t *testing.T) {
	field := func(typ model.Type) *model.Field { return &model.Field{Name: "x", Type: typ} }
	decimal := func(precision, scale int) *model.Field {
		return &model.Field{Name: "x", Type: model.Decimal, Precision: precision, Scale: scale}
	}
	enum := func(values ...model.EnumValue) *model.Field {
		return &model.Field{Name: "x", Type: model.Enum, Values: values}
	}
	one := int64(1)
	text, integer, float, boolean := field(model.Text), field(model.Int), field(model.Float), field(model.Bool)
	timestamp, date, uuid, json := field(model.Timestamp), field(model.Date), field(model.UUID), field(model.JSON)
	const id = "019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70"
	for _, tt := range []struct {
		name     string
		from, to *model.Field
		in, want Value
		why      string // "" for a conversion that succeeds
	}{
		{"missing", text, integer, Value{}, Value{}, ""},
		{"int to text", integer, text, OfInt(-5), OfText("-5"), ""},
		{"text to int", text, integer, OfText("007"), Value{}, "must be a whole number"},
		{"text to int, as a client may send it", text, integer, OfText("12"), OfInt(12), ""},
		{"text that is no int", text, integer, OfText("twelve"), Value{}, "must be a whole number"},
		{"int to float", integer, float, OfInt(1 << 53), OfFloat(1 << 53), ""},
		{"int that a float cannot hold", integer, float, OfInt(1<<53 + 1), Value{}, "has more digits than a float holds"},
		{"float to int", float, integer, OfFloat(3), OfInt(3), ""},
		{"float with a fraction to int", float, integer, OfFloat(3.5), Value{}, "must be a whole number, without a fraction"},
		{"float to int, too large", float, integer, OfFloat(1e300), Value{}, "must be between -9223372036854775808 and 9223372036854775807"},
		{"float to text", float, text, OfFloat(1e21), OfText("1e+21"), ""},
		{"float to decimal", float, decimal(9, 8), OfFloat(1e-7), OfDecimal(10, 8), ""},
		{"float to decimal, cut", float, decimal(9, 2), OfFloat(0.125), Value{}, "must have at most 2 digits after the point, has 3"},
		{"int to decimal", integer, decimal(5, 2), OfInt(999), OfDecimal(99900, 2), ""},
		{"int to decimal, too large", integer, decimal(5, 2), OfInt(1000), Value{}, "must have at most 3 digits before the point, has 4"},
		{"decimal to int", decimal(5, 2), integer, OfDecimal(1200, 2), OfInt(12), ""},
		{"decimal to int, cut", decimal(5, 2), integer, OfDecimal(1250, 2), Value{}, "must be a whole number, without a fraction"},
		{"decimal to float", decimal(5, 2), float, OfDecimal(10, 2), OfFloat(0.1), ""},
		{"decimal of more digits than a float", decimal(18, 2), float, OfDecimal(999999999999999999, 2), Value{}, "has more digits than a float holds"},
		{"decimal to text keeps its scale", decimal(5, 2), text, OfDecimal(1250, 2), OfText("12.50"), ""},
		{"more scale", decimal(5, 2), decimal(6, 3), OfDecimal(1250, 2), OfDecimal(12500, 3), ""},
		{"less scale", decimal(5, 2), decimal(5, 1), OfDecimal(1250, 2), OfDecimal(125, 1), ""},
		{"less scale, cut", decimal(5, 2), decimal(5, 1), OfDecimal(1255, 2), Value{}, "must have at most 1 digit after the point, has 2"},
		{"bool to text", boolean, text, OfBool(true), OfText("true"), ""},
		{"text to bool", text, boolean, OfText("false"), OfBool(false), ""},
		{"text that is no bool", text, boolean, OfText("no"), Value{}, "must be true, false, 1 or 0"},
		{"bool to int", boolean, integer, OfBool(true), OfInt(1), ""},
		{"int to bool", integer, boolean, OfInt(0), OfBool(false), ""},
		{"int that is no bool", integer, boolean, OfInt(2), Value{}, "must be true, false, 1 or 0"},
		{"date to timestamp", date, timestamp, OfDate("1970-01-02"), OfTimestamp(86_400_000_000), ""},
		{"timestamp to date", timestamp, date, OfTimestamp(86_400_000_000), OfDate("1970-01-02"), ""},
		{"timestamp to date, cut", timestamp, date, OfTimestamp(1), Value{}, "has a time of day other than midnight"},
		{"timestamp to text", timestamp, text, OfTimestamp(1), OfText("1970-01-01T00:00:00.000001Z"), ""},
		{"text to timestamp", text, timestamp, OfText("1970-01-01T02:00:00+02:00"), OfTimestamp(0), ""},
		{"text to timestamp, cut", text, timestamp, OfText("2024-03-10T02:30:00.1234567Z"), Value{}, "must have at most 6 digits of a second, has 7: write .123456"},
		{"text to timestamp, zeros behind", text, timestamp, OfText("1970-01-01T00:00:00.000001000Z"), OfTimestamp(1), ""},
		{"json to timestamp, cut", json, timestamp, OfJSON(`"2024-03-10T02:30:00.1234567Z"`), Value{}, "must have at most 6 digits of a second, has 7: write .123456"},
		{"text to float", text, float, OfText("0.10"), OfFloat(0.1), ""},
		{"text to float, in another form", text, float, OfText("-12.5e3"), OfFloat(-12500), ""},
		{"text of more digits than a float", text, float, OfText("0.1234567890123456789"), Value{}, "has more digits than a float holds"},
		{"text of an int that a float cannot hold", text, float, OfText("9007199254740993"), Value{}, "has more digits than a float holds"},
		{"text too small for a float", text, float, OfText("1e-400"), Value{}, "has more digits than a float holds"},
		{"json to float", json, float, OfJSON(`1.50`), OfFloat(1.5), ""},
		{"json of more digits than a float", json, float, OfJSON(`1.00000000000000000001`), Value{}, "has more digits than a float holds"},
		{"minus zero to float", text, float, OfText("-0.0"), OfFloat(0), ""},
		{"uuid to text", uuid, text, OfUUID(id), OfText(id), ""},
		{"text to uuid", text, uuid, OfText(id), OfUUID(id), ""},
		{"text that is no uuid", text, uuid, OfText("x"), Value{}, "must be a UUID such as " + id},
		{"text to enum", text, enum(model.EnumValue{Name: "a"}), OfText("a"), OfText("a"), ""},
		{"text that is no value", text, enum(model.EnumValue{Name: "a"}), OfText("b"), Value{}, "must be one of a"},
		{"a value that was renamed", enum(model.EnumValue{Name: "a"}), enum(model.EnumValue{Name: "b", Was: "a"}), OfText("a"), OfText("b"), ""},
		{"enum to text", enum(model.EnumValue{Name: "a"}), text, OfText("a"), OfText("a"), ""},
		{"text to json", text, json, OfText(`say "x"`), OfJSON(`"say \"x\""`), ""},
		{"json to text", json, text, OfJSON(`"say \"x\""`), OfText(`say "x"`), ""},
		{"json that is no text", json, text, OfJSON(`[1]`), Value{}, "must be a string, not an array"},
		{"decimal to json", decimal(5, 2), json, OfDecimal(1250, 2), OfJSON(`"12.50"`), ""},
		{"json to decimal", json, decimal(5, 2), OfJSON(`12.500`), OfDecimal(1250, 2), ""},
		{"json to int", json, integer, OfJSON(`7`), OfInt(7), ""},
		{"limits bind new values only", text, &model.Field{Name: "x", Type: model.Text, Max: &one}, OfText("long"), OfText("long"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !Convertible(tt.from.Type, tt.to.Type) {
				t.Errorf("Convertible(%v, %v) = false", tt.from.Type, tt.to.Type)
			}
			got, err := Convert(tt.from, tt.to, tt.in)
			why := ""
			if err != nil {
				why = err.Error()
			}
			if why != tt.why || got.Kind != tt.want.Kind || got.Scale != tt.want.Scale || !got.Equal(tt.want) {
				t.Errorf("Convert(%+v) = %+v, %q, want %+v, %q", tt.in, got, why, tt.want, tt.why)
			}
		})
	}
	for _, pair := range [][2]model.Type{{model.Bool, model.Float}, {model.UUID, model.Int}, {model.Timestamp, model.Int}, {model.Date, model.UUID}} {
		if Convertible(pair[0], pair[1]) {
			t.Errorf("Convertible(%v, %v) = true", pair[0], pair[1])
		}
	}
}

// A conversion to text or json and back returns the same value.
func FuzzConvertThereAndBack(f *testing.F) {
	f.Add(int64(0), 0.5, "x")
	f.Add(int64(math.MinInt64), math.MaxFloat64, "\x01\"é\U0001f600")
	f.Fuzz(func(t *testing.T, i int64, x float64, text string) {
		const limit = 999_999_999_999_999_999
		values := []struct {
			f *model.Field
			v Value
		}{
			{&model.Field{Type: model.Int}, OfInt(i)},
			{&model.Field{Type: model.Bool}, OfBool(i%2 == 0)},
			{&model.Field{Type: model.Decimal, Precision: 18, Scale: int(uint64(i) % 19)}, OfDecimal(i%limit, uint8(uint64(i)%19))},
		}
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			values = append(values, struct {
				f *model.Field
				v Value
			}{&model.Field{Type: model.Float}, OfFloat(x + 0)})
		}
		if micros := i % 60_000_000_000_000_000; true {
			values = append(values, struct {
				f *model.Field
				v Value
			}{&model.Field{Type: model.Timestamp}, OfTimestamp(micros)})
		}
		for _, tt := range values {
			for _, via := range []model.Type{model.Text, model.JSON} {
				there, err := Convert(tt.f, &model.Field{Type: via}, tt.v)
				if err != nil {
					t.Fatalf("%v %+v to %v: %v", tt.f.Type, tt.v, via, err)
				}
				back, err := Convert(&model.Field{Type: via}, tt.f, there)
				if err != nil || !back.Equal(tt.v) {
					t.Errorf("%v %+v by %v %+v = %+v, %v", tt.f.Type, tt.v, via, there, back, err)
				}
			}
		}
	})
}
