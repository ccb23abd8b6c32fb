package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// ErrDamaged is wrapped by Decode's errors about data not from Encode.
var ErrDamaged = errors.New("the stored model cannot be read")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

// restore makes a model of its stored form, beside another model. References need all tables, and combinations of fields
// need all fields, so the tables come first.
func restore(from *storedModel, other *model.Model) (*model.Model, error) {
	app := &model.Model{Name: from.Name, Roles: from.Roles}
	find := func(name string) *model.Table { return cmp.Or(app.Table(name), other.Table(name)) }
	for _, stored := range from.Tables {
		key := model.ParseType(stored.Key)
		if key == model.Invalid {
			return nil, damaged("table %s: there is no type %q", stored.Name, stored.Key)
		}
		app.Add(&model.Table{Name: stored.Name, Was: stored.Was, Doc: stored.Doc, Key: key})
	}
	for i, stored := range from.Tables {
		if err := restoreTable(find, app.Tables[i], stored); err != nil {
			return nil, err
		}
	}
	for i, stored := range from.Tables {
		restoreRelations(app.Tables[i], stored)
	}
	return app, nil
}

func restoreTable(find func(string) *model.Table, table *model.Table, from storedTable) error {
	for _, stored := range from.Fields {
		field, err := restoreField(find, stored)
		if err != nil {
			return damaged("field %s.%s: %v", table.Name, stored.Name, err)
		}
		table.AddField(field)
	}
	if len(table.Fields) == 0 || table.Fields[0].Name != "id" {
		return damaged("table %s does not begin with its id", table.Name)
	}
	rules := from.Access
	table.Access = model.Access{
		Read: exprOf(rules.Read), Create: exprOf(rules.Create), Delete: exprOf(rules.Delete),
		UpdateFrom: exprOf(rules.UpdateFrom), UpdateTo: exprOf(rules.UpdateTo),
	}
	for _, c := range from.Checks {
		table.Checks = append(table.Checks, model.Check{Expr: &model.Expr{Text: c.Expr}, Message: c.Message})
	}
	var err error
	if table.Unique, err = combinations(table, from.Unique); err != nil {
		return err
	}
	if table.Indexes, err = combinations(table, from.Indexes); err != nil {
		return err
	}
	table.Search, err = fieldsOf(table, from.Search)
	return err
}

func restoreField(find func(string) *model.Table, from storedField) (*model.Field, error) {
	field := &model.Field{
		Name: from.Name, Was: from.Was, Doc: from.Doc, Type: model.ParseType(from.Type), System: from.System,
		Optional: from.Optional, Unique: from.Unique, Caseless: from.Caseless, Index: from.Index, Sparse: from.Sparse, Immutable: from.Immutable, Secret: from.Secret,
		Default: exprOf(from.Default), Read: exprOf(from.Read), Write: exprOf(from.Write),
		Min: from.Min, Max: from.Max, MinFloat: from.MinFloat, MaxFloat: from.MaxFloat, Format: from.Format,
		Precision: from.Precision, Scale: from.Scale,
	}
	if field.Type == model.Invalid {
		return nil, fmt.Errorf("there is no type %q", from.Type)
	}
	if field.Default != nil {
		field.Default.Constant = from.ConstantDefault
	}
	for _, v := range from.Values {
		field.Values = append(field.Values, model.EnumValue(v))
	}
	if from.Pattern != "" {
		var err error
		if field.Pattern, err = regexp.Compile(from.Pattern); err != nil {
			return nil, err
		}
	}
	if from.Schema != nil {
		field.JSONSchemaText = string(*from.Schema)
	}
	return field, restoreReference(find, field, from)
}

func restoreReference(find func(string) *model.Table, field *model.Field, from storedField) error {
	if from.Ref == "" {
		return nil
	}
	if field.Ref = find(from.Ref); field.Ref == nil {
		return fmt.Errorf("there is no table %q", from.Ref)
	}
	field.Type = field.Ref.Key
	for _, d := range []model.OnDelete{model.Restrict, model.Cascade, model.Clear} {
		if d.String() == from.OnDelete {
			field.OnDelete = d
		}
	}
	return nil
}

// restoreRelations adds the relations back along the references of a table. They decide about indexes.
func restoreRelations(table *model.Table, s storedTable) {
	for _, stored := range s.Fields {
		if field := table.Field(stored.Name); stored.Reverse != "" && field.Ref != nil {
			field.Ref.AddRelation(&model.Relation{Name: stored.Reverse, From: field.Ref, To: table, Field: field, Many: true})
		}
	}
}

func exprOf(text string) *model.Expr {
	if text == "" {
		return nil
	}
	return &model.Expr{Text: text}
}

func combinations(table *model.Table, all [][]string) ([][]*model.Field, error) {
	var combined [][]*model.Field
	for _, columns := range all {
		if len(columns) == 0 {
			return nil, damaged("an index of %s has no columns", table.Name)
		}
		fields, err := fieldsOf(table, columns)
		if err != nil {
			return nil, err
		}
		combined = append(combined, fields)
	}
	return combined, nil
}

func fieldsOf(table *model.Table, columns []string) ([]*model.Field, error) {
	var fields []*model.Field
	for _, column := range columns {
		field := table.Field(column)
		if field == nil {
			return nil, damaged("table %s has no field %s", table.Name, column)
		}
		fields = append(fields, field)
	}
	return fields, nil
}
