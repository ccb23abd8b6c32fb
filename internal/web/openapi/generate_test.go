package openapi_test

import (
	"encoding/json"
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// body makes the i-th body for an operation from its schema. The first and every third are valid. In each of the
// others, one member is changed.
func (w *walk) body(op operation, i int) any {
	spec := w.resolve(dict{"$ref": w.bodyRef(op)})
	required := strs(spec["required"])
	body := dict{}
	for _, name := range names(spec["properties"]) {
		if slices.Contains(required, name) || (i != 0 && w.rng.IntN(2) == 0) {
			body[name] = w.member(op, name, spec["properties"].(dict)[name])
		}
	}
	if i%3 == 0 {
		return body
	}
	w.spoil(body, spec, required)
	return body
}

// member makes a value. A reference points to an existing row, if there is one.
func (w *walk) member(op operation, name string, spec any) any {
	field := op.table.Field(name)
	if field != nil && field.Ref != nil && len(w.ids[field.Ref.Name]) > 0 {
		ids := w.ids[field.Ref.Name]
		id := ids[w.rng.IntN(len(ids))]
		if strs(w.resolve(spec)["type"])[0] == "integer" {
			return json.Number(id)
		}
		return id
	}
	return w.value(spec)
}

// spoil changes one thing about a body. The result may still be valid: the schema decides.
func (w *walk) spoil(body, spec dict, required []string) {
	properties := names(spec["properties"])
	switch n := w.rng.IntN(12); {
	case n == 0:
		body["no_such_member"] = true
	case n == 1 && len(required) > 0:
		delete(body, required[w.rng.IntN(len(required))])
	case n == 2:
		body["created_at"] = "2026-01-31T12:00:00Z"
	default:
		name := properties[w.rng.IntN(len(properties))]
		odd := w.odd()
		body[name] = odd[w.rng.IntN(len(odd))]
	}
}

// odd returns values that some fields refuse and others accept.
func (w *walk) odd() []any {
	return []any{
		nil, true, "", "a", "é€𝄞", strings.Repeat("x", 200), strings.Repeat("y", 3000), json.Number("0"), json.Number("-1"), json.Number("5"), json.Number("6"), json.Number("0.25"),
		json.Number("2.75"), json.Number("1e2"), json.Number("9223372036854775807"), json.Number("9223372036854775808"), json.Number("1.0"),
		"1.50", "1.505", "12345.00", "-3", "+1", "1e2", "0.12345", "2026-01-31", "2026-02-30", "2026-01-31T12:00:00+02:00", "2026-01-31 12:00:00",
		"018F0000-0000-7000-8000-00000000BEEF", "018f0000", "ann@example.com", "ann@@example.com", "ann b@example.com", "https://example.com/x", "ftp://example.com", "a-b", "A-b", "a--b",
		"new", "it's done", []any{}, []any{json.Number("1"), "x"}, dict{}, dict{"a": json.Number("1")}, dict{"a": "1"}, dict{"a": json.Number("1"), "b": []any{"x", "y", "z"}},
		[]any{dict{"label": "x", "url": "https://example.com"}}, []any{dict{"label": "x", "url": "http://example.com"}}, "AB12", "xAB12x", "a\nc", "abc", "abc ", "abc\v",
	}
}

// value makes a value of a schema.
func (w *walk) value(v any) any {
	spec := w.resolve(v)
	if all, ok := spec["anyOf"].([]any); ok {
		return w.value(all[w.rng.IntN(len(all))])
	}
	if all, ok := spec["allOf"].([]any); ok {
		return w.value(all[0])
	}
	if values, ok := spec["enum"].([]any); ok {
		return values[w.rng.IntN(len(values))]
	}
	types := strs(spec["type"])
	if len(types) == 0 { // any JSON
		odd := w.odd()[1:]
		return odd[w.rng.IntN(len(odd))]
	}
	switch types[w.rng.IntN(len(types))] {
	case "null":
		return nil
	case "boolean":
		return w.rng.IntN(2) == 0
	case "integer":
		low, high := bounds(spec, -5, 100)
		return json.Number(strconv.Itoa(int(low) + w.rng.IntN(int(high-low)+1)))
	case "number":
		low, high := bounds(spec, -5, 100)
		return json.Number(strconv.FormatFloat(low+w.rng.Float64()*(high-low), 'g', -1, 64))
	case "array":
		return w.array(spec)
	case "object":
		return w.object(spec)
	default:
		return w.text(spec)
	}
}

func (w *walk) array(spec dict) any {
	items := []any{}
	for range w.rng.IntN(3) {
		if spec["items"] != nil {
			items = append(items, w.value(spec["items"]))
		}
	}
	return items
}

func (w *walk) object(spec dict) any {
	out := dict{}
	for _, name := range names(spec["properties"]) {
		if slices.Contains(strs(spec["required"]), name) || w.rng.IntN(2) == 0 {
			out[name] = w.value(spec["properties"].(dict)[name])
		}
	}
	return out
}

func (w *walk) text(spec dict) string {
	switch spec["format"] {
	case "uuid":
		return fmt.Sprintf("018f0000-0000-7000-8000-%012x", w.rng.Uint64N(1<<48))
	case "date":
		return fmt.Sprintf("%04d-%02d-%02d", 1+w.rng.IntN(9999), 1+w.rng.IntN(12), 1+w.rng.IntN(28))
	case "date-time":
		return fmt.Sprintf("%04d-%02d-28T%02d:59:07.%dZ", 2+w.rng.IntN(9990), 1+w.rng.IntN(12), w.rng.IntN(24), w.rng.IntN(1e9))
	case "idn-email":
		return fmt.Sprintf("a%d@example.com", w.rng.IntN(1e6))
	case "uri":
		return fmt.Sprintf("https://example.com/%d?x=1", w.rng.IntN(1e6))
	}
	if pattern, ok := spec["pattern"].(string); ok {
		re, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			w.Fatal(err)
		}
		var text strings.Builder
		w.match(&text, re.Simplify())
		return text.String()
	}
	low, high := 0, 30
	if n, ok := spec["minLength"].(json.Number); ok {
		low, _ = strconv.Atoi(n.String())
		high = low + 30
	}
	if n, ok := spec["maxLength"].(json.Number); ok {
		most, _ := strconv.Atoi(n.String())
		high = min(high, most)
	}
	const letters = "abc DEF'\"\\\n-_/é€𝄞%;&"
	runes := []rune(letters)
	out := make([]rune, low+w.rng.IntN(high-low+1))
	for i := range out {
		out[i] = runes[w.rng.IntN(len(runes))]
	}
	return string(out)
}

// match writes a text for a regular expression.
func (w *walk) match(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		i := 2 * w.rng.IntN(len(re.Rune)/2)
		low, high := re.Rune[i], min(re.Rune[i+1], re.Rune[i]+50)
		b.WriteRune(max('!', low+rune(w.rng.IntN(int(high-low)+1)))) // no controls
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		least := map[syntax.Op]int{syntax.OpPlus: 1}[re.Op]
		for range least + w.rng.IntN(2) {
			w.match(b, re.Sub[0])
		}
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			w.match(b, sub)
		}
	case syntax.OpAlternate:
		w.match(b, re.Sub[w.rng.IntN(len(re.Sub))])
	}
}

func bounds(spec dict, low, high float64) (float64, float64) {
	if n, ok := spec["minimum"].(json.Number); ok {
		low, _ = n.Float64()
		high = low + 100
	}
	if n, ok := spec["maximum"].(json.Number); ok {
		high, _ = n.Float64()
		low = max(low, high-100)
	}
	return low, high
}

func names(properties any) []string {
	var out []string
	for name := range dictOf(properties) {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func strs(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = s.(string)
		}
		return out
	}
	return nil
}

func encodeJSON(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return out
}
