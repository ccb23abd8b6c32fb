package main

import (
	"fmt"
	"strings"
)

// wageLevels are the levels of the tree of wage groups, from the root down. The parent of a group is on a higher level.
var wageLevels = [...]string{"total", "major", "minor", "broad", "detailed"}

// wages makes one wave of each level, because a group refers to its parent.
func wages(bls folder) (table, error) {
	byLevel := map[string][]row{}
	err := bls.each("oews_occupations.csv", func(rec record) error {
		level := rec.cell("o_group")
		row, err := newRow(rec.cell("occ_code"), wage(rec))
		byLevel[level] = append(byLevel[level], row)
		return err
	})
	wages := table{name: "wages"}
	for _, level := range wageLevels {
		wages.waves = append(wages.waves, byLevel[level])
		delete(byLevel, level)
	}
	for level := range byLevel {
		return wages, fmt.Errorf("oews_occupations.csv has groups of the level %q, which the model does not know", level)
	}
	return wages, err
}

func wage(rec record) members {
	fields := members{
		"title":              rec.text("occ_title"),
		"level":              rec.text("o_group"),
		"parent_id":          rec.text("parent_occ_code"),
		"employment":         rec.num("tot_emp"),
		"employment_error":   rec.decimal("emp_prse", 1),
		"wage_error":         rec.decimal("mean_prse", 1),
		"annual_only":        rec.bool("annual_only"),
		"hourly_only":        rec.bool("hourly_only"),
		"has_top_coded_wage": rec.bool("has_top_coded_wage"),
	}
	for _, measure := range []string{"mean", "pct10", "pct25", "median", "pct75", "pct90"} {
		name := strings.Replace(measure, "pct", "p", 1)
		fields["hourly_"+name] = rec.decimal("h_"+measure, 2)
		fields["annual_"+name] = rec.decimal("a_"+measure, 2)
	}
	return fields
}

func outlooks(bls folder) (table, error) {
	rows, err := bls.rows("employment_projections.csv", func(rec record) (string, members) {
		return rec.cell("nem_code"), members{
			"title":                 rec.text("title"),
			"kind":                  strings.ReplaceAll(strings.ToLower(rec.cell("occupation_type")), " ", "_"),
			"wage_id":               rec.text("occ_code"),
			"employment_2024":       rec.decimal("employment_2024_thousands", 1),
			"employment_2034":       rec.decimal("employment_2034_thousands", 1),
			"share_2024":            rec.decimal("distribution_2024_percent", 1),
			"share_2034":            rec.decimal("distribution_2034_percent", 1),
			"change":                rec.decimal("change_thousands", 1),
			"change_percent":        rec.decimal("change_percent", 1),
			"self_employed_percent": rec.decimal("self_employed_2024_percent", 1),
			"openings":              rec.decimal("openings_annual_thousands", 1),
			"annual_median":         rec.decimal("median_annual_wage_2024", 2),
			"entry_education":       rec.text("entry_education"),
			"work_experience":       rec.text("work_experience"),
			"on_the_job_training":   rec.text("on_the_job_training"),
		}
	})
	return table{"outlooks", [][]row{rows}}, err
}
