package main

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// folder is where CSV files are.
type folder string

// line is one record of a CSV file. The first cell that cannot be read is kept in the error that each shares, so that a
// mapping reads as a plain list.
type line struct {
	path   string
	number int // of the record, from 1 for the header
	header []string
	cells  []string
	err    *error
}

// each calls use with every record of a file, and stops at the first fault.
func (f folder) each(name string, use func(line) error) error {
	path := filepath.Join(string(f), name)
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is missing: --data names the folder that holds onet/csv and bls/csv", path)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	r := csv.NewReader(file)
	header, err := r.Read()
	if err != nil {
		return fmt.Errorf("%s: no header: %w", path, err)
	}
	for number := 2; ; number++ {
		cells, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		var fault error
		l := line{path, number, header, cells, &fault}
		err = use(l)
		if err := cmp.Or(fault, err); err != nil { // a cell's fault is the cause of what use finds
			return fmt.Errorf("%s: record %d: %w", path, number, err)
		}
	}
}

// rows makes a row of every record of a file.
func (f folder) rows(name string, of func(line) (string, members)) ([]row, error) {
	var rows []row
	err := f.each(name, func(l line) error {
		id, m := of(l)
		r, err := newRow(id, m)
		rows = append(rows, r)
		return err
	})
	return rows, err
}

func (l line) fail(format string, args ...any) {
	if *l.err == nil {
		*l.err = fmt.Errorf(format, args...)
	}
}

// cell returns the text of a column, "" where it is empty.
func (l line) cell(column string) string {
	i := slices.Index(l.header, column)
	if i < 0 {
		l.fail("there is no column %s", column)
		return ""
	}
	return l.cells[i]
}

// text returns the text of a column, nil where it is empty.
func (l line) text(column string) any {
	if text := l.cell(column); text != "" {
		return text
	}
	return nil
}

// num returns a JSON number, nil where the column is empty.
func (l line) num(column string) any {
	text := l.cell(column)
	if text == "" {
		return nil
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		l.fail("%s: %q is not a number", column, text)
		return nil
	}
	return json.Number(text)
}

// decimal returns a number as a string with exactly scale digits after the point, nil where the column is empty.
func (l line) decimal(column string, scale int) any {
	text := l.cell(column)
	if text == "" {
		return nil
	}
	whole, digits, _ := strings.Cut(text, ".")
	if _, err := strconv.ParseFloat(text, 64); err != nil || strings.ContainsAny(text, "eE") || len(digits) > scale {
		l.fail("%s: %q is not a number with at most %d digits after the point", column, text, scale)
		return nil
	}
	if scale == 0 {
		return whole
	}
	return whole + "." + digits + strings.Repeat("0", scale-len(digits))
}

// bool returns false where the column is empty.
func (l line) bool(column string) bool {
	switch text := l.cell(column); text {
	case "true":
		return true
	case "", "false":
		return false
	default:
		l.fail("%s: %q is neither true nor false", column, text)
		return false
	}
}
