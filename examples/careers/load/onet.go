package main

import (
	"fmt"
	"strings"
)

func jobZones(onet folder) (table, error) {
	rows, err := onet.rows("job_zone_reference.csv", func(rec record) (string, members) {
		id := rec.cell("job_zone")
		return id, members{
			"id":         rec.num("job_zone"),
			"name":       rec.text("name"),
			"experience": rec.text("experience"),
			"education":  rec.text("education"),
			"training":   rec.text("job_training"),
			"examples":   rec.text("examples"),
			"svp_range":  rec.text("svp_range"),
		}
	})
	return table{"job_zones", [][]row{rows}}, err
}

// occupations joins O*NET's occupations with their job zones and with their wage groups.
func occupations(onet, bls folder) (table, error) {
	zones := map[string]any{}
	err := onet.each("job_zones.csv", func(rec record) error {
		zones[rec.cell("onetsoc_code")] = rec.num("job_zone")
		return nil
	})
	if err != nil {
		return table{}, err
	}
	type link struct{ wage, match any }
	links := map[string]link{}
	err = bls.each("onet_oews_link.csv", func(rec record) error {
		links[rec.cell("onetsoc_code")] = link{rec.text("occ_code"), rec.text("match_level")}
		return nil
	})
	if err != nil {
		return table{}, err
	}
	rows, err := onet.rows("occupation_data.csv", func(rec record) (string, members) {
		id := rec.cell("onetsoc_code")
		return id, members{
			"title":       rec.text("title"),
			"description": rec.text("description"),
			"source":      "onet",
			"job_zone_id": zones[id],
			"wage_id":     links[id].wage,
			"wage_match":  links[id].match,
		}
	})
	return table{"occupations", [][]row{rows}}, err
}

// skills returns the elements of the content model with ratings in skills.csv.
func skills(onet folder) (table, error) {
	rated := map[string]bool{}
	err := onet.each("skills.csv", func(rec record) error {
		rated[rec.cell("element_id")] = true
		return nil
	})
	if err != nil {
		return table{}, err
	}
	var rows []row
	err = onet.each("content_model_reference.csv", func(rec record) error {
		id := rec.cell("element_id")
		if !rated[id] {
			return nil
		}
		delete(rated, id)
		kind := "cross_functional"
		if strings.HasPrefix(id, "2.A.") {
			kind = "basic"
		}
		row, err := newRow(id, members{"name": rec.text("element_name"), "kind": kind, "description": rec.text("description"), "source": "onet"})
		rows = append(rows, row)
		return err
	})
	for id := range rated {
		return table{}, fmt.Errorf("skills.csv rates the element %s, which content_model_reference.csv lacks", id)
	}
	return table{"skills", [][]row{rows}}, err
}

// A rating is O*NET's rating of one skill in one occupation. It joins two records of skills.csv, one for each scale.
type rating struct {
	occupation, skill string
	members           members
}

// occupationSkills makes one row for each skill of an occupation, with its importance and its required level.
func occupationSkills(onet folder) (table, error) {
	var order []*rating
	byKey := map[[2]string]*rating{}
	err := onet.each("skills.csv", func(rec record) error {
		key := [2]string{rec.cell("onetsoc_code"), rec.cell("element_id")}
		rated := byKey[key]
		if rated == nil {
			rated = &rating{key[0], key[1], members{"occupation_id": key[0], "skill_id": key[1], "rated_on": rec.text("date_updated")}}
			byKey[key] = rated
			order = append(order, rated)
		}
		return rated.add(rec)
	})
	if err != nil {
		return table{}, err
	}
	var rows []row
	for _, rated := range order {
		if rated.members["importance"] == nil || rated.members["required_level"] == nil {
			return table{}, fmt.Errorf("skills.csv rates %s of %s on one scale alone; it needs IM and LV", rated.skill, rated.occupation)
		}
		made, err := newRow(derivedID("occupation_skills", rated.occupation, rated.skill), rated.members)
		if err != nil {
			return table{}, err
		}
		rows = append(rows, made)
	}
	return table{"occupation_skills", [][]row{rows}}, nil
}

// add adds one record of skills.csv. O*NET marks imprecise values of both scales. So far it marked only levels, so the model
// has no field for an imprecise importance.
func (r *rating) add(rec record) error {
	name := map[string]string{"IM": "importance", "LV": "required_level"}[rec.cell("scale_id")]
	switch {
	case name == "":
		return fmt.Errorf("scale_id: %q is neither IM nor LV", rec.cell("scale_id"))
	case r.members[name] != nil:
		return fmt.Errorf("%s of %s is rated twice on the scale %s", r.skill, r.occupation, rec.cell("scale_id"))
	}
	r.members[name] = rec.num("data_value")
	if name == "required_level" {
		r.members["level_uncertain"] = rec.bool("recommend_suppress")
		r.members["not_relevant"] = rec.bool("not_relevant")
	} else if rec.bool("recommend_suppress") {
		return fmt.Errorf("the importance of %s for %s is marked as imprecise, which the model has no place for", r.skill, r.occupation)
	}
	return nil
}

func relatedOccupations(onet folder) (table, error) {
	rows, err := onet.rows("related_occupations.csv", func(rec record) (string, members) {
		from, to := rec.cell("onetsoc_code"), rec.cell("related_onetsoc_code")
		return derivedID("related_occupations", from, to), members{
			"occupation_id": from,
			"related_id":    to,
			"tier":          strings.ReplaceAll(strings.ToLower(rec.cell("relatedness_tier")), "-", "_"),
			"rank":          rec.num("related_index"),
		}
	})
	return table{"related_occupations", [][]row{rows}}, err
}
