package value

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// MaxDepth is the largest nesting of objects and arrays in a request's body, with the outermost counted.
const MaxDepth = 64

// Member is one member of a JSON object.
type Member struct {
	Name string
	Raw  jsontext.Value // one valid value without blanks around it; it aliases the body
}

// DecodeObject reads a body that must be one JSON object and returns its members in order. It refuses anything that
// two readers could understand differently: a duplicate member at any depth, invalid UTF-8, lone surrogates, text
// after the object. The error is errs.Malformed with the position. ParseJSON checks for U+0000, because it knows the
// field.
func DecodeObject(data []byte) ([]Member, error) { return DecodeObjectOf("the body", data) }

// DecodeObjectOf is DecodeObject for other JSON than the body of a request. Errors call it by the name in what.
func DecodeObjectOf(what string, data []byte) ([]Member, error) {
	if at := tooDeep(data); at >= 0 {
		return nil, malformedAt(what, data, at, "", fmt.Sprintf("objects and arrays stand more than %d deep", MaxDepth))
	}
	reader := takeReader(data)
	defer reader.release()
	decoder := reader.decoder
	switch kind := decoder.PeekKind(); kind {
	case jsontext.KindBeginObject:
	case jsontext.KindInvalid:
		_, err := decoder.ReadToken()
		return nil, malformed(what, data, err)
	default:
		if _, err := decoder.ReadValue(); err != nil { // begins like null or a number, and is neither
			return nil, malformed(what, data, err)
		}
		return nil, errs.New(errs.Malformed, "%s must be a JSON object, it is %s", what, kindName(kind))
	}
	members, err := readMembers(decoder, data)
	if err != nil {
		return nil, malformed(what, data, err)
	}
	if rest := bytes.TrimLeft(data[decoder.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, malformedAt(what, data, len(data)-len(rest), "", "something follows the object")
	}
	return members, nil
}

// objectReader is a decoder that is used again. A new one takes as long as reading a small object.
type objectReader struct {
	source  bytes.Buffer
	decoder *jsontext.Decoder
}

// readers may be global: like every sync.Pool, it holds nothing visible to a request.
var readers sync.Pool

func takeReader(data []byte) *objectReader {
	reader, ok := readers.Get().(*objectReader)
	if !ok {
		reader = &objectReader{decoder: new(jsontext.Decoder)}
	}
	reader.source = *bytes.NewBuffer(data)
	reader.decoder.Reset(&reader.source)
	return reader
}

// release keeps the reader for later, without the data.
func (r *objectReader) release() {
	r.source = bytes.Buffer{}
	r.decoder.Reset(&r.source)
	readers.Put(r)
}

func readMembers(decoder *jsontext.Decoder, data []byte) ([]Member, error) {
	if _, err := decoder.ReadToken(); err != nil { // the brace
		return nil, err
	}
	var members []Member
	for decoder.PeekKind() != jsontext.KindEndObject {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, err
		}
		m := Member{Name: name.String()}
		raw, err := decoder.ReadValue()
		if err != nil {
			return nil, err
		}
		end := int(decoder.InputOffset())
		m.Raw = data[end-len(raw) : end : end]
		if members == nil {
			members = make([]Member, 0, 8) // as many as most objects have
		}
		members = append(members, m)
	}
	_, err := decoder.ReadToken()
	return members, err
}

// tooDeep returns the offset of the bracket that exceeds MaxDepth, or -1. It may be wrong about invalid JSON. It
// comes first because jsontext keeps state for each level, up to 10,000 of them.
func tooDeep(data []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return i
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}

func malformed(what string, data []byte, err error) error {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case ok && errors.Is(err, jsontext.ErrDuplicateName):
		return malformedAt(what, data, int(syntax.ByteOffset), syntax.JSONPointer, "this member is given twice")
	case ok && errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return malformedAt(what, data, len(data), "", "it ends too early")
	case ok:
		return malformedAt(what, data, int(syntax.ByteOffset), syntax.JSONPointer, withoutExcerpt(syntax.Err.Error()))
	default:
		return errs.Wrapf(err, errs.Malformed, "%s is not JSON", what)
	}
}

// excerpt is a part of the data that an error of jsontext quotes. It may be a part of a password.
var excerpt = regexp.MustCompile("(?s) *`.*`")

// withoutExcerpt returns the text of an error without what it quotes. The position says where to look.
func withoutExcerpt(text string) string { return excerpt.ReplaceAllString(text, "") }

func malformedAt(what string, data []byte, offset int, pointer jsontext.Pointer, fault string) error {
	before := data[:min(max(offset, 0), len(data))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	col := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	place := fmt.Sprintf("line %d, column %d", line, col)
	if pointer != "" {
		place += ", at " + errs.Clip(string(pointer), 200)
	}
	return errs.New(errs.Malformed, "%s is not acceptable JSON: %s: %s", what, place, fault)
}

func kindName(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	default:
		return "not JSON"
	}
}
