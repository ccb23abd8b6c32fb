package web

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	compressFrom = 1 << 10 // bytes of a body; below, a coding saves less than one packet
	streamFrom   = 1 << 20 // bytes of a body; from here on its compressed form is not held in memory as a whole
	maxKept      = 1 << 18 // bytes of a buffer that waits for its next use
)

// Coding returns the content coding, gzip or zstd, in which JSON and Bytes will send a body of that many bytes, and ""
// for a body that they send as it is. A strong entity tag must name it (RFC 9110, 8.8.3.3).
func Coding(w http.ResponseWriter, size int) string {
	x, ok := w.(*response)
	if !ok || size < compressFrom {
		return ""
	}
	if !x.negotiated {
		x.coding, x.negotiated = negotiate(x.accepts), true
	}
	return x.coding
}

// Accepts says whether the client of a request accepts gzip, for bodies that were compressed beforehand.
func Accepts(r *http.Request) (gzip bool) {
	_, gzip = accepted(r.Header["Accept-Encoding"])
	return gzip
}

// negotiate chooses among the codings of an Accept-Encoding header. A client that accepts both gets zstd: a page of 100
// rows shrinks to a twelfth in 16 µs, with gzip to an eighth in 11 µs.
func negotiate(header []string) string {
	zstd, gzip := accepted(header)
	switch {
	case zstd:
		return "zstd"
	case gzip:
		return "gzip"
	}
	return ""
}

// accepted reads the lines of an Accept-Encoding header (RFC 9110, 12.5.3). Weights matter only where they are 0.
func accepted(header []string) (zstd, gzip bool) {
	for _, line := range header {
		for element := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(element, ";")
			name = strings.TrimSpace(name)
			switch {
			case strings.EqualFold(name, "zstd"):
				zstd = !refused(params)
			case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
				gzip = !refused(params)
			}
		}
	}
	return zstd, gzip
}

// refused says whether the parameters of a coding are a weight of 0.
func refused(params string) bool {
	weight, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q=")
	if !ok {
		return false
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
	return err != nil || !(q > 0) // NaN is no weight
}

// writeCompressed writes a body in a content coding. A large one goes out while it is compressed, without a length.
func writeCompressed(w http.ResponseWriter, status int, coding string, body []byte) error {
	h := w.Header()
	h["Content-Encoding"] = []string{coding}
	if len(body) >= streamFrom {
		w.WriteHeader(status)
		return compress(w, coding, body)
	}
	buf, _ := compressed.Get().(*bytes.Buffer)
	if buf == nil {
		buf = new(bytes.Buffer)
	}
	defer func() {
		if buf.Cap() <= maxKept {
			compressed.Put(buf)
		}
	}()
	buf.Reset()
	if err := compress(buf, coding, body); err != nil {
		return err
	}
	h["Content-Length"] = []string{strconv.Itoa(buf.Len())}
	w.WriteHeader(status)
	_, err := w.Write(buf.Bytes())
	return err
}

// compressor is what gzip and zstd writers have in common.
type compressor interface {
	io.WriteCloser
	Reset(io.Writer)
}

// The writers and buffers that wait for their next use. Reset makes them forget the former answer, also one that failed.
var (
	compressed sync.Pool // of *bytes.Buffer, each of at most maxKept
	gzips      sync.Pool // of *gzip.Writer
	zstds      sync.Pool // of *zstd.Encoder
)

func compress(to io.Writer, coding string, body []byte) error {
	pool, fresh := &gzips, newGzip
	if coding == "zstd" {
		pool, fresh = &zstds, newZstd
	}
	z, _ := pool.Get().(compressor)
	if z == nil {
		z = fresh()
	}
	defer func() {
		z.Reset(nil) // a writer in the pool must not hold on to a connection
		pool.Put(z)
	}()
	z.Reset(to)
	if _, err := z.Write(body); err != nil {
		return fmt.Errorf("compress the answer: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("compress the answer: %w", err)
	}
	return nil
}

func newGzip() compressor {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level exists
	}
	return z
}

// newZstd returns an encoder of about 1 MB. Its window is far below the 8 MB that RFC 9659 allows on the web.
func newZstd() compressor {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // the options exist
	}
	return z
}
