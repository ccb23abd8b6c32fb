package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/google/uuid"
)

// dataset is everything to load and how to see afterwards that it is there.
type dataset struct {
	tables []table // a table comes after those that it refers to
	counts []count
}

// table is the rows of one table.
type table struct {
	name  string
	waves [][]row // the rows of a wave may refer to those of waves before it, and are created in any order
}

func (t table) size() int {
	n := 0
	for _, w := range t.waves {
		n += len(w)
	}
	return n
}

// row is one row to create.
type row struct {
	id   string // as in the path of the API
	body []byte // a JSON object that holds the id
}

// count is a number of rows that the API must tell.
type count struct {
	what   string // what is counted, for the report
	table  string
	filter string // "" counts the whole table
	want   int
	times  int // what one row counts for: a row of occupation_skills holds two ratings
}

// members are the members of a JSON object. One that is nil is missing.
type members map[string]any

func newRow(id string, m members) (row, error) {
	for name, v := range m {
		if v == nil {
			delete(m, name)
		}
	}
	if _, ok := m["id"]; !ok {
		m["id"] = id
	}
	body, err := json.Marshal(m)
	return row{id, body}, err
}

// space makes the ids of rows that the data has no key of its own for. It must never change: it is what a second
// run knows the rows of the first by.
var space = uuid.MustParse("6f1d0a52-9a0e-4c1e-8b0a-3c2f5d7e9b11")

// derivedID returns the same uuid for the same table and key each time.
func derivedID(table, a, b string) string {
	return uuid.NewSHA1(space, []byte(table+"\x00"+a+"\x00"+b)).String()
}

// read reads all that is loaded from the folders onet/csv and bls/csv of dir.
func read(dir string) (dataset, error) {
	onet := folder(filepath.Join(dir, "onet", "csv"))
	bls := folder(filepath.Join(dir, "bls", "csv"))
	var d dataset
	for _, step := range []func() (table, error){
		func() (table, error) { return jobZones(onet) },
		func() (table, error) { return wages(bls) },
		func() (table, error) { return outlooks(bls) },
		func() (table, error) { return occupations(onet, bls) },
		func() (table, error) { return skills(onet) },
		func() (table, error) { return occupationSkills(onet) },
		func() (table, error) { return relatedOccupations(onet) },
	} {
		t, err := step()
		if err != nil {
			return d, err
		}
		if t.size() == 0 {
			return d, fmt.Errorf("no rows for %s in %s", t.name, dir)
		}
		d.tables = append(d.tables, t)
	}
	d.counts = counts(d.tables)
	return d, nil
}

// filters tell the rows of the data from those of the guide's own, in the tables that hold both.
func filters(table string) string {
	switch table {
	case "occupations", "skills":
		return "source == 'onet'"
	case "occupation_skills":
		return "occupation.source == 'onet'"
	}
	return ""
}

func counts(tables []table) []count {
	var all []count
	for _, t := range tables {
		c := count{what: t.name, table: t.name, filter: filters(t.name), want: t.size(), times: 1}
		all = append(all, c)
		if t.name == "occupation_skills" {
			c.what, c.filter = "skill ratings", c.filter+" && required_level != null"
			c.want, c.times = 2*c.want, 2
			all = append(all, c)
		}
	}
	return all
}
