package openapi

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// example is a working filter on the fields of the table. It has no argument: tools that combine the examples of
// parameters would send the argument of one filter with another filter.
type example struct {
	name   string
	about  string
	filter string
}

// examplesOf returns one filter for each type of field of the table and for each kind of relation.
func (d *document) examplesOf(table *model.Table) []example {
	out := []example{{name: "all", about: "every row", filter: "true"}} // a console fills in the first
	seen := map[string]bool{}
	add := func(e example) {
		if e.filter != "" && !seen[e.name] {
			seen[e.name] = true
			out = append(out, e)
		}
	}
	for _, field := range table.Fields {
		if field.Secret || (field.System && field.Name != "created_at") {
			continue
		}
		if field.Ref != nil {
			add(example{"reference", "rows that refer to one row", field.Name + " == " + sampleID(field.Ref)})
			continue
		}
		add(comparison(field))
	}
	for _, field := range table.Fields {
		if field.Optional && !field.Secret {
			add(example{name: "missing", about: "rows without a " + readable(field.Name), filter: field.Name + " == null"})
		}
	}
	for _, rel := range table.Relations {
		if d.follows(rel) {
			add(d.throughRelation(rel))
		}
	}
	return append(out, combined(out)...)
}

// comparison returns a typical condition on a field.
func comparison(field *model.Field) example {
	name := field.Name
	switch field.Type {
	case model.Text:
		return example{"text", "a part of a text", name + ".contains('a')"}
	case model.Enum:
		if len(field.Values) > 1 {
			return example{name: "enum", about: "one of several values", filter: name + " in [" + literal(field.Values[0].Name) + ", " + literal(field.Values[1].Name) + "]"}
		}
		return example{name: "enum", about: "one value", filter: name + " == " + literal(field.Values[0].Name)}
	case model.Int:
		return example{name: "number", about: "a lower limit", filter: name + " >= " + strconv.FormatInt(bound(field.Min, field.Max, 1), 10)}
	case model.Float:
		return example{name: "float", about: "a lower limit", filter: name + " >= " + floatBound(field)}
	case model.Decimal:
		return example{name: "decimal", about: "decimals compare exactly", filter: name + " >= " + decimalBound(field)}
	case model.Bool:
		return example{name: "bool", about: "rows of which it is true", filter: name + " == true"}
	case model.Timestamp:
		return example{name: "time", about: "those of the last seven days", filter: name + " > now - duration('168h')"}
	case model.Date:
		return example{name: "date", about: "from a day on", filter: name + " >= date('2026-01-31')"}
	case model.UUID:
		return example{"uuid", "one value", name + " == '" + sampleUUID + "'"}
	case model.JSON:
		return example{name: "json", about: "rows that have it", filter: name + " != null"}
	}
	return example{}
}

const sampleUUID = "018f0000-0000-7000-8000-000000000001"

// sampleID returns an id of the right form. A filter does not need the row to exist.
func sampleID(table *model.Table) string {
	switch table.Key {
	case model.UUID:
		return "'" + sampleUUID + "'"
	case model.Int:
		return "1"
	default:
		return "'some-id'"
	}
}

// throughRelation returns a filter through a relation.
func (d *document) throughRelation(rel *model.Relation) example {
	if rel.Many {
		item := "x"
		for i := 2; rel.To.Field(item) != nil || rel.To.Relation(item) != nil || rel.From.Field(item) != nil || rel.From.Relation(item) != nil; i++ {
			item = "x" + strconv.Itoa(i)
		}
		return example{name: "many", about: "rows with a recent one among their " + readable(rel.Name),
			filter: rel.Name + ".exists(" + item + ", " + item + ".created_at > now - duration('168h'))"}
	}
	for _, field := range rel.To.Fields {
		if field.Type == model.Text && !field.Secret && !field.System && field.Ref == nil {
			return example{"related", "a field of the related row", rel.Name + "." + field.Name + " == 'a'"}
		}
	}
	return example{name: "related", about: "a field of the related row", filter: rel.Name + ".created_at > now - duration('168h')"}
}

// combined returns a filter from the first two.
func combined(all []example) []example {
	var plain []string
	for _, e := range all[1:] {
		plain = append(plain, e.filter)
	}
	if len(plain) < 2 {
		return nil
	}
	return []example{{name: "combined", about: "both conditions", filter: plain[0] + " && " + plain[1]}}
}

// literal returns text as a CEL literal.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text) + "'"
}

func bound(least, most *int64, otherwise int64) int64 {
	switch {
	case least != nil:
		return *least
	case most != nil:
		return *most
	}
	return otherwise
}

func floatBound(field *model.Field) string {
	n := 0.5
	switch {
	case field.MinFloat != nil:
		n = *field.MinFloat
	case field.MaxFloat != nil:
		n = *field.MaxFloat
	}
	return string(value.AppendValue(nil, value.OfFloat(n)))
}

func decimalBound(field *model.Field) string {
	one := int64(1)
	for range min(field.Scale, field.Precision-1) {
		one *= 10
	}
	text := value.AppendValue(nil, value.OfDecimal(bound(field.Min, field.Max, one), uint8(field.Scale)))
	return strings.Trim(string(text), `"`)
}
