// sixth MISTAKE PORT: Go's net/http with fields by hand, with one mistake of CAUSES.md made on purpose.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	a = "http://app.one.test:18901"
	b = "http://app.two.test:18902"
)

func cors(next http.Handler, allow ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, origin := range allow {
			if origin == "*" || origin == r.Header.Get("Origin") {
				w.Header().Set("Access-Control-Allow-Origin", origin)
				w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
				w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
			}
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func main() {
	own := strings.TrimPrefix(os.Args[1], "gohand_")
	ok := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]bool{"ok": true})
	}
	mux := http.NewServeMux()
	only := func(methods string, next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(methods, r.Method) {
				http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
				return
			}
			next(w, r)
		}
	}
	mux.HandleFunc("/items", only("GET POST PUT DELETE", ok))
	mux.HandleFunc("/other", only("GET POST PUT DELETE", ok))
	mux.HandleFunc("/me", only("GET PUT", ok))
	mux.HandleFunc("/docs/", ok)
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { time.Sleep(2 * time.Second); ok(w, r) })
	mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1024)); err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		ok(w, r)
	})
	var handler http.Handler
	switch own {
	case "list":
		handler = cors(mux, b)
	case "star":
		handler = cors(mux, "*")
	case "none":
		handler = mux
	case "handler": // only the handler itself adds the field: the check of the method before it answers OPTIONS
		mux.HandleFunc("/save", only("GET POST PUT", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Access-Control-Allow-Origin", a); ok(w, r) }))
		handler = mux
	case "token":
		inner := cors(mux, a, b)
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/items" && r.Header.Get("Authorization") == "" {
				http.Error(w, "missing token", http.StatusUnauthorized)
				return
			}
			inner.ServeHTTP(w, r)
		})
	case "forbids":
		inner := cors(mux, a, b)
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/items" && r.Header.Get("X-Api-Key") == "" {
				http.Error(w, "Forbidden", http.StatusForbidden)
				return
			}
			inner.ServeHTTP(w, r)
		})
	case "refuses":
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Origin") != b {
				http.Error(w, "origin not allowed", http.StatusForbidden)
				return
			}
			cors(mux, b).ServeHTTP(w, r)
		})
	case "timeout":
		handler = http.TimeoutHandler(cors(mux, a, b), 500*time.Millisecond, "timeout")
	case "inner": // the mux, outside, redirects and refuses by itself
		outer := http.NewServeMux()
		for _, path := range []string{"/items", "/me", "/docs/"} {
			outer.Handle(path, cors(mux, a, b))
		}
		handler = outer
	case "late": // fields after the body has begun are lost
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodOptions {
				cors(mux, a, b).ServeHTTP(w, r)
				return
			}
			mux.ServeHTTP(w, r)
			w.Header().Set("Access-Control-Allow-Origin", a)
		})
	case "quota":
		inner, left := cors(mux, a, b), 3
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if left--; left < 0 {
				http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
				return
			}
			inner.ServeHTTP(w, r)
		})
	}
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Args[2], handler))
}
