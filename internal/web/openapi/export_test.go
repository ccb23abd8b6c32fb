package openapi

var (
	Portable = portable
	Singular = singular
	Embedded = embedded
)
