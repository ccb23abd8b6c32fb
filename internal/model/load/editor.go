package load

import (
	"encoding/json"
	"maps"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// schemaVersion is the version of JSON Schema in JSONSchema's result.
const schemaVersion = "https://json-schema.org/draft/2020-12/schema"

// schema is a JSON Schema or a part of one.
type schema map[string]any

// JSONSchema returns a JSON Schema of the main file. Editors complete keys with it and explain them. Files in tables/
// follow its `#/$defs/tables`. Dir refuses everything refused by the schema; it also checks names, references and
// expressions.
func JSONSchema() []byte {
	root := group("An app of Ashlar.", appProperties(), "ashlar", "name")
	root["$schema"], root["title"] = schemaVersion, model.MainFile
	root["$defs"] = definitions()
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("load: the JSON Schema of a model is no JSON: " + err.Error())
	}
	return append(text, '\n')
}

func definitions() schema {
	columns := schema{"type": "array", "items": schema{"type": "string"}, "minItems": 1, "maxItems": maxCombined, "uniqueItems": true}
	return schema{
		"name":       schema{"type": "string", "pattern": nameShape.String(), "maxLength": maxName},
		"expression": described("A CEL expression over the row, auth and now.", schema{"type": []string{"string", "boolean", "number"}}),
		"tables": schema{"type": []string{"object", "null"}, "propertyNames": ref("name"),
			"properties": schema{usersTable: ref("users")}, "additionalProperties": ref("table")},
		"table":      group("A table.", tableProperties()),
		"users":      group("The accounts that may sign in. The fields email and name exist without being declared.", usersProperties()),
		"view":       group("A read-only table whose rows a query makes.", viewProperties(), "reads", "query"),
		"field":      fieldSchema(),
		"view_field": viewFieldSchema(),
		"access":     group("Rules about who may do what. Only the system may do what has no rule.", accessProperties()),
		"fields":     listOf(columns),
		"accounts":   group("How people and programs sign in.", accountProperties()),
		"operate":    group("How the server is watched.", operateProperties()),
		"backups":    group("When the server takes backups, where they go and how long they are kept.", backupProperties(), "to"),
		"limits":     limitsSchema(),
		"cache":      group("How long answers may be reused.", cacheProperties()),
		"setting":    settingSchema(),
		"secret":     secretSchema(),
		"duration":   schema{"type": "string", "pattern": durationShape.String()},
		"claims":     claimRolesSchema(),
	}
}

func appProperties() schema {
	return schema{
		"ashlar":  described("The version of this format.", schema{"const": 1}),
		"version": described("The version of the API. Generated clients carry it.", schema{"type": []string{"string", "number"}, "pattern": versionShape.String()}),
		"name":    described("The name of the app.", schema{"type": "string", "pattern": "^[a-z][a-z0-9_-]*$", "maxLength": maxName}),
		"roles":   described("The roles that an account may hold.", listOf(ref("name"))),
		"accounts": described("How people and programs sign in. Without it there are only tokens of `ashlar token`.",
			orNull(ref("accounts"))),
		"operate":  described("How the server is watched: objectives, alerts, logs and prices.", orNull(ref("operate"))),
		"backups":  described("Backups that the server takes by itself.", orNull(ref("backups"))),
		"limits":   described("How much a caller may ask. false turns all limits off but the time of a query.", ref("limits")),
		"queues":   described("How many jobs run, by the name of the queue. default is there without being given.", queuesSchema()),
		"jobs":     described("Work that the server does besides answering requests, by name.", jobsSchema()),
		"webhooks": described("Who is told about writes, by name.", webhooksSchema()),
		"tables":   described("The tables by name.", ref("tables")),
		"views":    described("Read-only tables by name. A query makes their rows.", byName("view")),
	}
}

func tableProperties() schema {
	check := group("A condition, and the message for a row that breaks it.", checkProperties(), checkKeys()...)
	return schema{
		"was":     described("The former name. It makes a change a rename, not a drop.", ref("name")),
		"doc":     described("The meaning of the table, for the API's documentation.", schema{"type": "string"}),
		"key":     described("The type of id. Default: uuid.", schema{"enum": []string{"uuid", "int", "text"}}),
		"fields":  described("The fields by name.", byName("field")),
		"indexes": described("Combinations of fields to search and sort by.", orNull(ref("fields"))),
		"unique":  described("Combinations of fields that differ in every two rows.", orNull(ref("fields"))),
		"search":  described("Text fields for full-text search.", orNull(listOf(schema{"type": "string"}))),
		"access":  orNull(ref("access")),
		"checks":  described("Conditions on every new row.", orNull(listOf(check))),
		"cache":   orNull(ref("cache")),
		"watch":   described("Clients may watch the rows change.", schema{"type": "boolean"}),
	}
}

// usersProperties are the properties of the table users: its fields email and name take only a read rule and a doc.
func usersProperties() schema {
	builtIn := group("A field that users has without declaring it.", schema{
		"read": described("The rows whose field may be read.", ref("expression")),
		"doc":  described("The meaning of the field, for the API's documentation.", schema{"type": "string"}),
	})
	fields := schema{"type": "object", "propertyNames": ref("name"),
		"properties": schema{"email": builtIn, "name": builtIn}, "additionalProperties": ref("field")}
	properties := tableProperties()
	properties["fields"] = described("The fields by name.", orNull(fields))
	return properties
}

func viewProperties() schema {
	query := schema{"type": "string", "maxLength": maxQuery}
	each := group("One query for each engine.", schema{"sqlite": query, "postgres": query})
	each["minProperties"] = 1
	return schema{
		"doc":    described("The meaning of a row, for the API's documentation.", schema{"type": "string"}),
		"key":    described("The type of id. Default: uuid.", schema{"enum": []string{"uuid", "int", "text"}}),
		"reads":  described("All tables that the query reads.", listOf(ref("name"))),
		"query":  described("A SELECT that returns id and the fields: one for both engines, or one for each.", schema{"anyOf": []schema{query, each}}),
		"fields": described("The columns that the query returns besides id, by name.", byName("view_field")),
		"access": orNull(group("Rules about who may read which rows. Without a rule, only the system may.", viewAccessProperties())),
		"cache":  orNull(ref("cache")),
	}
}

func viewAccessProperties() schema {
	return schema{"read": described("The rows that may be read.", ref("expression"))}
}

func checkProperties() schema {
	return schema{"expr": ref("expression"), "message": schema{"type": "string", "minLength": 1, "maxLength": maxMessage}}
}

func accessProperties() schema {
	update := group("One rule for the old row and one for the new row.",
		schema{"from": ref("expression"), "to": ref("expression")}, updateKeys()...)
	return schema{
		"read":   described("The rows that may be read.", ref("expression")),
		"create": described("The rows that may be created.", ref("expression")),
		"update": described("The rows that may be changed: both the old row and the new row must satisfy the rule.", schema{"anyOf": []schema{ref("expression"), update}}),
		"delete": described("The rows that may be deleted.", ref("expression")),
		"write":  described("One rule for create, update and delete.", ref("expression")),
	}
}

// fieldSchema describes a field. It allows each key only with its types.
func fieldSchema() schema {
	field := group("A field. It needs type or ref.", fieldProperties())
	field["oneOf"] = []schema{{"required": []string{"type"}}, {"required": []string{"ref"}}}
	needed := schema{}
	for _, key := range fieldKeys() {
		if key.types != 0 {
			needed[key.name] = schema{"anyOf": key.types.schemas()}
		}
	}
	field["dependentSchemas"] = needed
	return field
}

// viewFieldSchema describes a field without the keys forbidden in a view.
func viewFieldSchema() schema {
	field := fieldSchema()
	properties, needed := field["properties"].(schema), field["dependentSchemas"].(schema)
	for _, key := range fieldKeys() {
		if key.uselessInView() != "" {
			delete(properties, key.name)
			delete(needed, key.name)
		}
	}
	return field
}

// schemas describes the fields of a set of types.
func (s typeSet) schemas() []schema {
	var all []schema
	if words := s.words(); len(words) > 0 {
		all = append(all, schema{"properties": schema{"type": schema{"enum": words}}, "required": []string{"type"}})
	}
	if s&reference != 0 {
		all = append(all, schema{"required": []string{"ref"}})
	}
	return all
}

func fieldProperties() schema {
	flag := schema{"type": "boolean"}
	value := group("A value with a former name.", schema{"name": schema{"type": "string"}, "was": schema{"type": "string"}}, "name")
	values := schema{"type": "array", "minItems": 1, "maxItems": maxValues, "items": schema{"anyOf": []schema{{"type": "string"}, value}}}
	return schema{
		"type":      described("The type of the values.", schema{"enum": typeWords()}),
		"ref":       described("The table that the field refers to. Its column has the field's name with _id.", ref("name")),
		"reverse":   described("The name of the relation that leads back from the other table.", ref("name")),
		"on_delete": described("The effect on this row when the other row is deleted. Default: restrict.", schema{"enum": onDeleteWords()}),
		"link":      described("Writers may set the reference to rows that they may not read. They can then find out whether an id exists.", flag),
		"doc":       described("The meaning of the field, for the API's documentation.", schema{"type": "string"}),
		"was":       described("The former name. It makes a change a rename, not a drop.", ref("name")),
		"optional":  described("The value may be missing.", flag),
		"unique":    described("Every two rows have different values.", flag),
		"index":     described("Clients search or sort by the field.", flag),
		"immutable": described("Only a create sets the value.", flag),
		"secret":    described("Clients write the value and never read it.", flag),
		"read":      described("The rows whose field may be read.", ref("expression")),
		"write":     described("The rows whose field may be written: both the old row and the new row must satisfy the rule.", ref("expression")),
		"precision": described("The number of all digits of a decimal.", schema{"type": "integer", "minimum": 1, "maximum": maxPrecision}),
		"scale":     described("The number of digits after the point.", schema{"type": "integer", "minimum": 0, "maximum": maxPrecision}),
		"values":    described("The values of an enum.", values),
		"as":        described("The form of an int in JSON. string keeps the digits beyond 2^53, which JavaScript loses.", schema{"enum": asWords()}),
		"min":       described("The least number, or the least number of characters of a text.", schema{"type": "number"}),
		"max":       described("The greatest number, or the greatest number of characters of a text.", schema{"type": "number"}),
		"pattern":   described("An RE2 expression that every text must match.", schema{"type": "string", "maxLength": maxPattern}),
		"format":    described("The kind of text.", schema{"enum": formatWords()}),
		"schema":    described("A JSON Schema that every value must match.", schema{"type": []string{"object", "boolean"}}),
		"default": described("The value of a field that a create does not set: a CEL expression, or a constant such as true, 5, 1.5 or a value of an enum.",
			schema{"type": []string{"string", "number", "boolean"}}),
	}
}

func group(doc string, properties schema, required ...string) schema {
	object := schema{"description": doc, "type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		object["required"] = required
	}
	return object
}

// described adds an explanation for editors.
func described(doc string, part schema) schema {
	part = maps.Clone(part)
	part["description"] = doc
	return part
}

// byName describes a group with names for keys and a definition for values.
func byName(definition string) schema {
	return orNull(schema{"type": "object", "propertyNames": ref("name"), "additionalProperties": ref(definition)})
}

func ref(name string) schema     { return schema{"$ref": "#/$defs/" + name} }
func listOf(items schema) schema { return schema{"type": "array", "items": items} }
func orNull(s schema) schema     { return schema{"anyOf": []schema{s, {"type": "null"}}} }
