// Command profiled is ashlar serve with Go's profiler beside it, for finding where the time of a request goes. The product
// has no such door.
package main

import (
	"context"
	"flag"
	"log"
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"

	"github.com/ashlar-dev/ashlar/internal/server"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8093", "address of the API")
	profiler := flag.String("pprof", "127.0.0.1:6060", "address of the profiler")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg := server.Config{Logger: telemetry.NewLogger(os.Stderr, "json", slog.LevelInfo)}
	s, err := server.Open(ctx, flag.Arg(0), cfg)
	if err != nil {
		log.Fatal(err)
	}
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Print(http.ListenAndServe(*profiler, nil)) }()
	if err := s.Serve(ctx, ln); err != nil {
		log.Fatal(err)
	}
}
