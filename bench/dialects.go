package main

import (
	"encoding/json"
	"net/url"
)

type ashlarDialect struct{}

func (ashlarDialect) id(id string) string         { return id }
func (ashlarDialect) get(table, id string) string { return "/api/" + table + "/" + id }
func (ashlarDialect) list(status string) string {
	return "/api/posts?filter=" + url.QueryEscape("status == arg.s") + "&arg.s=" + status + "&sort=-created_at&limit=30"
}
func (ashlarDialect) own() string                     { return "/api/notes?sort=-created_at&limit=30" }
func (ashlarDialect) create() string                  { return "/api/notes" }
func (d ashlarDialect) patch(table, id string) string { return d.get(table, id) }
func (ashlarDialect) cursorOf(body []byte) string     { return nextOf(body) }

type handwrittenDialect struct{}

func (handwrittenDialect) id(id string) string             { return id }
func (handwrittenDialect) get(table, id string) string     { return "/" + table + "/" + id }
func (handwrittenDialect) list(status string) string       { return "/posts?status=" + status + "&limit=30" }
func (handwrittenDialect) own() string                     { return "/notes?limit=30" }
func (handwrittenDialect) create() string                  { return "/notes" }
func (d handwrittenDialect) patch(table, id string) string { return d.get(table, id) }
func (handwrittenDialect) cursorOf(body []byte) string     { return nextOf(body) }

func nextOf(body []byte) string {
	var page struct{ Next string }
	_ = json.Unmarshal(body, &page)
	return page.Next
}

type pocketbaseDialect struct{}

func (pocketbaseDialect) id(id string) string {
	if len(id) == 36 {
		return shortOf(id)
	}
	return id // made by this server
}
func (pocketbaseDialect) get(table, id string) string {
	return "/api/collections/" + table + "/records/" + pocketbaseDialect{}.id(id)
}
func (pocketbaseDialect) list(status string) string {
	return "/api/collections/posts/records?filter=" + url.QueryEscape("status='"+status+"'") + "&sort=-created_at&perPage=30&skipTotal=1"
}
func (pocketbaseDialect) own() string {
	return "/api/collections/notes/records?sort=-created_at&perPage=30&skipTotal=1"
}
func (pocketbaseDialect) create() string                  { return "/api/collections/notes/records" }
func (d pocketbaseDialect) patch(table, id string) string { return d.get(table, id) }
func (pocketbaseDialect) cursorOf([]byte) string          { return "" }

// withTotal asks a list for its total.
func withTotal(d dialect, status string) string {
	switch d.(type) {
	case pocketbaseDialect:
		path := d.list(status)
		return path[:len(path)-len("&skipTotal=1")]
	}
	return d.list(status) + "&total=true"
}

// withAuthor asks a list for the author of each row.
func withAuthor(d dialect, status string) string {
	if _, ok := d.(pocketbaseDialect); ok {
		return d.list(status) + "&expand=author_id"
	}
	return d.list(status) + "&expand=author"
}
