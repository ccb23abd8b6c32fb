package main

import (
	"fmt"
	"path/filepath"
)

// A dataset is all data to load, with the expected counts afterwards.
type dataset struct {
	tables []table // a table comes after the tables it refers to
	counts []count
}

// A count is an expected total of the API.
type count struct {
	what   string // name in the report
	table  string
	filter string // "" counts the whole table
	want   int
	times  int // things per row, such as two ratings in a row of occupation_skills
}

// read reads the data from the folders onet/csv and bls/csv of dir.
func read(dir string) (dataset, error) {
	onet := folder(filepath.Join(dir, "onet", "csv"))
	bls := folder(filepath.Join(dir, "bls", "csv"))
	var data dataset
	for _, step := range []func() (table, error){
		func() (table, error) { return jobZones(onet) },
		func() (table, error) { return wages(bls) },
		func() (table, error) { return outlooks(bls) },
		func() (table, error) { return occupations(onet, bls) },
		func() (table, error) { return skills(onet) },
		func() (table, error) { return occupationSkills(onet) },
		func() (table, error) { return relatedOccupations(onet) },
	} {
		table, err := step()
		if err != nil {
			return data, err
		}
		if table.size() == 0 {
			return data, fmt.Errorf("no rows for %s in %s", table.name, dir)
		}
		data.tables = append(data.tables, table)
	}
	data.counts = counts(data.tables)
	return data, nil
}

// filterOf returns a filter for the rows of the data. Some tables have rows of the guide's own too.
func filterOf(table string) string {
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
	for _, table := range tables {
		rows := count{what: table.name, table: table.name, filter: filterOf(table.name), want: table.size(), times: 1}
		all = append(all, rows)
		if table.name == "occupation_skills" {
			ratings := rows
			ratings.what, ratings.filter = "skill ratings", rows.filter+" && required_level != null"
			ratings.want, ratings.times = 2*rows.want, 2
			all = append(all, ratings)
		}
	}
	return all
}
