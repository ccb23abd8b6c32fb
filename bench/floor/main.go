// Command floor answers every request with the same bytes. It shows the cost of net/http itself.
package main

import (
	"bytes"
	"flag"
	"log"
	"net/http"
	"strconv"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8091", "address")
	row := flag.Int("row", 500, "bytes of the answer to /row")
	page := flag.Int("page", 15000, "bytes of the answer to /page")
	flag.Parse()
	http.HandleFunc("GET /row", constant(*row))
	http.HandleFunc("GET /page", constant(*page))
	log.Fatal(http.ListenAndServe(*listen, nil))
}

func constant(size int) http.HandlerFunc {
	body, length := bytes.Repeat([]byte("x"), size), strconv.Itoa(size)
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Header()["Content-Length"] = []string{length}
		_, _ = w.Write(body)
	}
}
