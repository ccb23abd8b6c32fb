package openapi

import "fmt"

// Problems are the kinds of problem as the server's page lists them, with their titles.
func Problems() map[string]string {
	out := map[string]string{}
	for _, p := range problems() {
		out[fmt.Sprintf("%s</a> (%d)", p.kind, p.status)] = p.title
	}
	return out
}

var (
	Portable = portable
	Singular = singular
	Embedded = embedded
)
