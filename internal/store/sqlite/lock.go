package sqlite

import "fmt"

// InUseError says that another server has the data folder.
type InUseError struct {
	Dir string
	By  string // for people: process 4711
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("the data folder %s is in use by %s: stop it first, or name another folder", e.Dir, e.By)
}
