package cron

import "fmt"

// An Error is a mistake in an expression or in the name of a zone.
type Error struct {
	Offset  int // in code points, from 0
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Offset+1, e.Message) }

func faultAt(offset int, format string, args ...any) error {
	return &Error{Offset: offset, Message: fmt.Sprintf(format, args...)}
}
