package main

import (
	"strconv"
	"time"
	"unicode/utf8"

	"zombiezen.com/go/sqlite"
)

// appendArticle appends a row of posts or notes, but for its last brace.
func appendArticle(dst []byte, stmt *sqlite.Stmt, text *borrowed) []byte {
	dst = append(append(dst, `{"id":"`...), text.of(stmt, 0)...)
	dst = appendString(append(dst, `","title":`...), text.of(stmt, 1))
	dst = appendString(append(dst, `,"body":`...), text.of(stmt, 2))
	dst = append(append(dst, `,"status":"`...), text.of(stmt, 3)...)
	dst = strconv.AppendInt(append(dst, `","views":`...), stmt.ColumnInt64(4), 10)
	dst = strconv.AppendFloat(append(dst, `,"score":`...), stmt.ColumnFloat(5), 'f', -1, 64)
	dst = strconv.AppendBool(append(dst, `,"featured":`...), stmt.ColumnInt64(6) != 0)
	dst = append(append(dst, `,"author_id":"`...), text.of(stmt, 7)...)
	dst = appendTime(append(dst, `","created_at":`...), stmt.ColumnInt64(8))
	return appendTime(append(dst, `,"updated_at":`...), stmt.ColumnInt64(9))
}

func appendUser(dst []byte, stmt *sqlite.Stmt, text *borrowed) []byte {
	dst = append(append(dst, `{"id":"`...), text.of(stmt, 0)...)
	dst = appendString(append(dst, `","email":`...), text.of(stmt, 1))
	dst = appendString(append(dst, `,"name":`...), text.of(stmt, 2))
	dst = appendTime(append(dst, `,"created_at":`...), stmt.ColumnInt64(3))
	return append(appendTime(append(dst, `,"updated_at":`...), stmt.ColumnInt64(4)), '}')
}

func appendTime(dst []byte, micros int64) []byte {
	dst = time.UnixMicro(micros).UTC().AppendFormat(append(dst, '"'), "2006-01-02T15:04:05.000000Z")
	return append(dst, '"')
}

// plain marks the bytes that need no escape in a JSON string.
var plain = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= 0x20 && c != '"' && c != '\\'
	}
	return is
}()

func appendString(dst, text []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(text); i++ {
		if plain[text[i]] {
			continue
		}
		dst = append(dst, text[from:i]...)
		const hex = "0123456789abcdef"
		switch c := text[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		from = i + 1
	}
	return append(append(dst, text[from:]...), '"')
}

func validText(text string, most int) bool {
	return text != "" && len(text) <= most && utf8.ValidString(text)
}
