package load

import (
	"encoding/json"
	"maps"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// schemaVersion is the dialect of JSON Schema that JSONSchema is written in.
const schemaVersion = "https://json-schema.org/draft/2020-12/schema"

// shape is a JSON Schema, or a part of one.
type shape map[string]any

// JSONSchema returns a JSON Schema (2020-12) of ashlar.yaml, for editors: it completes keys and says what they mean.
// Files in tables/ are as its `#/$defs/tables`. What it accepts may still have faults, in names, references and
// expressions; what it refuses, Load refuses.
func JSONSchema() []byte {
	root := group("An app of Ashlar.", mainShapes(), "ashlar", "name")
	root["$schema"], root["title"] = schemaVersion, "ashlar.yaml"
	root["$defs"] = shape{
		"name":       shape{"type": "string", "pattern": nameShape.String(), "maxLength": maxName},
		"expression": described("A CEL expression over the row, auth and now.", shape{"type": []string{"string", "boolean", "number"}}),
		"tables": shape{"type": []string{"object", "null"}, "propertyNames": ref("name"),
			"properties": shape{usersTable: ref("users")}, "additionalProperties": ref("table")},
		"table":      group("A table.", tableShapes()),
		"users":      group("Who may sign in. email and name are there without being declared.", usersShapes()),
		"view":       group("A view: a read-only table whose rows a query makes.", viewShapes(), "reads", "query"),
		"field":      fieldShape(),
		"view_field": viewFieldShape(),
		"access":     group("Who may do what. What has no rule is closed.", accessShapes()),
		"fields":     listOf(shape{"type": "array", "items": shape{"type": "string"}, "minItems": 1, "maxItems": maxIndexed, "uniqueItems": true}),
	}
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("model: the schema of the model is no JSON: " + err.Error())
	}
	return append(b, '\n')
}

func mainShapes() shape {
	return shape{
		"ashlar":  described("The version of this format.", shape{"const": 1}),
		"version": described("The version of the API, which clients that are generated from it carry.", shape{"type": []string{"string", "number"}, "pattern": versionShape.String()}),
		"name":    described("The name of the app.", shape{"type": "string", "pattern": "^[a-z][a-z0-9_-]*$", "maxLength": maxName}),
		"roles":   described("Names that an account may hold.", listOf(ref("name"))),
		"tables":  described("The tables, by name.", ref("tables")),
		"views":   described("Read-only tables whose rows a query makes, by name.", orNull(shape{"type": "object", "propertyNames": ref("name"), "additionalProperties": ref("view")})),
	}
}

func tableShapes() shape {
	return shape{
		"was":     described("The former name, so that a rename is no drop.", ref("name")),
		"doc":     described("What the table holds, for the API's documentation.", shape{"type": "string"}),
		"key":     described("The type of id; uuid where it is not given.", shape{"enum": []string{"uuid", "int", "text"}}),
		"fields":  described("The fields, by name.", orNull(shape{"type": "object", "propertyNames": ref("name"), "additionalProperties": ref("field")})),
		"indexes": described("Combinations of fields to look up and sort by.", orNull(ref("fields"))),
		"unique":  described("Combinations of fields that no two rows have alike.", orNull(ref("fields"))),
		"search":  described("Text fields for full-text search.", orNull(listOf(shape{"type": "string"}))),
		"access":  orNull(ref("access")),
		"checks":  described("Conditions on a row as it becomes.", orNull(listOf(group("A condition and what to say where it does not hold.", checkShapes(), checkKeys()...)))),
	}
}

// usersShapes is a table with the two fields that cannot be declared, only given a read rule and a doc.
func usersShapes() shape {
	s := tableShapes()
	own := group("A field that users has already.", shape{
		"read": described("For which rows the field may be read.", ref("expression")),
		"doc":  described("What the field holds, for the API's documentation.", shape{"type": "string"}),
	})
	s["fields"] = described("The fields, by name.", orNull(shape{"type": "object", "propertyNames": ref("name"),
		"properties": shape{"email": own, "name": own}, "additionalProperties": ref("field")}))
	return s
}

func viewShapes() shape {
	query := shape{"type": "string", "maxLength": maxQuery}
	each := group("One query for each engine.", shape{"sqlite": query, "postgres": query})
	each["minProperties"] = 1
	return shape{
		"doc":    described("What a row is, for the API's documentation.", shape{"type": "string"}),
		"key":    described("The type of id; uuid where it is not given.", shape{"enum": []string{"uuid", "int", "text"}}),
		"reads":  described("The tables that the query reads, all of them.", listOf(ref("name"))),
		"query":  described("A SELECT that returns id and the fields; one for both engines, or one for each.", shape{"anyOf": []shape{query, each}}),
		"fields": described("What the query returns beside id, by name.", orNull(shape{"type": "object", "propertyNames": ref("name"), "additionalProperties": ref("view_field")})),
		"access": orNull(group("Who may see which rows. Without a rule nobody may.", viewAccessShapes())),
	}
}

func viewAccessShapes() shape {
	return shape{"read": described("Which rows may be seen.", ref("expression"))}
}

// viewFieldShape is a field without the keys that mean nothing in a view.
func viewFieldShape() shape {
	s := fieldShape()
	properties, beside := s["properties"].(shape), s["dependentSchemas"].(shape)
	for _, k := range fieldKeys() {
		if k.uselessIn(&model.Table{View: &model.View{}}) != "" {
			delete(properties, k.name)
			delete(beside, k.name)
		}
	}
	return s
}

func checkShapes() shape {
	return shape{"expr": ref("expression"), "message": shape{"type": "string", "minLength": 1, "maxLength": maxMessage}}
}

func accessShapes() shape {
	update := group("One rule for the row as it was, one for the row as it becomes.",
		shape{"from": ref("expression"), "to": ref("expression")}, updateKeys()...)
	return shape{
		"read":   described("Which rows may be seen.", ref("expression")),
		"create": described("Which rows may be made.", ref("expression")),
		"update": described("Which rows may be changed: it holds before and after.", shape{"anyOf": []shape{ref("expression"), update}}),
		"delete": described("Which rows may be deleted.", ref("expression")),
		"write":  described("Stands for create, update and delete.", ref("expression")),
	}
}

// fieldShape is a field, with the keys of each type beside it only.
func fieldShape() shape {
	s := group("A field: it needs type, or ref.", fieldShapes())
	s["oneOf"] = []shape{{"required": []string{"type"}}, {"required": []string{"ref"}}}
	beside := shape{}
	for _, k := range fieldKeys() {
		if k.types != 0 {
			beside[k.name] = shape{"anyOf": k.types.shapes()}
		}
	}
	s["dependentSchemas"] = beside
	return s
}

// shapes says what a field of one of these types has.
func (s typeSet) shapes() []shape {
	var words []string
	for t := model.Text; t <= model.JSON; t++ {
		if s&only(t) != 0 {
			words = append(words, t.String())
		}
	}
	var all []shape
	if len(words) > 0 {
		all = append(all, shape{"properties": shape{"type": shape{"enum": words}}, "required": []string{"type"}})
	}
	if s&reference != 0 {
		all = append(all, shape{"required": []string{"ref"}})
	}
	return all
}

func fieldShapes() shape {
	flag := shape{"type": "boolean"}
	value := group("A value and its former name.", shape{"name": shape{"type": "string"}, "was": shape{"type": "string"}}, "name")
	return shape{
		"type":      described("What the field holds.", shape{"enum": typeWords()}),
		"ref":       described("The table that the field refers to; its column is the name with _id.", ref("name")),
		"reverse":   described("The name of the way back, on the other table.", ref("name")),
		"on_delete": described("What happens to this row when the other is deleted; restrict where it is not given.", shape{"enum": onDeleteWords()}),
		"link":      described("The reference may lead to a row that its writer may not read; then it tells whether an id exists.", flag),
		"doc":       described("What the field holds, for the API's documentation.", shape{"type": "string"}),
		"was":       described("The former name, so that a rename is no drop.", ref("name")),
		"optional":  described("The field may be missing.", flag),
		"unique":    described("No two rows have the same value.", flag),
		"index":     described("The field is looked up or sorted by.", flag),
		"immutable": described("The field is set at create only.", flag),
		"secret":    described("The field can be written, never read.", flag),
		"read":      described("For which rows the field may be read.", ref("expression")),
		"write":     described("For which rows the field may be written; it holds before and after.", ref("expression")),
		"precision": described("All digits of a decimal.", shape{"type": "integer", "minimum": 1, "maximum": 18}),
		"scale":     described("The digits after the point.", shape{"type": "integer", "minimum": 0, "maximum": 18}),
		"values": described("The values of an enum.",
			shape{"type": "array", "minItems": 1, "maxItems": maxValues, "items": shape{"anyOf": []shape{{"type": "string"}, value}}}),
		"as":      described("How JSON has an int: string keeps the digits beyond 2^53, which JavaScript loses.", shape{"enum": asWords()}),
		"min":     described("The least number, or the least length of text in characters.", shape{"type": "number"}),
		"max":     described("The greatest number, or the greatest length of text in characters.", shape{"type": "number"}),
		"pattern": described("An RE2 expression that text matches.", shape{"type": "string", "maxLength": maxPattern}),
		"format":  described("What text is.", shape{"enum": formatWords()}),
		"schema":  described("A JSON Schema that json follows.", shape{"type": []string{"object", "boolean"}}),
		"default": described("The value where none is given: a CEL expression; true, 5, 1.5 or a value of an enum is that constant.",
			shape{"type": []string{"string", "number", "boolean"}}),
	}
}

func group(doc string, properties shape, required ...string) shape {
	s := shape{"description": doc, "type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// described says what a shape is for, which editors show.
func described(doc string, s shape) shape {
	s = maps.Clone(s)
	s["description"] = doc
	return s
}

func ref(name string) shape    { return shape{"$ref": "#/$defs/" + name} }
func listOf(items shape) shape { return shape{"type": "array", "items": items} }
func orNull(s shape) shape     { return shape{"anyOf": []shape{s, {"type": "null"}}} }
