package main

import (
	"fmt"
	"strings"
)

func jobZones(onet folder) (table, error) {
	rows, err := onet.rows("job_zone_reference.csv", func(l line) (string, members) {
		id := l.cell("job_zone")
		return id, members{
			"id":         l.num("job_zone"),
			"name":       l.text("name"),
			"experience": l.text("experience"),
			"education":  l.text("education"),
			"training":   l.text("job_training"),
			"examples":   l.text("examples"),
			"svp_range":  l.text("svp_range"),
		}
	})
	return table{"job_zones", [][]row{rows}}, err
}

// occupations joins what O*NET says of an occupation with its job zone and with the group that its wage is known for.
func occupations(onet, bls folder) (table, error) {
	zones := map[string]any{}
	err := onet.each("job_zones.csv", func(l line) error {
		zones[l.cell("onetsoc_code")] = l.num("job_zone")
		return nil
	})
	if err != nil {
		return table{}, err
	}
	type link struct{ wage, match any }
	links := map[string]link{}
	err = bls.each("onet_oews_link.csv", func(l line) error {
		links[l.cell("onetsoc_code")] = link{l.text("occ_code"), l.text("match_level")}
		return nil
	})
	if err != nil {
		return table{}, err
	}
	rows, err := onet.rows("occupation_data.csv", func(l line) (string, members) {
		id := l.cell("onetsoc_code")
		return id, members{
			"title":       l.text("title"),
			"description": l.text("description"),
			"source":      "onet",
			"job_zone_id": zones[id],
			"wage_id":     links[id].wage,
			"wage_match":  links[id].match,
		}
	})
	return table{"occupations", [][]row{rows}}, err
}

// skills are the elements of the content model that occupations are rated on.
func skills(onet folder) (table, error) {
	rated := map[string]bool{}
	err := onet.each("skills.csv", func(l line) error {
		rated[l.cell("element_id")] = true
		return nil
	})
	if err != nil {
		return table{}, err
	}
	var rows []row
	err = onet.each("content_model_reference.csv", func(l line) error {
		id := l.cell("element_id")
		if !rated[id] {
			return nil
		}
		delete(rated, id)
		kind := "cross_functional"
		if strings.HasPrefix(id, "2.A.") {
			kind = "basic"
		}
		r, err := newRow(id, members{"name": l.text("element_name"), "kind": kind, "description": l.text("description"), "source": "onet"})
		rows = append(rows, r)
		return err
	})
	for id := range rated {
		return table{}, fmt.Errorf("skills.csv rates the element %s, which content_model_reference.csv lacks", id)
	}
	return table{"skills", [][]row{rows}}, err
}

// rating is what O*NET says of one skill in one occupation: two records of skills.csv, one on each scale.
type rating struct {
	occupation, skill string
	members           members
}

// occupationSkills makes one row of the two ratings, importance and level, of a skill in an occupation.
func occupationSkills(onet folder) (table, error) {
	var order []*rating
	of := map[[2]string]*rating{}
	err := onet.each("skills.csv", func(l line) error {
		key := [2]string{l.cell("onetsoc_code"), l.cell("element_id")}
		r := of[key]
		if r == nil {
			r = &rating{key[0], key[1], members{"occupation_id": key[0], "skill_id": key[1], "rated_on": l.text("date_updated")}}
			of[key] = r
			order = append(order, r)
		}
		return r.add(l)
	})
	if err != nil {
		return table{}, err
	}
	var rows []row
	for _, r := range order {
		if r.members["importance"] == nil || r.members["required_level"] == nil {
			return table{}, fmt.Errorf("skills.csv rates %s of %s on one scale alone; it needs IM and LV", r.skill, r.occupation)
		}
		made, err := newRow(derivedID("occupation_skills", r.occupation, r.skill), r.members)
		if err != nil {
			return table{}, err
		}
		rows = append(rows, made)
	}
	return table{"occupation_skills", [][]row{rows}}, nil
}

// add takes one record of skills.csv. Both scales' precision is judged, but only that of levels was ever found wanting.
func (r *rating) add(l line) error {
	name := map[string]string{"IM": "importance", "LV": "required_level"}[l.cell("scale_id")]
	switch {
	case name == "":
		return fmt.Errorf("scale_id: %q is neither IM nor LV", l.cell("scale_id"))
	case r.members[name] != nil:
		return fmt.Errorf("%s of %s is rated twice on the scale %s", r.skill, r.occupation, l.cell("scale_id"))
	}
	r.members[name] = l.num("data_value")
	if name == "required_level" {
		r.members["level_uncertain"] = l.bool("recommend_suppress")
		r.members["not_relevant"] = l.bool("not_relevant")
	} else if l.bool("recommend_suppress") {
		return fmt.Errorf("the importance of %s for %s is marked as imprecise, which the model has no place for", r.skill, r.occupation)
	}
	return nil
}

func relatedOccupations(onet folder) (table, error) {
	rows, err := onet.rows("related_occupations.csv", func(l line) (string, members) {
		from, to := l.cell("onetsoc_code"), l.cell("related_onetsoc_code")
		return derivedID("related_occupations", from, to), members{
			"occupation_id": from,
			"related_id":    to,
			"tier":          strings.ReplaceAll(strings.ToLower(l.cell("relatedness_tier")), "-", "_"),
			"rank":          l.num("related_index"),
		}
	})
	return table{"related_occupations", [][]row{rows}}, err
}
