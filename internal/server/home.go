package server

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/web"
)

//go:embed home.html
var homeText string

//go:embed home.css
var homeStyle string

var homePage = template.Must(template.New("home").Parse(homeText))

// homeData is what the page at / shows.
type homeData struct {
	Style   template.CSS
	Name    string
	Version string
	Host    string // as the client named it
	Example string // a table to begin with
	Tables  []homeTable
}

type homeTable struct {
	Name, Doc, Readers string
	Open               bool // to everyone, so that a link to it shows rows
	Listed             bool // at /docs: somebody may read it
}

// home says what is running, and where to go. It tells no more than the API does to anyone who asks for a table by name.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	data := homeData{
		Style: template.CSS(web.PageStyle + homeStyle), Name: s.model.Name, Version: s.cfg.Version, Host: r.Host, Tables: s.tables,
	}
	for _, t := range s.tables {
		if t.Open && data.Example == "" {
			data.Example = t.Name
		}
	}
	var b bytes.Buffer
	if err := homePage.Execute(&b, data); err != nil {
		return err
	}
	return web.Page(w, http.StatusOK, b.Bytes(), string(data.Style))
}

func homeTables(rules *rule.Rules) []homeTable {
	var tables []homeTable
	for _, t := range rules.Model.All() {
		row := homeTable{Name: t.Name, Doc: t.Doc}
		row.Readers, row.Open = readers(rules, t)
		row.Listed = !rule.NeverTrue(rules.Table(t).Read)
		tables = append(tables, row)
	}
	return tables
}

// readers says in a word who may read a table.
func readers(rules *rule.Rules, t *model.Table) (word string, open bool) {
	read := rules.Table(t).Read
	switch {
	case rule.AlwaysTrue(read):
		return "everyone", true
	case rule.NeverTrue(read):
		return "nobody", false
	}
	return "by rule", false
}
