package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// A route carries its handler, and a handler returns its error.
func Example() {
	receiver, err := web.NewReceiver(web.Config{})
	if err != nil {
		panic(err)
	}
	hello := web.Route{Pattern: "GET /hello/{name}", Handler: func(w http.ResponseWriter, r *http.Request) error {
		if r.PathValue("name") == "nobody" {
			return errs.New(errs.Conflict, "nobody cannot be greeted")
		}
		return web.JSON(w, http.StatusOK, []byte(`"hello"`))
	}}
	server := receiver.Handler(web.NewMux(hello))

	for _, path := range []string{"/hello/ada", "/hello/nobody", "/"} {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Println(w.Code, w.Header().Get("Content-Type"))
	}
	// Output:
	// 200 application/json
	// 409 application/problem+json
	// 404 application/problem+json
}
