package sqlite

import (
	"errors"
	"reflect"
	"strings"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
	lite "zombiezen.com/go/sqlite"
)

// This file calls functions of SQLite that zombiezen lacks, or offers only with a copy of each value.

// errDriver is the error of a driver that keeps its pointers elsewhere.
var errDriver = errors.New("the driver's structs have changed")

// handleOf returns a connection's pointers from the fields of zombiezen's struct.
func handleOf(conn *lite.Conn) (tls *libc.TLS, db uintptr, err error) {
	fields := reflect.ValueOf(conn).Elem()
	thread, raw := fields.FieldByName("tls"), fields.FieldByName("conn")
	if !thread.IsValid() || thread.Type() != reflect.TypeFor[*libc.TLS]() || thread.IsNil() || raw.Kind() != reflect.Uintptr {
		return nil, 0, errDriver
	}
	return (*libc.TLS)(thread.UnsafePointer()), uintptr(raw.Uint()), nil
}

// steps returns the instructions that a statement of the connection ran since the last call.
func steps(conn *lite.Conn, stmt *lite.Stmt) (int64, error) {
	tls, _, err := handleOf(conn)
	raw := reflect.ValueOf(stmt).Elem().FieldByName("stmt")
	if err != nil || raw.Kind() != reflect.Uintptr {
		return 0, errDriver
	}
	return int64(lib.Xsqlite3_stmt_status(tls, uintptr(raw.Uint()), lib.SQLITE_STMTSTATUS_VM_STEP, 1)), nil
}

// setProgress makes SQLite call a function each so many instructions. The connection needs the result to be kept as long as
// it is open, since the garbage collector does not see SQLite's pointer.
func setProgress(conn *lite.Conn, steps int32, call func()) (keep any, err error) {
	tls, db, err := handleOf(conn)
	if err != nil {
		return nil, err
	}
	handler := func(*libc.TLS, uintptr) int32 {
		call()
		return 0 // go on
	}
	lib.Xsqlite3_progress_handler(tls, db, steps, functionPointer(handler), 0)
	return handler, nil
}

// functionPointer returns a function as modernc's C library keeps pointers to functions: the pointer to its code and to what
// it has captured.
func functionPointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

// A nativeFunction is a function of SQL that gets pointers to SQLite's values.
type nativeFunction = func(tls *libc.TLS, ctx uintptr, args int32, values uintptr)

// registerTexts registers the functions that search in texts. zombiezen would copy each text into the heap of Go. A search over
// 20,000 texts of 1 kB left 35 MB to the garbage collector, which then took a tenth of the time from all requests.
func registerTexts(conn *lite.Conn) error {
	tls, db, err := handleOf(conn)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		call nativeFunction
	}{
		{"ashlar_contains", containsText}, // takes linear time; SQLite's instr compares the part at every position
		{"ashlar_starts_with", startsWithText},
		{"ashlar_ends_with", endsWithText},
	} {
		name, err := libc.CString(f.name)
		if err != nil {
			return err
		}
		const flags = lib.SQLITE_UTF8 | lib.SQLITE_DETERMINISTIC | lib.SQLITE_DIRECTONLY
		code := lib.Xsqlite3_create_function_v2(tls, db, name, 2, flags, 0, functionPointer(f.call), 0, 0, 0)
		libc.Xfree(tls, name)
		if err := lite.ResultCode(code).ToError(); err != nil {
			return err
		}
	}
	return nil
}

func containsText(tls *libc.TLS, ctx uintptr, _ int32, values uintptr) {
	searchText(tls, ctx, values, strings.Contains)
}

func startsWithText(tls *libc.TLS, ctx uintptr, _ int32, values uintptr) {
	searchText(tls, ctx, values, strings.HasPrefix)
}

func endsWithText(tls *libc.TLS, ctx uintptr, _ int32, values uintptr) {
	searchText(tls, ctx, values, strings.HasSuffix)
}

// searchText sets the result of a function of two texts. It is NULL if one is not a text.
func searchText(tls *libc.TLS, ctx, values uintptr, f func(text, part string) bool) {
	both := unsafe.Slice((*uintptr)(pointer(values)), 2)
	for _, v := range both {
		if lib.Xsqlite3_value_type(tls, v) != lib.SQLITE_TEXT {
			lib.Xsqlite3_result_null(tls, ctx)
			return
		}
	}
	result := int32(0)
	if f(borrowText(tls, both[0]), borrowText(tls, both[1])) {
		result = 1
	}
	lib.Xsqlite3_result_int(tls, ctx, result)
}

// borrowText returns a text of SQLite without a copy. It is valid until the function of SQL returns.
func borrowText(tls *libc.TLS, v uintptr) string {
	text := lib.Xsqlite3_value_text(tls, v)
	if text == 0 { // no memory
		return ""
	}
	return unsafe.String((*byte)(pointer(text)), lib.Xsqlite3_value_bytes(tls, v))
}

// pointer returns a pointer into SQLite's memory, which is not Go's.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
