package openapi

import "fmt"

// Problems are the kinds of problem as the server's page lists them.
func Problems() []string {
	var out []string
	for _, p := range problems() {
		out = append(out, fmt.Sprintf("%s</a> (%d)", p.kind, p.status))
	}
	return out
}

var (
	Portable = portable
	Singular = singular
	Embedded = embedded
)
