package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	lite "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// childVariable names the database whose lock the test binary holds as another process.
const childVariable = "ASHLAR_TEST_HOLD"

// hold holds the lock for writes of a database until somebody kills the process.
func hold(path string) {
	conn, err := lite.OpenConn(path, lite.OpenReadWrite)
	if err == nil {
		conn.SetBusyTimeout(10 * time.Second)
		err = sqlitex.ExecuteTransient(conn, "BEGIN IMMEDIATE", nil)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("held")
	time.Sleep(time.Hour)
	_ = conn.Close()
}

// holdLock lets another process hold the lock for writes of the database.
func (w *world) holdLock() {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), childVariable+"="+filepath.Join(w.cfg.Data, "ashlar.db"))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	if _, err := out.Read(make([]byte, 1)); err != nil {
		w.t.Fatal(err)
	}
}
