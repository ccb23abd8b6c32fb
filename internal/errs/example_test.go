package errs_test

import (
	"errors"
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func open(table string) (err error) {
	defer errs.Wrap(&err, "open(%s)", table)
	return errs.Wrapf(errors.New("connection refused"), errs.Unavailable, "the database cannot be reached")
}

// One error has a text for the log, one for a terminal, and a message for the client.
func Example() {
	err := open("tasks")

	fmt.Println("log:     ", err)
	fmt.Println("terminal:", errs.ForTerminal(err))
	fmt.Println("kind:    ", errs.KindOf(err))
	if e, ok := errors.AsType[*errs.Error](err); ok {
		fmt.Println("client:  ", e.Message)
	}
	// Output:
	// log:      open(tasks): unavailable: the database cannot be reached: connection refused
	// terminal: the database cannot be reached: connection refused
	// kind:     unavailable
	// client:   the database cannot be reached
}
