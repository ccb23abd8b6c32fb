package live

import (
	"net/http"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// Follow puts Lists before the handler of plain lists among the routes of rows. Besides them, it returns the descriptions of all,
// also of streams, which have no route of their own.
func (l *Live) Follow(rows []web.Route) (routes, described []web.Route) {
	for _, route := range rows {
		if route.Pattern != "GET "+model.RowsPath {
			routes, described = append(routes, route), append(described, route)
			continue
		}
		doc := *route.Doc
		doc.Params = append(slices.Clone(doc.Params), waitParam)
		route.Handler, route.Doc = l.Lists(route.Handler), &doc
		routes = append(routes, route)
		described = append(described, route)
	}
	return routes, append(described, web.Route{Pattern: WatchPattern, Watch: true, Operation: model.ListOperation, Doc: watchDoc()})
}

func watchDoc() *web.Doc {
	return &web.Doc{
		ID:      "watch{Tables}",
		Summary: "Watch {tables}",
		About: "A stream of server-sent events: `enter` and `change` with a row as the list has it, `leave` with its `id`, `ready` when everything that is " +
			"committed from now on will be told, `reset` when all rows must be forgotten, `end` with a problem when connecting again would end alike.",
		Params:   []string{"filter", "args", "fields", "expand", "initial", "Last-Event-ID"},
		Answers:  []web.Answer{{Status: http.StatusOK, About: "The events, until one side ends the stream.", Type: typeEvents}},
		Problems: []errs.Kind{errs.Malformed, errs.NotAcceptable},
	}
}
