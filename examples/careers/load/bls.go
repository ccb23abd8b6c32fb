package main

import (
	"fmt"
	"strings"
)

// wageLevels are the levels of the tree of wage groups from its root down. A group's parent is on a level above it.
var wageLevels = [...]string{"total", "major", "minor", "broad", "detailed"}

// wages makes a wave of each level, since a group refers to its parent.
func wages(bls folder) (table, error) {
	byLevel := map[string][]row{}
	err := bls.each("oews_occupations.csv", func(l line) error {
		level := l.cell("o_group")
		r, err := newRow(l.cell("occ_code"), wage(l))
		byLevel[level] = append(byLevel[level], r)
		return err
	})
	t := table{name: "wages"}
	for _, level := range wageLevels {
		t.waves = append(t.waves, byLevel[level])
		delete(byLevel, level)
	}
	for level := range byLevel {
		return t, fmt.Errorf("oews_occupations.csv has groups of the level %q, which the model does not know", level)
	}
	return t, err
}

func wage(l line) members {
	m := members{
		"title":              l.text("occ_title"),
		"level":              l.text("o_group"),
		"parent_id":          l.text("parent_occ_code"),
		"employment":         l.num("tot_emp"),
		"employment_error":   l.decimal("emp_prse", 1),
		"wage_error":         l.decimal("mean_prse", 1),
		"annual_only":        l.bool("annual_only"),
		"hourly_only":        l.bool("hourly_only"),
		"has_top_coded_wage": l.bool("has_top_coded_wage"),
	}
	for _, measure := range []string{"mean", "pct10", "pct25", "median", "pct75", "pct90"} {
		name := strings.Replace(measure, "pct", "p", 1)
		m["hourly_"+name] = l.decimal("h_"+measure, 2)
		m["annual_"+name] = l.decimal("a_"+measure, 2)
	}
	return m
}

func outlooks(bls folder) (table, error) {
	rows, err := bls.rows("employment_projections.csv", func(l line) (string, members) {
		return l.cell("nem_code"), members{
			"title":                 l.text("title"),
			"kind":                  strings.ReplaceAll(strings.ToLower(l.cell("occupation_type")), " ", "_"),
			"wage_id":               l.text("occ_code"),
			"employment_2024":       l.decimal("employment_2024_thousands", 1),
			"employment_2034":       l.decimal("employment_2034_thousands", 1),
			"share_2024":            l.decimal("distribution_2024_percent", 1),
			"share_2034":            l.decimal("distribution_2034_percent", 1),
			"change":                l.decimal("change_thousands", 1),
			"change_percent":        l.decimal("change_percent", 1),
			"self_employed_percent": l.decimal("self_employed_2024_percent", 1),
			"openings":              l.decimal("openings_annual_thousands", 1),
			"annual_median":         l.decimal("median_annual_wage_2024", 2),
			"entry_education":       l.text("entry_education"),
			"work_experience":       l.text("work_experience"),
			"on_the_job_training":   l.text("on_the_job_training"),
		}
	})
	return table{"outlooks", [][]row{rows}}, err
}
