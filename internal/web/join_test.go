package web

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/web/netconn"
)

// Answers of every size around the buffers of net/http arrive whole, one after another on one connection, with short and long
// headers. A client that has sent two requests at once gets both answers.
func TestAnswersArriveWhole(t *testing.T) {
	sizes := []int{0, 1, 2047, 2048, 3700, 4000, netconn.Large - 1, netconn.Large, netconn.Large + 1, 5000, 2*netconn.Large - 1, 2 * netconn.Large, 20_000, 2 << 20}
	text := bytes.Repeat([]byte("0123456789abcdef"), 2<<20/16)
	r := serve(t, ServerConfig{}, wrapped(t, func(m *Mux) {
		handle(m, "GET /{size}", func(w http.ResponseWriter, r *http.Request) error {
			size, err := strconv.Atoi(r.PathValue("size"))
			if err != nil {
				return err
			}
			if long := r.Header.Get("X-Long"); long != "" {
				w.Header().Set("X-Long", long)
			}
			return JSON(w, http.StatusOK, text[:size])
		})
	}))
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	reader := bufio.NewReader(c)
	for _, header := range []string{"", "X-Long: " + strings.Repeat("x", 3500) + "\r\n", "X-Long: " + strings.Repeat("x", 9000) + "\r\n", "Accept-Encoding: gzip\r\n"} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, size := range sizes {
				ask := method + " /" + strconv.Itoa(size) + " HTTP/1.1\r\nHost: a\r\n" + header + "\r\n"
				if _, err := io.WriteString(c, ask+ask); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					res, err := http.ReadResponse(reader, &http.Request{Method: method})
					if err != nil {
						t.Fatalf("%s of %d bytes with %.10s: %v", method, size, header, err)
					}
					body, err := io.ReadAll(res.Body)
					if err != nil {
						t.Fatalf("%s of %d bytes with %.10s: %v", method, size, header, err)
					}
					if method == "HEAD" {
						if len(body) > 0 {
							t.Fatalf("%s of %d bytes: it has %d", method, size, len(body))
						}
					} else if !bytes.Equal(decoded(t, res.Header.Get("Content-Encoding"), string(body)), text[:size]) {
						t.Fatalf("%s of %d bytes with %.10s: %d bytes, or others", method, size, header, len(body))
					}
				}
			}
		}
	}
}
