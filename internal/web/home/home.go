// Package home serves the page at /, with the name of the app and its tables.
package home

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/web"
)

//go:embed home.html
var pageText string

//go:embed home.css
var pageStyle string

var page = template.Must(template.New("home").Parse(pageText))

// pageData is the content of the page.
type pageData struct {
	Style   template.CSS
	Name    string
	Version string
	Host    string // the server's name in the client's spelling
	Example string // name of a table for the first request; may be empty
	Tables  []table

	Accounts, SignUp bool // people sign in, and may sign up by themselves
}

type table struct {
	Name, Doc, Readers string
	Open               bool // everyone may read it, so a link to it shows rows
	Listed             bool // /docs shows it, since someone may read it
}

// Routes returns the page of an app. It tells callers no more than the API. The version is this program's.
func Routes(rules *rule.Rules, version string) []web.Route {
	data := pageData{Style: template.CSS(web.PageStyle + pageStyle), Name: rules.Model.Name, Version: version, Tables: tables(rules)}
	if accounts := rules.Model.Accounts; accounts != nil {
		data.Accounts, data.SignUp = true, accounts.Signup == model.SignupOpen
	}
	if i := slices.IndexFunc(data.Tables, func(t table) bool { return t.Open }); i >= 0 {
		data.Example = data.Tables[i].Name
	}
	serve := func(w http.ResponseWriter, r *http.Request) error {
		shown := data
		shown.Host = r.Host
		var buf bytes.Buffer
		if err := page.Execute(&buf, shown); err != nil {
			return err
		}
		return web.Page(w, http.StatusOK, buf.Bytes(), string(data.Style))
	}
	return []web.Route{{Pattern: "GET /{$}", Handler: serve}}
}

func tables(rules *rule.Rules) []table {
	var found []table
	for _, target := range rules.Model.All() {
		row := table{Name: target.Name, Doc: target.Doc}
		row.Readers, row.Open = readers(rules, target)
		row.Listed = !rule.NeverTrue(rules.Table(target).Read)
		found = append(found, row)
	}
	return found
}

// readers names the readers of a table in a word or two.
func readers(rules *rule.Rules, target *model.Table) (word string, open bool) {
	read := rules.Table(target).Read
	switch {
	case rule.AlwaysTrue(read):
		return "everyone", true
	case rule.NeverTrue(read):
		return "nobody", false
	}
	return "by rule", false
}
