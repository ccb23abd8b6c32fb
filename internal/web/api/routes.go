package api

import (
	"net/http"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/web"
)

const (
	rowsPath = model.RowsPath
	rowPath  = model.RowPath

	typeJSON  = "application/json"
	typeMerge = "application/merge-patch+json"
)

// Routes returns the routes of the data API with their documentation.
func (a *API) Routes() []web.Route {
	return []web.Route{
		{Pattern: "GET " + rowsPath, Handler: a.list, Operation: model.ListOperation, Doc: listDoc()},
		{Pattern: "POST " + rowsPath, Handler: a.create, Operation: model.CreateOperation, Doc: createDoc()},
		{Pattern: "GET " + rowPath, Handler: a.get, Operation: model.GetOperation, Doc: getDoc()},
		{Pattern: "PATCH " + rowPath, Handler: a.update, Operation: model.UpdateOperation, Doc: updateDoc()},
		{Pattern: "DELETE " + rowPath, Handler: a.delete, Operation: model.DeleteOperation, Doc: deleteDoc()},
		{Pattern: rowsPath, Handler: a.otherMethod("POST")},
		{Pattern: rowPath, Handler: a.otherMethod("PATCH", "DELETE")},
	}
}

// otherMethod refuses methods without a handler. writes are the methods of the path besides GET and HEAD. A view has
// none of them.
func (a *API) otherMethod(writes ...string) web.Handler {
	return func(_ http.ResponseWriter, r *http.Request) error {
		table, err := a.table(r, "")
		if err != nil {
			return err
		}
		allow := []string{"GET", "HEAD"}
		if table.View == nil {
			allow = append(allow, writes...)
		}
		slices.Sort(allow)
		return web.MethodNotAllowed(allow)
	}
}

func listDoc() *web.Doc {
	return &web.Doc{
		ID:      "list{Tables}",
		Summary: "List {tables}",
		Params:  append(slices.Clone(listParams), "If-None-Match"),
		Answers: []web.Answer{
			{Status: http.StatusOK, About: "A page of rows.", Headers: []string{"ETag"}, Schema: web.PageOfRow},
			{Status: http.StatusNotModified, About: "Nothing has changed.", Headers: []string{"ETag"}},
		},
		Problems: []errs.Kind{errs.Malformed},
	}
}

func getDoc() *web.Doc {
	return &web.Doc{
		ID:      "get{Table}",
		Summary: "Get {a table}",
		Params:  append(slices.Clone(viewParams), "If-None-Match"),
		Answers: []web.Answer{
			{Status: http.StatusOK, About: "The row.", Headers: []string{"ETag"}, Schema: web.PartOfRow},
			{Status: http.StatusNotModified, About: "Nothing has changed.", Headers: []string{"ETag"}},
		},
		Problems: []errs.Kind{errs.Malformed, errs.NotFound},
	}
}

func createDoc() *web.Doc {
	return &web.Doc{
		ID:      "create{Table}",
		Summary: "Create {a table}",
		Body:    &web.Body{Types: []string{typeJSON}, Schema: web.NewRow},
		Answers: []web.Answer{{
			Status: http.StatusCreated, About: "The row as it was created.",
			Hidden:  &web.Hidden{About: "The row as it was created; without a body where the caller may not read it."},
			Headers: []string{"Location", "ETag"}, Schema: web.WholeRow,
		}},
		Problems: []errs.Kind{errs.Malformed, errs.Conflict, errs.TooLarge, errs.Unsupported, errs.Invalid},
	}
}

func updateDoc() *web.Doc {
	return &web.Doc{
		ID:      "update{Table}",
		Summary: "Update {a table}",
		About:   "Changes the members that the body has (JSON merge patch, RFC 7396): one that is null makes the field missing.",
		Params:  []string{"If-Match"},
		Body:    &web.Body{Types: []string{typeMerge, typeJSON}, Schema: web.RowPatch},
		Answers: []web.Answer{
			{Status: http.StatusOK, About: "The row as it has become.", Headers: []string{"ETag"}, Schema: web.WholeRow},
			{Status: http.StatusNoContent, Hidden: &web.Hidden{Only: true, About: "It is done, and the caller may no longer read the row."}},
		},
		Problems: []errs.Kind{errs.Malformed, errs.NotFound, errs.Conflict, errs.Stale, errs.TooLarge, errs.Unsupported, errs.Invalid},
	}
}

func deleteDoc() *web.Doc {
	return &web.Doc{
		ID:       "delete{Table}",
		Summary:  "Delete {a table}",
		Params:   []string{"If-Match"},
		Answers:  []web.Answer{{Status: http.StatusNoContent, About: "It is gone."}},
		Problems: []errs.Kind{errs.Malformed, errs.NotFound, errs.Conflict, errs.Stale},
	}
}
