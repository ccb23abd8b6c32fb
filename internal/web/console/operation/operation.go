// Package operation makes the pages of the console that say how the app is doing: charts, logs, traces, errors.
//
// A viewer may open all pages. What changes something needs an operator. Each read has a deadline. All that requests, models and
// errors hold is text here: html/template escapes it, and scripts only ever set it as text.
package operation

import (
	"embed"
	"io/fs"
	"time"

	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// group is the title of the sections in the navigation.
const group = "Operation"

// Sections returns the sections of the console.
func Sections(cfg Config) []console.Section {
	p := &pages{cfg}
	if p.Now == nil {
		p.Now = time.Now
	}
	files := assets()
	styles := []string{files.Path("operation.css")}
	section := func(title, path string, routes ...console.Route) console.Section {
		return console.Section{Group: group, Title: title, Path: path, Styles: styles, Routes: routes}
	}
	var list []console.Section
	if p.History != nil {
		home := section("Home", homePath, get(homePath, p.home), get(chartsPath, p.charts))
		if p.Deploys != nil {
			home.Routes = append(home.Routes, get(deploysPath, p.deploys))
		}
		home.Styles = []string{files.Path("uplot.css"), files.Path("operation.css")}
		home.Scripts = []string{files.Path("uplot.js"), files.Path("charts.js")}
		logs := section("Logs", logsPath, get(logsPath, p.logs), get(tailPath, p.tail), get(logsPath+"/{id}", p.record))
		logs.Scripts = []string{files.Path("logs.js")}
		list = append(list, home, logs)
	}
	if p.Traces != nil {
		list = append(list, section("Traces", tracesPath, get(tracesPath, p.traces), get(tracesPath+"/{id}", p.trace)))
	}
	if p.History != nil {
		list = append(list, section("Errors", errorsPath, get(errorsPath, p.errors)))
	}
	if p.Incidents != nil {
		list = append(list, section("Incidents", incidentsPath, get(incidentsPath, p.incidents), post(incidentsPath, p.openIncident),
			get(incidentsPath+"/{id}", p.incident), get(incidentsPath+"/{id}/markdown", p.markdown),
			post(incidentsPath+"/{id}/notes", p.noteIncident), post(incidentsPath+"/{id}/close", p.closeIncident)))
	}
	list = append(list, section("Objectives", objectivesPath, get(objectivesPath, p.objectives), files.Route()))
	if p.Roster != nil {
		list = append(list, section("Nodes", nodesPath, get(nodesPath, p.nodes)))
	}
	if p.Sharing != nil {
		list = append(list, section("Limits", limitsPath, get(limitsPath, p.limits)), section("Cache", cachePath, get(cachePath, p.cache)))
	}
	if p.Watchers != nil {
		list = append(list, section("Watchers", watchersPath, get(watchersPath, p.watchers)))
	}
	if p.Advice != nil {
		advice := section("Advice", advicePath, get(advicePath, p.advice), post(advicePath, p.startAdvice))
		advice.Scripts = []string{files.Path("reload.js")}
		list = append(list, advice)
	}
	if p.Costs != nil {
		list = append(list, section("Cost", costPath, get(costPath, p.cost)))
	}
	if p.Profiles != nil {
		list = append(list, section("Profiles", profilesPath, get(profilesPath, p.profiles)))
	}
	return list
}

// Styles returns the paths of the style of these pages, for pages of other packages that look alike.
func Styles() []string { return []string{assets().Path("operation.css")} }

// get returns the route of a page that a viewer may open.
func get(path string, handler func(*console.Request) error) console.Route {
	return console.Route{Pattern: "GET " + path, Role: console.Viewer, Handler: handler}
}

// post returns the route of an action that an operator may do.
func post(path string, handler func(*console.Request) error) console.Route {
	return console.Route{Pattern: "POST " + path, Role: console.Operator, Handler: handler}
}

//go:embed assets
var assetFiles embed.FS

// assets returns the styles and scripts of the pages.
func assets() console.Assets {
	files, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		panic(err) // the name of the folder is valid
	}
	return console.NewAssets(assetsPath, files)
}
