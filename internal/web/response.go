package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/pieces"
	"github.com/ashlar-dev/ashlar/internal/web/netconn"
)

// response is a ResponseWriter that notes the handler's answer.
type response struct {
	http.ResponseWriter
	client     context.Context // of the request, from net/http
	base       base            // path of the public address
	head       bool            // the request is a HEAD, so Write sends nothing
	in         *requestBody    // of the request; nil: it has none
	inLength   int64           // Content-Length of the request; -1: unknown
	status     int             // status of the answer; 0 before its header is written
	accepts    []string        // lines of Accept-Encoding
	coding     string          // content coding of the answer; "" for none
	negotiated bool            // coding is set
	bytes      int64           // size of the body so far

	length, tag [1]string // values of Content-Length and ETag, so that they need no slices
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // a 1xx is not the answer
		w.status = status
		w.base.leave(w.Header())
		if w.in != nil {
			w.in.hasten(w.ResponseWriter, w.inLength)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(out []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.head {
		return len(out), nil
	}
	n, err := w.ResponseWriter.Write(out)
	w.bytes += int64(n)
	return n, err
}

// JSON answers with a body of type application/json. An error comes from the connection.
func JSON(w http.ResponseWriter, status int, body []byte) error {
	return write(w, status, typeJSON, nil, body)
}

// LongJSON is JSON of a body that may begin in pieces. Each is free as soon as it is written.
func LongJSON(w http.ResponseWriter, status int, begun *pieces.Text, rest []byte) error {
	return write(w, status, typeJSON, begun, rest)
}

// Bytes answers with a body of any type.
func Bytes(w http.ResponseWriter, status int, contentType string, body []byte) error {
	if strings.HasPrefix(contentType, "text/html") {
		body = PartOfPage(w, body)
	}
	return write(w, status, []string{contentType}, nil, body)
}

func write(w http.ResponseWriter, status int, contentType []string, begun *pieces.Text, body []byte) error {
	header := w.Header()
	own := len(header["Content-Encoding"]) == 0 // the handler has not compressed the body itself
	if own {
		VaryOn(header, acceptEncoding)
	}
	header["Content-Type"] = contentType
	if own {
		if coding := Coding(w, begun.Len()+len(body)); coding != "" {
			return writeCompressed(w, status, coding, begun, body)
		}
	}
	setContentLength(w, begun.Len()+len(body))
	w.WriteHeader(status)
	if err := writeBody(w, begun, body); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// writeBody writes a body whose size is in the header.
func writeBody(w http.ResponseWriter, begun *pieces.Text, body []byte) error {
	if x, ok := w.(*response); ok && begun.Len()+len(body) >= netconn.Large && !x.head {
		netconn.Join(x.client)
	}
	if _, err := begun.WriteTo(w); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// countedSize is the size of a body, in bytes, from which we set Content-Length ourselves. To a smaller body net/http adds it,
// unless the request is a HEAD. Most answers then have eight headers, and a map of Go grows at the next.
const countedSize = 2048

func setContentLength(w http.ResponseWriter, size int) {
	var values *[1]string
	if x, ok := w.(*response); ok {
		if size < countedSize && !x.head {
			return
		}
		values = &x.length
	} else {
		values = new([1]string)
	}
	values[0] = strconv.Itoa(size)
	w.Header()["Content-Length"] = values[:]
}

// SetETag sets the header ETag in RFC 9110's spelling. Header.Set would send Etag, and some clients do not find that.
func SetETag(w http.ResponseWriter, tag string) {
	var values *[1]string
	if x, ok := w.(*response); ok {
		values = &x.tag
	} else {
		values = new([1]string)
	}
	values[0] = tag
	w.Header()[ETagHeader] = values[:]
}

// acceptEncoding is the Vary of all answers with a choice of content coding.
var acceptEncoding = []string{"Accept-Encoding"}

// VaryOn adds names of request headers to Vary. It may keep the slice as the value of the header, so nobody may change the
// slice afterwards.
func VaryOn(header http.Header, names []string) {
	have := header["Vary"]
	if len(have) == 0 {
		header["Vary"] = names
		return
	}
	added := have
	for _, name := range names {
		if !slices.ContainsFunc(have, func(line string) bool { return strings.Contains(line, name) }) {
			added = append(slices.Clip(added), name)
		}
	}
	if len(added) > len(have) {
		header["Vary"] = added
	}
}

// Empty answers without a body: 204, 304, or the 201 of a row that its creator may not read. A 304 has the Vary of
// the 200 that it replaces (RFC 9110, 15.4.5).
func Empty(w http.ResponseWriter, status int) error {
	if status == http.StatusNotModified {
		VaryOn(w.Header(), acceptEncoding)
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		w.Header().Set("Content-Length", "0")
	}
	w.WriteHeader(status)
	return nil
}

// Page answers with an HTML page that may load nothing and run no script. style is the text of its only <style> element, or ""
// if it has none.
func Page(w http.ResponseWriter, status int, body []byte, style string) error {
	policy := "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if style != "" {
		sum := sha256.Sum256([]byte(style))
		policy += "; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	w.Header().Set("Content-Security-Policy", policy)
	return Bytes(w, status, "text/html; charset=utf-8", body)
}
