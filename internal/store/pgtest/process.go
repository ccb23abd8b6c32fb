package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// leashed is a server that ends with the test binary.
type leashed struct {
	watchdog *exec.Cmd
	pipe     io.WriteCloser
}

// watchdog runs the server. It ends the server when a line comes, and then leaves its files, or when the test binary is
// gone and its end of the pipe is closed. It knows the server by its process id.
const watchdog = `
"$0" "$@" >>log 2>&1 </dev/null &
server=$!
if read -r how; then kill -"$how" $server; wait $server; exit 0; fi
kill -"$END" $server
wait $server
cd /
rm -rf "$FOLDER"
`

// leash starts a program as a user. It keeps the program's log in a folder, and ends the program by a signal. end deletes
// the folder, stop does not.
func leash(who *owner, folder, signal, program string, args ...string) (leashed, error) {
	cmd := exec.Command("sh", append([]string{"-c", watchdog, program}, args...)...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "FOLDER="+folder, "END="+signal)
	who.run(cmd)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return leashed{}, err
	}
	return leashed{cmd, pipe}, cmd.Start()
}

// stop ends the program by a signal, such as INT.
func (l leashed) stop(signal string) error {
	_, err := io.WriteString(l.pipe, signal+"\n")
	return errors.Join(err, l.pipe.Close(), l.watchdog.Wait())
}

// end ends the program for good.
func (l leashed) end() {
	if l.pipe != nil {
		_ = l.pipe.Close()
		_ = l.watchdog.Wait() // the status of a program that was killed
	}
}

// answers waits until a server answers at an address.
func answers(address, folder string) (err error) {
	for range 300 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		var conn *pgx.Conn
		if conn, err = pgx.Connect(ctx, address); err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	text, _ := os.ReadFile(filepath.Join(folder, "log"))
	return fmt.Errorf("the private server does not answer: %w\n%s", err, text)
}
