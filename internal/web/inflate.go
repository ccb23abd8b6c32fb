package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// acceptedCoding is the content coding of bodies that a server reads, as Accept-Encoding names it.
const acceptedCoding = "gzip"

// isCompressed reports whether a body has that content coding. It refuses all others.
func isCompressed(header http.Header) (is bool, err error) {
	for _, line := range header["Content-Encoding"] {
		for name := range strings.SplitSeq(line, ",") {
			switch name = strings.ToLower(strings.Trim(name, " \t")); {
			case name == "" || name == "identity":
			case is:
				return false, errs.New(errs.Unsupported, "the body has several content codings: send it as gzip, or without Content-Encoding")
			case name == "gzip" || name == "x-gzip":
				is = true
			default:
				return false, errs.New(errs.Unsupported, "the content coding is not accepted: send the body as gzip, or without Content-Encoding")
			}
		}
	}
	return is, nil
}

// inflate returns a body without its content coding. The limit counts for the result too, so a small body cannot become a large
// one. It takes one member of gzip (RFC 1952, 2.2): programs disagree about what several of them mean.
func inflate(body []byte, limit int64) ([]byte, error) {
	plain, err := gunzip(body, limit)
	switch {
	case errors.Is(err, errTooLong):
		return nil, errs.New(errs.TooLarge, "the body has more than the %d bytes that are accepted, once it is decompressed", limit)
	case errors.Is(err, errTrailing):
		return nil, errs.New(errs.Malformed, "more bytes follow the end of the gzip body: send it as one member")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, errs.Wrapf(err, errs.Malformed, "the gzip body is cut off: it ends before its last block")
	case err != nil:
		return nil, errs.Wrapf(err, errs.Malformed, "the body is damaged, or is not gzip as Content-Encoding says")
	case len(plain) == 0:
		return nil, errs.New(errs.Malformed, "the body is empty")
	}
	return plain, nil
}

// What is wrong with a compressed body beside its form.
var (
	errTooLong  = errors.New("too long")
	errTrailing = errors.New("bytes follow its end")
)

// gunzips holds values of *gzip.Reader. A reader in the pool holds no body.
var gunzips sync.Pool

func gunzip(body []byte, limit int64) ([]byte, error) {
	z, _ := gunzips.Get().(*gzip.Reader)
	if z == nil {
		z = new(gzip.Reader)
	}
	in := bytes.NewReader(body) // has ReadByte, so gzip reads no byte too many
	defer func() {
		in.Reset(nil)
		gunzips.Put(z)
	}()
	if err := z.Reset(in); err != nil {
		return nil, err
	}
	z.Multistream(false)
	var plain bytes.Buffer
	plain.Grow(int(min(limit, 4*int64(len(body)))) + bytes.MinRead)
	switch n, err := plain.ReadFrom(io.LimitReader(z, limit+1)); {
	case n > limit:
		return nil, errTooLong
	case err != nil:
		return nil, err
	case in.Len() > 0:
		return nil, errTrailing
	}
	return plain.Bytes(), nil
}
