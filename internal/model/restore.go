package model

import (
	"fmt"
	"regexp"
	"slices"
)

// Model returns the tables of a snapshot as a model, for what is asked of tables alone: their names, types, references
// and indexes. Its expressions have their text, but are compiled by nobody, and it has no places, no schemas of
// json, and of relations the ways back alone.
func (s *Snapshot) Model() (*Model, error) {
	m := &Model{Name: s.Name, Roles: s.Roles, byName: make(map[string]*Table), source: &source{}}
	for _, ts := range s.Tables {
		key, err := typeOf(ts.Key)
		if err != nil {
			return nil, unsound("table %s: %v", ts.Name, err)
		}
		t := newTable(ts.Name, Pos{})
		t.Was, t.Doc, t.Key = ts.Was, ts.Doc, key
		m.Tables = append(m.Tables, t)
		m.byName[t.Name] = t
	}
	for i, ts := range s.Tables {
		if err := m.restore(m.Tables[i], ts); err != nil {
			return nil, err
		}
	}
	for i, ts := range s.Tables {
		m.restoreBack(m.Tables[i], ts)
	}
	return m, nil
}

func unsound(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

func typeOf(word string) (Type, error) {
	if i := slices.Index(typeNames[:], word); i > 0 {
		return Type(i), nil
	}
	return Invalid, fmt.Errorf("there is no type %q", word)
}

// restore makes the fields of a table, and what is made of them. All tables are there.
func (m *Model) restore(t *Table, s TableSnapshot) error {
	for _, fs := range s.Fields {
		f, err := m.restoreField(fs)
		if err != nil {
			return unsound("field %s.%s: %v", t.Name, fs.Name, err)
		}
		t.addField(f)
	}
	if len(t.Fields) == 0 || t.Fields[0].Name != "id" {
		return unsound("table %s does not begin with its id", t.Name)
	}
	a := s.Access
	t.Access = Access{
		Read: exprOf(a.Read), Create: exprOf(a.Create), Delete: exprOf(a.Delete),
		UpdateFrom: exprOf(a.UpdateFrom), UpdateTo: exprOf(a.UpdateTo),
	}
	for _, c := range s.Checks {
		t.Checks = append(t.Checks, Check{&Expr{Text: c.Expr}, c.Message})
	}
	for _, columns := range s.Unique {
		fields, err := t.byNames(columns)
		if err != nil {
			return err
		}
		t.Unique = append(t.Unique, fields)
	}
	for _, columns := range s.Indexes {
		fields, err := t.byNames(columns)
		if err != nil {
			return err
		}
		t.Indexes = append(t.Indexes, fields)
	}
	var err error
	t.Search, err = t.byNames(s.Search)
	return err
}

func (m *Model) restoreField(s FieldSnapshot) (*Field, error) {
	typ, err := typeOf(s.Type)
	if err != nil {
		return nil, err
	}
	f := &Field{
		Name: s.Name, Was: s.Was, Doc: s.Doc, Type: typ, System: s.System,
		Optional: s.Optional, Unique: s.Unique, Caseless: s.Caseless, Index: s.Index, Immutable: s.Immutable, Secret: s.Secret,
		Default: exprOf(s.Default), Read: exprOf(s.Read), Write: exprOf(s.Write),
		Min: s.Min, Max: s.Max, MinFloat: s.MinFloat, MaxFloat: s.MaxFloat, Format: s.Format,
		Precision: s.Precision, Scale: s.Scale,
	}
	if f.Default != nil {
		f.Default.Constant = s.Bare
	}
	for _, v := range s.Values {
		f.Values = append(f.Values, EnumValue(v))
	}
	if s.Pattern != "" {
		if f.Pattern, err = regexp.Compile(s.Pattern); err != nil {
			return nil, err
		}
	}
	if s.Schema != nil {
		f.JSONSchemaText = string(*s.Schema)
	}
	if s.Ref == "" {
		return f, nil
	}
	if f.Ref = m.byName[s.Ref]; f.Ref == nil {
		return nil, fmt.Errorf("there is no table %q", s.Ref)
	}
	for _, d := range []OnDelete{Restrict, Cascade, Clear} {
		if d.String() == s.OnDelete {
			f.OnDelete = d
		}
	}
	return f, nil
}

// restoreBack makes the ways back along the references of a table, which have an index.
func (m *Model) restoreBack(t *Table, s TableSnapshot) {
	for _, fs := range s.Fields {
		if f := t.fields[fs.Name]; fs.Reverse != "" && f.Ref != nil {
			r := &Relation{Name: fs.Reverse, From: f.Ref, To: t, Field: f, Many: true}
			f.Ref.Relations = append(f.Ref.Relations, r)
			f.Ref.relations[r.Name] = r
		}
	}
}

func exprOf(text string) *Expr {
	if text == "" {
		return nil
	}
	return &Expr{Text: text}
}

// byNames returns the fields of these names.
func (t *Table) byNames(columns []string) ([]*Field, error) {
	var fields []*Field
	for _, c := range columns {
		f := t.fields[c]
		if f == nil {
			return nil, unsound("table %s has no field %s", t.Name, c)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// FromTables returns a model of tables whose fields were made elsewhere, for what is asked of tables alone.
func FromTables(name string, roles []string, tables []*Table) *Model {
	m := &Model{Name: name, Roles: roles, Tables: tables, byName: make(map[string]*Table), source: &source{}}
	for _, t := range tables {
		m.byName[t.Name] = t
		t.fields = make(map[string]*Field)
		for _, f := range t.Fields {
			t.fields[f.Name] = f
		}
	}
	return m
}
