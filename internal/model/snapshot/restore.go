package snapshot

import (
	"fmt"
	"regexp"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// restore makes a model of its stored form. References need all tables, and combinations of fields need all fields, so the
// tables come first.
func restore(s *storedModel) (*model.Model, error) {
	m := &model.Model{Name: s.Name, Roles: s.Roles}
	for _, stored := range s.Tables {
		key := model.ParseType(stored.Key)
		if key == model.Invalid {
			return nil, damaged("table %s: there is no type %q", stored.Name, stored.Key)
		}
		m.Add(&model.Table{Name: stored.Name, Was: stored.Was, Doc: stored.Doc, Key: key})
	}
	for i, stored := range s.Tables {
		if err := restoreTable(m, m.Tables[i], stored); err != nil {
			return nil, err
		}
	}
	for i, stored := range s.Tables {
		restoreRelations(m.Tables[i], stored)
	}
	return m, nil
}

func restoreTable(m *model.Model, t *model.Table, s storedTable) error {
	for _, stored := range s.Fields {
		f, err := restoreField(m, stored)
		if err != nil {
			return damaged("field %s.%s: %v", t.Name, stored.Name, err)
		}
		t.AddField(f)
	}
	if len(t.Fields) == 0 || t.Fields[0].Name != "id" {
		return damaged("table %s does not begin with its id", t.Name)
	}
	a := s.Access
	t.Access = model.Access{
		Read: exprOf(a.Read), Create: exprOf(a.Create), Delete: exprOf(a.Delete),
		UpdateFrom: exprOf(a.UpdateFrom), UpdateTo: exprOf(a.UpdateTo),
	}
	for _, c := range s.Checks {
		t.Checks = append(t.Checks, model.Check{Expr: &model.Expr{Text: c.Expr}, Message: c.Message})
	}
	var err error
	if t.Unique, err = combinations(t, s.Unique); err != nil {
		return err
	}
	if t.Indexes, err = combinations(t, s.Indexes); err != nil {
		return err
	}
	t.Search, err = fieldsOf(t, s.Search)
	return err
}

func restoreField(m *model.Model, s storedField) (*model.Field, error) {
	f := &model.Field{
		Name: s.Name, Was: s.Was, Doc: s.Doc, Type: model.ParseType(s.Type), System: s.System,
		Optional: s.Optional, Unique: s.Unique, Caseless: s.Caseless, Index: s.Index, Immutable: s.Immutable, Secret: s.Secret,
		Default: exprOf(s.Default), Read: exprOf(s.Read), Write: exprOf(s.Write),
		Min: s.Min, Max: s.Max, MinFloat: s.MinFloat, MaxFloat: s.MaxFloat, Format: s.Format,
		Precision: s.Precision, Scale: s.Scale,
	}
	if f.Type == model.Invalid {
		return nil, fmt.Errorf("there is no type %q", s.Type)
	}
	if f.Default != nil {
		f.Default.Constant = s.ConstantDefault
	}
	for _, v := range s.Values {
		f.Values = append(f.Values, model.EnumValue(v))
	}
	if s.Pattern != "" {
		var err error
		if f.Pattern, err = regexp.Compile(s.Pattern); err != nil {
			return nil, err
		}
	}
	if s.Schema != nil {
		f.JSONSchemaText = string(*s.Schema)
	}
	return f, restoreReference(m, f, s)
}

func restoreReference(m *model.Model, f *model.Field, s storedField) error {
	if s.Ref == "" {
		return nil
	}
	if f.Ref = m.Table(s.Ref); f.Ref == nil {
		return fmt.Errorf("there is no table %q", s.Ref)
	}
	for _, d := range []model.OnDelete{model.Restrict, model.Cascade, model.Clear} {
		if d.String() == s.OnDelete {
			f.OnDelete = d
		}
	}
	return nil
}

// restoreRelations adds the relations that lead back along the references of a table. They decide about indexes.
func restoreRelations(t *model.Table, s storedTable) {
	for _, stored := range s.Fields {
		if f := t.Field(stored.Name); stored.Reverse != "" && f.Ref != nil {
			f.Ref.AddRelation(&model.Relation{Name: stored.Reverse, From: f.Ref, To: t, Field: f, Many: true})
		}
	}
}

func exprOf(text string) *model.Expr {
	if text == "" {
		return nil
	}
	return &model.Expr{Text: text}
}

func combinations(t *model.Table, all [][]string) ([][]*model.Field, error) {
	var combined [][]*model.Field
	for _, columns := range all {
		if len(columns) == 0 {
			return nil, damaged("an index of %s has no columns", t.Name)
		}
		fields, err := fieldsOf(t, columns)
		if err != nil {
			return nil, err
		}
		combined = append(combined, fields)
	}
	return combined, nil
}

func fieldsOf(t *model.Table, columns []string) ([]*model.Field, error) {
	var fields []*model.Field
	for _, c := range columns {
		f := t.Field(c)
		if f == nil {
			return nil, damaged("table %s has no field %s", t.Name, c)
		}
		fields = append(fields, f)
	}
	return fields, nil
}
