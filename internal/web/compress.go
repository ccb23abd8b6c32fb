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

	"github.com/ashlar-dev/ashlar/internal/pieces"
)

const (
	compressFrom = 1 << 10 // size of the smallest body to compress; smaller ones fit into one packet anyway
	streamFrom   = 1 << 20 // size of the smallest body to compress while it is sent
	maxKept      = 1 << 18 // size of the largest kept buffer
)

// Coding returns the content coding in JSON and Bytes for a body of that many bytes: gzip, zstd, or "" for none. A
// strong entity tag must name it (RFC 9110, 8.8.3.3).
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

// Accepts reports whether the client accepts gzip, for bodies that were compressed in advance.
func Accepts(r *http.Request) (gzip bool) {
	_, gzip = accepted(r.Header["Accept-Encoding"])
	return gzip
}

// negotiate chooses a coding from the lines of an Accept-Encoding header. It prefers zstd: a page of 100 rows shrinks to a
// twelfth in 16 µs, and with gzip to an eighth in 11 µs.
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

// accepted reads the lines of an Accept-Encoding header (RFC 9110, 12.5.3). Of the weights, only 0 matters.
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

// refused reports whether the parameters of a coding are a weight of 0.
func refused(params string) bool {
	weight, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q=")
	if !ok {
		return false
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
	return err != nil || !(q > 0) // !(q > 0) is true for NaN too
}

// Compress returns a body in a content coding of Coding, for an answer that is sent more than once.
func Compress(coding string, body []byte) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 0, len(body)/8))
	if err := compress(buf, coding, nil, body); err != nil {
		return nil, err
	}
	return bytes.Clone(buf.Bytes()), nil
}

// writeCompressed writes a body in a content coding. A large body is compressed while it is sent, without Content-Length.
func writeCompressed(w http.ResponseWriter, status int, coding string, begun *pieces.Text, body []byte) error {
	header := w.Header()
	header["Content-Encoding"] = []string{coding}
	if begun.Len()+len(body) >= streamFrom {
		w.WriteHeader(status)
		return compress(w, coding, begun, body)
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
	if err := compress(buf, coding, begun, body); err != nil {
		return err
	}
	setContentLength(w, buf.Len())
	w.WriteHeader(status)
	return writeBody(w, nil, buf.Bytes())
}

// compressor is a gzip or zstd writer.
type compressor interface {
	io.WriteCloser
	Reset(io.Writer)
}

// Pools of writers and buffers. Reset makes a writer forget its last answer, even a failed one.
var (
	compressed sync.Pool // of *bytes.Buffer of at most maxKept bytes
	gzips      sync.Pool // of *gzip.Writer
	zstds      sync.Pool // of *zstd.Encoder
)

func compress(to io.Writer, coding string, begun *pieces.Text, body []byte) error {
	pool, fresh := &gzips, newGzip
	if coding == "zstd" {
		pool, fresh = &zstds, newZstd
	}
	z, _ := pool.Get().(compressor)
	if z == nil {
		z = fresh()
	}
	defer func() {
		z.Reset(nil) // a writer in the pool must not hold a connection
		pool.Put(z)
	}()
	z.Reset(to)
	if _, err := begun.WriteTo(z); err != nil {
		return fmt.Errorf("compress the answer: %w", err)
	}
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

// newZstd returns an encoder that takes about 1 MB. RFC 9659 allows a window of 8 MB; this one is much smaller.
func newZstd() compressor {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // the options exist
	}
	return z
}
