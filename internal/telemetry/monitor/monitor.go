package monitor

import (
	"bytes"
	"embed"
	"strconv"
	"text/template"

	"github.com/ashlar-dev/ashlar/internal/model"
)

//go:embed templates/*
var files embed.FS

// A File is a file to be written.
type File struct {
	Name string
	Text []byte
}

// Rules returns the recording and alerting rules for the objectives of a model, with tests for promtool beside them.
func Rules(m *model.Model) ([]File, error) {
	name := "ashlar-" + m.Name + ".rules.yml"
	rules, err := render("rules.yml", map[string]any{"App": m.Name, "Recordings": recordings(m), "Alerts": alerts(m)})
	if err != nil {
		return nil, err
	}
	tests, err := render("rules.test.yml", map[string]any{"Rules": name, "Cases": cases(m), "Evaluation": evaluation})
	if err != nil {
		return nil, err
	}
	return []File{{name, rules}, {"ashlar-" + m.Name + ".rules.test.yml", tests}}, nil
}

func recordings(m *model.Model) (all []rule) {
	for _, i := range indicators(m) {
		all = append(all, i.recordings()...)
	}
	return all
}

func alerts(m *model.Model) (all []rule) {
	for _, i := range indicators(m) {
		all = append(all, i.alerts()...)
	}
	return append(all, partAlerts()...)
}

// render makes the text of a template. Names and expressions are written as JSON, which YAML reads.
func render(name string, data any) ([]byte, error) {
	text, err := template.New(name).Funcs(template.FuncMap{"quote": strconv.Quote}).ParseFS(files, "templates/"+name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = text.Execute(&out, data)
	return out.Bytes(), err
}
