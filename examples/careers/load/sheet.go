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

// A folder is the path of a folder with CSV files.
type folder string

// A record is one record of a CSV file. Its methods return no errors, so a mapping reads like a plain list: the first fault
// of a cell goes to err, and each returns it.
type record struct {
	path   string
	number int // from 1 for the header
	header []string
	cells  []string
	err    *error
}

// each calls use with every record of a file, and stops at the first fault.
func (f folder) each(name string, use func(record) error) error {
	path := filepath.Join(string(f), name)
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is missing: --data names the folder that holds onet/csv and bls/csv", path)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	reader := csv.NewReader(file)
	header, err := reader.Read()
	if err != nil {
		return fmt.Errorf("%s: no header: %w", path, err)
	}
	for number := 2; ; number++ {
		cells, err := reader.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		var fault error
		rec := record{path, number, header, cells, &fault}
		err = use(rec)
		if err := cmp.Or(fault, err); err != nil { // a cell's fault is the cause of what use finds
			return fmt.Errorf("%s: record %d: %w", path, number, err)
		}
	}
}

// rows makes one row of each record of a file. convert returns the row's id and its members.
func (f folder) rows(name string, convert func(record) (string, members)) ([]row, error) {
	var rows []row
	err := f.each(name, func(rec record) error {
		id, fields := convert(rec)
		row, err := newRow(id, fields)
		rows = append(rows, row)
		return err
	})
	return rows, err
}

func (r record) fail(format string, args ...any) {
	if *r.err == nil {
		*r.err = fmt.Errorf(format, args...)
	}
}

// cell returns the text of a column, and "" for an empty cell.
func (r record) cell(column string) string {
	i := slices.Index(r.header, column)
	if i < 0 {
		r.fail("there is no column %s", column)
		return ""
	}
	return r.cells[i]
}

// text returns the text of a column, and nil for an empty cell.
func (r record) text(column string) any {
	if text := r.cell(column); text != "" {
		return text
	}
	return nil
}

// num returns a JSON number, and nil for an empty cell.
func (r record) num(column string) any {
	text := r.cell(column)
	if text == "" {
		return nil
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		r.fail("%s: %q is not a number", column, text)
		return nil
	}
	return json.Number(text)
}

// decimal returns a number as a string with exactly scale digits after the point, and nil for an empty cell.
func (r record) decimal(column string, scale int) any {
	text := r.cell(column)
	if text == "" {
		return nil
	}
	whole, digits, _ := strings.Cut(text, ".")
	if _, err := strconv.ParseFloat(text, 64); err != nil || strings.ContainsAny(text, "eE") || len(digits) > scale {
		r.fail("%s: %q is not a number with at most %d digits after the point", column, text, scale)
		return nil
	}
	if scale == 0 {
		return whole
	}
	return whole + "." + digits + strings.Repeat("0", scale-len(digits))
}

// bool returns true or false, and false for an empty cell.
func (r record) bool(column string) bool {
	switch text := r.cell(column); text {
	case "true":
		return true
	case "", "false":
		return false
	default:
		r.fail("%s: %q is neither true nor false", column, text)
		return false
	}
}
