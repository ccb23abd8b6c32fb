package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// The abuser is a process of its own. In the process of the honest callers its goroutines would delay them, and the measured
// waits would not be the server's. Elsewhere an abuser has a machine of its own, so here it has a low priority.
const abuserNice = 15

// An abuserOrder is what the process of an abuser reads from its standard input, which stays open while it shall go on.
type abuserOrder struct {
	Abuse  string
	Port   int
	Tokens []string
}

// beAbuser runs an abuse until in ends, and writes what the abuser got to out.
func beAbuser(ctx context.Context, in io.Reader, out io.Writer) error {
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, abuserNice); err != nil {
		return err
	}
	var order abuserOrder
	decoder := json.NewDecoder(in)
	if err := decoder.Decode(&order); err != nil {
		return err
	}
	for _, a := range abuses {
		if a.name != order.Abuse {
			continue
		}
		ctx, end := context.WithTimeout(ctx, 2*abuseTime)
		defer end()
		go func() {
			_, _ = io.Copy(io.Discard, in)
			end()
		}()
		counts := &answers{}
		a.run(ctx, &server{port: order.Port, tokens: order.Tokens, dialect: ashlarDialect{}}, counts)
		_, err := fmt.Fprintln(out, counts)
		return err
	}
	return fmt.Errorf("there is no abuse %q", order.Abuse)
}

// startAbuser starts the process of an abuser. end ends it and returns what the abuser got.
func startAbuser(ctx context.Context, a abuse, srv *server) (end func() (string, error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	order, err := json.Marshal(abuserOrder{a.name, srv.port, srv.tokens})
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-abuser")
	cmd.WaitDelay = 2 * abuseWait
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := in.Write(order); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return func() (string, error) {
		began := time.Now()
		err := errors.Join(in.Close(), cmd.Wait())
		if err != nil {
			err = fmt.Errorf("the abuser, %v after its end: %w: %s", time.Since(began).Round(time.Second), err, failure.String())
		}
		return strings.TrimSpace(out.String()), err
	}, nil
}
