// Command profiled is ashlar with Go's profiler, to find the time of a request. Its arguments are ashlar's. The
// profiler listens on the address in PPROF, by default 127.0.0.1:6060. The product has no such door.
package main

import (
	"cmp"
	"log"
	"net/http"
	_ "net/http/pprof"
	"os"

	"github.com/ashlar-dev/ashlar/internal/cli"
)

func main() {
	address := cmp.Or(os.Getenv("PPROF"), "127.0.0.1:6060")
	go func() { log.Print(http.ListenAndServe(address, nil)) }()
	os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr))
}
