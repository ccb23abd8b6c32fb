// Package model is the vocabulary of Ashlar: the tables, fields and rules of an app.
package model

import "slices"

// MainFile is the main file of every app. Its other model files are in the folder tables.
const MainFile = "ashlar.yaml"

// Model is the declaration of an app. A model without faults never changes after it was made.
type Model struct {
	Name    string
	Version string   // version of the app's API, or ""
	Roles   []string // possible roles of an account
	Tables  []*Table // in the order of the files; users comes first if the app does not declare it
	Views   []*Table // read-only tables, made by queries; the database has no table for them

	Accounts *Accounts // nil without the key accounts
	Operate  *Operate  // never nil in a loaded model
	Backups  *Backups  // nil without the key backups
	Limits   *Limits   // never nil in a loaded model

	Queues   []*Queue // in the order of the file, with default first; none in a model without jobs and webhooks
	Jobs     []*Job
	Webhooks []*Webhook

	// Lines are the lines of the model's files by file name. Faults show them. A model without files has none.
	Lines map[string][]string

	byName map[string]*Table
}

// FromTables returns a model of finished tables. The tables may be copies of another model's: FromTables makes Table and
// Field find the copies.
func FromTables(name string, roles []string, tables []*Table) *Model {
	app := &Model{Name: name, Roles: roles}
	for _, table := range tables {
		table.indexFields()
		app.Add(table)
	}
	return app
}

// Add adds a table or a view. Its name must be free.
func (m *Model) Add(table *Table) {
	if m.byName == nil {
		m.byName = make(map[string]*Table)
	}
	m.byName[table.Name] = table
	if table.View != nil {
		m.Views = append(m.Views, table)
		return
	}
	m.Tables = append(m.Tables, table)
}

// Table returns the table or view of that name, or nil.
func (m *Model) Table(name string) *Table { return m.byName[name] }

// All returns the tables and then the views: everything that has rows to read.
func (m *Model) All() []*Table { return slices.Concat(m.Tables, m.Views) }
