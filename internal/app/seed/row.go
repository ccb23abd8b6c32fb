package seed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	maxJSON = 64 << 20 // bytes of a .json file, because it is read as a whole
	maxLine = 16 << 20 // bytes of one row of a .ndjson file
)

// An entry is one row of a file.
type entry struct {
	unit    string // unit of number: row or line
	number  int    // counts from 1
	members []value.Member
	err     error // syntax error in the row
}

// rows calls each for the rows of the file. The members are valid until the next call.
func (file File) rows(each func(entry) error) error {
	info, err := os.Stat(file.path)
	if err != nil {
		return fmt.Errorf("%s: %w", file.name, err)
	}
	if !info.Mode().IsRegular() {
		return Faults{file.name + ": this is not a regular file"}
	}
	in, err := os.Open(file.path)
	if err != nil {
		return fmt.Errorf("%s: %w", file.name, err)
	}
	defer in.Close()
	if filepath.Ext(file.path) == ".ndjson" {
		return file.lines(in, each)
	}
	return file.array(in, each)
}

// lines reads one row from each line, and skips blank lines.
func (file File) lines(in io.Reader, each func(entry) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	number := 0
	for lines.Scan() {
		number++
		text := bytes.TrimSpace(trimMark(lines.Bytes(), number == 1))
		if len(text) == 0 {
			continue
		}
		row := entry{unit: "line", number: number}
		row.members, row.err = value.DecodeObject(text)
		if err := each(row); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return Faults{fmt.Sprintf("%s: line %d: a row has more than %d bytes", file.name, number+1, maxLine)}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", file.name, err)
	}
	return nil
}

// array reads the rows of a JSON array.
func (file File) array(in io.Reader, each func(entry) error) error {
	data, err := io.ReadAll(io.LimitReader(in, maxJSON+1))
	if err != nil {
		return fmt.Errorf("%s: %w", file.name, err)
	}
	if len(data) > maxJSON {
		return Faults{fmt.Sprintf("%s: the file has more than %d bytes: write it as %s.ndjson, one row per line", file.name, maxJSON, file.Table.Name)}
	}
	data = trimMark(data, true)
	// DecodeObject checks names and UTF-8 with better messages.
	decoder := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if decoder.PeekKind() != jsontext.KindBeginArray {
		return Faults{file.name + ": the file must be a JSON array of objects: [{…}, {…}]"}
	}
	if _, err := decoder.ReadToken(); err != nil {
		return Faults{file.syntax(data, err)}
	}
	for number := 1; decoder.PeekKind() != jsontext.KindEndArray; number++ {
		text, err := decoder.ReadValue()
		if err != nil {
			return Faults{file.syntax(data, err)}
		}
		row := entry{unit: "row", number: number}
		row.members, row.err = value.DecodeObject(text)
		if err := each(row); err != nil {
			return err
		}
	}
	return file.end(decoder, data)
}

// end reads the end of the array, and refuses further text.
func (file File) end(decoder *jsontext.Decoder, data []byte) error {
	if _, err := decoder.ReadToken(); err != nil {
		return Faults{file.syntax(data, err)}
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return Faults{file.name + ": something follows the array"}
	}
	return nil
}

// syntax returns the fault of a file with a JSON syntax error, with its line and column.
func (file File) syntax(data []byte, err error) string {
	offset, what := len(data), "it ends too early"
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok && !errors.Is(err, io.ErrUnexpectedEOF) {
		offset, what = min(int(e.ByteOffset), len(data)), e.Err.Error()
	}
	before := data[:offset]
	col := 1 + len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:])))
	return fmt.Sprintf("%s:%d:%d: this is not JSON: %s", file.name, 1+bytes.Count(before, []byte{'\n'}), col, what)
}

// trimMark drops a byte order mark from the start of a file.
func trimMark(data []byte, start bool) []byte {
	if !start {
		return data
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
}
