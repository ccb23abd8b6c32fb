package web

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func TestReadBody(t *testing.T) {
	const ok = errs.Kind("")
	for _, tt := range []struct {
		name   string
		header []string
		body   string
		want   errs.Kind
	}{
		{"plain", []string{"Content-Type", "application/json"}, "{}", ok},
		{"merge patch", []string{"Content-Type", "application/merge-patch+json"}, "{}", ok},
		{"charset", []string{"Content-Type", "application/json; charset=utf-8"}, "{}", ok},
		{"charset in capitals", []string{"Content-Type", "Application/JSON;Charset=\"UTF-8\""}, "{}", ok},
		{"another parameter", []string{"Content-Type", "application/json; profile=x"}, "{}", ok},
		{"identity", []string{"Content-Type", "application/json", "Content-Encoding", "identity"}, "{}", ok},
		{"exactly the limit", []string{"Content-Type", "application/json"}, strings.Repeat("x", 100), ok},
		{"over the limit", []string{"Content-Type", "application/json"}, strings.Repeat("x", 101), errs.TooLarge},
		{"over the limit, of a wrong type", nil, strings.Repeat("x", 101), errs.TooLarge},
		{"empty", []string{"Content-Type", "application/json"}, "", errs.Malformed},
		{"no type", nil, "{}", errs.Unsupported},
		{"empty type", []string{"Content-Type", ""}, "{}", errs.Unsupported},
		{"text", []string{"Content-Type", "text/plain"}, "{}", errs.Unsupported},
		{"form", []string{"Content-Type", "application/x-www-form-urlencoded"}, "a=b", errs.Unsupported},
		{"a prefix of it", []string{"Content-Type", "application/jsonx"}, "{}", errs.Unsupported},
		{"latin1", []string{"Content-Type", "application/json; charset=iso-8859-1"}, "{}", errs.Unsupported},
		{"two charsets", []string{"Content-Type", "application/json; charset=utf-8; charset=utf-16"}, "{}", errs.Unsupported},
		{"two types in one", []string{"Content-Type", "application/json, text/plain"}, "{}", errs.Unsupported},
		{"two types", []string{"Content-Type", "application/json", "Content-Type", "application/json"}, "{}", errs.Unsupported},
		{"brotli second", []string{"Content-Type", "application/json", "Content-Encoding", "identity", "Content-Encoding", "br"}, "{}", errs.Unsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, streamed := range []bool{false, true} {
				r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
				if streamed {
					r.ContentLength = -1
				}
				r.Header.Del("Content-Type")
				for i := 0; i < len(tt.header); i += 2 {
					r.Header.Add(tt.header[i], tt.header[i+1])
				}
				got, err := ReadBody(httptest.NewRecorder(), r, 100, "application/json", "application/merge-patch+json")
				want := tt.want
				if streamed && tt.name == "over the limit, of a wrong type" {
					want = errs.Unsupported // its size is not known yet
				}
				if errs.KindOf(err) != want {
					t.Errorf("streamed %v: %v, want %q", streamed, err, want)
				}
				if want == ok && string(got) != tt.body {
					t.Errorf("streamed %v: %q", streamed, got)
				}
				if err != nil && got != nil {
					t.Errorf("streamed %v: an error and a body %q", streamed, got)
				}
			}
		})
	}
}

func TestReadBodyDoesNotTrustTheLength(t *testing.T) {
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("{"), &failing{}))
	r.ContentLength = 100
	r.Header.Set("Content-Type", "application/json")
	if _, err := ReadBody(httptest.NewRecorder(), r, 100, "application/json"); errs.KindOf(err) != errs.Malformed || !strings.Contains(err.Error(), "declared length") {
		t.Errorf("ReadBody = %v", err)
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
