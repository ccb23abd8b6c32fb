package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func readTestdata(t *testing.T) dataset {
	t.Helper()
	data, err := read("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// bodies returns the rows of a table as JSON, in the order of their waves.
func bodies(data dataset, name string) []string {
	var lines []string
	for _, table := range data.tables {
		if table.name != name {
			continue
		}
		for _, wave := range table.waves {
			for _, r := range wave {
				lines = append(lines, string(r.body))
			}
		}
	}
	return lines
}

func TestRead(t *testing.T) {
	data := readTestdata(t)
	for _, tt := range []struct {
		table string
		want  []string
	}{
		{"occupations", []string{
			`{"description":"Lead the building of walls, and \"dress\" the stone.","id":"11-1011.00","job_zone_id":4,"source":"onet","title":"Master Masons","wage_id":"11-1011","wage_match":"exact"}`,
			`{"description":"Carry stones.","id":"11-1012.00","source":"onet","title":"Stone Carriers"}`,
		}},
		{"skills", []string{
			`{"description":"Reading plans.","id":"2.A.1.a","kind":"basic","name":"Reading","source":"onet"}`,
			`{"description":"Cutting stone.","id":"2.B.3.e","kind":"cross_functional","name":"Stone Cutting","source":"onet"}`,
		}},
		{"occupation_skills", []string{
			`{"id":"4ee8265f-5e35-5415-b77d-43d8f614bc82","importance":4.12,"level_uncertain":false,"not_relevant":false,"occupation_id":"11-1011.00","rated_on":"2023-08-01","required_level":4.62,"skill_id":"2.A.1.a"}`,
			`{"id":"` + derivedID("occupation_skills", "11-1011.00", "2.B.3.e") + `","importance":1,"level_uncertain":true,"not_relevant":true,"occupation_id":"11-1011.00","rated_on":"2023-08-01","required_level":0,"skill_id":"2.B.3.e"}`,
		}},
		{"related_occupations", []string{
			`{"id":"` + derivedID("related_occupations", "11-1011.00", "11-1012.00") + `","occupation_id":"11-1011.00","rank":1,"related_id":"11-1012.00","tier":"primary_short"}`,
			`{"id":"` + derivedID("related_occupations", "11-1012.00", "11-1011.00") + `","occupation_id":"11-1012.00","rank":20,"related_id":"11-1011.00","tier":"supplemental"}`,
		}},
		{"wages", []string{ // the parent comes first, although it is second in the file
			`{"annual_mean":"67920.00","annual_median":"49500.00","annual_only":false,"annual_p10":"29990.00","annual_p25":"36730.00","annual_p75":"78810.00","annual_p90":"125720.00","employment":154187380,"employment_error":"0.0","has_top_coded_wage":false,"hourly_mean":"32.66","hourly_median":"23.80","hourly_only":false,"hourly_p10":"14.42","hourly_p25":"17.66","hourly_p75":"37.89","hourly_p90":"60.44","id":"00-0000","level":"total","title":"All Occupations","wage_error":"0.1"}`,
			`{"annual_mean":"262930.00","annual_median":"206420.00","annual_only":false,"annual_p10":"73710.00","annual_p25":"126080.00","employment":2110,"employment_error":"1.2","has_top_coded_wage":true,"hourly_mean":"126.40","hourly_median":"99.24","hourly_only":false,"hourly_p10":"35.44","hourly_p25":"60.61","id":"11-1011","level":"detailed","parent_id":"00-0000","title":"Masons","wage_error":"0.9"}`,
		}},
		{"outlooks", []string{
			`{"annual_median":"206420.00","change":"-0.1","change_percent":"-4.8","employment_2024":"2.1","employment_2034":"2.0","entry_education":"High school diploma or equivalent","id":"11-1011","kind":"line_item","on_the_job_training":"Apprenticeship","openings":"0.2","share_2024":"0.0","share_2034":"0.0","title":"Masons","wage_id":"11-1011","work_experience":"None"}`,
		}},
		{"job_zones", []string{
			`{"education":"None needed.","examples":"Stone carriers, for one.","experience":"None needed.","id":1,"name":"Zone One","svp_range":"(Below 4.0)","training":"A few days."}`,
			`{"education":"A degree.","examples":"Stonemasons.","experience":"Some years.","id":4,"name":"Zone Four","svp_range":"(7.0 to \u003c 8.0)","training":"Some years."}`,
		}},
	} {
		if diff := cmp.Diff(tt.want, bodies(data, tt.table)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.table, diff)
		}
	}
}

func TestCounts(t *testing.T) {
	want := map[string]int{
		"job_zones": 2, "wages": 2, "outlooks": 1, "occupations": 2, "skills": 2,
		"occupation_skills": 2, "skill ratings": 4, "related_occupations": 2,
	}
	got := map[string]int{}
	for _, c := range readTestdata(t).counts {
		got[c.what] = c.want
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// Every member of a row is a field of the model, and has a valid value for it.
func TestRowsFitTheModel(t *testing.T) {
	app, faults := load.Dir("..")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, loaded := range readTestdata(t).tables {
		for _, wave := range loaded.waves {
			for _, row := range wave {
				checkRow(t, app.Table(loaded.name), row)
			}
		}
	}
}

func checkRow(t *testing.T, table *model.Table, row row) {
	t.Helper()
	members, err := value.DecodeObject(row.body)
	if err != nil {
		t.Fatalf("%s %s: %v", table.Name, row.id, err)
	}
	given := map[string]bool{}
	for _, member := range members {
		field := table.Field(member.Name)
		if field == nil {
			t.Errorf("%s %s: the model has no field %s", table.Name, row.id, member.Name)
			continue
		}
		given[member.Name] = true
		if _, faults := value.ParseJSON(field, member.Raw, "/"+member.Name); len(faults) > 0 {
			t.Errorf("%s %s: %v", table.Name, row.id, faults)
		}
	}
	for _, field := range table.Fields {
		if !field.System && !field.Optional && field.Default == nil && !given[field.Name] {
			t.Errorf("%s %s: %s is missing", table.Name, row.id, field.Name)
		}
	}
}

// Each case damages one file of the test data. The message must name the place and the fault.
func TestReadRefuses(t *testing.T) {
	for _, tt := range []struct{ name, file, old, new, want string }{
		{"no file", "onet/csv/skills.csv", "", "", "onet/csv/skills.csv is missing: --data names the folder"},
		{"a column is missing", "onet/csv/occupation_data.csv", "title", "name", "occupation_data.csv: record 2: there is no column title"},
		{"a number that is none", "onet/csv/related_occupations.csv", "Short,1", "Short,one", `record 2: related_index: "one" is not a number`},
		{"a decimal with too many digits", "bls/csv/oews_occupations.csv", "126.4,", "126.401,", `record 2: h_mean: "126.401" is not a number with at most 2 digits after the point`},
		{"a decimal with an exponent", "bls/csv/oews_occupations.csv", "126.4,", "1e2,", `h_mean: "1e2" is not`},
		{"a bool that is none", "bls/csv/oews_occupations.csv", "false,false,true", "false,false,Y", `has_top_coded_wage: "Y" is neither true nor false`},
		{"an unknown level", "bls/csv/oews_occupations.csv", "detailed", "fine", `groups of the level "fine"`},
		{"an unknown scale", "onet/csv/skills.csv", "a,LV", "a,XX", `scale_id: "XX" is neither IM nor LV`},
		{"one scale alone", "onet/csv/skills.csv", "11-1011.00,2.B.3.e,LV,0,8,0,true,true,2023-08-01,Analyst\n", "", "rates 2.B.3.e of 11-1011.00 on one scale alone"},
		{"a scale twice", "onet/csv/skills.csv", "e,LV", "e,IM", "rated twice on the scale IM"},
		{"an imprecise importance", "onet/csv/skills.csv", "0.125,false", "0.125,true", "no place for"},
		{"an unknown element", "onet/csv/content_model_reference.csv", "2.B.3.e", "2.B.3.x", "rates the element 2.B.3.e, which content_model_reference.csv lacks"},
		{"a quote that does not end", "onet/csv/occupation_data.csv", "stone.\"", "stone.", "occupation_data.csv: record on line 2"},
		{"no rows", "bls/csv/employment_projections.csv", "11-1011,11-1011,Masons,Line item,2.1,2,0,0,-0.1,-4.8,,0.2,206420,High school diploma or equivalent,None,Apprenticeship\n", "", "no rows for outlooks"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
				t.Fatal(err)
			}
			damage(t, filepath.Join(dir, tt.file), tt.old, tt.new)
			_, err := read(dir)
			if err == nil || !strings.Contains(filepath.ToSlash(err.Error()), tt.want) {
				t.Errorf("read = %v, want it to say %q", err, tt.want)
			}
		})
	}
}

// damage replaces a text in a file. If old is "", it removes the file.
func damage(t *testing.T, path, old, new string) {
	t.Helper()
	if old == "" {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), old) {
		t.Fatalf("%s does not hold %q (%v)", path, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestDerivedIDsNeverChange(t *testing.T) {
	const want = "4ee8265f-5e35-5415-b77d-43d8f614bc82"
	if got := derivedID("occupation_skills", "11-1011.00", "2.A.1.a"); got != want {
		t.Errorf("derivedID = %s, want %s: a load that was begun before could not go on", got, want)
	}
}

func TestNewRowLeavesOutWhatIsMissing(t *testing.T) {
	row, err := newRow("a", members{"title": "A", "wage_id": nil})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"id":"a","title":"A"}`; string(row.body) != want || !json.Valid(row.body) {
		t.Errorf("body = %s, want %s", row.body, want)
	}
}
