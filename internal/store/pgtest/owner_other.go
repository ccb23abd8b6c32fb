//go:build !unix

package pgtest

import (
	"errors"
	"os/exec"
)

// owner is the user that the server runs as.
type owner struct{}

func unprivileged() (*owner, error) {
	return nil, errors.New("on this system a private server is not started: name one in " + urlVariable)
}

func (*owner) own(string) error { return nil }
func (*owner) run(*exec.Cmd)    {}
