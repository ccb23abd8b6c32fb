package server

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
	maxSeedJSON = 64 << 20 // bytes of a .json file, which is read as a whole
	maxSeedLine = 16 << 20 // bytes of a row of a .ndjson file, which is read row by row
)

// seedRow is one row of a file, or what is wrong with it.
type seedRow struct {
	unit    string // what number counts: row, or line
	number  int    // from 1
	members []value.Member
	err     error
}

// rows calls each for the rows of the file. The members are valid until the next.
func (s Seed) rows(each func(seedRow) error) error {
	info, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if !info.Mode().IsRegular() {
		return SeedFaults{s.name + ": this is no regular file"}
	}
	f, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	defer f.Close()
	if filepath.Ext(s.path) == ".ndjson" {
		return s.lines(f, each)
	}
	return s.array(f, each)
}

// lines reads a row from each line that is not blank.
func (s Seed) lines(r io.Reader, each func(seedRow) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxSeedLine)
	number := 0
	for lines.Scan() {
		number++
		text := bytes.TrimSpace(trimMark(lines.Bytes(), number == 1))
		if len(text) == 0 {
			continue
		}
		row := seedRow{unit: "line", number: number}
		row.members, row.err = value.DecodeObject(text)
		if err := each(row); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return SeedFaults{fmt.Sprintf("%s: line %d: a row has more than %d bytes", s.name, number+1, maxSeedLine)}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

// array reads the rows of a JSON array.
func (s Seed) array(r io.Reader, each func(seedRow) error) error {
	data, err := io.ReadAll(io.LimitReader(r, maxSeedJSON+1))
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if len(data) > maxSeedJSON {
		return SeedFaults{fmt.Sprintf("%s: the file has more than %d bytes: write it as %s.ndjson, a row a line", s.name, maxSeedJSON, s.Table.Name)}
	}
	data = trimMark(data, true)
	d := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) // DecodeObject says it better
	if d.PeekKind() != jsontext.KindBeginArray {
		return SeedFaults{s.name + ": the file must be a JSON array of objects: [{…}, {…}]"}
	}
	if _, err := d.ReadToken(); err != nil {
		return SeedFaults{s.syntax(data, err)}
	}
	for number := 1; d.PeekKind() != jsontext.KindEndArray; number++ {
		text, err := d.ReadValue()
		if err != nil {
			return SeedFaults{s.syntax(data, err)}
		}
		row := seedRow{unit: "row", number: number}
		row.members, row.err = value.DecodeObject(text)
		if err := each(row); err != nil {
			return err
		}
	}
	return s.end(d, data)
}

// end checks that nothing follows the array.
func (s Seed) end(d *jsontext.Decoder, data []byte) error {
	if _, err := d.ReadToken(); err != nil {
		return SeedFaults{s.syntax(data, err)}
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return SeedFaults{s.name + ": something follows the array"}
	}
	return nil
}

// syntax says where a file is no JSON.
func (s Seed) syntax(data []byte, err error) string {
	offset, what := len(data), "it ends too early"
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok && !errors.Is(err, io.ErrUnexpectedEOF) {
		offset, what = min(int(e.ByteOffset), len(data)), e.Err.Error()
	}
	before := data[:offset]
	col := 1 + len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:])))
	return fmt.Sprintf("%s:%d:%d: this is not JSON: %s", s.name, 1+bytes.Count(before, []byte{'\n'}), col, what)
}

// trimMark drops a byte order mark from the start of a file.
func trimMark(data []byte, start bool) []byte {
	if !start {
		return data
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
}
