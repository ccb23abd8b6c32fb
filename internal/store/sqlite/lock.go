package sqlite

import "fmt"

// InUseError is the error of a data folder that another server uses.
type InUseError struct {
	Dir string
	By  string // for people, as in "process 4711"
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("the data folder %s is in use by %s: stop it first, or name another folder", e.Dir, e.By)
}
