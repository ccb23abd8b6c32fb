package model

import "strings"

// The paths of the routes of rows.
const (
	RowsPath = "/api/{table}"
	RowPath  = "/api/{table}/{id}"
)

// A Route is the pattern of a route, and the table of a route of rows.
type Route struct{ Pattern, Table string }

// RouteOf returns the route of a text such as POST /api/orders, as the keys operate and limits name it.
func RouteOf(text string) Route {
	method, path, _ := strings.Cut(text, " ")
	rest, isData := strings.CutPrefix(path, "/api/")
	if !isData {
		return Route{Pattern: text}
	}
	table, _, hasID := strings.Cut(rest, "/")
	if hasID {
		return Route{method + " " + RowPath, table}
	}
	return Route{method + " " + RowsPath, table}
}

// Route returns the pattern of the route that does the operation for one request.
func (o Operation) Route() string {
	switch o {
	case ListOperation:
		return "GET " + RowsPath
	case GetOperation:
		return "GET " + RowPath
	case CreateOperation:
		return "POST " + RowsPath
	case UpdateOperation:
		return "PATCH " + RowPath
	case DeleteOperation:
		return "DELETE " + RowPath
	}
	return ""
}
