// Package apilimit holds the limits of the data API that clients are told: the code that enforces a limit and the OpenAPI
// document use the same constant.
package apilimit

const (
	BodyBytes   = 1 << 20  // size of the body of a request
	FilterBytes = 4096     // size of a filter
	CursorBytes = 12 << 10 // size of a cursor; a URL must hold it

	MinLimit     = 1   // rows that a page may be asked for
	DefaultLimit = 50  // rows of a page if the request does not say
	MaxLimit     = 500 // rows that a page may be asked for

	WaitSeconds = 30 // that a list may be asked to wait for a change

	SortKeys    = 8   // fields in sort
	Levels      = 4   // relations that one path of fields or expand follows
	RelatedRows = 100 // rows of an expanded list of related rows
)
