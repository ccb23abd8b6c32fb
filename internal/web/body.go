package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// requestBody counts the bytes that a handler reads of the body of a request.
type requestBody struct {
	io.ReadCloser
	bytes int64
	ended bool
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes += int64(n)
	b.ended = b.ended || err != nil
	return n, err
}

// restTime is how long an answer waits for the rest of a body that the handler did not read.
const restTime = time.Second

// hasten bounds the wait for the rest of the body. net/http reads up to 256 KiB of it before it sends an answer, until the
// deadline of the whole request. A client that sends no more would hold its connection for all that time, though the request
// was refused at once.
func (b *requestBody) hasten(w http.ResponseWriter, length int64) {
	if b.ReadCloser != nil && !b.ended && b.bytes != length {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(restTime)) // without it the old deadline holds
	}
}

// ReadBody returns the body of a request, decompressed. It refuses a body that is too large, then one of another content coding
// or media type, then an empty one. The limit counts as sent and as decompressed.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64, types ...string) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	compressed, err := isCompressed(r.Header)
	if err != nil {
		w.Header().Set("Accept-Encoding", acceptedCoding)
		return nil, err
	}
	if err := checkMediaType(r.Header, types); err != nil {
		sayAccepted(w.Header(), r.Method, types)
		return nil, err
	}
	body, err := readSent(w, r, limit)
	if err != nil || !compressed {
		return body, err
	}
	return inflate(body, limit)
}

// readSent returns a body as it was sent.
func readSent(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength >= 0 && r.ContentLength <= maxDeclared {
		return readDeclared(r, limit)
	}
	limited := http.MaxBytesReader(underlying(w), r.Body, limit)
	// Make room for the declared length, but not for more than most bodies have. A slow client must not hold a megabyte of
	// memory by declaring it.
	var buf bytes.Buffer
	buf.Grow(int(min(max(r.ContentLength, 0), maxDeclared)) + bytes.MinRead)
	if _, err := buf.ReadFrom(limited); err != nil {
		return nil, readError(err, limit)
	}
	if buf.Len() == 0 {
		return nil, errs.New(errs.Malformed, "the body is empty")
	}
	return buf.Bytes(), nil
}

// maxDeclared is the largest body, in bytes, that is given its memory before it arrives.
const maxDeclared = 16 << 10

// readDeclared reads a body of the declared length. net/http gives no more of it.
func readDeclared(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, errs.New(errs.Malformed, "the body is empty")
	}
	body := make([]byte, r.ContentLength)
	switch _, err := io.ReadFull(r.Body, body); err {
	case nil:
		return body, nil
	case io.EOF:
		return nil, readError(io.ErrUnexpectedEOF, limit)
	default:
		return nil, readError(err, limit)
	}
}

// underlying returns the ResponseWriter of net/http. http.MaxBytesReader tells it to close the connection.
func underlying(w http.ResponseWriter) http.ResponseWriter {
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = u.Unwrap()
	}
}

func tooLarge(limit int64) error {
	return errs.New(errs.TooLarge, "the body has more than the %d bytes that are accepted", limit)
}

func readError(err error, limit int64) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(limit)
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return errs.Wrapf(err, errs.Malformed, "the body did not arrive in time")
	}
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errs.Wrapf(err, errs.Malformed, "the body ends before its declared length")
	default:
		return errs.Wrapf(err, errs.Malformed, "the body cannot be read")
	}
}

// sayAccepted sets the header of a 415 with the accepted types: Accept-Patch (RFC 5789, 2.2) or Accept. It must not set
// Accept-Encoding (RFC 9110, 12.5.3): a client would then take the content coding for the reason.
func sayAccepted(header http.Header, method string, types []string) {
	name := "Accept"
	if method == http.MethodPatch {
		name = "Accept-Patch"
	}
	header.Set(name, strings.Join(types, ", "))
}

func checkMediaType(header http.Header, types []string) error {
	given := header["Content-Type"]
	switch {
	case len(given) == 0:
		return errs.New(errs.Unsupported, "Content-Type is missing: send %s", strings.Join(types, " or "))
	case len(given) > 1:
		return errs.New(errs.Unsupported, "Content-Type is given %d times", len(given))
	case slices.Contains(types, given[0]): // the spelling of nearly all clients
		return nil
	}
	mediaType, params, err := mime.ParseMediaType(given[0])
	if err != nil || !slices.Contains(types, mediaType) {
		return errs.New(errs.Unsupported, "Content-Type is not accepted: send %s", strings.Join(types, " or "))
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return errs.New(errs.Unsupported, "the charset is not accepted: send UTF-8")
	}
	return nil
}
